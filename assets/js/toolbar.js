/* Search, colouring, fit and expand above the graph, its keys, and the legend below. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const COLOURS = [["family", "Op family"], ["time", "Time"], ["memory", "Memory"], ["grad", "Gradient"]];

  gs.buildToolbar = function (bar, page) {
    const choices = COLOURS.map(([key, label]) =>
      gs.el("button", { type: "button", role: "radio", "data-color": key, "aria-checked": "false", onclick: () => gs.set({ color: key }) }, label));
    const paint = () => {
      for (const b of choices) {
        const on = b.dataset.color === (gs.state.color || "family");
        b.setAttribute("aria-checked", String(on));
        b.tabIndex = on ? 0 : -1;
      }
    };
    const colours = gs.el("div", { class: "gs-segments", role: "radiogroup", "aria-label": "Colour by", title: "Colour by (v)" }, choices);
    colours.addEventListener("keydown", (e) => {
      const d = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
      if (!d) return;
      e.preventDefault();
      e.stopPropagation();
      const next = choices[(choices.indexOf(document.activeElement) + d + choices.length) % choices.length];
      next.focus();
      next.click();
    });
    const button = (label, title, act) => gs.el("button", { type: "button", class: "gs-tool", title, onclick: act }, label);
    bar.append(
      gs.search.build(page),
      gs.el("span", { class: "gs-by" }, "Colour by"),
      colours,
      gs.el("span", { class: "gs-spring" }),
      button("Fit", "Show the whole graph (f)", () => page.fit()),
      button("Expand all", "Open every scope (Shift+e)", () => expandAll(page)),
      button("Collapse", "Shut every scope", () => gs.set({ open: "none" })),
    );
    gs.on(paint);
    paint();
    document.addEventListener("keydown", (e) => key(e, page, bar));
  };

  function expandAll(page) {
    page.anchor = gs.state.node || null;
    gs.set({ open: "all" });
  }

  const typing = (el) => el && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName));

  function key(e, page, bar) {
    if (!page.alive() || page.root.offsetParent === null || typing(e.target) || e.defaultPrevented) return;
    if (e.ctrlKey || e.metaKey) return;
    const box = page.selected;
    if (e.altKey) {
      if (walk(page, e.key)) e.preventDefault();
      return;
    }
    const act = {
      f: () => page.fit(),
      z: () => box && page.zoomTo(box),
      e: () => box && box.kind === "scope" && page.toggle(box.id),
      E: () => expandAll(page),
      v: () => {
        const at = COLOURS.findIndex(([name]) => name === (gs.state.color || "family"));
        gs.set({ color: COLOURS[(at + 1) % COLOURS.length][0] });
      },
      "/": () => bar.querySelector("input").focus(),
      "+": () => page.board.zoomAt(page.board.size.width / 2, page.board.size.height / 2, 1.25),
      "-": () => page.board.zoomAt(page.board.size.width / 2, page.board.size.height / 2, 0.8),
      Escape: () => up(page),
    }[e.key];
    if (act) {
      e.preventDefault();
      act();
    }
  }

  /* Esc climbs: the search goes first, then the selection moves to its scope, then it ends. */
  function up(page) {
    if (page.found) return gs.search.clear(page);
    gs.set({ node: null });
  }

  /* Alt+arrows walk along lines: up and down to an input or output, left and right among siblings. */
  function walk(page, name) {
    const { scene, selected } = page;
    if (!scene || !/^Arrow/.test(name)) return false;
    let to = null;
    if (!selected || !scene.byId.has(selected.id)) to = scene.nodes[0] && scene.nodes[0].id;
    else if (name === "ArrowUp") to = best(scene, scene.inputs(selected.id));
    else if (name === "ArrowDown") to = best(scene, scene.outputs(selected.id));
    else to = beside(scene, selected, name === "ArrowRight" ? 1 : -1);
    if (to) {
      gs.set({ node: to });
      const box = scene.byId.get(to);
      const [x0, y0, x1, y1] = page.board.window();
      if (box && (box.x < x0 || box.y < y0 || box.x + box.w > x1 || box.y + box.h > y1)) page.zoomTo(box);
    }
    return true;
  }

  // An op is the way on; a parameter is a side branch.
  const best = (scene, ids) => ids.find((id) => scene.byId.get(id) && scene.byId.get(id).kind !== "param") || ids[0];

  function beside(scene, from, sign) {
    let found = null, least = Infinity;
    for (const n of scene.nodes) {
      const dx = (n.x - from.x) * sign, dy = Math.abs(n.y - from.y);
      if (dx > 1 && dx + 4 * dy < least) {
        least = dx + 4 * dy;
        found = n.id;
      }
    }
    return found;
  }

  /* Families as swatches with words, or a scale with both ends. */
  gs.paintLegend = function (box, legend) {
    if (!box) return;
    if (!legend) {
      box.replaceChildren();
      return;
    }
    const swatch = (colour) => {
      const s = gs.el("span", { class: "gs-swatch" });
      s.style.background = colour;
      return s;
    };
    const title = gs.el("span", { class: "gs-legend-title" }, legend.title || "");
    if (legend.kind === "names") {
      box.replaceChildren(...legend.entries.map(([colour, name]) => gs.el("span", { class: "gs-legend-item" }, swatch(colour), name)));
      return;
    }
    const ramp = gs.el("span", { class: "gs-ramp" });
    ramp.style.background = `linear-gradient(to right, ${legend.colours.join(",")})`;
    const end = (text) => gs.el("span", { class: "gs-legend-end" }, text);
    const [low, high] = legend.ends;
    box.replaceChildren(title, ...(low || high ? [end(low), ramp, end(high)] : [end("not recorded")]),
      legend.scaling === "log10" ? gs.el("span", {}, "log") : "");
  };
})();
