/* One canvas for every picture that is panned and zoomed: graph, timeline, memory.
 *
 *   const board = new gs.Board(canvas, { paint(ctx, board), tap(world, event), hover(world), ... })
 *
 * World coordinates are in CSS pixels at zoom 1; board.view = {x, y, k} maps them to the screen:
 * screen = world * k + (x, y). Painting is always one frame away (board.request()), never nested.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  /* True when the reader asked the system for less motion: every animation then takes 0 ms. */
  gs.still = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  /* Calls found(element) once for every element that matches, now or when the page adds it later. */
  const wanted = []; // {selector, found, seen}
  function look({ selector, found, seen }) {
    for (const el of document.querySelectorAll(selector)) {
      if (seen.has(el)) continue;
      seen.add(el);
      // A page that fails must not stop the pages after it; it is an error all the same, and tests see it.
      try {
        found(el);
      } catch (error) {
        console.error(`mounting ${selector} failed:`, error);
      }
    }
  }
  gs.mount = gs.mount || function (selector, found) {
    const one = { selector, found, seen: new WeakSet() };
    wanted.push(one);
    setTimeout(() => look(one)); // after the scripts that come later in the page
  };
  // One for all: a live page changes its text many times a second, and text never holds what is wanted.
  new MutationObserver((all) => {
    if (!wanted.length) return;
    const any = wanted.map((one) => one.selector).join(",");
    const holds = (node) => node.nodeType === 1 && (node.matches(any) || (node.firstElementChild && node.querySelector(any)));
    if (all.some((change) => [...change.addedNodes].some(holds))) wanted.forEach(look);
  }).observe(document.documentElement, { childList: true, subtree: true });

  /* A DOM element with text children only: names out of a trace can never become markup here. */
  gs.el = function (tag, attributes, ...children) {
    const el = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
      else el.setAttribute(key, value === true ? "" : value);
    }
    for (const child of children.flat()) {
      if (child !== null && child !== undefined) {
        el.append(child instanceof Node ? child : document.createTextNode(String(child)));
      }
    }
    return el;
  };

  /* Theme colours from the CSS variables, read once per theme: gs.color("ink") is --gs-ink. */
  let cache = {};
  const themed = [];
  gs.color = function (name, fallback) {
    if (!(name in cache)) {
      const root = document.querySelector("[data-gs-theme]") || document.documentElement;
      cache[name] = getComputedStyle(root).getPropertyValue("--gs-" + name).trim();
    }
    return cache[name] || fallback || "#888888";
  };
  gs.onTheme = (fn) => themed.push(fn);
  function themeChanged() {
    cache = {};
    for (const fn of themed) fn();
  }
  new MutationObserver(themeChanged).observe(document.documentElement, {
    attributes: true,
    attributeFilter: ["class", "data-theme", "data-gs-theme", "data-mantine-color-scheme", "style"],
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themeChanged);

  gs.font = {
    sans: (px, weight) => `${weight || 400} ${px * (gs.type || 1)}px ${gs.color("sans", "system-ui, sans-serif")}`,
    mono: (px) => `${px * (gs.type || 1)}px ${gs.color("mono", "ui-monospace, Menlo, Consolas, monospace")}`,
  };

  /* Sizes the canvas to its box in device pixels; returns its size in CSS pixels. */
  gs.sharpen = function (canvas) {
    const box = canvas.getBoundingClientRect();
    const dpr = Math.min(window.devicePixelRatio || 1, 3);
    const w = Math.max(1, Math.round(box.width * dpr));
    const h = Math.max(1, Math.round(box.height * dpr));
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w;
      canvas.height = h;
    }
    canvas.getContext("2d").setTransform(dpr, 0, 0, dpr, 0, 0);
    return { width: box.width, height: box.height, dpr };
  };

  const EASE = (t) => 1 - (1 - t) ** 3;

  gs.Board = class {
    constructor(canvas, handlers) {
      this.canvas = canvas;
      this.on = handlers;
      this.ctx = canvas.getContext("2d");
      this.view = { x: 0, y: 0, k: 1 };
      this.limits = handlers.limits || [0.02, 4];
      this.size = { width: 1, height: 1, dpr: 1 };
      this.waiting = false;
      this.motion = null;
      new ResizeObserver(() => this.resized()).observe(canvas);
      gs.onTheme(() => this.request());
      this.listen();
      this.resized();
    }

    resized() {
      this.size = gs.sharpen(this.canvas);
      if (this.on.resized) this.on.resized(this.size);
      this.paint(); // at once: a resized canvas is empty until it is painted
    }

    request() {
      if (this.waiting) return;
      this.waiting = true;
      requestAnimationFrame((now) => {
        this.waiting = false;
        this.step(now);
        this.paint();
      });
    }

    paint() {
      const { ctx, size, view } = this;
      ctx.setTransform(size.dpr, 0, 0, size.dpr, 0, 0);
      ctx.clearRect(0, 0, size.width, size.height);
      ctx.translate(view.x, view.y);
      ctx.scale(view.k, view.k);
      this.on.paint(ctx, this);
    }

    /* Runs change(t) with t from 0 to 1, eased; a new motion replaces the running one. */
    animate(ms, change) {
      if (this.motion) this.motion.change(1);
      this.motion = null;
      if (gs.still() || ms <= 0) {
        change(1);
        this.request();
        return;
      }
      this.motion = { start: null, ms, change };
      change(0);
      this.request();
    }

    step(now) {
      const motion = this.motion;
      if (!motion) return;
      if (motion.start === null) motion.start = now;
      const t = Math.min(1, (now - motion.start) / motion.ms);
      motion.change(EASE(t));
      if (t < 1) this.request();
      else if (this.motion === motion) this.motion = null;
    }

    /* Glides so that the world rectangle's centre stands in the middle, at zoom k. */
    goTo(cx, cy, k, ms) {
      const from = { ...this.view };
      const to = { k, x: this.size.width / 2 - cx * k, y: this.size.height / 2 - cy * k };
      this.animate(ms, (t) => {
        for (const key of ["x", "y", "k"]) this.view[key] = from[key] + (to[key] - from[key]) * t;
      });
    }

    world(event) {
      const box = this.canvas.getBoundingClientRect();
      const { x, y, k } = this.view;
      return { x: (event.clientX - box.left - x) / k, y: (event.clientY - box.top - y) / k };
    }

    /* The part of the world that is on screen: [x0, y0, x1, y1]. */
    window() {
      const { x, y, k } = this.view;
      return [-x / k, -y / k, (this.size.width - x) / k, (this.size.height - y) / k];
    }

    zoomAt(px, py, factor) {
      const { view, limits } = this;
      const k = Math.min(limits[1], Math.max(limits[0], view.k * factor));
      view.x = px - ((px - view.x) * k) / view.k;
      view.y = py - ((py - view.y) * k) / view.k;
      view.k = k;
      this.request();
    }

    listen() {
      const { canvas, view } = this;
      let drag = null;
      canvas.addEventListener("pointerdown", (e) => {
        if (e.button > 1) return;
        drag = { x: e.clientX, y: e.clientY, vx: view.x, vy: view.y, moved: false };
        canvas.setPointerCapture(e.pointerId);
      });
      canvas.addEventListener("pointermove", (e) => {
        if (!drag) {
          if (this.on.hover) this.on.hover(this.world(e), e);
          return;
        }
        const dx = e.clientX - drag.x, dy = e.clientY - drag.y;
        // A hand trembles: below four pixels it is still a click.
        if (!drag.moved && Math.hypot(dx, dy) < 4) return;
        drag.moved = true;
        canvas.classList.add("gs-dragging");
        view.x = drag.vx + dx;
        view.y = drag.vy + dy;
        this.request();
      });
      const release = (e) => {
        const was = drag;
        drag = null;
        canvas.classList.remove("gs-dragging");
        if (was && !was.moved && e.type === "pointerup" && this.on.tap) this.on.tap(this.world(e), e);
      };
      canvas.addEventListener("pointerup", release);
      canvas.addEventListener("pointercancel", release);
      canvas.addEventListener("pointerleave", () => this.on.hover && this.on.hover(null));
      canvas.addEventListener("dblclick", (e) => this.on.double && this.on.double(this.world(e), e));
      canvas.addEventListener("wheel", (e) => {
        e.preventDefault();
        const box = canvas.getBoundingClientRect();
        // Lines and pages count as so many pixels; a trackpad pinch arrives as ctrl + wheel, finer.
        const unit = e.deltaMode === 1 ? 16 : e.deltaMode === 2 ? 400 : 1;
        const speed = e.ctrlKey ? 0.01 : 0.0015;
        this.zoomAt(e.clientX - box.left, e.clientY - box.top, Math.exp(-e.deltaY * unit * speed));
      }, { passive: false });
    }
  };
})();
