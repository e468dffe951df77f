/* How one card, one frame and one line look. Pure painting: no state beyond a cache of text widths.
 *
 * Levels of detail by zoom k: below 0.25 a block of colour; from there the name; from 0.5 the shape
 * and the time strip; from 0.8 everything; from 1.5 also the source line. No text is ever smaller
 * than 11 px on screen: what does not fit is left out.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  gs.TITLE = 30; // height of an open group's title bar, in world px

  const widths = new Map();
  function width(ctx, text) {
    const key = ctx.font + "\u0000" + text;
    let w = widths.get(key);
    if (w === undefined) {
      if (widths.size > 40000) widths.clear();
      w = ctx.measureText(text).width;
      widths.set(key, w);
    }
    return w;
  }

  /* The text, shortened in its middle until it fits: names differ at their ends. */
  function fit(ctx, text, room) {
    if (room <= 0) return "";
    if (text.length > 400) text = text.slice(0, 200) + "\u2026" + text.slice(-200);
    if (width(ctx, text) <= room) return text;
    const mark = "\u2026";
    let keep = Math.floor((text.length * room) / width(ctx, text));
    for (; keep > 2; keep--) {
      const left = Math.ceil((keep - 1) / 2);
      const short = text.slice(0, left) + mark + text.slice(text.length - (keep - 1 - left));
      if (ctx.measureText(short).width <= room) return short;
    }
    return room > 14 ? text.slice(0, 1) + mark : "";
  }
  gs.fitText = fit;

  function round(ctx, x, y, w, h, r) {
    ctx.beginPath();
    ctx.roundRect(x, y, w, h, Math.min(r, w / 2, h / 2));
  }

  function hatch(ctx, x, y, w, h, colour) {
    ctx.save();
    ctx.beginPath();
    ctx.rect(x, y, w, h);
    ctx.clip();
    ctx.fillStyle = colour;
    ctx.fillRect(x, y, w, h);
    ctx.strokeStyle = "rgba(255,255,255,0.55)";
    ctx.lineWidth = 2;
    ctx.beginPath();
    for (let d = -h; d < w; d += 7) {
      ctx.moveTo(x + d, y + h);
      ctx.lineTo(x + d + h, y);
    }
    ctx.stroke();
    ctx.restore();
  }
  gs.hatch = hatch;

  function bars(ctx, counts, x, y, w, h, colour) {
    if (!counts || !counts.length) return;
    const most = Math.max(...counts);
    if (!(most > 0)) return;
    const each = w / counts.length;
    ctx.fillStyle = colour;
    ctx.beginPath();
    counts.forEach((c, i) => {
      if (c <= 0) return;
      const tall = Math.max(0.75, (h * c) / most);
      ctx.rect(x + i * each, y + h - tall, each - 0.7, tall);
    });
    ctx.fill();
  }

  const wild = (text) => /NaN|Inf/.test(text || "");

  /* mood: {selected, hover, role: 'in'|'out'|'', pale, overlay, found} */
  gs.paintCard = function (ctx, n, v, k, mood) {
    const { px: x, py: y, pw: w, ph: h } = n;
    v = v || {};
    const param = n.kind === "param";
    const radius = param ? 22 : 6;
    const inset = param ? 18 : 12;
    const alpha = (n.alpha === undefined ? 1 : n.alpha) * (mood.pale ? 0.35 : 1);
    const family = gs.color("family-" + n.family);
    const painted = mood.overlay && v.color;
    ctx.globalAlpha = alpha;
    ctx.lineWidth = 1;

    // One edge of a card behind says: there are more of these.
    if (n.fold > 1 && k >= 0.25) {
      round(ctx, x + 4, y + 4, w, h, radius);
      ctx.fillStyle = gs.color("surface");
      ctx.fill();
      ctx.strokeStyle = gs.color("line");
      ctx.stroke();
    }
    round(ctx, x, y, w, h, radius);
    ctx.fillStyle = painted ? v.color : mood.overlay ? gs.color("surface") : gs.color("tint-" + n.family);
    ctx.fill();
    ctx.save();
    ctx.clip();
    if (painted && v.health && v.health !== "ok") hatch(ctx, x, y, w, h, gs.color("nonfinite"));
    ctx.fillStyle = family;
    ctx.fillRect(x, y, 4, h);
    ctx.restore();
    edge(ctx, n, x, y, w, h, radius, k, mood);

    if (k >= 0.25) {
      const ink = painted && v.on ? v.on : gs.color("ink");
      const quiet = painted && v.on ? v.on : gs.color("ink2");
      const blue = painted && v.on ? v.on : gs.color("value");
      const orange = painted && v.on ? v.on : gs.color("gradient");
      text(ctx, n, v, k, { x: x + inset, y, w: w - inset - (param ? 14 : 8), h }, ink, quiet, blue, orange);
      if (n.fold > 1) pill(ctx, "\u00d7" + n.fold, x + w - 8, y - 2, k);
      else if (v.health && v.health !== "ok") corner(ctx, x + w - 8, y - 8, "nonfinite");
      else if (v.failed) corner(ctx, x + w - 8, y - 8, "failed");
    }
    ctx.globalAlpha = 1;
  };

  function edge(ctx, n, x, y, w, h, radius, k, mood) {
    const strong = mood.selected || mood.role || mood.hover || mood.found;
    ctx.strokeStyle = mood.selected ? gs.color("focus")
      : mood.role === "in" ? gs.color("value")
      : mood.role === "out" ? gs.color("gradient")
      : mood.found ? gs.color("focus")
      : mood.hover ? gs.color("ink3")
      : gs.color("card-line", gs.color("line"));
    ctx.lineWidth = strong ? Math.max(2, (mood.selected ? 2 : 1.5) / k) : Math.max(1, 0.75 / k);
    if (!strong && k < 0.12) return;
    round(ctx, x, y, w, h, radius);
    ctx.stroke();
    if (mood.role && k >= 0.5) tag(ctx, mood.role, x + 12, y, ctx.strokeStyle, k);
  }

  function text(ctx, n, v, k, box, ink, quiet, blue, orange) {
    const { x, y, w, h } = box;
    const small = Math.max(11, 11 / k);
    const full = k >= 0.8;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";

    let room = w;
    if (n.kind === "scope") {
      room -= 22;
      toggle(ctx, x + w - 16, y + h / 2 - 8, false, quiet);
    }
    if (k >= 0.5 && n.shape) {
      ctx.font = gs.font.mono(small);
      const shape = fit(ctx, n.shape, Math.max(room * 0.52, 24));
      const wide = width(ctx, shape);
      if (full || wide < room * 0.5) {
        ctx.fillStyle = quiet;
        ctx.fillText(shape, x + room - wide, y + h / 2);
        room -= wide + 8;
      }
    }
    ctx.font = gs.font.sans(full ? Math.max(13, 11 / k) : Math.max(13, 11.5 / k), 600);
    ctx.fillStyle = ink;
    ctx.fillText(fit(ctx, n.label, room), x, y + (full ? 35 : h / 2));

    if (full) {
      ctx.font = gs.font.mono(small);
      ctx.fillStyle = wild(v.v) ? gs.color("nonfinite") : blue;
      ctx.fillText(fit(ctx, v.v || "\u2014", w - 44), x, y + 12);
      bars(ctx, v.vh, x + w - 40, y + 5, 40, 12, blue);
      ctx.fillStyle = wild(v.g) ? gs.color("nonfinite") : orange;
      ctx.fillText(fit(ctx, "\u2202 " + (v.g || "\u00b7"), w - 44), x, y + 56);
      bars(ctx, v.gh, x + w - 40, y + 48, 40, 12, orange);
    }
    if (k >= 0.5) strip(ctx, n, v, x - 4, y + h - 6, w + 4);
    if (k >= 1.5 && n.site) {
      ctx.font = gs.font.mono(9);
      ctx.textAlign = "right";
      ctx.fillStyle = gs.color("ink3");
      ctx.fillText(fit(ctx, n.site, w), x + w, y + h + 9);
      ctx.textAlign = "left";
    }
  }

  /* Share of the step: the length says it, the heat colour repeats it. A closed scope shows its
   * children, widest first. */
  function strip(ctx, n, v, x, y, w) {
    ctx.fillStyle = gs.color("line");
    ctx.fillRect(x, y, w, 3);
    const parts = v.strip && v.strip.length ? v.strip : [v.share || 0];
    let at = x;
    for (const part of parts) {
      const share = typeof part === "number" ? part : part.share;
      const long = Math.min(w * share, x + w - at);
      if (!(long > 0.2)) continue;
      ctx.fillStyle = gs.heat("time", 0.35 + 0.65 * Math.min(1, share * 1.5));
      ctx.fillRect(at, y, Math.max(long - (parts.length > 1 ? 0.6 : 0), 0.6), 3);
      at += long;
    }
  }

  /* Colour at a fraction of the time, memory or signed scale of the theme. */
  gs.heat = function (scale, fraction) {
    const last = scale === "signed" ? 6 : 5;
    const at = Math.min(1, Math.max(0, fraction)) * last;
    const low = Math.min(Math.floor(at), last - 1);
    const a = rgb(gs.color(`${scale}-${low}`)), b = rgb(gs.color(`${scale}-${low + 1}`));
    return `rgb(${a.map((c, i) => Math.round(c + (b[i] - c) * (at - low))).join(",")})`;
  };
  function rgb(hex) {
    const n = parseInt(hex.slice(1, 7), 16);
    return [(n >> 16) & 255, (n >> 8) & 255, n & 255];
  }
  gs.rgb = rgb;

  /* The small plus (open me) or minus (close me). */
  function toggle(ctx, x, y, open, colour) {
    ctx.lineWidth = 1;
    ctx.strokeStyle = colour;
    round(ctx, x + 0.5, y + 0.5, 15, 15, 4);
    ctx.stroke();
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    ctx.moveTo(x + 4.5, y + 8);
    ctx.lineTo(x + 11.5, y + 8);
    if (!open) {
      ctx.moveTo(x + 8, y + 4.5);
      ctx.lineTo(x + 8, y + 11.5);
    }
    ctx.stroke();
  }

  function pill(ctx, label, right, middle, k) {
    const size = Math.max(11, 11 / k);
    ctx.font = gs.font.sans(size, 600);
    const w = width(ctx, label) + size, h = size * 1.5;
    ctx.fillStyle = gs.color("ink");
    round(ctx, right - w + 8, middle - h / 2 + 2, w, h, h / 2);
    ctx.fill();
    ctx.fillStyle = gs.color("surface");
    ctx.textBaseline = "middle";
    ctx.textAlign = "center";
    ctx.fillText(label, right - w / 2 + 8, middle + 2.5);
    ctx.textAlign = "left";
  }

  function tag(ctx, label, x, y, colour, k) {
    const size = Math.max(11, 11 / k);
    ctx.font = gs.font.sans(size, 600);
    const w = width(ctx, label) + 8;
    ctx.fillStyle = colour;
    round(ctx, x, y - size * 0.75, w, size * 1.4, 4);
    ctx.fill();
    ctx.fillStyle = gs.color("surface");
    ctx.textBaseline = "middle";
    ctx.fillText(label, x + 4, y);
  }

  function corner(ctx, x, y, kind) {
    if (kind === "nonfinite") {
      hatch(ctx, x, y, 16, 16, gs.color("nonfinite"));
    } else {
      ctx.fillStyle = gs.color("state-failed");
      ctx.fillRect(x, y, 16, 16);
    }
    ctx.fillStyle = "#FFFFFF";
    ctx.font = gs.font.sans(12, 600);
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText("!", x + 8, y + 8.5);
    ctx.textAlign = "left";
  }

  /* The frame of an open scope, with its title and the minus that closes it. */
  gs.paintGroup = function (ctx, g, k, hovered) {
    const { px: x, py: y, pw: w, ph: h } = g;
    ctx.globalAlpha = g.alpha === undefined ? 1 : g.alpha;
    round(ctx, x, y, w, h, 10);
    ctx.fillStyle = gs.color("group", "rgba(127,140,160,0.06)");
    ctx.fill();
    ctx.strokeStyle = hovered ? gs.color("ink3") : gs.color("line");
    ctx.lineWidth = Math.max(1, 0.75 / k);
    ctx.stroke();
    if (k >= 0.25) {
      const size = Math.max(12, 11 / k);
      const quiet = gs.color(hovered ? "ink" : "ink2");
      let left = x + 12;
      if (k >= 0.5) {
        toggle(ctx, x + 10, y + 8, true, quiet);
        left = x + 32;
      }
      ctx.font = gs.font.sans(size, 600);
      ctx.textAlign = "left";
      ctx.textBaseline = "middle";
      ctx.fillStyle = quiet;
      ctx.fillText(fit(ctx, g.label, Math.max(x + w - left - 8, 0)), left, y + Math.max(16, size * 0.8));
    }
    ctx.globalAlpha = 1;
  };

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
