/* The list of runs beside the curves: filter by a regular expression, draw or not, only one, all or none. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const ROWS = 200, MOST = 99;

  gs.CurveRuns = class {
    constructor(page, box) {
      Object.assign(this, { page, box });
      this.filter = el("input", { type: "search", class: "gs-field", placeholder: "Filter runs (regex)", "aria-label": "Filter runs by a regular expression", spellcheck: "false" });
      this.filter.addEventListener("input", () => {
        this.sort();
        this.draw();
      });
      this.top = new Set();
      this.note = el("p", { class: "gs-quiet", role: "status" });
      this.list = el("ul", { class: "gs-curves-run-list", "data-scroll": "runs" });
      const button = (word, title, act) => el("button", { type: "button", class: "gs-mini", title, onclick: act }, word);
      box.replaceChildren(this.filter,
        el("div", { class: "gs-curves-run-acts" }, button("All", "Draw all runs that are listed", () => this.all(true)), button("None", "Draw only the watched run", () => this.all(false)), this.note),
        this.list);
    }

    /* The names that fit; a pattern that is no regular expression is looked for as it is. */
    listed() {
      const runs = (gs.runList || []).filter((r) => r.state !== "damaged");
      const text = this.filter.value.trim();
      if (!text) return runs;
      let fits;
      try {
        const pattern = new RegExp(text, "i");
        fits = (name) => pattern.test(name.slice(0, 300));
      } catch (error) {
        fits = (name) => name.toLowerCase().includes(text.toLowerCase());
      }
      return runs.filter((r) => fits(r.run));
    }

    /* What is drawn comes first; not while boxes are ticked, which would move them from under the pointer. */
    sort() {
      this.top = new Set([gs.state.run, ...this.page.others()]);
    }

    all(on) {
      this.page.only = null;
      this.page.hideMain = false;
      const names = on ? this.listed().map((r) => r.run).filter((name) => name !== gs.state.run) : [];
      this.page.overlay(on ? [...new Set([...this.page.others(), ...names])].slice(0, MOST) : []);
    }

    draw() {
      const { page } = this, chosen = new Set(page.others()), main = gs.state.run;
      const all = this.listed(), rows = [...all.filter((r) => this.top.has(r.run)), ...all.filter((r) => !this.top.has(r.run))];
      const shown = rows.slice(0, ROWS);
      const drawn = page.drawn_();
      gs.write(this.note, `${chosen.size + 1} of ${(gs.runList || []).length}${rows.length > ROWS ? `, ${rows.length - ROWS} more match` : ""}`);
      gs.fill(this.list, [shown.map((r) => [r.run, r.state, r.loss]), [...chosen], main, page.only, page.hideMain, [...page.colours]], () => shown.map((r) => {
        const mine = r.run === main, on = mine ? !page.hideMain : chosen.has(r.run);
        const box = el("input", { type: "checkbox", checked: on, "aria-label": r.run, "data-key": `box ${r.run}` });
        box.addEventListener("change", () => {
          page.only = null;
          if (mine) {
            page.hideMain = !box.checked;
            page.news(true);
            this.draw();
          } else page.overlay(box.checked ? [...page.others(), r.run].slice(0, MOST) : page.others().filter((name) => name !== r.run));
        });
        const swatch = el("span", { class: "gs-swatch", "aria-hidden": "true" });
        if (on && page.colours.has(r.run)) swatch.style.background = page.colours.get(r.run);
        const only = el("button", { type: "button", class: "gs-mini", "aria-pressed": String(page.only === r.run), "data-key": `only ${r.run}`, title: "Draw only this run; again for all", onclick: () => page.solo(r.run) }, "only");
        return el("li", { class: drawn.has(r.run) ? "gs-on" : "", title: `${r.run} ${gs.stateWord ? gs.stateWord(r.state) : r.state}` },
          el("label", {}, box, swatch, el("span", {}, r.run)), el("span", { class: "gs-curves-run-loss" }, r.loss || ""), only);
      }));
    }
  };
})();
