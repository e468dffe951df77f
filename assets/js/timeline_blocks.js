/* The timeline from afar: a block per step (or per group of steps), by phase, with its memory.
 *
 * Where a step is some pixels wide its phases stand one after the other in their lanes; where it is not, the
 * height of a lane's bar is that lane's share of the time.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  /* The blocks in view as bands: {num, last, kind, count, begin, end, bad}. */
  gs.blockBands = function (blocks, a, b) {
    const out = [];
    if (!blocks) return out;
    const { begin, end } = blocks;
    let i = 0, j = begin.length;
    while (i < j) {
      const m = (i + j) >> 1;
      if (end[m] < a) i = m + 1;
      else j = m;
    }
    for (; i < begin.length && begin[i] <= b; i++) {
      out.push({ i, num: blocks.first[i], last: blocks.last[i], kind: blocks.kind[i], count: blocks.count[i], begin: begin[i], end: end[i], bad: blocks.bad[i] });
    }
    return out;
  };

  gs.paintBlocks = function (ctx, page, rows) {
    const { axis } = page, blocks = page.blocks();
    const bands = gs.blockBands(blocks, axis.a, axis.b);
    if (!bands.length) return;
    const lanes = rows.filter((r) => r.kind === "op" || r.kind === "gap");
    const place = { data: 0, copies: 1, forward: 2, backward: 3, update: 4, python: 5 };
    for (const row of lanes) {
      const column = blocks.parts[place[row.name]], foot = row.y + row.h - 3, tall = row.h - 6;
      ctx.fillStyle = row.name === "python" ? gs.color("phase-idle") : row.colour;
      for (const band of bands) {
        const span = Math.max(band.end - band.begin, 1), w = span * axis.scale, x = axis.x(band.begin);
        if (band.count === 1 && w > 12) {
          const before = ["data", "copies", "forward", "backward", "update", "python"].slice(0, ["data", "copies", "forward", "backward", "update", "python"].indexOf(row.name));
          const start = before.reduce((sum, name) => sum + blocks.parts[place[name]][band.i], 0);
          ctx.fillRect(x + start * axis.scale, row.y + 3, Math.max(column[band.i] * axis.scale - 0.6, column[band.i] ? 0.7 : 0), tall);
        } else {
          const h = Math.min(1, column[band.i] / span) * tall;
          ctx.fillRect(x, foot - h, Math.max(w - (w > 4 ? 0.8 : 0), 0.7), h);
        }
      }
    }
    memory(ctx, axis, rows.find((r) => r.kind === "memory"), blocks, bands);
    const flame = rows.filter((r) => r.kind === "flame");
    if (!flame.length) return;
    ctx.font = gs.font.sans(11);
    ctx.fillStyle = gs.color("ink3");
    const last = flame[flame.length - 1], middle = (flame[0].y + last.y + last.h) / 2;
    ctx.textAlign = "center";
    ctx.fillText("time per step and phase; zoom in for modules and ops", (axis.left + axis.size.width) / 2, middle);
    ctx.textAlign = "left";
  };

  function memory(ctx, axis, row, blocks, bands) {
    if (!row) return;
    const high = Math.max(1, ...blocks.peak), Y = (v) => row.y + row.h - (v / high) * (row.h - 12);
    for (const [name, colour, wide] of [["peak", "memory-4", 1.5], ["live", "memory-2", 1.5]]) {
      ctx.strokeStyle = gs.color(colour);
      ctx.lineWidth = wide;
      ctx.beginPath();
      bands.forEach((band, k) => {
        const y = Y(blocks[name][band.i]), x0 = axis.x(band.begin), x1 = axis.x(band.end);
        if (k) ctx.lineTo(x0, y);
        else ctx.moveTo(x0, y);
        ctx.lineTo(x1, y);
      });
      ctx.stroke();
    }
  }
})();
