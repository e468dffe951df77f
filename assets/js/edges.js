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
    if (k < 0.2 || e.points.length < 2) return;
    const end = e.points[e.points.length - 1];
    let i = e.points.length - 2;
    while (i > 0 && near(e.points[i], end)) i--;
    const from = e.points[i];
    const angle = Math.atan2(end[1] - from[1], end[0] - from[0]);
    const size = 5 + e.weight * 1.2;
    ctx.fillStyle = colour;
    ctx.save();
    ctx.translate(end[0], end[1]);
    ctx.rotate(angle);
    ctx.beginPath();
    ctx.moveTo(0.5, 0);
    ctx.lineTo(-size, -size * 0.55);
    ctx.lineTo(-size, size * 0.55);
    ctx.fill();
    ctx.restore();
  };
  const near = (a, b) => Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]) < 0.5;

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
    ctx.font = gs.font.mono(Math.max(11, 11 / k));
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
    const line = gs.flat(e), [x, y] = gs.along(line, 0.5);
    ctx.font = gs.font.mono(9);
    ctx.fillStyle = gs.color("gradient");
    ctx.textBaseline = "middle";
    const flat = Math.abs(line[0][1] - line[line.length - 1][1]) < 4;
    const word = fit(ctx, gs.texText(e.tex), flat ? 60 : 150);
    if (flat) ctx.textAlign = "center";
    ctx.fillText(word, flat ? x : x + 8, flat ? y - 9 : y);
    ctx.textAlign = "left";
  };

  /* The tensor's shape on a line, only where it differs from the card it leaves. */
  gs.paintEdgeLabel = function (ctx, e, k) {
    if (!e.shape) return;
    const m = e.points[Math.floor(e.points.length / 2)];
    ctx.font = gs.font.mono(Math.max(11, 11 / k));
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
