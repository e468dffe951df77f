/* Cards, frames and lines out of the columns in which the server sends a view (graphscope/view/packing.py).
 *
 * Lines keep their points as numbers in one long row; what is made of them (a path, pairs of numbers) is made
 * when somebody looks, since of ten thousand lines few are ever near enough.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  /* A cubic spline: xy[from .. to) are x and y of its points in turn, first one and then triples. */
  gs.Line = class {
    constructor(src, dst, xy, from, to, weight, shape, tex) {
      Object.assign(this, { src, dst, xy, from, to, weight, shape, tex });
      let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
      for (let i = from; i < to; i += 2) {
        const x = xy[i], y = xy[i + 1];
        if (x < x0) x0 = x;
        if (x > x1) x1 = x;
        if (y < y0) y0 = y;
        if (y > y1) y1 = y;
      }
      this.box = [x0, y0, x1, y1];
      this.made = null;
    }

    get points() {
      const out = [];
      for (let i = this.from; i < this.to; i += 2) out.push([this.xy[i], this.xy[i + 1]]);
      return out;
    }

    get path() {
      if (!this.made) this.trace((this.made = new Path2D()));
      return this.made;
    }

    trace(p) {
      const { xy, from, to } = this;
      if (to - from < 2) return;
      p.moveTo(xy[from], xy[from + 1]);
      for (let i = from + 2; i + 5 < to; i += 6) p.bezierCurveTo(xy[i], xy[i + 1], xy[i + 2], xy[i + 3], xy[i + 4], xy[i + 5]);
    }

    /* Seen from far: straight from one point that it goes through to the next. */
    sketch(p) {
      const { xy, from, to } = this;
      if (to - from < 2) return;
      p.moveTo(xy[from], xy[from + 1]);
      for (let i = from + 6; i + 1 < to; i += 6) p.lineTo(xy[i], xy[i + 1]);
    }
  };

  const texts = ({ of, at }) => (at.length ? (k) => of[at[k]] : () => of[0]);

  /* A view as objects: {nodes, groups, edges}. */
  gs.fromColumns = function (view) {
    const { cards, frames, lines } = view;
    const told = {};
    for (const key of ["kind", "label", "op", "family", "shape", "scope", "site"]) told[key] = texts(cards[key]);
    for (const key of ["twin", "form", "mark"]) if (cards[key]) told[key] = texts(cards[key]);
    const nodes = new Array(cards.id.length);
    for (let k = 0, m = 0; k < nodes.length; k++) {
      const x = cards.box[4 * k] / 10, y = cards.box[4 * k + 1] / 10, w = cards.box[4 * k + 2] / 10, h = cards.box[4 * k + 3] / 10;
      nodes[k] = {
        id: cards.id[k], kind: told.kind(k), label: told.label(k), op: told.op(k), family: told.family(k), shape: told.shape(k),
        scope: told.scope(k), site: told.site(k), x, y, w, h, fold: cards.fold[k], main: cards.main[k],
        members: cards.members.slice(m, (m += cards.many[k])), twin: told.twin ? told.twin(k) : "", form: told.form ? told.form(k) : "",
        mark: told.mark ? told.mark(k) : "", px: x, py: y, pw: w, ph: h, alpha: undefined,
      };
    }
    const label = texts(frames.label), groups = frames.id.map((id, k) => {
      const [x, y, w, h] = frames.box.slice(4 * k, 4 * k + 4).map((v) => v / 10);
      return { id, label: label(k), depth: frames.depth[k], x, y, w, h, px: x, py: y, pw: w, ph: h };
    });
    const steps = lines.points, xy = new Float64Array(steps.length);
    for (let i = 0, x = 0, y = 0; i < steps.length; i += 2) {
      xy[i] = (x += steps[i]) / 10;
      xy[i + 1] = (y += steps[i + 1]) / 10;
    }
    const weight = texts(lines.weight), shape = texts(lines.shape), tex = texts(lines.tex), mark = lines.mark && texts(lines.mark);
    const edges = new Array(lines.src.length);
    for (let k = 0, from = 0; k < edges.length; k++) {
      const to = from + 2 * lines.many[k];
      edges[k] = new gs.Line(cards.id[lines.src[k]], cards.id[lines.dst[k]], xy, from, to, weight(k), shape(k), tex(k));
      if (mark) edges[k].mark = mark(k);
      from = to;
    }
    return { nodes, groups, edges };
  };

  const heights = (text) => (text ? Array.from(text, (letter) => parseInt(letter, 16)) : []);

  /* The numbers of a step out of their columns (webapp/queries/told.py), into the scene's own tables: of a live run
   * only the columns come that are news. False where one is left out that this scene does not have. */
  gs.tellValues = function (scene, { columns, sums, count }) {
    const had = scene.sums || {}, fresh = (name) => name in columns;
    if (Object.keys(sums).some((name) => !fresh(name) && had[name] !== sums[name])) return false;
    scene.sums = sums;
    if (fresh("id")) {
      scene.told = columns.id;
      scene.values = {};
      for (const id of columns.id) scene.values[id] = {};
    }
    const cards = new Array(count), wants = (name) => fresh(name) || fresh("id");
    for (let k = 0; k < count; k++) cards[k] = scene.values[scene.told[k]];
    const kept = (scene.columns = { ...scene.columns, ...columns });
    for (const [name, make] of [["v"], ["g"], ["vh", heights], ["gh", heights], ["share", (share) => share / 1e6]]) {
      if (wants(name)) for (let k = 0; k < count; k++) cards[k][name] = make ? make(kept[name][k]) : kept[name][k];
    }
    if (wants("fill")) {
      const { of, at } = kept.fill;
      for (let k = 0; k < count; k++) [cards[k].color, cards[k].on] = of[at.length ? at[k] : 0] || [];
    }
    if (wants("rare")) {
      for (const card of scene.odd || []) for (const name of ["failed", "operands", "strip", "was", "health", "bwd_ns"]) delete card[name];
      scene.odd = Object.entries(kept.rare).map(([k, told]) => Object.assign(cards[k], told));
    }
    return true;
  };
})();
