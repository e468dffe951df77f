/* What the pointer is on, in words, and the same for those who cannot see a canvas: a hidden list.
 *
 * The list names the widest bars in view in the order of time; arrows walk it, Enter selects, tests use it.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const MOST = 120;

  gs.TimeTip = class {
    constructor(page) {
      this.page = page;
      this.box = page.root.querySelector(".gs-time-tip");
      this.ul = page.root.querySelector("[role=listbox]");
      this.ul.addEventListener("click", (e) => this.pick(e.target.closest("[role=option]")));
      this.ul.addEventListener("keydown", (e) => this.key(e));
    }

    hover(at) {
      const { page, box } = this;
      const hit = at && (page.mode === "heavy" ? page.heavy.under(at) : page.pointer.under(at));
      const lines = hit ? (page.mode === "heavy" ? page.heavy.facts(hit) : this.facts(hit)) : null;
      page.canvas.style.cursor = hit && hit.kind && hit.kind !== "gap" ? "pointer" : "default";
      box.hidden = !lines;
      if (!lines) return;
      const [title, ...rest] = lines;
      box.replaceChildren(gs.el("b", {}, title), ...rest.filter(Boolean).map((line) => gs.el("div", {}, line)));
      const { width, height } = page.axis.size, wide = box.offsetWidth, tall = box.offsetHeight;
      box.style.left = `${Math.max(4, at.x + 14 + wide > width ? at.x - wide - 10 : at.x + 14)}px`;
      box.style.top = `${Math.max(4, at.y + 16 + tall > height ? at.y - tall - 10 : at.y + 16)}px`;
    }

    /* Name, then lines of facts; null where there is nothing to say. */
    facts(hit) {
      const { tape } = this.page;
      if (hit.kind === undefined) return this.band(hit);
      const { c, steps } = tape;
      if (hit.kind === "gap") {
        const row = tape.python, ns = row.dur[hit.e] * tape.unit, step = steps[tape.gap.step[hit.e]], before = tape.gap.before[hit.e];
        const next = tape.gap.before[hit.e + 1], here = before < 0 ? "before the first op" : next !== undefined && tape.gap.step[hit.e + 1] === tape.gap.step[hit.e] ? `after ${tape.title("op", before)}` : "after the last op";
        return [`Python ${gs.ns(ns)}`, `${gs.units.share(ns / step[3])} of step ${gs.units.count(step[0])}, ${here}`, "the interpreter works, no op runs",
          here === "after the last op" && step[5] ? `recording took ${gs.ns(step[5])} of the step` : ""];
      }
      const step = steps[c[`${hit.kind}_step`][hit.e]], ns = c[`${hit.kind}_dur`][hit.e] * tape.unit;
      const when = `at ${gs.ns(tape.ns(c[`${hit.kind}_begin`][hit.e]) - step[2])} of ${step[1] === "eval" ? "eval " : ""}step ${gs.units.count(step[0])}`;
      const share = step[3] ? ` \u00b7 ${gs.units.share(ns / step[3])} of the step` : "";
      if (hit.kind === "mod") return [tape.title("mod", hit.e), `${gs.ns(ns)}${share}`, `${this.page.lanes[c.mod_lane[hit.e]]}, ${when}`];
      const many = c[`${hit.kind}_count`], row = c[`${hit.kind}_node`][hit.e], text = (name) => tape.text(`node_${name}`, row);
      if (many && many[hit.e] > 1) return [tape.title(hit.kind, hit.e), `${gs.ns(c.op_busy && hit.kind === "op" ? c.op_busy[hit.e] * tape.unit : ns)} in ${gs.ns(ns)}`, `${when}; zoom in to see them one by one`];
      const lane = tape.lanes[c.node_lane[row]] && this.page.lanes[c.node_lane[row]];
      return [
        text("name") + (text("variable") ? ` \u2192 ${text("variable")}` : ""),
        `${gs.ns(ns)}${share}`,
        text("shape"),
        [text("scope"), lane].filter(Boolean).join(" \u00b7 "),
        [text("line"), when].filter(Boolean).join(" \u00b7 "),
        hit.kind === "dev" ? "on the device" : "",
      ];
    }

    band({ band, line, t }) {
      const { page } = this;
      if (line && line.kind === "memory" && !page.far()) {
        const live = this.liveAt(t);
        return live === null ? null : [gs.units.bytes(live), "alive here", band ? `in step ${gs.units.count(band.num)}` : ""];
      }
      if (!band) return null;
      const blocks = page.blocks(), i = band.i;
      const name = band.count > 1 ? `steps ${gs.units.count(band.num)}\u2013${gs.units.count(band.last)}` : `${band.kind === "eval" ? "eval " : ""}step ${gs.units.count(band.num)}`;
      if (i === undefined || !blocks) return page.far() || (line === null) ? [name, gs.ns(band.end - band.begin)] : null;
      const lines = blocks.columns.map((column, k) => (blocks.parts[k][i] ? `${column} ${gs.ns(blocks.parts[k][i])}` : "")).filter(Boolean);
      return [name, gs.ns(band.end - band.begin), ...lines, blocks.peak[i] ? `memory at most ${gs.units.bytes(blocks.peak[i])}` : ""];
    }

    liveAt(t) {
      const { mem_at: at, mem_live: live } = this.page.tape.c, tick = this.page.tape.tick(t);
      let a = 0, b = at.length;
      while (a < b) {
        const m = (a + b) >> 1;
        if (at[m] <= tick) a = m + 1;
        else b = m;
      }
      return a ? live[a - 1] : null;
    }

    soon() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.list(), 200);
    }

    list() {
      const { page } = this, had = this.ul.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      const items = page.mode === "heavy" ? page.heavy.items(MOST) : page.tape ? this.items() : [];
      this.ul.replaceChildren(...items.map((item) => {
        const li = gs.el("li", { role: "option", tabindex: "-1", "data-key": item.key, "data-node": item.node, "aria-selected": String(Boolean(item.node) && item.node === gs.state.node) }, item.text);
        li.act = item.act;
        return li;
      }));
      if (this.ul.firstElementChild) this.ul.firstElementChild.tabIndex = 0;
      const again = had && [...this.ul.children].find((li) => li.dataset.key === had);
      if (again) again.focus({ preventScroll: true });
    }

    items() {
      const { page } = this, { tape, axis } = page, { c } = tape;
      if (page.far()) {
        return gs.blockBands(page.blocks(), axis.a, axis.b).slice(0, MOST).map((band) => ({
          key: `b${band.num}${band.kind}`, text: this.band({ band }).join(", "), act: () => band.kind !== "eval" && gs.set({ step: band.num }),
        }));
      }
      const found = [];
      const from = tape.tick(axis.a), to = tape.tick(axis.b), seen = 0.5 / (axis.scale * tape.unit);
      for (const row of tape.lanes) {
        for (let i = Math.max(0, row.after(from) - 1); i < row.ids.length && row.begin[row.ids[i]] < to; i++) {
          const e = row.ids[i];
          if (found.length > MOST && row.dur[e] < seen) continue; // more than anybody would read
          if (row.begin[e] + row.dur[e] >= from && !(page.found && !page.found.node[c.op_node[e]])) found.push(e);
        }
      }
      found.sort((x, y) => c.op_dur[y] - c.op_dur[x]);
      return found.slice(0, MOST).sort((x, y) => c.op_begin[x] - c.op_begin[y]).map((e) => ({
        key: `o${c.op_step[e]}-${c.op_node[e]}`,
        node: `n${c.node_card[c.op_node[e]]}`,
        text: this.facts({ kind: "op", e }).filter(Boolean).join(", "),
        act: () => page.pointer.select("op", e, page.rows.find((r) => r.kind === "op" && r.name === tape.laneOf(e))),
      }));
    }

    pick(li) {
      if (li && li.act) li.act();
    }

    key(e) {
      const li = e.target.closest("[role=option]");
      const to = { ArrowDown: li && li.nextElementSibling, ArrowUp: li && li.previousElementSibling, Home: this.ul.firstElementChild, End: this.ul.lastElementChild }[e.key];
      if (e.key === "Enter" || e.key === " ") this.pick(li);
      else if (to) {
        li.tabIndex = -1;
        to.tabIndex = 0;
        to.focus({ preventScroll: true });
      } else return;
      e.preventDefault();
      e.stopPropagation();
    }
  };
})();
