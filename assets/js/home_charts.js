/* Two small charts of the Overview, loss and seconds a step: a click goes to that step. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const LEFT = 52, RIGHT = 8, TOP = 8, FOOT = 20;

  class SmallChart {
    constructor(box, { colour, say, name, log }) {
      Object.assign(this, { colour, say, name, log });
      this.points = [];
      this.canvas = gs.el("canvas", { role: "img", "aria-label": name });
      this.read = gs.el("span", { class: "gs-small-read" });
      box.replaceChildren(this.canvas, this.read);
      new ResizeObserver(() => this.paint()).observe(this.canvas);
      gs.onTheme(() => this.paint());
      gs.on((state, changed) => changed.includes("step") && this.paint());
      this.canvas.addEventListener("pointermove", (e) => this.hover(e));
      this.canvas.addEventListener("pointerleave", () => this.hover(null));
      this.canvas.addEventListener("click", (e) => {
        const near = this.near(e);
        if (near) gs.set({ step: near[0] });
      });
    }

    show(points) {
      this.points = points;
      const finite = points.filter((p) => p[1] !== null).map((p) => p[1]);
      this.low = Math.min(...finite);
      this.high = Math.max(...finite);
      this.finite = finite.length > 0;
      this.canvas.setAttribute("aria-label", this.finite
        ? `${this.name}, from ${this.say(this.low)} to ${this.say(this.high)} over steps ${points[0][0]} to ${points[points.length - 1][0]}`
        : `${this.name}: no numbers yet`);
      this.paint();
    }

    x(step) {
      const first = this.points[0][0], last = this.points[this.points.length - 1][0];
      return LEFT + (last > first ? (step - first) / (last - first) : 0.5) * (this.w - LEFT - RIGHT);
    }

    y(v) {
      const floor = this.h - FOOT;
      return this.high > this.low ? floor - ((v - this.low) / (this.high - this.low)) * (floor - TOP) : (floor + TOP) / 2;
    }

    paint() {
      if (!this.canvas.isConnected || this.canvas.offsetParent === null) return;
      const { width, height } = gs.sharpen(this.canvas);
      [this.w, this.h] = [width, height];
      const ctx = this.canvas.getContext("2d");
      ctx.clearRect(0, 0, width, height);
      if (!this.points.length || !this.finite || width < 100) return;
      this.axes(ctx);
      this.wild(ctx);
      ctx.strokeStyle = gs.color(this.colour);
      ctx.lineWidth = 1.5;
      ctx.lineJoin = "round";
      ctx.beginPath();
      let pen = false;
      for (const [step, v] of this.points) {
        if (v === null) pen = false;
        else {
          if (pen) ctx.lineTo(this.x(step), this.y(v));
          else ctx.moveTo(this.x(step), this.y(v));
          pen = true;
        }
      }
      ctx.stroke();
      this.marks(ctx);
    }

    axes(ctx) {
      const { w, h } = this, floor = h - FOOT;
      ctx.strokeStyle = gs.color("line");
      ctx.lineWidth = 1;
      ctx.beginPath();
      for (const y of [TOP, (TOP + floor) / 2, floor]) {
        ctx.moveTo(LEFT, Math.round(y) + 0.5);
        ctx.lineTo(w - RIGHT, Math.round(y) + 0.5);
      }
      ctx.stroke();
      ctx.font = gs.font.sans(11);
      ctx.fillStyle = gs.color("ink3");
      ctx.textBaseline = "middle";
      ctx.textAlign = "right";
      if (this.high > this.low) {
        ctx.fillText(this.say(this.high), LEFT - 6, TOP + 4);
        ctx.fillText(this.say(this.low), LEFT - 6, floor - 3);
      } else {
        ctx.fillText(this.say(this.low), LEFT - 6, (TOP + floor) / 2);
      }
      ctx.textBaseline = "alphabetic";
      ctx.textAlign = "left";
      const first = this.points[0][0], last = this.points[this.points.length - 1][0];
      ctx.fillText(`step ${first}`, LEFT, h - 5);
      if (last > first) {
        ctx.textAlign = "right";
        ctx.fillText(String(last), w - RIGHT, h - 5);
      }
      ctx.textAlign = "left";
    }

    /* Where the number is none the band is hatched: a line that just stops says nothing. */
    wild(ctx) {
      const from = this.points.findIndex((p) => p[1] !== null);
      for (let i = from + 1; i < this.points.length; i++) {
        if (this.points[i][1] !== null) continue;
        const start = i;
        while (i + 1 < this.points.length && this.points[i + 1][1] === null) i++;
        const a = this.x(this.points[start - 1][0]), b = this.x(this.points[Math.min(i + 1, this.points.length - 1)][0]);
        ctx.globalAlpha = 0.45;
        gs.marks.hatch(ctx, a + 1, TOP, Math.max(b - a - 1, 3), this.h - FOOT - TOP, gs.color("nonfinite"));
        ctx.globalAlpha = 1;
      }
    }

    marks(ctx) {
      const step = gs.state.step;
      if (step !== null && step >= this.points[0][0] && step <= this.points[this.points.length - 1][0]) {
        ctx.fillStyle = gs.color("ink");
        ctx.fillRect(Math.round(this.x(step)), TOP, 1, this.h - FOOT - TOP);
      }
      const at = this.hovered || this.points[this.points.length - 1];
      if (at[1] === null) return;
      ctx.fillStyle = gs.color(this.colour);
      ctx.beginPath();
      ctx.arc(this.x(at[0]), this.y(at[1]), 3, 0, 7);
      ctx.fill();
    }

    near(e) {
      if (!this.points.length || !this.w) return null;
      const px = e.clientX - this.canvas.getBoundingClientRect().left;
      let best = null, least = Infinity;
      for (const p of this.points) {
        const d = Math.abs(this.x(p[0]) - px);
        if (d < least) [best, least] = [p, d];
      }
      return best;
    }

    hover(e) {
      this.hovered = e && this.finite ? this.near(e) : null;
      gs.write(this.read, this.hovered ? `step ${this.hovered[0]} · ${this.hovered[1] === null ? "NaN" : this.say(this.hovered[1])}` : "");
      this.paint();
    }
  }

  gs.SmallChart = SmallChart;
})();
