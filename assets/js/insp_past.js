/* One node through the steps, in the inspector: mean with its spread, gradient, and time with p50 and p95. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);

  function key(colour, name) {
    const s = el("span", { class: "gs-swatch" });
    s.style.background = gs.color(colour);
    return el("span", { class: "gs-legend-item" }, s, name);
  }

  gs.inspPast = {
    box: () => el("section", { class: "gs-past" },
      el("h3", {}, "Over steps"),
      el("div", { class: "gs-key" }, key("value", "mean, \u00b1 std shaded"), key("gradient", "gradient rms")),
      el("div", { class: "gs-plot" }, el("canvas", { class: "gs-over gs-over-v", role: "img", "aria-label": "mean over steps" })),
      el("div", { class: "gs-plot" }, el("canvas", { class: "gs-over gs-over-g", role: "img", "aria-label": "gradient rms over steps" })),
      el("div", { class: "gs-key" }, key("phase-forward", "forward time"), key("phase-backward", "backward time")),
      el("div", { class: "gs-plot" }, el("canvas", { class: "gs-over gs-over-t", role: "img", "aria-label": "time over steps" })),
      el("p", { class: "gs-quiet gs-past-said" })),

    draw(root, history, now) {
      const box = root.querySelector(".gs-past");
      if (!box || !history) return;
      const { values, times } = history;
      // A parameter runs nothing, and of some ops no values are taken: no empty charts for them.
      const [first, second] = box.querySelectorAll(".gs-key"), plot = (name) => box.querySelector(name).parentElement;
      const runs = Boolean(times && [times.forward, times.backward].some((list) => (list || []).some((ns) => ns > 0))), has = (list) => list.some((v) => v !== null);
      plot(".gs-over-t").hidden = second.hidden = !runs;
      plot(".gs-over-v").hidden = !has(values.mean);
      plot(".gs-over-g").hidden = !has(values.gradient);
      first.hidden = !has(values.mean) && !has(values.gradient);
      box.hidden = first.hidden && !runs;
      const line = (name, steps, told, say) => gs.plotLines(box.querySelector(name), steps, told, now, say);
      const around = (sign) => values.mean.map((m, i) => (m === null || values.std[i] === null ? null : m + sign * values.std[i]));
      line(".gs-over-v", values.steps, [{ values: values.mean, colour: gs.color("value"), band: [around(-1), around(1)] }], gs.number);
      line(".gs-over-g", values.steps, [{ values: values.gradient, colour: gs.color("gradient") }], gs.number);
      line(".gs-over-t", times ? times.steps : [], times ? [
        { values: times.forward, colour: gs.color("phase-forward") }, { values: times.backward, colour: gs.color("phase-backward") },
      ] : [], gs.ns);
      box.querySelector(".gs-past-said").textContent = times && times.said ? `forward and backward together: ${times.said}` : "";
    },
  };
})();
