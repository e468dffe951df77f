/* Above the graph: search, colouring, backward, comparison; at its side: fit, zoom, open, shut. And its keys. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const FIRST = [["family", "Op family"], ["time", "Time"], ["memory", "Memory"], ["grad", "Gradient"]];
  const MORE = [["forward", "Forward time"], ["backward", "Backward time"], ["update", "Update ratio"], ["health", "Health"],
    ["device", "Device"], ["findings", "Findings"]];

  gs.buildToolbar = function (bar, side, page) {
    const colours = colouring(page);
    const unroll = gs.el("button", { type: "button", class: "gs-tool", "aria-pressed": "false", title: "The backward pass beside the forward one (b)", onclick: () => flip(page) },
      gs.glyph("mirror"), gs.el("span", {}, "Backward"));
    const figure = gs.el("button", { type: "button", class: "gs-tool", "aria-label": "Save as SVG", title: "Save the graph as it is opened and coloured as a vector figure (x); PDF, PNG and TikZ: Ctrl K", onclick: () => gs.saveFigure("svg") },
      gs.glyph("save"), gs.el("span", {}, "SVG"));
    const walk = gs.el("button", { type: "button", class: "gs-tool", title: "Step through backprop, one gradient at a time (.)", onclick: () => (page.walk.on() ? page.walk.end() : page.walk.begin()) }, "\u2202 Step");
    bar.append(gs.search.build(page), gs.el("span", { class: "gs-by" }, "Colour by"), ...colours,
      gs.el("span", { class: "gs-spring" }), page.focus.menu(), page.diff.menu(), unroll, walk, figure);
    const tool = (icon, label, title, act) => gs.el("button", { type: "button", class: "gs-icon-button", "aria-label": label, title, onclick: act }, gs.glyph(icon));
    const stage = side.parentElement;
    const zoom = (by) => page.board.zoomAt(page.board.size.width / 2, page.board.size.height / 2, by);
    side.append(
      tool("fit", "Fit", "Show the whole graph (f)", () => page.fit()),
      tool("plus", "Zoom in", "Zoom in (+)", () => zoom(1.25)), tool("minus", "Zoom out", "Zoom out (-)", () => zoom(0.8)),
      tool("open", "Expand all", "Open every scope (Shift+e)", () => expandAll(page)),
      tool("shut", "Collapse", "Shut every scope", () => gs.set({ open: "none" })));
    // On a small page they would lie over the cards: there they stand beside the search.
    new ResizeObserver(() => {
      const small = page.root.clientWidth < 600 || page.root.clientHeight < 400;
      if (side.classList.contains("gs-float") !== small) return;
      side.classList.toggle("gs-float", !small);
      if (small) bar.querySelector(".gs-search").after(side);
      else stage.append(side);
    }).observe(page.root);
    const paint = () => {
      unroll.setAttribute("aria-pressed", String(gs.state.mode === "unrolled"));
      unroll.disabled = Boolean(gs.state.vs);
    };
    gs.on(paint);
    paint();
    keys(page, bar, zoom);
  };

  function flip(page) {
    if (gs.state.vs) return false;
    page.anchor = gs.state.node;
    gs.set({ mode: gs.state.mode === "unrolled" ? null : "unrolled" });
    return true;
  }

  /* Four in a row for one click, the rest and what the program logged itself in a list. */
  function colouring(page) {
    const row = gs.segments("Colour by", FIRST.map(([key, word]) => [key, word]), (color) => gs.set({ color }));
    for (const b of row.buttons) b.dataset.color = b.dataset.value;
    const list = gs.el("select", { class: "gs-tool", "aria-label": "More colourings", title: "Colour by (v)" });
    list.addEventListener("change", () => gs.set({ color: list.value }));
    const paint = () => {
      const now = gs.state.color || (gs.state.vs ? "change" : "family");
      const all = [...(gs.state.vs ? [["change", "Change"]] : []), ...MORE, ...(page.custom || []).map((name) => [`custom:${name}`, name])];
      const more = all.some(([key]) => key === now);
      if (list.dataset.of !== JSON.stringify(all)) {
        list.dataset.of = JSON.stringify(all);
        list.replaceChildren(gs.el("option", { value: "", hidden: true }, "More"), ...all.map(([key, word]) => gs.el("option", { value: key }, word)));
      }
      list.value = more ? now : "";
      list.classList.toggle("gs-chosen", more);
      row.choose(now);
      if (more) row.buttons[0].tabIndex = 0;
    };
    gs.on(paint);
    page.root.addEventListener("gs:layout", paint);
    page.colours = () => [...FIRST.map(([key]) => key), ...[...list.options].map((o) => o.value).filter(Boolean)];
    paint();
    return [row.box, list];
  }

  function expandAll(page) {
    page.anchor = gs.state.node || null;
    gs.set({ open: "all" });
  }

  function keys(page, bar, zoom) {
    const key = (combo, what, act) => gs.key(combo, what, act, "graph");
    key("f", "Show the whole graph", () => page.fit());
    key("z", "Zoom to the chosen card", () => (page.selected ? page.zoomTo(page.selected) : false));
    key("e", "Open or shut the chosen scope", () => (page.selected && (page.selected.kind === "scope" || page.selected.depth !== undefined) ? page.toggle(page.selected.id) : false));
    key("Shift+E", "Open every scope", () => expandAll(page));
    key("v", "Next colouring", () => {
      const all = page.colours(), now = gs.state.color || (gs.state.vs ? "change" : "family");
      gs.set({ color: all[(all.indexOf(now) + 1) % all.length] });
    });
    key("b", "Backward beside forward", () => flip(page));
    key("x", "Save the graph as SVG", () => gs.saveFigure("svg"));
    key("g", "Play the steps", () => page.player.toggle());
    key("/", "Search the graph", () => bar.querySelector("input").focus());
    key("+", "Zoom in", () => zoom(1.25));
    key("-", "Zoom out", () => zoom(0.8));
    key(".", "Next gradient of backward", () => !waiting() && page.walk.move(1));
    key(",", "One gradient back", () => !waiting() && page.walk.on() && page.walk.move(-1));
    key(["Alt+ArrowUp", "Alt+ArrowDown", "Alt+ArrowLeft", "Alt+ArrowRight"], "Walk along the lines", (e) => walk(page, e.key));
    key("Escape", "One level up", () => up(page));
  }

  /* While the program itself waits, `.` is a step of the program's. */
  const waiting = () => Boolean(gs.card && gs.card.control && gs.card.control.state === "paused");

  /* Esc climbs: search, walk through backward, part of the graph, comparison, then the selection. */
  function up(page) {
    if (page.found) return gs.search.clear(page);
    if (page.walk.on()) return page.walk.end();
    if (gs.state.focus) return page.focus.leave();
    if (!gs.state.node) return gs.state.vs ? page.diff.end() : false;
    gs.set({ node: null });
  }

  /* Up and down to an input or output, left and right among siblings. */
  function walk(page, name) {
    const { scene, selected } = page;
    if (!scene) return false;
    let to = null;
    if (!selected || !scene.byId.has(selected.id)) to = scene.nodes[0] && scene.nodes[0].id;
    else if (name === "ArrowUp") to = best(scene, scene.inputs(selected.id));
    else if (name === "ArrowDown") to = best(scene, scene.outputs(selected.id));
    else to = beside(scene, selected, name === "ArrowRight" ? 1 : -1);
    if (to) {
      gs.set({ node: page.pick(to) });
      page.showBox(scene.byId.get(page.pick(to)));
    }
    return true;
  }

  // An op is the way on; a parameter is a side branch, a gradient the other half.
  const best = (scene, ids) => ids.find((id) => scene.byId.get(id) && !["param", "grad"].includes(scene.byId.get(id).kind)) || ids[0];

  function beside(scene, from, sign) {
    let found = null, least = Infinity;
    for (const n of scene.nodes) {
      const dx = (n.x - from.x) * sign, dy = Math.abs(n.y - from.y);
      if (n.kind !== "grad" && dx > 1 && dx + 4 * dy < least) {
        least = dx + 4 * dy;
        found = n.id;
      }
    }
    return found;
  }
})();
