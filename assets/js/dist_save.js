/* "Save" of a card of the Distributions tab: its numbers as CSV, its picture as SVG or PNG, with its title. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const WIDE = 800, TALL = 480, HEAD = 40, SHARP = 2;

  /* The menu. told() -> {name, title, draw(target), rows()}: draw paints into {ink, w, h}, rows are a table with its head. */
  gs.saveMenu = function (told, problem) {
    const act = (word, title, make) => el("button", { type: "button", title, onclick: () => {
      menu.open = false;
      try {
        make(told());
      } catch (error) {
        problem(`It could not be saved: ${error.message}`);
      }
    } }, word);
    const menu = el("details", { class: "gs-curve-save" }, el("summary", { class: "gs-mini", title: "Save this picture" }, "Save"),
      el("div", { class: "gs-menu" }, act("CSV", "The numbers that are drawn", csv), act("SVG", "For a paper: lines stay lines", svg), act("PNG", "For a slide", png)));
    menu.addEventListener("keydown", (e) => {
      if (e.key !== "Escape" || !menu.open) return;
      e.stopPropagation();
      menu.open = false;
      menu.firstElementChild.focus();
    });
    return el("div", { class: "gs-curve-tools" }, menu);
  };

  const file = (name) => name.replace(/[^A-Za-z0-9_.-]+/g, "_").slice(0, 60) || "layer";

  /* Texts that a spreadsheet would take for a formula are quoted as texts. */
  function cell(value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  }

  function csv({ name, rows }) {
    const text = rows().map((row) => row.map(cell).join(",") + "\n").join("");
    gs.download(`data:text/csv;charset=utf-8,${encodeURIComponent(text)}`, `${file(name)}.csv`);
  }

  function paint(ink, { title, draw }) {
    ink.font = gs.font.sans(15 / (gs.type || 1), 600);
    ink.fillStyle = gs.color("ink");
    ink.textAlign = "left";
    ink.textBaseline = "alphabetic";
    ink.fillText(gs.marks.fit(ink, title, WIDE - 32), 16, 26);
    ink.translate(0, HEAD);
    draw({ ink, w: WIDE, h: TALL - HEAD });
  }

  function svg(told) {
    const ink = new gs.SvgInk(WIDE, TALL);
    paint(ink, told);
    gs.download(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(ink.text(gs.color("surface")))}`, `${file(told.name)}.svg`);
  }

  function png(told) {
    const canvas = el("canvas", { width: WIDE * SHARP, height: TALL * SHARP }), ink = canvas.getContext("2d");
    ink.scale(SHARP, SHARP);
    ink.fillStyle = gs.color("surface");
    ink.fillRect(0, 0, WIDE, TALL);
    paint(ink, told);
    gs.download(canvas.toDataURL("image/png"), `${file(told.name)}.png`);
  }
})();
