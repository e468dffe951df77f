/* Paints a whole scene in its order: frames, lines, cards, then whatever is chosen on top. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  gs.paintScene = function (ctx, page) {
    const { scene, board } = page;
    const k = board.view.k;
    const [x0, y0, x1, y1] = board.window();
    const seen = (x, y, w, h) => x <= x1 && x + w >= x0 && y <= y1 && y + h >= y0;
    const shown = scene.nodes.filter((n) => seen(n.px - 8, n.py - 12, n.pw + 20, n.ph + 24));
    const chosen = page.selected && scene.byId.get(page.selected.id);
    const near = neighbours(scene, chosen || page.hovered);

    for (const g of scene.groups) {
      if (seen(g.px, g.py, g.pw, g.ph)) gs.paintGroup(ctx, g, k, page.hovered === g);
    }
    lines(ctx, scene, k, seen, near, chosen || page.hovered, page);
    saved(ctx, scene, k, chosen);
    page.walk.paint(ctx, k);
    if (k < 0.25) blocks(ctx, scene, shown, k, page, near);
    else cards(ctx, scene, shown, k, page, chosen, near);
    standing(ctx, page, k);
  };

  /* What is kept alive for a gradient: dashed, from the forward card to the gradient that reads it. */
  function saved(ctx, scene, k, chosen) {
    const pairs = (scene.view.saved || []).filter(([a, b]) => chosen && (a === chosen.id || b === chosen.id || b === "~" + chosen.id));
    if (!pairs.length) return;
    ctx.save();
    ctx.strokeStyle = gs.color("ink3");
    ctx.lineWidth = Math.max(1.25, 1 / k);
    ctx.setLineDash([5, 4]);
    for (const [a, b] of pairs) {
      const from = scene.byId.get(a), to = scene.byId.get(b);
      if (!from || !to) continue;
      const x0 = from.px + from.pw, y0 = from.py + from.ph / 2, x1 = to.px, y1 = to.py + to.ph / 2, bend = (x1 - x0) / 2;
      ctx.beginPath();
      ctx.moveTo(x0, y0);
      ctx.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
      ctx.stroke();
    }
    ctx.restore();
  }

  /* Where a paused or slowed program stands. */
  function standing(ctx, page, k) {
    const now = page.signs.current();
    if (!now) return;
    const { box } = now, colour = gs.color("state-paused");
    ctx.strokeStyle = colour;
    ctx.lineWidth = Math.max(3, 2.5 / k);
    gs.marks.round(ctx, box.px - 3, box.py - 3, box.pw + 6, box.ph + 6, 8);
    ctx.stroke();
    if (k >= 0.4) gs.marks.tag(ctx, now.word, box.px + 12, box.py - 2, colour, k);
  }

  function neighbours(scene, box) {
    if (!box || box.depth !== undefined) return null;
    return { id: box.id, ins: new Set(scene.inputs(box.id)), outs: new Set(scene.outputs(box.id)) };
  }

  function lines(ctx, scene, k, seen, near, box, page) {
    const way = page.signs.trail();
    const fade = scene.fade === undefined ? 1 : scene.fade;
    const plain = gs.color("edge");
    const plainly = [];
    ctx.globalAlpha = fade;
    if (k < 0.12 && scene.edges.length > 3000) {
      // Seen from far, ten thousand lines are one grey path: one stroke instead of ten thousand.
      ctx.strokeStyle = plain;
      ctx.globalAlpha = fade * 0.5;
      ctx.lineWidth = 0.6 / k;
      if (k >= 0.04) for (const { path, box: [a, b, c, d] } of scene.tiles()) if (seen(a, b, c - a, d - b)) ctx.stroke(path);
    } else {
      for (const e of scene.edges) {
        const [a, b, c, d] = e.box;
        if (!seen(a, b, c - a, d - b)) continue;
        const lit = near && (e.dst === near.id || e.src === near.id);
        if (lit) continue;
        const bad = way && way.pairs.has(`${e.src} ${e.dst}`);
        if (!bad && !e.mark && k < 0.8) {
          plainly.push(e);
          continue;
        }
        if (e.mark === "removed") ctx.setLineDash([6, 4]);
        gs.paintEdge(ctx, e, k, bad ? gs.color("state-failed") : e.mark ? gs.markColour(e.mark) : plain, bad ? 1.5 : 0);
        ctx.setLineDash([]);
        if (k >= 0.8 && fade === 1) gs.paintEdgeLabel(ctx, e, k);
        if (k >= 1.5 && fade === 1) gs.paintDerivative(ctx, e, k);
      }
    }
    ctx.globalAlpha = fade;
    gs.paintEdges(ctx, plainly, k, plain);
    if (near && box) {
      for (const e of [...(scene.into.get(near.id) || [])]) gs.paintEdge(ctx, e, k, gs.color("value"), 0.5);
      for (const e of [...(scene.from.get(near.id) || [])]) gs.paintEdge(ctx, e, k, gs.color("gradient"), 0.5);
      for (const e of [...(scene.into.get(near.id) || []), ...(scene.from.get(near.id) || [])]) {
        if (k >= 0.8 && fade === 1) gs.paintEdgeLabel(ctx, e, k);
        if (k >= 1.5 && fade === 1) gs.paintDerivative(ctx, e, k);
      }
    }
    ctx.globalAlpha = 1;
  }

  /* Colourings of the numbers themselves: what is not finite stands outside of them. */
  const NUMERIC = /^(grad|update|health|change|custom:)/;
  const numeric = () => NUMERIC.test(gs.state.color || (gs.state.vs ? "change" : ""));

  gs.cardColour = function (n, v, overlay) {
    if (overlay) {
      if (v && v.health && v.health !== "ok" && numeric()) return gs.color("nonfinite");
      return (v && v.color) || gs.color("line");
    }
    return gs.color("family-" + n.family);
  };

  gs.markColour = (mark) => gs.color({ added: "family-data", removed: "family-loss", changed: "ink2" }[mark]);

  /* Far away: one rectangle a card, grouped by colour so that the painter changes colour rarely. */
  function blocks(ctx, scene, shown, k, page, near) {
    const overlay = page.overlay();
    const byColour = new Map();
    for (const n of shown) {
      const pale = page.found && !page.found.has(n.id);
      const key = gs.cardColour(n, scene.values[n.id], overlay) + (pale ? "~" : "");
      if (!byColour.has(key)) byColour.set(key, []);
      byColour.get(key).push(n);
    }
    for (const [key, nodes] of byColour) {
      ctx.globalAlpha = key.endsWith("~") ? 0.25 : 0.9;
      ctx.fillStyle = key.replace("~", "");
      ctx.beginPath();
      for (const n of nodes) ctx.rect(n.px, n.py, Math.max(n.pw, 1 / k), Math.max(n.ph, 0.5 / k));
      ctx.fill();
    }
    ctx.globalAlpha = 1;
    if (near && scene.byId.has(near.id)) {
      const n = scene.byId.get(near.id);
      ctx.strokeStyle = gs.color("focus");
      ctx.lineWidth = 2 / k;
      ctx.strokeRect(n.px, n.py, n.pw, n.ph);
    }
  }

  function cards(ctx, scene, shown, k, page, chosen, near) {
    const overlay = page.overlay();
    const overChosen = chosen && page.hovered === chosen;
    const late = [], way = page.signs.trail(), twin = chosen && chosen.twin ? chosen.twin : chosen && "~" + chosen.id;
    for (const n of shown) {
      const mood = {
        overlay,
        numeric: overlay && numeric(),
        selected: chosen === n,
        hover: page.hovered === n || n.id === twin || page.focused === n.id,
        role: chosen && near ? (near.ins.has(n.id) ? "in" : near.outs.has(n.id) ? "out" : "") : "",
        found: page.found ? page.found.has(n.id) : false,
        sign: page.signs.of(n),
        walk: page.walk.on() ? page.walk.mood(n.id) : "",
        bad: way && way.on.has(n.id) ? (way.begin === n.id ? way.word : "on the way") : "",
      };
      mood.pale = page.found ? !mood.found && !mood.selected
        : Boolean(overChosen && !mood.selected && !mood.role);
      if (mood.selected || mood.hover) late.push([n, mood]);
      else gs.paintCard(ctx, n, scene.values[n.id], k, mood);
    }
    for (const [n, mood] of late) gs.paintCard(ctx, n, scene.values[n.id], k, mood);
  }
})();
