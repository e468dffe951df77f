/* How one line looks: as wide as its tensor is large, with an arrowhead, and a shape where it tells something. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const { width, fit } = gs.marks;

  /* One line with its arrowhead, bent along the given points. */
  gs.paintEdge = function (ctx, e, k, colour, extra) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = Math.max(e.weight + (extra || 0), 0.8 / k);
    ctx.stroke(e.path);
    if (k < 0.2) return;
    ctx.fillStyle = colour;
    ctx.beginPath();
    head(ctx, e);
    ctx.fill();
  };

  /* Many lines of one colour: a stroke for each width instead of one for each line. */
  gs.paintEdges = function (ctx, edges, k, colour) {
    const byWidth = new Map();
    for (const e of edges) {
      const wide = Math.max(e.weight, 0.8 / k);
      if (!byWidth.has(wide)) byWidth.set(wide, []);
      byWidth.get(wide).push(e);
    }
    ctx.strokeStyle = ctx.fillStyle = colour;
    for (const [wide, alike] of byWidth) {
      ctx.lineWidth = wide;
      ctx.beginPath();
      for (const e of alike) e.trace(ctx);
      ctx.stroke();
    }
    if (k < 0.2) return;
    ctx.beginPath();
    for (const e of edges) head(ctx, e);
    ctx.fill();
  };

  /* The arrowhead at a line's end, in the direction in which it arrives. */
  function head(ctx, e) {
    const { xy, from, to } = e;
    if (to - from < 4) return;
    const x = xy[to - 2], y = xy[to - 1];
    let i = to - 4;
    while (i > from && Math.abs(xy[i] - x) + Math.abs(xy[i + 1] - y) < 0.5) i -= 2;
    const dx = x - xy[i], dy = y - xy[i + 1], long = Math.hypot(dx, dy) || 1;
    const size = 5 + e.weight * 1.2, u = dx / long, v = dy / long, half = size * 0.55;
    ctx.moveTo(x + 0.5 * u, y + 0.5 * v);
    ctx.lineTo(x - size * u + half * v, y - size * v - half * u);
    ctx.lineTo(x - size * u - half * v, y - size * v + half * u);
    ctx.closePath();
  }

  /* A line as points with their distance from its start: [[x, y, d], ...]. */
  gs.flat = function (e) {
    if (e.flat) return e.flat;
    const p = e.points, out = [[p[0][0], p[0][1], 0]];
    const add = (x, y) => {
      const [a, b, d] = out[out.length - 1];
      out.push([x, y, d + Math.hypot(x - a, y - b)]);
    };
    for (let i = 1; i + 2 < p.length; i += 3) {
      const [a, b, c, d] = [p[i - 1], p[i], p[i + 1], p[i + 2]];
      for (let j = 1; j <= 8; j++) {
        const t = j / 8, u = 1 - t;
        const at = (n) => u * u * u * a[n] + 3 * u * u * t * b[n] + 3 * u * t * t * c[n] + t * t * t * d[n];
        add(at(0), at(1));
      }
    }
    if (out.length === 1) for (const [x, y] of p.slice(1)) add(x, y);
    return (e.flat = out);
  };

  /* The point at a fraction of a flat line's length. */
  gs.along = function (line, fraction) {
    const goal = fraction * line[line.length - 1][2];
    let i = 1;
    while (i < line.length - 1 && line[i][2] < goal) i++;
    if (line.length < 2) return line[0];
    const [x0, y0, d0] = line[i - 1], [x1, y1, d1] = line[i];
    const t = d1 > d0 ? (goal - d0) / (d1 - d0) : 0;
    return [x0 + (x1 - x0) * t, y0 + (y1 - y0) * t];
  };

  /* A word beside a line, on the page's own ground so that it reads. */
  gs.paintTag = function (ctx, text, x, y, k, colour) {
    ctx.font = gs.font.mono(Math.max(11 / (gs.type || 1), 11 / k));
    const word = fit(ctx, text, 220), w = width(ctx, word) + 10, h = Math.max(18, 16 / k);
    ctx.fillStyle = gs.color("surface");
    ctx.strokeStyle = colour;
    ctx.lineWidth = Math.max(1, 0.75 / k);
    gs.marks.round(ctx, x - w / 2, y - h / 2, w, h, 4);
    ctx.fill();
    ctx.stroke();
    ctx.fillStyle = colour;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText(word, x, y + 0.5);
    ctx.textAlign = "left";
  };

  /* What backward does along a line, beside it: only near enough to be read, and only for ops. */
  gs.paintDerivative = function (ctx, e, k) {
    if (!e.tex || k < 1.5) return;
    const line = gs.flat(e), flat = Math.abs(line[0][1] - line[line.length - 1][1]) < 4;
    const [x, y] = gs.along(line, flat ? 0.5 : 0.6); // below the source line of the card above
    ctx.font = gs.font.mono(Math.max(9 / (gs.type || 1), 11 / k));
    ctx.fillStyle = gs.color("gradient");
    ctx.textBaseline = "middle";
    const word = fit(ctx, gs.texText(e.tex), flat ? 60 : 150);
    if (flat) ctx.textAlign = "center";
    ctx.fillText(word, flat ? x : x + 8, flat ? y - 9 : y);
    ctx.textAlign = "left";
  };

  /* The tensor's shape on a line, only where it differs from the card it leaves. */
  gs.paintEdgeLabel = function (ctx, e, k) {
    if (!e.shape) return;
    const m = e.points[Math.floor(e.points.length / 2)];
    ctx.font = gs.font.mono(Math.max(11 / (gs.type || 1), 11 / k));
    const label = fit(ctx, e.shape, 120);
    const w = width(ctx, label) + 8;
    ctx.fillStyle = gs.color("page");
    ctx.fillRect(m[0] - w / 2, m[1] - 8, w, 16);
    ctx.fillStyle = gs.color("ink2");
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText(label, m[0], m[1]);
    ctx.textAlign = "left";
  };
})();
