/* Where the graph's canvas looks: the first look, staying put while the layout changes, gliding to a card. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  gs.camera = {
    /* The first view: the width fits, but numbers stay legible (zoom 0.6, two halves 0.5); the top stands
     * at the top. On a very large screen cards grow with the type, and up to 1.6 of it as long as all of it fits. */
    look() {
      const [x0, y0, x1, y1] = this.scene.bounds, { width, height } = this.board.size;
      const wide = (width - 48) / Math.max(x1 - x0, 1), tall = (height - 112) / Math.max(y1 - y0, 1);
      const least = gs.state.mode === "unrolled" ? 0.5 : 0.6, type = gs.type || 1;
      const k = Math.max(least, Math.min(wide, Math.max(type, Math.min(1.6 * type, tall, width / 1600))));
      let middle = (x0 + x1) / 2;
      if ((x1 - x0) * k > width) {
        // Too wide: begin where the program begins.
        const first = this.scene.nodes.slice().sort((a, b) => a.y - b.y);
        const top = first.filter((n) => n.y < first[0].y + 1).slice(0, 5);
        middle = top.reduce((sum, n) => sum + n.x + n.w / 2, 0) / Math.max(top.length, 1);
      }
      let x = width / 2 - middle * k;
      // Where there is room at the left, no card begins its life under the tools or the small map at the right.
      const over = x + x1 * k - (width - this.minimap.side(k));
      if (over > 0 && (x1 - x0) * k <= width) x -= Math.max(0, Math.min(over, x + x0 * k - 16));
      // Below the chip that names a part, where there is one.
      return { k, x, y: (gs.state.focus ? Math.min(56, 8 + height / 10) : 12) - y0 * k };
    },

    firstLook() {
      Object.assign(this.board.view, this.look());
      this.showBox(gs.state.node && this.scene.holder(gs.state.node)); // a link to a node shows it
    },

    /* Another part of the graph, or its other half: it is shown as a whole, the cards glide there. */
    glide(old, scene) {
      const { view } = this.board, from = { ...view };
      const [x0, y0, x1, y1] = scene.bounds, { width, height } = this.board.size;
      const k = Math.min((width - 64) / Math.max(x1 - x0, 1), (height - 128) / Math.max(y1 - y0, 1), 1);
      const to = k >= 0.5 ? { k, x: width / 2 - ((x0 + x1) / 2) * k, y: 8 + height / 2 - ((y0 + y1) / 2) * k } : this.look();
      const box = this.anchor && scene.holder(this.anchor);
      this.anchor = null;
      if (k < 0.5 && box) Object.assign(to, { x: width / 2 - (box.x + box.w / 2) * to.k, y: height / 2 - (box.y + box.h / 2) * to.k });
      const morph = scene.morph(old, 0, 0);
      this.board.animate(250, (t) => {
        for (const key of ["x", "y", "k"]) view[key] = from[key] + (to[key] - from[key]) * t;
        morph(t);
      });
    },

    /* Brings a card into view, if it is not, without changing the zoom. */
    showBox(box) {
      if (!box) return;
      const { view, size } = this.board;
      const [left, top, right, bottom] = this.board.window();
      // Only the axis that needs it moves: what stood beside the card stays in sight.
      if (box.x < left || box.x + box.w > right) view.x = size.width / 2 - (box.x + box.w / 2) * view.k;
      if (box.y < top + 40 / view.k || box.y + box.h > bottom - 60 / view.k) view.y = size.height / 2 - (box.y + box.h / 2) * view.k;
      this.board.request();
    },

    /* The same, gliding: to where a program waits that goes on op by op. */
    bring(box) {
      const { view, size } = this.board, [left, top, right, bottom] = this.board.window();
      const mid = [(left + right) / 2, (top + bottom) / 2];
      const out = [box.x < left || box.x + box.w > right, box.y < top + 40 / view.k || box.y + box.h > bottom - 60 / view.k];
      if (!out[0] && !out[1]) return;
      const at = [out[0] ? box.x + box.w / 2 : mid[0], out[1] ? box.y + box.h / 2 : mid[1]];
      if (size.width > 1) this.board.goTo(at[0], at[1], view.k, 200);
    },

    /* Moves to a new layout so that the clicked box (else the selection, else nothing) stays put. */
    keepPlace(old, scene) {
      const name = this.anchor || (gs.state.node && old.byId.has(gs.state.node) ? gs.state.node : null);
      const was = name && old.byId.get(name);
      const is = name && (scene.byId.get(name) || scene.holder(name));
      this.anchor = null;
      let dx = 0, dy = 0;
      if (was && is) {
        dx = is.x + is.w / 2 - (was.px + was.pw / 2);
        dy = is.y - was.py;
        this.board.view.x -= dx * this.board.view.k;
        this.board.view.y -= dy * this.board.view.k;
      }
      this.board.animate(200, scene.morph(old, dx, dy));
    },

    zoomTo(box) {
      const k = Math.min(1.2, Math.max(this.board.view.k, 0.9));
      this.board.goTo(box.x + box.w / 2, box.y + box.h / 2, k, 250);
    },

    /* The whole graph, as large as it fits; never larger than life. */
    fit() {
      if (!this.scene) return;
      const [x0, y0, x1, y1] = this.scene.bounds;
      const { width, height } = this.board.size;
      const tools = width < 600 ? 0 : 48; // at the right
      const k = Math.min(1, (width - 48 - tools) / (x1 - x0 || 1), (height - 48) / (y1 - y0 || 1));
      const aside = Math.min(tools / 2, Math.max(0, tools + 24 + ((x1 - x0) * k - width) / 2));
      this.board.goTo((x0 + x1) / 2 + aside / k, (y0 + y1) / 2, k, 250);
    },

    /* However large the graph is, it can be looked at as a whole. */
    limit() {
      const [x0, y0, x1, y1] = this.scene.bounds, { width, height } = this.board.size;
      this.board.limits[0] = Math.min(0.02, (0.8 * width) / Math.max(x1 - x0, 1), (0.8 * height) / Math.max(y1 - y0, 1));
    },

    resized(now) {
      if (now.width <= 1) return;
      if (this.width) this.board.view.x += (now.width - this.width) / 2;
      else if (this.scene) this.firstLook();
      this.width = now.width;
      if (this.late) {
        this.late = false;
        this.askLayout();
      }
    },
  };
})();
