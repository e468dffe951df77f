/* `?`: all keys on one sheet, made from the map; and the keys of the frame itself. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  let sheet = null;

  function open() {
    if (sheet && sheet.open) return sheet.close();
    const pages = [...document.querySelectorAll(".gs-rail a")].map((a) => [a.dataset.page, a.title]);
    const groups = [["Everywhere", null], ...pages.map(([path, title]) => [title, path])];
    const here = gs.state.page;
    // What holds on this page stands first: the sheet is opened by somebody who is here.
    groups.sort((a, b) => Number(b[1] === here) - Number(a[1] === here));
    const boxes = groups.map(([title, page]) => {
      const mine = gs.keys().filter((k) => k.page === page);
      return mine.length ? el("section", {}, el("h3", {}, title), el("dl", {}, merged(mine).map(([what, combos]) => el("div", {},
        el("dt", {}, combos.map((c) => el("kbd", {}, gs.keyName(c)))), el("dd", {}, what))))) : null;
    });
    const close = el("button", { type: "button", class: "gs-button", onclick: () => sheet.close() }, "Close");
    if (!sheet) {
      sheet = el("dialog", { class: "gs-dialog gs-keys", "aria-label": "Keys" });
      sheet.addEventListener("click", (e) => e.target === sheet && sheet.close());
      document.getElementById("app").append(sheet);
    }
    sheet.replaceChildren(el("header", {}, el("h2", {}, "Keys"), close), el("div", { class: "gs-keys-cols" }, boxes));
    sheet.showModal();
  }

  /* Lines with the same words are one line with all their keys. */
  function merged(keys) {
    const lines = new Map();
    for (const k of keys) lines.set(k.what, [...(lines.get(k.what) || []), ...k.combos]);
    return [...lines];
  }

  gs.key("?", "Show all keys", open);
  gs.mount(".gs-rail", (rail) => {
    [...rail.querySelectorAll("a")].forEach((a, i) => {
      gs.key(String(i + 1), `Page ${a.title}`, () => gs.set({ page: a.dataset.page }));
      a.title = a.title || a.textContent;
    });
  });
  gs.openKeys = open;
})();
