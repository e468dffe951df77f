/* The little TeX in which ops are written, as readable text: no library, and only our own subset.
 *
 * gs.tex(text) gives a span: ^ and _ become raised and lowered text, \frac a fraction, \sqrt a root,
 * known words their sign. What is not known is shown as it is written: a formula never breaks the page.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const SIGNS = {
    alpha: "α", beta: "β", gamma: "γ", delta: "δ", epsilon: "ε", varepsilon: "ε", eta: "η", theta: "θ", lambda: "λ", mu: "μ", pi: "π",
    rho: "ρ", sigma: "σ", tau: "τ", phi: "φ", varphi: "φ", psi: "ψ", omega: "ω", Delta: "Δ", Sigma: "Σ", Phi: "Φ", Omega: "Ω",
    partial: "∂", nabla: "∇", sum: "∑", prod: "∏", int: "∫", infty: "∞", cdot: "·", times: "×", odot: "⊙", otimes: "⊗", oplus: "⊕",
    circ: "∘", ast: "∗", star: "⋆", div: "÷", pm: "±", mp: "∓", le: "≤", leq: "≤", ge: "≥", geq: "≥", ne: "≠", neq: "≠", approx: "≈",
    ll: "≪", gg: "≫", in: "∈", notin: "∉", to: "→", rightarrow: "→", leftarrow: "←", mapsto: "↦", gets: "←", top: "ᵀ", intercal: "ᵀ",
    mid: "|", vert: "|", lvert: "|", rvert: "|", Vert: "‖", lVert: "‖", rVert: "‖", "|": "‖", langle: "⟨", rangle: "⟩",
    lfloor: "⌊", rfloor: "⌋", lceil: "⌈", rceil: "⌉", ldots: "…", dots: "…", cdots: "⋯", prime: "′", forall: "∀", wedge: "∧", vee: "∨", land: "∧", lor: "∨",
    lnot: "¬", neg: "¬", ell: "ℓ", quad: "  ", qquad: "    ", ",": " ", ";": " ", ":": " ", " ": " ", "!": "", "{": "{", "}": "}", "%": "%", "_": "_", "&": "&", "#": "#",
  };
  const WORDS = new Set(["max", "min", "exp", "log", "ln", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arg", "argmax", "argmin", "det", "lim", "sup", "inf", "sgn", "mod", "bmod"]);
  const PLAIN = new Set(["left", "right", "big", "Big", "bigl", "bigr", "Bigl", "Bigr", "displaystyle", "textstyle", "limits", "nolimits"]);
  const STYLED = new Set(["mathrm", "text", "operatorname", "mathbf", "mathit", "mathsf", "mathcal", "mathbb", "boldsymbol", "textrm", "texttt"]);
  const ACCENT = { hat: "\u0302", bar: "\u0304", tilde: "\u0303", dot: "\u0307", vec: "\u20d7", overline: "\u0304", widehat: "\u0302" };

  gs.tex = function (text) {
    const out = gs.el("span", { class: "gs-tex" });
    let at = 0;
    const s = String(text).slice(0, 2000);

    /* A group {..} or one token, as nodes. */
    function argument() {
      while (s[at] === " ") at++;
      if (s[at] === "{") return group();
      const box = gs.el("span");
      one(box);
      return box;
    }

    function group() {
      at++;
      const box = gs.el("span");
      while (at < s.length && s[at] !== "}") one(box);
      at++;
      return box;
    }

    function one(box) {
      const c = s[at];
      if (c === "\\") command(box);
      else if (c === "{") box.append(group());
      else if (c === "^" || c === "_") {
        at++;
        const raised = gs.el(c === "^" ? "sup" : "sub");
        raised.append(argument());
        box.append(raised);
      } else if (c === "&" || c === "~") {
        at++;
        box.append(" ");
      } else {
        at++;
        if (/[a-zA-Z]/.test(c)) box.append(gs.el("i", {}, c));
        else box.append(c === "-" ? "\u2212" : c === "*" ? "\u2217" : c === "'" ? "\u2032" : c);
      }
    }

    function command(box) {
      const match = /^\\([a-zA-Z]+|.)/.exec(s.slice(at));
      if (!match) {
        at++;
        return;
      }
      at += match[0].length;
      const word = match[1];
      if (word === "frac" || word === "tfrac" || word === "dfrac") {
        const over = argument(), under = argument();
        box.append(gs.el("span", { class: "gs-frac" }, gs.el("span", {}, over), gs.el("span", {}, under)));
      } else if (word === "sqrt") {
        box.append("\u221a", gs.el("span", { class: "gs-root" }, argument()));
      } else if (word in ACCENT) {
        box.append(gs.el("span", {}, argument(), ACCENT[word]));
      } else if (STYLED.has(word)) {
        const inner = argument();
        box.append(gs.el("span", { class: word === "mathbf" || word === "boldsymbol" ? "gs-tex-bold" : "gs-tex-up" }, inner.textContent));
      } else if (WORDS.has(word)) {
        box.append(gs.el("span", { class: "gs-tex-up" }, word + (/[a-zA-Z{\\]/.test(s[at] || "") ? "\u2009" : "")));
      } else if (word === "\\") {
        box.append(gs.el("br"));
      } else if (Object.prototype.hasOwnProperty.call(SIGNS, word)) {
        box.append(SIGNS[word]);
      } else if (!PLAIN.has(word)) {
        box.append("\\" + word);
      }
    }

    while (at < s.length) {
      if (s[at] === "}") at++;
      else one(out);
    }
    return out;
  };

  const RAISED = { 0: "\u2070", 1: "\u00b9", 2: "\u00b2", 3: "\u00b3", 4: "\u2074", 5: "\u2075", 6: "\u2076", 7: "\u2077", 8: "\u2078", 9: "\u2079",
    "+": "\u207a", "\u2212": "\u207b", n: "\u207f", T: "\u1d40", i: "\u2071", x: "\u02e3", "\u1d40": "\u1d40" };
  const LOWERED = { 0: "\u2080", 1: "\u2081", 2: "\u2082", 3: "\u2083", 4: "\u2084", 5: "\u2085", 6: "\u2086", 7: "\u2087", 8: "\u2088", 9: "\u2089", i: "\u1d62", j: "\u2c7c", n: "\u2099" };
  const texts = new Map();

  /* The same in one line of plain text, for canvas: fractions as a/b, powers raised where a sign for it is. */
  gs.texText = function (tex) {
    if (!texts.has(tex)) texts.set(tex, plain(gs.tex(tex)));
    return texts.get(tex);
  };

  function plain(node) {
    if (node.nodeType === 3) return node.textContent;
    if (node.className === "gs-frac") {
      return [...node.children].map((part) => (plain(part).length > 1 ? `(${plain(part)})` : plain(part))).join("/");
    }
    const inner = [...node.childNodes].map(plain).join("");
    const table = node.nodeName === "SUP" ? RAISED : node.nodeName === "SUB" ? LOWERED : null;
    if (!table) return inner;
    if ([...inner].every((c) => c in table)) return [...inner].map((c) => table[c]).join("");
    return (node.nodeName === "SUP" ? "^" : "_") + (inner.length > 1 ? `(${inner})` : inner);
  }
})();
