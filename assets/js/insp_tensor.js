/* One tensor in the inspector: value or gradient as heat map with slices, histogram, statistics, health. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const HEALTH = ["\u2212Inf", "negative", "zero", "positive", "+Inf", "NaN"];

  gs.InspTensor = class {
    constructor(inspector) {
      this.inspector = inspector;
      this.side = "v"; // value or gradient
      this.fixed = []; // of the leading axes: the place that is shown, or null for all
      this.ask = new gs.Latest((answer) => this.gotElement(answer), () => {});
    }

    root() {
      return this.inspector.root;
    }

    now() {
      const n = this.inspector.node;
      return n && n.tensors ? n.tensors[this.side] : null;
    }

    /* other: another node, whose axes are others. */
    section(n, other) {
      if (!n.tensors) return null;
      if (other) this.fixed = [];
      const tab = (side, name) => el("button", {
        type: "button", role: "tab", "data-key": "tab-" + side, "aria-selected": String(this.side === side), tabindex: this.side === side ? "0" : "-1",
        onclick: () => this.turn(side),
      }, name);
      const tabs = el("div", { class: "gs-segments", role: "tablist", "aria-label": "Value or gradient" }, tab("v", "Value"), tab("g", "Gradient"));
      tabs.addEventListener("keydown", (e) => {
        if (e.key !== "ArrowLeft" && e.key !== "ArrowRight") return;
        e.preventDefault();
        e.stopPropagation();
        this.turn(this.side === "v" ? "g" : "v");
      });
      const t = n.tensors[this.side];
      const body = [];
      if (t.why) body.push(el("p", { class: "gs-quiet" }, t.why));
      if (t.thumb && t.thumb.values.length > 1) {
        body.push(this.slices(t.thumb), el("div", { class: "gs-plot" }, el("canvas", { class: "gs-heat", role: "img", "aria-label": `heat map, ${t.thumb.shape.join(" by ")}` })),
          el("p", { class: "gs-quiet gs-read" }, sampled(t.thumb)));
      }
      if (t.stats && !t.thumb) body.push(el("p", { class: "gs-quiet" }, "Only statistics of this tensor were kept, not its numbers."));
      if (t.hist) body.push(el("h3", {}, "Histogram"), el("div", { class: "gs-plot" }, el("canvas", { class: "gs-hist", role: "img", "aria-label": `histogram from ${t.hist.low} to ${t.hist.high}` })));
      if (t.stats) {
        body.push(el("dl", { class: "gs-stats" }, t.stats.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text)))), health(t.health));
      }
      return el("section", { class: "gs-tensor" }, tabs, el("div", { role: "tabpanel" }, body.filter(Boolean)));
    }

    turn(side) {
      this.side = side;
      this.inspector.draw();
      this.root().querySelector(`[data-key=tab-${side}]`).focus({ preventScroll: true });
    }

    /* One choice for each axis before the last two: all of it as tiles, or one place. */
    slices(thumb) {
      const lead = thumb.shape.length - 2;
      if (lead < 1) return null;
      const axis = (d) => {
        const pick = el("select", { "aria-label": `Axis ${d}`, "data-key": `axis-${d}` }, el("option", { value: "" }, "all"),
          Array.from({ length: Math.min(thumb.shape[d], 256) }, (_, i) => el("option", { value: i, selected: this.fixed[d] === i }, String(i * thumb.stride[d]))));
        pick.addEventListener("change", () => {
          this.fixed[d] = pick.value === "" ? null : Number(pick.value);
          this.paint();
        });
        return el("label", {}, `axis ${d}`, pick);
      };
      return el("div", { class: "gs-slices" }, Array.from({ length: lead }, (_, d) => axis(d)));
    }

    paint() {
      const t = this.now(), heat = this.root().querySelector(".gs-heat");
      if (heat) {
        const part = sliced(t.thumb, this.fixed);
        const where = gs.plotHeat(heat, part);
        const read = this.root().querySelector(".gs-read");
        const at = (e) => {
          const hit = where(e.offsetX, e.offsetY);
          return hit && { index: part.back(hit.index), value: hit.value };
        };
        heat.onpointermove = (e) => {
          const hit = at(e);
          read.textContent = hit ? `[${hit.index.join(", ")}] = ${gs.number(hit.value, 6)}` : sampled(t.thumb);
        };
        heat.onclick = (e) => {
          const hit = at(e), n = this.inspector.node;
          if (hit && this.side === "v" && n.formula) this.ask.ask(gs.url("/api/element", { ...gs.aim(), index: hit.index.join(",") }));
        };
      }
      const hist = this.root().querySelector(".gs-hist");
      if (hist) gs.plotHist(hist, t.hist, gs.color(this.side === "v" ? "value" : "gradient"));
    }

    /* The chosen element with the numbers that it is made of, where the trace has them all. */
    gotElement(answer) {
      const line = this.root().querySelector(".gs-filled");
      if (!line || !answer.filled || gs.aim().node !== answer.id) return;
      line.replaceChildren(gs.tex(answer.filled.tex));
      line.hidden = false;
    }
  };

  /* The part of a sample with some leading axes held at a place; back(index) gives the whole index. */
  function sliced(thumb, fixed) {
    const { shape, stride, values } = thumb, lead = Math.max(shape.length - 2, 0);
    const held = shape.map((size, d) => (d < lead && Number.isInteger(fixed[d]) && fixed[d] < size ? fixed[d] : null));
    const keep = shape.map((_, d) => d).filter((d) => held[d] === null);
    const back = (index) => {
      let k = 0;
      return shape.map((_, d) => (held[d] === null ? index[k++] : held[d] * stride[d]));
    };
    if (keep.length === shape.length) return { shape, stride, values, back };
    const step = shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
    const from = held.reduce((sum, at, d) => sum + (at === null ? 0 : at * step[d]), 0);
    const out = [];
    const walk = (k, at) => {
      if (k === keep.length) return void out.push(values[at]);
      for (let i = 0; i < shape[keep[k]]; i++) walk(k + 1, at + i * step[keep[k]]);
    };
    walk(0, from);
    return { shape: keep.map((d) => shape[d]), stride: keep.map((d) => stride[d]), values: out, back };
  }

  function sampled(thumb) {
    const from = thumb.step === undefined ? "" : `, from step ${thumb.step}`;
    return (thumb.stride.some((s) => s > 1) ? `a sample: every ${thumb.stride.join(" × ")}-th element` : "every element") + from;
  }

  function health(counts) {
    const total = counts.reduce((a, b) => a + b, 0) || 1;
    const bar = el("div", { class: "gs-health-bar" });
    counts.forEach((n, i) => {
      if (!n) return;
      const part = el("span", { class: "gs-health-" + i, title: `${HEALTH[i]}: ${n}` });
      part.style.flexGrow = String(Math.max(n / total, 0.01));
      bar.append(part);
    });
    return el("div", { class: "gs-health" }, bar, el("div", { class: "gs-health-words" },
      counts.map((n, i) => (n ? el("span", { class: i === 0 || i > 3 ? "gs-wild" : null }, `${HEALTH[i]} ${n.toLocaleString("en-US")}`) : null))));
  }
})();
