/* The bar of the Curves page: its tabs, and how the curves are drawn; below, the table of values at the step. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const AXES = [["step", "Step"], ["relative", "Relative", "Seconds since the run began"], ["wall", "Wall", "Date and time"]];
  const TABS = [["curves", "Curves"], ["distributions", "Distributions", "How the numbers of each layer are spread"], ["images", "Images"], ["texts", "Texts"], ["hparams", "Hparams"]];

  gs.CurveBar = class {
    constructor(page, bar) {
      this.page = page;
      this.tabs = gs.segments("View", TABS, (tab) => gs.set({ tab: tab === "curves" ? null : tab }));
      this.some = { images: 0, texts: 0, hparams: 0 };
      this.find = el("input", { type: "search", placeholder: "Filter", "aria-label": "Filter curves", class: "gs-field", title: gs.tip("Filter the curves") });
      this.find.addEventListener("input", () => {
        page.find = this.find.value;
        page.news();
      });
      this.slider = el("input", { type: "range", min: "0", max: "0.99", step: "0.01", "aria-label": "Smoothing" });
      this.slider.addEventListener("input", () => gs.set({ smooth: Number(this.slider.value) ? this.slider.value : null }));
      this.weight = el("output", { class: "gs-weight" });
      this.axes = gs.segments("x axis", AXES, (x) => gs.set({ x: x === "step" ? null : x }));
      this.scales = gs.segments("y axis", [["", "Linear"], ["1", "Log"]], (log) => gs.set({ log: log || null }));
      const toggle = (word, title, name) => el("button", { type: "button", class: "gs-tool", title, onclick: () => page.set({ [name]: !page.my[name] }) }, word);
      this.calm = toggle("Fit calm part", "Scale to where the curves are calm; peaks that are cut off are triangles with their value", "calm");
      this.events = toggle("Events", "Lines where something happened: a learning rate changed, the run was paused, a rule fired", "events");
      this.table = toggle("Table", gs.tip("Table of values at the step"), "table");
      this.by = el("select", { class: "gs-tool gs-curves-by", "aria-label": "Group runs by", title: "Mean of the runs with the same value, in a band from smallest to largest" });
      this.by.addEventListener("change", () => page.set({ by: this.by.value }));
      this.runs = el("button", { type: "button", class: "gs-tool", "aria-label": "Overlay runs", title: "Lay runs over each other", onclick: () => page.set({ runs: this.runs.getAttribute("aria-expanded") !== "true" }) }, "Runs");
      this.names = el("span", { class: "gs-run-names" });
      // On a phone the rest of the bar is behind this button (curves.css).
      this.opts = el("button", { type: "button", class: "gs-tool gs-curves-opts", "aria-expanded": "false", title: "How the curves are drawn", onclick: () => {
        this.opts.setAttribute("aria-expanded", String(bar.classList.toggle("gs-open")));
        this.opts.classList.toggle("gs-chosen", bar.classList.contains("gs-open"));
      } }, "Options");
      const extra = [el("label", { class: "gs-smooth" }, "Smoothing", this.slider, this.weight), this.axes.box, this.scales.box, this.calm, this.events, this.by];
      const after = [el("span", { class: "gs-spring" }), this.names, this.table, this.runs];
      for (const part of [...extra, ...after]) part.classList.add("gs-curves-extra");
      this.mine = [this.opts, ...extra, this.find, ...after];
      bar.replaceChildren(this.tabs.box, ...this.mine);
      this.by.hidden = this.events.hidden = true;
      this.logged = new gs.Poll("scalars", () => gs.url("/api/logged", { run: gs.state.run }), (answer) => this.gotLogged(answer), { counters: ["run", "state", "media", "texts"] });
      this.paintTabs();
    }

    /* A tab is only there when the run has something for it. */
    gotLogged(answer) {
      this.some = { images: answer.images.length, texts: answer.texts.length, hparams: answer.hparams };
      gs.logged = answer;
      this.page.root.dispatchEvent(new CustomEvent("gs:logged", { detail: answer, bubbles: true }));
      this.paintTabs();
    }

    paintTabs() {
      for (const b of this.tabs.buttons) {
        const name = b.dataset.value;
        b.hidden = name in this.some && !this.some[name] && gs.state.tab !== name;
      }
    }

    paint() {
      const { smooth, x, log } = gs.state, { my } = this.page, tab = this.page.tab();
      this.tabs.choose(tab || "curves");
      for (const part of this.mine) part.classList.toggle("gs-off", tab !== null);
      this.slider.value = smooth || 0;
      gs.write(this.weight, smooth ? Number(smooth).toFixed(2) : "off");
      this.axes.choose(x || "step");
      this.scales.choose(log || "");
      for (const name of ["calm", "events", "table"]) this[name].setAttribute("aria-pressed", String(Boolean(my[name])));
      this.paintTabs();
    }

    paintRuns(many, open) {
      this.runs.hidden = !many;
      this.runs.setAttribute("aria-expanded", String(Boolean(open)));
      this.runs.classList.toggle("gs-chosen", Boolean(open));
    }

    told(answer) {
      const { my } = this.page;
      this.events.hidden = my.events && !answer.events.length;
      const choices = my.by && !answer.hparams.includes(my.by) ? [...answer.hparams, my.by] : answer.hparams;
      this.by.hidden = answer.runs.length < 2 || !choices.length;
      gs.fill(this.by, [choices, my.by], () => [el("option", { value: "" }, "Each run"), ...choices.map((name) => el("option", { value: name, selected: name === my.by }, `By ${name}`.slice(0, 60)))]);
      const open = !this.page.root.querySelector(".gs-curves-runs").hidden;
      gs.fill(this.names, [answer.runs, open], () => (answer.runs.length > 1 && !open ? answer.runs.slice(0, 6) : []).map(([name, colour]) => {
        const item = el("span", { class: "gs-legend-item" }, el("span", { class: "gs-swatch" }), el("span", {}, name));
        item.firstChild.style.background = colour;
        return item;
      }).concat(answer.runs.length > 6 && !open ? [el("span", {}, `and ${answer.runs.length - 6} more`)] : []));
    }
  };

  gs.CurveTable = class {
    constructor(page, box) {
      Object.assign(this, { page, box });
      this.title = el("span", {});
      this.rows = new gs.Latest((a) => this.got(a), (e) => page.tell(e.message, true));
      box.prepend(el("div", { class: "gs-curves-table-head" }, this.title,
        el("button", { type: "button", class: "gs-mini", title: "This table as comma separated values", onclick: () => this.grid && this.grid.csv(`${gs.state.run || "run"}-values.csv`) }, "CSV")));
    }

    news() {
      clearTimeout(this.later);
      this.later = setTimeout(() => this.ask(), 60);
    }

    ask() {
      if (!this.page.my.table || !this.page.onTop() || !gs.state.run) return;
      gs.write(this.title, gs.state.step === null ? "Values at the newest step" : `Values at step ${gs.units.count(gs.state.step)}`);
      this.rows.ask(this.page.address("/api/curve_table", { step: gs.state.step, at: this.page.gen }));
    }

    got(answer) {
      if (!this.grid) {
        this.grid = new gs.Table(this.box.querySelector(".gs-table"), {
          columns: [
            { field: "tag", title: "curve", flex: true, min: 160 }, { field: "run", title: "run", width: 140 },
            { field: "step", title: "step", kind: "count", tip: "The step of the value: the last one at or before the chosen" },
            { field: "value", title: "value", kind: "number", width: 110 }, { field: "low", title: "min", kind: "number" }, { field: "high", title: "max", kind: "number" },
            { field: "last", title: "last", kind: "number" }, { field: "points", title: "points", kind: "count" },
            { field: "bad", title: "not finite", kind: "count", tip: "Points that are NaN or infinite" },
          ],
          pick: (row) => this.reveal(row),
        });
      }
      this.grid.show(answer.rows);
    }

    /* The row's card comes into view. */
    reveal(row) {
      const card = this.page.cards.get(row.id.split("-")[0]);
      if (card) card.box.scrollIntoView({ block: "nearest" });
    }
  };
})();
