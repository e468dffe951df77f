/* The small marks of a comparison: the colour of a side, two spreads on one scale, a verdict, a meter. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);

  /* The colour of a side: B has that of a run alone, A the one of a second run. */
  function chip(place) {
    const swatch = el("span", { class: "gs-swatch" });
    swatch.style.background = place ? "var(--gs-run-1)" : "var(--gs-value)";
    return swatch;
  }

  /* The middle halves of both samples on one scale: where they overlap nothing is claimed. */
  function spread(row) {
    const top = Math.max(row.a_p75 || 0, row.b_p75 || 0) * 1.05;
    if (!top) return el("span", {});
    const line = (low, mid, high, colour) => {
      const track = el("span", { class: "gs-whisker" });
      if (mid === null || mid === undefined) return track;
      const box = el("i"), dot = el("u");
      box.style.left = `${(100 * low / top).toFixed(1)}%`;
      box.style.width = `${Math.max(100 * (high - low) / top, 1).toFixed(1)}%`;
      dot.style.left = `${(100 * mid / top).toFixed(1)}%`;
      box.style.background = dot.style.background = `var(--gs-${colour})`;
      track.append(box, dot);
      return track;
    };
    const told = (name, s) => (row[`${s}_p50`] === null ? `${name}: not there` : `${name}: ${gs.units.ns(row[`${s}_p25`])} to ${gs.units.ns(row[`${s}_p75`])}, ${row[`${s}_samples`]} steps`);
    return el("span", { class: "gs-whiskers", title: `${told("A", "a")}\n${told("B", "b")}` }, line(row.a_p25, row.a_p50, row.a_p75, "run-1"), line(row.b_p25, row.b_p50, row.b_p75, "value"));
  }

  const SIGNS = { slower: "\u25b2", faster: "\u25bc", "only in A": "\u2212", "only in B": "+" };
  const verdict = (word) => el("span", { class: SIGNS[word] ? "gs-verdict" : "gs-verdict gs-none" }, SIGNS[word] ? `${SIGNS[word]} ` : "", word);

  function meter(size, most, beyond) {
    const fill = el("i");
    fill.style.width = `${(100 * Math.min(Number.isFinite(size) ? size / most : 1, 1)).toFixed(1)}%`;
    fill.style.background = beyond ? "var(--gs-time-3)" : "var(--gs-edge)";
    return el("span", { class: "gs-bar", "aria-hidden": "true" }, fill);
  }

  gs.sides = { chip, spread, verdict, meter };
})();
