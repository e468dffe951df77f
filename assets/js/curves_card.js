/* One card of the Curves page: title, last values, its chart, and what can be done with it.
 *
 * The chart is plotly's; a new figure redraws it in place. Zoom stays while points arrive, and a zoomed
 * card asks for the points of its window.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const CLICK = 4; // px that a click may move

  gs.CurveCard = class {
    constructor(page, told) {
      Object.assign(this, { page, key: told.key, tag: told.tag, gen: -1, window: null, resets: 0, figure: null });
      this.numbers = el("div", { class: "gs-curve-last" });
      this.pin = tool("Pin", "Keep this card on top, in this browser", () => page.pin(this.key));
      this.wide = tool("Wide", "The full width", () => page.widen(this.key));
      this.save = el("details", { class: "gs-curve-save" }, el("summary", { class: "gs-mini", title: "Save this curve" }, "Save"),
        el("div", { class: "gs-menu" },
          el("button", { type: "button", onclick: () => this.csv(), title: "Every point that was logged" }, "CSV"),
          el("button", { type: "button", onclick: () => this.picture("svg"), title: "For a paper: lines stay lines" }, "SVG"),
          el("button", { type: "button", onclick: () => this.picture("png"), title: "For a slide" }, "PNG")));
      this.save.addEventListener("keydown", (e) => {
        if (e.key !== "Escape" || !this.save.open) return;
        e.stopPropagation();
        this.save.open = false;
        this.save.firstElementChild.focus();
      });
      const tools = el("div", { class: "gs-curve-tools" }, told.loss ? null : this.pin, this.wide, this.save);
      this.plot = el("div", { class: "gs-chart", role: "img" });
      this.box = el("article", { class: told.loss ? "gs-curve gs-curve-loss" : "gs-curve", "data-curve": this.key, "aria-label": this.tag.slice(0, 120) },
        el("header", {}, el("h3", { title: this.tag }, this.tag.length <= 200 ? this.tag : this.tag.slice(0, 197) + "..."), this.numbers, tools), this.plot);
      this.size = new ResizeObserver(() => this.resize());
      this.size.observe(this.plot);
      this.listen();
    }

    listen() {
      let from = null;
      this.plot.addEventListener("pointerdown", (e) => {
        from = e.button === 0 && this.inside(e) ? [e.clientX, e.clientY] : null;
      }, true);
      window.addEventListener("pointerup", this.up = (e) => {
        const began = from;
        from = null;
        if (began && Math.hypot(e.clientX - began[0], e.clientY - began[1]) < CLICK) this.click(e);
      }, true);
      this.plot.addEventListener("pointermove", (e) => this.page.hover.move(this, e));
      this.plot.addEventListener("pointerleave", () => this.page.hover.leave());
    }

    inside(e) {
      const at = this.page.hover.place(this, e);
      return at !== null;
    }

    /* A click goes to the step of the nearest point; the second of a double click takes it back. */
    click(e) {
      const found = this.page.hover.nearest(this, e);
      if (!found) return;
      const now = performance.now();
      if (now - (this.clicked || -1e9) > 400) this.before = gs.state.step;
      this.clicked = now;
      gs.set({ step: found.step });
    }

    told(card, many) {
      this.pin.setAttribute("aria-pressed", String(this.page.my.pins.includes(this.key)));
      const wide = this.page.my.wide.includes(this.key);
      this.wide.setAttribute("aria-pressed", String(wide));
      this.box.classList.toggle("gs-curve-wide", wide);
      gs.fill(this.numbers, [card.last, many], () => card.last.slice(0, many ? 4 : 1).map(([colour, text]) => {
        const b = el("b", {}, many ? el("span", { class: "gs-swatch" }) : null, text);
        if (many) b.firstChild.style.background = colour;
        return b;
      }));
    }

    draw(figure, config, gen) {
      this.gen = gen;
      this.figure = figure;
      figure.layout.uirevision += ` ${this.resets}`;
      this.sketch();
      if (this.drawing) return; // the newest waits for the one that is being drawn
      this.drawing = (window.Plotly ? gs.plotly() : gs.afterPaint().then(gs.plotly)).then((Plotly) => this.put(Plotly, config)).catch((error) => this.page.tell(error.message, true))
        .finally(() => {
          this.drawing = null;
          if (this.figure !== this.put_) this.draw(this.figure, config, this.gen);
        });
    }

    /* The library is still on its way: its lines, without it. */
    sketch() {
      if (window.Plotly) return;
      const made = gs.sketch(this.figure, this.plot.clientWidth, this.plot.clientHeight);
      if (this.rough) this.rough.remove();
      this.rough = made;
      if (made) this.plot.append(made);
    }

    async put(Plotly, config) {
      const { data, layout } = (this.put_ = this.figure);
      if (!this.plot.isConnected) return;
      const fresh = !this.plot.on, begun = performance.now();
      await Plotly.react(this.plot, data, layout, config);
      if (this.rough) this.rough.remove();
      this.rough = null;
      if (!fresh) this.page.drew += performance.now() - begun;
      this.plot.setAttribute("aria-label", `${this.tag.slice(0, 120)} over the training`);
      if (fresh) {
        this.plot.on("plotly_relayout", (e) => this.zoomed(e));
        this.plot.on("plotly_afterplot", () => this.playhead());
        this.plot.on("plotly_doubleclick", () => this.before !== undefined && gs.set({ step: this.before }));
      }
      this.playhead();
      this.page.hover.again(this);
      this.page.drawn(this);
    }

    /* A zoomed card asks for all points of its window; a double click brings the whole curve back. */
    zoomed(e) {
      const keys = Object.keys(e);
      const axis = this.plot._fullLayout.xaxis;
      if (keys.some((k) => k.startsWith("xaxis.range"))) {
        this.window = axis.range.map((v) => axis.r2l(v));
        this.page.stale(this);
      } else if (keys.some((k) => k.endsWith(".autorange"))) {
        if (this.window === null && !this.page.my.calm) return;
        this.window = null;
        this.resets += 1; // also the range of the calm part comes back
        this.page.stale(this);
      }
      this.box.classList.toggle("gs-zoomed", this.window !== null);
    }

    resize() {
      if (!window.Plotly || !this.plot.on || !this.plot.offsetWidth) return;
      const full = this.plot._fullLayout;
      if (full && Math.abs(full.width - this.plot.clientWidth) < 1 && Math.abs(full.height - this.plot.clientHeight) < 1) return;
      cancelAnimationFrame(this.later);
      this.later = requestAnimationFrame(() => this.plot.isConnected && window.Plotly.Plots.resize(this.plot).then(() => this.page.hover.again(this)));
    }

    /* A line at the step that is looked at, above the chart: it moves without a redraw. */
    playhead() {
      const { step } = gs.state, { plot } = this;
      const first = (plot.data || []).find((t) => t.customdata && t.customdata.length && t.meta);
      const full = plot._fullLayout;
      if (step === null || step === undefined || !first || !full || !full.xaxis) return void (this.line && (this.line.hidden = true));
      if (!this.line || !this.line.isConnected) plot.append((this.line = el("div", { class: "gs-playhead" })));
      let a = 0, b = first.customdata.length - 1;
      while (a < b) {
        const m = (a + b + 1) >> 1;
        if (first.customdata[m] <= step) a = m;
        else b = m - 1;
      }
      // Among steps the line stands at the step itself, also between two points of a sparse curve.
      this.mark(this.line, gs.state.x && gs.state.x !== "step" ? first.x[a] : step);
    }

    /* Puts a line at x of the data; hidden where the window does not hold it. */
    mark(line, x) {
      const full = this.plot._fullLayout, axis = full && full.xaxis;
      const px = axis ? axis.l2p(x) : NaN;
      line.hidden = !(px >= 0 && px <= axis._length);
      if (line.hidden) return;
      line.style.left = `${Math.round(axis._offset + px)}px`; // as thick on every card
      line.style.top = `${full._size.t}px`;
      line.style.height = `${full._size.h}px`;
    }

    csv() {
      this.save.open = false;
      download(this.page.address("/api/curves.csv", { key: this.key }), `${this.name()}.csv`);
    }

    /* As a figure: with the tag as title and the runs' names, in the colours of the page. */
    async picture(format) {
      this.save.open = false;
      try {
        const Plotly = await gs.plotly();
        const layout = { ...this.plot.layout, showlegend: this.plot.data.filter((t) => t.meta).length > 1, width: 800, height: 480, autosize: false };
        layout.title = { text: plain(this.tag.slice(0, 120)), font: { size: 15 }, x: 0.02, xanchor: "left" };
        layout.margin = { ...layout.margin, t: 48 };
        const made = { data: this.plot.data.map((t) => (t.meta || t.name ? t : { ...t, showlegend: false })), layout };
        download(await Plotly.toImage(made, { format, width: 800, height: 480, scale: format === "png" ? 2 : 1 }), `${this.name()}.${format}`);
      } catch (error) {
        this.page.tell(`The picture could not be made: ${error.message}`, true);
      }
    }

    name() {
      return this.tag.replace(/[^A-Za-z0-9_.-]+/g, "_").slice(0, 60) || "curve";
    }

    rest() {
      window.Plotly.purge(this.plot);
      this.plot.replaceChildren();
      this.gen = -1;
    }

    drop() {
      this.size.disconnect();
      window.removeEventListener("pointerup", this.up, true);
      if (window.Plotly && this.plot.on) window.Plotly.purge(this.plot);
      this.box.remove();
    }
  };

  // Plotly reads a little HTML in its texts.
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  function tool(word, title, act) {
    return el("button", { type: "button", class: "gs-mini", title, onclick: act }, word);
  }

  function download(href, name) {
    const link = el("a", { href, download: name, hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
  }
  gs.download = gs.download || download;
})();
