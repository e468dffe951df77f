/* Paints the timeline: ruler, flame of modules, lanes of ops, Python between them, devices, memory.
 *
 * Bars narrower than 0.7 px that touch are painted as one; names stand where they fit. Rows have fixed
 * heights: gs.timelineRows(page) says where each lies, for painting and for what the pointer is on.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const NARROW = 0.7, FLAME = 19, LANE = 32, MEMORY = 64;
  const RULER = 36;
  const WORDS = { data: "Data", forward: "Forward", backward: "Backward", update: "Update", copies: "Copies" };

  const zoom = () => gs.type || 1; // of the type, in projector mode
  const rulerTall = (gs.timelineRuler = () => Math.round(RULER * zoom()));
  const idling = (ctx) => gs.hatching(ctx, gs.mix(gs.color("surface"), gs.color("ink3"), 0.55), gs.mix(gs.color("surface"), gs.color("phase-idle"), 0.35));

  /* Where each row lies: {kind, y, h, label, row, colour}; y is without the scroll. Room that is left is shared. */
  gs.timelineRows = function (page) {
    const { tape } = page, out = [], remembers = tape && (tape.c.mem_at.length || page.remembers());
    const lanes = tape ? tape.lanes.map((row, k) => [row, page.lanes[k]]).filter(([row, name]) => row.ids.length || !["copies", "data"].includes(name) || page.has(name)) : [];
    const deep = tape ? tape.deep : 0, streams = tape ? tape.streams : [], each = lanes.length + streams.length + 1;
    let free = page.axis.size.height - rulerTall() - 34 - (deep * FLAME + each * LANE) * zoom() - (remembers ? MEMORY : 0) - 20;
    const tallest = Math.max(1, page.axis.size.height / 900); // a large screen shows larger rows
    const share = (most, parts, part) => {
      const got = Math.floor(Math.max(0, Math.min(most, (free * part) / Math.max(parts, 1))));
      free -= got * parts;
      return got;
    };
    const flame = FLAME * zoom() + share(9 * tallest, deep, 0.4), thick = share(36 * tallest, each, 0.7);
    // A curve gains by height, a bar only until its name can be read: memory takes most of what is left.
    const tall = MEMORY + (remembers ? share(0.4 * page.axis.size.height - MEMORY, 1, 1) : 0), lane = LANE * zoom() + thick + share(36 * tallest, each, 1);
    let y = rulerTall() + 6;
    const put = (h, facts) => {
      out.push({ y, h, ...facts });
      y += h;
    };
    for (let d = 0; d < deep; d++) put(flame, { kind: "flame", depth: d, label: d ? "" : "Modules", leaf: tape.leaves[d], mod: tape.modules[d] });
    y += 8;
    for (const [row, name] of lanes) put(lane, { kind: "op", name, label: WORDS[name] || name, row, colour: gs.laneColour(name) });
    if (tape) put(lane, { kind: "gap", name: "python", label: "Python", row: tape.python, colour: gs.color("phase-idle") });
    streams.forEach((row, k) => put(lane, { kind: "dev", name: tape.devices[k], label: tape.devices[k].replace(/^.* (stream \d+)$/, "$1"), row }));
    if (remembers) {
      y += 8;
      put(tall, { kind: "memory", label: "Memory" });
    }
    page.axis.tall = y + 12;
    page.axis.top = Math.max(0, Math.min(page.axis.top, page.axis.tall - page.axis.size.height));
    return out;
  };

  gs.paintTimeline = function (ctx, page) {
    const { axis, tape } = page, { width, height } = axis.size;
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    ctx.fillStyle = gs.color("page");
    ctx.fillRect(0, 0, width, height);
    const rows = (page.rows = gs.timelineRows(page));
    ctx.save();
    ctx.beginPath();
    ctx.rect(axis.left, rulerTall(), width - axis.left, height - rulerTall());
    ctx.clip();
    ctx.translate(0, -axis.top);
    const far = page.far();
    steps(ctx, page, axis.tall);
    grid(ctx, page, axis.tall);
    if (far) gs.paintBlocks(ctx, page, rows);
    else for (const row of rows) line(ctx, page, row);
    if (!far && tape) gs.timelineMarks(ctx, page, rows);
    range(ctx, page, axis.tall + height);
    ctx.restore();
    gutter(ctx, page, rows);
    ruler(ctx, page);
  };

  function line(ctx, page, row) {
    const { tape, axis, found } = page, { c } = tape;
    const dim = (column) => (found && column ? (e) => (column[c.op_node[e]] ? 0 : 1) : null);
    if (row.kind === "flame") {
      const styles = page.lanes.flatMap((l) => {
        const colour = gs.laneColour(l), soft = gs.mix(gs.color("surface"), colour, 0.22);
        return [[soft, gs.color("ink"), gs.mix(gs.color("surface"), colour, 0.6)], [gs.mix(gs.color("page"), colour, 0.08), gs.color("ink3")]];
      });
      const of = (e) => c.mod_lane[e] * 2 + (found && !found.mod[e] ? 1 : 0);
      // The bar above says where a module lies: its own name is enough.
      bars(ctx, page, row.mod, row.y, row.h - 2, styles, of, (e) => tape.title("mod", e).replace(/^.*\./, ""));
      const leaf = page.lanes.flatMap((l) => shades(gs.laneColour(l)));
      const leafOf = (e) => tape.lane[e] * 2 + (found && !found.node[c.op_node[e]] ? 1 : 0);
      bars(ctx, page, row.leaf, row.y, row.h - 2, leaf, leafOf, (e) => tape.title("op", e));
    } else if (row.kind === "op") {
      bars(ctx, page, row.row, row.y + 3, row.h - 6, shades(row.colour), dim(found && found.node), (e) => tape.title("op", e));
    } else if (row.kind === "dev") {
      const styles = page.lanes.flatMap((l) => shades(gs.laneColour(l)));
      idle(ctx, page, row);
      bars(ctx, page, row.row, row.y + 3, row.h - 6, styles, (e) => c.node_lane[c.dev_node[e]] * 2 + (found && !found.node[c.dev_node[e]] ? 1 : 0), (e) => tape.title("dev", e));
    } else if (row.kind === "gap") {
      bars(ctx, page, row.row, row.y + 3, row.h - 6, [[idling(ctx), gs.color("ink"), gs.color("line")]], null, (e) => [`Python ${gs.ns(row.row.dur[e] * tape.unit)}`, gs.ns(row.row.dur[e] * tape.unit)]);
    } else {
      memory(ctx, page, row, axis);
    }
  }

  const shades = (colour) => [[colour, gs.inkOn(colour)], [gs.mix(gs.color("page"), colour, 0.16), gs.color("ink3")]];

  /* A device that waits, between the first and the last op that it runs in view. */
  function idle(ctx, page, row) {
    const { axis, tape } = page;
    for (const s of tape.steps) {
      const x0 = Math.max(axis.x(s[2]), axis.left), x1 = Math.min(axis.x(s[2] + s[3]), axis.size.width);
      if (x1 > x0) {
        ctx.fillStyle = idling(ctx);
        ctx.fillRect(x0, row.y + 3, x1 - x0, row.h - 6);
      }
    }
  }

  /* The bars of a row that are in view. styles: [fill, ink, edge]; of(e) says which one a bar has. */
  function bars(ctx, page, row, y, h, styles, of, name) {
    if (!row || !row.ids.length) return;
    const { axis, tape } = page, { ids, begin, dur } = row;
    const k = tape.unit * axis.scale, off = axis.x(tape.base), left = axis.left, right = axis.size.width;
    const names = [];
    let from = -1, to = -1, style = -1, fill = -1;
    const paint = (x, w, s) => {
      if (fill !== s) ctx.fillStyle = styles[(fill = s)][0];
      ctx.fillRect(x, y, w, h);
    };
    for (let i = Math.max(0, row.after((left - off) / k) - 1); i < ids.length; i++) {
      const e = ids[i], x = begin[e] * k + off, w = dur[e] * k;
      if (x > right) break;
      const s = of ? of(e) : 0;
      if (w < NARROW) {
        if (s === style && x <= to + NARROW) {
          if (x + w > to) to = x + w;
          continue;
        }
        if (style >= 0) paint(from, Math.max(to - from, NARROW), style);
        [from, to, style] = [x, x + w, s];
        continue;
      }
      const x0 = Math.max(x, left - 2), x1 = Math.min(x + w, right + 2);
      if (x1 <= x0) continue;
      paint(x0, x1 - x0 > 3 ? x1 - x0 - 0.8 : x1 - x0, s);
      if (x1 - x0 > 16) names.push(e, Math.max(x, left), x1, s);
    }
    if (style >= 0) paint(from, Math.max(to - from, NARROW), style);
    ctx.font = gs.font.sans(11);
    for (let i = 0; i < names.length; i += 4) {
      const [, ink, edge] = styles[names[i + 3]], x = names[i + 1], room = names[i + 2] - x;
      if (edge) {
        ctx.strokeStyle = edge;
        ctx.lineWidth = 1;
        ctx.strokeRect(x + 0.5, y + 0.5, room - 1.8, h - 1);
      }
      const words = [name(names[i])].flat();
      const whole = words.find((word) => gs.marks.width(ctx, word) <= room - 6);
      // Where a row has short words too (a time), half a word says nothing.
      const text = whole || (words.length > 1 ? "" : gs.marks.clip(ctx, words[0], room - 6));
      if (!text || (text.length < 4 && text.includes("\u2026"))) continue;
      ctx.fillStyle = ink;
      ctx.fillText(text, x + Math.max(3, Math.min((room - gs.marks.width(ctx, text)) / 2, 8)), y + h / 2 + 0.5);
    }
  }
  gs.timelineBars = bars;

  /* Steps stand on the surface; what is outside of them lies on the page. */
  function steps(ctx, page, tall) {
    const { axis } = page;
    for (const s of page.bands()) {
      const x0 = axis.x(s.begin), x1 = axis.x(s.end);
      if (x1 < axis.left || x0 > axis.size.width) continue;
      ctx.fillStyle = gs.color("surface");
      ctx.fillRect(x0, 0, Math.max(x1 - x0, 0.7), tall + 2000);
    }
  }

  function grid(ctx, page, tall) {
    const { axis } = page;
    ctx.strokeStyle = gs.color("line");
    ctx.lineWidth = 1;
    ctx.beginPath();
    for (const t of page.ticks().at) {
      const x = Math.round(axis.x(t)) + 0.5;
      ctx.moveTo(x, 0);
      ctx.lineTo(x, tall + 2000);
    }
    ctx.stroke();
  }

  function memory(ctx, page, row, axis) {
    const { tape } = page, { mem_at: at, mem_live: live } = tape.c;
    if (!at.length) return;
    const high = page.mostLive();
    const Y = (v) => row.y + row.h - (v / high) * (row.h - 12);
    const k = tape.unit * axis.scale, off = axis.x(tape.base), foot = row.y + row.h;
    const path = new Path2D(), right = axis.size.width + 4;
    let x0 = null, last = 0, x = 0;
    for (let i = 0; i < at.length; i++) {
      x = at[i] * k + off;
      if (x > right) break;
      if (x0 === null) path.moveTo((x0 = x), Y(live[i]));
      path.lineTo(x, Y(last = i ? live[i - 1] : live[i]));
      path.lineTo(x, Y((last = live[i])));
    }
    if (x0 === null) return;
    const end = Math.min(axis.x(page.tapeEnd()), right);
    path.lineTo(Math.max(x, end), Y(last));
    const area = new Path2D(path);
    area.lineTo(Math.max(x, end), foot);
    area.lineTo(x0, foot);
    ctx.fillStyle = gs.mix(gs.color("surface"), gs.color("memory-3"), 0.22);
    ctx.fill(area);
    ctx.strokeStyle = gs.color("memory-3");
    ctx.lineWidth = 1.5;
    ctx.stroke(path);
  }

  function range(ctx, page, tall) {
    if (!page.range) return;
    const { axis } = page, x0 = axis.x(page.range[0]), x1 = axis.x(page.range[1]);
    ctx.globalAlpha = 0.14;
    ctx.fillStyle = gs.color("focus");
    ctx.fillRect(x0, 0, x1 - x0, tall);
    ctx.globalAlpha = 1;
    ctx.fillRect(x0 - 0.75, 0, 1.5, tall);
    ctx.fillRect(x1 - 0.75, 0, 1.5, tall);
  }

  /* Names of the rows and the time in view of each. */
  function gutter(ctx, page, rows) {
    const { axis } = page, wide = axis.left;
    ctx.fillStyle = gs.color("surface");
    ctx.fillRect(0, 0, wide, axis.size.height);
    ctx.fillStyle = gs.color("line");
    ctx.fillRect(wide - 1, 0, 1, axis.size.height);
    ctx.save();
    ctx.beginPath();
    ctx.rect(0, rulerTall(), wide - 1, axis.size.height);
    ctx.clip();
    for (const row of rows) {
      const y = row.y - axis.top;
      if (!row.label) continue;
      const middle = y + (row.kind === "memory" ? LANE : row.h) / 2;
      if (row.colour) {
        ctx.fillStyle = row.kind === "gap" ? idling(ctx) : row.colour;
        ctx.fillRect(8, y + 5, 4, row.h - 10);
      }
      const small = row.kind === "flame";
      ctx.font = gs.font.sans(small || wide < 100 ? 11 : 12, small ? 400 : 600);
      ctx.fillStyle = gs.color(small ? "ink2" : "ink");
      const told = page.told(row);
      ctx.fillText(gs.marks.fit(ctx, row.label, wide - 20), 18, told ? middle - 6 * zoom() : middle);
      if (told) {
        ctx.font = gs.font.sans(11);
        ctx.fillStyle = gs.color("ink2");
        ctx.fillText(gs.marks.fit(ctx, told, wide - 20), 18, middle + 8 * zoom());
      }
    }
    ctx.restore();
  }

  function ruler(ctx, page) {
    const { axis } = page, { width } = axis.size, ticks = page.ticks();
    ctx.fillStyle = gs.color("surface");
    ctx.fillRect(0, 0, width, rulerTall());
    ctx.fillStyle = gs.color("line");
    ctx.fillRect(0, rulerTall() - 1, width, 1);
    ctx.save();
    ctx.beginPath();
    ctx.rect(axis.left, 0, width, rulerTall());
    ctx.clip();
    const chosen = page.state().step;
    let free = -1e9;
    for (const s of page.bands()) {
      const x0 = Math.max(axis.x(s.begin), axis.left), x1 = Math.min(axis.x(s.end), width);
      if (x1 <= x0) continue;
      const here = s.num === chosen && s.count === 1 && s.kind !== "eval";
      ctx.fillStyle = s.bad === 2 ? gs.color("state-failed") : s.bad ? gs.color("nonfinite") : gs.color(here ? "focus" : s.kind === "eval" ? "phase-idle" : "ink3");
      ctx.fillRect(x0, 1, Math.max(x1 - x0 - 1, 0.7), here ? 4 : 3);
      ctx.font = gs.font.sans(11, here ? 600 : 400);
      const text = s.count > 1 ? `${gs.units.count(s.num)}\u2013${gs.units.count(s.last)}` : `${s.kind === "eval" ? "eval" : "step"} ${gs.units.count(s.num)}`;
      const w = gs.marks.width(ctx, text);
      if (w + 6 > x1 - x0 || x0 < free) continue;
      ctx.fillStyle = gs.color(here ? "focus" : "ink2");
      ctx.fillText(text, x0 + 2, 13 * zoom());
      free = x0 + w + 10;
    }
    ctx.font = gs.font.sans(11);
    ctx.fillStyle = gs.color("ink3");
    ctx.textAlign = "center";
    for (const t of ticks.at) ctx.fillText(ticks.label(t), axis.x(t), 28 * zoom());
    ctx.restore();
    ctx.font = gs.font.sans(11);
    ctx.fillStyle = gs.color("ink3");
    ctx.textAlign = "left";
    const unit = `${ticks.unit} ${page.since()}`;
    ctx.fillText(gs.marks.width(ctx, unit) <= axis.left - 12 ? unit : ticks.unit, 8, 28 * zoom());
  }
})();
