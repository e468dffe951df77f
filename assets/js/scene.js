/* GraphView JSON made ready to paint: positions that can move, neighbours, boxes of edges, hit test. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  const TILE = 8192; // px of the world
  let stamps = 0;

  gs.Scene = class {
    constructor(view) {
      this.view = view;
      const { nodes, groups, edges } = gs.fromColumns(view);
      this.nodes = nodes;
      this.groups = groups.sort((a, b) => a.depth - b.depth);
      this.edges = edges;
      this.bounds = view.bounds || [0, 0, 1, 1];
      this.byId = new Map();
      this.into = new Map(); // id -> edges that end there
      this.from = new Map();
      this.values = {};
      for (const box of nodes) this.byId.set(box.id, box);
      for (const box of groups) this.byId.set(box.id, box);
      for (const edge of edges) {
        push(this.into, edge.dst, edge);
        push(this.from, edge.src, edge);
      }
      this.stamp = ++stamps; // tells one scene from the next
      this.far = null; // edges as a few paths, for the far view; built when first needed
    }

    /* All edges as {path, box}, by their place: each in a square at least as large as itself. */
    tiles() {
      if (this.far) return this.far;
      const found = new Map();
      for (const edge of this.edges) {
        const [x0, y0, x1, y1] = edge.box;
        const side = TILE * 2 ** Math.ceil(Math.max(0, Math.log2(Math.max(x1 - x0, y1 - y0) / TILE)));
        const key = `${side} ${Math.floor(x0 / side)} ${Math.floor(y0 / side)}`;
        let tile = found.get(key);
        if (!tile) found.set(key, (tile = { path: new Path2D(), box: [x0, y0, x1, y1] }));
        edge.sketch(tile.path);
        const b = tile.box;
        tile.box = [Math.min(b[0], x0), Math.min(b[1], y0), Math.max(b[2], x1), Math.max(b[3], y1)];
      }
      return (this.far = [...found.values()]);
    }

    /* The card at a point, else the title of an open group there, else null. */
    at(point) {
      if (!point) return null;
      const { x, y } = point;
      for (let i = this.nodes.length - 1; i >= 0; i--) {
        const n = this.nodes[i];
        if (x >= n.px && x <= n.px + n.pw && y >= n.py && y <= n.py + n.ph) return n;
      }
      for (let i = this.groups.length - 1; i >= 0; i--) {
        const g = this.groups[i];
        if (x >= g.px && x <= g.px + g.pw && y >= g.py && y <= g.py + gs.TITLE) return g;
      }
      return null;
    }

    inputs(id) {
      return (this.into.get(id) || []).map((e) => e.src);
    }

    outputs(id) {
      return (this.from.get(id) || []).map((e) => e.dst);
    }

    /* The card that stands for a value or card id: itself, the card it was folded into, or its closed scope. */
    holder(id) {
      if (this.byId.has(id)) return this.byId.get(id);
      const value = gs.valueOf(id);
      if (value === null) return null;
      if (!this.owner) {
        this.owner = new Map();
        for (const n of this.nodes) for (const m of n.members || []) if (!this.owner.has(m)) this.owner.set(m, n);
      }
      return this.owner.get(value) || null;
    }

    openScopes() {
      return this.groups.filter((g) => g.id[0] === "s").map((g) => g.id.slice(2));
    }

    /* Prepares the motion from an older scene; returns change(t). Boxes without a past grow out of
     * the box they were inside of; dx, dy is how far the fixed point moved in the world. */
    morph(old, dx, dy) {
      const moves = [];
      const rect = (b) => ({ x: b.px + dx, y: b.py + dy, w: b.pw, h: b.ph });
      const home = (box) => {
        if (old.byId.has(box.id)) return { r: rect(old.byId.get(box.id)), fresh: false };
        const mark = box.id[0] === "~" ? "~" : "", id = box.id.slice(mark.length);
        let scope = id.startsWith("s:") ? id.slice(2) : box.scope || "";
        if (mark && !old.byId.has(box.id) && old.byId.has(box.twin || "")) return { r: rect(old.byId.get(box.twin)), fresh: true };
        while (scope) {
          const was = old.byId.get(mark + "s:" + scope);
          if (was) {
            const r = rect(was);
            const w = Math.min(box.w, r.w), h = Math.min(box.h, r.h);
            return { r: { x: r.x + (r.w - w) / 2, y: r.y + (r.h - h) / 2, w, h }, fresh: true };
          }
          scope = scope.includes(".") ? scope.slice(0, scope.lastIndexOf(".")) : "";
        }
        return { r: { x: box.x, y: box.y, w: box.w, h: box.h }, fresh: true };
      };
      for (const box of [...this.nodes, ...this.groups]) moves.push([box, home(box)]);
      return (t) => {
        for (const [box, { r, fresh }] of moves) {
          box.px = r.x + (box.x - r.x) * t;
          box.py = r.y + (box.y - r.y) * t;
          box.pw = r.w + (box.w - r.w) * t;
          box.ph = r.h + (box.h - r.h) * t;
          box.alpha = fresh ? t : 1;
        }
        this.fade = t; // edges cannot be bent half way, so they come in with the motion
      };
    }
  };

  /* "n12" is value 12, "p3" is the port value -4; a scope has no single value. */
  gs.valueOf = function (id) {
    const match = /^([np])(\d+)$/.exec(id || "");
    if (!match) return null;
    return match[1] === "n" ? Number(match[2]) : -1 - Number(match[2]);
  };

  function push(map, key, item) {
    if (!map.has(key)) map.set(key, []);
    map.get(key).push(item);
  }
})();
