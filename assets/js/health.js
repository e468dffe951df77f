/* The Health page: what the rules found, worst first, with evidence, line, meaning and fix. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const TOPICS = [["structure", "Structure"], ["training", "Training"], ["performance", "Time"], ["memory", "Memory"]];
  const LEVELS = [["error", "Errors"], ["warning", "Warnings"], ["info", "Notes"]];

  /* What this reader has muted, in this browser only; the line for the settings file mutes it for all. */
  const muted = new Set(kept());
  function kept() {
    try {
      const list = JSON.parse(gs.remembered("muted") || "[]");
      return Array.isArray(list) ? list.map(String) : [];
    } catch (error) {
      return []; // somebody else wrote there
    }
  }
  const name = (f) => (f.key ? `${f.id}:${f.key}` : f.id);
  gs.findings = {
    name,
    unmuted: (list) => list.filter((f) => !muted.has(name(f))),
    mute(f, on) {
      muted[on ? "add" : "delete"](name(f));
      gs.remember("muted", muted.size ? JSON.stringify([...muted]) : null);
    },
  };

  class Health {
    constructor(root) {
      this.root = root;
      this.bar = root.querySelector(".gs-health-filters");
      this.list = root.querySelector(".gs-findings");
      this.topic = this.level = null;
      this.withMuted = false;
      this.poll = new gs.Poll("health", () => gs.url("/api/findings", { run: gs.state.run }), (told) => this.got(told),
        { counters: ["run", "doctor"], failed: (e) => this.problem(e) });
      gs.on((state, changed) => {
        if (changed.includes("run")) this.forget();
        if (changed.some((k) => ["tab", "page"].includes(k))) this.goTo(state.tab);
      });
      gs.key("n", "Next finding", () => this.walk(1));
      gs.key("p", "Previous finding", () => this.walk(-1));
      this.skeleton();
    }

    skeleton() {
      delete this.list.gsTold;
      this.list.replaceChildren(...[96, 96, 96].map((h) => {
        const ghost = el("div", { class: "gs-skeleton" });
        ghost.style.height = `${h}px`;
        return ghost;
      }));
      this.bar.replaceChildren();
      delete this.bar.gsTold;
    }

    forget() {
      this.told = null;
      this.skeleton();
    }

    problem(error) {
      this.list.replaceChildren(el("p", { class: "gs-quiet" }, error.message));
    }

    got(told) {
      this.told = told;
      // The first look takes a moment in a long run: it is asked for again when the card says so.
      this.draw();
      if (this.asked !== gs.state.tab) this.goTo(gs.state.tab);
    }

    draw() {
      const told = this.told;
      if (!told) return;
      const all = told.findings, open = gs.findings.unmuted(all);
      const shown = (this.withMuted ? all : open).filter((f) => (!this.topic || f.topic === this.topic) && (!this.level || f.severity === this.level));
      this.filters(all, open);
      gs.fill(this.list, [shown, told.ready, told.problem, told.rules, told.unjudged, [...muted]], () => [
        told.problem ? el("p", { class: "gs-card" }, told.problem) : null,
        !told.ready ? el("p", { class: "gs-quiet", role: "status" }, `${told.rules || "The"} rules are looking at this run…`) : null,
        ...shown.map((f) => this.card(f)),
        told.ready && !shown.length ? this.none(told, all, open) : null,
        told.ready && (shown.length || open.length) ? this.foot(told) : null, // else it stands in the card above
      ]);
      this.list.dataset.ready = String(told.ready);
    }

    filters(all, open) {
      const count = (key, value) => open.filter((f) => f[key] === value).length;
      const pick = (key, value, words) => el("button", {
        type: "button", class: "gs-button", "aria-pressed": String(this[key] === value), "data-key": `${key}-${value}`, disabled: !count(key === "level" ? "severity" : key, value) && this[key] !== value,
        onclick: () => {
          this[key] = this[key] === value ? null : value;
          this.draw();
        },
      }, words, " ", el("span", { class: "gs-count" }, count(key === "level" ? "severity" : key, value)));
      const hidden = all.length - open.length;
      gs.fill(this.bar, [open.map((f) => [f.severity, f.topic]), this.topic, this.level, this.withMuted, hidden], () => [
        el("div", { class: "gs-filter-group", role: "group", "aria-label": "Severity" }, LEVELS.map(([value, words]) => pick("level", value, words))),
        el("div", { class: "gs-filter-group", role: "group", "aria-label": "Topic" }, TOPICS.map(([value, words]) => pick("topic", value, words))),
        hidden ? el("button", { type: "button", class: "gs-button", "data-key": "muted", "aria-pressed": String(this.withMuted), onclick: () => {
          this.withMuted = !this.withMuted;
          this.draw();
        } }, `${hidden} muted`) : null,
      ]);
    }

    none(told, all, open) {
      if (open.length) return el("p", { class: "gs-card" }, "No finding of this kind.");
      const words = all.length ? `Nothing else: ${all.length} muted.` : "No findings.";
      return el("div", { class: "gs-card gs-no-findings" }, el("h2", {}, words), this.foot(told));
    }

    foot(told) {
      if (!told.unjudged.length) return el("p", { class: "gs-quiet gs-looked" }, gs.looked(told));
      return el("details", { class: "gs-looked", "data-key": "unjudged" }, el("summary", {}, gs.looked(told)),
        el("ul", {}, told.unjudged.map((rule) => el("li", {}, el("b", {}, rule.title), ` · ${rule.why}`))));
    }

    card(f) {
      const id = name(f);
      // The steps of the strip are those of the training: an evaluation has numbers of its own.
      const ours = f.kind === "train", go = ours && f.first_step >= 0 ? el("button", { type: "button", class: "gs-button", "data-key": `step ${id}`, onclick: () => gs.set({ step: f.first_step }) }, `Go to step ${gs.units.count(f.first_step)}`) : null;
      const isMuted = muted.has(id);
      return el("article", { class: `gs-card gs-finding${f.active ? "" : " gs-past-finding"}`, role: "listitem", "data-finding": id, "data-severity": f.severity, tabindex: "-1" },
        el("header", {}, gs.severity(f.severity, f.active), el("h2", {}, f.title), el("span", { class: "gs-aside" }, f.steps)),
        el("p", { class: "gs-evidence" }, gs.held(f.detail)),
        f.trail ? trail(f, id) : null,
        el("div", { class: "gs-finding-body" },
          f.code ? code(f.code, id) : null,
          el("div", { class: "gs-advice" },
            f.means ? el("div", {}, el("h3", {}, "What it means"), el("p", {}, f.means)) : null,
            f.fix ? el("div", {}, el("h3", {}, "How to fix it"), fix(f.fix)) : null)),
        el("footer", {},
          (f.trail ? [] : f.cards.slice(0, 4)).map((c) => el(ours ? "button" : "span", { type: ours ? "button" : null, class: ours ? "gs-button gs-node-link" : "gs-node-name", "data-key": `node ${id} ${c.id}`, title: c.scope ? `${c.scope} · ${c.label}` : c.label, onclick: ours ? () => gs.reveal(c.id, c.inside, f.first_step >= 0 ? f.last_step : null) : () => {} },
            el("span", { class: "gs-icon gs-icon-graph", "aria-hidden": "true" }), c.label)),
          !f.trail && (f.cards.length > 4 || f.more) ? el("span", { class: "gs-quiet" }, `and ${f.cards.length - 4 + f.more} more`) : null,
          go,
          gs.findingActions(f),
          el("span", { class: "gs-spring" }),
          f.link ? el("a", { class: "gs-quiet gs-source-link", href: f.link, target: "_blank", rel: "noreferrer noopener", title: `opens ${f.link}` }, f.source || "more about it", el("span", { class: "gs-icon gs-icon-link", "aria-hidden": "true" }))
            : f.source ? el("span", { class: "gs-quiet", title: "whose threshold this is" }, f.source) : null,
          this.muteButtons(f, isMuted)));
    }

    muteButtons(f, isMuted) {
      const copy = el("button", { type: "button", class: "gs-button", "data-key": `copy ${name(f)}`, title: `for graphscope.toml or pyproject.toml: ${f.mute}` }, "Copy mute line");
      copy.addEventListener("click", () => gs.copyText(f.mute, copy));
      return [copy, el("button", { type: "button", class: "gs-button", "data-key": `mute ${name(f)}`, title: isMuted ? "show it again" : "hide it in this browser", onclick: () => {
        gs.findings.mute(f, !isMuted);
        this.draw();
      } }, isMuted ? "Unmute" : "Mute")];
    }

    goTo(tab) {
      if (gs.state.page !== "health" || !tab || !this.told) return;
      this.asked = tab;
      this.show([...this.list.querySelectorAll("[data-finding]")].find((e) => e.dataset.finding === tab));
    }

    show(card) {
      if (!card) return;
      card.scrollIntoView({ block: "nearest", behavior: gs.still() ? "auto" : "smooth" });
      card.focus({ preventScroll: true });
    }

    /* n and p: on this page from card to card; elsewhere they lead here. */
    walk(d) {
      if (gs.state.page !== "health") gs.set({ page: "health" });
      const cards = [...this.list.querySelectorAll("[data-finding]")];
      if (!cards.length) return;
      const at = cards.indexOf(document.activeElement && document.activeElement.closest("[data-finding]"));
      this.show(cards[at < 0 ? (d > 0 ? 0 : cards.length - 1) : (at + d + cards.length) % cards.length]);
    }
  }

  /* Why it broke, what came in and out, and the way to the loss; each stop is a link to its card. */
  function trail(f, id) {
    const t = f.trail, first = t.path[0];
    return el("section", { class: "gs-trail", "aria-label": "Where it began" },
      el("h3", {}, `Where it began: step ${gs.units.count(t.step)}`, t.op ? `, ${t.op}` : "", f.code ? `, ${f.code.short}` : ""),
      t.why && !f.detail.includes(t.why) ? el("p", {}, t.why) : null,
      t.note ? el("p", { class: "gs-quiet" }, t.note) : null,
      t.ranges.length ? el("table", {}, el("tbody", {}, t.ranges.map(([what, text]) => el("tr", {}, el("th", { scope: "row" }, what), el("td", {}, text))))) : null,
      t.path.length > 1 ? el("ol", { "aria-label": "The way to the loss" }, t.path.map((c) => el("li", {}, el("button", {
        type: "button", class: "gs-button", "data-key": `trail ${id} ${c.id}`, onclick: () => gs.reveal(c.id, c.inside, t.step),
      }, c.label))), t.more ? el("li", { class: "gs-quiet" }, `${t.more} more`) : null) : null,
      first ? el("div", {}, el("button", { type: "button", class: "gs-button", "data-key": `trail-go ${id}`, onclick: () => gs.reveal(first.id, first.inside, t.step) }, "Show it in the graph")) : null);
  }

  function code(c, id) {
    const copy = el("button", { type: "button", class: "gs-copy", "data-key": `path ${id}`, title: `copy ${c.path}` }, "Copy");
    copy.addEventListener("click", () => gs.copyText(c.path, copy));
    return el("section", { class: "gs-code", "aria-label": "Source line" },
      el("div", { class: "gs-code-head" }, el("span", { class: "gs-code-path", title: c.path }, c.short), c.func && c.func !== "<module>" ? el("span", { class: "gs-quiet" }, ` in ${c.func}`) : null, copy),
      c.lines.length ? el("pre", { "data-scroll": `code ${id}`, tabindex: "0" }, gs.codeLines(c.lines))
        : el("p", { class: "gs-quiet" }, "the file's text was not recorded"));
  }

  /* Prose, and lines that begin with + or - or are indented as code. */
  function fix(text) {
    const out = [];
    let block = [];
    const flush = () => {
      if (block.length) out.push(el("pre", { class: "gs-fix", tabindex: "0" }, block.map((line) => el("div", { class: /^\+/.test(line) ? "gs-add" : /^-/.test(line) ? "gs-cut" : null }, line || " "))));
      block = [];
    };
    for (const line of text.split("\n")) {
      if (/^(\s{2,}|[+-] ?\S)/.test(line) && text.includes("\n")) block.push(line);
      else {
        flush();
        if (line.trim()) out.push(el("p", {}, line.split("`").map((part, i) => (i % 2 ? el("code", {}, part) : part))));
      }
    }
    flush();
    return out;
  }

  gs.mount("[data-gs=health]", (root) => new Health(root));
})();
