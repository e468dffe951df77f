/* The pictures of the Distributions tab: bands, ridges or a heat map of one layer, and the gradient flow. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const LEFT = 52, RIGHT = 8, TOP = 6, FOOT = 18;

  /* canvas: one on the page, or {ink, w, h}: a part of a file that is being made, in its own size. */
  function begin(canvas) {
    if (canvas.ink) {
      canvas.ink.font = font();
      return { ctx: canvas.ink, w: canvas.w, h: canvas.h };
    }
    const size = gs.sharpen(canvas), zoom = gs.type || 1, ctx = canvas.getContext("2d");
    const w = size.width / zoom, h = size.height / zoom;
    ctx.scale(zoom, zoom);
    ctx.clearRect(0, 0, w, h);
    ctx.font = font();
    return { ctx, w, h };
  }
  const font = () => gs.font.sans(11 / (gs.type || 1));
  const finite = (list) => list.filter((v) => v !== null);

  /* Ticks at round numbers, at most so many, unless that leaves but one. */
  function ticks(low, high, most) {
    const span = high - low;
    if (!(span > 0)) return [low];
    const power = 10 ** Math.floor(Math.log10(span / most));
    let finer = null;
    for (const unit of [power, 2 * power, 5 * power, 10 * power]) {
      const first = Math.ceil(low / unit), last = Math.floor(high / unit + 1e-6);
      const out = Array.from({ length: last - first + 1 }, (_, k) => (first + k) * unit);
      if (out.length <= most) return out.length < 2 && finer ? finer : out; // one alone is no scale
      finer = out;
    }
    return finer;
  }

  /* Draws one layer; returns where(px) -> index of the step there, or null. */
  gs.paintSpread = function (canvas, layer, view, what, { cross, step }) {
    const { ctx, w, h } = begin(canvas);
    const { steps } = layer, first = steps[0], last = steps[steps.length - 1];
    const room = w - LEFT - RIGHT;
    const X = (s) => LEFT + (last > first ? ((s - first) / (last - first)) * room : room / 2);
    const hue = gs.color(what === "gradients" ? "gradient" : "value");
    const frame = { ctx, w, h, X, hue, first, last, room };
    if (view === "bands" || !layer.hist) bands(frame, layer);
    else if (view === "heat") heat(frame, layer);
    else ridges(frame, layer, cross === null ? step : cross);
    axis(frame);
    if (view !== "ridges" || !layer.hist) {
      marks(frame, layer);
      if (step !== null && step !== undefined && step >= first && step <= last) line(frame, X(step), gs.color("ink"), 1.5);
      if (cross !== null && cross >= first && cross <= last) line(frame, X(cross), gs.color("ink3"), 1);
    }
    return (px) => {
      if (px < LEFT - 8 || px > w) return null;
      if (view === "ridges" && layer.hist) return steps.length - 1;
      let best = 0;
      steps.forEach((s, i) => Math.abs(X(s) - px) < Math.abs(X(steps[best]) - px) && (best = i));
      return best;
    };
  };

  function line({ ctx, h }, x, colour, width) {
    ctx.fillStyle = colour;
    ctx.fillRect(x - width / 2, TOP, width, h - TOP - FOOT);
  }

  function axis({ ctx, w, h, first, last }) {
    if (first === null) return;
    ctx.fillStyle = gs.color("ink2");
    ctx.textBaseline = "alphabetic";
    ctx.textAlign = "left";
    ctx.fillText(`step ${gs.units.count(first)}`, LEFT, h - 5);
    if (first === last) return;
    ctx.textAlign = "right";
    ctx.fillText(gs.units.count(last), w - RIGHT, h - 5);
  }

  function scale({ ctx, w, h }, low, high) {
    if (!(high > low)) [low, high] = [low - (Math.abs(low) * 0.1 || 1), high + (Math.abs(high) * 0.1 || 1)];
    const Y = (v) => TOP + 3 + ((high - v) / (high - low)) * (h - TOP - FOOT - 6);
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    for (const v of ticks(low, high, Math.max(3, Math.floor((h - FOOT) / 32)))) {
      ctx.fillStyle = gs.color("line");
      ctx.fillRect(LEFT, Math.round(Y(v)), w - LEFT - RIGHT, 1);
      ctx.fillStyle = gs.color("ink2");
      ctx.fillText(gs.units.number(v, 2), LEFT - 6, Y(v));
    }
    return Y;
  }

  function bands(frame, layer) {
    const { ctx, X, hue } = frame, all = finite([...layer.low, ...layer.high]);
    if (!all.length) return;
    const Y = scale(frame, Math.min(...all), Math.max(...all));
    const band = (low, high, alpha) => {
      ctx.globalAlpha = alpha;
      ctx.fillStyle = hue;
      const n = layer.steps.length;
      for (let i = n > 1 ? 1 : 0; i < n; i++) {
        const a = n > 1 ? i - 1 : 0;
        if ([low[a], high[a], low[i], high[i]].includes(null)) continue;
        const x0 = n > 1 ? X(layer.steps[a]) : X(layer.steps[0]) - 8, x1 = n > 1 ? X(layer.steps[i]) : x0 + 16;
        ctx.beginPath();
        ctx.moveTo(x0, Y(low[a]));
        ctx.lineTo(x1, Y(low[i]));
        ctx.lineTo(x1, Y(high[i]));
        ctx.lineTo(x0, Y(high[a]));
        ctx.fill();
      }
      ctx.globalAlpha = 1;
    };
    band(layer.low, layer.high, 0.1);
    band(layer.quantiles[0], layer.quantiles[4], 0.18);
    band(layer.quantiles[1], layer.quantiles[3], 0.3);
    path(frame, layer.steps, layer.quantiles[2], Y, hue, 1.5);
    path(frame, layer.steps, layer.mean, Y, gs.color("ink2"), 1, [3, 2]);
  }

  function path({ ctx, X }, steps, values, Y, colour, width, dash) {
    ctx.strokeStyle = ctx.fillStyle = colour;
    ctx.lineWidth = width;
    ctx.setLineDash(dash || []);
    ctx.beginPath();
    let pen = false;
    values.forEach((v, i) => {
      if (v === null) return void (pen = false); // a gap is a gap
      if (pen) ctx.lineTo(X(steps[i]), Y(v));
      else ctx.moveTo(X(steps[i]), Y(v));
      pen = true;
    });
    ctx.stroke();
    ctx.setLineDash([]);
    if (values.length < 3) values.forEach((v, i) => v !== null && ctx.fillRect(X(steps[i]) - 2, Y(v) - 2, 4, 4));
  }

  /* Each step as wide as its distance to the neighbours. */
  function heat(frame, layer) {
    const { ctx, X, room } = frame, { low, high, rows } = layer.hist, n = rows.length;
    const Y = scale(frame, low, high);
    const top = Y(high), tall = Y(low) - top, bin = tall / rows[0].length;
    rows.forEach((row, i) => {
      const x = X(layer.steps[i]);
      const left = i ? (X(layer.steps[i - 1]) + x) / 2 : n > 1 ? LEFT : LEFT + room * 0.25;
      const right = i < n - 1 ? (x + X(layer.steps[i + 1])) / 2 : n > 1 ? LEFT + room : LEFT + room * 0.75;
      row.forEach((share, k) => {
        if (!share) return;
        ctx.fillStyle = gs.heat("memory", Math.sqrt(share / 99));
        ctx.fillRect(left, top + tall - (k + 1) * bin, right - left + 0.5, bin + 0.5);
      });
    });
  }

  /* One histogram behind the other, the newest in front; of many steps twelve. */
  function ridges(frame, layer, marked) {
    const { ctx, w, h, hue, room } = frame, { low, high, rows } = layer.hist, n = rows.length;
    const most = 12, chosen = n <= most ? rows.map((_, i) => i) : Array.from({ length: most }, (_, i) => Math.round((i * (n - 1)) / (most - 1)));
    const space = h - TOP - FOOT, tall = Math.min(40, space * 0.45), pitch = chosen.length > 1 ? (space - tall) / (chosen.length - 1) : 0;
    chosen.forEach((at, order) => {
      const base = chosen.length > 1 ? TOP + tall + order * pitch : TOP + space, row = rows[at];
      ctx.beginPath();
      ctx.moveTo(LEFT, base);
      row.forEach((share, k) => ctx.lineTo(LEFT + ((k + 0.5) / row.length) * room, base - (share / 99) * tall));
      ctx.lineTo(w - RIGHT, base);
      ctx.closePath();
      ctx.fillStyle = gs.color("surface");
      ctx.fill();
      ctx.globalAlpha = 0.15 + (0.35 * (order + 1)) / chosen.length;
      ctx.fillStyle = hue;
      ctx.fill();
      ctx.globalAlpha = 1;
      ctx.strokeStyle = layer.steps[at] === marked ? gs.color("ink") : hue;
      ctx.lineWidth = layer.steps[at] === marked ? 2 : 1;
      ctx.stroke();
      if (order === 0 || order === chosen.length - 1) {
        ctx.fillStyle = gs.color("ink2");
        ctx.textAlign = "right";
        ctx.textBaseline = "alphabetic";
        ctx.fillText(gs.units.count(layer.steps[at]), LEFT - 6, base);
      }
    });
    ctx.fillStyle = gs.color("ink2");
    ctx.textBaseline = "alphabetic";
    frame.first = frame.last = null;
    ctx.textAlign = "left";
    ctx.fillText(gs.units.number(low, 2), LEFT, h - 4);
    ctx.textAlign = "right";
    ctx.fillText(gs.units.number(high, 2), w - RIGHT, h - 4);
  }

  /* Steps with numbers that are not finite: hatched from top to bottom. */
  function marks({ ctx, h, X }, layer) {
    layer.bad.forEach((bad, i) => bad && gs.marks.hatch(ctx, X(layer.steps[i]) - 4, TOP, 8, h - TOP - FOOT, gs.color("nonfinite")));
  }

  /* rms by layer on a logarithmic axis, one line per step; returns where(px) -> layer. */
  gs.paintFlow = function (canvas, layers, steps, chosen) {
    const { ctx, w, h } = begin(canvas);
    const all = layers.flatMap((l) => l.rms).filter((v) => v !== null && v > 0);
    if (!all.length) return () => null;
    const low = Math.floor(Math.log10(Math.min(...all)) - 0.05), high = Math.ceil(Math.log10(Math.max(...all)) + 0.05);
    const foot = 40, Y = (v) => TOP + 4 + ((high - Math.log10(v)) / (high - low)) * (h - TOP - foot - 8);
    const X = (i) => LEFT + 12 + (layers.length > 1 ? (i / (layers.length - 1)) * (w - LEFT - RIGHT - 24) : 0);
    ctx.textBaseline = "middle";
    ctx.textAlign = "right";
    const every = Math.max(1, Math.ceil((high - low) / 6));
    for (let d = low; d <= high; d += every) {
      ctx.fillStyle = gs.color("line");
      ctx.fillRect(LEFT, Math.round(Y(10 ** d)), w - LEFT - RIGHT, 1);
      ctx.fillStyle = gs.color("ink2");
      ctx.fillText(d >= -3 && d <= 3 ? (10 ** d).toLocaleString("en-US") : `1e${d}`.replace("-", "\u2212"), LEFT - 6, Y(10 ** d));
    }
    steps.forEach((step, k) => {
      ctx.strokeStyle = ctx.fillStyle = gs.heat("time", 0.35 + 0.6 * (steps.length > 1 ? k / (steps.length - 1) : 1));
      ctx.lineWidth = k === steps.length - 1 ? 2 : 1.25;
      ctx.beginPath();
      let pen = false;
      layers.forEach((l, i) => {
        const at = l.steps.indexOf(step), v = at < 0 ? null : l.rms[at];
        if (v === null || !(v > 0)) return void (pen = false);
        if (pen) ctx.lineTo(X(i), Y(v));
        else ctx.moveTo(X(i), Y(v));
        pen = true;
        if (k === steps.length - 1) ctx.fillRect(X(i) - 2, Y(v) - 2, 4, 4);
      });
      ctx.stroke();
    });
    names(ctx, layers, X, w, h, foot, chosen);
    legend(ctx, steps, w, h);
    return (px) => {
      let best = 0;
      layers.forEach((_, i) => Math.abs(X(i) - px) < Math.abs(X(best) - px) && (best = i));
      return layers[best];
    };
  };

  /* As many names as there is room for in full, and always the first, the last and the chosen one's. What all names
   * begin with ("net.") is left out: the words that tell them apart need the room. */
  function names(ctx, layers, X, w, h, foot, chosen) {
    const same = shared(layers.map((l) => l.name)), most = Math.min(200, (w - LEFT - RIGHT) / 2 - 8), taken = [];
    ctx.textBaseline = "alphabetic";
    ctx.textAlign = "left";
    const put = (i, mine) => {
      const text = gs.marks.fit(ctx, layers[i].name.slice(same), most), wide = ctx.measureText(text).width;
      const x = Math.min(Math.max(X(i) - wide / 2, LEFT), w - RIGHT - wide);
      if (taken.some(([from, to]) => x < to + 12 && x + wide > from - 12)) return;
      taken.push([x, x + wide]);
      ctx.fillStyle = mine ? gs.color("focus") : gs.color("ink2");
      ctx.fillText(text, x, h - foot + 16);
    };
    const mine = layers.findIndex((l) => l.id && l.id === chosen);
    if (mine >= 0) {
      ctx.fillStyle = gs.color("focus");
      ctx.fillRect(X(mine) - 0.75, TOP, 1.5, h - TOP - foot);
      put(mine, true);
    }
    put(0);
    put(layers.length - 1);
    for (let i = 1; i < layers.length - 1; i++) put(i);
  }

  /* How many characters all names begin with, up to a dot. */
  function shared(names) {
    let n = names[0].lastIndexOf(".") + 1;
    while (n > 0 && !names.every((name) => name.startsWith(names[0].slice(0, n)))) n = names[0].lastIndexOf(".", n - 2) + 1;
    return n;
  }

  function legend(ctx, steps, w, h) {
    let x = LEFT;
    ctx.textAlign = "left";
    const shown = steps.length > 2 && w < 520 ? [steps[0], steps[steps.length - 1]] : steps;
    for (const step of shown) {
      const k = steps.indexOf(step), word = `${k ? "" : "step "}${gs.units.count(step)}`;
      ctx.fillStyle = gs.heat("time", 0.35 + 0.6 * (steps.length > 1 ? k / (steps.length - 1) : 1));
      ctx.fillRect(x, h - 12, 10, 8);
      ctx.fillStyle = gs.color("ink2");
      ctx.fillText(word, x + 14, h - 5);
      x += 26 + ctx.measureText(word).width;
    }
  }
})();
