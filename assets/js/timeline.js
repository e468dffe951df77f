/* The Time page: which window of the run is loaded, what is looked at, and what is chosen.
 *
 * The server sends a window of steps op by op (gs.Tape) and the whole run as step blocks. The view moves freely;
 * once it leaves the window, or asks for finer detail than was sent, the next window is fetched while what is
 * there stays on screen. Step, node and run are gs.state; the view itself is nobody's business but this page's.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const STEPS = 300; // more steps in view than this are blocks

  class TimePage {
    constructor(root) {
      this.root = root;
      this.canvas = root.querySelector("canvas");
      this.note = root.querySelector(".gs-time-note");
      this.lanes = ["data", "forward", "backward", "update", "copies"];
      this.clear();
      this.wide = () => this.url("/api/timeline", { step: gs.state.step, px: Math.round(this.axis.wide) });
      this.windows = new gs.Latest((tape, url) => this.gotTape(tape, url), (e) => this.problem(e));
      this.far_ = new gs.Latest((answer, url) => this.gotBlocks(answer, url), (e) => this.problem(e));
      this.along = new gs.Along(this.windows, () => (gs.grows() && (gs.state.step === null || !this.tape) ? this.wide() : null), ["state", "steps", "graphs", "control_rev"]);
      this.farAlong = new gs.Along(this.far_, () => (gs.grows() ? this.url("/api/timeline/blocks") : null), ["state", "steps"]);
      this.axis = new gs.Axis(this.canvas, {
        paint: (ctx) => this.paint(ctx),
        tap: (at, e) => (this.mode === "heavy" ? this.heavy.tap(at) : this.pointer.tap(at, e)),
        double: (at) => (this.mode === "heavy" ? this.heavy.double(at) : this.pointer.double(at)),
        hover: (at) => this.tip.hover(at),
        moved: () => this.moved(),
        own: () => (this.fitted = false),
        range: (a, b, done) => this.choose(a, b, done),
        resized: (size) => this.resized(size),
      });
      this.pointer = new gs.TimePointer(this);
      this.tip = new gs.TimeTip(this);
      this.table = new gs.RangeTable(root.querySelector(".gs-range"), this);
      this.heavy = new gs.Heavy(this);
      gs.buildTimeBar(root.querySelector(".gs-toolbar"), this);
      gs.timePage = this;
      gs.on((state, changed) => this.changed(changed));
      gs.live(() => this.news());
      this.ask();
    }

    clear() {
      Object.assign(this, { tape: null, whole: null, part: null, found: null, range: null, picked: null, fitted: true, rows: [], mode: "lanes" });
      delete this.canvas.dataset.ready;
    }

    shown() {
      return gs.onScreen(this.root);
    }

    /* -- what is asked for ---------------------------------------------------------------------- */

    /* A question about the watched run; null while there is nothing to draw on. */
    url(path, more) {
      return gs.state.run && this.shown() && this.axis.size.width >= 2 ? gs.url(path, { run: gs.state.run, ...more }) : null;
    }

    /* What the reader wants. While the run grows what is new comes along with its card. */
    ask() {
      if (!gs.state.run || !this.shown()) return;
      const blocks = this.url("/api/timeline/blocks");
      this.late = !blocks; // not laid out yet: resized() asks again
      if (this.late) return;
      this.farAlong.asking();
      this.far_.ask(blocks);
      this.along.asking();
      this.windows.ask(this.wide());
    }

    /* The end of a run that grew is asked for. */
    news() {
      const grew = this.grew;
      this.grew = gs.grows() ? gs.state.run : null;
      if (!this.shown()) this.late = true;
      else if (grew === gs.state.run && !this.grew) this.ask();
    }

    changed(changed) {
      const has = (key) => changed.includes(key);
      if (has("run")) {
        this.windows.drop();
        this.far_.drop();
        this.clear();
        this.table.close();
        this.heavy.clear();
        this.tell("");
        this.axis.top = 0;
      }
      if (!this.shown()) return void (this.late = this.late || has("run") || has("step"));
      if (has("run") || has("page") && (this.late || !this.tape)) this.ask();
      else if (has("step")) this.toStep();
      if (has("scope")) this.find(this.finding);
      if (has("node")) this.tip.list();
      this.axis.request();
    }

    toStep() {
      if (this.ownStep) {
        this.ownStep = false;
        return;
      }
      const at = this.tape && gs.state.step !== null ? this.tape.place(gs.state.step, "train") : -1;
      if (at < 0 || this.tape.least > 0) return this.ask();
      this.follow(this.tape.steps[at]);
    }

    gotTape(head, url) {
      const first = !this.tape;
      this.tape = new gs.Tape(head);
      this.picked = null;
      this.axis.first = Math.min(this.axis.first, this.tape.steps.length ? this.tape.steps[0][2] : 0);
      if (!url.includes("from=") && head.chosen >= 0) this.follow(this.tape.steps[head.chosen], first);
      this.find(this.finding);
      this.bound();
      this.tell(this.line());
      this.canvas.dataset.ready = String(this.tape.c.op_begin.length);
      this.canvas.dataset.least = String(Math.round(head.least));
      this.axis.request();
      this.tip.soon();
    }

    gotBlocks(answer, url) {
      if (url.includes("from=")) this.part = answer;
      else this.whole = answer;
      this.bound();
      this.axis.request();
    }

    bound() {
      const last = Math.max(this.whole ? this.whole.to : 0, this.tape ? this.tapeEnd() : 0);
      const first = Math.min(this.whole && this.whole.steps ? this.whole.from : Infinity, this.tape && this.tape.steps.length ? this.tape.steps[0][2] : Infinity);
      if (Number.isFinite(first)) this.axis.bounds(first, last);
    }

    /* Shows a step: whole if the reader has not moved, else at the place in the step where the view was. */
    follow(step) {
      const [num, kind, begin, wall] = step;
      const was = this.at, span = this.axis.b - this.axis.a;
      this.at = { num, kind, begin, wall };
      this.bound();
      if (this.fitted || !was) this.axis.look(begin - wall * 0.02, begin + wall * 1.03);
      else this.axis.look(this.axis.a + begin - was.begin, this.axis.a + begin - was.begin + span);
      this.canvas.dataset.step = String(num);
      this.tell(this.line());
    }

    /* Another step is the chosen one, and the view stays. */
    stay(step) {
      this.ownStep = true;
      this.at = { num: step[0], kind: step[1], begin: step[2], wall: step[3] };
      this.canvas.dataset.step = String(step[0]);
      this.tell(this.line());
    }

    moved() {
      this.canvas.dataset.span = String(Math.round(this.axis.b - this.axis.a));
      clearTimeout(this.settle);
      this.settle = setTimeout(() => this.refine(), 120);
      this.tip.soon();
    }

    /* The view rests: is what was sent enough for it? */
    refine() {
      if (!this.shown() || !this.whole || !this.tape || this.mode !== "lanes") return;
      const { a, b, wide } = this.axis, span = b - a, run = gs.state.run;
      if (this.stepsInView() > STEPS) {
        const seen = gs.blockBands(this.blocks(), a, b);
        if (seen.some((band) => band.count > 1) && seen.length < 400) this.far_.ask(gs.url("/api/timeline/blocks", { run, from: Math.round(a - span), to: Math.round(b + span) }));
        return;
      }
      const from = Math.max(a, this.axis.first), to = Math.min(b, this.axis.last);
      const covered = this.tape.from <= from && this.tape.to >= to;
      const coarse = this.tape.least > 0 && this.tape.least > (1.5 * 0.7 * span) / wide;
      if (covered && !coarse) return;
      this.windows.ask(gs.url("/api/timeline", { run, from: Math.round(a - span), to: Math.round(b + span), px: Math.round(wide) }));
    }

    /* -- what the painter wants to know --------------------------------------------------------- */

    blocks() {
      const { part, whole } = this, { a, b } = this.axis;
      const inside = part && part.begin.length && part.begin[0] <= Math.max(a, this.axis.first) && part.end[part.end.length - 1] >= Math.min(b, this.axis.last);
      return inside ? part : whole;
    }

    stepsInView() {
      return gs.blockBands(this.blocks(), this.axis.a, this.axis.b).reduce((n, band) => n + band.count, 0);
    }

    far() {
      return !this.tape || this.stepsInView() > STEPS || this.axis.a > this.tape.to || this.axis.b < this.tape.from;
    }

    bands() {
      if (this.far() || !this.tape) return gs.blockBands(this.blocks(), this.axis.a, this.axis.b);
      const own = this.tape.steps.map((s) => ({ num: s[0], last: s[0], kind: s[1], count: 1, begin: s[2], end: s[2] + s[3], bad: s[4] === "ok" ? 0 : 2 }));
      const rest = gs.blockBands(this.whole, this.axis.a, this.axis.b).filter((band) => band.end <= this.tape.from || band.begin >= this.tape.to);
      return [...own, ...rest];
    }

    ticks() {
      const { a, b, wide } = this.axis;
      return gs.ticks(a, b, wide, this.origin());
    }

    origin() {
      return this.at && this.axis.b - this.axis.a < 60 * this.at.wall ? this.at.begin : this.axis.first;
    }

    since() {
      return this.origin() === this.axis.first && !(this.at && this.at.begin === this.axis.first) ? "in the run" : `in ${this.at && this.at.kind === "eval" ? "eval" : "step"} ${this.at ? gs.units.count(this.at.num) : ""}`;
    }

    state() {
      return { step: this.at ? this.at.num : null };
    }

    chosen() {
      return this.at ? this.tape.place(this.at.num, this.at.kind) : -1;
    }

    marked() {
      const at = this.chosen();
      return at < 0 ? [] : this.tape.marked(gs.state.node, this.tape.steps[at][8]);
    }

    has(lane) {
      const column = this.whole && this.whole.parts[this.whole.columns.indexOf(lane)];
      return Boolean(column && column.some((ns) => ns > 0));
    }

    remembers() {
      return Boolean(this.whole && this.whole.peak.some((n) => n > 0));
    }

    tapeEnd() {
      const last = this.tape.steps[this.tape.steps.length - 1];
      return last ? last[2] + last[3] : 0;
    }

    /* The most bytes in view: an evaluation outside of it must not flatten the step that is looked at. */
    mostLive() {
      const { tape } = this, { a, b } = this.axis;
      const from = tape.tick(a), to = tape.tick(b);
      if (tape.highOf && tape.highOf[0] === from && tape.highOf[1] === to) return tape.high;
      tape.highOf = [from, to];
      return (tape.high = Math.max(1, tape.mostLive(from, to)));
    }

    /* The second line of a row's label: time in view, or the most memory. */
    told(row) {
      if (this.axis.left < 100) return "";
      const { a, b } = this.axis;
      if (row.kind === "memory") return this.far() ? `peak ${gs.units.bytes(Math.max(...this.whole.peak))}` : `most ${gs.units.bytes(this.mostLive())}`;
      if (row.kind === "flame") return "";
      if (this.far()) {
        const blocks = this.blocks(), column = blocks && blocks.parts[blocks.columns.indexOf(row.name)];
        return column ? gs.ns(gs.blockBands(blocks, a, b).reduce((sum, band) => sum + column[band.i], 0)) : "";
      }
      return gs.ns(row.row.within(this.tape.tick(a), this.tape.tick(b)) * this.tape.unit);
    }

    line() {
      if (!this.tape || !this.at) return "";
      const step = this.tape.steps[this.chosen()];
      if (!step) return "";
      const parts = [`${step[1] === "eval" ? "eval " : ""}step ${gs.units.count(step[0])}`, gs.ns(step[3])];
      if (step[7]) parts.splice(1, 0, `loss ${step[7]}`);
      if (step[6] !== step[0]) parts.push(`times of the ops from step ${gs.units.count(step[6])}`);
      if (step[4] !== "ok") parts.push(step[4]);
      return parts.join(" \u00b7 ");
    }

    tell(text, bad) {
      this.note.textContent = text;
      this.note.classList.toggle("gs-bad", Boolean(bad));
    }

    problem(error) {
      this.tell(error.message, true);
      if (!this.tape) this.canvas.dataset.ready = "0";
    }

    paint(ctx) {
      if (this.mode === "heavy") this.heavy.paint(ctx);
      else if (this.tape || this.whole) gs.paintTimeline(ctx, this);
    }

    resized(size) {
      if (size.width > 1 && (this.late || !this.tape)) this.ask();
    }

    /* -- what the reader does ------------------------------------------------------------------- */

    fit() {
      if (this.mode === "heavy") return this.heavy.fit();
      this.fitted = true;
      if (this.at) this.axis.look(this.at.begin - this.at.wall * 0.02, this.at.begin + this.at.wall * 1.03, "calm");
    }

    fitRun() {
      this.fitted = false;
      const d = (this.axis.last - this.axis.first) * 0.02;
      this.axis.look(this.axis.first - d, this.axis.last + d, "calm");
    }

    /* What matches the search stays bright; without a search, what lies in the chosen scope does. */
    find(text) {
      this.finding = text || "";
      this.found = !this.tape ? null : this.finding.trim() ? this.tape.matches(this.finding) : gs.state.scope ? this.tape.inside(gs.state.scope) : null;
      this.axis.request();
      this.tip.soon();
      return this.found;
    }

    choose(a, b, done) {
      if (this.mode === "heavy") return;
      this.range = a < b ? [a, b] : [b, a];
      this.axis.request();
      if (done) this.table.ask(...this.range);
    }

    chooseView() {
      if (this.mode === "heavy") this.goMode("lanes");
      this.choose(...this.inView(), true);
    }

    /* What a table or a flame of the view is about: the step if it fills the view, else what is in view. */
    inView() {
      if (this.fitted && this.at) return [this.at.begin, this.at.begin + this.at.wall];
      return [Math.max(this.axis.a, this.axis.first), Math.min(this.axis.b, this.axis.last)];
    }

    show(mode) {
      this.mode = mode;
      this.root.dataset.mode = mode;
      if (mode === "heavy") this.heavy.open(this.range || this.inView());
      this.tip.hover(null);
      this.axis.request();
      this.tip.soon();
    }
  }

  gs.mount("[data-gs=time]", (root) => new TimePage(root));
})();
