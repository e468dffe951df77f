/* The Distributions tab: small multiples per layer over the steps with values, and how gradients flow through the depth. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const WHAT = [["parameters", "Parameters"], ["gradients", "Gradients"], ["activations", "Activations", "What each module gave back"], ["updates", "Updates", "What an update added to a parameter, of the elements that were sampled"], ["logged", "Logged", "Histograms that the program logged"]];
  const VIEWS = [["bands", "Bands", "Median in bands of half and of nine tenths of the numbers, between smallest and largest"], ["ridges", "Histograms", "One histogram a step, the newest in front"], ["heat", "Heat map", "How many of the numbers lie where, step by step"]];
  const FLOW = 8;

  class Distributions {
    constructor(root) {
      this.root = root;
      this.view = "bands";
      this.what = "parameters";
      this.find = "";
      this.whats = gs.segments("Of what", WHAT, (what) => this.choose({ what }));
      this.views = gs.segments("Drawn as", VIEWS, (view) => this.choose({ view }));
      this.field = el("input", { type: "search", class: "gs-field", placeholder: "Filter layers", "aria-label": "Filter layers" });
      this.field.addEventListener("input", () => {
        this.find = this.field.value;
        this.ask(true);
      });
      this.note = el("p", { class: "gs-curves-note", role: "status" });
      this.flow = el("section", { class: "gs-card gs-dist-flow", "aria-label": "Gradient flow" });
      this.grid = el("div", { class: "gs-dist-grid" }, [1, 2, 3, 4].map(() => el("div", { class: "gs-dist-card gs-skeleton" })));
      this.tip = el("div", { class: "gs-curve-tip", role: "tooltip", hidden: true });
      root.replaceChildren(
        el("div", { class: "gs-dist-bar" }, this.whats.box, this.views.box, this.field),
        el("div", { class: "gs-dist-scroll", tabindex: "0", role: "region", "aria-label": "Distributions" }, this.note, this.flow, this.grid), this.tip);
      this.flow.hidden = true;
      this.answers = new gs.Latest((a) => this.got(a), (e) => this.tell(e.message, true));
      this.cards = new Map();
      new ResizeObserver(() => this.paint()).observe(this.grid);
      gs.onTheme(() => this.paint());
      gs.live((card) => {
        const seen = [card.run, card.tensors, card.media, card.state].join("|");
        if (seen === this.counted) return;
        this.counted = seen;
        this.ask();
      });
      gs.on((state, changed) => {
        if (changed.includes("run")) {
          this.answers.drop();
          this.answer = null;
        }
        if (["run", "tab", "page"].some((name) => changed.includes(name))) this.ask(true);
        if (changed.includes("step") || changed.includes("node")) this.paint();
      });
      document.addEventListener("gs:logged", (e) => {
        this.logged = e.detail.histograms;
        this.buttons();
      });
      this.logged = gs.logged ? gs.logged.histograms : 0;
      this.choose({});
    }

    choose(wish) {
      Object.assign(this, wish);
      this.whats.choose(this.what);
      this.views.choose(this.view);
      this.buttons();
      this.ask(true);
    }

    buttons() {
      const button = this.whats.buttons.find((b) => b.dataset.value === "logged");
      button.hidden = !this.logged && this.what !== "logged";
    }

    shown() {
      return gs.state.page === "scalars" && gs.state.tab === "distributions" && Boolean(gs.state.run);
    }

    ask(atOnce) {
      clearTimeout(this.later);
      if (!this.shown()) return;
      this.later = setTimeout(() => {
        if (!this.shown()) return;
        this.asked = performance.now();
        this.answers.ask(gs.url("/api/distributions", { run: gs.state.run, what: this.what, find: this.find, hist: this.view === "bands" ? null : 1 }));
      }, atOnce ? 0 : Math.max(0, 1000 - (performance.now() - (this.asked || -1e9))));
    }

    got(answer) {
      this.answer = answer;
      const { layers } = answer;
      const words = [];
      if (!answer.steps) words.push(this.what === "logged" ? "No histograms were logged." : "No values were recorded: start the run with values=\"stats\" or \"full\" to see how they are spread.");
      else if (!layers.length) words.push(this.find ? "No layer has such a name." : `No ${this.what} were recorded in this run.`);
      else words.push(`${gs.units.count(answer.steps)} step${answer.steps === 1 ? "" : "s"} with values${answer.read < answer.steps ? `, ${answer.read} of them drawn` : ""}.`);
      if (answer.hidden) words.push(`${gs.units.count(answer.hidden)} more layers; filter by name to see them.`);
      this.tell(words.join(" "));
      this.lay(layers);
      this.paint();
      this.root.dataset.ready = `${this.what} ${this.view} ${layers.length}`;
    }

    lay(layers) {
      const names = new Set(layers.map((l) => l.name));
      this.grid.querySelectorAll(":scope > .gs-skeleton").forEach((box) => box.remove());
      for (const [name, card] of this.cards) {
        if (names.has(name)) continue;
        card.box.remove();
        this.cards.delete(name);
      }
      layers.forEach((layer, i) => {
        let card = this.cards.get(layer.name);
        if (!card) this.cards.set(layer.name, (card = this.card(layer.name)));
        card.layer = layer;
        card.title.disabled = !layer.id;
        gs.write(card.said, layer.rms.length ? `rms ${gs.units.number(layer.rms[layer.rms.length - 1])}` : "");
        if (this.grid.children[i] !== card.box) this.grid.insertBefore(card.box, this.grid.children[i] || null);
      });
    }

    card(name) {
      const canvas = el("canvas", { role: "img", "aria-label": `${name.slice(0, 120)} over the steps` });
      const card = { canvas, said: el("span", { class: "gs-quiet" }) };
      card.title = el("button", { type: "button", class: "gs-dist-name", title: `${name}: show it in the inspector`, onclick: () => card.layer.id && gs.set({ node: card.layer.id }) }, name);
      const save = gs.saveMenu(() => this.picture(card), (text) => this.tell(text, true));
      card.box = el("article", { class: "gs-dist-card" }, el("header", {}, card.title, card.said, save), canvas);
      canvas.addEventListener("pointermove", (e) => this.hover(card, e));
      canvas.addEventListener("pointerleave", () => this.leave());
      canvas.addEventListener("click", (e) => {
        const k = this.at(card, e);
        if (k !== null) gs.set({ step: card.layer.steps[k], ...(card.layer.id ? { node: card.layer.id } : {}) });
      });
      return card;
    }

    /* What the menu of a card saves: the layer as it is drawn now. */
    picture(card) {
      const l = card.layer, name = `${this.what} of ${l.name}`;
      return {
        name, title: l.name.startsWith(this.what) ? l.name : name,
        draw: (target) => gs.paintSpread(target, l, this.view, this.what, { cross: null, step: gs.state.step }),
        rows: () => [["step", "smallest", "5 %", "25 %", "median", "75 %", "95 %", "largest", "mean", "rms", "not finite"],
          ...l.steps.map((step, k) => [step, l.low[k], ...[0, 1, 2, 3, 4].map((q) => l.quantiles[q][k]), l.high[k], l.mean[k], l.rms[k], l.bad[k]])],
      };
    }

    /* The same of the gradient flow: one column of numbers a layer, one row a step. */
    flowPicture() {
      const { layers } = this.answer, steps = this.flowSteps;
      return {
        name: "gradient flow", title: "Gradient flow: rms of each layer's gradient, one line a step",
        draw: (target) => gs.paintFlow(target, layers, steps, null),
        rows: () => [["step", ...layers.map((l) => l.name)], ...steps.map((step) => [step, ...layers.map((l) => l.rms[l.steps.indexOf(step)])])],
      };
    }

    at(card, e) {
      return card.where ? card.where((e.clientX - card.canvas.getBoundingClientRect().left) / (gs.type || 1)) : null;
    }

    hover(card, e) {
      const k = this.at(card, e);
      if (k === null) return this.leave();
      const l = card.layer, n = (x) => (x === null ? "not finite" : gs.units.number(x));
      this.cross = l.steps[k];
      this.paintOver();
      const rows = [["largest", l.high[k]], ["95 %", l.quantiles[4][k]], ["75 %", l.quantiles[3][k]], ["median", l.quantiles[2][k]], ["25 %", l.quantiles[1][k]], ["5 %", l.quantiles[0][k]], ["smallest", l.low[k]], ["mean", l.mean[k]], ["rms", l.rms[k]]];
      if (l.ratio) rows.push(["rms of the update over rms of the parameter", l.ratio[k]]);
      gs.fill(this.tip, [l.name, l.steps[k], rows, l.bad[k]], () => [el("div", { class: "gs-curve-tip-head" }, `${l.name.slice(0, 60)}, step ${gs.units.count(l.steps[k])}`),
        el("table", {}, el("tbody", {}, rows.map(([word, x]) => el("tr", {}, el("td", {}, word), el("td", { class: "gs-curve-tip-number" }, n(x)))))),
        l.bad[k] ? el("div", { class: "gs-curve-tip-event" }, `${gs.units.count(l.bad[k])} not finite`) : null]);
      this.tip.hidden = false;
      gs.CurveHover.prototype.put.call({ page: { root: this.root }, tip: this.tip }, e);
    }

    leave() {
      this.tip.hidden = true;
      if (this.cross !== null) {
        this.cross = null;
        this.paintOver();
      }
    }

    paint() {
      cancelAnimationFrame(this.frame);
      this.frame = requestAnimationFrame(() => this.paintNow());
    }

    paintOver() {
      if (this.over) return;
      this.over = requestAnimationFrame(() => {
        this.over = null;
        this.paintNow();
      });
    }

    paintNow() {
      if (!this.answer || !this.shown() || !this.grid.offsetParent) return;
      const port = this.grid.parentElement.getBoundingClientRect();
      for (const card of this.cards.values()) {
        const box = card.canvas.getBoundingClientRect();
        card.old = box.bottom < port.top - 300 || box.top > port.bottom + 300;
        if (!card.old) card.where = gs.paintSpread(card.canvas, card.layer, this.view, this.what, { cross: this.cross === undefined ? null : this.cross, step: gs.state.step });
        card.box.classList.toggle("gs-chosen", Boolean(card.layer.id) && card.layer.id === gs.state.node);
      }
      if (!this.scrolls) {
        this.scrolls = true;
        this.grid.parentElement.addEventListener("scroll", () => this.paintOver(), { passive: true });
      }
      this.paintFlow();
    }

    /* Gradients through the depth, one line per step: a flow that dries up, or swells, is a slope. */
    paintFlow() {
      const layers = this.answer.layers;
      this.flow.hidden = this.what !== "gradients" || layers.length < 2;
      if (this.flow.hidden) return;
      if (!this.flow.firstChild) {
        this.flowCanvas = el("canvas", { role: "img", "aria-label": "Size of the gradients by layer, one line per step" });
        this.flow.append(el("header", {}, el("h2", {}, "Gradient flow"), el("span", { class: "gs-aside" }, "rms of each layer's gradient, from the input to the loss; one line a step, the newest thick"),
          gs.saveMenu(() => this.flowPicture(), (text) => this.tell(text, true))), this.flowCanvas);
        this.flowCanvas.addEventListener("click", (e) => {
          const layer = this.flowAt && this.flowAt(e);
          if (layer && layer.id) gs.set({ node: layer.id });
        });
        this.flowCanvas.addEventListener("pointermove", (e) => {
          const layer = this.flowAt && this.flowAt(e);
          this.flowCanvas.title = layer ? `${layer.name}: rms ${gs.units.number(layer.rms[layer.rms.length - 1])} at step ${gs.units.count(layer.steps[layer.steps.length - 1])}` : "";
        });
      }
      const steps = [...new Set(layers.flatMap((l) => l.steps))].sort((a, b) => a - b);
      const chosen = steps.length <= FLOW ? steps : Array.from({ length: FLOW }, (_, i) => steps[Math.round((i * (steps.length - 1)) / (FLOW - 1))]);
      this.flowSteps = chosen;
      const where = gs.paintFlow(this.flowCanvas, layers, chosen, gs.state.node);
      this.flowAt = (e) => where((e.clientX - this.flowCanvas.getBoundingClientRect().left) / (gs.type || 1));
    }

    tell(text, bad) {
      gs.write(this.note, text);
      this.note.classList.toggle("gs-bad", Boolean(bad));
    }
  }

  gs.mount("[data-gs=dist]", (root) => new Distributions(root));
})();
