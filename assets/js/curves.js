/* The Curves page: which curves are asked for, and where their cards stand.
 *
 * One question at a time, at most one a second, only while the page is shown, and only for the cards
 * that are on screen. What is news gets a number (generation): a card with an older one is asked for anew.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const PACE = 1000, REST = 1500, LONG = 3000, KEPT = 32; // ms; charts that are kept
  const PART = 100; // a live run's charts are drawn for a hundredth of the time, where that is no longer than REST (LONG, of a fast run)
  const COUNTERS = ["run", "state", "steps", "scalars", "findings", "texts", "doctor", "others"];
  const START = { pins: [], wide: [], closed: [], calm: false, events: true, by: "", table: false, runs: null };

  class Curves {
    constructor(root) {
      this.root = root;
      this.note = root.querySelector(".gs-curves-note");
      this.scroll = root.querySelector(".gs-curves-scroll");
      this.home = root.querySelector(".gs-curve-groups");
      this.my = { ...START, ...stored() }; // of this reader, not of the view: kept in the browser
      this.cards = new Map();
      this.groups = new Map();
      this.colours = new Map();
      this.seen = new Set();
      this.events = [];
      this.hparams = [];
      this.find = "";
      this.only = null;
      this.hideMain = false;
      this.gen = 0;
      this.listed = -1;
      this.asked = -1e9;
      this.drew = 0; // ms that the charts of the last answer took
      this.hover = new gs.CurveHover(this);
      this.answers = new gs.Latest((a, url) => this.got(a, url), (e) => this.tell(e.message, true));
      this.eye = new IntersectionObserver((all) => this.looked(all), { root: this.scroll, rootMargin: "120px" });
      this.runs = new gs.CurveRuns(this, root.querySelector(".gs-curves-runs"));
      this.bar = new gs.CurveBar(this, root.querySelector(".gs-curves-bar"));
      this.table = new gs.CurveTable(this, root.querySelector(".gs-curves-table"));
      this.home.replaceChildren(...[1, 2, 3].map(() => el("div", { class: "gs-curve gs-skeleton" })));
      gs.on((state, changed) => this.changed(changed));
      gs.live((card) => this.live(card));
      gs.onTheme(() => this.news());
      document.addEventListener("gs:runs", () => this.listRuns(), true);
      gs.key("/", "Filter the curves", () => (this.onTop() ? void this.bar.find.focus() : false), "scalars");
      gs.key("t", "Table of values at the step", () => (this.onTop() ? this.set({ table: !this.my.table }) : false), "scalars");
      document.addEventListener("pointerdown", (e) => {
        for (const box of this.root.querySelectorAll("details[open]")) if (!box.contains(e.target)) box.open = false;
      });
      this.turn();
      this.ask();
    }

    /* A setting of the reader: kept, and shown at once. */
    set(wish) {
      Object.assign(this.my, wish);
      gs.remember("curves", JSON.stringify(this.my));
      this.bar.paint();
      this.layout();
      if ("table" in wish) this.table.news();
      if (["pins", "calm", "events", "by"].some((name) => name in wish)) this.news(true);
    }

    pin(key) {
      this.set({ pins: toggled(this.my.pins, key) });
    }

    widen(key) {
      this.set({ wide: toggled(this.my.wide, key) });
      const card = this.cards.get(key);
      if (card) card.box.classList.toggle("gs-curve-wide", this.my.wide.includes(key));
      if (card) card.wide.setAttribute("aria-pressed", String(this.my.wide.includes(key)));
    }

    others() {
      return (gs.state.with || "").split(",").filter(Boolean).map(decode).filter((name) => name !== gs.state.run);
    }

    overlay(names) {
      gs.set({ with: names.map(encodeURIComponent).join(",") || null });
    }

    solo(run) {
      this.only = this.only === run ? null : run;
      if (this.only && run !== gs.state.run && !this.others().includes(run)) this.overlay([...this.others(), run]);
      this.runs.draw();
      this.news(true);
    }

    /* The runs whose lines are drawn. */
    drawn_() {
      const all = [gs.state.run, ...this.others()];
      return new Set(this.only ? [this.only] : all.filter((name) => !(this.hideMain && name === gs.state.run)));
    }

    onTop() {
      return gs.onScreen(this.root) && !this.tab();
    }

    tab() {
      return ["distributions", "images", "texts", "hparams"].includes(gs.state.tab) ? gs.state.tab : null;
    }

    turn() {
      const tab = gs.state.page === "scalars" ? this.tab() : null;
      const parts = this.root.querySelectorAll(":scope > .gs-curves-tab");
      const shown = tab === null ? 0 : tab === "distributions" ? 1 : 2;
      parts.forEach((part, i) => (part.hidden = i !== shown));
      this.hover.leave();
      this.bar.paint();
      this.layout();
    }

    /* The list of runs is beside the cards where there is room for both, and as the reader left it. */
    layout() {
      const room = this.root.clientWidth > 820;
      const aside = this.root.querySelector(".gs-curves-runs");
      const many = (gs.runList || []).filter((r) => r.state !== "damaged").length > 1;
      const open = many && (this.my.runs === null ? room && this.others().length > 0 : this.my.runs);
      if (aside.hidden && open) this.runs.sort();
      aside.hidden = !open;
      aside.classList.toggle("gs-floating", !room);
      this.root.querySelector(".gs-curves-table").hidden = !this.my.table;
      if (open) this.runs.draw();
      this.bar.paintRuns(many, open);
    }

    listRuns() {
      this.layout();
    }

    changed(changed) {
      const has = (...keys) => keys.some((key) => changed.includes(key));
      if (has("run")) {
        this.answers.drop();
        this.only = null;
        this.hideMain = false;
        for (const card of this.cards.values()) card.window = null;
      }
      if (has("run", "with")) this.layout();
      if (has("page", "tab")) this.turn();
      if (has("smooth", "x", "log")) this.bar.paint();
      if (has("x", "log")) for (const card of this.cards.values()) card.window = null;
      if (has("step")) {
        for (const card of this.cards.values()) card.playhead();
        this.table.news();
      }
      if (has("run", "with", "smooth", "x", "log")) this.news(true);
      else if (has("page", "tab")) this.soon(true);
    }

    live(card) {
      const seen = COUNTERS.map((name) => card[name]).join("|");
      if (seen === this.counted) return;
      this.counted = seen;
      if (this.onTop()) this.news();
      else this.gen += 1; // asked for when it is shown
    }

    news(atOnce) {
      this.gen += 1;
      this.soon(atOnce);
      this.table.news();
    }

    /* One card shows something else now: its window. */
    stale(card) {
      card.gen = -1;
      this.soon(true);
    }

    soon(atOnce) {
      clearTimeout(this.later);
      const pace = Math.min(Math.max(PACE, PART * this.drew), gs.isFast() ? LONG : REST);
      this.later = setTimeout(() => this.ask(), atOnce ? 0 : Math.max(0, pace - (performance.now() - this.asked)));
    }

    wanted() {
      return [...this.cards.values()].filter((card) => card.gen !== this.gen && this.seen.has(card.key));
    }

    ask() {
      if (!gs.state.run || !this.onTop()) return;
      const wanted = this.wanted();
      if (this.listed === this.gen && !wanted.length) return;
      gs.plotlySoon(); // on its way while the server answers
      this.asked = performance.now();
      const want = this.cards.size ? wanted.map((card) => card.key).join(",") || "-" : null;
      this.answers.ask(this.address("/api/curves", { want, at: this.gen }, wanted));
    }

    /* The question with everything that says which lines there are. */
    address(path, more, cards = []) {
      const { run, smooth, x, log } = gs.state, { my } = this;
      const url = gs.url(path, { run, smooth, x, log, find: this.find, theme: gs.themeName(), calm: my.calm ? 1 : null, group: my.by,
        events: my.events ? null : 0, pins: my.pins.join(","), ...more });
      const list = (name, values) => values.map((value) => `&${name}=${encodeURIComponent(value)}`).join("");
      const all = [run, ...this.others()], drawn = [...this.drawn_()];
      return url + list("with", this.others()) + (drawn.length < all.length ? list("draw", drawn.length ? drawn : ["-"]) : "")
        + list("window", cards.filter((card) => card.window).map((card) => `${card.key}:${card.window[0]}:${card.window[1]}`));
    }

    got(answer, url) {
      const gen = Number(new URLSearchParams(url.split("?")[1]).get("at"));
      this.listed = gen;
      this.colours = new Map(answer.runs);
      this.events = answer.events;
      this.hparams = answer.hparams;
      this.place(answer);
      this.drew = 0;
      const many = answer.runs.length > 1;
      for (const told of answer.cards) {
        const card = this.cards.get(told.key);
        card.told(told, many);
        // The first answer draws what comes first; in a folded group that is nothing to draw.
        if (told.figure && card.box.offsetParent) card.draw(told.figure, answer.config, gen);
      }
      this.bar.told(answer);
      if (!this.root.querySelector(".gs-curves-runs").hidden) this.runs.draw();
      const words = answer.problems.slice();
      if (!answer.cards.length) words.push(this.find ? "No curve has such a name." : "No curves yet. A loss that the training returns appears here, and whatever p.scalar(\"name\", value) logs.");
      if (answer.hidden) words.push(`${answer.hidden} more curves match; filter by name to see them.`);
      this.tell(words.join(" "));
      this.root.dataset.ready = String(answer.cards.length);
      if (this.listed !== this.gen || this.wanted().length) this.soon();
    }

    /* The cards in their groups, in the order of the answer; what stays keeps its place in the document. */
    place(answer) {
      const keys = new Set(answer.cards.map((told) => told.key));
      for (const [key, card] of this.cards) {
        if (keys.has(key)) continue;
        this.eye.unobserve(card.box);
        this.seen.delete(key);
        card.drop();
        this.cards.delete(key);
      }
      this.home.querySelectorAll(":scope > .gs-skeleton").forEach((box) => box.remove());
      const named = answer.groups.some((name) => name !== "Pinned" && name !== "Other");
      for (const [name, group] of this.groups) {
        if (answer.groups.includes(name)) continue;
        group.box.remove();
        this.groups.delete(name);
      }
      answer.groups.forEach((name, i) => {
        let group = this.groups.get(name);
        if (!group) this.groups.set(name, (group = this.group(name)));
        if (this.home.children[i] !== group.box) this.home.insertBefore(group.box, this.home.children[i] || null);
        const mine = answer.cards.filter((told) => told.group === name);
        group.head.hidden = !named;
        gs.write(group.count, gs.units.count(mine.length));
        mine.forEach((told, k) => {
          let card = this.cards.get(told.key);
          if (!card) {
            this.cards.set(told.key, (card = new gs.CurveCard(this, told)));
            this.eye.observe(card.box);
          }
          if (group.list.children[k] !== card.box) group.list.insertBefore(card.box, group.list.children[k] || null);
        });
        this.fold(name);
      });
    }

    group(name) {
      const count = el("span", { class: "gs-quiet" });
      const button = el("button", { type: "button", class: "gs-curve-fold", onclick: () => {
        this.my.closed = toggled(this.my.closed, name);
        this.set({});
        this.fold(name);
      } }, el("span", { class: "gs-curve-arrow", "aria-hidden": "true" }), name, count);
      const head = el("h2", {}, button), list = el("div", { class: "gs-cards" });
      return { head, count, list, button, box: el("section", { class: "gs-curve-group", "aria-label": name }, head, list) };
    }

    fold(name) {
      const group = this.groups.get(name), open = group.head.hidden || !this.my.closed.includes(name);
      group.button.setAttribute("aria-expanded", String(open));
      group.list.hidden = !open;
    }

    looked(all) {
      for (const { target, isIntersecting } of all) {
        if (isIntersecting) this.seen.add(target.dataset.curve);
        else this.seen.delete(target.dataset.curve);
      }
      if (this.wanted().length) this.soon(performance.now() - this.asked > PACE);
    }

    /* Charts that were scrolled away are given up when there are many: each holds thousands of elements. */
    drawn(card) {
      const all = [...this.cards.values()].filter((c) => c.plot.on);
      if (all.length > KEPT) all.filter((c) => !this.seen.has(c.key)).forEach((c) => c.rest());
      this.root.dataset.drawn = String(all.length);
      card.box.dataset.gen = String(card.gen);
    }

    tell(text, bad) {
      gs.write(this.note, text);
      this.note.classList.toggle("gs-bad", Boolean(bad));
    }
  }

  const toggled = (list, key) => (list.includes(key) ? list.filter((k) => k !== key) : [...list, key].slice(-60));

  function decode(text) {
    try {
      return decodeURIComponent(text);
    } catch (error) {
      return text;
    }
  }

  /* What was kept in the browser; of another make it is forgotten. */
  function stored() {
    try {
      const found = JSON.parse(gs.remembered("curves") || "{}");
      return Object.fromEntries(Object.entries(found).filter(([name, value]) => name in START && (START[name] === null || typeof value === typeof START[name]) && Array.isArray(value) === Array.isArray(START[name])));
    } catch (error) {
      return {};
    }
  }

  gs.mount("[data-gs=curves]", (root) => new Curves(root));
})();
