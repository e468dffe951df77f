/* The bytes alive over one step, stacked by category, with the peak and a cursor; and over the run, per step.
 *
 * Memory is exact: it changes where an op makes or frees a buffer, so the areas are stairs and never slopes.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const LEFT = 76, RIGHT = 16, FOOT = 44, HEAD = 22;
  // Seven hues that stay apart for colour-blind eyes, and two greys for what is nobody's.
  const COLOURS = {
    parameter: "family-other", "optimizer state": "family-reduce", buffer: "phase-data", input: "family-data", other: "phase-idle",
    "saved for backward": "family-linalg", activation: "family-pointwise", gradient: "family-loss", temporary: "family-shape",
  };
  gs.memoryColour = (category) => COLOURS[category] || "phase-idle";

  /* Round sizes up to a maximum, at most five, in one unit. */
  gs.byteTicks = function (most) {
    const unit = gs.units.unit([most], "bytes"), size = { GiB: 2 ** 30, MiB: 2 ** 20, KiB: 1024, B: 1 }[unit];
    const rough = most / size / 4, power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-3)));
    const each = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough) || rough;
    const at = [];
    for (let v = 0; v <= (most / size) * 1.001 && at.length < 8; v += each) at.push(v);
    const digits = Math.max(0, Math.min(3, String(each).split(".")[1] ? String(each).split(".")[1].length : 0));
    return at.map((v) => [v * size, `${v.toLocaleString("en-US", { maximumFractionDigits: digits })} ${unit}`]);
  };

  gs.MemoryChart = class {
    constructor(canvas, handlers) {
      Object.assign(this, { canvas, on: handlers, data: null, cursor: 0, hovered: null });
      new ResizeObserver(() => this.paint()).observe(canvas);
      gs.onTheme(() => this.paint());
      const at = (e) => this.moment(e.clientX - canvas.getBoundingClientRect().left);
      canvas.addEventListener("pointermove", (e) => {
        // Where the page moves under a pointer that rests, the browser says that the pointer moved.
        if (this.x === e.clientX && this.y === e.clientY) return;
        [this.x, this.y] = [e.clientX, e.clientY];
        this.hover(at(e));
      });
      canvas.addEventListener("pointerleave", () => {
        this.x = this.y = null;
        this.hover(null);
      });
      canvas.addEventListener("click", (e) => this.data && this.on.pick(at(e)));
    }

    show(data) {
      const was = this.data;
      this.data = data;
      this.total = data.at.map((_, i) => data.stacks.reduce((sum, [, column]) => sum + column[i], 0));
      this.most = Math.max(1, ...this.total);
      const keep = was && was.ops === data.ops && this.pinned;
      const peak = data.node.indexOf(data.peak);
      this.cursor = keep ? Math.min(this.cursor, data.at.length - 1) : Math.max(peak, 0);
      this.pinned = keep;
      this.peak = peak;
      this.paint();
    }

    hover(i) {
      if (!this.data || i === this.hovered) return;
      this.hovered = i;
      this.on.hover(i === null ? this.cursor : i);
      this.paint();
    }

    /* A key or a click is newer than the pointer: what it says holds until the pointer moves. */
    go(i) {
      this.hovered = null;
      this.cursor = Math.min(Math.max(i, 0), this.data.at.length - 1);
      this.pinned = this.cursor !== this.peak;
      this.paint();
    }

    /* The op that runs at a place: the last that began before it. */
    moment(x) {
      if (!this.data) return null;
      const t = ((x - LEFT) / (this.width - LEFT - RIGHT)) * this.data.wall, { at } = this.data;
      let a = 0, b = at.length;
      while (a < b) {
        const m = (a + b) >> 1;
        if (at[m] <= t) a = m + 1;
        else b = m;
      }
      return Math.max(0, a - 1);
    }

    paint() {
      const { canvas, data } = this, { width, height } = gs.sharpen(canvas);
      this.width = width;
      const ctx = canvas.getContext("2d");
      ctx.clearRect(0, 0, width, height);
      if (!data || width < 120) return;
      const X = (t) => LEFT + (t / data.wall) * (width - LEFT - RIGHT), foot = height - FOOT;
      const Y = (v) => foot - (v / (this.most * 1.04)) * (foot - HEAD);
      ctx.font = gs.font.sans(11);
      ctx.textBaseline = "middle";
      for (const [v, text] of gs.byteTicks(this.most)) {
        ctx.fillStyle = gs.color("line");
        ctx.fillRect(LEFT, Math.round(Y(v)), width - LEFT - RIGHT, 1);
        ctx.fillStyle = gs.color("ink2");
        ctx.textAlign = "right";
        ctx.fillText(text, LEFT - 8, Y(v));
      }
      this.areas(ctx, X, Y);
      this.phases(ctx, X, foot);
      this.marks(ctx, X, Y, foot);
    }

    areas(ctx, X, Y) {
      const { at, stacks, wall } = this.data, n = at.length, low = new Float64Array(n), high = new Float64Array(n);
      const gap = gs.color("surface");
      for (const [name, column] of stacks) {
        for (let i = 0; i < n; i++) high[i] = low[i] + column[i];
        const top = new Path2D(), area = new Path2D();
        const stairs = (path, edge) => {
          path.moveTo(X(0), Y(edge[0]));
          for (let i = 1; i < n; i++) {
            path.lineTo(X(at[i]), Y(edge[i - 1]));
            path.lineTo(X(at[i]), Y(edge[i]));
          }
          path.lineTo(X(wall), Y(edge[n - 1]));
        };
        stairs(top, high);
        stairs(area, high);
        area.lineTo(X(wall), Y(low[n - 1]));
        for (let i = n - 1; i > 0; i--) {
          area.lineTo(X(at[i]), Y(low[i]));
          area.lineTo(X(at[i]), Y(low[i - 1]));
        }
        area.lineTo(X(0), Y(low[0]));
        ctx.fillStyle = gs.color(gs.memoryColour(name));
        ctx.fill(area);
        ctx.strokeStyle = gap;
        ctx.lineWidth = 1;
        ctx.stroke(top);
        low.set(high);
      }
    }

    phases(ctx, X, foot) {
      const { phases, wall } = this.data;
      ctx.font = gs.font.sans(11);
      ctx.textAlign = "center";
      for (const [name, begin, end] of phases) {
        const x0 = X(begin), w = Math.max(X(end) - x0 - 1, 0.7), colour = gs.color(`phase-${name}`);
        ctx.fillStyle = colour;
        ctx.fillRect(x0, foot + 4, w, 14);
        if (gs.marks.width(ctx, name) + 8 < w) {
          ctx.fillStyle = gs.inkOn(colour);
          ctx.fillText(name, x0 + w / 2, foot + 11.5);
        }
      }
      ctx.fillStyle = gs.color("ink2");
      const ticks = gs.ticks(0, wall, this.width - LEFT - RIGHT, 0);
      for (const t of ticks.at) ctx.fillText(`${ticks.label(t)} ${ticks.unit}`, Math.min(X(t), this.width - 28), foot + 30);
    }

    marks(ctx, X, Y, foot) {
      const { at } = this.data, i = this.hovered === null ? this.cursor : this.hovered;
      const x = X(at[i]), next = X(i + 1 < at.length ? at[i + 1] : this.data.wall);
      ctx.fillStyle = gs.color("ink");
      ctx.globalAlpha = 0.1;
      ctx.fillRect(x, HEAD, Math.max(next - x, 1), foot - HEAD);
      ctx.globalAlpha = 1;
      ctx.fillRect(x - 0.75, HEAD - 4, 1.5, foot - HEAD + 4);
      if (this.peak < 0) return;
      const px = X(at[this.peak]), py = Y(this.total[this.peak]), text = `peak ${gs.units.bytes(this.data.peak_bytes)}`;
      ctx.beginPath();
      ctx.arc(px, py, 4, 0, 7);
      ctx.fillStyle = gs.color("surface");
      ctx.fill();
      ctx.strokeStyle = gs.color("ink");
      ctx.lineWidth = 2;
      ctx.stroke();
      ctx.font = gs.font.sans(12, 600);
      const w = gs.marks.width(ctx, text), right = px + 10 + w < this.width - RIGHT;
      ctx.textAlign = right ? "left" : "right";
      ctx.fillStyle = gs.color("ink");
      ctx.fillText(text, right ? px + 8 : px - 8, 10);
    }
  };

  /* The run: at most and at the beginning of every step. A click goes to the step. */
  gs.MemoryRun = class {
    constructor(canvas, tip) {
      Object.assign(this, { canvas, tip, data: null });
      new ResizeObserver(() => this.paint()).observe(canvas);
      gs.onTheme(() => this.paint());
      canvas.addEventListener("pointermove", (e) => this.hover(this.at(e)));
      canvas.addEventListener("pointerleave", () => this.hover(null));
      canvas.addEventListener("click", (e) => {
        const i = this.at(e);
        if (i !== null) gs.set({ step: this.data.num[i] });
      });
    }

    show(data) {
      this.data = data;
      this.paint();
    }

    at(e) {
      const n = this.data ? this.data.num.length : 0;
      if (!n) return null;
      const x = e.clientX - this.canvas.getBoundingClientRect().left;
      return Math.min(Math.max(Math.floor(((x - LEFT) / (this.width - LEFT - RIGHT)) * n), 0), n - 1);
    }

    hover(i) {
      this.here = i;
      const d = this.data;
      const parts = !d || i === null ? [] : (d.stacks || []).filter(([, column]) => column[i]).map(([name, column]) => `${name} ${gs.units.bytes(column[i])}`);
      this.tip.textContent = i === null || !d ? "" : `step ${gs.units.count(d.num[i])}${d.last[i] > d.num[i] ? `\u2013${gs.units.count(d.last[i])}` : ""}: ${gs.units.bytes(d.peak[i])} at most, ${gs.units.bytes(d.live[i])} when it began${parts.length ? `: ${parts.join(", ")}` : ""}`;
      this.paint();
    }

    paint() {
      const { canvas, data } = this, { width, height } = gs.sharpen(canvas);
      this.width = width;
      const ctx = canvas.getContext("2d");
      ctx.clearRect(0, 0, width, height);
      const n = data ? data.num.length : 0;
      if (!n || width < 120) return;
      const foot = height - 22, most = Math.max(1, ...data.peak);
      const X = (i) => LEFT + (i / n) * (width - LEFT - RIGHT), Y = (v) => foot - (v / (most * 1.04)) * (foot - 8);
      ctx.font = gs.font.sans(11);
      ctx.textBaseline = "middle";
      for (const [v, text] of gs.byteTicks(most)) {
        ctx.fillStyle = gs.color("line");
        ctx.fillRect(LEFT, Math.round(Y(v)), width - LEFT - RIGHT, 1);
        ctx.fillStyle = gs.color("ink2");
        ctx.textAlign = "right";
        ctx.fillText(text, LEFT - 8, Y(v));
      }
      const edge = (column) => {
        const line = new Path2D();
        column.forEach((v, i) => {
          if (i) line.lineTo(X(i), Y(v));
          else line.moveTo(X(0), Y(v));
          line.lineTo(X(i + 1), Y(v));
        });
        return line;
      };
      const area = (column, colour) => {
        const shape = edge(column);
        shape.lineTo(X(n), foot);
        shape.lineTo(X(0), foot);
        ctx.fillStyle = colour;
        ctx.fill(shape);
      };
      const drawn = (column, colour) => {
        ctx.strokeStyle = gs.color(colour);
        ctx.lineWidth = 1.5;
        ctx.stroke(edge(column));
      };
      area(data.peak, gs.mix(gs.color("surface"), gs.color("memory-4"), 0.16));
      if ((data.stacks || []).length) {
        // From the top down: each is painted over the one above it.
        const below = data.live.slice();
        for (const [name, column] of data.stacks.slice().reverse()) {
          area(below, gs.color(gs.memoryColour(name)));
          column.forEach((v, i) => (below[i] -= v));
        }
      } else {
        area(data.live, gs.mix(gs.color("surface"), gs.color("memory-2"), 0.3));
        drawn(data.live, "memory-2");
      }
      drawn(data.peak, "memory-4");
      const step = gs.state.step === null ? data.last[n - 1] : gs.state.step;
      const now = data.last.findIndex((last) => last >= step);
      ctx.fillStyle = gs.color("ink");
      if (now >= 0) ctx.fillRect(X(now + 0.5) - 0.75, 4, 1.5, foot - 4);
      ctx.fillStyle = gs.color("focus");
      if (this.here !== null && this.here !== undefined) ctx.fillRect(X(this.here + 0.5) - 0.5, 4, 1, foot - 4);
      ctx.fillStyle = gs.color("ink2");
      ctx.textAlign = "left";
      ctx.fillText(`step ${gs.units.count(data.num[0])}`, LEFT, foot + 12);
      ctx.textAlign = "right";
      if (n > 1) ctx.fillText(`step ${gs.units.count(data.last[n - 1])}`, width - RIGHT, foot + 12);
    }
  };
})();
