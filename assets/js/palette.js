/* Ctrl-K: everything that can be done or gone to, by typing a part of its name. Keyboard only, if wanted.
 *
 *   gs.offer((query) => [{ title, detail, key, act }])   // another source of entries; may return a promise
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const sources = [];
  const SHOWN = 60;
  let dialog = null, input = null, list = null, entries = [], at = 0, asked = 0;

  gs.offer = (source) => sources.push(source);

  /* How well a query fits a name: null when its letters do not occur in order. Beginnings of words and
   * letters in a row count most, so "gte" finds "Graph: time" before "slightest". */
  gs.fuzzy = function (query, text) {
    const q = query.toLowerCase().replace(/\s+/g, ""), t = text.toLowerCase();
    if (!q) return 0;
    const straight = t.indexOf(query.toLowerCase().trim());
    if (straight >= 0) return 1000 - straight - t.length / 100 + (straight === 0 || /\W/.test(t[straight - 1]) ? 500 : 0);
    let score = 0, row = 0, from = 0;
    for (const c of q) {
      const found = t.indexOf(c, from);
      if (found < 0) return null;
      row = found === from && from > 0 ? row + 1 : 0;
      score += 1 + 3 * row + (found === 0 || /[\s./:_-]/.test(t[found - 1]) ? 6 : 0) - Math.min(found - from, 10) / 10;
      from = found + 1;
    }
    return score - t.length / 100;
  };

  function build() {
    input = el("input", {
      type: "text", class: "gs-palette-input", placeholder: "Go to a page, run, step or node, or do something", "aria-label": "Commands",
      role: "combobox", "aria-expanded": "true", "aria-controls": "gs-palette-list", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false",
      oninput: () => look(), onkeydown: (e) => move(e),
    });
    list = el("ul", { class: "gs-palette-list", id: "gs-palette-list", role: "listbox", "aria-label": "Commands" });
    dialog = el("dialog", { class: "gs-dialog gs-palette", "aria-label": "Commands" }, input, list);
    dialog.addEventListener("click", (e) => e.target === dialog && dialog.close());
    document.getElementById("app").append(dialog);
  }

  function open() {
    if (!dialog) build();
    if (dialog.open) return dialog.close();
    input.value = "";
    dialog.showModal();
    look();
  }

  function look() {
    const query = input.value.trim(), turn = ++asked;
    const now = [], later = [];
    for (const source of sources) {
      const given = source(query);
      if (given && given.then) later.push(given);
      else now.push(...(given || []));
    }
    show(query, now);
    for (const promise of later) {
      promise.then((more) => {
        if (turn !== asked || !dialog.open) return;
        now.push(...more);
        show(query, now);
      }, () => {});
    }
  }

  function show(query, all) {
    const ranked = all.map((entry, i) => ({ entry, i, score: entry.rank !== undefined ? entry.rank : gs.fuzzy(query, entry.title) }))
      .filter((r) => r.score !== null).sort((a, b) => b.score - a.score || a.i - b.i);
    entries = ranked.slice(0, SHOWN).map((r) => r.entry);
    at = 0;
    list.replaceChildren(...entries.map((entry, i) => el("li", {
      role: "option", id: `gs-cmd-${i}`, "aria-selected": String(i === at),
      onpointermove: () => i !== at && mark(i), onclick: () => run(entry),
    }, el("span", { class: "gs-cmd-title" }, entry.title), el("span", { class: "gs-cmd-detail" }, entry.detail || ""),
      entry.key ? el("kbd", {}, gs.keyName(entry.key)) : null)));
    if (!entries.length) list.replaceChildren(el("li", { class: "gs-cmd-none", role: "option", "aria-disabled": "true", "aria-selected": "false" }, "Nothing has that name."));
    input.setAttribute("aria-activedescendant", entries.length ? "gs-cmd-0" : "");
  }

  function mark(i) {
    at = i;
    [...list.children].forEach((li, k) => li.setAttribute("aria-selected", String(k === at)));
    input.setAttribute("aria-activedescendant", `gs-cmd-${at}`);
    if (list.children[at]) list.children[at].scrollIntoView({ block: "nearest" });
  }

  function move(e) {
    const n = entries.length;
    const d = { ArrowDown: 1, ArrowUp: -1, PageDown: 5, PageUp: -5 }[e.key];
    if (d && n) mark(Math.abs(d) === 1 ? (at + d + n) % n : Math.min(Math.max(at + d, 0), n - 1));
    else if (e.key === "Enter" && n) run(entries[at]);
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  function run(entry) {
    dialog.close();
    entry.act();
  }

  const title = (page) => (document.querySelector(`.gs-rail a[data-page="${page}"]`) || {}).title || page;

  gs.offer(() => [...document.querySelectorAll(".gs-rail a")].map((a, i) => ({
    title: a.title, detail: "page", key: String(i + 1), act: () => gs.set({ page: a.dataset.page }),
  })));

  gs.offer((query) => {
    const found = /^(?:go to |goto )?(?:step )?([\d,]{1,18})$/.exec(query);
    return found ? [{ title: `Go to step ${found[1]}`, detail: "step", rank: 3000, act: () => gs.goStep(Number(found[1].replace(/,/g, ""))) }] : [];
  });

  gs.offer(() => (gs.runList || []).filter((r) => r.run !== gs.state.run).slice(0, 200).map((r) => ({
    title: `Run ${r.run}`, detail: [r.state, r.steps ? `${r.steps.toLocaleString("en-US")} step${r.steps === 1 ? "" : "s"}` : "", r.loss && `loss ${r.loss}`].filter(Boolean).join(" · "),
    act: () => gs.openRun(r.run),
  })));

  gs.offer(() => [...document.querySelectorAll("[data-gs=graph] [data-color]")].map((b) => ({
    title: `Colour by ${b.textContent.trim().toLowerCase()}`, detail: title("graph"), act: () => gs.set({ page: "graph", color: b.dataset.color }),
  })));

  // What has a key has a name; what belongs to another page is offered there.
  gs.offer(() => gs.keys().filter((k) => (!k.page || k.page === gs.state.page) && !k.combos.includes("Ctrl+k") && !/^\d$/.test(k.combos[0]))
    .map((k) => ({ title: k.what, detail: k.page ? title(k.page) : "", key: k.combos[0], act: () => k.fn(new KeyboardEvent("keydown")) })));

  gs.offer(() => [["light", "light"], ["dark", "dark"], ["as the system", null]].map(([name, theme]) => ({
    title: `Colours: ${name}`, detail: "look", act: () => gs.set({ theme }),
  })));
  gs.offer(() => ["svg", "pdf", "png", "tikz"].map((kind) => ({
    title: `Save the graph as ${kind.toUpperCase()}`, detail: "export", act: () => gs.saveFigure(kind),
  })).filter((entry) => !gs.keys().some((k) => k.what === entry.title && (!k.page || k.page === gs.state.page)))); // there with its key
  gs.offer(() => [{ title: "Print this page", detail: "export", act: () => window.print() }]);

  gs.offer((query) => {
    if (query.length < 2 || /^[\d,]+$/.test(query) || !gs.state.run) return [];
    return gs.fetchJson(gs.url("/api/search", { run: gs.state.run, step: gs.state.step, q: query })).then((answer) => (answer.hits || []).slice(0, 6).map((hit, i) => ({
      title: hit.label, detail: [hit.scope, hit.match].filter(Boolean).join(" · "), rank: 900 - i, act: () => gs.reveal(hit.id, hit.inside),
    })));
  });

  gs.key("Ctrl+k", "Commands", () => open());
  gs.openPalette = open;
})();
