/* Numbers as text, by the same rules as graphscope/units.py (a browser test holds the two together).
 *
 * The server formats what it sends; this is for what only the page knows: the number under the
 * pointer, the ends of an axis, the loss at the playhead.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  gs.number = function (x, digits) {
    if (x === null || x === undefined) return "\u2014";
    if (typeof x === "string") return x.replace("-", "\u2212"); // "NaN", "+Inf", "-Inf" come as words
    return real(x, digits || 3).replace(/-/g, "\u2212");
  };

  function real(x, digits) {
    if (Number.isNaN(x)) return "NaN";
    if (!Number.isFinite(x)) return x > 0 ? "+Inf" : "-Inf";
    if (x === 0) return "0";
    const [mantissa, power] = x.toExponential(digits - 1).split("e");
    const e = Number(power);
    if (e >= -3 && e < 4 && Math.abs(x) >= 1e-3) {
      const whole = Number.isInteger(x) && e >= digits - 1;
      return x.toLocaleString("en-US", whole ? { maximumFractionDigits: 0 }
        : { minimumFractionDigits: Math.max(digits - 1 - e, 0), maximumFractionDigits: Math.max(digits - 1 - e, 0) });
    }
    return `${mantissa}e${e}`;
  }

  gs.ns = function (ns) {
    if (ns === null || ns === undefined) return "\u2014";
    for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["\u00b5s", 1e3]]) {
      if (Number(Math.abs(ns).toPrecision(3)) >= size) return `${gs.number(ns / size)} ${unit}`;
    }
    return `${Math.round(ns).toLocaleString("en-US")} ns`;
  };
})();
