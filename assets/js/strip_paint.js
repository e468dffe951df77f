/* How the step strip is painted: loss, hatched where it is no number, health cells, marks, playhead. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const PAD = 12;
  // Fine, note, warning, error, not finite, failed: colour and height say the same thing.
  const COLOURS = ["line", "focus", "state-paused", "state-failed", "nonfinite", "state-failed"];
  const TALL = [3, 3, 6, 10, 10, 10];

  /* px kept free above the curve for labels and below it for cells, in the reader's type. */
  const top = () => 22 * (gs.type || 1);
  const floor = (height) => height - 18 * (gs.type || 1);

  class Picture {
    /* standing: where a paused program stands, in the step behind the last: {step, i, n}. */
    constructor(data, width, height, standing) {
      Object.assign(this, { data, width, height, standing });
      this.last = standing ? standing.step : data.last;
      const finite = data.points.filter((p) => typeof p[1] === "number").map((p) => p[1]);
      this.any = finite.length > 0;
      this.low = Math.min(...finite);
      this.high = Math.max(...finite);
    }

    /* Every step owns an equal part of the width and stands in its middle, as its cell does. */
    x(step) {
      const { first } = this.data, { last } = this;
      return PAD + ((step - first + 0.5) / (last - first + 1)) * (this.width - 2 * PAD);
    }

    stepAt(x) {
      const { first } = this.data, { last } = this;
      return first + ((x - PAD) / (this.width - 2 * PAD)) * (last - first + 1) - 0.5;
    }

    y(loss) {
      const f = floor(this.height), t = top();
      return f - (this.high > this.low ? ((loss - this.low) / (this.high - this.low)) * (f - t) : (f - t) / 2);
    }

    /* px that the cells share: all but the place of the step that is not over. */
    room() {
      const { first, last } = this.data;
      return ((this.width - 2 * PAD) * (last - first + 1)) / (this.last - first + 1);
    }

    cellAt(x) {
      const { cells } = this.data;
      return cells[Math.floor(((x - PAD) / this.room()) * cells.length)];
    }

    eventAt(x) {
      return this.data.events.find((e) => Math.abs(this.x(e.step) - x) < 6);
    }

    /* Loss of the kept point at or nearest before a step: null not finite, false none, undefined none at all. */
    lossAt(step) {
      const { points } = this.data;
      let a = 0, b = points.length - 1;
      if (b < 0 || !this.any) return undefined;
      while (a < b) {
        const m = (a + b + 1) >> 1;
        if (points[m][0] <= step) a = m;
        else b = m - 1;
      }
      return points[a][1];
    }

    /* "251 · 2.44". A long run is drawn by its extremes: between two of them the number is the neighbour's. */
    words(step) {
      const at = this.standing;
      if (at && step === at.step) return `${gs.units.count(step)} \u00b7 op ${at.i + 1}${at.n ? ` of ${at.n}` : ""}`;
      const loss = this.lossAt(step);
      const near = this.data.points.some((p) => p[0] === step) ? "" : "≈ ";
      return `${gs.units.count(step)} · ${loss === undefined || loss === false ? "—" : loss === null ? "not finite" : near + gs.number(loss, 4)}`;
    }

    paint(ctx, now, hover, paused) {
      this.thinned(ctx);
      this.curve(ctx);
      this.cells(ctx);
      this.events(ctx);
      if (hover !== null && hover !== now) this.ghost(ctx, hover);
      if (this.standing && now !== this.standing.step) {
        ctx.fillStyle = gs.color("state-paused");
        ctx.fillRect(Math.round(this.x(this.standing.step)), 4, 1.5, this.height - 6);
      }
      this.playhead(ctx, now, paused);
    }

    curve(ctx) {
      const { points } = this.data;
      if (!this.any) {
        ctx.font = gs.font.sans(11);
        ctx.fillStyle = gs.color("ink3");
        ctx.textBaseline = "middle";
        ctx.textAlign = "left";
        ctx.fillText(points.some((p) => p[1] === null) ? "no finite loss: it is read where backward() starts" : "no loss yet: it is read where backward() starts", PAD, this.height / 2 - 4);
        return;
      }
      // Where the loss is not a number the band is hatched: the line must not run on over it.
      this.wild(ctx);
      ctx.strokeStyle = gs.color("value");
      ctx.lineWidth = 1.5;
      ctx.lineJoin = "round";
      ctx.beginPath();
      let pen = false;
      for (const [step, loss] of points) {
        if (typeof loss !== "number") pen = false;
        else {
          if (pen) ctx.lineTo(this.x(step), this.y(loss));
          else ctx.moveTo(this.x(step), this.y(loss));
          pen = true;
        }
      }
      ctx.stroke();
    }

    /* Where the run was thinned to keep its file small: a ground of dots, and the word. */
    thinned(ctx) {
      const told = this.data.thinned, k = gs.type || 1;
      if (!told || told.before === null || told.before <= this.data.first) return;
      const end = Math.min(this.x(told.before - 1), this.width - PAD), t = top(), f = floor(this.height);
      ctx.fillStyle = gs.color("line");
      for (let x = PAD; x < end; x += 6 * k) for (let y = t; y < f; y += 6 * k) ctx.fillRect(x, y, k, k);
      ctx.font = gs.font.sans(11);
      const room = ctx.measureText("thinned").width;
      if (end - PAD < room + 12) return;
      ctx.fillStyle = gs.color("ink3");
      ctx.textAlign = "left";
      ctx.textBaseline = "middle";
      ctx.fillText("thinned", PAD, 3 + 9 * k);
    }

    wild(ctx) {
      const { points } = this.data, t = top(), f = floor(this.height);
      const half = (this.x(this.data.first + 1) - this.x(this.data.first)) / 2;
      let label = null;
      for (let i = points.findIndex((p) => typeof p[1] === "number") + 1; i < points.length; i++) {
        if (points[i][1] !== null) continue;
        const start = i;
        while (i + 1 < points.length && points[i + 1][1] === null) i++;
        const from = this.x(points[start][0]) - half, to = this.x(points[i][0]) + half;
        ctx.globalAlpha = 0.45;
        gs.marks.hatch(ctx, from, t, Math.max(to - from, 2), f - t, gs.color("nonfinite"));
        ctx.globalAlpha = 1;
        label = label || [`no finite loss from step ${gs.units.count(points[start][0])}`, from + 6];
      }
      if (!label) return;
      ctx.font = gs.font.sans(11, 600);
      ctx.textAlign = "left";
      ctx.textBaseline = "middle";
      const w = ctx.measureText(label[0]).width + 8, h = 16 * (gs.type || 1), mid = (t + f) / 2;
      const x = Math.max(PAD, Math.min(label[1], this.width - w - PAD));
      ctx.fillStyle = gs.color("surface");
      ctx.fillRect(x - 4, mid - h / 2, w, h);
      ctx.fillStyle = gs.color("nonfinite");
      ctx.fillText(label[0], x, mid);
    }

    cells(ctx) {
      const { cells } = this.data, each = this.room() / cells.length, k = gs.type || 1;
      const gap = each > 4 ? 1.5 : each > 2 ? 0.5 : 0;
      cells.forEach(([, , severity], i) => {
        const tall = TALL[severity] * k, x = PAD + i * each, w = Math.max(each - gap, severity ? 1.5 : 0.8);
        if (severity === 4) return gs.marks.hatch(ctx, x, this.height - 4 - tall, w, tall, gs.color("nonfinite"), 0.4);
        ctx.fillStyle = gs.color(COLOURS[severity]);
        ctx.fillRect(x, this.height - 4 - tall, w, tall);
      });
    }

    /* What was done to the run: a small flag at the top; a diamond where the graph became another one. */
    events(ctx) {
      for (const e of this.data.events) {
        const x = this.x(e.step);
        ctx.fillStyle = gs.color(e.kind === "graph" ? "ink3" : "state-paused");
        ctx.globalAlpha = 0.5;
        ctx.fillRect(Math.round(x), 10, 1, floor(this.height) - 10);
        ctx.globalAlpha = 1;
        ctx.beginPath();
        if (e.kind === "graph") {
          ctx.moveTo(x, 3);
          ctx.lineTo(x + 4, 7);
          ctx.lineTo(x, 11);
          ctx.lineTo(x - 4, 7);
        } else {
          ctx.moveTo(x, 3);
          ctx.lineTo(x + 8, 6.5);
          ctx.lineTo(x, 10);
        }
        ctx.fill();
      }
    }

    ghost(ctx, step) {
      const x = Math.round(this.x(step)) + 0.5;
      ctx.fillStyle = gs.color("ink3");
      ctx.fillRect(x - 0.5, 4, 1, this.height - 6);
      this.label(ctx, x, this.words(step), gs.color("ink2"));
    }

    playhead(ctx, step, paused) {
      const x = Math.round(this.x(step)) + 0.5, loss = this.standing && step === this.standing.step ? null : this.lossAt(step);
      const colour = gs.color(paused ? "state-paused" : "ink");
      ctx.fillStyle = colour;
      ctx.fillRect(x - 0.75, 4, 1.5, this.height - 6);
      if (typeof loss === "number") {
        ctx.fillStyle = gs.color("value");
        ctx.beginPath();
        ctx.arc(x, this.y(loss), 3, 0, 7);
        ctx.fill();
      }
      this.label(ctx, x, this.words(step), colour);
    }

    label(ctx, x, text, colour) {
      const k = gs.type || 1;
      ctx.font = gs.font.mono(11);
      const w = ctx.measureText(text).width + 16 * k;
      const left = x + 6 + w > this.width ? x - 6 - w : x + 6;
      ctx.fillStyle = colour;
      ctx.beginPath();
      ctx.roundRect(left, 3, w, 17 * k, 4);
      ctx.fill();
      ctx.fillStyle = gs.color("surface");
      ctx.textAlign = "left";
      ctx.textBaseline = "middle";
      ctx.fillText(text, left + 8 * k, 3 + 9 * k);
    }
  }

  gs.StripPicture = Picture;
  gs.stripCells = (height) => height - 20 * (gs.type || 1); // below this line a click means a cell
})();
