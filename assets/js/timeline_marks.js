/* What is chosen on the timeline: the boxes of a node and its gradients, and the arrows between them. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  /* The selected node in every step in view, and arrows between an op and its gradients. */
  gs.timelineMarks = function (ctx, page, rows) {
    const { tape, axis } = page, { c } = tape, chosen = page.chosen();
    const k = tape.unit * axis.scale, off = axis.x(tape.base);
    const box = (kind, e, row, colour, wide) => {
      const x = c[`${kind}_begin`][e] * k + off, w = Math.max(c[`${kind}_dur`][e] * k, 2);
      if (!row || x > axis.size.width || x + w < axis.left) return;
      ctx.strokeStyle = colour;
      ctx.lineWidth = wide;
      ctx.strokeRect(x - 0.5, row.y + (row.kind === "flame" ? -1 : 2), w + 1, row.h - (row.kind === "flame" ? 0 : 4));
    };
    const ends = [];
    for (const [kind, e, own] of page.marked()) {
      const colour = own ? gs.color("focus") : gs.color("gradient");
      if (kind === "mod") box(kind, e, rows.find((r) => r.kind === "flame" && r.depth === c.mod_depth[e]), colour, 2);
      else {
        const row = rows.find((r) => r.kind === "op" && r.name === tape.laneOf(e));
        box(kind, e, row, colour, 2);
        box(kind, e, rows.find((r) => r.kind === "flame" && r.depth === c.node_depth[c.op_node[e]]), colour, 1.5);
        if (c.op_step[e] === chosen && row) ends.push({ e, own, row });
      }
    }
    const home = ends.find((end) => end.own);
    for (const end of ends) if (home && end !== home) arrow(ctx, home, end, (e) => (c.op_begin[e] + c.op_dur[e] / 2) * k + off);
    const p = page.picked;
    if (p && p.tape === tape && p.kind !== "gap") {
      const row = rows.find((r) => r.row && r.row.kind === p.kind && r.row.ids.length && r === p.line) || rows.find((r) => p.line && r.kind === p.line.kind && r.label === p.line.label);
      if (p.kind !== "mod") box(p.kind, p.e, row, gs.color("ink"), 1.5);
    }
  };

  function arrow(ctx, from, to, x) {
    const x0 = x(from.e), x1 = x(to.e), y0 = from.row.y + from.row.h - 3, y1 = to.row.y + 3;
    const down = to.row.y >= from.row.y, d = Math.max(18, Math.abs(y1 - y0) / 2);
    ctx.strokeStyle = ctx.fillStyle = gs.color("gradient");
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    ctx.moveTo(x0, y0);
    ctx.bezierCurveTo(x0, y0 + d, x1, y1 - (down ? d : -d), x1, y1 - 3);
    ctx.stroke();
    ctx.beginPath();
    ctx.moveTo(x1 - 4, y1 - 7);
    ctx.lineTo(x1 + 4, y1 - 7);
    ctx.lineTo(x1, y1);
    ctx.fill();
  }
})();
