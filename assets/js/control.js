/* Live control in the top bar: pause, resume, step, slow motion, stop; and the way to send any command.
 *
 *   gs.command("step", { by: "op" }).then((status) => ...)   // "done: ..." or "refused: why"; it says a refusal by
 *                                                            // itself, unless a third argument is true
 *   gs.control()   // what the program says of itself (card.control), null when it takes no commands
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const PATIENCE = 8000; // ms until an answer is given up; a program between two ops answers at its next one
  const HERE = 5000; // ms between two signs that somebody looks at a program that waits
  const STEPS = [
    ["op", "One op", "."], ["module", "To the next module", ""], ["phase", "To the end of forward, backward or update", ""], ["iteration", "One iteration", ""],
  ];

  gs.control = () => {
    const card = gs.card, facts = card && !card.lost && card.control;
    return facts && facts.on && card.run === gs.state.run && (card.state === "live" || card.state === "waiting") ? facts : null;
  };

  gs.command = async function (kind, data, quiet) {
    const run = gs.state.run;
    let status = "";
    try {
      const answer = await fetch("/api/command", {
        method: "POST", headers: { ...gs.ASKS, "Content-Type": "application/json", "X-Graphscope-Token": gs.token() },
        body: JSON.stringify({ run, kind, data: data || {} }),
      });
      const told = await answer.json();
      if (gs.statusOf(answer) !== 200) throw new Error(told.error || `the server answered ${gs.statusOf(answer)}`);
      const end = performance.now() + PATIENCE;
      do {
        await new Promise((wake) => setTimeout(wake, status ? 80 : 30));
        status = (await gs.fetchJson(gs.url("/api/command", { run, id: told.id }))).status;
      } while (status === "new" && performance.now() < end);
      if (status === "new") status = "sent: the program answers at its next op";
      gs.lastCommand = { id: told.id, kind, status };
    } catch (error) {
      // The browser's own words ("Failed to fetch") say nothing of what happened.
      status = `refused: ${error instanceof TypeError ? "the dashboard's server does not answer" : error.message}`;
    }
    if (gs.lookNow) gs.lookNow();
    if (status.startsWith("refused") && !quiet) gs.controlSays(status.replace(/^refused: ?/, ""), true);
    return status;
  };

  /* A sentence under the bar, for a while. */
  let hiding = null;
  gs.controlSays = function (text, bad) {
    const box = document.querySelector(".gs-control-said");
    if (!box) return;
    clearTimeout(hiding);
    box.textContent = text;
    box.classList.toggle("gs-bad", Boolean(bad));
    box.hidden = !text;
    if (text) hiding = setTimeout(() => (box.hidden = true), bad ? 10000 : 4000);
  };

  /* Whether the program stands in this step: what is known of it will still change. */
  gs.standsAt = (step) => {
    const control = gs.control();
    return Boolean(control && control.at && control.at.step === step);
  };

  /* "training is waiting at op 17 of 35 · ∂ relu": the words of the state. */
  gs.waitingText = function (control) {
    const at = control && control.at;
    if (!control || !at || control.state !== "paused") return "";
    return `training is waiting at op ${at.i + 1}${at.n ? ` of ${at.n}` : ""}${at.op ? ` \u00b7 ${at.grad ? "\u2202 " : ""}${at.op}` : ""}`;
  };

  class Control {
    constructor(root) {
      this.root = root;
      this.main = el("button", { type: "button", class: "gs-button gs-ctl-main", onclick: () => this.toggle() },
        el("span", { class: "gs-icon" }), el("span", {}));
      this.step = el("button", { type: "button", class: "gs-button", title: "One op on (.)", onclick: () => gs.command("step", { by: "op" }) }, "Step");
      this.menu = el("details", { class: "gs-ctl-menu" },
        el("summary", { class: "gs-button", "aria-label": "Ways to step", title: "Ways to step" }, el("span", { class: "gs-caret" })),
        el("div", { class: "gs-ctl-list", role: "menu" }, this.items()));
      this.more = el("button", { type: "button", class: "gs-icon-button", "aria-label": "Breakpoints and changes", "aria-expanded": "false", title: "Breakpoints, learning rates, tunables (b)",
        onclick: () => this.panel.toggle() }, el("span", { class: "gs-icon gs-icon-sliders" }));
      this.words = el("span", { class: "gs-ctl-words", role: "status" });
      this.said = el("div", { class: "gs-control-said", role: "alert", hidden: true });
      this.box = el("div", { class: "gs-ctl", hidden: true }, this.words, el("span", { class: "gs-ctl-group" }, this.main, this.step, this.menu), this.more);
      root.append(this.box, this.said);
      this.panel = new gs.ControlPanel(root, this.more);
      document.addEventListener("pointerdown", (e) => this.menu.contains(e.target) || (this.menu.open = false));
      this.menu.addEventListener("keydown", (e) => {
        if (e.key !== "Escape" || !this.menu.open) return;
        e.stopPropagation();
        this.menu.open = false;
        this.menu.firstElementChild.focus();
      });
      gs.key("Space", "Pause or resume the training", () => (gs.control() ? this.toggle() : false));
      gs.key(".", "One op on", () => (gs.control() ? void gs.command("step", { by: "op" }) : false));
      gs.key("Shift+b", "Breakpoints and changes", () => (gs.control() ? this.panel.toggle() : false));
      gs.live((card) => this.card(card));
      gs.on((state, changed) => {
        if (!changed.includes("run")) return;
        this.stood = undefined;
        this.card(gs.card);
      });
      setInterval(() => gs.control() && gs.control().state === "paused" && !document.hidden && gs.command("here"), HERE);
    }

    items() {
      const item = (word, key, act) => el("button", { type: "button", role: "menuitem", class: "gs-ctl-item", onclick: () => {
        this.menu.open = false;
        act();
      } }, el("span", {}, word), key ? el("kbd", {}, key) : null);
      return [
        ...STEPS.map(([by, word, key]) => item(word, key, () => gs.command("step", { by }))),
        item("Run to the chosen card", "", () => (gs.state.node ? gs.command("run_to", { node: gs.state.node }) : gs.controlSays("Choose a card first."))),
        el("hr", {}),
        item("Slow motion, 100 ms an op", "", () => gs.command("slow", { ms: 100 })),
        item("Slow motion, 1 s an op", "", () => gs.command("slow", { ms: 1000 })),
        item("Full speed", "", () => gs.command("slow", { ms: 0 })),
        el("hr", {}),
        item("Stop the training", "", () => this.confirmStop()),
      ];
    }

    confirmStop() {
      const close = (yes) => {
        dialog.close();
        dialog.remove();
        if (yes) gs.command("stop");
      };
      const dialog = el("dialog", { class: "gs-dialog gs-ctl-ask", "aria-label": "Stop the training" },
        el("p", {}, "Stop the training? The program leaves its recorded block and goes on behind it; this cannot be taken back."),
        el("div", { class: "gs-ctl-row" },
          el("button", { type: "button", class: "gs-button", onclick: () => close(false) }, "Go on training"),
          el("button", { type: "button", class: "gs-button gs-ctl-danger", onclick: () => close(true) }, "Stop")));
      document.getElementById("app").append(dialog);
      dialog.showModal();
    }

    toggle() {
      const control = gs.control();
      if (!control) return;
      const waits = control.state === "paused" || control.state === "pausing";
      gs.command(waits ? "resume" : "pause");
    }

    card() {
      const control = gs.control();
      this.box.hidden = !control;
      if (!control) {
        this.panel.close();
        return;
      }
      const paused = control.state === "paused", waits = paused || control.state === "pausing";
      const word = waits ? "Resume" : "Pause";
      gs.say(this.main, { "data-state": waits ? "paused" : "running", "aria-label": word, title: `${word} (Space)` });
      gs.write(this.main.lastElementChild, word);
      const at = control.at;
      let words = gs.waitingText(control);
      if (control.state === "slow" && at) words = `slow motion: op ${at.i + 1}${at.n ? ` of ${at.n}` : ""}`;
      else if (control.state === "pausing") words = "pauses at the end of this step";
      gs.write(this.words, words);
      gs.say(this.words, { "data-state": control.state, title: at ? `${at.grad ? "gradient of " : ""}${at.op}${at.scope ? ` in ${at.scope}` : ""}, step ${at.step}: ${at.why}` : "" });
      this.panel.show(control);
      // A program that stops is looked at where it stands, and not where the reader was.
      const here = paused && at ? `${at.step} ${at.i} ${at.grad}` : "";
      if (here && here !== this.stood) {
        if (gs.state.step !== null && gs.state.step !== undefined) gs.set({ step: null });
        if (this.stood !== undefined) {
          if (gs.graphPage) gs.graphPage.stand(`n${at.node}`, at.scope);
          else gs.set({ node: `n${at.node}` });
        }
      }
      // Seen running, a program that stops takes the reader there; a page that opens while it waits stays where its link says.
      this.stood = here;
    }
  }

  gs.mount("[data-gs=control]", (root) => new Control(root));
})();
