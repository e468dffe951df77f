/* The one legend of all overlays: names as swatches, or a scale with both ends and its unit. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  gs.paintLegend = function (box, legend, go) {
    if (!box) return;
    if (!legend) {
      box.replaceChildren();
      return;
    }
    const swatch = (colour) => {
      const s = gs.el("span", { class: "gs-swatch" });
      s.style.background = colour;
      return s;
    };
    const title = gs.el("span", { class: "gs-legend-title" }, legend.title || "");
    if (legend.kind === "names") {
      const entries = legend.entries.map(([colour, name]) => gs.el("span", { class: "gs-legend-item" }, swatch(colour), name));
      box.replaceChildren(...(legend.mode === "family" ? [] : [title]), ...(entries.length ? entries : [gs.el("span", {}, "not recorded")]));
      return;
    }
    const ramp = gs.el("span", { class: "gs-ramp" });
    ramp.style.background = `linear-gradient(to right, ${legend.colours.join(",")})`;
    // An end leads to its card: the slowest op is one click away.
    const end = (text, top) => (top ? gs.el("button", { type: "button", class: "gs-legend-end", title: `${top[1]}: show it`, onclick: () => go(top[0]) }, text, " ", gs.el("span", {}, top[1]))
      : gs.el("span", { class: "gs-legend-end" }, text));
    const [low, high] = legend.ends, tops = legend.tops || [];
    const most = tops.length === 2 ? tops[1] : null;
    const none = gs.el("span", { class: "gs-legend-item", title: "Cards without such a number" }, gs.el("span", { class: "gs-swatch gs-swatch-none" }), "none");
    box.replaceChildren(title, ...(low || high ? [end(low), ramp, end(high, most)] : [gs.el("span", {}, "not recorded")]),
      legend.scaling === "log10" && (low || high) ? gs.el("span", {}, "log") : "", low || high ? none : "");
  };
})();
