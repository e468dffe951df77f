/* What is pinned on cards beside their numbers: findings, the way of what is not finite, where a paused
 * program stands. Each is fetched apart from the numbers, since it changes at another pace. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const RANK = { info: 1, warning: 2, error: 3 };

  /* The findings of the run that is watched, for all who show them beside a card: asked for when the
   * doctor's counter moved, while the graph is shown or a card is chosen. */
  const store = { run: null, cards: new Map(), list: [], told: [] };
  const ask = new gs.Latest((answer) => {
    store.list = (answer.findings || []).filter((f) => f.active !== false);
    store.cards = new Map();
    for (const f of store.list) {
      for (const card of f.cards || []) {
        const had = store.cards.get(card.id) || { severity: "info", titles: [] };
        if (RANK[f.severity] > RANK[had.severity]) had.severity = f.severity;
        had.titles.push(f.title);
        store.cards.set(card.id, had);
      }
    }
    for (const fn of store.told) fn();
  }, () => {});

  const along = new gs.Along(ask, () => (wanted() && store.run === gs.state.run ? gs.url("/api/findings", { run: store.run }) : null), ["doctor"]);
  const wanted = () => gs.state.run && (gs.state.page === "graph" || gs.state.node);

  function look() {
    const { run } = gs.state;
    if (!wanted() || !gs.card || store.run === run) return;
    ask.drop();
    store.cards = new Map();
    store.list = [];
    store.run = run;
    along.asking();
    ask.ask(gs.url("/api/findings", { run }));
  }
  gs.on(look);
  gs.live(look);
  gs.onFindings = (fn) => store.told.push(fn);

  /* The findings of a card; of a scope, those of everything in it. */
  gs.findingsOf = function (id) {
    const scope = id && id.startsWith("s:") ? id.slice(2) : null;
    return store.list.filter((f) => (f.cards || []).some((c) => c.id === id || (scope && (c.inside === scope || (c.inside || "").startsWith(scope + ".")))));
  };

  gs.Signs = class {
    constructor(page) {
      this.page = page;
      gs.onFindings(() => {
        this.placed = null;
        if (gs.state.color === "findings") page.askValues(true);
        page.board.request();
      });
    }

    /* Findings by visible card: a shut scope shows the worst of what is in it. */
    of(box) {
      const { scene } = this.page;
      if (this.seen !== scene || !this.placed) {
        this.seen = scene;
        this.placed = new Map();
        for (const [id, told] of store.cards) {
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
        this.way = { on, pairs, begin: begin && begin.id, why: told.why, word: told.step === facts.step ? "NaN begins here" : `NaN began here, step ${told.step}` };
      }
      return this.way;
    }
  };
})();
