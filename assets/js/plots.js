/* Small pictures of one tensor: heat map, histogram, and a line over steps. Each draws one canvas. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  function begin(canvas) {
    const size = gs.sharpen(canvas);
    const ctx = canvas.getContext("2d");
    ctx.clearRect(0, 0, size.width, size.height);
    ctx.textBaseline = "alphabetic";
    ctx.textAlign = "left";
    return { ctx, w: size.width, h: size.height };
  }

  /* A sample as tiles of its last two axes: a matrix is one tile, a kernel bank a grid of them. */
  function tiling(shape) {
    const cols = shape.length ? shape[shape.length - 1] : 1;
    const rows = shape.length > 1 ? shape[shape.length - 2] : 1;
    const tiles = shape.slice(0, -2).reduce((a, b) => a * b, 1);
    return { cols, rows, tiles, across: Math.ceil(Math.sqrt((tiles * rows) / Math.max(cols, 1))) || 1 };
  }

  /* Draws the sample; returns where(x, y) -> {index, value} for the pointer. Colours are signed, with
   * zero in the middle, and the scale's ends are written below. */
  gs.plotHeat = function (canvas, thumb) {
    const { shape, stride, values } = thumb;
    const t = tiling(shape);
    t.across = Math.max(1, Math.min(t.tiles, t.across));
    const down = Math.ceil(t.tiles / t.across);
    const gap = t.tiles > 1 ? 3 : 0, left = 30, top = 14, foot = 20;
    const room = canvas.parentElement.clientWidth - left - 4;
    const cell = Math.max(1.5, Math.min(26, (room - gap * (t.across - 1)) / (t.across * t.cols), (300 - gap * down) / (down * t.rows)));
    canvas.style.height = `${Math.ceil(top + down * (t.rows * cell + gap) + foot)}px`;
    const { ctx, w, h } = begin(canvas);
    let most = 0;
    for (const v of values) if (typeof v === "number") most = Math.max(most, Math.abs(v));
    const at = (tile, r, c) => [
      left + (tile % t.across) * (t.cols * cell + gap) + c * cell,
      top + Math.floor(tile / t.across) * (t.rows * cell + gap) + r * cell,
    ];
    const draw = cell > 4 ? cell - 0.5 : cell;
    values.forEach((v, i) => {
      const tile = Math.floor(i / (t.rows * t.cols)), rest = i % (t.rows * t.cols);
      const [x, y] = at(tile, Math.floor(rest / t.cols), rest % t.cols);
      if (typeof v === "number") {
        ctx.fillStyle = gs.heat("signed", most ? 0.5 + (0.5 * v) / most : 0.5);
        ctx.fillRect(x, y, draw, draw);
      } else {
        gs.marks.hatch(ctx, x, y, draw, draw, gs.color("nonfinite"));
      }
    });
    axes(ctx, t, stride, shape, left, top, cell);
    ctx.font = gs.font.mono(11);
    ctx.fillStyle = gs.color("ink2");
    const low = gs.number(-most), high = "+" + gs.number(most);
    const y = h - 5, ramp = Math.min(90, w / 4);
    ctx.fillText(low, left, y);
    const from = left + ctx.measureText(low).width + 6;
    const fill = ctx.createLinearGradient(from, 0, from + ramp, 0);
    for (let i = 0; i <= 6; i++) fill.addColorStop(i / 6, gs.color(`signed-${i}`));
    ctx.fillStyle = fill;
    ctx.fillRect(from, y - 8, ramp, 8);
    ctx.fillStyle = gs.color("ink2");
    ctx.fillText(high, from + ramp + 6, y);

    return (px, py) => {
      for (let tile = 0; tile < t.tiles; tile++) {
        const [x, y0] = at(tile, 0, 0);
        const c = Math.floor((px - x) / cell), r = Math.floor((py - y0) / cell);
        if (c < 0 || r < 0 || c >= t.cols || r >= t.rows) continue;
        const flat = tile * t.rows * t.cols + r * t.cols + c;
        const index = [];
        let rest = flat;
        for (let d = shape.length - 1; d >= 0; d--) {
          index[d] = (rest % shape[d]) * (stride[d] || 1);
          rest = Math.floor(rest / shape[d]);
        }
        return { index, value: values[flat] };
      }
      return null;
    };
  };

  /* Real indices of first and last row and column: the sample may skip some. */
  function axes(ctx, t, stride, shape, left, top, cell) {
    ctx.font = gs.font.mono(11);
    ctx.fillStyle = gs.color("ink3");
    const n = shape.length;
    const step = (d) => (d >= 0 && stride[d]) || 1;
    const last = (t.cols - 1) * step(n - 1);
    ctx.fillText("0", left, top - 4);
    if (t.cols > 1) {
      const label = String(last);
      const x = left + t.cols * cell - ctx.measureText(label).width;
      if (x > left + 14) ctx.fillText(label, x, top - 4);
    }
    if (n > 1) {
      ctx.textAlign = "right";
      ctx.fillText("0", left - 5, top + Math.min(10, cell));
      if (t.rows > 1 && t.rows * cell > 22) ctx.fillText(String((t.rows - 1) * step(n - 2)), left - 5, top + t.rows * cell - 1);
      ctx.textAlign = "left";
    }
  }

  gs.plotHist = function (canvas, hist, colour) {
    const { ctx, w, h } = begin(canvas);
    const most = Math.max(...hist.counts), foot = 16, each = w / hist.counts.length;
    ctx.fillStyle = colour;
    hist.counts.forEach((n, i) => {
      if (!n) return;
      const tall = Math.max(1, ((h - foot - 4) * n) / most);
      ctx.fillRect(i * each, h - foot - tall, each - 1, tall);
    });
    ctx.fillStyle = gs.color("line");
    ctx.fillRect(0, h - foot, w, 1);
    ctx.font = gs.font.mono(11);
    ctx.fillStyle = gs.color("ink2");
    ctx.fillText(hist.low, 0, h - 3);
    ctx.textAlign = "right";
    ctx.fillText(hist.high, w, h - 3);
    if (hist.zero !== null) {
      const x = hist.zero * w;
      ctx.strokeStyle = gs.color("ink3");
      ctx.setLineDash([2, 2]);
      ctx.beginPath();
      ctx.moveTo(x, 2);
      ctx.lineTo(x, h - foot);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.textAlign = "center";
      if (x > 60 && x < w - 60) ctx.fillText("0", x, h - 3);
    }
  };

  /* The spread around a line, step by step; where one side is missing there is none. */
  function shade(ctx, steps, [low, high], X, Y, colour) {
    ctx.fillStyle = colour;
    ctx.globalAlpha = 0.16;
    for (let i = 1; i < steps.length; i++) {
      if ([low[i - 1], high[i - 1], low[i], high[i]].includes(null)) continue;
      ctx.beginPath();
      ctx.moveTo(X(steps[i - 1]), Y(low[i - 1]));
      ctx.lineTo(X(steps[i]), Y(low[i]));
      ctx.lineTo(X(steps[i]), Y(high[i]));
      ctx.lineTo(X(steps[i - 1]), Y(high[i - 1]));
      ctx.fill();
    }
    ctx.globalAlpha = 1;
  }

  /* Lines over steps with a mark at the step that is looked at. lines: [{colour, values, name}]. */
  gs.plotLines = function (canvas, steps, lines, now, say) {
    const { ctx, w, h } = begin(canvas);
    const all = lines.flatMap((l) => [...(l.values || []), ...(l.band || []).flat()]).filter((v) => v !== null);
    ctx.font = gs.font.mono(11);
    ctx.fillStyle = gs.color("ink3");
    if (!all.length) {
      ctx.fillText("nothing recorded yet", 0, h / 2);
      return;
    }
    const low = Math.min(...all), high = Math.max(...all);
    const foot = 16, top = 14;
    const first = steps[0], last = steps[steps.length - 1];
    const X = (s) => (last > first ? ((s - first) / (last - first)) * (w - 2) + 1 : w / 2);
    const Y = (v) => h - foot - 3 - (high > low ? ((v - low) / (high - low)) * (h - foot - top - 6) : (h - foot - top) / 2);
    ctx.fillStyle = gs.color("line");
    ctx.fillRect(0, h - foot, w, 1);
    if (now !== null && now >= first && now <= last) {
      ctx.fillStyle = gs.color("ink3");
      ctx.fillRect(X(now), top, 1, h - foot - top);
    }
    for (const { colour, band } of lines) if (band) shade(ctx, steps, band, X, Y, colour);
    for (const { colour, values } of lines) {
      if (!values) continue;
      ctx.strokeStyle = ctx.fillStyle = colour;
      ctx.lineWidth = 1.5;
      ctx.beginPath();
      let pen = false;
      values.forEach((v, i) => {
        if (v === null) {
          pen = false; // a gap is a gap: no line across what is not a number
          return;
        }
        if (pen) ctx.lineTo(X(steps[i]), Y(v));
        else ctx.moveTo(X(steps[i]), Y(v));
        pen = true;
      });
      ctx.stroke();
      if (values.length < 3) values.forEach((v, i) => v !== null && ctx.fillRect(X(steps[i]) - 2, Y(v) - 2, 4, 4));
    }
    ctx.fillStyle = gs.color("ink2");
    ctx.fillText(say(high), 0, 10);
    ctx.fillText(`step ${gs.units.count(first)}`, 0, h - 3);
    ctx.textAlign = "right";
    ctx.fillText(`min ${say(low)}`, w, 10);
    if (last > first) ctx.fillText(gs.units.count(last), w, h - 3);
  };
})();
