/* The Compare page: B is what is looked at (run and step of the frame), A what it is compared with (vs).
 *
 * vs is the name of another run, or step:N of this one. Both questions are asked while the page is
 * shown and again when one of the runs has news, at most every two seconds.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const { chip, spread, verdict, meter } = gs.sides;
  const PACE = 2000, STEP = /^step:(\d{1,15})$/;
  const GROUPS = [["op", "Op"], ["scope", "Module"], ["line", "Line"], ["shape", "Shape"], ["phase", "Phase"]];

  class Compare {
    constructor(root) {
      this.root = root;
      this.find = (name) => root.querySelector(name);
      this.empty = this.find(".gs-cmp-empty");
      this.cards = this.find(".gs-cmp-cards");
      this.tag = "";
      this.log = "";
      this.alone = false; // the reader cleared A
      this.asked = -1e9;
      this.parts = new gs.Latest((a) => this.got(a), (e) => this.problem(e.message));
      this.lines = new gs.Latest((a) => this.gotCurves(a), (e) => this.note("curves", e.message));
      this.chart = new gs.DashChart(document.getElementById("compare-curves"), () => this.hear(40), (e) => this.note("curves", e.message));
      this.table = new gs.Table(document.getElementById("compare-table"), { columns: [], pick: (row) => this.pick(row) });
      this.bar(this.find(".gs-cmp-bar"));
      this.tools();
      gs.on((state, changed) => this.changed(changed));
      gs.live(() => this.shown() && this.soon());
      gs.onTheme(() => this.now());
      document.addEventListener("gs:runs", () => {
        this.paint();
        if (!this.answer) this.now();
      }, true);
      this.paint();
      this.now();
    }

    bar(bar) {
      this.pickA = el("select", { "aria-label": "A, what is compared with", class: "gs-file" });
      this.pickA.addEventListener("change", () => this.chosen(this.pickA.value));
      const number = (label, act) => {
        const box = el("input", { type: "number", min: "0", step: "1", class: "gs-field gs-cmp-step", "aria-label": label });
        box.addEventListener("change", () => /^\d{1,15}$/.test(box.value) && act(Number(box.value)));
        return box;
      };
      this.stepA = number("Step of A", (n) => gs.set({ vs: `step:${n}` }));
      this.stepB = number("Step of B", (n) => gs.set({ step: n }));
      this.nameB = el("b", { class: "gs-cmp-name" });
      this.swap = el("button", { type: "button", class: "gs-tool", title: "A becomes B and B becomes A", onclick: () => this.swapped() }, "\u21c4 Swap");
      this.clear = el("button", { type: "button", class: "gs-tool", onclick: () => this.chosen("") }, "Clear");
      this.show = el("button", { type: "button", class: "gs-tool", title: "Both graphs as one picture", onclick: () => gs.set({ page: "graph", vs: this.vs() }) }, "Graphs as one");
      const side = (letter, place, ...what) => el("span", { class: "gs-cmp-side" }, chip(place), el("span", { class: "gs-cmp-letter" }, letter), what);
      bar.replaceChildren(side("A", 1, this.pickA, this.stepA), this.swap, side("B", 0, this.nameB, this.stepB), el("span", { class: "gs-spring" }), this.show, this.clear);
    }

    tools() {
      this.tags = el("select", { class: "gs-file", "aria-label": "Curve", onchange: () => this.curve(this.tags.value, this.log) });
      this.scale = gs.segments("y axis", [["", "Linear"], ["1", "Log"]], (log) => this.curve(this.tag, log));
      this.scale.choose("");
      this.last = el("span", { class: "gs-cmp-last" });
      this.find(".gs-cmp-curves .gs-cmp-tools").replaceChildren(this.last, this.scale.box, this.tags);
      this.by = gs.segments("Group by", GROUPS, (by) => gs.set({ by: by === "op" ? null : by }));
      this.csv = el("button", { type: "button", class: "gs-tool", onclick: () => this.table.csv(`compare-${this.group()}.csv`) }, "Export CSV");
      this.find(".gs-cmp-ops .gs-cmp-tools").replaceChildren(this.by.box, this.csv);
    }

    /* Without a choice the run before this one is A. It stays out of the address: no other page compares then. */
    vs() {
      if (gs.state.vs) return gs.state.vs;
      if (this.alone) return null;
      const usable = (r) => r.run !== gs.state.run && r.steps && r.state !== "damaged";
      const list = gs.runList || [], at = list.findIndex((r) => r.run === gs.state.run);
      const found = list.slice(at + 1).find(usable) || list.find(usable);
      return found ? found.run : null;
    }

    group() {
      return GROUPS.some(([name]) => name === gs.state.by) ? gs.state.by : "op";
    }

    step() {
      const found = STEP.exec(this.vs() || "");
      return found ? Number(found[1]) : null;
    }

    now2() {
      const { step } = gs.state, card = gs.card;
      return step !== null && step !== undefined ? step : card ? card.last_step : null;
    }

    chosen(value) {
      if (value === "\u0000step") gs.set({ vs: `step:${Math.max(0, (this.now2() || 1) > 0 ? 0 : 1)}` });
      else {
        this.alone = !value;
        gs.set({ vs: value || null });
        this.paint();
        this.now();
      }
    }

    swapped() {
      const { run } = gs.state, vs = this.vs(), a = this.step();
      if (a !== null) gs.set({ step: a, vs: `step:${this.now2()}` });
      else if (vs) gs.set({ run: vs, vs: run, step: null, node: null, open: null });
    }

    curve(tag, log) {
      this.tag = tag;
      this.log = log;
      this.scale.choose(log);
      this.now();
    }

    changed(changed) {
      const has = (...keys) => keys.some((key) => changed.includes(key));
      if (has("run", "vs")) {
        this.parts.drop();
        this.lines.drop();
        this.told = "";
        if (has("run")) this.alone = false;
      }
      if (has("run", "vs", "step", "by")) this.paint();
      if (has("run", "vs", "page", "by") || (has("step") && this.step() !== null)) this.now();
      if (has("node")) this.mark();
    }

    shown() {
      return gs.state.page === "compare" && Boolean(gs.state.run);
    }

    now() {
      this.asked = -1e9;
      this.soon();
    }

    soon() {
      clearTimeout(this.later);
      this.later = setTimeout(() => this.ask(), Math.max(0, PACE - (performance.now() - this.asked)));
    }

    ask() {
      const vs = this.vs();
      if (!this.shown() || !vs || vs === gs.state.run) return;
      this.asked = performance.now();
      const { run, step } = gs.state, by = this.group();
      this.table.prepare();
      this.parts.ask(gs.url("/api/compare", { run, vs, step, by }));
      setTimeout(() => this.waits(), 300);
      this.lines.ask(gs.url("/api/compare_curves", { run, vs, step, tag: this.tag, log: this.log, theme: gs.themeName(), chart: this.chart.made ? 1 : null }));
    }

    /* Two long runs take their time: an empty page says nothing. */
    waits() {
      if (!this.parts.busy || !this.cards.hidden) return;
      this.began = null;
      this.empty.hidden = false;
      this.empty.replaceChildren(el("p", { role: "status" }, "Comparing\u2026"));
    }

    /* The bar and the empty state, from what is known without asking. */
    paint() {
      const { run } = gs.state, vs = this.vs(), a = this.step();
      const runs = (gs.runList || []).filter((r) => r.run !== run && r.state !== "damaged");
      const options = [["", "Choose\u2026"], ...runs.map((r) => [r.run, r.run]), ["\u0000step", "another step of this run"]];
      if (vs && a === null && !runs.some((r) => r.run === vs)) options.push([vs, vs]);
      gs.fill ? gs.fill(this.pickA, options, () => options.map(([value, word]) => el("option", { value }, word))) : this.pickA.replaceChildren(...options.map(([value, word]) => el("option", { value }, word)));
      this.pickA.value = a !== null ? "\u0000step" : vs || "";
      this.stepA.hidden = this.stepB.hidden = a === null;
      if (a !== null && document.activeElement !== this.stepA) this.stepA.value = a;
      if (document.activeElement !== this.stepB) this.stepB.value = this.now2();
      this.nameB.textContent = run || "";
      this.nameB.title = run || "";
      for (const button of [this.swap, this.clear, this.show]) button.hidden = !vs;
      this.by.choose(this.group());
      if (!vs || vs === run) this.start(runs, vs === run);
    }

    start(runs, same) {
      this.cards.hidden = true;
      this.empty.hidden = false;
      delete this.root.dataset.ready;
      const list = runs.filter((r) => r.steps).slice(0, 8);
      const key = JSON.stringify([gs.state.run, same, list.map((r) => [r.run, r.state, r.steps])]);
      if (this.began === key) return;
      this.began = key;
      this.empty.replaceChildren(...[
        el("h2", {}, same ? "A and B are the same run: choose another one, or two of its steps" : "Compare this run with another one, or two of its steps"),
        el("p", {}, "Curves, time per op with its spread, the first number that differs, and what was added or removed."),
        list.length ? el("div", { class: "gs-cmp-offers" }, list.map((r) => el("button", { type: "button", class: "gs-cmp-offer", onclick: () => gs.set({ vs: r.run }) },
          el("b", {}, r.run), el("span", {}, `${gs.units.count(r.steps)} step${r.steps === 1 ? "" : "s"} \u00b7 ${r.state}`))))
          : el("p", {}, "There is no other run in this folder. Train once more under another name, and it appears here:"),
        list.length ? null : el("pre", { class: "gs-cmp-code", tabindex: "0" }, "with torch.profile(\"runs/second\"):\n    train()"),
        el("button", { type: "button", class: "gs-tool", onclick: () => this.chosen("\u0000step") }, "Compare two steps of this run")].filter(Boolean));
    }

    problem(text) {
      this.cards.hidden = true;
      this.empty.hidden = false;
      this.began = null;
      this.root.dataset.ready = "0";
      this.empty.replaceChildren(el("h2", {}, "These two cannot be compared"), el("p", {}, text), el("p", {}, "Choose another run or step above."));
    }

    note(card, text) {
      const p = this.find(`.gs-cmp-${card} .gs-quiet`);
      if (p.textContent !== text) p.textContent = text;
    }

    got(answer) {
      if (!this.vs()) return;
      this.answer = answer;
      this.empty.hidden = true;
      this.cards.hidden = false;
      this.began = null;
      const text = JSON.stringify(answer);
      if (text === this.told) return;
      this.told = text;
      this.facts(answer);
      this.ops(answer);
      this.numbers(answer.numbers);
      this.structure(answer.structure);
      this.root.dataset.ready = "1";
    }

    facts(a) {
      const differ = a.facts.filter((f) => !f.same), same = a.facts.filter((f) => f.same);
      this.note("facts", differ.length ? "" : "Nothing of what is recorded about them differs.");
      const open = this.find(".gs-cmp-facts details");
      const table = (rows) => el("table", {}, el("thead", {}, el("tr", {}, el("td", {}), el("th", { scope: "col" }, `A: ${a.a.name}`), el("th", { scope: "col" }, `B: ${a.b.name}`))),
        el("tbody", {}, rows.map((f) => el("tr", { class: `gs-fact-${f.group}` }, el("th", { scope: "row" }, f.name), el("td", { title: f.a }, f.a), el("td", { title: f.b }, f.b)))));
      this.find(".gs-cmp-facts .gs-card-body").replaceChildren(
        differ.length ? table(differ) : "",
        same.length ? el("details", { open: Boolean(open && open.open) }, el("summary", {}, `${same.length} the same in both`), table(same)) : "");
    }

    ops(answer) {
      const part = answer.ops;
      this.note("ops", part.note || part.line);
      const name = { op: "op", scope: "module", line: "line", shape: "op and shapes", phase: "phase" }[answer.by];
      if (this.columnsOf !== answer.by) {
        this.columnsOf = answer.by;
        this.table.define([
          { field: "key", title: name, flex: 1, min: 130, max: 480 },
          { field: "a_p50", title: "A", kind: "ns", together: "time", tip: "Median time of one step in A, on its device where that was measured", width: 84 },
          { field: "b_p50", title: "B", kind: "ns", together: "time", tip: "Median time of one step in B, on its device where that was measured", width: 84 },
          { field: "spread", title: "spread", tip: "The middle half of the samples: A above, B below", width: 104, min: 88, render: (p) => spread(p.data) },
          { field: "ratio", title: "B / A", kind: "ratio", tip: "2 means that B takes twice as long", width: 72 },
          { field: "verdict", title: "verdict", tip: "A difference is only claimed where the spreads do not overlap", width: 140, render: (p) => verdict(p.value) },
          { field: "delta", title: "\u0394 time", kind: "ns", together: "time", tip: "Time in B less that in A", width: 100 },
          { field: "delta_bytes", title: "\u0394 output", kind: "bytes", tip: "Bytes of the outputs in B less those in A", width: 116 },
          { field: "delta_flops", title: "\u0394 work", kind: "flops", tip: "Operations in B less those in A", width: 120 },
          { field: "a_calls", title: "calls A", kind: "count", width: 80, hide: true },
          { field: "b_calls", title: "calls B", kind: "count", width: 80, hide: true },
        ]);
      }
      this.table.show(part.rows || [], part.total || null);
      this.mark();
    }

    pick(row) {
      if (row.node) gs.set({ node: row.node, ...this.there() });
    }

    /* Nodes are those of B's graph: where the step that is looked at has another one, it is left. */
    there() {
      const b = this.answer.b;
      return b.go === null || b.go === undefined ? {} : { step: b.go };
    }

    mark() {
      const rows = (this.answer && this.answer.ops.rows) || [], { node } = gs.state;
      const row = node ? rows.find((r) => r.node === node) : null;
      this.table.choose(row ? row.id : null);
      for (const b of this.root.querySelectorAll("[data-node]")) b.setAttribute("aria-pressed", String(b.dataset.node === node));
    }

    numbers(part) {
      this.note("numbers", part.note || part.line);
      const rows = (part.rows || []).filter((r) => r.size !== 0), most = Math.max(...rows.map((r) => (Number.isFinite(r.size) ? r.size : 0)), 1e-30);
      const head = el("div", { class: "gs-cmp-row gs-cmp-head", "aria-hidden": "true" }, ["", "largest", "relative", "last places"].map((word) => el("span", {}, word)));
      const item = (r) => el("button", { type: "button", class: "gs-cmp-row", "data-node": r.node, title: `${r.scope ? `${r.scope}, ` : ""}step ${r.step}${r.exact ? "" : "; compared by a sample"}${r.line ? `\n${r.line}` : ""}`, onclick: () => gs.set({ node: r.node, step: r.step }) },
        el("span", { class: r.what === "gradient" ? "gs-src-g" : "gs-src-v" }, el("b", {}, r.label), ` ${r.what}`, r.scope ? el("i", {}, r.scope) : null),
        el("span", {}, r.max_abs), el("span", { class: "gs-cmp-size" }, meter(r.size, most, r.beyond), el("span", {}, r.max_rel)), el("span", {}, r.ulp));
      const first = part.first ? [el("h3", {}, "The first that differs"), head.cloneNode(true), item(part.first), el("h3", {}, "The largest differences in that step")] : [];
      this.find(".gs-cmp-numbers .gs-card-body").replaceChildren(...first, ...(rows.length ? [head, ...rows.slice(0, 12).map(item)] : []));
      this.mark();
    }

    structure(part) {
      this.note("structure", part.note || part.line);
      const groups = [["changed", "Changed"], ["added", "Only in B"], ["removed", "Only in A"]].filter(([key]) => (part[key] || []).length);
      this.find(".gs-cmp-structure .gs-card-body").replaceChildren(...groups.flatMap(([key, title]) => {
        const total = part.counts[key], rows = part[key].slice(0, 12);
        return [el("h3", {}, `${title} (${gs.units.count(total)})`),
          ...rows.map((r) => el("button", { type: "button", class: "gs-cmp-op", "data-node": key === "removed" ? null : r.node, disabled: key === "removed", title: r.line, onclick: () => gs.set({ node: r.node, ...this.there() }) },
            el("b", {}, r.label), el("span", {}, r.op === r.label ? "" : r.op), el("i", {}, r.scope), el("span", { class: "gs-cmp-why" }, r.why || r.shape))),
          total > rows.length ? el("p", { class: "gs-quiet" }, `and ${gs.units.count(total - rows.length)} more`) : null].filter(Boolean);
      }));
      this.mark();
    }

    gotCurves(answer) {
      const body = document.getElementById("compare-curves");
      this.note("curves", answer.figure ? "" : "Neither has a curve. A loss that the training returns appears here.");
      body.hidden = !answer.figure;
      this.tags.replaceChildren(...answer.tags.map((tag) => el("option", { value: tag }, tag.length > 80 ? `${tag.slice(0, 79)}\u2026` : tag)));
      this.tags.value = answer.tag;
      this.last.replaceChildren(...answer.last.map(([colour, text], k) => {
        const b = el("b", {}, el("span", { class: "gs-swatch" }), text);
        b.firstChild.style.background = colour;
        b.title = `last value of ${answer.last.length > 1 ? "AB"[k] : "the run"}`;
        return b;
      }));
      if (!answer.figure) return;
      this.chart.show(answer);
      this.root.dataset.curves = String(answer.figure.data.filter((t) => t.customdata).length);
    }

    hear(tries) {
      const plot = this.find(".gs-cmp-curves .js-plotly-plot");
      if (!plot || !plot.on) return void (tries && setTimeout(() => this.hear(tries - 1), 100));
      plot.on("plotly_click", (e) => {
        const point = e.points && e.points[0];
        if (point && point.customdata !== undefined) gs.set({ step: Number(point.customdata) });
      });
    }
  }

  gs.mount("[data-gs=compare]", (root) => new Compare(root));
})();
