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
