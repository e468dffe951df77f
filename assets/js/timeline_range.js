/* The bar above the timeline, and the table of a chosen range below it: its ops, most time first. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  gs.buildTimeBar = function (bar, page) {
    const input = gs.el("input", { type: "search", placeholder: "Find ops, modules, lines", "aria-label": "Find on the timeline", title: "Find on the timeline (/)", spellcheck: "false", autocomplete: "off" });
    const hits = gs.el("span", { class: "gs-by", role: "status" });
    const find = () => {
      const found = page.find(input.value);
      hits.textContent = found && input.value.trim() ? `${found.count.toLocaleString("en-US")} op${found.count === 1 ? "" : "s"}, ${gs.ns(found.ns)} loaded` : "";
    };
    input.addEventListener("input", find);
    input.addEventListener("keydown", (e) => {
      if (e.key === "Enter" && page.found && page.found.count) page.pointer.zoomTo("op", page.found.first);
      if (e.key === "Escape") {
        input.value = "";
        find();
        page.canvas.focus({ preventScroll: true });
      }
    });
    const modes = [["lanes", "Timeline"], ["heavy", "Left-heavy"]].map(([key, label]) =>
      gs.el("button", { type: "button", role: "radio", "aria-checked": String(key === "lanes"), tabindex: key === "lanes" ? "0" : "-1", "data-mode": key, onclick: () => go(key) }, label));
    const go = (key) => {
      for (const b of modes) {
        b.setAttribute("aria-checked", String(b.dataset.mode === key));
        b.tabIndex = b.dataset.mode === key ? 0 : -1;
      }
      page.show(key);
    };
    page.goMode = go;
    const segments = gs.el("div", { class: "gs-segments", role: "radiogroup", "aria-label": "Arrange", title: "In the order of time, or equal calls as one and the longest at the left" }, modes);
    segments.addEventListener("keydown", (e) => {
      if (!/^Arrow/.test(e.key)) return;
      e.preventDefault();
      e.stopPropagation();
      const next = modes.find((b) => b !== document.activeElement);
      next.focus();
      next.click();
    });
    const tool = (label, title, act) => gs.el("button", { type: "button", class: "gs-tool", title, onclick: act }, label);
    bar.append(
      gs.el("div", { class: "gs-search" }, input), hits, segments, gs.el("span", { class: "gs-spring" }),
      tool("Table", "The ops of what is in view, summed (Shift T). Shift-drag on the timeline chooses a range", () => page.chooseView()),
      tool("Step", "Show the whole step (f)", () => page.fit()),
      tool("Run", "Show the whole run (Shift F)", () => page.fitRun()),
    );
    keys(page, input);
  };

  function keys(page, input) {
    const key = (combo, what, act) => gs.key(combo, what, () => (page.shown() ? act() : false), "time");
    const { axis } = page;
    key(["w", "+"], "Zoom in", () => axis.zoom(0.8));
    key(["s", "-"], "Zoom out", () => axis.zoom(1.25));
    key("a", "Earlier", () => axis.pan(-0.15));
    key("d", "Later", () => axis.pan(0.15));
    key("f", "Show the whole step", () => page.fit());
    key("Shift+f", "Show the whole run", () => page.fitRun());
    key("z", "Zoom to the chosen range or op", () => {
      const own = page.tape && page.marked().find((m) => m[2] && page.tape.c[`${m[0]}_step`][m[1]] === page.chosen());
      if (page.range) axis.look(...page.range, "calm");
      else if (own) page.pointer.zoomTo(own[0], own[1]);
    });
    key("Shift+t", "Table of what is in view", () => page.chooseView());
    key("h", "Timeline or left-heavy", () => page.goMode(page.mode === "heavy" ? "lanes" : "heavy"));
    key("/", "Find on the timeline", () => input.focus());
    key("Escape", "Forget the range, then the choice", () => {
      if (page.range) page.table.close();
      else gs.set({ node: null });
    });
  }

  gs.RangeTable = class {
    constructor(box, page) {
      this.box = box;
      this.page = page;
      this.latest = new gs.Latest((answer) => this.show(answer), (e) => this.say(e.message));
    }

    ask(from, to) {
      this.latest.ask(gs.url("/api/timeline/range", { run: gs.state.run, from: Math.round(from), to: Math.round(to) }));
    }

    close() {
      this.latest.drop();
      this.page.range = null;
      if (this.box.contains(document.activeElement)) this.page.canvas.focus({ preventScroll: true });
      this.box.hidden = true;
      this.page.axis.request();
    }

    say(text) {
      this.box.hidden = false;
      this.box.replaceChildren(gs.el("p", { class: "gs-bad" }, text));
    }

    show(answer) {
      const button = (label, title, act) => gs.el("button", { type: "button", class: "gs-tool", title, onclick: act }, label);
      const top = answer.rows.length ? answer.rows[0].share : 1;
      const rows = answer.rows.map((row) => gs.el("tr", {},
        gs.el("td", {}, gs.el("button", { type: "button", class: "gs-link", onclick: () => gs.set({ node: row.node }) }, row.name)),
        gs.el("td", {}, gs.el("span", { class: "gs-swatch", style: `background:var(--gs-${row.lane === "copies" ? "family-data" : "phase-" + row.lane})` }), row.lane),
        gs.el("td", { class: "gs-num" }, row.count), gs.el("td", { class: "gs-num" }, row.total), gs.el("td", { class: "gs-num" }, row.mean),
        gs.el("td", { class: "gs-num gs-share-bar", style: `--f:${Math.max(0, row.share / Math.max(top, 0.2))};--c:var(--gs-phase-${row.lane === "copies" ? "data" : row.lane})` }, row.share_text)));
      this.box.replaceChildren(
        gs.el("header", {}, gs.el("h2", {}, "Chosen range"), gs.el("span", { class: "gs-range-note" }, answer.note),
          ...answer.parts.map(([name, , time, share]) => gs.el("span", { class: "gs-range-part" }, `${name} ${time} (${share})`)),
          gs.el("span", { class: "gs-spring" }),
          gs.el("span", { class: "gs-range-tools" },
            button("Zoom in", "Show the range only (z)", () => this.page.axis.look(answer.from, answer.to, "calm")),
            button("Left-heavy", "The range as a flame sorted by time", () => this.page.goMode("heavy")),
            button("Close", "Forget the range (Esc)", () => this.close()))),
        gs.el("div", { class: "gs-range-scroll", tabindex: "0", role: "region", "aria-label": "Ops of the range" },
          gs.el("table", {}, gs.el("thead", {}, gs.el("tr", {}, ...["op", "phase", "count", "total", "mean", "share of range"].map((name, k) => gs.el("th", { scope: "col", class: k > 1 ? "gs-num" : null }, name)))),
            gs.el("tbody", {}, rows)),
          answer.rows.length ? null : gs.el("p", {}, "No op ran in this range."),
          answer.more ? gs.el("p", {}, `and ${answer.more} more ops`) : null));
      this.box.hidden = false;
    }
  };
})();
