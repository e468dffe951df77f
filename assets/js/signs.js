/* What is pinned on cards beside their numbers: findings, the way of what is not finite, where a paused
 * program stands. Each is fetched apart from the numbers, since it changes at another pace. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const RANK = { info: 1, warning: 2, error: 3 };

  gs.Signs = class {
    constructor(page) {
      this.page = page;
      this.cards = new Map(); // card id -> {severity, titles}
      this.doctor = undefined;
      this.ask = new gs.Latest((answer) => this.got(answer), () => {});
      gs.on((state, changed) => changed.includes("run") && this.forget());
    }

    forget() {
      this.ask.drop();
      this.cards.clear();
      this.placed = null;
      this.doctor = undefined;
      this.run = null;
    }

    /* With every revision card: the doctor counts up when its findings changed. */
    news(card) {
      if (!gs.state.run || !this.page.shown()) return;
      if (this.run === gs.state.run && card.doctor === this.doctor) return;
      this.run = gs.state.run;
      this.doctor = card.doctor;
      this.ask.ask(gs.url("/api/findings", { run: gs.state.run }));
    }

    got(answer) {
      this.cards.clear();
      for (const f of answer.findings || []) {
        if (f.active === false) continue;
        for (const card of f.cards || []) {
          const had = this.cards.get(card.id) || { severity: "info", titles: [] };
          if (RANK[f.severity] > RANK[had.severity]) had.severity = f.severity;
          had.titles.push(f.title);
          this.cards.set(card.id, had);
        }
      }
      this.placed = null;
      this.page.askValues(gs.state.color === "findings");
      this.page.board.request();
    }

    /* Findings by visible card: a shut scope shows the worst of what is in it. */
    of(box) {
      const { scene } = this.page;
      if (this.seen !== scene || !this.placed) {
        this.seen = scene;
        this.placed = new Map();
        for (const [id, told] of this.cards) {
          const holder = scene.holder(id);
          if (!holder) continue;
          const had = this.placed.get(holder.id);
          this.placed.set(holder.id, had ? { severity: RANK[told.severity] > RANK[had.severity] ? told.severity : had.severity, titles: [...had.titles, ...told.titles] } : told);
        }
      }
      return this.placed.get(box.id) || null;
    }

    /* Where a program that takes commands stands: {box, word}, while the newest step is looked at. */
    current() {
      const control = gs.card && gs.card.control, { scene } = this.page;
      if (!control || !control.at || gs.state.step !== null || !scene || gs.card.run !== gs.state.run) return null;
      const { i } = control.at;
      const box = Number.isInteger(i) && i >= 0 ? scene.holder(`n${i}`) : null;
      return box ? { box, word: control.state === "paused" ? "waiting here" : "here" } : null;
    }

    /* Lines that carry what is not finite: pairs of visible cards, from where it began to the loss. */
    trail() {
      const { facts, scene } = this.page;
      const told = facts && facts.trail;
      if (!told || !scene) return null;
      if (this.trailOf !== told || this.trailIn !== scene) {
        this.trailOf = told;
        this.trailIn = scene;
        const name = (v) => (v >= 0 ? `n${v}` : `p${-1 - v}`);
        const boxes = told.path.map((v) => scene.holder(name(v))).filter(Boolean).map((b) => b.id);
        const on = new Set(boxes), pairs = new Set();
        boxes.forEach((id, i) => i && (pairs.add(`${boxes[i - 1]} ${id}`), pairs.add(`${id} ${boxes[i - 1]}`)));
        const begin = scene.holder(told.node);
        this.way = { on, pairs, begin: begin && begin.id, why: told.why };
      }
      return this.way;
    }
  };
})();
