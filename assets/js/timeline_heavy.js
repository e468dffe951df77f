/* Left-heavy: the flame of what was in view, equal calls merged and the longest at the left.
 *
 * The axis is time spent, not time of day: a bar's width is all that its op or module took, wherever it ran.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const TOP = 12, ROW = 26;

  gs.Heavy = class {
    constructor(page) {
      this.page = page;
      this.latest = new gs.Latest((answer) => this.got(answer), (e) => page.problem(e));
      this.clear();
    }

    clear() {
      this.data = null;
      this.a = 0;
      this.b = 1;
      if (this.page.goMode && this.page.mode === "heavy") this.page.goMode("lanes");
    }

    open([from, to]) {
      this.data = null;
      delete this.page.canvas.dataset.heavy;
      this.latest.ask(gs.url("/api/timeline/heavy", { run: gs.state.run, from: Math.round(from), to: Math.round(to) }));
    }

    got(data) {
      this.data = data;
      this.a = 0;
      this.b = Math.max(data.total, 1);
      this.page.canvas.dataset.heavy = String(data.x.length);
      this.page.tell(data.x.length ? `${gs.ns(data.total)} in ${data.steps} step${data.steps === 1 ? "" : "s"}, equal calls as one; double-click zooms` : "No op ran in what is in view.");
      this.page.axis.request();
      this.page.tip.soon();
    }

    fit() {
      this.look(0, Math.max(this.data ? this.data.total : 1, 1));
    }

    look(a, b) {
      const from = [this.a, this.b];
      const steps = gs.still() ? 1 : 12;
      let k = 0;
      const move = () => {
        const e = 1 - (1 - ++k / steps) ** 3;
        this.a = from[0] + (a - from[0]) * e;
        this.b = from[1] + (b - from[1]) * e;
        this.page.axis.request();
        if (k < steps) requestAnimationFrame(move);
      };
      move();
    }

    x(ns) {
      return 12 + ((ns - this.a) / (this.b - this.a)) * (this.page.axis.size.width - 24);
    }

    paint(ctx) {
      const { page, data } = this, { width, height } = page.axis.size;
      ctx.fillStyle = gs.color("surface");
      ctx.fillRect(0, 0, width, height);
      if (!data) return;
      ctx.textBaseline = "middle";
      ctx.textAlign = "left";
      ctx.font = gs.font.sans(12);
      const wanted = (page.finding || "").trim().toLowerCase();
      for (let i = 0; i < data.x.length; i++) {
        const x0 = Math.max(this.x(data.x[i]), 0), x1 = Math.min(this.x(data.x[i] + data.w[i]), width);
        if (x1 - x0 < 0.4 || x1 < 0 || x0 > width) continue;
        const y = TOP + data.depth[i] * ROW, text = data.texts[data.text[i]];
        const colour = data.lane[i] < 0 ? gs.color("phase-idle") : gs.laneColour(page.lanes[data.lane[i]]);
        const op = data.node[i] >= 0, soft = data.depth[i] > 0 && !op;
        const dim = wanted && !text.toLowerCase().includes(wanted);
        const fill = dim ? gs.mix(gs.color("surface"), colour, 0.12) : soft ? gs.mix(gs.color("surface"), colour, 0.24) : colour;
        ctx.fillStyle = fill;
        ctx.fillRect(x0, y, Math.max(x1 - x0 - (x1 - x0 > 3 ? 1 : 0), 0.6), ROW - 2);
        if (op && gs.state.node === `n${data.node[i]}`) {
          ctx.strokeStyle = gs.color("focus");
          ctx.lineWidth = 2;
          ctx.strokeRect(x0 + 1, y + 1, Math.max(x1 - x0 - 3, 1), ROW - 4);
        }
        if (x1 - x0 < 30) continue;
        const share = gs.units.share(data.w[i] / data.total), full = `${text}  ${share}`;
        ctx.fillStyle = dim ? gs.color("ink3") : soft ? gs.color("ink") : gs.inkOn(colour);
        const room = x1 - x0 - 10;
        ctx.fillText(gs.marks.width(ctx, full) <= room ? full : gs.marks.clip(ctx, text, room), x0 + 5, y + ROW / 2 - 1);
      }
      page.axis.tall = height;
    }

    under(at) {
      const { data } = this;
      if (!data) return null;
      const depth = Math.floor((at.y - TOP) / ROW);
      for (let i = 0; i < data.x.length; i++) {
        if (data.depth[i] === depth && this.x(data.x[i]) <= at.x && this.x(data.x[i] + data.w[i]) > at.x) return { kind: data.node[i] >= 0 || data.depth[i] ? "op" : "phase", i };
      }
      return null;
    }

    facts({ i }) {
      const { data, page } = this, many = data.calls[i];
      return [
        data.texts[data.text[i]],
        `${gs.ns(data.w[i])} \u00b7 ${gs.units.share(data.w[i] / data.total)} of the time in ops`,
        many ? `${many.toLocaleString("en-US")} call${many === 1 ? "" : "s"}, ${gs.ns(data.w[i] / many)} each` : "too thin to be seen",
        [data.texts[data.path[i]], page.lanes[data.lane[i]]].filter(Boolean).join(" \u00b7 "),
      ];
    }

    tap(at) {
      const hit = this.under(at);
      if (hit) this.select(hit.i);
      else gs.set({ node: null });
    }

    select(i) {
      const { data } = this, path = data.texts[data.path[i]];
      if (data.node[i] >= 0) gs.set({ node: `n${data.node[i]}` });
      else if (path && data.calls[i]) gs.set({ node: `s:${path}` });
    }

    double(at) {
      const hit = this.under(at);
      if (!hit) return this.fit();
      const { x, w } = this.data, whole = x[hit.i] <= this.a && x[hit.i] + w[hit.i] >= this.b;
      if (whole) this.fit();
      else this.look(x[hit.i], x[hit.i] + Math.max(w[hit.i], 1));
    }

    items(most) {
      if (!this.data) return [];
      const order = [...this.data.x.keys()].sort((p, q) => this.data.w[q] - this.data.w[p]).slice(0, most);
      return order.map((i) => ({ key: `h${i}`, node: this.data.node[i] >= 0 ? `n${this.data.node[i]}` : null, text: this.facts({ i }).filter(Boolean).join(", "), act: () => this.select(i) }));
    }
  };
})();
