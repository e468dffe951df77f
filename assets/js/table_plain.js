/* The first rows of a table as plain HTML, in the places where the grid will have them: what most readers came for is
 * there before the grid's script (the heaviest of all) has been read. It goes when the grid has painted.
 *
 *   gs.plainTable(table)   table: a gs.Table with columns and rows, and no grid yet
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const ROW = 24, HEAD = 32; // px, as in components/table.py

  gs.plainTable = function (table) {
    const { box, columns, on, total } = table, shown = columns.filter((c) => !c.hide), text = (c) => !c.kind || c.kind === "text";
    const by = shown.find((c) => c.sort);
    let nodes = table.rows.filter((row) => !on.shown || on.shown(row)).map((data) => ({ data }));
    if (by) nodes.sort((a, b) => (by.sort === "desc" ? -1 : 1) * (amount(a, by) - amount(b, by)));
    if (on.order) on.order(nodes, table);
    nodes = nodes.slice(0, Math.max(1, Math.ceil((box.clientHeight - HEAD) / ROW)));
    const widths = table.widths(box.clientWidth, shown);
    const line = (node, end) => el("tr", { "data-id": end ? null : node.data.id, class: end ? "gs-plain-end" : null, "aria-selected": !end && node.data.id === table.chosen ? "true" : null,
      onclick: (e) => !end && on.pick && on.pick(node.data, e) },
    shown.map((c) => el(c === shown[0] ? "th" : "td", { scope: c === shown[0] ? "row" : null, class: text(c) ? "gs-cell-text" : "gs-cell-number" }, el("span", { class: "gs-cell" }, table.content(c, node, end)))));
    const head = el("thead", {}, el("tr", {}, shown.map((c) => el("th", { scope: "col", class: text(c) ? null : "gs-cell-number", title: c.tip || c.title }, table.title(c)))));
    const made = el("table", {}, el("colgroup", {}, shown.map((c, i) => {
      const col = el("col");
      col.style.width = `${widths[i]}px`;
      return col;
    })), head, el("tbody", {}, nodes.map((node) => line(node, false))));
    made.style.width = `${widths.reduce((sum, w) => sum + w, 0)}px`;
    return el("div", { class: "gs-plain" }, made, total ? el("table", { class: "gs-plain-total", style: `width:${made.style.width}` }, made.querySelector("colgroup").cloneNode(true), el("tbody", {}, line({ data: total }, true))) : null);
  };

  const amount = (node, c) => (node.data[c.field] === null || node.data[c.field] === undefined ? -Infinity : node.data[c.field]);
})();
