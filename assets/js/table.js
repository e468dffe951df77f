/* A table of numbers: AG Grid in the page's colours, one unit a column, rows that keep their place.
 *
 * Columns with the same `together` have one unit between them. A number that is nothing in the column's unit
 * ("3.81e-6 MiB") stands there in its own, "4 B".
 *
 *   const table = new gs.Table(box, { columns, pick(row), order(nodes), key })
 *   table.show(rows, total)       rows have an `id`; scroll, selection, sorting and filter stay
 *
 * A column: { field, title, kind, digits, tip, bar, hide, ... }. kind is one of ns, bytes, flops,
 * flops_s, bytes_s, count, share, number, ratio or text; times, bytes and operations of one column
 * have one unit, which stands in its title. What a cell holds is always the raw number.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const UNITS = { ns: "ns", bytes: "bytes", flops: "flops" };
  let script = null;

  // Named in components/table.py; Dash's grid looks functions up here.
  const functions = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});
  functions.graphscopeTheme = (base) => base.withParams({
    accentColor: "var(--gs-focus)", backgroundColor: "var(--gs-surface)", foregroundColor: "var(--gs-ink)",
    textColor: "var(--gs-ink)", borderColor: "var(--gs-line)", chromeBackgroundColor: "var(--gs-surface)",
    headerBackgroundColor: "var(--gs-surface)", headerTextColor: "var(--gs-ink2)", headerFontWeight: 600,
    rowHoverColor: "var(--gs-page)", selectedRowBackgroundColor: "color-mix(in srgb, var(--gs-focus) 12%, var(--gs-surface))",
    oddRowBackgroundColor: "var(--gs-surface)", menuBackgroundColor: "var(--gs-surface)", inputFocusBorder: "1px solid var(--gs-focus)",
    fontFamily: "inherit", fontSize: 12, headerFontSize: 12, spacing: 4, cellHorizontalPadding: 8,
    wrapperBorder: false, wrapperBorderRadius: 0, borderRadius: 4, columnBorder: false, iconSize: 12,
    rowBorder: "1px solid var(--gs-line)", browserColorScheme: "inherit",
  });

  /* The grid's script, once; it is the heaviest of the page and most pages have no table. */
  function load() {
    if (script) return script;
    script = gs.dash().then((found) => gs.script(found.grid));
    script.catch(() => (script = null)); // the next table tries again
    return script;
  }

  gs.Table = class {
    constructor(box, options) {
      this.box = box;
      this.on = options;
      this.columns = options.columns;
      this.unit = {};
      this.rows = null;
      this.total = null;
      this.api = null;
      gs.onTheme(() => this.api && this.api.refreshCells({ force: true }));
    }

    /* Rows arrive before the grid is there: the newest wait for it. */
    show(rows, total) {
      this.rows = rows;
      this.total = total || null;
      this.box.style.setProperty("--gs-rows", String(rows.length)); // a short table ends where its rows end
      if (this.api) return this.put();
      this.plain();
      this.start();
    }

    /* Until the grid is there: its first rows as HTML. */
    plain() {
      if (this.api || !this.rows || this.failed || !gs.onScreen(this.box)) return;
      this.measure();
      const before = this.still;
      this.still = gs.plainTable(this);
      if (before) before.replaceWith(this.still);
      else this.box.prepend(this.still);
      this.box.dataset.rows = String(this.rows.length);
    }

    /* The script is on its way while the rows are still being asked for. */
    prepare() {
      if (!this.api) this.start();
    }

    async start() {
      if (this.starting) return;
      this.starting = true;
      try {
        const [box] = await Promise.all([gs.dashBox(this.box), load()]);
        await gs.dashSet(box.id, { children: JSON.parse(box.dataset.grid) });
        this.api = await window.dash_ag_grid.getApiAsync(`${this.box.id}-grid`);
      } catch (error) {
        this.starting = false;
        if (this.note) this.note.remove();
        this.box.prepend((this.note = gs.el("p", { class: "gs-note" }, error.message)));
        return;
      }
      const api = this.api;
      api.addEventListener("firstDataRendered", () => requestAnimationFrame(() => this.painted()));
      api.addEventListener("rowClicked", (e) => e.node && !e.node.rowPinned && this.on.pick && this.on.pick(e.data, e));
      api.addEventListener("cellKeyDown", (e) => {
        if (e.event && e.event.key === "Enter" && !e.node.rowPinned && this.on.pick) this.on.pick(e.data, e);
      });
      for (const name of ["gridSizeChanged", "columnVisible"]) api.addEventListener(name, () => this.stretch());
      api.addEventListener("columnResized", (e) => {
        if (e.source === "uiColumnResized") this.sized = true; // the reader's width is the reader's
      });
      if (this.on.order) api.setGridOption("postSortRows", (p) => this.on.order(p.nodes, this));
      if (this.rows) this.put();
      else if (this.failed) this.fail(this.failed);
      if (this.on.ready) this.on.ready();
    }

    /* There are no rows to show, and why; the next rows take the place of the sentence. */
    fail(text) {
      this.failed = text;
      this.painted();
      if (!this.api) return;
      const note = gs.el("p", { class: "gs-note" }, text);
      if (this.note) this.note.remove();
      this.box.prepend((this.note = note));
      this.api.setGridOption("loading", false);
    }

    painted() {
      if (this.still) this.still.remove();
      this.still = null;
    }

    /* Other columns: another grouping. The order of the rows goes back to what is asked for. */
    define(columns) {
      this.columns = columns;
      this.made = null;
    }

    /* One unit a column, or for those that belong together. */
    measure() {
      for (const c of this.columns) {
        if (!UNITS[c.kind]) continue;
        const alike = c.together ? this.columns.filter((d) => d.together === c.together) : [c];
        this.unit[c.field] = gs.units.unit(alike.flatMap((d) => this.rows.map((r) => r[d.field])), UNITS[c.kind]);
      }
    }

    put() {
      this.measure();
      const heads = this.columns.map((c) => [c.field, this.unit[c.field], c.hide].join()).join("|");
      if (this.heads !== heads || !this.made) {
        const again = this.made;
        this.heads = heads;
        this.made = true;
        // What the reader chose (order, width, sorting, filter, hidden columns) survives a change of units.
        const defs = this.columns.map((c) => this.definition(c, again));
        this.api.setGridOption("maintainColumnOrder", true);
        this.api.setGridOption("columnDefs", defs);
        this.stretch();
      }
      this.api.setGridOption("rowData", this.rows);
      this.api.setGridOption("pinnedBottomRowData", this.total ? [this.total] : []);
      this.api.setGridOption("loading", false);
      if (this.on.shown && !this.filters) {
        this.filters = true; // not before there are rows: it would be read out that none of them matches
        this.api.setGridOption("doesExternalFilterPass", (node) => this.on.shown(node.data));
        this.api.setGridOption("isExternalFilterPresent", () => true);
      }
      if (this.note) this.note.remove();
      this.note = this.failed = null;
      this.box.dataset.ready = String(this.rows.length);
      if (this.chosen !== undefined) this.choose(this.chosen);
      if (!this.rows.length) this.painted();
    }

    /* One column takes the room that is left, up to its most; what then is left, the others share: a number far from
     * its row's name is hard to read, and so is a table that ends in the middle of its card. The grid's own flex hides
     * all rows until it was on screen. */
    stretch() {
      const wide = this.columns.find((c) => c.flex);
      const columns = (this.api && this.api.getColumns()) || [];
      if (!wide || this.sized || !columns.length) return;
      const view = this.box.querySelector(".ag-center-cols-viewport");
      if (!view || !view.clientWidth) return;
      const seen = new Set(columns.filter((c) => c.isVisible()).map((c) => c.getColId()));
      const shown = this.columns.filter((c) => c === wide || seen.has(c.field)), widths = this.widths(view.clientWidth, shown);
      this.api.setColumnWidths(shown.map((c, i) => ({ key: c.field, newWidth: widths[i] })));
      this.box.classList.toggle("gs-sideways", widths.reduce((sum, w) => sum + w, 0) > view.clientWidth); // its bar takes room
    }

    /* px of each of these columns in a table of this width. */
    widths(room, shown) {
      const wide = shown.find((c) => c.flex), own = (c) => c.width || 96;
      const rest = shown.reduce((sum, c) => sum + (c === wide ? 0 : own(c)), 0);
      const width = wide ? Math.round(Math.min(Math.max(room - rest, wide.min || 120), wide.max || 1e4)) : 0;
      const grown = wide ? 1 + Math.max(0, room - rest - width) / Math.max(1, rest) : 1;
      return shown.map((c) => (c === wide ? width : Math.floor(own(c) * grown)));
    }

    title(c) {
      const unit = this.unit[c.field];
      const suffix = { ns: unit, bytes: unit, flops: unit !== undefined ? `${unit}FLOP` : "", share: "%" }[c.kind];
      return suffix ? `${c.title} (${suffix})` : c.title;
    }

    /* What a cell holds outside of the grid. */
    content(c, node, pinned) {
      const value = node.data[c.field], text = pinned && none(value) ? "" : this.cell(c, value);
      const p = { data: node.data, value, node: { rowPinned: pinned ? "bottom" : null } };
      const made = c.render ? c.render(p, this) : c.bar ? bar(p, text) : text;
      return Array.isArray(made) ? made : [made];
    }

    definition(c, again) {
      const text = !c.kind || c.kind === "text";
      const def = {
        field: c.field, colId: c.field, headerName: this.title(c), headerTooltip: c.tip || c.title,
        sortable: true, resizable: true, suppressHeaderMenuButton: true, suppressHeaderFilterButton: false,
        filter: text ? "agTextColumnFilter" : "agNumberColumnFilter",
        filterParams: text ? undefined : { defaultOption: "greaterThanOrEqual" }, filterValueGetter: text ? undefined : (p) => this.shownNumber(c, p.data[c.field]),
        type: text ? undefined : "rightAligned", sortingOrder: text ? ["asc", "desc", null] : ["desc", "asc", null],
        comparator: text ? undefined : (a, b) => number(a) - number(b),
        maxWidth: c.max, minWidth: c.min || (text ? 120 : 72), tooltipValueGetter: (p) => (text ? p.value : full(p.value)),
        valueFormatter: (p) => (p.node && p.node.rowPinned && none(p.value) ? "" : this.cell(c, p.value)), cellClass: text ? "gs-cell-text" : ["gs-cell-number", "ag-right-aligned-cell"],
      };
      if (!again) {
        def.width = c.width || 96;
        def.hide = Boolean(c.hide);
        def.sort = c.sort || null;
      }
      if (c.render) def.cellRenderer = cell(c.render, this);
      else if (c.bar) def.cellRenderer = cell((p) => bar(p, p.node.rowPinned && none(p.value) ? "" : this.cell(c, p.value)), this);
      return def;
    }

    /* A filter means the number that is read in the column, in its unit, and not what stands behind it. */
    shownNumber(c, value) {
      if (typeof value !== "number") return null;
      return UNITS[c.kind] ? gs.units.inUnit(value, this.unit[c.field], UNITS[c.kind]) : c.kind === "share" ? 100 * value : value;
    }

    cell(c, value) {
      if (none(value)) return c.kind === "text" || !c.kind ? "" : "\u2014";
      if (value === 0 && c.kind !== "text") return "0";
      const unit = this.unit[c.field];
      if (UNITS[c.kind]) {
        const text = gs.units[c.kind](value, unit);
        return text.includes("e\u2212") ? gs.units[c.kind](value) : bare(text, c.kind === "flops" ? `${unit}FLOP` : unit);
      }
      if (c.kind === "flops_s" || c.kind === "bytes_s") return gs.units.rate(value, c.kind.slice(0, 5));
      if (c.kind === "share") return bare(gs.units.share(value), "%");
      if (c.kind === "count") return gs.units.count(value);
      if (c.kind === "number" || c.kind === "ratio") return gs.units.number(value);
      return String(value);
    }

    /* Marks the row of this id and brings it into view; null marks none. */
    choose(id) {
      this.chosen = id;
      if (!this.api) {
        for (const row of this.still ? this.still.querySelectorAll("[data-id]") : []) {
          if (row.dataset.id === id) row.setAttribute("aria-selected", "true");
          else row.removeAttribute("aria-selected");
        }
        return;
      }
      const node = id === null ? null : this.api.getRowNode(id);
      const now = this.api.getSelectedNodes()[0];
      if (now && now !== node) now.setSelected(false);
      if (!node || node === now) return;
      node.setSelected(true);
      this.api.ensureNodeVisible(node);
    }

    find(text) {
      if (this.api) this.api.setGridOption("quickFilterText", text);
    }

    refilter() {
      if (this.api) this.api.onFilterChanged();
      else this.plain();
    }

    hidden() {
      return this.api ? this.api.getColumns().filter((c) => !c.isVisible()).map((c) => c.getColId()) : [];
    }

    toggle(field, shown) {
      if (this.api) this.api.setColumnsVisible([field], shown);
    }

    /* Numbers in base units, as they are: a spreadsheet does its own rounding. */
    csv(name) {
      if (!this.api) return;
      const fields = this.columns;
      this.api.exportDataAsCsv({
        fileName: name, skipPinnedBottom: true, allColumns: true,
        processHeaderCallback: (p) => p.column.getColId(),
        processCellCallback: (p) => {
          const c = fields.find((f) => f.field === p.column.getColId());
          return safe(c && p.node && p.node.data ? p.node.data[c.field] : p.value);
        },
      });
    }
  };

  const none = (x) => x === null || x === undefined;
  const number = (x) => (x === null || x === undefined ? -Infinity : x);
  const full = (x) => (typeof x === "number" ? String(x) : x === null || x === undefined ? "not recorded" : String(x));
  // The unit stands in the column's title.
  const bare = (text, unit) => (unit && text.endsWith(` ${unit}`) ? text.slice(0, -unit.length - 1) : text);

  /* A text that a spreadsheet would run as a formula gets an apostrophe before it. */
  const safe = (x) => (x === null || x === undefined ? "" : typeof x === "string" && /^[=+\-@\t\r]/.test(x) ? `'${x}` : x);

  /* A cell of our own: the grid asks for an object with getGui. */
  function cell(make, table) {
    return class {
      init(p) {
        this.gui = gs.el("span", { class: "gs-cell" });
        this.refresh(p);
      }
      getGui() {
        return this.gui;
      }
      refresh(p) {
        const made = make(p, table);
        this.gui.replaceChildren(...(Array.isArray(made) ? made : [made]));
        return true;
      }
    };
  }

  /* The number with its bar behind: length says it, the heat colour repeats it. */
  function bar(p, text) {
    const share = Math.min(Math.max(p.value || 0, 0), 1);
    const fill = gs.el("i", { class: "gs-bar-fill" });
    fill.style.width = `${(100 * share).toFixed(1)}%`;
    fill.style.background = gs.heat("time", 0.4 + 0.6 * share);
    return [gs.el("span", { class: "gs-bar", "aria-hidden": "true" }, fill), gs.el("span", { class: "gs-bar-text" }, text)];
  }
})();
