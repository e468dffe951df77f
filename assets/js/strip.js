/* The step strip at the bottom: the loss as a scrubber, one health cell per step, and "Live".
 *
 * Dragging sets gs.state.step; every view follows. Live (step null) follows the newest step.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const TOP = 22, CELLS = 12; // px kept free above the curve for the label, below it for the cells

  class Strip {
    constructor(root) {
      this.root = root;
      this.data = null;
      this.canvas = gs.el("canvas", {});
      this.slider = gs.el("div", {
        class: "gs-strip-track", role: "slider", tabindex: "0", "aria-label": "Step", "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0",
      }, this.canvas);
      this.live = gs.el("button", { type: "button", class: "gs-strip-live", title: "Follow the newest step (l)", onclick: () => gs.set({ step: null }) },
        gs.el("span", { class: "gs-dot" }), gs.el("span", { class: "gs-strip-word" }, "Live"));
      root.replaceChildren(this.slider, this.live);
      this.ask = new gs.Latest((data) => this.got(data), (e) => this.problem(e));
      this.asked = -1e9;
      this.run = gs.state.run;
      new ResizeObserver(() => this.paint()).observe(this.slider);
      gs.onTheme(() => this.paint());
      gs.on((state, changed) => this.changed(changed));
      gs.live(() => this.news());
      this.listen();
      this.fetch();
    }

    fetch() {
      if (gs.state.run && this.root.isConnected) this.ask.ask(gs.url("/api/strip", { run: gs.state.run }));
    }

    news() {
      // The curve of a long run changes little in a tenth of a second: ask at most twice a second.
      const wait = 500 - (performance.now() - this.asked);
      clearTimeout(this.later);
      this.later = setTimeout(() => {
        this.asked = performance.now();
        this.fetch();
      }, Math.max(0, wait));
    }

    changed() {
      if (this.run !== gs.state.run) {
        this.run = gs.state.run;
        this.data = null;
        this.ask.drop();
        this.fetch();
      }
      this.paint();
    }

    got(data) {
      this.data = data;
      this.paint();
    }

    problem(error) {
      this.data = null;
      this.slider.title = error.message;
      this.paint();
    }

    following() {
      return gs.state.step === null || gs.state.step === undefined;
    }

    now() {
      if (!this.data || !this.data.steps) return null;
      return this.following() ? this.data.last : Math.min(Math.max(Number(gs.state.step), this.data.first), this.data.last);
    }

    go(step) {
      if (!this.data || !this.data.steps) return;
      const { first, last } = this.data;
      step = Math.min(Math.max(Math.round(step), first), last);
      if (step !== gs.state.step) gs.set({ step });
    }

    listen() {
      const at = (e) => {
        const box = this.slider.getBoundingClientRect();
        return this.stepAt(e.clientX - box.left);
      };
      let held = false;
      this.slider.addEventListener("pointerdown", (e) => {
        if (!this.data || !this.data.steps) return;
        held = true;
        this.slider.focus({ preventScroll: true });
        this.slider.setPointerCapture(e.pointerId);
        this.go(at(e));
      });
      this.slider.addEventListener("pointermove", (e) => held && this.data && this.data.steps && this.go(at(e)));
      for (const end of ["pointerup", "pointercancel"]) this.slider.addEventListener(end, () => (held = false));
      document.addEventListener("keydown", (e) => this.key(e));
    }

    key(e) {
      if (!this.root.isConnected || !this.data || !this.data.steps || e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey) return;
      const mine = e.target === this.slider;
      // Widgets that use arrows themselves keep them.
      if (!mine && e.target.closest && e.target.closest("input, textarea, select, [contenteditable], [role=tree], [role=tablist], [role=radiogroup], [role=grid], [role=listbox], [role=menu], [role=slider]")) return;
      const now = this.now(), far = e.shiftKey ? 10 : 1;
      if (e.key === "ArrowRight") this.go(now + far);
      else if (e.key === "ArrowLeft") this.go(now - far);
      else if (mine && e.key === "PageUp") this.go(now + 10);
      else if (mine && e.key === "PageDown") this.go(now - 10);
      else if (mine && e.key === "Home") this.go(this.data.first);
      else if (mine && e.key === "End") this.go(this.data.last);
      else if (e.key === "l") gs.set({ step: null });
      else return;
      e.preventDefault();
    }

    /* Every step owns an equal part of the width and stands in its middle, as its cell does. */
    x(step) {
      const { first, last } = this.data;
      return 12 + ((step - first + 0.5) / (last - first + 1)) * (this.width - 24);
    }

    stepAt(x) {
      const { first, last } = this.data;
      return first + ((x - 12) / (this.width - 24)) * (last - first + 1) - 0.5;
    }

    paint() {
      if (!this.root.isConnected) return;
      const { width, height } = gs.sharpen(this.canvas);
      this.width = width;
      const ctx = this.canvas.getContext("2d");
      ctx.clearRect(0, 0, width, height);
      this.root.classList.toggle("gs-following", this.following());
      this.live.setAttribute("aria-pressed", String(this.following()));
      this.live.querySelector(".gs-strip-word").textContent = gs.card && gs.card.state !== "live" ? "Last step" : "Live";
      const data = this.data;
      if (!data || !data.steps || width < 50) return;
      this.curve(ctx, height);
      this.cells(ctx, height);
      this.playhead(ctx, height);
    }

    curve(ctx, height) {
      const points = this.data.points;
      const finite = points.filter((p) => p[1] !== null).map((p) => p[1]);
      ctx.font = gs.font.sans(11);
      ctx.fillStyle = gs.color("ink3");
      ctx.textBaseline = "middle";
      if (!finite.length) {
        ctx.textAlign = "left";
        ctx.fillText("no loss yet: it is read where backward() starts", 12, height / 2 - 4);
        return;
      }
      const low = Math.min(...finite), high = Math.max(...finite);
      const floor = height - CELLS - 6;
      const Y = (v) => floor - (high > low ? ((v - low) / (high - low)) * (floor - TOP) : (floor - TOP) / 2);
      // Where the loss is not a number the band is hatched: the line must not run on over it.
      this.wild(ctx, points, floor);
      ctx.strokeStyle = gs.color("value");
      ctx.lineWidth = 1.5;
      ctx.lineJoin = "round";
      ctx.beginPath();
      let pen = false;
      for (const [step, loss] of points) {
        if (loss === null) pen = false;
        else {
          pen ? ctx.lineTo(this.x(step), Y(loss)) : ctx.moveTo(this.x(step), Y(loss));
          pen = true;
        }
      }
      ctx.stroke();
      const here = this.lossAt(this.now());
      if (typeof here === "number") {
        ctx.fillStyle = gs.color("value");
        ctx.beginPath();
        ctx.arc(this.x(this.now()), Y(here), 3, 0, 7);
        ctx.fill();
      }
    }

    wild(ctx, points, floor) {
      const half = (this.x(this.data.first + 1) - this.x(this.data.first)) / 2;
      let start = points.findIndex((p) => p[1] !== null), label = null;
      for (let i = start + 1; i < points.length; i++) {
        if (points[i][1] !== null) continue;
        start = i;
        while (i + 1 < points.length && points[i + 1][1] === null) i++;
        const from = this.x(points[start][0]) - half, to = this.x(points[i][0]) + half;
        ctx.globalAlpha = 0.45;
        gs.marks.hatch(ctx, from, TOP, Math.max(to - from, 2), floor - TOP, gs.color("nonfinite"));
        ctx.globalAlpha = 1;
        label = label || [`no finite loss from step ${points[start][0]}`, from + 6];
      }
      if (!label || label[1] + 160 > this.width) return;
      ctx.font = gs.font.sans(11, 600);
      ctx.textAlign = "left";
      const w = ctx.measureText(label[0]).width + 8;
      ctx.fillStyle = gs.color("surface");
      ctx.fillRect(label[1] - 4, (TOP + floor) / 2 - 8, w, 16);
      ctx.fillStyle = gs.color("nonfinite");
      ctx.fillText(label[0], label[1], (TOP + floor) / 2);
    }

    /* Severity is colour and height: 3, 6, 10 px. */
    cells(ctx, height) {
      const colours = [gs.color("line"), gs.color("state-paused"), gs.color("nonfinite"), gs.color("state-failed")];
      const cells = this.data.cells, each = (this.width - 24) / cells.length;
      cells.forEach(([, , severity], i) => {
        const tall = [3, 6, 10, 10][severity];
        ctx.fillStyle = colours[severity];
        ctx.fillRect(12 + i * each, height - 4 - tall, Math.max(each - (each > 4 ? 1.5 : each > 2 ? 0.5 : 0), 0.8), tall);
      });
    }

    playhead(ctx, height) {
      const step = this.now(), x = Math.round(this.x(step)) + 0.5;
      const loss = this.lossAt(step);
      // A long run is drawn by its extremes; between two of them the number is the neighbour's.
      const near = this.data.points.some((p) => p[0] === step) ? "" : "\u2248\u2009";
      const label = `${step} \u00b7 ${loss === undefined ? "\u2014" : loss === null ? "NaN" : near + gs.number(loss, 4)}`;
      ctx.fillStyle = gs.color("ink");
      ctx.fillRect(x - 0.75, 4, 1.5, height - 6);
      ctx.font = gs.font.mono(11);
      const w = ctx.measureText(label).width + 16;
      const left = x + 6 + w > this.width ? x - 6 - w : x + 6;
      ctx.beginPath();
      ctx.roundRect(left, 3, w, 17, 4);
      ctx.fill();
      ctx.fillStyle = gs.color("surface");
      ctx.textAlign = "left";
      ctx.textBaseline = "middle";
      ctx.fillText(label, left + 8, 12);
      const s = this.slider;
      s.setAttribute("aria-valuemin", this.data.first);
      s.setAttribute("aria-valuemax", this.data.last);
      s.setAttribute("aria-valuenow", step);
      s.setAttribute("aria-valuetext", `step ${step} of ${this.data.last}, loss ${label.split("\u00b7")[1].trim()}`);
    }

    /* Loss of the kept point at or nearest before a step; undefined when there is none at all. */
    lossAt(step) {
      const points = this.data.points;
      let a = 0, b = points.length - 1;
      if (b < 0 || !points.some((p) => p[1] !== null)) return undefined;
      while (a < b) {
        const m = (a + b + 1) >> 1;
        if (points[m][0] <= step) a = m;
        else b = m - 1;
      }
      return points[a][1];
    }
  }

  gs.mount("[data-gs=strip]", (root) => new Strip(root));
})();
