/* The Ops page: its bar, the table of key averages, the bars and the roofline above it.
 *
 * One question at a time, at most two a second while the run is live, and only while the page is
 * shown. A row, a bar and a point select the same thing: the group's slowest op, or the module.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  // ms between two looks at a live run: sums over many steps change slowly, and their chart more slowly still.
  const PACE = 500, CHART = 3000;
  const GROUPS = [["op", "Op"], ["scope", "Module"], ["line", "Line"], ["shape", "Shape"], ["phase", "Phase"]];
  const SPANS = [["all", "All steps", "Every step of the run"], ["last", "Last 20", "The 20 steps up to the one that is looked at"], ["step", "This step", "Only the step that is looked at"]];
  const TIPS = {
    share: "Of the steps' wall time", total: "All calls together, forward and backward", self: "Without the modules inside",
    calls: "Runs of the op; by module, line or phase: steps", mean: "One call", p50: "Half of the calls took less", p95: "19 of 20 calls took less",
    forward: "Forward, data and update", backward: "Gradients", device: "On the GPU, mean of up to 100 steps",
    flops: "Arithmetic operations; a multiply-add counts 2", flops_s: "Operations a second, over the device's time where it was measured",
    traffic: "Bytes read and written", bytes_s: "Bytes read and written a second", bytes: "What the outputs of one step take",
    fraction: "Of the time, the share that this work would take at the measured ceilings of this machine", bound: "What limits it: memory, arithmetic, or the cost of calling it",
  };

  class Ops {
    constructor(root) {
      this.root = root;
      this.line = root.querySelector(".gs-ops-line");
      this.bars = root.querySelector(".gs-ops-bars");
      this.roofCard = root.querySelector(".gs-ops-roof");
      this.span = "all"; // not worth a link
      this.closed = new Set();
      this.asked = -1e9;
      this.table = new gs.Table(document.getElementById("ops-table"), {
        columns: [], pick: (row) => this.pick(row), order: (nodes) => this.order(nodes), shown: (row) => this.open(row), ready: () => this.askRoof(),
      });
      this.chart = new gs.DashChart(document.getElementById("ops-roof"), () => this.hear(40), (e) => this.roofNote(e.message));
      this.rows = new gs.Latest((a) => this.got(a), (e) => this.problem(e));
      this.roofs = new gs.Latest((a) => this.gotRoof(a), (e) => this.roofNote(e.message));
      this.build(root.querySelector(".gs-ops-bar"));
      gs.on((state, changed) => this.changed(changed));
      const counters = ["state", "steps", "graphs", "findings", "tensors"];
      this.along = new gs.Along(this.rows, () => this.url(), counters);
      this.roofAlong = new gs.Along(this.roofs, () => (this.chart.made ? this.roofUrl() : null), counters, CHART);
      gs.onTheme(() => this.soon());
      gs.key("x", "Export the table", () => (this.shown() ? this.table.csv(this.fileName()) : false), "ops");
      gs.key("/", "Filter the rows", () => (this.shown() ? void this.find.focus() : false), "ops");
      gs.key("Enter", "The code of the chosen card", () => (resting() && gs.state.node ? gs.set({ page: "ops", tab: "source" }) : false));
      this.turn();
      this.ask();
    }

    build(bar) {
      this.tabs = gs.segments("View", [["table", "Table"], ["source", "Source", "Your code with the cost of each line"]], (tab) => gs.set({ tab: tab === "table" ? null : tab }));
      this.by = gs.segments("Group by", GROUPS, (by) => gs.set({ by: by === "op" ? null : by }));
      this.spans = gs.segments("Steps", SPANS, (span) => this.setSpan(span));
      this.spans.choose(this.span);
      this.find = el("input", { type: "search", class: "gs-field", placeholder: "Filter rows", "aria-label": "Filter rows" });
      this.find.addEventListener("input", () => this.table.find(this.find.value));
      this.menu = gs.checks("Columns", (field, on) => this.table.toggle(field, on));
      this.menu.box.addEventListener("toggle", () => this.menu.box.open && this.listColumns());
      this.csv = el("button", { type: "button", class: "gs-tool", title: "Export as CSV (x): raw numbers in base units, nanoseconds, bytes, operations", "aria-label": "Export CSV", onclick: () => this.table.csv(this.fileName()) }, "CSV");
      this.mine = [this.by.box, this.find, this.menu.box, this.csv];
      bar.replaceChildren(this.tabs.box, this.by.box, this.spans.box, this.find, el("span", { class: "gs-spring" }), this.menu.box, this.csv);
    }

    fileName() {
      return `${gs.state.run || "run"}-${this.group()}.csv`;
    }

    group() {
      return GROUPS.some(([name]) => name === gs.state.by) ? gs.state.by : "op";
    }

    setSpan(span) {
      this.span = span;
      this.spans.choose(span);
      this.root.dispatchEvent(new CustomEvent("gs:span", { detail: span }));
      this.now();
    }

    turn() {
      const source = gs.state.tab === "source";
      this.tabs.choose(source ? "source" : "table");
      this.by.choose(this.group());
      for (const part of this.mine) part.hidden = source;
      this.root.querySelector(".gs-ops-table").hidden = source;
      this.root.querySelector(".gs-source").hidden = !source;
    }

    changed(changed) {
      const has = (...keys) => keys.some((key) => changed.includes(key));
      if (has("run")) {
        this.rows.drop();
        this.roofs.drop();
        this.closed.clear();
      }
      if (has("tab", "by", "page", "run")) this.turn();
      if (has("node", "scope")) this.mark();
      if (has("run", "page", "tab", "by") || (has("step") && this.span !== "all")) this.now();
      else if (has("step")) this.soon();
    }

    shown() {
      return gs.state.page === "ops" && gs.state.tab !== "source";
    }

    now() {
      this.asked = -1e9; // the reader waits for this one
      this.soon();
    }

    soon() {
      clearTimeout(this.later);
      this.later = setTimeout(() => this.ask(), Math.max(0, PACE - (performance.now() - this.asked)));
    }

    url() {
      const { run, step } = gs.state;
      return run && this.shown() ? gs.url("/api/ops", { run, step, by: this.group(), span: this.span }) : null;
    }

    roofUrl() {
      const { run, step } = gs.state;
      return run && this.shown() ? gs.url("/api/roof", { run, step, by: this.group(), theme: gs.themeName(), chart: this.chart.made ? 1 : null }) : null;
    }

    ask() {
      if (!this.url()) return;
      this.asked = performance.now();
      this.along.asking();
      this.rows.ask(this.url());
      this.table.prepare();
      if (this.table.api) this.askRoof();
    }

    /* After the table: its chart brings the heaviest script, and the table answers most questions. */
    askRoof() {
      if (!this.roofUrl()) return;
      this.roofAlong.asking();
      this.roofs.ask(this.roofUrl());
    }

    got(answer) {
      this.answer = answer;
      const other = this.columnsOf !== [answer.by, answer.device, answer.costs].join();
      if (other) {
        this.columnsOf = [answer.by, answer.device, answer.costs].join();
        this.table.define(this.columns(answer));
      }
      this.join();
      this.tell([answer.line, answer.note, answer.hidden ? `${gs.units.count(answer.hidden)} smaller rows are not shown.` : ""].filter(Boolean).join(" \u00b7 "));
      this.drawBars(answer);
      this.root.dataset.by = answer.by;
      this.root.dataset.steps = String(answer.steps);
    }

    /* A table that waits for rows which do not come says so, and not that it loads. */
    problem(error) {
      this.tell(error.message, true);
      if (!this.answer) this.table.fail(error.message);
    }

    /* Rows with what the roofline says of them, as soon as both are there. */
    join() {
      const a = this.answer, limits = this.limits && this.limits.by === (a && a.by) ? this.limits.rows : {};
      if (!a) return;
      const known = Object.keys(limits).length > 0; // of an op that the step does not have, nothing is
      this.table.show(a.rows.map((row) => ({ ...row, bound: (limits[row.key] || [])[0] || (known ? "\u2014" : ""), fraction: (limits[row.key] || [])[1] ?? null })), a.total);
      this.mark();
    }

    columns(a) {
      const tree = a.by === "scope", phase = a.by === "phase", no = (known) => !known;
      const name = { op: "op", scope: "module", line: "line", shape: "op and shapes", phase: "phase" }[a.by];
      const c = (field, title, kind, hide, more) => ({ field, title, kind, hide: Boolean(hide), tip: TIPS[field], ...more });
      return [
        { field: "key", title: name, flex: 1, min: tree ? 200 : 150, max: 560, sort: null, pinned: null, render: (p) => this.name(p) },
        c("share", "share", "share", false, { bar: true, width: 96 }),
        c("total", "total", "ns", false, tree ? { width: 104 } : { width: 108, sort: "desc" }),
        c("self", "self", "ns", !tree, {}),
        c("calls", tree || phase || a.by === "line" ? "steps" : "calls", "count", false, { width: 72 }),
        c("mean", "mean", "ns", false, { width: 92 }),
        c("p50", "median", "ns", true),
        c("p95", "p95", "ns", true),
        c("forward", "forward", "ns", true),
        c("backward", "backward", "ns", true),
        c("device", "GPU", "ns", no(a.device)),
        c("flops", "work", "flops", true, { width: 112 }),
        c("flops_s", "FLOP/s", "flops_s", no(a.costs), { width: 104 }),
        c("traffic", "moved", "bytes", true),
        c("bytes_s", "B/s", "bytes_s", true, { width: 104 }),
        c("bytes", "output", "bytes", false, { width: 112 }),
        c("fraction", "of ceiling", "share", true),
        c("bound", "limited by", "text", no(a.costs) || a.device, { width: 96, min: 80 }),
      ];
    }

    /* The first cell: a family's colour, or the module's place in the tree. */
    name(p) {
      const row = p.data, pinned = p.node.rowPinned, parts = [];
      if (!pinned && row.depth !== undefined && this.answer.by === "scope") {
        const pad = el("span", { class: "gs-indent" });
        pad.style.width = `${Math.min(row.depth, 12) * 14}px`;
        const shut = this.closed.has(row.key);
        const fold = row.leaf ? el("span", { class: "gs-fold" })
          : el("button", { type: "button", class: "gs-fold", tabindex: "-1", "aria-label": shut ? "Open the module" : "Close the module", "aria-expanded": String(!shut), onclick: (e) => this.fold(e, row.key) });
        parts.push(pad, fold);
      }
      const colour = row.family ? `family-${row.family}` : row.phase ? `phase-${row.phase}` : null;
      if (colour && !pinned) {
        const chip = el("span", { class: "gs-swatch" });
        chip.style.background = gs.color(colour);
        parts.push(chip);
      }
      const key = row.depth > 1 && this.answer.by === "scope" && row.parent ? row.key.slice(row.parent.length + 1) : row.key;
      parts.push(el("span", { class: "gs-name", title: clip(row.key, 400) }, clip(key, 200)));
      return parts;
    }

    fold(e, key) {
      e.stopPropagation();
      if (this.closed.has(key)) this.closed.delete(key);
      else this.closed.add(key);
      this.table.refilter();
      if (this.table.api) this.table.api.refreshCells({ columns: ["key"], force: true });
    }

    open(row) {
      if (!this.closed.size || row.depth === undefined) return true;
      for (const key of this.closed) if (row.key !== key && (row.key.startsWith(`${key}.`) || key === "(top)")) return false;
      return true;
    }

    /* Sorted by any column, what is inside a module stays below it. */
    order(nodes) {
      if (!this.answer || this.answer.by !== "scope") return;
      const inside = new Map(), known = new Set(nodes.map((n) => n.data.key));
      for (const n of nodes) {
        const parent = known.has(n.data.parent) ? n.data.parent : null;
        inside.set(parent, [...(inside.get(parent) || []), n]);
      }
      const out = [], todo = (inside.get(null) || []).slice().reverse();
      while (todo.length) {
        const n = todo.pop();
        out.push(n);
        todo.push(...(inside.get(n.data.key) || []).slice().reverse());
      }
      nodes.splice(0, nodes.length, ...out);
    }

    pick(row) {
      this.picked = { key: row.key, node: row.node || null };
      const wish = { node: row.node || null };
      if (this.answer.by === "scope") wish.scope = row.node ? row.key : null;
      if (!row.node) this.tell(`${this.answer.line} \u00b7 ${clip(row.key, 60)} is not in the graph of step ${this.answer.step}.`);
      gs.set(wish);
      this.mark();
    }

    /* The row of what is selected elsewhere: the one that was clicked, else the one with that node. */
    mark() {
      const a = this.answer;
      if (!a) return;
      const { node } = gs.state;
      const was = node && this.picked && this.picked.node === node ? this.picked.key : null;
      const number = node && /^n\d+$/.test(node) ? Number(node.slice(1)) : -1;
      const mine = !node ? null : a.rows.find((r) => r.key === was) || a.rows.find((r) => r.node === node) || a.rows.find((r) => r.cards.includes(number));
      this.chosen = mine ? mine.key : null;
      this.table.choose(mine ? mine.id : null);
      for (const b of this.bars.querySelectorAll("[data-key]")) b.setAttribute("aria-pressed", String(b.dataset.key === this.chosen));
    }

    listColumns() {
      const hidden = new Set(this.table.hidden());
      this.menu.show(this.table.columns.filter((c) => c.field !== "key").map((c) => [c.field, c.title, !hidden.has(c.field), c.tip]));
    }

    drawBars(a) {
      const body = this.bars.querySelector(".gs-card-body"), note = this.bars.querySelector(".gs-quiet");
      const fit = document.documentElement.classList.contains("gs-phone") ? 8 : Math.max(8, Math.floor(body.clientHeight / 24));
      const rows = (a.by === "scope" ? a.rows.filter((r) => r.self > 0).map((r) => ({ ...r, part: r.self / (r.total || 1) })).sort((x, y) => y.self - x.self) : a.rows.map((r) => ({ ...r, part: 1 }))).slice(0, fit);
      const most = Math.max(1, ...rows.map((r) => Math.max(r.total * r.part, r.device || 0)));
      const times = rows.flatMap((r) => [r.total * r.part / a.steps, (r.device || 0) / a.steps]);
      const unit = gs.units.unit(times, "ns");
      const focus = document.activeElement && body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      body.replaceChildren(...rows.map((r) => this.barRow(r, a, most, unit)));
      if (focus) for (const b of body.children) if (b.dataset.key === focus) b.focus({ preventScroll: true });
      note.replaceChildren(...[["phase-forward", "CPU forward"], ["phase-backward", "CPU backward"], a.device ? ["family-data", "GPU"] : null].filter(Boolean).flatMap(([colour, word]) => {
        const chip = el("span", { class: "gs-swatch" });
        chip.style.background = gs.color(colour);
        return [el("span", { class: "gs-legend-item" }, chip, word)];
      }), el("span", {}, a.device ? "a step" : "a step \u00b7 no GPU time in this run"));
      this.mark();
    }

    barRow(r, a, most, unit) {
      const fill = (ns, colour) => {
        const i = el("i");
        i.style.width = `${(100 * ns / most).toFixed(2)}%`;
        i.style.background = gs.color(colour);
        return i;
      };
      const tracks = [el("span", { class: "gs-hbar" }, fill(r.forward * r.part, "phase-forward"), fill(r.backward * r.part, "phase-backward"))];
      if (a.device) tracks.push(el("span", { class: "gs-hbar gs-hbar-gpu" }, fill(r.device || 0, "family-data")));
      const told = gs.units.ns(r.total * r.part / a.steps, unit) + (a.device && r.device !== null ? ` / ${gs.units.ns(r.device / a.steps, unit)}` : "");
      return el("button", { type: "button", class: "gs-bar-row", "data-key": r.key, "aria-pressed": "false", title: `${clip(r.key, 200)}: forward ${gs.units.ns(r.forward * r.part / a.steps)}, backward ${gs.units.ns(r.backward * r.part / a.steps)} a step`, onclick: () => this.pick(r) },
        el("span", { class: "gs-bar-name" }, a.by === "scope" ? tail(r.key) : clip(r.key, 120)), el("span", { class: "gs-bar-tracks" }, tracks), el("span", { class: "gs-bar-number" }, told));
    }

    gotRoof(answer) {
      this.limits = answer;
      this.join();
      this.roofNote(answer.note);
      const body = document.getElementById("ops-roof");
      body.hidden = !answer.figure;
      if (answer.figure) this.chart.show(answer);
    }

    hear(tries) {
      const plot = this.roofCard.querySelector(".js-plotly-plot");
      if (!plot || !plot.on) return void (tries && setTimeout(() => this.hear(tries - 1), 100));
      plot.on("plotly_click", (e) => {
        const point = e.points && e.points[0], row = point && this.answer && this.answer.rows.find((r) => r.key === point.customdata);
        if (row) this.pick(row);
      });
      this.roofCard.dataset.ready = "1";
    }

    roofNote(text) {
      gs.write(this.roofCard.querySelector(".gs-quiet"), text);
    }

    tell(text, bad) {
      gs.write(this.line, text);
      this.line.classList.toggle("gs-bad", Boolean(bad));
    }
  }

  /* Nothing has the focus that does something itself on Enter. */
  const resting = () => [null, document.body, document.getElementById("main")].includes(document.activeElement) || document.activeElement.matches("canvas");
  /* The end of a path says more than its beginning. */
  const tail = (path) => {
    const parts = path.split(".");
    while (parts.length > 1 && parts.join(".").length > 18) parts.shift();
    const rest = parts.join(".");
    return rest === path ? clip(path, 120) : `\u2026${clip(rest, 60)}`;
  };
  const clip = (text, most) => (text.length <= most ? text : `${text.slice(0, most / 2)}\u2026${text.slice(-most / 2 + 1)}`);

  gs.mount("[data-gs=ops]", (root) => new Ops(root));
})();
