/* A curve as a few lines of SVG, until the chart library (5 MB) has been read: the same ranges, ticks and colours, so
 * that nothing jumps when the chart takes its place. It knows what a figure of ours holds, and no more.
 *
 *   gs.sketch(figure, width, height)   an <svg>, or null for what it does not know (dates)
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const PAD = 0.0556; // of the data's range, on each side: as the library leaves it

  function svg(tag, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  class Axis {
    constructor(told, values, pad, from, to) {
      Object.assign(this, { from, to, log: told.type === "log" });
      const known = values.map((v) => this.of(v)).filter(Number.isFinite);
      this.any = known.length > 0;
      let low = known.reduce((a, b) => Math.min(a, b), Infinity), high = known.reduce((a, b) => Math.max(a, b), -Infinity);
      if (low === high) [low, high] = [low - 1, high + 1];
      const more = (high - low) * pad;
      [this.low, this.high] = told.range ? told.range.map(Number) : [low - more, high + more];
      const rough = (this.high - this.low) / (told.nticks || 6), base = 10 ** Math.floor(Math.log10(2 * rough));
      this.each = this.log ? Math.max(1, Math.ceil(rough)) : base * [1, 2, 5, 10].find((k) => k >= rough / base || k === 10);
    }

    of(v) {
      return typeof v !== "number" ? NaN : this.log ? Math.log10(v) : v;
    }

    px(v) {
      return this.from + ((v - this.low) / (this.high - this.low)) * (this.to - this.from);
    }

    /* [place, text] */
    ticks() {
      if (this.log && this.high - this.low < 2) {
        const found = [];
        for (let k = Math.floor(this.low); k <= this.high; k++) for (const v of [1, 2, 5]) found.push([Math.log10(v) + k, `${Number((v * 10 ** k).toPrecision(3))}`]);
        return found.filter(([at]) => at >= this.low && at <= this.high).map(([at, words]) => [this.px(at), words]);
      }
      const found = [], digits = Math.min(12, Math.max(0, -Math.floor(Math.log10(this.each) + 1e-9)));
      for (let k = Math.ceil(this.low / this.each - 1e-9); k * this.each <= this.high + this.each * 1e-9 && found.length < 20; k++) {
        const v = this.log ? 10 ** (k * this.each) : k * this.each;
        const wide = v && (Math.abs(v) >= 1e5 || Math.abs(v) < 1e-4);
        found.push([this.px(k * this.each), this.log && wide ? `1e${k * this.each}` : wide && digits > 4 ? v.toExponential(0) : Number(v.toFixed(this.log ? 4 : digits)).toLocaleString("en-US", { maximumFractionDigits: 12 })]);
      }
      return found;
    }
  }

  gs.sketch = function ({ data, layout }, width, height) {
    const lines = data.filter((t) => Array.isArray(t.x) && Array.isArray(t.y) && (t.mode || "").includes("lines"));
    if (!lines.length || width < 80 || height < 60 || [layout.xaxis, layout.yaxis].some((a) => !["linear", "log"].includes(a.type))) return null;
    const m = layout.margin, foot = height - m.b - 3;
    const bands = data.filter((t) => t.type === "bar"), ends = bands.flatMap((t) => [t.x[0] - t.width[0] / 2, t.x[0] + t.width[0] / 2]);
    const x = new Axis(layout.xaxis, [...lines.flatMap((t) => t.x), ...ends], lines.some((t) => t.mode.includes("markers") && t.y.some(Number.isFinite)) ? PAD : 0, m.l, width - m.r);
    const y = new Axis(layout.yaxis, lines.flatMap((t) => t.y), PAD, foot, m.t);
    if (!x.any || !(y.any || layout.yaxis.range)) return null;
    const made = svg("svg", { class: "gs-sketch", width, height, role: "img", "aria-label": "The curve; its chart is being loaded" });
    const { size, color } = layout.xaxis.tickfont, text = (at, words) => made.append(svg("text", { "font-size": size, fill: color, ...at }, words.replace(/^-/, "\u2212")));
    for (const [at, words] of x.ticks()) {
      made.append(svg("path", { d: `M${at} ${m.t}V${foot}`, stroke: layout.xaxis.gridcolor }));
      text({ x: at, y: foot + 13, "text-anchor": "middle" }, words);
    }
    for (const [at, words] of y.ticks()) {
      made.append(svg("path", { d: `M${m.l} ${at}H${width - m.r}`, stroke: layout.yaxis.gridcolor }));
      if (layout.yaxis.showticklabels !== false) text({ x: m.l - 3, y: at + 4, "text-anchor": "end" }, words);
    }
    if (layout.xaxis.title && layout.xaxis.title.text) text({ x: (m.l + width - m.r) / 2, y: height - 4, "text-anchor": "middle" }, layout.xaxis.title.text);
    for (const t of bands) band(made, t, x, m.t, foot);
    for (const { x0, line } of layout.shapes || []) {
      const at = x.px(x.of(x0));
      if (at >= m.l && at <= width - m.r) made.append(svg("path", { d: `M${at} ${m.t}V${foot}`, stroke: line.color, "stroke-dasharray": "1.5 2.5" }));
    }
    for (const t of lines) {
      let d = "", pen = false;
      t.x.forEach((v, i) => {
        const a = x.px(x.of(v)), b = y.px(y.of(t.y[i]));
        const there = Number.isFinite(a) && Number.isFinite(b);
        if (there) d += `${pen ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`;
        pen = there || (pen && Boolean(t.connectgaps));
      });
      const look = { d, fill: "none", stroke: (t.line && t.line.color) || color, "stroke-width": (t.line && t.line.width) || 1.5, "stroke-linejoin": "round", opacity: t.opacity === undefined ? 1 : t.opacity };
      made.append(svg("path", look));
      if (!t.mode.includes("markers")) continue;
      t.x.forEach((v, i) => {
        const a = x.px(x.of(v)), b = y.px(y.of(t.y[i]));
        if (Number.isFinite(a) && Number.isFinite(b)) made.append(svg("circle", { cx: a, cy: b, r: 2, fill: look.stroke }));
      });
    }
    for (const told of layout.annotations || []) label(made, told, x, m.t, width - m.r);
    return made;
  };

  /* Where the curve is not finite: hatched, as in the chart. */
  function band(made, { x: [middle], width: [wide], marker }, x, top, foot) {
    const { fgcolor, bgcolor } = marker.pattern, from = Math.max(x.px(middle - wide / 2), x.from), to = Math.min(x.px(middle + wide / 2), x.to);
    if (!(to > from)) return;
    const box = { x: from, y: top, width: to - from, height: foot - top };
    let d = "";
    for (let at = from - box.height; at < to; at += 10) {
      const a = Math.max(at, from), b = Math.min(at + box.height, to);
      if (b > a) d += `M${a.toFixed(1)} ${(foot - (a - at)).toFixed(1)}L${b.toFixed(1)} ${(foot - (b - at)).toFixed(1)}`;
    }
    made.append(svg("rect", { ...box, fill: bgcolor }), svg("path", { d, stroke: fgcolor, "stroke-width": 2 }));
  }

  const SIGNS = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#x27;": "'" };

  /* The words at it, on a ground of their own. */
  function label(made, { x: v, text, font, bgcolor, xref, yanchor }, x, top, right) {
    const at = x.px(x.of(v));
    if (xref !== "x" || yanchor !== "top" || !(at >= x.from && at <= right)) return;
    made.append(svg("text", { x: at + 3, y: top + 14, "font-size": font.size, fill: font.color, stroke: bgcolor, "stroke-width": 4, "paint-order": "stroke" },
      text.replace(/&(lt|gt|amp|quot|#x27);/g, (sign) => SIGNS[sign])));
  }
})();
