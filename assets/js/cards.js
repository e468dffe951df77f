/* How one card and one frame look. Pure painting, no state.
 *
 * Levels of detail by zoom k: below 0.25 a block of colour; from there the name; from 0.5 the shape
 * and the time strip; from 0.6 value and gradient; from 0.8 everything; from 1.5 also the source line. No text is ever smaller
 * than 11 px on screen: what does not fit is left out.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const { width, fit, round, hatch, bars, toggle, pill, tag, corner } = gs.marks;
  gs.TITLE = 30; // height of an open group's title bar, in world px

  const wild = (text) => /NaN|Inf/.test(text || "");

  /* mood: {selected, hover, role: 'in'|'out'|'', pale, overlay, numeric, found, sign, walk, bad} */
  gs.paintCard = function (ctx, n, v, k, mood) {
    const { px: x, py: y, pw: w, ph: h } = n;
    v = v || {};
    const param = n.kind === "param" || n.form === "param";
    const radius = param ? 22 : 6;
    const inset = param ? 18 : 12;
    const alpha = (n.alpha === undefined ? 1 : n.alpha) * (mood.pale ? 0.35 : mood.walk === "before" || mood.walk === "none" ? 0.55 : n.mark === "removed" ? 0.7 : 1);
    const family = gs.color("family-" + n.family);
    const sick = mood.numeric && v.health && v.health !== "ok";
    const painted = mood.overlay && (v.color || sick);
    const on = sick ? gs.color("surface") : painted ? v.on : null;
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
    ctx.fillStyle = painted && !sick ? v.color : mood.overlay ? gs.color("surface") : gs.color("tint-" + n.family);
    ctx.fill();
    ctx.save();
    ctx.clip();
    if (v.failed && !mood.overlay) {
      ctx.globalAlpha = alpha * 0.14;
      ctx.fillStyle = gs.color("state-failed");
      ctx.fillRect(x, y, w, h);
      ctx.globalAlpha = alpha;
    }
    if (sick) hatch(ctx, x, y, w, h, gs.color("nonfinite"), 0.14);
    ctx.fillStyle = v.failed ? gs.color("state-failed") : family;
    ctx.fillRect(x, y, 4, h);
    ctx.restore();
    mood.missing = mood.overlay && !painted;
    mood.failed = v.failed;
    edge(ctx, n, x, y, w, h, radius, k, mood);

    if (k >= 0.25) {
      const c = {
        ink: on || gs.color("ink"), quiet: on || gs.color("ink2"), wild: on || gs.color("nonfinite"),
        value: on || gs.color("value"), gradient: on || gs.color("gradient"),
      };
      text(ctx, n, v, k, { x: x + inset, y, w: w - inset - (param ? 14 : 8), h }, c, mood);
      let right = x + w + 8; // signs stand beside each other at the corner
      if (n.fold > 1) right -= pill(ctx, "\u00d7" + n.fold, right, y, k) + 4;
      if (v.health && v.health !== "ok") right = corner(ctx, right - 16, y - 8, "nonfinite") - 4;
      if (v.failed) right = corner(ctx, right - 16, y - 8, "failed") - 4;
      if (mood.sign) right = corner(ctx, right - 16, y - 8, mood.sign.severity) - 4;
      if (n.mark) right = corner(ctx, right - 16, y - 8, n.mark) - 4;
      // Above the signs where there are any: side by side they lie on each other.
      if (mood.bad && mood.bad !== "on the way" && k >= 0.4) tag(ctx, mood.bad, x + 12, right < x + w + 8 ? y - 9 : y, gs.color("state-failed"), k);
    }
    ctx.globalAlpha = 1;
  };

  function edge(ctx, n, x, y, w, h, radius, k, mood) {
    const strong = mood.selected || mood.role || mood.hover || mood.found || mood.failed || mood.bad || n.mark || mood.walk === "now";
    ctx.strokeStyle = mood.selected ? gs.color("focus")
      : mood.role === "in" ? gs.color("value")
      : mood.role === "out" ? gs.color("gradient")
      : mood.failed || mood.bad ? gs.color("state-failed")
      : mood.walk === "now" ? gs.color("gradient")
      : n.mark ? gs.markColour(n.mark)
      : mood.found ? gs.color("focus")
      : mood.hover ? gs.color("ink3")
      : gs.color("edge");
    const whole = ctx.globalAlpha;
    if (!strong) ctx.globalAlpha = whole * 0.55; // the grey of lines, softer
    ctx.lineWidth = strong ? Math.max(2, (mood.selected ? 2 : 1.5) / k) : Math.max(1, 0.75 / k);
    round(ctx, x, y, w, h, radius);
    if ((mood.missing && !strong) || n.mark === "removed") ctx.setLineDash([3, 3]);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.globalAlpha = whole; // not divided again: in Firefox that is more than 1, which no canvas takes
    if (mood.role && k >= 0.5) tag(ctx, mood.role, x + 12, y, ctx.strokeStyle, k);
  }

  function text(ctx, n, v, k, box, c, mood) {
    const { x, y, w, h } = box;
    // On screen never smaller than the reader's type wants; on a large card no larger than the card's own.
    const type = gs.type || 1, small = Math.max(11 / type, 11 / k);
    // A card without numbers (none were recorded) has its name in the middle and no empty rows.
    const full = k >= 0.8, rows = k >= 0.6 && Boolean(v.v || (v.g && v.g !== "\u00b7" && v.g !== "\u2014") || v.failed || n.kind === "grad");
    const line = rows ? 35.5 : h / 2;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";

    let room = w;
    if (n.kind === "scope") {
      room -= 22;
      toggle(ctx, x + w - 16, y + h / 2 - 8, false, c.quiet);
    }
    const nameFont = gs.font.sans(Math.max(13 / type, (full ? 11 : 11.5) / k), 600);
    ctx.font = nameFont;
    const wanted = width(ctx, n.label.slice(0, 60)) + 8;
    if (k >= 0.5 && n.shape && !(v.failed && v.operands)) { // nothing came out of what failed
      // The name comes first: without room for both, the shape is shortened or goes.
      ctx.font = gs.font.mono(small);
      const shape = fit(ctx, n.shape, Math.max(room - wanted, full ? room * 0.45 : 0));
      const wide = width(ctx, shape);
      if (shape && (full || shape === n.shape)) {
        ctx.fillStyle = c.quiet;
        ctx.fillText(shape, x + room - wide, y + line);
        room -= wide + 8;
      }
    }
    ctx.font = nameFont;
    ctx.fillStyle = c.ink;
    const name = fit(ctx, n.label, room);
    ctx.fillText(name, x, y + line - 0.5);
    if (full && n.kind === "op" && n.op !== n.label) {
      // "net.0" alone says little: the op stands beside it where there is room.
      const from = width(ctx, name) + 6;
      ctx.font = gs.font.sans(small);
      ctx.fillStyle = c.quiet;
      if (from + width(ctx, n.op) <= room) ctx.fillText(n.op, x + from, y + line);
    }

    if (rows) numbers(ctx, n, v, { x, y, w, full, small }, c, mood);
    if (k >= 0.5) strip(ctx, n, v, x - 4, y + h - 6, w + 4);
    if (k >= 1.5 && n.site) {
      ctx.font = gs.font.mono(Math.max(9 / type, 11 / k));
      ctx.textAlign = "right";
      ctx.fillStyle = gs.color("ink3");
      ctx.fillText(fit(ctx, n.site, w), x + w, y + h + 8);
      ctx.textAlign = "left";
    }
  }

  /* Value above, gradient below; in a comparison what the value was, on a failed card what it was given. */
  function numbers(ctx, n, v, { x, y, w, full, small }, c, mood) {
    const free = full ? w - 44 : w;
    const write = (text, at, colour) => {
      ctx.font = gs.font.mono(small);
      ctx.fillStyle = wild(text) ? c.wild : colour;
      ctx.fillText(number(ctx, text, free), x, y + at);
    };
    const arrived = !mood || !mood.walk || mood.walk === "done" || mood.walk === "now";
    const gradient = "\u2202 " + (v.g === undefined || !arrived ? "\u00b7" : v.g || "not taken");
    if (n.kind === "grad") {
      write(gradient, 12, c.gradient);
      if (full && arrived) bars(ctx, v.gh, x + w - 40, y + 5, 40, 12, c.gradient);
      if (v.bwd_ns) write(gs.ns(v.bwd_ns), 56, c.quiet);
      return;
    }
    // Letters keep their 11 px while the card gets smaller: the first row then stands lower, clear of the edge.
    if (v.v || !v.failed) write(v.v || "\u2014", Math.max(12, small * 0.77 * (gs.type || 1)), c.value);
    if (v.failed) {
      ctx.font = gs.font.mono(small);
      ctx.fillStyle = gs.color("state-failed");
      ctx.fillText(fit(ctx, v.operands ? `given ${v.operands}` : "failed here", w), x, y + 56);
      return;
    }
    if (v.was) write(`was ${v.was.v || "\u2014"}`, 56, c.quiet);
    else write(gradient, 56, c.gradient);
    if (!full) return;
    bars(ctx, v.vh, x + w - 40, y + 5, 40, 12, c.value);
    if (!v.was && arrived) bars(ctx, v.gh, x + w - 40, y + 48, 40, 12, c.gradient);
  }

  /* A number is never cut in its middle: without room for mean ± std the mean stands alone. */
  function number(ctx, text, room) {
    if (width(ctx, text) <= room) return text;
    const [mean] = text.split(" \u00b1 ");
    return width(ctx, mean) <= room ? mean : "";
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
    if (k >= 0.28) { // from where 11 px fit into the bar
      const size = Math.max(12 / (gs.type || 1), 11 / k);
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
      ctx.fillText(fit(ctx, g.label, Math.max(x + w - left - 8, 0)), left, y + Math.min(Math.max(16, size * 0.8), 20));
    }
    ctx.globalAlpha = 1;
  };
})();
