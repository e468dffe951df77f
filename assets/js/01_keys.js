/* One map of all keys, declared where their action lives; `?` shows it and the palette offers it.
 *
 *   gs.key("f", "Show the whole graph", () => page.fit(), "graph")   // only while that page is shown
 *   gs.key("Ctrl+k", "Commands", open)                               // everywhere
 *   gs.key(["ArrowLeft", "Shift+ArrowLeft"], "A step back", (e) => ...)
 *
 * A function that returns false leaves the key to whoever comes next: a later line of the map, then
 * the browser. Keys rest while something is typed; widgets that use arrows themselves keep them.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const map = [];
  const TYPING = "input, textarea, select, [contenteditable]";
  const WALKING = "[role=tree], [role=tablist], [role=radiogroup], [role=grid], [role=treegrid], [role=listbox], [role=menu], [role=slider], [role=separator], .ag-root";
  const NAMES = {
    ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc", " ": "Space", Space: "Space",
  };

  /* "Shift+E", "e", "Ctrl+k", "?": Shift counts only where it does not already change the letter. */
  function pressed(e) {
    const key = e.key === " " ? "Space" : e.key;
    const letter = key.length === 1;
    return [(e.ctrlKey || e.metaKey) && "Ctrl", e.altKey && "Alt", e.shiftKey && (!letter || /[A-Z]/.test(key)) && "Shift",
      letter ? key.toLowerCase() : key].filter(Boolean).join("+");
  }

  function normal(combo) {
    const parts = combo === "+" ? ["+"] : combo.split("+");
    const key = parts.pop() || "+";
    return [...["Ctrl", "Alt", "Shift"].filter((m) => parts.includes(m)), key.length === 1 ? key.toLowerCase() : key].join("+");
  }

  gs.key = function (combo, what, fn, page) {
    const combos = (Array.isArray(combo) ? combo : [combo]).map(normal);
    map.push({ combos, what, fn, page: page || null });
  };

  /* The map for the overlay and the palette: [{combos, what, fn, page}], in the order of declaration. */
  gs.keys = () => map.slice();

  gs.keyName = (combo) => combo.split("+").map((part, i, all) => (part === "" ? (i === all.length - 1 ? "+" : null) : NAMES[part]
    || (part.length === 1 && all.length > 1 ? part.toUpperCase() : part))).filter(Boolean).join(" ");

  /* "Show the whole graph (f)": a tooltip that teaches the key of what it names. */
  gs.tip = function (what, text) {
    const found = map.find((k) => k.what === what);
    return found ? `${text || what} (${gs.keyName(found.combos[0])})` : text || what;
  };

  function onKey(e) {
    if (e.defaultPrevented || e.isComposing || !e.target.closest) return;
    const name = pressed(e);
    if (e.target.closest(TYPING) && !/^(Ctrl|Alt)\+/.test(name)) return;
    if (/^(Shift\+)?(Arrow\w+|Space|Enter|Home|End|Page\w+)$/.test(name)) {
      if (e.target.closest(WALKING)) return;
      // A focused button or link is pressed by Space and Enter, as everywhere.
      if (/(Space|Enter)$/.test(name) && e.target.closest("button, a, summary, [role=button], [role=option], [tabindex='0']:not(canvas)")) return;
    }
    const page = gs.state && gs.state.page;
    const mine = map.filter((k) => k.combos.includes(name) && (!k.page || k.page === page));
    // What a page says about a key goes before what holds everywhere.
    for (const k of [...mine.filter((m) => m.page), ...mine.filter((m) => !m.page)]) {
      let answer;
      try {
        answer = k.fn(e);
      } catch (error) {
        console.error(error);
      }
      if (answer === false) continue;
      e.preventDefault();
      return;
    }
  }
  document.addEventListener("keydown", onKey);
})();
