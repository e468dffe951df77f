/* A window of the timeline as it came from the server: columns of bars, and what can be asked of them.
 *
 * Bars are numbers in typed arrays, in ticks (head.unit ns each) since head.base. A row is the list of the
 * bars that lie on one line, in the order of time, so that what is in view is found by bisection.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const TYPES = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, i4: Int32Array, i8: BigInt64Array, f4: Float32Array, f8: Float64Array };

  /* A binary answer: length of the head, head (JSON), then its columns, each at a multiple of 8 bytes. */
  gs.unpack = function (buffer) {
    const size = Number(new DataView(buffer).getBigUint64(0, true));
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, size)));
    let at = 8 + size;
    const columns = {};
    for (const [name, type, count] of head.columns) {
      columns[name] = new TYPES[type](buffer, at, count);
      at += Math.ceil((count * TYPES[type].BYTES_PER_ELEMENT) / 8) * 8;
    }
    head.columns = columns;
    return head;
  };

  /* The bars (of kind op, mod, dev or gap) on one line; sums[i] is the time in all before the i-th. */
  class Row {
    constructor(kind, begin, dur, ids, busy) {
      Object.assign(this, { kind, begin, dur, ids });
      const sums = (this.sums = new Float64Array(ids.length + 1));
      for (let i = 0; i < ids.length; i++) sums[i + 1] = sums[i] + (busy || dur)[ids[i]];
    }

    /* The first bar that begins at or after a tick. */
    after(tick) {
      let a = 0, b = this.ids.length;
      while (a < b) {
        const m = (a + b) >> 1;
        if (this.begin[this.ids[m]] < tick) a = m + 1;
        else b = m;
      }
      return a;
    }

    /* Ticks of this row between two times; a bar that is cut by an edge counts with its part. */
    within(first, last) {
      const to = this.after(last);
      let from = this.after(first), sum = this.sums[to] - this.sums[from];
      const cut = (i, edge) => Math.max(0, this.begin[this.ids[i]] + this.dur[this.ids[i]] - edge);
      if (from > 0) sum += Math.min(cut(from - 1, first), last - first);
      if (to > from) sum -= cut(to - 1, last);
      return Math.max(sum, 0);
    }

    /* The bar at a tick, or one that ends or begins within reach of it; -1 for none. */
    at(tick, reach) {
      let best = -1, least = Infinity;
      for (let i = Math.max(0, this.after(tick) - 2), n = 0; i < this.ids.length && n < 4; i++, n++) {
        const e = this.ids[i], far = Math.max(this.begin[e] - tick, tick - this.begin[e] - this.dur[e], 0);
        if (far <= reach && far < least) [best, least] = [e, far];
      }
      return best;
    }
  }

  function rows(kind, begin, dur, keys, count, busy) {
    const sizes = new Uint32Array(count);
    for (let i = 0; i < keys.length; i++) sizes[keys[i]]++;
    const lists = [...sizes].map((n) => new Uint32Array(n)), at = new Uint32Array(count);
    for (let i = 0; i < keys.length; i++) lists[keys[i]][at[keys[i]]++] = i;
    return lists.map((ids) => {
      for (let i = 1; i < ids.length; i++) if (begin[ids[i]] < begin[ids[i - 1]]) return new Row(kind, begin, dur, ids.sort((a, b) => begin[a] - begin[b]), busy);
      return new Row(kind, begin, dur, ids, busy);
    });
  }

  const most = (column) => column.reduce((a, b) => Math.max(a, b), -1);

  gs.Tape = class {
    constructor(head) {
      Object.assign(this, head);
      const c = (this.c = head.columns);
      const n = c.op_node.length, lane = new Uint8Array(n), depth = new Uint8Array(n);
      for (let i = 0; i < n; i++) {
        lane[i] = c.node_lane[c.op_node[i]];
        depth[i] = c.node_depth[c.op_node[i]];
      }
      this.deep = Math.max(most(depth), most(c.mod_depth)) + 1;
      this.lanes = rows("op", c.op_begin, c.op_dur, lane, head.lanes.length, c.op_busy);
      const names = head.lanes;
      this.leaves = rows("op", c.op_begin, c.op_dur, depth, this.deep);
      this.modules = rows("mod", c.mod_begin, c.mod_dur, c.mod_depth, this.deep);
      this.streams = rows("dev", c.dev_begin, c.dev_dur, c.dev_lane, head.devices.length);
      this.python = this.gaps();
      this.laneOf = (e) => names[lane[e]];
      this.lane = lane;
      this.marks = new Map();
    }

    tick(ns) {
      return (ns - this.base) / this.unit;
    }

    /* The most bytes alive between two ticks. */
    mostLive(first, last) {
      const { mem_at: at, mem_live: live } = this.c;
      let a = 0, b = at.length;
      while (a < b) {
        const m = (a + b) >> 1;
        if (at[m] <= first) a = m + 1;
        else b = m;
      }
      let most = a ? live[a - 1] : 0;
      for (; a < at.length && at[a] <= last; a++) if (live[a] > most) most = live[a];
      return most;
    }

    ns(tick) {
      return this.base + tick * this.unit;
    }

    /* Python between the ops of a step: before the first, between neighbours, behind the last. */
    gaps() {
      const { c, steps } = this, n = c.op_begin.length;
      const begin = [], dur = [], before = [], of = [];
      const gap = (a, b, e, s) => {
        if (b > a) {
          begin.push(a);
          dur.push(b - a);
          before.push(e);
          of.push(s);
        }
      };
      let at = 0;
      steps.forEach((step, s) => {
        let edge = this.tick(step[2]), last = -1;
        const end = this.tick(step[2] + step[3]);
        while (at < n && c.op_step[at] < s) at++;
        for (; at < n && c.op_step[at] === s; at++) {
          gap(edge, c.op_begin[at], last, s);
          edge = Math.max(edge, c.op_begin[at] + c.op_dur[at]);
          last = at;
        }
        gap(edge, end, last, s);
      });
      this.gap = { before, step: of };
      return new Row("gap", Float64Array.from(begin), Float64Array.from(dur), Uint32Array.from(begin, (_, i) => i));
    }

    text(column, i) {
      return this.texts[this.c[column][i]];
    }

    /* Where in this window a step stands; -1 when it does not. */
    place(num, kind) {
      return this.steps.findIndex((s) => s[0] === num && s[1] === kind);
    }

    /* The ops of a card in steps of a graph, or the modules of a scope: [kind, bar, whether it is the card's own]. */
    marked(id, graph) {
      const key = `${id} ${graph}`;
      if (!id) return [];
      if (this.marks.has(key)) return this.marks.get(key);
      const { c } = this, found = [];
      if (id.startsWith("s:")) {
        const path = id.slice(2);
        for (let i = 0; i < c.mod_path.length; i++) if (this.texts[c.mod_path[i]] === path) found.push(["mod", i, true]);
      } else if (/^n\d+$/.test(id)) {
        const node = Number(id.slice(1));
        for (let i = 0; i < c.op_node.length; i++) {
          const row = c.op_node[i];
          if (c.node_card[row] === node && this.steps[c.op_step[i]][8] === graph && !(c.op_count && c.op_count[i] > 1)) found.push(["op", i, c.node_index[row] === node]);
        }
      }
      this.marks.clear();
      this.marks.set(key, found);
      return found;
    }

    /* Which nodes and modules match a text: their op, variable, module or line contains it. */
    matches(text) {
      const wanted = text.trim().toLowerCase();
      return this.lit(this.texts.map((t) => t.toLowerCase().includes(wanted)), ["node_name", "node_variable", "node_scope", "node_line"]);
    }

    /* The same for what lies in a module. */
    inside(scope) {
      return this.lit(this.texts.map((t) => t === scope || t.startsWith(`${scope}.`)), ["node_scope"]);
    }

    lit(hit, columns) {
      const { c } = this;
      const node = new Uint8Array(c.node_name.length), mod = new Uint8Array(c.mod_path.length);
      for (let i = 0; i < node.length; i++) {
        node[i] = columns.some((column) => hit[c[column][i]]) ? 1 : 0;
      }
      for (let i = 0; i < mod.length; i++) mod[i] = hit[c.mod_path[i]] ? 1 : 0;
      let count = 0, ticks = 0, first = -1;
      for (let i = 0; i < c.op_node.length; i++) {
        if (!node[c.op_node[i]]) continue;
        count += c.op_count ? c.op_count[i] : 1;
        ticks += c.op_dur[i];
        if (first < 0) first = i;
      }
      return { node, mod, count, ns: ticks * this.unit, first };
    }
  };

  /* What an op is called on the screen; a bar of several says how many. */
  gs.Tape.prototype.title = function (kind, e) {
    const { c } = this;
    if (kind === "mod") return c.mod_count && c.mod_count[e] > 1 ? `${c.mod_count[e].toLocaleString("en-US")} modules` : this.texts[c.mod_path[e]];
    if (kind === "gap") return "Python";
    const many = c[`${kind}_count`];
    if (many && many[e] > 1) return `${many[e].toLocaleString("en-US")} ops`;
    return this.texts[c.node_name[c[`${kind}_node`][e]]];
  };
})();
