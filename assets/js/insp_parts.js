/* The parts of the inspector that are text: head, source line, the two numbers, facts, formula, findings, links. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const EDITORS = {
    vscode: ["VS Code", (file, line) => `vscode://file${file}:${line}`], cursor: ["Cursor", (file, line) => `cursor://file${file}:${line}`],
    zed: ["Zed", (file, line) => `zed://file${file}:${line}`], pycharm: ["PyCharm", (file, line) => `pycharm://open?file=${file}&line=${line}`],
    subl: ["Sublime Text", (file, line) => `subl://open?url=file://${file}&line=${line}`],
  };

  function editor() {
    try {
      const kept = localStorage.getItem("graphscope-editor");
      return kept in EDITORS ? kept : "vscode";
    } catch (error) {
      return "vscode";
    }
  }

  /* "/home/me/a b.py:12" as the address under which an editor opens that line; null for no whole path. */
  gs.editorLink = function (path, which) {
    const match = /^(.*):(\d+)$/.exec(path || "");
    if (!match) return null;
    let file = match[1].replace(/\\/g, "/");
    if (/^[A-Za-z]:\//.test(file)) file = "/" + file;
    if (file[0] !== "/") return null; // a notebook cell or "<stdin>" is no file
    file = encodeURI(file).replace(/[?#&]/g, encodeURIComponent);
    return EDITORS[which || editor()][1](file, match[2]);
  };

  function head(n) {
    const path = [n.scope ? n.scope.split(".").join(" / ") : "", n.family_name].filter(Boolean).join(" \u00b7 ");
    const family = el("span", { class: "gs-swatch" });
    family.style.background = gs.color("family-" + n.family);
    return el("header", { class: "gs-insp-head" },
      el("button", { type: "button", class: "gs-close", "data-key": "close", "aria-label": "Close the inspector", title: "Close (Esc)", onclick: () => gs.set({ node: null }) }, "\u00d7"),
      el("div", { class: "gs-insp-path" }, family, el("span", {}, path)),
      el("h2", {}, el("span", { class: "gs-insp-name" }, n.label)),
      el("div", { class: "gs-insp-sign" }, n.op && n.op !== n.label ? n.op + " " : "", n.signature),
      n.doc && n.kind === "op" ? el("p", { class: "gs-quiet" }, n.doc) : null);
  }

  function source(n) {
    if (!n.source) return null;
    const copy = el("button", {
      type: "button", class: "gs-copy", "data-key": "copy", title: `copy ${n.source.path} (y)`,
      onclick: () => gs.copyText(n.source.path, copy),
    }, "Copy");
    return el("section", { class: "gs-code", "aria-label": "Source line" },
      el("div", { class: "gs-code-head" }, el("span", { class: "gs-code-path", title: n.source.path }, n.source.short),
        n.source.func && n.source.func !== "<module>" ? el("span", { class: "gs-quiet" }, ` in ${n.source.func}`) : null,
        el("span", { class: "gs-code-do" }, copy, opener(n.source.path))),
      n.source.lines.length
        ? el("pre", { "data-scroll": "code", tabindex: "0" }, gs.codeLines(n.source.lines))
        : el("p", { class: "gs-quiet" }, "the file's text was not recorded"));
  }

  /* A link into the reader's editor; which one is chosen beside it and remembered. */
  function opener(path) {
    if (!gs.editorLink(path)) return null;
    const link = el("a", { class: "gs-copy", "data-key": "open", href: gs.editorLink(path), title: `open in ${EDITORS[editor()][0]}` }, "Open");
    const pick = el("select", { class: "gs-editor", "data-key": "editor", "aria-label": "Editor", title: "Editor" },
      Object.entries(EDITORS).map(([key, [name]]) => el("option", { value: key, selected: key === editor() }, name)));
    pick.addEventListener("change", () => {
      gs.remember("editor", pick.value);
      link.href = gs.editorLink(path, pick.value);
      link.title = `open in ${EDITORS[pick.value][0]}`;
    });
    return el("span", { class: "gs-open" }, link, pick);
  }

  function pair(n) {
    if (!n.tensors) return null;
    const one = (side, name) => el("div", { class: `gs-big gs-big-${side}` },
      el("span", {}, name), el("strong", { "data-testid": side === "v" ? "value" : "gradient" }, n.tensors[side].text || "\u2014"));
    return el("section", {}, el("div", { class: "gs-pair" }, one("v", "value"), one("g", "gradient")),
      n.note ? el("p", { class: "gs-quiet gs-note" }, n.note) : null);
  }

  function facts(n) {
    return el("dl", { class: "gs-facts" }, n.facts.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", { title: text }, text))));
  }

  /* What the doctor says of this very node, or of something in this scope. */
  function findings(n) {
    const found = gs.findingsOf ? gs.findingsOf(n.id) : [];
    if (!found.length) return null;
    return el("section", { class: "gs-node-findings", "aria-label": "Findings" }, el("h3", {}, found.length === 1 ? "Finding" : "Findings"),
      found.map((f) => el("details", { class: `gs-node-finding gs-sev-${f.severity}`, "data-key": `finding ${f.id} ${f.key}` },
        el("summary", {}, el("b", {}, f.severity), " ", f.title),
        el("p", {}, gs.held(f.detail)), f.means ? el("p", { class: "gs-quiet" }, f.means) : null, f.fix ? el("p", {}, f.fix) : null)));
  }

  function formula(n) {
    const f = n.formula;
    if (!f) return null;
    const row = (letter, cells) => el("tr", {}, el("th", { scope: "row" }, letter), cells.map((c) => el("td", {}, c)));
    return el("section", { class: "gs-formula" }, el("h3", {}, "Formula"),
      f.equations.map((tex) => el("p", {}, gs.tex(tex))),
      el("p", { class: "gs-filled", hidden: !f.filled, title: "One element with this node's own numbers; choose another in the heat map" }, f.filled ? gs.tex(f.filled.tex) : ""),
      f.gradients.map((tex) => el("p", { class: "gs-formula-g" }, gs.tex(tex))),
      el("table", { class: "gs-letters" }, el("tbody", {},
        f.names.map((x) => row(el("i", {}, x.letter), [x.name, x.shape, x.value])),
        f.gradients.length ? row(el("i", {}, "y\u0304"), ["the gradient that arrives", "", f.arrives ? `rms ${f.arrives}` : ""]) : null)));
  }

  function links(n) {
    const row = (title, list) => (list && list.length ? el("section", { class: "gs-links" }, el("h3", {}, title),
      el("ul", {}, list.map((link) => el("li", {}, el("button", {
        type: "button", "data-key": title + link.id,
        onclick: () => (gs.graphPage ? gs.graphPage.reveal(link.id, link.inside) : gs.set({ node: link.id })),
      }, el("span", {}, link.label), el("span", { class: "gs-quiet" }, link.shape)))))) : null);
    return el("div", {}, row("Slowest inside", n.slowest), row("Inputs", n.inputs), row("Used by", n.outputs));
  }

  gs.insp = { head, source, pair, facts, findings, formula, links };
})();
