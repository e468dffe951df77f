/* The search box: finds ops, scopes, parameters and source lines anywhere in the graph, open or not. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  let hits = [], at = -1, input = null, list = null, ask = null;

  function build(page) {
    input = gs.el("input", {
      type: "search", placeholder: "Search", "aria-label": "Search the graph", title: "Search names, ops, shapes (4x5), lines and modules (/)",
      role: "combobox", "aria-expanded": "false", "aria-controls": "gs-hits", autocomplete: "off", spellcheck: "false",
    });
    list = gs.el("ul", { class: "gs-hits", id: "gs-hits", role: "listbox", "aria-label": "Found", hidden: true });
    ask = new gs.Latest((answer) => show(page, answer));
    input.addEventListener("input", () => look(page));
    input.addEventListener("focus", () => hits.length && open(true));
    input.addEventListener("blur", () => setTimeout(() => open(false), 150));
    input.addEventListener("keydown", (e) => {
      e.stopPropagation();
      if (e.key === "ArrowDown" || e.key === "ArrowUp") move(e.key === "ArrowDown" ? 1 : -1);
      else if (e.key === "Enter" && hits.length) pick(page, hits[Math.max(at, 0)]);
      else if (e.key === "Escape") clear(page);
      else return;
      e.preventDefault();
    });
    return gs.el("div", { class: "gs-search" }, input, list);
  }

  function look(page) {
    const q = input.value.trim();
    if (!q) return clear(page, true);
    const { run, step } = gs.state;
    ask.ask(gs.url("/api/search", { run, step, q }));
  }

  function show(page, answer) {
    if (!input.value.trim()) return;
    hits = answer.hits || [];
    at = hits.length ? 0 : -1;
    const rows = hits.slice(0, 50).map((hit, i) => gs.el("li", {
      role: "option", "data-i": i, id: `gs-hit-${i}`, "aria-selected": String(i === at),
      onpointerdown: (e) => {
        e.preventDefault();
        pick(page, hit);
      },
    }, gs.el("b", {}, hit.where === "name" ? marked(hit) : hit.label), gs.el("span", { class: "gs-hit-where" }, ...where(hit))));
    if (answer.total > rows.length) rows.push(gs.el("li", { class: "gs-hit-more" }, `${answer.total - rows.length} more: type on`));
    if (!hits.length) rows.push(gs.el("li", { class: "gs-hit-more" }, "nothing has that name"));
    list.replaceChildren(...rows);
    open(true);
    mark(page);
  }

  /* The text that matched, with the very letters marked. */
  function marked(hit) {
    const long = input.value.trim().length, { match, at } = hit;
    if (match.length < at + long) return [match];
    return [match.slice(0, at), gs.el("mark", {}, match.slice(at, at + long)), match.slice(at + long)];
  }

  /* In which of its texts a hit was found, and where it stands. */
  function where(hit) {
    if (hit.where === "name") return [hit.scope];
    return [gs.el("i", {}, hit.where), " ", ...marked(hit), ...(hit.scope && hit.where !== "module" ? [` \u00b7 ${hit.scope}`] : [])];
  }

  /* Everything that matches keeps its colour, also a closed scope that holds a match. */
  function mark(page) {
    page.found = new Set();
    for (const hit of hits) {
      const box = page.scene && page.scene.holder(hit.id);
      if (box) page.found.add(box.id);
    }
    page.board.request();
  }

  function move(d) {
    const n = Math.min(hits.length, 50);
    if (!n) return;
    at = (at + d + n) % n;
    for (const li of list.children) li.setAttribute("aria-selected", String(Number(li.dataset.i) === at));
    list.children[at].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", `gs-hit-${at}`);
  }

  function pick(page, hit) {
    clear(page);
    page.reveal(hit.id, hit.inside);
  }

  function clear(page, keep) {
    hits = [];
    at = -1;
    if (!keep) {
      input.value = "";
      input.blur();
    }
    page.found = null;
    list.replaceChildren();
    open(false);
    page.board.request();
  }

  function open(on) {
    list.hidden = !on;
    input.setAttribute("aria-expanded", String(on));
  }

  gs.search = { build, mark, clear };
})();
