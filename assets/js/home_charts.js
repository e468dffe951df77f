/* Two small charts of the Overview, loss and seconds a step: a click goes to that step. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const RIGHT = 8, TOP = 10;

  class SmallChart {
    constructor(box, { colour, say, name, clip }) {
      Object.assign(this, { colour, say, name, clip });
      this.points = [];
      this.soon = gs.nextFrame(() => this.paint());
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
      const finite = points.filter((p) => typeof p[1] === "number").map((p) => p[1]);
      this.low = Math.min(...finite);
      this.high = Math.max(...finite);
      this.finite = finite.length > 0;
      this.top = this.high;
      if (this.clip && finite.length > 9) {
        // One step that took forty times as long would flatten all others: it is cut, and that is shown.
        const usual = finite.slice().sort((a, b) => a - b)[Math.floor(finite.length * 0.95)];
        if (this.high > 3 * usual) this.top = 1.5 * usual;
      }
      this.canvas.setAttribute("aria-label", this.finite
        ? `${this.name}, from ${this.say(this.low)} to ${this.say(this.high)} over steps ${points[0][0]} to ${points[points.length - 1][0]}`
        : `${this.name}: no numbers yet`);
      this.soon();
    }

    x(step) {
      const first = this.points[0][0], last = this.points[this.points.length - 1][0];
      return this.left + (last > first ? (step - first) / (last - first) : 0.5) * (this.w - this.left - RIGHT);
    }

    y(v) {
      const floor = this.h - this.foot;
      if (this.top <= this.low) return (floor + TOP) / 2;
      return floor - ((Math.min(v, this.top) - this.low) / (this.top - this.low)) * (floor - TOP);
    }

    paint() {
      if (!gs.onScreen(this.canvas)) return;
      const { width, height } = gs.sharpen(this.canvas);
      [this.w, this.h] = [width, height];
      const ctx = this.canvas.getContext("2d");
      ctx.clearRect(0, 0, width, height);
      if (!this.points.length || !this.finite || width < 100) return;
      ctx.font = gs.font.sans(11);
      this.left = Math.ceil(Math.max(...[this.low, this.top].map((v) => ctx.measureText(this.say(v)).width))) + 14;
      this.foot = 20 * (gs.type || 1);
      this.axes(ctx);
      this.wild(ctx);
      ctx.strokeStyle = gs.color(this.colour);
      ctx.lineWidth = 1.5;
      ctx.lineJoin = "round";
      ctx.beginPath();
      let pen = false;
      for (const [step, v] of this.points) {
        if (typeof v !== "number") pen = false;
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
      const { w, h } = this, floor = h - this.foot;
      ctx.strokeStyle = gs.color("line");
      ctx.lineWidth = 1;
      ctx.beginPath();
      for (const y of [TOP, (TOP + floor) / 2, floor]) {
        ctx.moveTo(this.left, Math.round(y) + 0.5);
        ctx.lineTo(w - RIGHT, Math.round(y) + 0.5);
      }
      ctx.stroke();
      ctx.font = gs.font.sans(11);
      ctx.fillStyle = gs.color("ink3");
      ctx.textBaseline = "middle";
      ctx.textAlign = "right";
      if (this.top > this.low) {
        ctx.fillText(this.say(this.top), this.left - 9, TOP + 4); // clear of the triangle of a peak that is cut in the first step
        ctx.fillText(this.say(this.low), this.left - 9, floor - 3);
      } else {
        ctx.fillText(this.say(this.low), this.left - 9, (TOP + floor) / 2);
      }
      ctx.textBaseline = "alphabetic";
      ctx.textAlign = "left";
      const first = this.points[0][0], last = this.points[this.points.length - 1][0];
      ctx.fillText(`step ${gs.units.count(first)}`, this.left, h - 5);
      if (last > first) {
        ctx.textAlign = "right";
        ctx.fillText(gs.units.count(last), w - RIGHT, h - 5);
      }
      ctx.textAlign = "left";
    }

    /* Where the number is none the band is hatched: a line that just stops says nothing. */
    wild(ctx) {
      const from = this.points.findIndex((p) => typeof p[1] === "number");
      for (let i = from + 1; i < this.points.length; i++) {
        if (this.points[i][1] !== null) continue;
        const start = i;
        while (i + 1 < this.points.length && this.points[i + 1][1] === null) i++;
        const a = this.x(this.points[start - 1][0]), b = this.x(this.points[Math.min(i + 1, this.points.length - 1)][0]);
        ctx.globalAlpha = 0.45;
        gs.marks.hatch(ctx, a + 1, TOP, Math.max(b - a - 1, 3), this.h - this.foot - TOP, gs.color("nonfinite"));
        ctx.globalAlpha = 1;
      }
    }

    marks(ctx) {
      // Cut peaks are triangles at the top, the largest with its number.
      if (this.top < this.high) {
        let named = null;
        ctx.fillStyle = gs.color(this.colour);
        for (const [step, v] of this.points) {
          if (typeof v !== "number" || v <= this.top) continue;
          const x = this.x(step);
          ctx.beginPath();
          ctx.moveTo(x - 4, TOP + 5);
          ctx.lineTo(x + 4, TOP + 5);
          ctx.lineTo(x, TOP - 3);
          ctx.fill();
          if (v === this.high) {
            const right = x + 90 < this.w;
            named = [this.say(v), x + (right ? 8 : -8), right];
          }
        }
        if (named) {
          // On a ground of its own: the next cut peak may be beside it.
          const [text, x, right] = named, w = ctx.measureText(text).width;
          ctx.fillStyle = gs.color("surface");
          ctx.fillRect(right ? x - 2 : x - w - 2, TOP - 4, w + 4, 14 * (gs.type || 1));
          ctx.fillStyle = gs.color("ink2");
          ctx.textBaseline = "middle";
          ctx.textAlign = right ? "left" : "right";
          ctx.fillText(text, x, TOP + 4);
          ctx.textAlign = "left";
        }
      }
      const step = gs.state.step;
      if (step !== null && step >= this.points[0][0] && step <= this.points[this.points.length - 1][0]) {
        ctx.fillStyle = gs.color("ink");
        ctx.fillRect(Math.round(this.x(step)), TOP, 1, this.h - this.foot - TOP);
      }
      const at = this.hovered || this.points[this.points.length - 1];
      if (typeof at[1] !== "number") return;
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
      gs.write(this.read, this.hovered ? `step ${gs.units.count(this.hovered[0])} · ${this.hovered[1] === null ? "not finite" : this.hovered[1] === false ? "no loss" : this.say(this.hovered[1])}` : "");
      this.paint();
    }
  }

  gs.SmallChart = SmallChart;
})();
