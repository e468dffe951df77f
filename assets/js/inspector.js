/* The inspector: everything that is known about the chosen node at the step that is looked at. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);

  class Inspector {
    constructor(root) {
      this.root = root;
      this.side = "v"; // value or gradient
      this.told = "";
      this.history = null;
      this.ask = new gs.Latest((answer) => this.got(answer), (e) => this.problem(e));
      this.past = new gs.Latest((answer) => this.gotHistory(answer), () => {});
      gs.on((state, changed) => this.changed(changed));
      gs.live(() => (gs.state.step === null || gs.state.step === undefined) && this.fetch());
      gs.onTheme(() => this.node && this.draw());
      this.empty();
      this.fetch();
    }

    changed() {
      if (!this.root.isConnected) return;
      this.fetch();
    }

    fetch() {
      const { run, step, node } = gs.state;
      if (!this.root.isConnected) return;
      if (!run || !node) {
        this.node = null;
        this.told = "";
        this.empty();
        return;
      }
      this.ask.ask(gs.url("/api/node", { run, step, node }), step !== null && step !== undefined);
    }

    /* On a narrow window the inspector is a drawer: it comes with a node and goes with it. */
    drawer(open) {
      this.shown = this.shown || open;
      const side = this.root.closest(".gs-side");
      if (side) side.classList.toggle("gs-open", open);
    }

    empty() {
      // Only what came with a card goes with it: a reader who opened the drawer by hand keeps it.
      if (this.shown) this.drawer(false);
      this.shown = false;
      this.root.replaceChildren(el("div", { class: "gs-insp-empty" },
        el("p", {}, "Choose a card to see its value, its gradient, its time and the line it came from."),
        el("p", { class: "gs-quiet" }, "Alt + arrows walk along the lines, / searches, e opens a scope.")));
    }

    problem(error) {
      this.node = null;
      this.told = "";
      this.drawer(true);
      this.root.replaceChildren(el("div", { class: "gs-insp-empty" }, el("p", {}, error.message)));
    }

    got(node) {
      if (node.id !== gs.state.node) return;
      const text = JSON.stringify(node);
      if (text === this.told) return;
      const other = !this.node || this.node.id !== node.id;
      this.told = text;
      this.node = node;
      if (other) this.history = null;
      this.draw(other);
      const now = performance.now();
      if (node.kind !== "scope" && (other || !this.asked || now - this.asked > 2000)) {
        this.asked = now;
        const { run, step } = gs.state;
        this.past.ask(gs.url("/api/node_history", { run, step, node: node.id }));
      }
    }

    gotHistory(history) {
      if (!this.node || history.id !== this.node.id) return;
      this.history = history;
      this.drawHistory();
    }

    draw(other) {
      const n = this.node;
      const focus = document.activeElement && this.root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      const scroll = this.root.scrollTop;
      this.root.replaceChildren(...[
        this.head(n), this.source(n), this.pair(n), this.facts(n),
        n.tensors ? this.tensor(n) : null,
        n.kind === "scope" ? null : this.historyBox(),
        this.formula(n), this.links(n),
      ].filter(Boolean));
      this.drawer(true);
      this.root.scrollTop = other ? 0 : scroll;
      this.root.dataset.node = n.id;
      this.root.dataset.step = n.step;
      if (focus) {
        const again = [...this.root.querySelectorAll("[data-key]")].find((e) => e.dataset.key === focus);
        if (again) again.focus({ preventScroll: true });
      }
      this.paint();
      this.drawHistory();
    }

    head(n) {
      const path = [n.scope ? n.scope.split(".").join(" / ") : "", n.family_name].filter(Boolean).join(" \u00b7 ");
      const family = el("span", { class: "gs-swatch" });
      family.style.background = gs.color("family-" + n.family);
      return el("header", { class: "gs-insp-head" },
        el("button", { type: "button", class: "gs-close", "data-key": "close", "aria-label": "Close the inspector", title: "Close (Esc)", onclick: () => gs.set({ node: null }) }, "\u00d7"),
        el("div", { class: "gs-insp-path" }, family, el("span", {}, path)),
        el("h2", {}, el("span", { class: "gs-insp-name" }, n.label)),
        el("div", { class: "gs-insp-sign" }, n.op && n.op !== n.label ? n.op + " " : "", n.signature),
        n.doc && n.kind === "op" ? el("p", { class: "gs-quiet" }, n.doc) : null);
    }

    source(n) {
      if (!n.source) return null;
      const copy = el("button", {
        type: "button", class: "gs-copy", "data-key": "copy", title: `copy ${n.source.path} (y)`,
        onclick: () => gs.copyText(n.source.path, copy),
      }, "Copy");
      return el("section", { class: "gs-code", "aria-label": "Source line" },
        el("div", { class: "gs-code-head" }, el("span", { class: "gs-code-path", title: n.source.path }, n.source.short),
          n.source.func && n.source.func !== "<module>" ? el("span", { class: "gs-quiet" }, ` in ${n.source.func}`) : null, copy),
        n.source.lines.length
          ? el("pre", {}, n.source.lines.map(([number, text, here]) => el("div", { class: here ? "gs-here" : null },
            el("span", { class: "gs-line-no" }, String(number)), text || " ")))
          : el("p", { class: "gs-quiet" }, "the file's text was not recorded"));
    }

    pair(n) {
      if (!n.tensors) return null;
      const one = (side, name) => el("div", { class: `gs-big gs-big-${side}` },
        el("span", {}, name), el("strong", { "data-testid": side === "v" ? "value" : "gradient" }, n.tensors[side].text || "\u2014"));
      return el("section", {}, el("div", { class: "gs-pair" }, one("v", "value"), one("g", "gradient")),
        n.note ? el("p", { class: "gs-quiet gs-note" }, n.note) : null);
    }

    facts(n) {
      return el("dl", { class: "gs-facts" }, n.facts.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", { title: text }, text))));
    }

    tensor(n) {
      const tab = (side, name) => el("button", {
        type: "button", role: "tab", "data-key": "tab-" + side, "aria-selected": String(this.side === side), tabindex: this.side === side ? "0" : "-1",
        onclick: () => {
          this.side = side;
          this.draw();
          this.root.querySelector(`[data-key=tab-${side}]`).focus({ preventScroll: true });
        },
      }, name);
      const tabs = el("div", { class: "gs-segments", role: "tablist", "aria-label": "Value or gradient" }, tab("v", "Value"), tab("g", "Gradient"));
      tabs.addEventListener("keydown", (e) => {
        if (e.key !== "ArrowLeft" && e.key !== "ArrowRight") return;
        e.preventDefault();
        e.stopPropagation();
        this.side = this.side === "v" ? "g" : "v";
        this.draw();
        this.root.querySelector(`[data-key=tab-${this.side}]`).focus({ preventScroll: true });
      });
      const t = n.tensors[this.side];
      const body = [];
      if (t.why) body.push(el("p", { class: "gs-quiet" }, t.why));
      if (t.thumb && t.thumb.values.length > 1) {
        body.push(el("div", { class: "gs-plot" }, el("canvas", { class: "gs-heat", role: "img", "aria-label": `heat map, ${t.thumb.shape.join(" by ")}` })),
          el("p", { class: "gs-quiet gs-read" }, sampled(t.thumb)));
      }
      if (t.stats && !t.thumb) body.push(el("p", { class: "gs-quiet" }, "Only statistics of this tensor were kept, not its numbers."));
      if (t.hist) body.push(el("h3", {}, "Histogram"), el("div", { class: "gs-plot" }, el("canvas", { class: "gs-hist", role: "img", "aria-label": `histogram from ${t.hist.low} to ${t.hist.high}` })));
      if (t.stats) {
        body.push(el("dl", { class: "gs-stats" }, t.stats.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text)))), health(t.health));
      }
      return el("section", { class: "gs-tensor" }, tabs, el("div", { role: "tabpanel" }, body));
    }

    paint() {
      const t = this.node.tensors && this.node.tensors[this.side];
      const heat = this.root.querySelector(".gs-heat");
      if (heat) {
        const where = gs.plotHeat(heat, t.thumb);
        const read = this.root.querySelector(".gs-read");
        heat.addEventListener("pointermove", (e) => {
          const hit = where(e.offsetX, e.offsetY);
          read.textContent = hit ? `[${hit.index.join(", ")}] = ${gs.number(hit.value, 6)}` : sampled(t.thumb);
        });
      }
      const hist = this.root.querySelector(".gs-hist");
      if (hist) gs.plotHist(hist, t.hist, gs.color(this.side === "v" ? "value" : "gradient"));
    }

    historyBox() {
      return el("section", { class: "gs-past" },
        el("h3", {}, "Over steps"),
        el("div", { class: "gs-key" }, key("value", "mean"), key("gradient", "gradient rms")),
        el("div", { class: "gs-plot" }, el("canvas", { class: "gs-over gs-over-v", role: "img", "aria-label": "mean over steps" })),
        el("div", { class: "gs-plot" }, el("canvas", { class: "gs-over gs-over-g", role: "img", "aria-label": "gradient rms over steps" })),
        el("div", { class: "gs-key" }, key("phase-forward", "forward time"), key("phase-backward", "backward time")),
        el("div", { class: "gs-plot" }, el("canvas", { class: "gs-over gs-over-t", role: "img", "aria-label": "time over steps" })));
    }

    drawHistory() {
      const box = this.root.querySelector(".gs-past");
      if (!box || !this.history || !this.node) return;
      const { values, times } = this.history;
      const now = this.node.step;
      const line = (name, data, colour, say) => gs.plotLines(box.querySelector(name), data.steps, [{ values: data.values, colour: gs.color(colour) }], now, say);
      line(".gs-over-v", { steps: values.steps, values: values.mean }, "value", gs.number);
      line(".gs-over-g", { steps: values.steps, values: values.gradient }, "gradient", gs.number);
      gs.plotLines(box.querySelector(".gs-over-t"), times ? times.steps : [], times ? [
        { values: times.forward, colour: gs.color("phase-forward") }, { values: times.backward, colour: gs.color("phase-backward") },
      ] : [], now, gs.ns);
    }

    formula(n) {
      const f = n.formula;
      if (!f) return null;
      return el("section", { class: "gs-formula" }, el("h3", {}, "Formula"),
        f.equations.map((tex) => el("p", {}, gs.tex(tex))),
        f.gradients.map((tex) => el("p", { class: "gs-formula-g" }, gs.tex(tex))),
        el("div", { class: "gs-quiet gs-letters" },
          f.names.map(([letter, name]) => el("span", {}, el("i", {}, letter), " ", name)),
          f.gradients.length ? el("span", {}, el("i", {}, "y\u0304"), " the gradient that arrives") : null));
    }

    links(n) {
      const row = (title, list) => (list && list.length ? el("section", { class: "gs-links" }, el("h3", {}, title),
        el("ul", {}, list.map((link) => el("li", {}, el("button", {
          type: "button", "data-key": title + link.id,
          onclick: () => (gs.graphPage ? gs.graphPage.reveal(link.id, link.inside) : gs.set({ node: link.id })),
        }, el("span", {}, link.label), el("span", { class: "gs-quiet" }, link.shape)))))) : null);
      return el("div", {}, row("Slowest inside", n.slowest), row("Inputs", n.inputs), row("Used by", n.outputs));
    }
  }

  function key(colour, name) {
    const s = el("span", { class: "gs-swatch" });
    s.style.background = gs.color(colour);
    return el("span", { class: "gs-legend-item" }, s, name);
  }

  function sampled(thumb) {
    const from = thumb.step === undefined ? "" : `, from step ${thumb.step}`;
    return (thumb.stride.some((s) => s > 1) ? `a sample: every ${thumb.stride.join(" × ")}-th element` : "every element") + from;
  }

  const HEALTH = ["\u2212Inf", "negative", "zero", "positive", "+Inf", "NaN"];
  function health(counts) {
    const total = counts.reduce((a, b) => a + b, 0) || 1;
    const bar = el("div", { class: "gs-health-bar" });
    counts.forEach((n, i) => {
      if (!n) return;
      const part = el("span", { class: "gs-health-" + i, title: `${HEALTH[i]}: ${n}` });
      part.style.flexGrow = String(Math.max(n / total, 0.01));
      bar.append(part);
    });
    return el("div", { class: "gs-health" }, bar, el("div", { class: "gs-health-words" },
      counts.map((n, i) => (n ? el("span", { class: i === 0 || i > 3 ? "gs-wild" : null }, `${HEALTH[i]} ${n.toLocaleString("en-US")}`) : null))));
  }

  gs.copyText = async function (text, button) {
    try {
      await navigator.clipboard.writeText(text);
      if (button) {
        button.textContent = "Copied";
        setTimeout(() => (button.textContent = "Copy"), 1200);
      }
    } catch (error) {
      console.warn("the browser does not let this page write to the clipboard");
    }
  };

  document.addEventListener("keydown", (e) => {
    if (e.key !== "y" || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA)$/.test(e.target.tagName)) return;
    const copy = document.querySelector("[data-gs=inspector] .gs-copy");
    if (copy) copy.click();
  });

  gs.mount("[data-gs=inspector]", (root) => new Inspector(root));
})();
