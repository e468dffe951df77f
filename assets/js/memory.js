/* The Memory page: the chosen step's memory with its cursor, who is alive there and why, and the run's.
 *
 * The table follows the cursor (hover, arrows), which rests at the peak until a moment is clicked.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  const swatch = (colour, word) => gs.el("span", { class: "gs-mem-item" }, gs.el("span", { class: "gs-swatch", style: `background:var(--gs-${colour})` }), ` ${word}`);

  class MemoryPage {
    constructor(root) {
      this.root = root;
      this.by = "tensor";
      this.build();
      this.steps = new gs.Latest((answer) => this.gotStep(answer), (e) => this.problem(e));
      this.moments = new gs.Latest((answer) => this.gotMoment(answer), (e) => this.problem(e));
      this.runs = new gs.Latest((answer) => this.gotRun(answer), (e) => this.problem(e));
      this.stepAlong = new gs.Along(this.steps, () => (gs.state.step === null ? this.stepUrl() : null), ["state", "steps", "graphs", "control_rev"]);
      this.runAlong = new gs.Along(this.runs, () => this.runUrl(), ["state", "steps"], 1000);
      gs.memoryPage = this;
      gs.on((state, changed) => this.changed(changed));
      gs.live(() => this.news());
      new ResizeObserver(() => this.shown() && (this.late || !this.data) && this.ask()).observe(root);
    }

    shown() {
      return gs.onScreen(this.root);
    }

    build() {
      const el = gs.el, button = (label, title, act) => el("button", { type: "button", class: "gs-tool", title, onclick: act }, label);
      this.title = el("h2", {}, "Memory over the step");
      this.head = el("p", { class: "gs-mem-head", role: "status" });
      this.canvas = el("canvas", { role: "img", "aria-label": "Bytes alive over the step, by category" });
      this.slider = el("div", { class: "gs-mem-chart", role: "slider", tabindex: "0", "aria-label": "Moment of the step", "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0" }, this.canvas);
      this.legend = el("div", { class: "gs-mem-legend", role: "list", "aria-label": "Categories at the cursor" });
      this.peakButton = button("Peak", "Go to the moment of most memory (m)", () => this.toPeak());
      this.largest = button("Largest tensor", "Select the largest tensor alive at the cursor (g)", () => this.answer && this.answer.largest && gs.set({ node: this.answer.largest.id }));
      this.note = el("p", { class: "gs-mem-note" });
      this.whoTitle = el("h2", {}, "Alive at the peak");
      this.groups = ["tensor", "category", "module", "line"].map((name) => el("button", { type: "button", role: "radio", "data-by": name, onclick: () => this.group(name) }, name === "tensor" ? "Tensors" : `By ${name}`));
      const choice = el("div", { class: "gs-segments", role: "radiogroup", "aria-label": "Sum by" }, this.groups);
      choice.addEventListener("keydown", (e) => {
        const d = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
        if (!d) return;
        e.preventDefault();
        e.stopPropagation();
        const next = this.groups[(this.groups.indexOf(document.activeElement) + d + 4) % 4];
        next.focus();
        next.click();
      });
      this.table = el("div", { class: "gs-mem-scroll", tabindex: "0", role: "region", "aria-label": "What is alive" });
      this.runCanvas = el("canvas", { role: "img", "aria-label": "Bytes alive over the run, per step" });
      this.runTip = el("span", { class: "gs-mem-tip" });
      this.runHead = el("p", { class: "gs-mem-head" });
      this.growth = el("div", { class: "gs-mem-growth" });
      this.pools = el("section", { class: "gs-card gs-mem-pools", hidden: true, "aria-label": "Memory pools of devices" });
      this.off = el("section", { class: "gs-card gs-mem-off", hidden: true, "aria-label": "Not recorded" });
      this.cards = [
        el("section", { class: "gs-card gs-mem-step", "aria-label": "Memory over the step" }, el("header", {}, this.title, el("span", { class: "gs-spring" }), this.peakButton, this.largest), this.head, this.slider, this.legend, this.note),
        el("section", { class: "gs-card gs-mem-who", "aria-label": "What is alive" }, el("header", {}, this.whoTitle, el("span", { class: "gs-spring" }), choice), this.table),
        this.pools,
        el("section", { class: "gs-card gs-mem-run", "aria-label": "Memory over the run" }, el("header", {}, el("h2", {}, "Memory over the run"), this.runTip), this.runHead, el("div", { class: "gs-mem-runchart" }, this.runCanvas), this.growth),
      ];
      this.grid = el("div", { class: "gs-mem-grid" }, this.off, ...this.cards);
      this.root.replaceChildren(this.grid);
      this.chart = new gs.MemoryChart(this.canvas, { hover: (i) => this.look(i), pick: (i) => this.pick(i) });
      this.run = new gs.MemoryRun(this.runCanvas, this.runTip);
      this.slider.addEventListener("keydown", (e) => this.key(e));
      const mine = (combo, what, act) => gs.key(combo, what, () => (this.shown() ? act() : false), "memory");
      mine("m", "Moment of most memory", () => this.toPeak());
      mine("g", "Largest tensor", () => this.largest.click());
      this.group("tensor");
    }

    stepUrl() {
      return gs.state.run && this.shown() ? gs.url("/api/memory", { run: gs.state.run, step: gs.state.step }) : null;
    }

    runUrl() {
      return gs.state.run && this.shown() ? gs.url("/api/memory/run", { run: gs.state.run }) : null;
    }

    ask() {
      if (!this.runUrl()) return;
      this.late = false;
      this.askStep();
      this.runAlong.asking();
      this.runs.ask(this.runUrl());
    }

    askStep() {
      this.stepAlong.asking();
      this.steps.ask(this.stepUrl());
    }

    changed(changed) {
      const has = (key) => changed.includes(key);
      if (has("run")) {
        this.steps.drop();
        this.moments.drop();
        this.runs.drop();
        this.data = this.answer = this.over = null;
        this.chart.pinned = false;
        delete this.canvas.dataset.ready;
      }
      if (!this.shown()) {
        if (has("run") || has("step")) this.late = true;
        return;
      }
      if (has("run") || (has("page") && (this.late || !this.data))) this.ask();
      else if (has("step")) {
        this.askStep();
        this.run.paint();
      }
      if (has("node")) this.mark();
    }

    news() {
      if (gs.state.step !== null && this.data && gs.card && gs.card.state !== "live") return;
      if (!this.shown()) this.late = true; // else what is new comes along with the card
    }

    problem(error) {
      this.head.textContent = error.message;
      this.canvas.dataset.ready = "0";
    }

    gotStep(answer) {
      this.data = answer;
      this.off.hidden = answer.recorded;
      for (const card of this.cards.slice(0, 2)) card.hidden = !answer.recorded;
      this.title.textContent = `Memory over ${answer.kind === "eval" ? "eval " : ""}step ${gs.units.count(answer.step)}`;
      this.canvas.dataset.step = String(answer.step);
      if (!answer.recorded) {
        this.pools.hidden = true;
        this.canvas.dataset.ready = "0";
        const off = answer.why.includes("memory=False");
        this.off.replaceChildren(gs.el("h2", {}, off ? "Memory was not recorded" : "No memory in this step"), gs.el("p", {}, answer.why + "."),
          ...(off ? [gs.el("p", {}, "Record the next run with memory on:"), gs.el("pre", { tabindex: "0" }, answer.switch)] : []));
        return;
      }
      this.note.textContent = answer.note;
      this.chart.show(answer);
      this.slider.setAttribute("aria-valuemax", String(answer.at.length - 1));
      this.showPools(answer.pools);
      // The table is the pointer's as long as it is on the chart.
      const { hovered, cursor, peak } = this.chart, at = hovered === null ? cursor : Math.min(hovered, answer.at.length - 1);
      if (at === peak) this.gotMoment(answer);
      else this.look(at);
      this.canvas.dataset.ready = String(answer.at.length);
    }

    toPeak() {
      if (!this.data || !this.data.recorded) return;
      this.chart.go(this.chart.peak);
      this.look(this.chart.peak);
    }

    /* The table of what is alive while an op runs; final for a step, so asked for once. */
    look(i) {
      if (i === null || !this.data) return;
      this.told(i);
      const node = this.data.node[i];
      if (node === this.data.peak) {
        this.moments.rest();
        return this.gotMoment(this.data);
      }
      this.moments.ask(gs.url("/api/memory/at", { run: gs.state.run, step: this.data.step, node }), true);
    }

    /* The sums of the stacks at the cursor are here already: they follow without asking. */
    told(i) {
      const { stacks, texts, op, line, at } = this.data, total = this.chart.total[i];
      const words = `${gs.units.bytes(total)} while ${texts[op[i]]}${texts[line[i]] ? ` (${texts[line[i]]})` : ""} runs`;
      this.head.textContent = `${words}, ${gs.ns(at[i])} into the step`;
      this.slider.setAttribute("aria-valuenow", String(i));
      this.slider.setAttribute("aria-valuetext", words);
      this.legend.replaceChildren(...stacks.map(([name, column]) => gs.el("span", { role: "listitem" }, gs.el("span", { class: "gs-swatch", style: `background:var(--gs-${gs.memoryColour(name)})` }), `${name} `, gs.el("b", {}, gs.units.bytes(column[i])))));
    }

    pick(i) {
      this.chart.go(i);
      this.picking = this.data.node[i]; // chosen when its answer is here, which may be at once
      this.look(i);
    }

    key(e) {
      const far = e.shiftKey ? 10 : 1, last = this.data && this.data.at ? this.data.at.length - 1 : 0;
      const to = { ArrowRight: this.chart.cursor + far, ArrowLeft: this.chart.cursor - far, Home: 0, End: last }[e.key];
      if (!this.data || !this.data.recorded || (to === undefined && e.key !== "Enter")) return;
      e.preventDefault();
      e.stopPropagation();
      if (e.key === "Enter") return this.pick(this.chart.cursor);
      this.chart.go(to);
      this.look(this.chart.cursor);
    }

    gotMoment(answer) {
      this.answer = answer;
      const here = answer.moment.node;
      const i = this.data.node.indexOf(here);
      if (i >= 0) this.told(i);
      if (this.picking === here) {
        this.picking = null;
        gs.set({ node: answer.moment.id });
      }
      this.whoTitle.textContent = here === this.data.peak ? "Alive at the peak" : `Alive ${answer.moment.time}`;
      this.largest.disabled = !answer.largest;
      this.largest.textContent = answer.largest ? `Largest tensor ${answer.largest.size}` : "Largest tensor";
      this.rows();
    }

    group(name) {
      this.by = name;
      for (const b of this.groups) {
        b.setAttribute("aria-checked", String(b.dataset.by === name));
        b.tabIndex = b.dataset.by === name ? 0 : -1;
      }
      this.rows();
    }

    rows() {
      if (!this.answer) return;
      const el = gs.el, { by, answer } = this, list = by === "tensor" ? answer.rows : answer.by[by];
      const top = list.length ? Math.max(...list.map((row) => row.share)) : 1;
      const bar = (row, category) => el("td", { class: "gs-num gs-share-bar", style: `--f:${row.share / Math.max(top, 0.2)};--c:var(--gs-${gs.memoryColour(category)})` }, row.share_text);
      const scroll = this.table.scrollTop, had = document.activeElement && this.table.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      const names = by === "tensor" ? ["size", "share", "tensor", "shape", "what", "line", "why it is alive"] : ["size", "share", by];
      const body = by === "tensor"
        ? list.map((row) => el("tr", { "data-id": row.id, "aria-selected": String(Boolean(row.id) && row.id === gs.state.node) },
          el("td", { class: "gs-num" }, row.size), bar(row, row.category),
          el("td", {}, row.id ? el("button", { type: "button", class: "gs-link", "data-key": `${row.id} ${row.label}`, onclick: () => gs.set({ node: row.id }) }, gs.breaks(row.label)) : gs.breaks(row.label)),
          el("td", { class: "gs-mono" }, row.shape), el("td", {}, el("span", { class: "gs-swatch", style: `background:var(--gs-${gs.memoryColour(row.category)})` }), row.category),
          el("td", { class: "gs-mono" }, row.line), el("td", {}, row.why)))
        : list.map((row) => el("tr", {}, el("td", { class: "gs-num" }, row.size), bar(row, by === "category" ? row.key : "saved for backward"), el("td", {}, row.key)));
      this.table.replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, ...names.map((name, k) => el("th", { scope: "col", class: k < 2 ? "gs-num" : null }, name)))), el("tbody", {}, body)),
        ...(by === "tensor" && answer.more ? [el("p", {}, `and ${answer.more} more`)] : []));
      this.table.scrollTop = scroll;
      if (had) [...this.table.querySelectorAll("[data-key]")].filter((b) => b.dataset.key === had).slice(0, 1).forEach((b) => b.focus({ preventScroll: true }));
    }

    mark() {
      for (const row of this.table.querySelectorAll("tr[data-id]")) row.setAttribute("aria-selected", String(row.dataset.id === gs.state.node));
    }

    showPools(pools) {
      this.pools.hidden = !pools.length;
      this.pools.replaceChildren(...pools.flatMap(({ device, bars }) => {
        const most = Math.max(1, ...bars.map((b) => b[1]));
        return [gs.el("h2", {}, `Pool of ${device}`), gs.el("dl", {}, bars.flatMap(([name, size, text]) => [gs.el("dt", {}, name), gs.el("dd", { style: `--f:${size / most}` }, text)]))];
      }));
    }

    /* What was alive when a step began: by category, where memory was looked at between steps. */
    began(stacks) {
      if (!stacks.length) return [swatch("memory-2", "when it began")];
      return ["when it began: ", ...stacks.flatMap(([name]) => [swatch(gs.memoryColour(name), name), " "])];
    }

    gotRun(answer) {
      this.over = answer;
      this.cards[3].hidden = !answer.recorded;
      if (!answer.recorded) return;
      this.run.show(answer);
      this.runCanvas.dataset.ready = String(answer.num.length);
      const most = answer.most;
      this.runHead.replaceChildren(...(most ? [`most ${most[2]} in `, gs.el("button", { type: "button", class: "gs-link", onclick: () => gs.set({ step: most[0] }) }, `step ${gs.units.count(most[0])}`), ". ", swatch("memory-4", "at most in a step;"), " ", ...this.began(answer.stacks || [])] : ["no step yet"]));
      const rows = answer.survivors.map((row) => gs.el("tr", {}, gs.el("td", { class: "gs-num" }, row.per_step), gs.el("td", {}, row.op), gs.el("td", { class: "gs-mono" }, row.line), gs.el("td", {}, row.module), gs.el("td", { class: "gs-num" }, row.steps)));
      this.growth.replaceChildren(
        gs.el("p", { class: answer.growth.grows ? "gs-mem-grows" : null }, answer.growth.text.charAt(0).toUpperCase() + answer.growth.text.slice(1) + (answer.growth.text.endsWith(".") ? "" : ".")),
        ...(rows.length ? [gs.el("h3", {}, answer.growth.grows ? "What stays behind: growth suspects" : "What outlives its step"), gs.el("table", {}, gs.el("thead", {}, gs.el("tr", {}, ...["a step", "made by", "line", "module", "steps seen"].map((name, k) => gs.el("th", { scope: "col", class: k === 0 || k === 4 ? "gs-num" : null }, name)))), gs.el("tbody", {}, rows))] : []));
    }
  }

  gs.mount("[data-gs=memory]", (root) => new MemoryPage(root));
})();
