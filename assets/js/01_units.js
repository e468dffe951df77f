/* Numbers as text, by the same rules as graphscope/units.py (a browser test holds the two together).
 *
 * The server formats what it sends; this is for what only the page knows: the number under the
 * pointer, the ends of an axis, the loss at the playhead, a column of a table in one unit.
 *
 *   gs.units.ns(1234567), gs.units.bytes(2048), gs.units.share(0.152)
 *   gs.units.ns(1500, "ms"), gs.units.unit([1200, 3.4e6], "ns")     one unit for a column
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const MISSING = "\u2014";
  const TIME = [["s", 1e9], ["ms", 1e6], ["\u00b5s", 1e3], ["ns", 1]];
  const BYTES = [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 1024], ["B", 1]];
  const DECIMAL = [["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3], ["", 1]];
  const TABLES = { ns: TIME, bytes: BYTES, flops: DECIMAL };

  /* As toLocaleString, which finds its rules anew at every call: twenty times as long. */
  const styles = new Map();
  function grouped(x, digits) {
    if (!styles.has(digits)) styles.set(digits, new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
    return styles.get(digits).format(x);
  }

  gs.number = function (x, digits) {
    if (x === null || x === undefined) return MISSING;
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
      return grouped(x, whole ? 0 : Math.max(digits - 1 - e, 0));
    }
    return `${mantissa}e${e}`;
  }

  // From how many nanoseconds on a duration is told in it, its name, its size.
  const LONG = [[172800e9, "days", 86400e9], [7200e9, "h", 3600e9], [600e9, "min", 60e9]];
  function long(ns) {
    const found = Number.isFinite(ns) && LONG.find(([least]) => Math.abs(ns) >= least);
    return found ? `${gs.number(ns / found[2])} ${found[1]}` : null;
  }

  gs.ns = function (ns) {
    if (ns === null || ns === undefined) return "\u2014";
    if (long(ns)) return long(ns);
    for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["\u00b5s", 1e3]]) {
      if (Number(Math.abs(ns).toPrecision(3)) >= size) return `${gs.number(ns / size)} ${unit}`;
    }
    return `${grouped(Math.round(ns), 0)} ns`;
  };

  const none = (x) => x === null || x === undefined;
  function pick(size, table) {
    // The rounded size decides, so that 999.9 us is "1.00 ms" and not "1,000 us"; but 1024 is rounded down, and 2 ** 30.
    const rounded = Math.max(size, Number(size.toPrecision(3)));
    return table.find(([, factor]) => rounded >= factor) || table[table.length - 1];
  }
  function scaled(x, table, suffix, unit) {
    if (none(x)) return MISSING;
    if (!Number.isFinite(x)) return gs.number(x);
    const [name, factor] = (unit !== undefined && unit !== null && table.find((row) => row[0] === unit)) || pick(Math.abs(x), table);
    const value = x / factor;
    const text = factor === 1 && Number.isInteger(value) && Math.abs(value) < 1e6 ? whole(value) : gs.number(value);
    return `${text} ${name}${suffix}`.trimEnd();
  }
  const whole = (n) => grouped(n, 0).replace("-", "\u2212");

  const units = (gs.units = {
    number: gs.number,
    ns: (x, unit) => (none(unit) && long(x)) || scaled(x, TIME, "", unit),
    bytes: (x, unit) => scaled(x, BYTES, "", unit),
    flops: (x, unit) => scaled(x, DECIMAL, "FLOP", unit),
    count: (n) => (none(n) ? MISSING : Math.abs(n) < 1e6 && Number.isInteger(n) ? whole(n) : scaled(n, DECIMAL, "")),
    share(f) {
      if (none(f)) return MISSING;
      const percent = 100 * f;
      if (!Number.isFinite(percent)) return MISSING;
      if (percent === 0) return "0 %";
      if (percent > 0 && percent < 0.1) return "<0.1 %";
      if (percent === 100 || Math.abs(percent) >= 1e4) return `${gs.number(percent)} %`;
      return `${percent.toFixed(1)} %`.replace("-", "\u2212");
    },
    /* Operations or bytes a second; rates are in powers of 1000. */
    rate: (x, of) => (none(x) ? MISSING : `${scaled(x, DECIMAL, of === "bytes" ? "B" : "FLOP")}/s`),
    /* A number as it stands in a column of that unit. */
    inUnit: (x, unit, kind) => x / TABLES[kind].find((row) => row[0] === unit)[1],
    /* The one unit of a column: that of its largest number. */
    unit(values, kind) {
      const sizes = values.filter((x) => !none(x) && Number.isFinite(x)).map(Math.abs);
      return pick(sizes.length ? Math.max(...sizes) : 0, TABLES[kind])[0];
    },
  });
  units.loss = (x) => gs.number(x, 4);
})();
