/* Colours made of the theme's: mixtures, readable text on a colour, lanes, hatching for what is idle. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  const mixed = new Map();
  gs.onTheme && gs.onTheme(() => mixed.clear());
  gs.mix = function (back, front, f) {
    const key = `${back}${front}${f}`;
    if (!mixed.has(key)) {
      const a = gs.rgb(back), b = gs.rgb(front);
      mixed.set(key, `rgb(${a.map((c, i) => Math.round(c + (b[i] - c) * f)).join(",")})`);
    }
    return mixed.get(key);
  };
  const light = (hex) => gs.rgb(hex).map((c) => ((c / 255 + 0.055) / 1.055) ** 2.4).reduce((s, c, i) => s + c * [0.2126, 0.7152, 0.0722][i], 0);
  /* Ink or its opposite, whichever reads better on a colour. */
  gs.inkOn = function (hex) {
    const key = `on${hex}`;
    if (!mixed.has(key)) {
      const ink = gs.color("ink"), other = light(ink) < 0.5 ? "#FFFFFF" : "#0F1217", l = light(hex) + 0.05;
      const contrast = (c) => Math.max(l, light(c) + 0.05) / Math.min(l, light(c) + 0.05);
      mixed.set(key, contrast(ink) >= contrast(other) ? ink : other);
    }
    return mixed.get(key);
  };
  gs.laneColour = (lane) => gs.color(lane === "copies" ? "family-data" : `phase-${lane}`);

  /* Diagonal lines for time in which nothing ran here. */
  gs.hatching = function (ctx, colour, back) {
    const key = `hatch${colour}${back}`;
    if (!mixed.has(key)) {
      const tile = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
      const t = tile.getContext("2d");
      t.fillStyle = back;
      t.fillRect(0, 0, 8, 8);
      t.strokeStyle = colour;
      t.lineWidth = 1.4;
      t.beginPath();
      for (const d of [-8, 0, 8]) {
        t.moveTo(d - 1, 9);
        t.lineTo(d + 9, -1);
      }
      t.stroke();
      mixed.set(key, ctx.createPattern(tile, "repeat"));
    }
    return mixed.get(key);
  };
})();
