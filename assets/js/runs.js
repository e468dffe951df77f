/* The run picker: a button that says which run is watched, and a list of all, filtered by typing. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const ROWS = 300; // more are found by typing

  const show = (run) => gs.set({ run, step: null, node: null, open: null, scope: null, vs: null });
  gs.openRun = function (run) {
    if (gs.runPicker) gs.runPicker.byItself = false;
    show(run);
  };
  const RUNS = new Set(["live", "waiting"]); // states of a program that is at work

  class Runs {
    constructor(box) {
      this.box = box;
      this.button = el("button", { type: "button", class: "gs-run-button", id: "run", "aria-haspopup": "listbox", "aria-expanded": "false", onclick: () => this.toggle() }, el("span", {}, "Run"));
      this.filter = el("input", {
        type: "search", class: "gs-run-filter", placeholder: "Filter runs", "aria-label": "Filter runs", role: "combobox", "aria-expanded": "true",
        "aria-controls": "gs-run-list", autocomplete: "off", spellcheck: "false", oninput: () => this.draw(0), onkeydown: (e) => this.key(e),
      });
      this.list = el("ul", { class: "gs-run-list", id: "gs-run-list", role: "listbox", "aria-label": "Runs" });
      this.panel = el("div", { class: "gs-run-panel", hidden: true }, this.filter,
        el("div", { class: "gs-run-head", "aria-hidden": "true" }, ["run", "state", "steps", "last loss", "began"].map((t) => el("span", {}, t))), this.list);
      this.newer = el("button", { type: "button", class: "gs-run-newer", hidden: true, onclick: () => gs.openRun(this.newer.value) }, el("span", { class: "gs-dot" }), el("span", {}));
      box.replaceChildren(this.button, this.newer, this.panel);
      this.byItself = !gs.state.run; // an address without a run means the newest one, also the next newest
      this.ask = new gs.Latest((list) => this.got(list));
      this.shown = [];
      document.addEventListener("pointerdown", (e) => !box.contains(e.target) && this.toggle(false));
      box.addEventListener("focusout", (e) => e.relatedTarget && !box.contains(e.relatedTarget) && this.toggle(false));
      gs.on((state, changed) => {
        if (!changed.includes("run")) return;
        this.name();
        this.newer.hidden = true;
      });
      gs.key("r", "Choose a run", () => this.toggle(true));
      this.name();
    }

    /* The list is asked for when a run comes, goes or ends, and when it is opened: never at a poll. */
    card(card) {
      const listed = `${card.runs} ${card.run} ${card.state}`;
      if (card.runs === undefined || listed === this.listed) return;
      this.listed = listed;
      this.ask.ask("/api/runs");
    }

    got(list) {
      gs.runList = list;
      this.box.hidden = !list.length;
      this.name();
      this.next(list);
      for (const home of document.querySelectorAll("[data-gs]")) home.dispatchEvent(new CustomEvent("gs:runs", { detail: list }));
      if (this.panel.hidden) return;
      // The order may be another one now: the same run stays marked.
      const marked = this.moved && this.shown[this.at] ? this.shown[this.at].run : gs.state.run;
      this.draw(this.at);
      this.mark(Math.max(0, this.shown.findIndex((r) => r.run === marked)));
    }

    /* A training began when the one that is shown had ended, as in the next cell of a notebook. Who has chosen a run,
     * a step or a card is asked; nobody else is kept at a run that is over. */
    next(list) {
      const { run } = gs.state, mine = list.find((r) => r.run === run);
      const newer = run && !(mine && RUNS.has(mine.state)) && list.find((r) => r.run !== run && RUNS.has(r.state));
      const untouched = this.byItself && this.panel.hidden && ["step", "node", "vs", "with", "focus", "open"].every((name) => gs.state[name] === null || gs.state[name] === undefined);
      if (newer && untouched) return show(newer.run);
      this.newer.hidden = !newer;
      if (!newer) return;
      this.newer.value = newer.run;
      gs.write(this.newer.lastElementChild, newer.run);
      this.newer.title = `${newer.run.slice(0, 200)} is being recorded: show it`;
      this.newer.setAttribute("aria-label", this.newer.title);
    }

    name() {
      const name = gs.state.run || "Run";
      gs.write(this.button.firstElementChild, name);
      this.button.title = gs.state.run ? gs.tip("Choose a run", `Run ${name.slice(0, 200)}`) : "";
      this.button.setAttribute("aria-label", `Run: ${name.slice(0, 200)}`);
    }

    toggle(open = this.panel.hidden) {
      if (open === !this.panel.hidden) return;
      this.panel.hidden = !open;
      this.button.setAttribute("aria-expanded", String(open));
      if (!open) return;
      const at = this.button.getBoundingClientRect(), zoom = gs.type || 1;
      this.panel.style.left = `${Math.max(8, Math.min(at.left, innerWidth - 576 * zoom)) / zoom}px`;
      this.filter.value = "";
      this.moved = false;
      this.ask.ask("/api/runs");
      this.draw(Math.max(0, (gs.runList || []).findIndex((r) => r.run === gs.state.run)));
      this.filter.focus();
    }

    draw(at) {
      // Every word must occur: names of runs are often numbered, and a looser match would find all of them.
      const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      const found = (gs.runList || []).filter((r) => words.every((w) => `${r.run} ${gs.stateWord(r.state)}`.toLowerCase().includes(w)));
      this.shown = found.slice(0, ROWS);
      this.at = Math.min(Math.max(at, 0), this.shown.length - 1);
      this.list.replaceChildren(...this.shown.map((r, i) => el("li", {
        role: "option", id: `gs-run-${i}`, "aria-selected": String(i === this.at), "data-now": r.run === gs.state.run, title: r.error || r.run.slice(0, 300),
        onclick: () => this.choose(r.run),
      }, el("span", {}, r.run), el("span", { class: "gs-run-state", "data-state": r.state }, gs.stateWord(r.state)),
        el("span", {}, r.steps ? r.steps.toLocaleString("en-US") : "—"), el("span", {}, r.loss || "—"), el("span", {}, when(r.created)))));
      if (found.length > ROWS) this.list.append(el("li", { class: "gs-run-none", role: "option", "aria-disabled": "true", "aria-selected": "false" }, `${found.length - ROWS} more: type on`));
      if (!found.length) this.list.replaceChildren(el("li", { class: "gs-run-none", role: "option", "aria-disabled": "true", "aria-selected": "false" }, gs.runList ? "No run has that name." : "Looking for runs\u2026"));
      this.mark(this.at);
    }

    mark(at) {
      this.at = at;
      [...this.list.children].forEach((li, i) => li.setAttribute("aria-selected", String(i === at)));
      const li = this.list.children[at];
      if (li) li.scrollIntoView({ block: "nearest" });
      this.filter.setAttribute("aria-activedescendant", li && this.shown.length ? `gs-run-${at}` : "");
    }

    key(e) {
      const n = this.shown.length, d = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[e.key];
      if (d) this.moved = true;
      if (d && n) this.mark(Math.min(Math.max(this.at + d, 0), n - 1));
      else if (e.key === "Enter" && n) this.choose(this.shown[this.at].run);
      else if (e.key === "Escape") {
        this.toggle(false);
        this.button.focus();
      } else return;
      e.preventDefault();
      e.stopPropagation();
    }

    choose(run) {
      this.toggle(false);
      this.button.focus();
      if (run !== gs.state.run) gs.openRun(run);
    }
  }

  /* "21 Nov 17:45": a run is looked for by its day. */
  function when(text) {
    const date = new Date(text || "");
    return Number.isNaN(date.getTime()) ? "—" : date.toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", ...(date.getFullYear() === new Date().getFullYear() ? {} : { year: "2-digit" }) }).replace(",", "");
  }

  gs.mount(".gs-run", (box) => (gs.runPicker = new Runs(box)));
})();
