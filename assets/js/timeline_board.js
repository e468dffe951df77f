/* A canvas with one axis: wheel zooms at the pointer, drag pans, shift-drag chooses a range.
 *
 *   new gs.Axis(canvas, { paint(ctx, axis), tap, double, hover, moved, range, key })
 *
 * The view is [a, b] in the units of the axis (ns of the run); x(t) and t(x) lead to the canvas and back. The
 * graph's gs.Board zooms both directions alike; time has only one, and its rows keep their height.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  gs.Axis = class {
    constructor(canvas, handlers) {
      Object.assign(this, { canvas, on: handlers, ctx: canvas.getContext("2d"), a: 0, b: 1, top: 0, tall: 0, left: 104, least: 40 });
      this.first = 0;
      this.last = 1;
      this.size = { width: 1, height: 1, dpr: 1 };
      new ResizeObserver(() => this.resized()).observe(canvas);
      gs.onTheme(() => this.request());
      this.listen();
    }

    resized() {
      this.size = gs.sharpen(this.canvas);
      this.left = (this.size.width < 640 ? 88 : 104) * (gs.type || 1); // projector mode has larger type
      if (this.on.resized) this.on.resized(this.size);
      this.paint();
    }

    get wide() {
      return Math.max(1, this.size.width - this.left - 8);
    }

    get scale() {
      return this.wide / (this.b - this.a);
    }

    x(t) {
      return this.left + (t - this.a) * this.scale;
    }

    t(x) {
      return this.a + (x - this.left) / this.scale;
    }

    request() {
      if (this.waiting) return;
      this.waiting = true;
      requestAnimationFrame((now) => {
        this.waiting = false;
        if (this.motion) this.motion(now);
        this.paint();
      });
    }

    paint() {
      const { ctx, size } = this;
      if (size.width < 2) return;
      ctx.setTransform(size.dpr, 0, 0, size.dpr, 0, 0);
      ctx.clearRect(0, 0, size.width, size.height);
      this.on.paint(ctx, this);
    }

    /* What can be seen at all; the view stays inside, with room at both sides. */
    bounds(first, last) {
      this.first = first;
      this.last = Math.max(last, first + this.least);
    }

    /* Looks at [a, b]; how: "calm" glides there in 250 ms. The reader's own moves end what is under way. */
    look(a, b, how) {
      const whole = (this.last - this.first) * 1.08;
      let span = Math.min(Math.max(b - a, this.least), Math.max(whole, this.least));
      let from = (a + b) / 2 - span / 2;
      from = Math.min(Math.max(from, this.first - span * 0.6), this.last - span * 0.4);
      const start = [this.a, this.b], goal = [from, from + span];
      this.motion = null;
      if (how === "calm" && !gs.still()) {
        let t0 = null;
        this.motion = (now) => {
          if (t0 === null) t0 = now;
          const t = Math.min(1, (now - t0) / 250), e = 1 - (1 - t) ** 3;
          [this.a, this.b] = start.map((v, i) => v + (goal[i] - v) * e);
          if (t < 1) this.request();
          else {
            this.motion = null;
            this.tell();
          }
        };
      } else {
        [this.a, this.b] = goal;
        this.tell();
      }
      this.request();
    }

    tell() {
      if (this.on.moved) this.on.moved();
    }

    zoom(factor, x) {
      const t = x === undefined ? (this.a + this.b) / 2 : this.t(x);
      this.own();
      this.look(t - (t - this.a) * factor, t + (this.b - t) * factor);
    }

    pan(share) {
      const d = (this.b - this.a) * share;
      this.own();
      this.look(this.a + d, this.b + d);
    }

    scroll(dy) {
      this.top = Math.max(0, Math.min(this.top + dy, this.tall - this.size.height));
      this.request();
    }

    /* The reader moved: the view is no longer the one that was chosen for a step. */
    own() {
      if (this.on.own) this.on.own();
    }

    place(e) {
      const box = this.canvas.getBoundingClientRect();
      return { x: e.clientX - box.left, y: e.clientY - box.top };
    }

    listen() {
      const { canvas } = this;
      let drag = null;
      canvas.addEventListener("pointerdown", (e) => {
        if (e.button > 1) return;
        const at = this.place(e);
        drag = { ...at, a: this.a, b: this.b, top: this.top, moved: false, range: e.shiftKey };
        canvas.setPointerCapture(e.pointerId);
      });
      canvas.addEventListener("pointermove", (e) => {
        const at = this.place(e);
        if (!drag) return this.on.hover && this.on.hover(at, e);
        const dx = at.x - drag.x, dy = at.y - drag.y;
        if (!drag.moved && Math.hypot(dx, dy) < 4) return; // a hand trembles
        if (!drag.moved && this.on.hover) this.on.hover(null);
        drag.moved = true;
        if (drag.range) return this.on.range && this.on.range(this.t(drag.x), this.t(at.x), false);
        canvas.classList.add("gs-dragging");
        const d = (-dx * (drag.b - drag.a)) / this.wide;
        this.own();
        this.top = Math.max(0, Math.min(drag.top - dy, this.tall - this.size.height));
        this.look(drag.a + d, drag.b + d);
      });
      const release = (e) => {
        const was = drag;
        drag = null;
        canvas.classList.remove("gs-dragging");
        if (!was || e.type !== "pointerup") return;
        const at = this.place(e);
        if (!was.moved) this.on.tap(at, e);
        else if (was.range && this.on.range) this.on.range(this.t(was.x), this.t(at.x), true);
      };
      canvas.addEventListener("pointerup", release);
      canvas.addEventListener("pointercancel", release);
      canvas.addEventListener("pointerleave", () => this.on.hover && this.on.hover(null));
      canvas.addEventListener("dblclick", (e) => this.on.double && this.on.double(this.place(e), e));
      canvas.addEventListener("wheel", (e) => {
        e.preventDefault();
        const unit = e.deltaMode === 1 ? 16 : e.deltaMode === 2 ? 400 : 1;
        const across = Math.abs(e.deltaX) > Math.abs(e.deltaY) || e.shiftKey;
        if (across) this.pan((((e.deltaX || e.deltaY) * unit) / this.wide));
        else this.zoom(Math.exp(e.deltaY * unit * (e.ctrlKey ? 0.01 : 0.0015)), this.place(e).x);
      }, { passive: false });
      canvas.addEventListener("keydown", (e) => {
        const dy = { ArrowUp: -40, ArrowDown: 40 }[e.key];
        if (!dy || e.ctrlKey || e.metaKey || e.altKey || this.tall <= this.size.height) return;
        e.preventDefault();
        e.stopPropagation();
        this.scroll(dy);
      });
    }
  };

  const STEPS = [1, 2, 5];
  /* Ticks of a ruler: at most one per 90 px, round in the unit that fits; label(t) without the unit. */
  gs.ticks = function (a, b, wide, origin) {
    const rough = ((b - a) * 90) / wide, power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
    const each = power * (STEPS.find((s) => s * power >= rough) || 10);
    const far = Math.max(Math.abs(a - origin), Math.abs(b - origin), 1);
    const [unit, size] = [["s", 1e9], ["ms", 1e6], ["\u00b5s", 1e3], ["ns", 1]].find(([, n]) => far >= n * 2 || n === 1);
    const digits = Math.max(0, Math.ceil(Math.log10(size / each) - 1e-9));
    const at = [];
    for (let k = Math.ceil((a - origin) / each); origin + k * each <= b && at.length < 200; k++) at.push(origin + k * each);
    const label = (t) => ((t - origin) / size).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "\u2212");
    return { at, unit, label };
  };
})();
