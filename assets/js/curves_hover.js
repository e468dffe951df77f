/* The crosshair of the Curves page: one line through all cards at the same place, and a small table with
 * every run's value there, the nearest to the pointer first.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const ROWS = 12, NEAR = 6;

  gs.CurveHover = class {
    constructor(page) {
      this.page = page;
      this.tip = el("div", { class: "gs-curve-tip", role: "tooltip", hidden: true });
      page.root.append(this.tip);
      this.at = null;
    }

    /* Where the pointer is in the chart, in its own pixels; null outside of the lines' area. */
    place(card, e) {
      const full = card.plot._fullLayout;
      if (!full || !full.xaxis || !full.yaxis) return null;
      const box = card.plot.getBoundingClientRect(), zoom = box.width / (card.plot.offsetWidth || 1) || 1;
      const px = (e.clientX - box.left) / zoom - full.xaxis._offset, py = (e.clientY - box.top) / zoom - full.yaxis._offset;
      return px < 0 || py < 0 || px > full.xaxis._length || py > full.yaxis._length ? null : { px, py, axis: full.xaxis, height: full.yaxis, scale: zoom };
    }

    /* Every run's point nearest to a place: {name, colour, step, value, far}, nearest first. */
    points(card, at) {
      const x = at.axis.p2l(at.px), rows = [];
      const data = card.plot.data;
      data.forEach((t, i) => {
        if (!t.meta || !t.customdata || !t.customdata.length) return;
        const k = nearest(t.x, x);
        const value = t.y[k];
        const y = value === null || value === undefined ? NaN : at.height.d2p(value);
        const next = data[i + 1];
        const smooth = next && !next.meta && !next.customdata && next.mode === "lines" && next.x.length === t.x.length && next.line.width > 0 ? next.y[k] : undefined;
        const band = i > 1 && data[i - 1].fill === "tonexty" ? [data[i - 2].y[k], data[i - 1].y[k]] : null;
        rows.push({ name: text(t.meta[0]), colour: t.line.color, step: t.customdata[k], x: t.x[k], value, smooth, band, far: Number.isFinite(y) ? Math.abs(y - at.py) : 1e6, off: Math.abs(at.axis.l2p(t.x[k]) - at.px) });
      });
      // Of a restarted run the part that is there, and the newer one of two.
      const best = new Map();
      for (const row of rows) {
        const held = best.get(row.name);
        if (!held || row.off <= held.off) best.set(row.name, row);
      }
      return [...best.values()].sort((a, b) => a.far - b.far);
    }

    nearest(card, e) {
      const at = this.place(card, e);
      return at ? this.points(card, at).sort((a, b) => Math.hypot(a.off, a.far) - Math.hypot(b.off, b.far))[0] || null : null;
    }

    move(card, e) {
      this.next = [card, { clientX: e.clientX, clientY: e.clientY, buttons: e.buttons }];
      if (this.frame) return;
      this.frame = requestAnimationFrame(() => {
        this.frame = null;
        this.show(...this.next);
      });
    }

    /* A card was drawn anew or has another size: under a pointer that rests there is another point now. */
    again(card) {
      if (!this.tip.hidden && this.next && this.next[0] === card) this.show(...this.next);
    }

    show(card, e) {
      const at = e.buttons ? null : this.place(card, e);
      const rows = at ? this.points(card, at) : [];
      if (!rows.length) return this.leave();
      const x = rows.reduce((a, b) => (a.off <= b.off ? a : b)).x;
      for (const other of this.page.cards.values()) this.line(other, x);
      const events = ((card.plot.layout || {}).shapes || []).map((s) => [Math.abs(at.axis.l2p(s.x0) - at.px), this.page.events[Number(s.name)]])
        .filter(([off, event]) => off < NEAR && event);
      const step = rows[0].step;
      gs.fill(this.tip, [rows.slice(0, ROWS).map((r) => [r.name, r.colour, r.step, r.value, r.smooth, r.band]), events, rows.length], () => [
        el("div", { class: "gs-curve-tip-head" }, `step ${gs.units.count(step)}`),
        el("table", {}, el("tbody", {}, rows.slice(0, ROWS).map((r) => row(r, step)))),
        rows.length > ROWS ? el("div", { class: "gs-quiet" }, `and ${rows.length - ROWS} more`) : null,
        ...events.slice(0, 4).map(([, [at_, , words]]) => el("div", { class: "gs-curve-tip-event" }, `step ${gs.units.count(at_)}: ${words}`)),
      ]);
      this.tip.hidden = false;
      this.put(e);
    }

    /* Beside the pointer, and inside the page. */
    put(e) {
      const home = this.page.root.getBoundingClientRect(), zoom = home.width / (this.page.root.offsetWidth || 1) || 1;
      const { offsetWidth: w, offsetHeight: h } = this.tip;
      let left = (e.clientX - home.left) / zoom + 16, top = (e.clientY - home.top) / zoom + 16;
      if (left + w > this.page.root.offsetWidth - 8) left = Math.max(8, left - w - 32);
      if (top + h > this.page.root.offsetHeight - 8) top = Math.max(8, top - h - 32);
      this.tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
    }

    line(card, x) {
      if (!card.plot.on || !card.box.offsetParent) return;
      if (!card.cross || !card.cross.isConnected) card.plot.append((card.cross = el("div", { class: "gs-crosshair" })));
      card.mark(card.cross, x);
    }

    leave() {
      cancelAnimationFrame(this.frame);
      this.frame = null;
      this.tip.hidden = true;
      for (const card of this.page.cards.values()) if (card.cross) card.cross.hidden = true;
    }
  };

  function row(r, step) {
    const swatch = el("span", { class: "gs-swatch" });
    swatch.style.background = r.colour;
    const value = r.value === null || r.value === undefined ? "not finite" : gs.units.number(r.value, 4);
    const more = r.band ? `${gs.units.number(r.band[0])} to ${gs.units.number(r.band[1])}` : r.smooth !== undefined && r.smooth !== null ? `smoothed ${gs.units.number(r.smooth, 4)}` : "";
    return el("tr", {}, el("td", {}, swatch), el("td", { class: "gs-curve-tip-name" }, r.name), el("td", { class: "gs-curve-tip-number" }, value),
      el("td", {}, [more, r.step === step ? "" : `step ${gs.units.count(r.step)}`].filter(Boolean).join(", ")));
  }

  /* Index of the value nearest to x in a list that grows. */
  function nearest(list, x) {
    let a = 0, b = list.length - 1;
    while (b - a > 1) {
      const m = (a + b) >> 1;
      if (list[m] <= x) a = m;
      else b = m;
    }
    return Math.abs(list[a] - x) <= Math.abs(list[b] - x) ? a : b;
  }

  // What was escaped for plotly's own texts, as it is.
  const text = (escaped) => String(escaped).replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"').replace(/&#x27;/g, "'").replace(/&amp;/g, "&");
})();
