/* A drawing surface with the few methods of a canvas that our painters use, that writes SVG: what paints a
 * chart on screen also makes its vector figure.
 *
 *   const ink = new gs.SvgInk(800, 480);   // CSS px
 *   paint(ink); ink.text(title)            // the finished document
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const round = (v) => String(Math.round(v * 100) / 100);
  const safe = (text) => String(text).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "").replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
  const ANCHOR = { right: "end", center: "middle" };

  gs.SvgInk = class {
    constructor(width, height) {
      Object.assign(this, { width, height, out: [], open: 0, clips: 0, kept: [], clipped: "" });
      Object.assign(this, { fillStyle: "#000", strokeStyle: "#000", lineWidth: 1, globalAlpha: 1, font: "11px sans-serif", textAlign: "left", textBaseline: "alphabetic", lineJoin: "miter" });
      this.dash = [];
      this.way = "";
      this.ruler = document.createElement("canvas").getContext("2d");
    }

    /* For all that follows. */
    translate(x, y) {
      this.out.push(`<g transform="translate(${round(x)} ${round(y)})">`);
      this.open += 1;
    }

    setLineDash(dash) {
      this.dash = dash;
    }

    measureText(text) {
      this.ruler.font = this.font;
      return this.ruler.measureText(text);
    }

    beginPath() {
      this.way = "";
    }

    moveTo(x, y) {
      this.way += `M${round(x)} ${round(y)}`;
    }

    lineTo(x, y) {
      this.way += `L${round(x)} ${round(y)}`;
    }

    rect(x, y, w, h) {
      this.way += `M${round(x)} ${round(y)}h${round(w)}v${round(h)}h${round(-w)}Z`;
    }

    closePath() {
      this.way += "Z";
    }

    put(tag) {
      this.out.push(this.clipped ? `<g clip-path="url(#${this.clipped})">${tag}</g>` : tag);
    }

    fill() {
      if (this.way) this.put(`<path d="${this.way}" fill="${safe(this.fillStyle)}"${this.faint()}/>`);
    }

    stroke() {
      if (!this.way) return;
      const dash = this.dash.length ? ` stroke-dasharray="${this.dash.map(round).join(" ")}"` : "";
      this.put(`<path d="${this.way}" fill="none" stroke="${safe(this.strokeStyle)}" stroke-width="${round(this.lineWidth)}"${dash}${this.faint()}/>`);
    }

    fillRect(x, y, w, h) {
      this.put(`<rect x="${round(x)}" y="${round(y)}" width="${round(Math.max(w, 0))}" height="${round(Math.max(h, 0))}" fill="${safe(this.fillStyle)}"${this.faint()}/>`);
    }

    fillText(text, x, y) {
      const [, weight, size, family] = /^(?:(\d+) )?([\d.]+)px (.*)$/.exec(this.font) || [null, null, "11", "sans-serif"];
      // Not every reader of SVG knows dominant-baseline: the middle of small text is a third of its size up.
      const base = this.textBaseline === "middle" ? y + Number(size) * 0.35 : y;
      const heavy = weight && weight !== "400" ? ` font-weight="${weight}"` : "";
      const anchor = ANCHOR[this.textAlign] ? ` text-anchor="${ANCHOR[this.textAlign]}"` : "";
      this.put(`<text x="${round(x)}" y="${round(base)}" font-family="${safe(family)}" font-size="${size}"${heavy}${anchor} fill="${safe(this.fillStyle)}"${this.faint()}>${safe(text)}</text>`);
    }

    clip() {
      this.clipped = `clip${(this.clips += 1)}`;
      this.out.push(`<clipPath id="${this.clipped}"><path d="${this.way}"/></clipPath>`);
    }

    save() {
      this.kept.push([this.clipped, this.fillStyle, this.strokeStyle, this.lineWidth, this.globalAlpha]);
    }

    restore() {
      [this.clipped, this.fillStyle, this.strokeStyle, this.lineWidth, this.globalAlpha] = this.kept.pop();
    }

    faint() {
      return this.globalAlpha < 1 ? ` opacity="${round(this.globalAlpha)}"` : "";
    }

    /* The document, on a ground of its own. */
    text(ground) {
      const size = `width="${this.width}" height="${this.height}" viewBox="0 0 ${this.width} ${this.height}"`;
      return `<svg xmlns="http://www.w3.org/2000/svg" ${size}><rect width="100%" height="100%" fill="${safe(ground)}"/>${this.out.join("")}${"</g>".repeat(this.open)}</svg>`;
    }
  };
})();
