/* The Overview: how the training goes, where its time and memory go, what is wrong, what recording costs. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const WORDS = { data: "data", copies: "copies", forward: "forward", backward: "backward", update: "update", python: "Python", recorder: "recording" };

  class Home {
    constructor(root) {
      this.root = root;
      this.of = "recent"; // or "run": whose steps the breakdown sums
      this.cards = new Map([...root.querySelectorAll("[data-card]")].map((c) => [c.dataset.card, c]));
      this.skeleton();
      this.poll = new gs.Poll("home", () => gs.url("/api/home", { run: gs.state.run }), (told) => this.got(told),
        { counters: ["run", "state", "steps", "tensors", "scalars"] });
      this.health = new gs.Poll("home", () => gs.url("/api/findings", { run: gs.state.run }), (told) => this.findings(told),
        { counters: ["run", "doctor"] });
      gs.on((state, changed) => {
        if (changed.includes("run")) this.forget();
        if (changed.includes("page") && state.page === "home" && this.charts) requestAnimationFrame(() => this.charts.forEach((c) => c.paint()));
      });
      gs.live(() => this.told && this.levels(this.told.overhead));
      root.addEventListener("gs:runs", () => this.told && this.answers(this.told.answers));
    }

    skeleton() {
      const size = { "loss-tile": 64, "pace-tile": 64, "memory-tile": 64, "device-tile": 64, loss: 176, pace: 176, findings: 176, parts: 220, answers: 220, overhead: 200, file: 180, hparams: 180 };
      for (const [name, card] of this.cards) {
        if (!size[name]) continue;
        const ghost = el("div", { class: "gs-skeleton", "aria-hidden": "true" });
        ghost.style.height = `${size[name]}px`;
        card.replaceChildren(ghost);
      }
    }

    forget() {
      this.told = this.charts = null;
      this.cards.get("thinned").hidden = true;
      for (const card of this.cards.values()) delete card.gsTold;
      this.skeleton();
    }

    fill(name, value, make, patch) {
      return gs.fill(this.cards.get(name), value, make, patch);
    }

    got(told) {
      this.cards.get("traceback").hidden = !told.traceback;
      this.fill("traceback", told.traceback || "", (text) => [head("Traceback"), el("pre", { class: "gs-traceback", tabindex: "0", "data-scroll": "traceback" }, text)]);
      // What went wrong stands at the end of a traceback.
      const trace = this.cards.get("traceback").querySelector("pre");
      if (told.traceback && !this.told) trace.scrollTop = trace.scrollHeight;
      // What is not in the file any more is said before any number of it.
      this.cards.get("thinned").hidden = !told.thinned;
      this.fill("thinned", told.thinned, (text) => [el("span", { class: "gs-icon gs-icon-info", "aria-hidden": "true" }), el("p", {}, text),
        el("code", { title: "The size that profile() was given, or its default" }, "profile(max_size=…)")]);
      if (!told.steps) return;
      const first = !this.told;
      this.told = told;
      this.tiles(told);
      if (first) this.drawCharts();
      this.charts[0].show(told.loss.points);
      this.charts[1].show(told.pace.points);
      gs.write(this.cards.get("loss").querySelector(".gs-aside"), told.loss.best ? `best ${told.loss.best} at step ${gs.units.count(told.loss.best_step)}` : "");
      gs.write(this.cards.get("pace").querySelector(".gs-aside"), `median ${told.pace.per_step} of the last ${told.pace.of}`);
      this.parts(told.parts);
      this.answers(told.answers);
      this.levels(told.overhead);
      this.fill("file", told.file.rows, (rows) => [head("What was run"), facts(rows)], true);
      this.fill("hparams", told.hparams, (rows) => [head("Hyper-parameters"), rows.length ? facts(rows)
        : el("div", {}, el("p", { class: "gs-quiet" }, "None were logged. One line before the loop does it:"), gs.snippet('writer.add_hparams({"lr": 0.1}, {})'))]);
    }

    drawCharts() {
      this.fill("loss", "chart", () => [head("Loss", el("span", { class: "gs-aside" })), el("div", { class: "gs-small" })]);
      this.fill("pace", "chart", () => [head("Time per step", el("span", { class: "gs-aside" })), el("div", { class: "gs-small" })]);
      const box = (name) => this.cards.get(name).querySelector(".gs-small");
      this.charts = [
        new gs.SmallChart(box("loss"), { name: "Loss", colour: "value", say: (v) => gs.number(v, 4) }),
        new gs.SmallChart(box("pace"), { name: "Time per step", colour: "ink2", say: (v) => gs.ns(v * 1e9), clip: true }),
      ];
    }

    tiles(told) {
      const { loss, pace, memory, device } = told;
      const tile = (name, title, number, detail, term, kind) => {
        const box = this.cards.get(name);
        if (!box.querySelector(".gs-number")) {
          box.replaceChildren(el("h2", {}), el("div", { class: "gs-number" }, el("span", {}), el("small", {})), el("p", {}));
        }
        const big = box.querySelector(".gs-number"), [value, ...unit] = number.split(" ");
        gs.write(box.firstElementChild, title);
        box.firstElementChild.title = term;
        gs.write(big.firstElementChild, value);
        gs.write(big.lastElementChild, unit.join(" "));
        big.title = number;
        if (kind) big.dataset.kind = kind;
        gs.write(box.lastElementChild, detail);
      };
      const broken = loss.nonfinite !== null;
      tile("loss-tile", loss.step === null ? "Loss" : `Loss at step ${gs.units.count(loss.step)}`, loss.last || "—",
        broken ? `not finite since step ${gs.units.count(loss.nonfinite)}` : loss.best ? `best ${loss.best} at ${gs.units.count(loss.best_step)}` : "no loss yet: it is read where backward() starts",
        "the number that backward() starts from, in the newest step that has one", broken && /NaN|Inf/.test(loss.last || "") ? "nonfinite" : "loss");
      tile("pace-tile", "Throughput", pace.samples_per_s || pace.steps_per_s,
        pace.samples_per_s ? `${pace.steps_per_s}, batches of ${pace.batch}` : "samples: the inputs have no common first size",
        `over the last ${pace.of} steps, from the begin of the first to the end of the last; a sample is one row of all inputs`);
      tile("memory-tile", "Memory at the peak", memory.peak || "—",
        memory.peak ? `at step ${gs.units.count(memory.peak_step)}; ${memory.now} when the last step began` : memory.why,
        "the most bytes alive at once in one step: parameters, gradients, optimizer state, activations");
      tile("device-tile", device.name === "cpu" ? "CPU: inside ops" : device.name, device.busy, device.detail,
        "how much of the newest steps the processor worked on ops");
    }

    parts(both) {
      const told = both[this.of];
      this.fill("parts", [this.of, both], () => {
        const pick = (of, words) => el("button", {
          type: "button", class: "gs-button", role: "radio", "aria-checked": String(this.of === of), "data-key": `parts-${of}`,
          onclick: () => {
            this.of = of;
            this.parts(this.told.parts);
          },
        }, words);
        const title = head("Where a step's time goes", el("span", { class: "gs-aside", role: "radiogroup", "aria-label": "Which steps" },
          pick("recent", `last ${both.recent.steps}`), " ", pick("run", "whole run")));
        if (!told.parts.length) return [title, el("p", { class: "gs-quiet" }, told.why)];
        const bar = el("div", { class: "gs-time-bar", role: "img", "aria-label": told.parts.map((p) => `${WORDS[p.part]} ${p.share}`).join(", ") },
          told.parts.map((p) => {
            const piece = el("span", { class: `gs-part-${p.part}`, title: `${WORDS[p.part]}: ${p.time}, ${p.share}: ${p.means}` });
            piece.style.flexGrow = String(p.fraction);
            piece.style.flexBasis = "0";
            return piece;
          }));
        return [title, bar, el("table", { class: "gs-parts" },
          el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "part"), el("th", { scope: "col" }, "a step"), el("th", { scope: "col" }, "share"), el("th", { scope: "col" }, ""))),
          el("tbody", {}, told.parts.map((p) => el("tr", {},
            el("th", { scope: "row" }, el("span", { class: `gs-swatch gs-part-${p.part}` }), WORDS[p.part]),
            el("td", {}, p.time), el("td", {}, p.share), el("td", {}, p.means))),
          el("tr", {}, el("th", { scope: "row" }, el("b", {}, "together")), el("td", {}, el("b", {}, told.wall)), el("td", {}, "100 %"),
            el("td", {}, `the wall time of a mean step; ${told.whole} in all`))))];
      }, true);
    }

    answers(list) {
      const others = (gs.runList || []).filter((r) => r.run !== gs.state.run && r.state !== "damaged" && r.steps > 0);
      const { loss, last } = this.told;
      this.fill("answers", [list, loss.nonfinite, last && others.length ? others[0].run : null, gs.state.run], () => {
        const rows = list.map((a) => (a.id ? row(`answer-${a.key}`, a.question, a.label, a.text, [a.scope, a.line, a.detail].filter(Boolean).join(" · "), () => gs.reveal(a.id, a.inside)) : none(a.question, a.detail)));
        rows.push(loss.nonfinite !== null
          ? row("answer-nan", "Where NaN began", `step ${gs.units.count(loss.nonfinite)}`, "", "the trail of it is on the Health page", () => gs.set({ page: "health", step: loss.nonfinite }))
          : none("Where NaN began", "nowhere: the loss was finite in every step"));
        if (others.length) {
          rows.push(row("answer-compare", "Two losses side by side", `with ${others[0].run}`, others[0].loss ? `loss ${others[0].loss}` : "", "",
            () => gs.set({ page: "scalars", with: others[0].run })));
        }
        return [head("Asked most"), el("ul", { class: "gs-answers" }, rows)];
      }, true);
    }

    levels(told) {
      if (!told) return;
      const control = gs.card && gs.card.control;
      const may = Boolean(control && control.on !== false && gs.command && gs.card.state === "live");
      this.fill("overhead", [told, may], () => {
        const most = Math.max(0.05, ...told.levels.map((l) => l.fraction || 0));
        return [head("What recording costs", el("span", { class: "gs-aside", title: "the recorder's own clock, against the step without it" }, "share of a step's own time")),
          el("ul", { class: "gs-levels" }, told.levels.map((l) => {
            const meter = el("span", {});
            meter.hidden = !l.fraction;
            meter.style.width = `${(100 * (l.fraction || 0)) / most}%`;
            const name = may && !l.here && l.level !== "off"
              ? el("button", { type: "button", class: "gs-button", "data-key": `level-${l.level}`, onclick: () => gs.command("level", { value: l.level }) }, l.level)
              : el("b", {}, l.level);
            return el("li", { "data-level": l.level }, el("span", {}, name, l.here ? el("span", { class: "gs-here-chip" }, "this run") : null),
              el("span", { class: "gs-meter", "aria-hidden": "true" }, meter),
              el("span", { class: "gs-cost-text" }, l.share || "not known"),
              el("span", { class: "gs-level-words" }, l.words, l.time ? `; ${l.time}, from ${l.from}` : "", l.why ? `. ${l.why}` : ""));
          })),
          may ? null : el("p", { class: "gs-quiet" }, "Chosen at the start: profile(values=\"off\" | \"auto\" | \"full\").")];
      }, true);
    }

    findings(told) {
      const shown = gs.findings ? gs.findings.unmuted(told.findings) : told.findings;
      const top = shown.slice(0, 5);
      this.fill("findings", [top, shown.length, told.ready, told.rules, told.unjudged.length, told.problem], () => {
        const title = head("Findings", el("a", { class: "gs-aside", href: "/health", "data-key": "all-findings", onclick: (e) => {
          e.preventDefault();
          gs.set({ page: "health" });
        } }, shown.length > 5 ? `all ${shown.length}` : "Health"));
        if (!told.ready) return [title, el("p", { class: "gs-quiet", role: "status" }, `${told.rules || "The"} rules are looking…`)];
        if (told.problem) return [title, el("p", { class: "gs-quiet" }, told.problem)];
        if (!top.length) return [title, el("p", {}, "No findings."), el("p", { class: "gs-quiet" }, looked(told))];
        return [title, el("ul", { class: "gs-answers" }, top.map((f, i) => el("li", {}, el("button", {
          type: "button", "data-key": `finding-${i}`, onclick: () => gs.set({ page: "health", tab: gs.findings ? gs.findings.name(f) : null }),
        }, gs.severity(f.severity, f.active), el("span", { class: "gs-a" }, f.title), el("span", { class: "gs-n" }, ""), el("span", { class: "gs-d" }, [f.steps, f.code && f.code.short].filter(Boolean).join(" · ") || f.detail)))))];
      });
    }
  }

  function looked(told) {
    const judged = told.rules - told.unjudged.length;
    return told.unjudged.length ? `${judged} rules looked, ${told.unjudged.length} could not judge.` : `${told.rules} rules looked.`;
  }

  function head(title, aside) {
    return el("header", {}, el("h2", {}, title), aside || null);
  }

  function row(key, question, answer, number, detail, act) {
    return el("li", {}, el("button", { type: "button", "data-key": key, onclick: act }, el("span", { class: "gs-q" }, question),
      el("span", { class: "gs-a" }, answer), el("span", { class: "gs-n" }, number), detail ? el("span", { class: "gs-d" }, detail) : null));
  }

  function none(question, why) {
    return el("li", {}, el("div", { class: "gs-answer-none" }, el("span", { class: "gs-q" }, question), el("span", { class: "gs-d" }, why)));
  }

  function facts(rows) {
    return el("dl", { class: "gs-rows" }, rows.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text))));
  }

  const SEVERITY = { error: "Error", warning: "Warning", info: "Note" };
  gs.severity = (severity, active) => el("span", { class: "gs-sev", "data-severity": severity },
    el("span", { class: `gs-icon gs-icon-${severity}`, "aria-hidden": "true" }), SEVERITY[severity] || severity, active === false ? " · no longer" : "");
  gs.looked = looked;

  gs.mount("[data-gs=home]", (root) => new Home(root));
})();
