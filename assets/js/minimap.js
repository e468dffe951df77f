/* The small map of a large graph: where the canvas looks, and a click or drag to look elsewhere. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const WIDE = 168, TALL = 132, PAD = 6;

  gs.Minimap = class {
    constructor(canvas, page) {
      this.canvas = canvas;
      this.page = page;
      this.picture = document.createElement("canvas");
      this.painted = null; // what the picture shows: scene, colours, theme
      let held = false;
      const go = (e) => held && this.go(e);
      canvas.addEventListener("pointerdown", (e) => {
        held = true;
        canvas.setPointerCapture(e.pointerId);
        this.go(e);
      });
      canvas.addEventListener("pointermove", go);
      for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (held = false));
    }

    /* Only where the graph is clearly larger than the canvas, and the canvas has the room. */
    wanted(k = this.page.board.view.k) {
      const { scene, board } = this.page;
      if (!scene || !scene.nodes.length || board.size.width < 560 || board.size.height < 360) return false;
      const [x0, y0, x1, y1] = scene.bounds;
      return (x1 - x0) * k > board.size.width * 1.15 || (y1 - y0) * k > board.size.height * 1.3;
    }

    /* The room at the right that the map, or else the tools, would take at this zoom, in px. */
    side(k) {
      if (!this.wanted(k)) return this.page.board.size.width < 600 ? 16 : 64;
      const [x0, y0, x1, y1] = this.page.scene.bounds, wide = Math.max(x1 - x0, 1);
      return Math.max(wide * Math.min((WIDE - 2 * PAD) / wide, (TALL - 2 * PAD) / Math.max(y1 - y0, 1)) + 2 * PAD, 44) + 24;
    }

    paint() {
      const on = this.wanted();
      if (this.canvas.hidden === on) this.canvas.hidden = !on;
      if (!on) return;
      const { scene, board } = this.page;
      const [x0, y0, x1, y1] = scene.bounds;
      const k = Math.min((WIDE - 2 * PAD) / Math.max(x1 - x0, 1), (TALL - 2 * PAD) / Math.max(y1 - y0, 1));
      const w = Math.max((x1 - x0) * k + 2 * PAD, 44), h = Math.max((y1 - y0) * k + 2 * PAD, 44);
      const size = `${Math.round(w)}px`, height = `${Math.round(h)}px`;
      if (this.canvas.style.width !== size) this.canvas.style.width = size;
      if (this.canvas.style.height !== height) this.canvas.style.height = height;
      const { width, height: tall, dpr } = gs.sharpen(this.canvas);
      if (!width || !tall) return; // another page is shown
      this.map = { k, x: (width - (x1 - x0) * k) / 2 - x0 * k, y: (tall - (y1 - y0) * k) / 2 - y0 * k };
      const key = [scene.stamp, this.page.stamp, gs.themeName(), width, tall, dpr].join(" ");
      if (this.painted !== key) this.draw(width, tall, dpr, key);
      const ctx = this.canvas.getContext("2d");
      ctx.clearRect(0, 0, width, tall);
      ctx.drawImage(this.picture, 0, 0, width, tall);
      const [a, b, c, d] = board.window(), m = this.map;
      const left = Math.max(a * m.k + m.x, 1), top = Math.max(b * m.k + m.y, 1);
      const right = Math.min(c * m.k + m.x, width - 1), low = Math.min(d * m.k + m.y, tall - 1);
      ctx.strokeStyle = gs.color("focus");
      ctx.lineWidth = 1.5;
      ctx.strokeRect(left, top, Math.max(right - left, 3), Math.max(low - top, 3));
    }

    /* The cards as blocks in their colours; drawn once per layout and colouring. */
    draw(width, tall, dpr, key) {
      this.painted = key;
      this.picture.width = Math.round(width * dpr);
      this.picture.height = Math.round(tall * dpr);
      const ctx = this.picture.getContext("2d"), { scene } = this.page, m = this.map;
      ctx.scale(dpr, dpr);
      ctx.strokeStyle = gs.color("line");
      ctx.lineWidth = 1;
      for (const g of scene.groups) ctx.strokeRect(g.x * m.k + m.x, g.y * m.k + m.y, g.w * m.k, g.h * m.k);
      const overlay = this.page.overlay();
      for (const n of scene.nodes) {
        ctx.fillStyle = gs.cardColour(n, scene.values[n.id], overlay);
        ctx.fillRect(n.x * m.k + m.x, n.y * m.k + m.y, Math.max(n.w * m.k, 1.2), Math.max(n.h * m.k, 1.2));
      }
    }

    go(e) {
      if (!this.map) return;
      const box = this.canvas.getBoundingClientRect(), m = this.map, { board } = this.page;
      const x = (e.clientX - box.left - m.x) / m.k, y = (e.clientY - box.top - m.y) / m.k;
      board.view.x = board.size.width / 2 - x * board.view.k;
      board.view.y = board.size.height / 2 - y * board.view.k;
      board.request();
    }
  };
})();
