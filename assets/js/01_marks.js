/* The small marks that cards, frames and lines are made of: fitted text, hatch, bars, pill, tag, toggle. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

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

  /* The text, cut at its end: what begins alike is told apart by what stands beside it. */
  function clip(ctx, text, room) {
    if (width(ctx, text.slice(0, 400)) <= room) return text.slice(0, 400);
    let keep = Math.floor((text.length * room) / width(ctx, text.slice(0, 400)));
    while (keep > 1 && ctx.measureText(text.slice(0, keep) + "\u2026").width > room) keep--;
    return keep > 1 ? text.slice(0, keep) + "\u2026" : "";
  }

  function round(ctx, x, y, w, h, r) {
    ctx.beginPath();
    ctx.roundRect(x, y, w, h, Math.min(r, w / 2, h / 2));
  }

  function hatch(ctx, x, y, w, h, colour, strength) {
    ctx.save();
    ctx.beginPath();
    ctx.rect(x, y, w, h);
    ctx.clip();
    ctx.fillStyle = colour;
    ctx.fillRect(x, y, w, h);
    ctx.strokeStyle = gs.color("surface"); // white; on the dark theme's light colours, dark
    ctx.globalAlpha *= strength || 0.55;
    ctx.lineWidth = 2;
    ctx.beginPath();
    for (let d = -h; d < w; d += 7) {
      ctx.moveTo(x + d, y + h);
      ctx.lineTo(x + d + h, y);
    }
    ctx.stroke();
    ctx.restore();
  }
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
    const size = Math.max(11 / (gs.type || 1), 11 / k);
    ctx.font = gs.font.sans(size, 600);
    const w = width(ctx, label) + size, h = size * 1.5;
    ctx.fillStyle = gs.color("ink");
    round(ctx, right - w, middle - h / 2, w, h, h / 2);
    ctx.fill();
    ctx.fillStyle = gs.color("surface");
    ctx.textBaseline = "middle";
    ctx.textAlign = "center";
    ctx.fillText(label, right - w / 2, middle + 0.5);
    ctx.textAlign = "left";
    return w;
  }

  function tag(ctx, label, x, y, colour, k) {
    const size = Math.max(11 / (gs.type || 1), 11 / k);
    ctx.font = gs.font.sans(size, 600);
    const w = width(ctx, label) + 8;
    ctx.fillStyle = colour;
    y -= size * 0.7 - 1; // stands on the border, so that it hides no number
    round(ctx, x, y - size * 0.7, w, size * 1.4, 4);
    ctx.fill();
    ctx.fillStyle = gs.color("surface");
    ctx.textBaseline = "middle";
    ctx.fillText(label, x + 4, y);
  }

  const SIGN = {
    error: ["state-failed", "!"], failed: ["state-failed", "!"], warning: ["state-paused", "!"], info: ["value", "i"],
    added: ["family-data", "+"], removed: ["family-loss", "\u2212"], changed: ["ink2", "\u2260"],
  };

  /* The sign at a card's corner, 16 px: hatch, square (error), triangle (warning), round (the rest). Returns its left edge. */
  function corner(ctx, x, y, kind) {
    if (kind === "nonfinite") {
      hatch(ctx, x, y, 16, 16, gs.color("nonfinite"));
      return x;
    }
    const [colour, word] = SIGN[kind] || SIGN.info;
    ctx.fillStyle = gs.color(colour);
    ctx.beginPath();
    if (kind === "error" || kind === "failed") ctx.rect(x, y, 16, 16);
    else if (kind === "warning") {
      ctx.moveTo(x + 8, y - 1);
      ctx.lineTo(x + 17, y + 15.5);
      ctx.lineTo(x - 1, y + 15.5);
    } else ctx.arc(x + 8, y + 8, 8, 0, 7);
    ctx.fill();
    ctx.fillStyle = gs.color("surface");
    ctx.font = gs.font.sans(kind === "warning" ? 11 : 12, 600);
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText(word, x + 8, y + (kind === "warning" ? 10 : 8.5));
    ctx.textAlign = "left";
    return x;
  }

  gs.marks = { width, fit, clip, round, hatch, bars, toggle, pill, tag, corner };
})();
