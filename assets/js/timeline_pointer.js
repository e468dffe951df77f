/* What the pointer is on, and what clicks do: choose an op, a module or a step, or zoom to it. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  gs.TimePointer = class {
    constructor(page) {
      this.page = page;
    }

    row(y) {
      const at = y + this.page.axis.top;
      return this.page.rows.find((r) => at >= r.y && at < r.y + r.h) || null;
    }

    /* {kind, e, line} for a bar, {band} for a step, or null. */
    under(at) {
      const { page } = this, { axis, tape } = page;
      if (at.x < axis.left) return null;
      const t = axis.t(at.x), far = (s) => Math.max(s.begin - t, t - s.end);
      const near = page.bands().reduce((best, s) => (!best || far(s) < far(best) ? s : best), null);
      const band = near && far(near) <= 3 / axis.scale ? near : null;
      const row = at.y < gs.timelineRuler() ? null : this.row(at.y);
      if (!row || page.far() || row.kind === "memory") return band || row ? { band, line: row, t } : null;
      const tick = tape.tick(t), reach = 2 / (axis.scale * tape.unit);
      if (row.kind === "flame") {
        for (const [kind, list] of [["op", row.leaf], ["mod", row.mod]]) {
          const e = list.at(tick, kind === "op" ? reach : 0);
          if (e >= 0) return { kind, e, line: row, band, t };
        }
        return { band, line: row, t };
      }
      const e = row.row.at(tick, reach);
      return e >= 0 ? { kind: row.kind, e, line: row, band, t } : { band, line: row, t };
    }

    tap(at, event) {
      const { page } = this;
      page.canvas.focus({ preventScroll: true });
      if (event.shiftKey) return;
      const hit = this.under(at), band = hit && hit.band && hit.band.kind !== "eval" ? hit.band : null;
      if (!hit) gs.set({ node: null });
      else if (at.y < gs.timelineRuler() || (page.far() && band)) gs.set(band ? { step: band.num } : {});
      else if (hit.kind === undefined || hit.kind === "gap") {
        page.table.close();
        gs.set({ node: null });
      } else this.select(hit.kind, hit.e, hit.line);
    }

    /* Chooses the op of a bar, in its step. Steps of evaluation have no cards: they are only marked here. */
    select(kind, e, line) {
      const { page } = this, { tape } = page, { c } = tape, step = tape.steps[c[`${kind}_step`][e]];
      if (c[`${kind}_count`] && c[`${kind}_count`][e] > 1) return this.zoomTo(kind, e); // several: look closer
      page.picked = { kind, e, line, tape };
      const id = kind === "mod" ? `s:${tape.texts[c.mod_path[e]]}` : `n${c.node_card[c[`${kind}_node`][e]]}`;
      const wish = { node: id }, train = step[1] === "train";
      if (page.at && train && (step[0] !== page.at.num || step[1] !== page.at.kind)) {
        page.stay(step); // the view stays: the reader is where they want to be
        wish.step = step[0];
      }
      if (train || tape.steps.every((s) => s[1] === "eval")) gs.set(wish);
      page.ownStep = false;
      page.axis.request();
    }

    double(at) {
      const { page } = this, hit = this.under(at);
      if (!hit) return;
      page.fitted = false;
      if (hit.kind !== undefined && hit.kind !== "gap") this.zoomTo(hit.kind, hit.e);
      else if (hit.band) page.axis.look(hit.band.begin, hit.band.end, "calm");
    }

    zoomTo(kind, e) {
      const { page } = this, { tape } = page, { c } = tape, around = kind === "mod" ? 0.05 : 2;
      const a = tape.ns(c[`${kind}_begin`][e]), d = Math.max(c[`${kind}_dur`][e] * tape.unit, 200);
      page.fitted = false;
      page.axis.look(a - d * around, a + d * (1 + around), "calm");
    }
  };
})();
