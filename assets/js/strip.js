/* The step strip at the bottom: the loss as a scrubber, one health cell per step, and "Live".
 *
 * Dragging sets gs.state.step; every view follows. Live (step null) follows the newest step.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  class Strip {
    constructor(root) {
      this.root = root;
      this.data = this.picture = this.hover = null;
      this.soon = gs.nextFrame(() => this.paint());
      this.canvas = gs.el("canvas", {});
      this.slider = gs.el("div", {
        class: "gs-strip-track", role: "slider", tabindex: "0", "aria-label": "Step", "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0",
      }, this.canvas);
      this.live = gs.el("button", { type: "button", class: "gs-strip-live", onclick: () => gs.set({ step: null }) },
        gs.el("span", { class: "gs-dot" }), gs.el("span", { class: "gs-strip-word" }, "Live"));
      root.replaceChildren(this.slider, this.live);
      this.ask = new gs.Latest((data) => this.got(data), (e) => this.problem(e));
      this.along = new gs.Along(this.ask, () => this.url(), ["state", "steps", "graphs", "findings", "doctor"]);
      this.run = gs.state.run;
      new ResizeObserver(() => this.paint()).observe(this.slider);
      gs.onTheme(() => this.paint());
      gs.on(() => this.changed());
      gs.live(() => {
        const at = this.standing(), key = at ? `${at.step} ${at.i} ${at.grad}` : "";
        if (key !== this.stood) this.paint();
        this.stood = key;
      });
      this.listen();
      this.keys();
      this.fetch();
    }

    url() {
      return gs.state.run && this.root.isConnected ? gs.url("/api/strip", { run: gs.state.run }) : null;
    }

    fetch() {
      if (!this.url()) return;
      this.along.asking();
      this.ask.ask(this.url());
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
      this.slider.title = "";
      this.slider.dataset.steps = String(data.steps);
      this.soon();
    }

    problem(error) {
      this.data = null;
      this.slider.title = error.message;
      this.paint();
    }

    /* The step in which a paused program stands: it is no row of the table yet, and has its place behind the last. */
    standing() {
      const control = gs.control && gs.control(), at = control && control.state === "paused" ? control.at : null;
      return at && this.data && this.data.steps && this.data.kind === "train" && at.step > this.data.last ? at : null;
    }

    following() {
      return gs.state.step === null || gs.state.step === undefined;
    }

    now() {
      if (!this.data || !this.data.steps) return null;
      const standing = this.standing();
      if (standing && this.following()) return standing.step;
      return this.following() ? this.data.last : Math.min(Math.max(Number(gs.state.step), this.data.first), this.data.last);
    }

    go(step) {
      if (!this.data || !this.data.steps) return;
      const { first, last } = this.data, standing = this.standing();
      if (standing && Math.round(step) >= standing.step) return void gs.set({ step: null });
      step = Math.min(Math.max(Math.round(step), first), last);
      if (step !== gs.state.step) gs.set({ step });
    }

    /* Where the pointer is: {x, y, step, cell, event}; a cell with a finding means its worst step. */
    at(e) {
      const box = this.slider.getBoundingClientRect();
      const x = e.clientX - box.left, y = e.clientY - box.top;
      const low = y > gs.stripCells(box.height), cell = low ? this.picture.cellAt(x) : null;
      const event = y < 14 * (gs.type || 1) ? this.picture.eventAt(x) : null;
      const step = event ? event.step : cell && cell[4] !== undefined ? cell[4] : this.picture.stepAt(x);
      return { step, cell, event };
    }

    listen() {
      let held = false;
      const ready = () => this.data && this.data.steps && this.picture;
      this.slider.addEventListener("pointerdown", (e) => {
        if (!ready() || e.button) return;
        held = true;
        this.slider.focus({ preventScroll: true });
        this.slider.setPointerCapture(e.pointerId);
        this.go(this.at(e).step);
      });
      this.slider.addEventListener("pointermove", (e) => {
        if (!ready()) return;
        const at = this.at(e);
        if (held) this.go(this.picture.stepAt(e.clientX - this.slider.getBoundingClientRect().left));
        const { first, last } = this.data;
        const hover = Math.min(Math.max(Math.round(at.step), first), last);
        const words = at.event ? `step ${at.event.step}: ${at.event.text}` : at.cell && at.cell[3] ? `${at.cell[0] === at.cell[1] ? "step" : "worst of steps " + at.cell[0] + " to " + at.cell[1] + ": step"} ${at.cell[4]}: ${at.cell[3]}`
          : this.data.thinned && (this.data.thinned.before === null || at.step < this.data.thinned.before) ? this.data.thinned.text : "";
        if (this.slider.title !== words) this.slider.title = words;
        if (hover === this.hover) return;
        this.hover = hover;
        this.paint();
      });
      for (const end of ["pointerup", "pointercancel"]) this.slider.addEventListener(end, () => (held = false));
      this.slider.addEventListener("pointerleave", () => {
        this.hover = null;
        this.paint();
      });
      // The slider's own keys; the same arrows work from everywhere that does not use them itself.
      this.slider.addEventListener("keydown", (e) => {
        if (!ready() || e.ctrlKey || e.metaKey || e.altKey) return;
        const now = this.now(), far = e.shiftKey ? 10 : 1;
        const to = { ArrowRight: now + far, ArrowUp: now + far, ArrowLeft: now - far, ArrowDown: now - far, PageUp: now + 10, PageDown: now - 10, Home: this.data.first, End: this.data.last }[e.key];
        if (to === undefined) return;
        this.go(to);
        e.preventDefault();
      });
    }

    keys() {
      const by = (d) => () => (this.data && this.data.steps ? this.go(this.now() + d) : false);
      gs.key("ArrowRight", "One step on", by(1));
      gs.key("ArrowLeft", "One step back", by(-1));
      gs.key("Shift+ArrowRight", "Ten steps on", by(10));
      gs.key("Shift+ArrowLeft", "Ten steps back", by(-10));
      gs.key("l", "Follow the newest step", () => gs.set({ step: null }));
      this.live.title = gs.tip("Follow the newest step");
    }

    paint() {
      if (!this.root.isConnected) return;
      const { width, height } = gs.sharpen(this.canvas);
      const ctx = this.canvas.getContext("2d");
      ctx.clearRect(0, 0, width, height);
      this.root.classList.toggle("gs-following", this.following());
      this.live.setAttribute("aria-pressed", String(this.following()));
      this.live.style.visibility = gs.card ? "" : "hidden"; // until then nobody knows whether it lives
      gs.write(this.live.querySelector(".gs-strip-word"), gs.card && gs.card.state !== "live" ? "Last step" : "Live");
      const data = this.data;
      this.picture = null;
      if (!data || !data.steps || width < 50) return;
      this.picture = new gs.StripPicture(data, width, height, this.standing());
      const control = gs.card && gs.card.control;
      this.picture.paint(ctx, this.now(), this.hover, Boolean(control && control.state === "paused") && this.following());
      this.say();
    }

    say() {
      const s = this.slider, step = this.now(), standing = this.standing();
      const set = (name, value) => s.getAttribute(name) !== String(value) && s.setAttribute(name, value);
      set("aria-valuemin", this.data.first);
      set("aria-valuemax", standing ? standing.step : this.data.last);
      set("aria-valuenow", step);
      set("aria-valuetext", standing && step === standing.step ? `step ${step}, ${gs.waitingText(gs.control())}` : `step ${step} of ${this.data.last}, loss ${this.picture.words(step).split("·")[1].trim()}`);
    }
  }

  gs.mount("[data-gs=strip]", (root) => new Strip(root));
})();
