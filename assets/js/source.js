/* The Source tab: the user's file with what each line costs at its left, and the ops of a line below.
 *
 * Only the lines in view are in the document, so 5,000 of them scroll as fast as 50. The text comes
 * once per file; the numbers come anew when the run has news. A click on a line selects its slowest
 * op; a node that is selected elsewhere brings its line into view.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const PACE = 1000, SPARE = 12;
  const CLASSES = { k: "gs-tok-k", d: "gs-tok-d", b: "gs-tok-b", s: "gs-tok-s", n: "gs-tok-n", c: "gs-tok-c" };

  class Source {
    constructor(root) {
      this.root = root;
      this.page = root.closest("[data-gs=ops]");
      this.span = "all";
      this.text = null; // one file: lines, marks, blocks
      this.costs = null; // its numbers
      this.line = null; // the chosen line
      this.asked = -1e9;
      this.code = new gs.Latest((a) => this.gotText(a), (e) => this.problem(e.message));
      this.numbers = new gs.Latest((a) => this.gotCosts(a), (e) => this.problem(e.message));
      this.build();
      this.page.addEventListener("gs:span", (e) => {
        this.span = e.detail;
        this.now();
      });
      gs.on((state, changed) => this.changed(changed));
      gs.live(() => {
        this.soon();
        this.stand();
      });
      gs.onTheme(() => this.paint(true));
      this.ask();
    }

    build() {
      this.files = el("select", { "aria-label": "File", class: "gs-file", onchange: () => this.open(this.files.value) });
      this.copy = el("button", { type: "button", class: "gs-tool", title: gs.tip ? gs.tip("Copy path:line") : "", onclick: () => gs.copyText(this.place(), this.copy) }, "Copy path:line");
      this.editor = el("a", { class: "gs-tool gs-src-editor", hidden: true }, "Open in editor");
      this.note = el("span", { class: "gs-by", role: "status" });
      this.head = el("div", { class: "gs-src-head", "aria-hidden": "true" },
        el("span", {}, "time"), el("span", {}, "share"), el("span", {}, "ops"), el("span", {}, "output"), el("span", {}, ""));
      this.box = el("div", { class: "gs-src-lines", role: "listbox", tabindex: "0", "aria-label": "Source lines" });
      this.space = el("div", { class: "gs-src-space" });
      this.box.append(this.space);
      this.over = el("div", { class: "gs-src-map", title: "Where in the file the time goes", "aria-hidden": "true", onclick: (e) => {
        const rect = this.over.getBoundingClientRect();
        this.box.scrollTop = (e.clientY - rect.top) / rect.height * this.box.scrollHeight - this.box.clientHeight / 2;
      } });
      this.panel = el("section", { class: "gs-src-ops", "aria-label": "Ops of the line" });
      this.root.replaceChildren(el("div", { class: "gs-src-bar" }, this.files, this.copy, this.editor, this.note), this.head, el("div", { class: "gs-src-main" }, this.box, this.over), this.panel);
      this.box.addEventListener("scroll", () => this.paint(), { passive: true });
      this.box.addEventListener("click", (e) => {
        const row = e.target.closest("[data-line]");
        if (row && !String(getSelection())) this.choose(Number(row.dataset.line), true);
      });
      this.box.addEventListener("keydown", (e) => this.walk(e));
      new ResizeObserver(() => this.paint(true)).observe(this.box);
      this.says("Choose a line to see its ops.");
    }

    shown() {
      return gs.state.page === "ops" && gs.state.tab === "source";
    }

    changed(changed) {
      const has = (...keys) => keys.some((key) => changed.includes(key));
      if (has("run")) {
        this.code.drop();
        this.numbers.drop();
        this.text = this.costs = this.line = null;
        this.file = "";
      }
      if (has("node") && this.shown()) this.follow();
      if (has("run", "page", "tab", "step")) this.now();
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
      if (!gs.state.run || !this.shown()) return;
      this.asked = performance.now();
      const { run, step, node } = gs.state;
      if (!this.text) this.code.ask(gs.url("/api/code", { run, step, file: this.file, node: this.file ? null : node }));
      else this.numbers.ask(gs.url("/api/code_lines", { run, step, file: this.text.file, span: this.span }));
    }

    open(file) {
      this.file = file;
      this.text = this.costs = this.line = null;
      this.now();
    }

    gotText(answer) {
      this.text = answer;
      this.file = answer.file;
      this.costs = null;
      this.files.replaceChildren(...answer.files.map((f) => el("option", { value: f.file, title: f.file }, f.share ? `${f.short} \u00b7 ${gs.units.share(f.share)}` : f.short)));
      this.files.value = answer.file;
      this.files.disabled = answer.files.length < 2;
      this.space.style.height = `${answer.lines.length * this.height()}px`;
      this.box.scrollTop = 0;
      this.line = answer.line;
      if (!answer.lines.length) this.problem(answer.files.length ? "The text of this file was not recorded." : "No op of this run has a source line.");
      else this.problem("");
      const longest = answer.lines.reduce((most, line) => Math.max(most, line.length), 0);
      this.space.style.minWidth = `calc(var(--gs-src-left) + ${longest + 2}ch)`;
      this.paint(true);
      this.goto(answer.line);
      this.links();
      this.now();
    }

    gotCosts(answer) {
      if (!this.text || answer.file !== this.text.file) return;
      this.costs = answer;
      const rows = Object.entries(answer.lines).map(([line, row]) => [Number(line), row]);
      this.unit = gs.units.unit(rows.map(([, r]) => r.forward + r.backward), "ns");
      this.size = gs.units.unit(rows.map(([, r]) => r.bytes), "bytes");
      this.most = Math.max(1, ...rows.map(([, r]) => r.forward + r.backward));
      this.blocks = new Map();
      for (const [first, last] of this.text.blocks) {
        if (answer.lines[first] && answer.lines[first].calls) continue; // its head has a cost of its own
        let sum = 0;
        for (const [line, r] of rows) if (line > first && line <= last) sum += r.forward + r.backward;
        if (sum) this.blocks.set(first, sum);
      }
      this.found = new Map();
      for (const [line, severity, title] of answer.findings) this.found.set(line, [...(this.found.get(line) || []), [severity, title]]);
      this.of = new Map(rows.flatMap(([line, r]) => (r.nodes || []).map((id) => [id, line])));
      const words = answer.span === "step" ? `step ${answer.first}` : `mean of ${gs.units.count(answer.steps)} steps`;
      this.tell([`times: ${words}`, answer.value_step !== null && answer.value_step !== answer.step ? `values from step ${gs.units.count(answer.value_step)}` : "", answer.note].filter(Boolean).join(" \u00b7 "));
      this.paint(true);
      const hot = rows.reduce((most, row) => (!most || spent(row[1]) > spent(most[1]) ? row : most), null);
      const line = (gs.state.node && this.of.get(gs.state.node)) || (this.line === null && hot ? hot[0] : undefined);
      if (line !== undefined && line !== this.line) this.goto(line);
      this.map(rows);
      this.ops();
      this.stand();
      this.root.dataset.ready = String(rows.length);
    }

    /* Beside the scroll bar: where in the file the time goes. */
    map(rows) {
      const whole = Math.max(this.text.lines.length * this.height(), this.box.clientHeight);
      this.over.replaceChildren(...rows.filter(([, r]) => spent(r) > 0).map(([line, r]) => {
        const i = el("i");
        i.style.top = `${(100 * (line - 1) * this.height() / whole).toFixed(2)}%`;
        i.style.background = gs.heat("time", 0.4 + 0.6 * spent(r) / this.most);
        return i;
      }));
    }

    /* A node was selected: its line, in whatever file it is. */
    follow() {
      const { node } = gs.state;
      if (!node || !this.of) return;
      const line = this.of.get(node);
      if (line !== undefined) {
        if (line !== this.line) this.goto(line);
        this.ops();
      } else if (/^n\d+$/.test(node)) {
        const { run, step } = gs.state;
        gs.fetchJson(gs.url("/api/code", { run, step, node })).then((a) => {
          if (gs.state.node === node && a.line !== null && (!this.text || a.file !== this.text.file)) this.gotText(a);
        }, (error) => this.tell(error.message));
      }
    }

    /* The line at which a program waits; null while it runs. A program that goes on takes the reader along. */
    stand() {
      const control = gs.control && gs.control(), at = control && control.state === "paused" ? control.at : null;
      const line = at && this.of && gs.state.step === null ? this.of.get(`n${at.node}`) || null : null;
      if (line === this.waits) return;
      this.waits = line;
      if (line && this.shown()) this.goto(line);
      this.paint(true);
    }

    goto(line) {
      if (!line || !this.text) return;
      this.choose(line, false);
      const h = this.height(), top = (line - 1) * h;
      if (top < this.box.scrollTop + h || top > this.box.scrollTop + this.box.clientHeight - 3 * h) this.box.scrollTop = Math.max(0, top - this.box.clientHeight / 3);
      this.paint();
    }

    choose(line, tell) {
      this.line = line;
      this.paint(true);
      this.ops();
      this.links();
      const row = this.costs && this.costs.lines[line];
      if (tell && row && row.ops && row.ops.length) gs.set({ node: row.ops[0].id });
    }

    walk(e) {
      const d = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20 }[e.key];
      if (!this.text || (!d && e.key !== "Enter")) return;
      e.preventDefault();
      if (e.key === "Enter") return void (this.line && this.choose(this.line, true));
      this.goto(Math.min(Math.max((this.line || 1) + d, 1), this.text.lines.length));
    }

    place() {
      return this.text ? `${this.text.file}:${this.line || 1}` : "";
    }

    links() {
      this.copy.disabled = !this.text || !this.text.file;
      const link = this.text && this.text.editor;
      this.editor.hidden = !link;
      // Only followed when it is clicked; the server made it for a file that is on this machine.
      if (link && link.startsWith("vscode://file/")) this.editor.href = `${link}:${this.line || 1}`;
    }

    height() {
      return 20 * (gs.type || 1);
    }

    paint(again) {
      if (!this.text) return void this.space.replaceChildren();
      const h = this.height(), count = this.text.lines.length;
      const first = Math.max(0, Math.floor(this.box.scrollTop / h) - SPARE);
      const last = Math.min(count, Math.ceil((this.box.scrollTop + this.box.clientHeight) / h) + SPARE);
      if (!again && this.from === first && this.to === last) return;
      [this.from, this.to] = [first, last];
      const rows = [];
      for (let k = first; k < last; k++) rows.push(this.row(k, h));
      this.space.style.height = `${count * h}px`;
      this.space.replaceChildren(...rows);
    }

    row(k, h) {
      const line = k + 1, cost = this.costs && this.costs.lines[line], spent = cost ? cost.forward + cost.backward : 0;
      const block = !spent && this.blocks ? this.blocks.get(line) : 0;
      const findings = this.found && this.found.get(line);
      const here = line === this.line, waits = line === this.waits;
      const row = el("div", { class: `gs-src-row${here ? " gs-here" : ""}${waits ? " gs-waits" : ""}${cost && cost.ops && cost.ops.length ? " gs-has" : ""}`, "data-line": line, role: "option", "aria-selected": String(here), id: `gs-line-${line}` },
        this.bars(cost, spent, block),
        el("span", { class: "gs-src-n" }, cost && spent ? gs.units.share(cost.share) : ""),
        el("span", { class: "gs-src-n" }, cost && cost.calls ? gs.units.count(Math.round(cost.calls * 10) / 10) : ""),
        el("span", { class: "gs-src-n" }, cost && cost.bytes ? gs.units.bytes(cost.bytes, this.size) : ""),
        el("span", { class: "gs-src-find" }, findings ? el("span", { class: `gs-icon gs-icon-${findings[0][0]}`, title: findings.map((f) => f[1]).join("\n"), role: "img", "aria-label": findings.map((f) => `${f[0]}: ${f[1]}`).join("; ") }) : null),
        el("span", { class: "gs-line-no" }, line),
        el("code", {}, this.coloured(k), waits ? el("span", { class: "gs-src-waits" }, "the training waits here") : null));
      if (here) this.box.setAttribute("aria-activedescendant", row.id);
      row.style.top = `${k * h}px`;
      return row;
    }

    bars(cost, spent, block) {
      if (!spent) return el("span", { class: "gs-src-time" }, block ? el("span", { class: "gs-src-sum", title: "All lines of this block together, a step" }, `\u03a3 ${gs.units.ns(block, this.unit)}`) : null);
      const part = (ns, phase) => {
        const i = el("i");
        i.style.width = `${(100 * ns / this.most).toFixed(2)}%`;
        i.style.background = gs.color(`phase-${phase}`);
        return i;
      };
      return el("span", { class: "gs-src-time", title: `a step: forward ${gs.units.ns(cost.forward)}, backward ${gs.units.ns(cost.backward)}` },
        el("span", { class: "gs-src-bar2" }, part(cost.forward, "forward"), part(cost.backward, "backward")), el("b", {}, gs.units.ns(spent, this.unit)));
    }

    coloured(k) {
      const text = this.text.lines[k], out = [];
      let at = 0;
      for (const [first, length, kind] of this.text.marks[k] || []) {
        if (first < at) continue;
        if (first > at) out.push(text.slice(at, first));
        out.push(el("span", { class: CLASSES[kind] }, text.slice(first, first + length)));
        at = first + length;
      }
      if (at < text.length) out.push(text.slice(at));
      return out;
    }

    /* The ops of the chosen line, with value and gradient at the step that is looked at. */
    ops() {
      const row = this.line && this.costs && this.costs.lines[this.line];
      if (!row || !row.ops || !row.ops.length) return this.says(this.line ? `No op ran at line ${this.line} in step ${this.costs ? gs.units.count(this.costs.step) : ""}.` : "Choose a line to see its ops.");
      const unit = gs.units.unit(row.ops.map((o) => Math.max(o.forward, o.backward)), "ns");
      const head = el("div", { class: "gs-src-op gs-src-op-head", "aria-hidden": "true" }, ["op", "shape", "value", "gradient", "forward", "backward"].map((word) => el("span", {}, word)));
      const items = row.ops.map((o) => el("button", { type: "button", class: "gs-src-op", "aria-pressed": String(o.id === gs.state.node), onclick: () => gs.set({ node: o.id }), ondblclick: () => gs.reveal && gs.reveal(o.id) },
        el("span", {}, el("b", {}, o.label), o.op !== o.label ? ` ${o.op}` : ""), el("span", {}, o.shape), el("span", { class: "gs-src-v" }, o.v || "\u2014"), el("span", { class: "gs-src-g" }, o.g ? `\u2202 ${o.g}` : "\u2014"),
        el("span", {}, gs.units.ns(o.forward, unit)), el("span", {}, o.backward ? gs.units.ns(o.backward, unit) : "\u2014")));
      const found = (this.found && this.found.get(this.line)) || [];
      const graph = el("button", { type: "button", class: "gs-tool", onclick: () => (gs.reveal ? gs.reveal(gs.state.node || row.ops[0].id) : gs.set({ page: "graph" })) }, "Show in the graph");
      const more = row.count - row.ops.length;
      this.panel.replaceChildren(
        el("header", {}, el("b", {}, `Line ${this.line}`), el("span", { class: "gs-quiet" }, `${gs.units.count(row.count)} op${row.count === 1 ? "" : "s"} at step ${gs.units.count(this.costs.step)}${more > 0 ? `, ${gs.units.count(more)} not listed` : ""}`), graph),
        ...found.map(([severity, title]) => el("p", { class: "gs-src-finding" }, el("span", { class: `gs-icon gs-icon-${severity}` }), title)), head, ...items);
    }

    says(text) {
      this.panel.replaceChildren(el("p", { class: "gs-quiet" }, text));
    }

    tell(text) {
      if (this.note.textContent !== text) this.note.textContent = text;
    }

    problem(text) {
      this.tell(text);
    }
  }

  const spent = (r) => r.forward + r.backward;

  gs.mount("[data-gs=source]", (root) => new Source(root));
})();
