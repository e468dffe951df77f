/* The frame: which page is shown, the state pill with its numbers, the bar that says what went wrong. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const WORDS = {
    live: "Live", paused: "Paused", waiting: "Waiting", stale: "No news", gone: "Ended", finished: "Finished", failed: "Failed",
    damaged: "Damaged", missing: "Missing", none: "No runs", lost: "Not connected",
  };
  const $ = (id) => document.getElementById(id);
  const THEMES = [null, "light", "dark"];
  let since = 0; // performance.now() of the newest card: the clock between two cards

  gs.stateWord = (state) => (WORDS[state] || state || "").toLowerCase();

  /* To a card on the Graph page, wherever it is: the scopes on the way are opened. */
  gs.reveal = function (id, inside, step) {
    if (step !== undefined && step !== null && step !== gs.state.step) gs.set({ step });
    gs.set({ page: "graph" });
    if (gs.graphPage) gs.graphPage.reveal(id, inside);
    else gs.set({ node: id });
  };

  /* A step by its number, kept within what there is. */
  gs.goStep = function (step) {
    const last = gs.card && gs.card.last_step;
    gs.set({ step: Math.max(0, Number.isInteger(last) ? Math.min(step, last) : step) });
  };

  class Shell {
    constructor(root) {
      this.root = root;
      $("theme").addEventListener("click", () => this.nextTheme());
      $("drawer").addEventListener("click", () => this.inspector());
      $("commands").addEventListener("click", () => gs.openPalette());
      $("keys").addEventListener("click", () => gs.openKeys());
      root.querySelector(".gs-rail").addEventListener("click", (e) => this.turn(e));
      gs.key("t", "Colours: light, dark, as the system", () => this.nextTheme());
      gs.key("Shift+i", "Show or hide the inspector", () => this.inspector());
      gs.key("Shift+p", "Projector mode: larger type", () => gs.project(gs.type === 1));
      gs.on((state, changed) => this.changed(changed));
      gs.onCard = (card) => this.card(card);
      setInterval(() => this.clock(), 1000);
      window.addEventListener("beforeprint", () => onPaper(root));
      root.classList.toggle("gs-no-side", gs.remembered("inspector") === "closed");
      this.tips();
      this.show();
      gs.mount(".gs-page", (page) => (page.hidden = page.dataset.page !== gs.state.page)); // Dash draws some later
      this.themed();
      if (gs.card) this.card(gs.card);
    }

    tips() {
      $("commands").title = gs.tip("Commands");
      $("keys").title = gs.tip("Show all keys");
      $("drawer").title = gs.tip("Show or hide the inspector");
    }

    nextTheme() {
      gs.set({ theme: THEMES[(THEMES.indexOf(gs.state.theme) + 1) % THEMES.length] });
    }

    /* Beside the page on a wide window, and then the choice is remembered; over it on a narrow one. */
    inspector() {
      if (document.documentElement.classList.contains("gs-narrow")) {
        document.querySelector(".gs-side").classList.toggle("gs-open");
        return;
      }
      const closed = this.root.classList.toggle("gs-no-side");
      gs.remember("inspector", closed ? "closed" : null);
    }

    turn(e) {
      const link = e.target.closest("a[data-page]");
      if (!link || e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
      e.preventDefault();
      gs.set({ page: link.dataset.page });
    }

    show() {
      const links = [...this.root.querySelectorAll(".gs-rail a")];
      if (!links.some((link) => link.dataset.page === gs.state.page)) gs.state.page = "home";
      const now = gs.state.page;
      this.root.dataset.page = now;
      for (const page of this.root.querySelectorAll(".gs-page")) page.hidden = page.dataset.page !== now;
      for (const link of links) {
        if (link.dataset.page === now) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
      const title = links.find((link) => link.dataset.page === now).children[1].textContent; // after the drawing, before a badge
      document.title = [gs.state.run && `\u2068${gs.state.run}\u2069`, title, "GraphScope"].filter(Boolean).join(" \u00b7 ");
    }

    changed(changed) {
      if (changed.includes("page") || changed.includes("run")) this.show();
      if (changed.includes("theme")) this.themed();
      if (changed.includes("step")) this.step();
    }

    themed() {
      const name = gs.state.theme || "auto", button = $("theme");
      button.firstElementChild.className = `gs-icon gs-icon-${name}`;
      button.title = gs.tip("Colours: light, dark, as the system", name === "auto" ? "Colours: as the system" : `Colours: ${name}`);
      button.setAttribute("aria-label", button.title);
    }

    card(card) {
      since = performance.now();
      if (gs.runPicker) gs.runPicker.card(card);
      const control = card.control && card.control.state;
      this.state = card.lost ? "lost" : card.gone ? "gone" : card.state === "live" && control === "paused" ? "paused" : card.damage && card.state === "finished" ? "damaged" : card.state;
      const pill = $("state");
      if (pill.dataset.state !== this.state) {
        pill.dataset.state = this.state;
        gs.write(pill.lastElementChild, WORDS[this.state] || this.state);
      }
      if (pill.title !== (card.summary || "")) pill.title = card.summary || "";
      this.root.classList.toggle("gs-lost", Boolean(card.lost));
      // A link to a step that is not there (of another run, or made by hand) leads to the newest one.
      if (card.run === gs.state.run && Number.isInteger(card.last_step) && gs.state.step > card.last_step) gs.set({ step: null });
      this.step();
      gs.write($("pace"), card.per_step ? `${card.per_step}/step` : "");
      gs.write($("cost"), card.cost ? `recording costs ${card.cost}` : "");
      gs.write($("summary"), card.summary || "");
      this.badge(card);
      this.beat();
      this.clock();
      gs.notice(this.root, card);
    }

    /* "step 251 / 400": the step that is looked at, of how many there are. */
    step() {
      const card = gs.card, box = $("step");
      if (!card || card.last_step === null || card.last_step === undefined) return box.replaceChildren();
      if (!box.firstChild) box.append(gs.el("span", {}, "step ", gs.el("b", {})), gs.el("span", {}));
      const { step } = gs.state, at = step === null || step === undefined ? card.last_step : step;
      const now = gs.units.count(at), last = gs.units.count(card.last_step);
      gs.write(box.firstChild.lastChild, now);
      gs.write(box.lastChild, ` / ${last}`);
    }

    /* How many findings stand, on the rail: errors and warnings; notes do not call. */
    badge(card) {
      const link = this.root.querySelector('.gs-rail a[data-page="health"]');
      if (!link) return;
      const count = (card.errors || 0) + (card.warnings || 0);
      let mark = link.querySelector(".gs-badge");
      if (!mark) link.append((mark = gs.el("span", { class: "gs-badge" })));
      if (mark.hidden !== !count) mark.hidden = !count;
      gs.say(mark, { "data-severity": card.errors ? "error" : "warning" });
      gs.write(mark, count > 99 ? "99+" : count);
      const words = [card.errors && `${card.errors} error${card.errors === 1 ? "" : "s"}`, card.warnings && `${card.warnings} warning${card.warnings === 1 ? "" : "s"}`].filter(Boolean).join(", ");
      gs.say(link, { "aria-label": words ? `Health: ${words}` : "Health" });
    }

    /* The live dot breathes with the cards: no frame is painted for it alone. */
    beat() {
      const pill = $("state"), now = performance.now();
      if (this.state !== "live") pill.removeAttribute("data-beat");
      else if (now - (this.beaten || 0) > 900) {
        pill.toggleAttribute("data-beat");
        this.beaten = now;
      }
    }

    /* The bar under the top bar: what went wrong, in one sentence. */
    clock() {
      const card = gs.card, bar = $("banner");
      if (!card || document.hidden) return;
      const silent = (card.heartbeat_age || 0) + (performance.now() - since) / 1000;
      const waiting = document.querySelector(".gs-waiting");
      if (waiting && card.created) gs.write(waiting, gs.ago(Math.max(0, (Date.now() - Date.parse(card.created)) / 1000)));
      let text = "", state = this.state;
      if (state === "lost") text = `The dashboard's server does not answer: it was closed, the program that served it has ended, or the tunnel to it is shut. What is shown stays. To open it again: graphscope view ${gs.state.run ? `${gs.state.run}.gscope, in its folder` : "and the folder"}`;
      else if (state === "failed") text = card.message || "";
      else if (state === "gone") text = `the program has ended without a word (killed, or out of memory), ${gs.ago(silent)} ago. What it recorded is shown.`;
      else if (state === "stale") text = `no news for ${gs.ago(silent)}: the program was stopped, or it is busy outside a step`;
      else if (card.damage) [text, state] = [`${card.damage} The intact part is shown.`, "damaged"];
      if (bar.hidden !== !text) bar.hidden = !text;
      if (bar.dataset.state !== state) bar.dataset.state = state;
      if (!text) return;
      const failure = state === "failed" && card.failure;
      gs.fill(bar, [text, failure], () => [gs.el("span", { class: "gs-icon" }), gs.el("span", { class: "gs-banner-text" }, text), failure && failure.place ? where(failure) : null]);
    }
  }

  /* Paper is light. Canvases are painted again in time: what waits for a frame comes at once, since before the
   * printer's picture there is none. Charts of the library keep their lines (zz_print.css does the rest). */
  function onPaper(root) {
    const dark = gs.themeName() === "dark", html = document.documentElement, was = html.dataset.theme;
    root.classList.toggle("gs-dark", dark);
    if (!dark) return;
    const frame = window.requestAnimationFrame;
    window.requestAnimationFrame = (fn) => void queueMicrotask(() => fn(performance.now()));
    html.dataset.theme = "light";
    queueMicrotask(() => (window.requestAnimationFrame = frame)); // behind those who were told of the theme
    window.addEventListener("afterprint", () => {
      if (was) html.dataset.theme = was;
      else delete html.dataset.theme;
    }, { once: true });
  }

  /* "step 7 · matmul · train.py:12": to the op that failed. */
  function where(failure) {
    const { place, step, op, line } = failure;
    return gs.el("button", { type: "button", class: "gs-button", "data-key": "banner-op", onclick: () => gs.reveal(place.id, place.inside, step) },
      [`step ${gs.units.count(step)}`, op, line].filter(Boolean).join(" \u00b7 "));
  }

  gs.ago = function (seconds) {
    if (!Number.isFinite(seconds)) return "a while";
    if (seconds < 120) return `${Math.round(seconds)} s`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
    return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
  };

  gs.mount("#app", (root) => new Shell(root));
})();
