/* The inspector while no card is chosen: the step that is looked at, as a whole. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const PACE = 1000; // ms between two questions while the run is live
  const WORDS = { python: "Python", recorder: "recording" };
  const STATUS = { partial: "This step was not finished.", failed: "This step failed." };

  gs.InspStep = class {
    /* got(answer): there is something to show; wanted(): whether it would be seen. */
    constructor(got, wanted) {
      this.wanted = wanted;
      this.answers = new gs.Latest((answer) => got(answer), () => {});
      this.along = new gs.Along(this.answers, () => (gs.state.step === null ? this.url() : null), ["state", "steps", "scalars", "control_rev"], PACE);
    }

    url() {
      const { run, step } = gs.state;
      return run && this.wanted() ? gs.url("/api/step", { run, step }) : null;
    }

    ask() {
      const { step } = gs.state, url = this.url();
      if (!url) return;
      this.along.asking();
      this.answers.ask(url, step !== null && !gs.standsAt(step));
    }

    drop() {
      this.answers.drop();
    }
  };

  const fact = ([name, text, title]) => el("div", {}, el("dt", { title: title || name }, name), el("dd", { title: text }, text));

  function parts(told) {
    if (!told.parts.length) return el("p", { class: "gs-quiet" }, told.why || "");
    const bar = el("div", { class: "gs-time-bar", role: "img", "aria-label": told.parts.map((p) => `${WORDS[p.part] || p.part} ${p.share}`).join(", ") }, told.parts.map((p) => {
      const piece = el("span", { class: `gs-part-${p.part}`, title: `${WORDS[p.part] || p.part}: ${p.time}, ${p.share}` });
      piece.style.flexGrow = String(p.fraction);
      piece.style.flexBasis = "0";
      return piece;
    }));
    return el("section", { "aria-label": "Where its time went" }, bar, el("dl", { class: "gs-facts gs-step-parts" }, told.parts.map((p) => el("div", { title: p.means },
      el("dt", {}, el("span", { class: `gs-swatch gs-part-${p.part}` }), WORDS[p.part] || p.part), el("dd", {}, `${p.time} \u00b7 ${p.share}`)))));
  }

  gs.inspStep = (told) => [
    el("header", { class: "gs-insp-head" }, el("h2", {}, `${told.kind === "eval" ? "Evaluation" : "Step"} ${gs.units.count(told.step)}`),
      STATUS[told.status] ? el("p", { class: "gs-quiet" }, STATUS[told.status]) : null),
    el("dl", { class: "gs-facts" }, told.facts.map(fact)),
    parts(told.parts),
    told.scalars.length ? el("section", {}, el("h3", {}, "Logged"), el("dl", { class: "gs-facts gs-step-logged" },
      told.scalars.map(([tag, text, step]) => fact([tag, text + (step === told.step ? "" : ` at ${gs.units.count(step)}`), tag])))) : null,
  ];
})();
