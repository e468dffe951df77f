/* The Curves page: its controls, and the figures that arrive for its charts.
 *
 * One question at a time, at most two a second, and only while the page is shown. The cards are
 * Dash's; a new figure goes to a chart with set_props, which redraws it in place.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const PACE = 500;
  const AXES = [["step", "Step"], ["relative", "Relative"], ["wall", "Wall time"]];

  class Curves {
    constructor(root) {
      this.root = root;
      this.note = root.querySelector(".gs-curves-note");
      this.have = "";
      this.find = "";
      this.asked = -1e9;
      this.answers = new gs.Latest((a) => this.got(a), (e) => this.tell(e.message, true));
      this.build(root.querySelector(".gs-curves-bar"));
      gs.on((state, changed) => this.changed(changed));
      gs.live(() => this.soon());
      gs.onTheme(() => this.soon());
      document.addEventListener("gs:runs", () => this.listRuns(), true);
      this.ask();
    }

    build(bar) {
      const find = gs.el("input", { type: "search", placeholder: "Filter curves", "aria-label": "Filter curves", class: "gs-field" });
      find.addEventListener("input", () => {
        this.find = find.value;
        this.soon();
      });
      this.slider = gs.el("input", { type: "range", min: "0", max: "0.99", step: "0.01", "aria-label": "Smoothing" });
      this.slider.addEventListener("input", () => gs.set({ smooth: Number(this.slider.value) ? this.slider.value : null }));
      this.weight = gs.el("output", { class: "gs-weight" });
      this.axes = segments("x axis", AXES, (x) => gs.set({ x: x === "step" ? null : x }));
      this.scales = segments("y axis", [["", "Linear"], ["1", "Log"]], (log) => gs.set({ log: log || null }));
      this.others = gs.el("div", { class: "gs-menu" });
      this.names = gs.el("span", { class: "gs-run-names" });
      this.compare = gs.el("details", { class: "gs-compare" }, gs.el("summary", { class: "gs-tool" }, "Overlay runs"), this.others);
      document.addEventListener("pointerdown", (e) => this.compare.contains(e.target) || (this.compare.open = false));
      this.compare.addEventListener("keydown", (e) => {
        if (e.key !== "Escape") return;
        this.compare.open = false;
        this.compare.firstElementChild.focus();
      });
      bar.replaceChildren(find,
        gs.el("label", { class: "gs-smooth" }, "Smoothing", this.slider, this.weight),
        this.axes.box, this.scales.box, gs.el("span", { class: "gs-spring" }), this.names, this.compare);
      this.paint();
      this.listRuns();
    }

    paint() {
      const { smooth, x, log } = gs.state;
      this.slider.value = smooth || 0;
      this.weight.textContent = smooth ? Number(smooth).toFixed(2) : "off";
      this.axes.choose(x || "step");
      this.scales.choose(log || "");
    }

    listRuns() {
      const chosen = others();
      const rest = (gs.runList || []).filter((r) => r.run !== gs.state.run && r.state !== "damaged");
      this.compare.hidden = !rest.length;
      this.others.replaceChildren(...rest.map((r) => {
        const box = gs.el("input", { type: "checkbox", checked: chosen.includes(r.run) });
        box.addEventListener("change", () => {
          const now = others().filter((name) => name !== r.run);
          if (box.checked) now.push(r.run);
          gs.set({ with: now.map(encodeURIComponent).join(",") || null });
        });
        return gs.el("label", {}, box, gs.el("span", {}, r.run));
      }));
    }

    shown() {
      return this.root.offsetParent !== null;
    }

    changed(changed) {
      const has = (...keys) => keys.some((key) => changed.includes(key));
      if (has("run")) {
        this.answers.drop();
        this.listRuns();
      }
      if (has("smooth", "x", "log")) this.paint();
      if (has("step")) this.playheads();
      if (has("run", "page", "with", "smooth", "x", "log")) {
        this.asked = -1e9; // the reader waits for this one
        this.soon();
      }
    }

    soon() {
      clearTimeout(this.later);
      this.later = setTimeout(() => this.ask(), Math.max(0, PACE - (performance.now() - this.asked)));
    }

    ask() {
      if (!gs.state.run || !this.shown()) return;
      this.asked = performance.now();
      const { run, smooth, x, log } = gs.state;
      const url = gs.url("/api/curves", { run, smooth, x, log, find: this.find, theme: gs.themeName(), have: this.have });
      this.answers.ask(url + others().map((name) => "&with=" + encodeURIComponent(name)).join(""));
    }

    got(answer) {
      const dash = window.dash_clientside;
      if (!dash || !dash.set_props) return void this.soon();
      if (answer.children) {
        this.have = answer.have;
        dash.set_props("curves", { children: answer.children });
      } else {
        for (const card of answer.cards) {
          this.keepZoom(card);
          dash.set_props({ type: "curve", key: card.key }, { figure: card.figure });
        }
      }
      this.names.replaceChildren(...(answer.runs.length > 1 ? answer.runs : []).map(([name, colour]) => {
        const item = gs.el("span", { class: "gs-legend-item" }, gs.el("span", { class: "gs-swatch" }), gs.el("span", {}, name));
        item.firstChild.style.background = colour;
        return item;
      }));
      const words = answer.problems.slice();
      if (!answer.cards.length) words.push(this.find ? "No curve has such a name." : "No curves yet. A loss that the training returns appears here, and whatever p.scalar(\"name\", value) logs.");
      if (answer.hidden) words.push(`${answer.hidden} more curves match; filter by name to see them.`);
      this.tell(words.join(" "));
      // Dash draws the cards a moment later.
      this.wait(answer, 40);
    }

    /* What the reader zoomed into stays while points arrive (dcc.Graph forgets plotly's own memory of it). */
    keepZoom(card) {
      const plot = this.root.querySelector(`[data-curve="${card.key}"] .js-plotly-plot`);
      const { layout } = card.figure;
      if (!plot || !plot.gsZoomed || plot.layout.uirevision !== layout.uirevision) return;
      for (const name of ["xaxis", "yaxis"]) {
        const full = plot._fullLayout[name];
        if (!full.autorange) layout[name].range = full.range.slice();
      }
    }

    wait(answer, tries) {
      const boxes = new Map([...this.root.querySelectorAll("[data-curve]")].map((box) => [box.dataset.curve, box]));
      if (answer.cards.some((card) => !boxes.has(card.key)) && tries) {
        return void setTimeout(() => this.wait(answer, tries - 1), 50);
      }
      for (const card of answer.cards) {
        const box = boxes.get(card.key);
        if (box) this.dress(box, card, answer.runs.length > 1);
      }
      this.root.dataset.ready = String(answer.cards.length);
    }

    dress(box, card, many) {
      const numbers = box.querySelector("header > div");
      numbers.replaceChildren(...card.last.map(([colour, text]) => {
        const b = gs.el("b", {}, many ? gs.el("span", { class: "gs-swatch" }) : null, text);
        if (many) b.firstChild.style.background = colour;
        return b;
      }));
      const plot = box.querySelector(".js-plotly-plot");
      if (!plot || !plot.on) return void setTimeout(() => box.isConnected && this.dress(box, card, many), 100);
      if (!plot.gsHeard) {
        plot.gsHeard = true;
        plot.on("plotly_click", (e) => {
          const point = e.points && e.points[0];
          if (point && point.customdata !== undefined) gs.set({ step: Number(point.customdata) });
        });
        plot.on("plotly_relayout", (e) => {
          const keys = Object.keys(e);
          if (keys.some((key) => key.includes(".range"))) plot.gsZoomed = true;
          if (keys.some((key) => key.endsWith(".autorange"))) plot.gsZoomed = false;
        });
        plot.on("plotly_afterplot", () => this.playhead(box, plot));
      }
      this.playhead(box, plot);
    }

    playheads() {
      for (const box of this.root.querySelectorAll("[data-curve]")) {
        const plot = box.querySelector(".js-plotly-plot");
        if (plot) this.playhead(box, plot);
      }
    }

    /* A line at the step that is looked at, above the chart: it moves without a redraw. */
    playhead(box, plot) {
      let line = box.querySelector(".gs-playhead");
      const { step } = gs.state, data = plot.data && plot.data[0], full = plot._fullLayout;
      const past = step !== null && step !== undefined && data && data.customdata && data.customdata.length && full && full.xaxis;
      if (!past) return void (line && line.remove());
      if (!line) {
        line = gs.el("div", { class: "gs-playhead" });
        plot.append(line);
      }
      let a = 0, b = data.customdata.length - 1;
      while (a < b) {
        const m = (a + b + 1) >> 1;
        if (data.customdata[m] <= step) a = m;
        else b = m - 1;
      }
      // Among steps the line stands at the step itself, also between two points of a sparse curve.
      const axis = full.xaxis, x = axis.d2p(gs.state.x && gs.state.x !== "step" ? data.x[a] : step);
      line.hidden = !(x >= 0 && x <= axis._length);
      line.style.left = `${axis._offset + x}px`;
      line.style.top = `${full._size.t}px`;
      line.style.height = `${full._size.h}px`;
    }

    tell(text, bad) {
      if (this.note.textContent !== text) this.note.textContent = text;
      this.note.classList.toggle("gs-bad", Boolean(bad));
    }
  }

  const others = () => (gs.state.with || "").split(",").filter(Boolean).map(decodeURIComponent).filter((name) => name !== gs.state.run);

  function segments(label, choices, act) {
    const buttons = choices.map(([value, word]) =>
      gs.el("button", { type: "button", role: "radio", "data-value": value, onclick: () => act(value) }, word));
    const box = gs.el("div", { class: "gs-segments", role: "radiogroup", "aria-label": label }, buttons);
    box.addEventListener("keydown", (e) => {
      const d = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
      if (!d) return;
      e.preventDefault();
      const next = buttons[(buttons.indexOf(document.activeElement) + d + buttons.length) % buttons.length];
      next.focus();
      next.click();
    });
    const choose = (value) => {
      for (const b of buttons) {
        const on = b.dataset.value === value;
        b.setAttribute("aria-checked", String(on));
        b.tabIndex = on ? 0 : -1;
      }
    };
    return { box, choose };
  }

  gs.mount("[data-gs=curves]", (root) => new Curves(root));
})();
