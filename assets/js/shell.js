/* The frame: which page is shown, the run picker, the state pill with its numbers, the messages. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const WORDS = {
    live: "Live", waiting: "Waiting", stale: "No news", finished: "Finished", failed: "Failed",
    damaged: "Damaged", missing: "Missing", none: "No runs", lost: "Not connected",
  };
  const $ = (id) => document.getElementById(id);
  const THEMES = [null, "light", "dark"];
  let since = 0; // performance.now() of the newest card: the clock between two cards

  /* Text is only written when it changed, so that nothing flickers and nothing is read out twice. */
  function write(el, text) {
    if (el && el.textContent !== text) el.textContent = text;
  }

  class Shell {
    constructor(root) {
      this.root = root;
      this.runs = new gs.Latest((list) => this.gotRuns(list));
      this.listed = undefined;
      $("run").addEventListener("change", (e) => gs.set({ run: e.target.value, step: null, node: null, open: null }));
      $("theme").addEventListener("click", () => {
        gs.set({ theme: THEMES[(THEMES.indexOf(gs.state.theme) + 1) % THEMES.length] });
      });
      $("drawer").addEventListener("click", () => document.querySelector(".gs-side").classList.toggle("gs-open"));
      root.querySelector(".gs-rail").addEventListener("click", (e) => this.turn(e));
      gs.on((state, changed) => this.changed(changed));
      gs.onCard = (card) => this.card(card);
      setInterval(() => this.clock(), 1000);
      this.show();
      this.themed();
      if (gs.card) this.card(gs.card);
    }

    turn(e) {
      const link = e.target.closest("a[data-page]");
      if (!link || e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
      e.preventDefault();
      gs.set({ page: link.dataset.page });
    }

    show() {
      const pages = [...this.root.querySelectorAll(".gs-page")];
      const found = pages.some((p) => p.dataset.page === gs.state.page);
      if (!found) gs.state.page = "home";
      const now = gs.state.page;
      this.root.dataset.page = now;
      for (const page of pages) page.hidden = page.dataset.page !== now;
      for (const link of this.root.querySelectorAll(".gs-rail a")) {
        if (link.dataset.page === now) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
      const title = pages.find((p) => p.dataset.page === now);
      document.title = [gs.state.run, title && title.getAttribute("aria-label"), "GraphScope"].filter(Boolean).join(" \u00b7 ");
    }

    changed(changed) {
      if (changed.includes("page") || changed.includes("run")) this.show();
      if (changed.includes("theme")) this.themed();
      if (changed.includes("run")) this.pick();
      if (changed.includes("step")) this.step();
    }

    themed() {
      const name = gs.state.theme || "auto", button = $("theme");
      button.firstElementChild.className = `gs-icon gs-icon-${name}`;
      button.title = name === "auto" ? "Colours: as the system" : `Colours: ${name}`;
      button.setAttribute("aria-label", button.title);
    }

    card(card) {
      since = performance.now();
      // The list of runs also says their states, so the state is part of what makes it old.
      const listed = `${card.runs} ${card.run} ${card.state}`;
      if (card.runs !== undefined && listed !== this.listed) {
        this.listed = listed;
        this.runs.ask("/api/runs");
      }
      this.state = card.lost ? "lost" : card.state;
      const pill = $("state");
      if (pill.dataset.state !== this.state) {
        pill.dataset.state = this.state;
        write(pill.lastElementChild, WORDS[this.state] || this.state);
      }
      pill.title = card.summary || "";
      this.root.classList.toggle("gs-lost", Boolean(card.lost));
      this.step();
      write($("pace"), card.per_step ? `${card.per_step}/step` : "");
      write($("cost"), card.cost ? `recording costs ${card.cost}` : "");
      write($("summary"), card.summary || "");
      this.clock();
      this.notice(card);
    }

    /* "step 251 / 400": the step that is looked at, of how many there are. */
    step() {
      const card = gs.card, box = $("step");
      if (!card || card.last_step === null || card.last_step === undefined) return box.replaceChildren();
      const { step } = gs.state, at = step === null || step === undefined ? card.last_step : step;
      const text = `step ${at} / ${card.last_step}`;
      if (box.textContent !== text) box.replaceChildren("step ", gs.el("b", {}, at), ` / ${card.last_step}`);
    }

    gotRuns(list) {
      const select = $("run");
      select.replaceChildren(...list.map((r) =>
        gs.el("option", { value: r.run }, r.run + (r.state === "finished" ? "" : ` \u00b7 ${(WORDS[r.state] || r.state).toLowerCase()}`))));
      select.parentElement.hidden = !list.length;
      gs.runList = list;
      this.pick();
      this.root.dispatchEvent(new CustomEvent("gs:runs", { detail: list }));
    }

    pick() {
      const select = $("run");
      if (gs.state.run && ![...select.options].some((o) => o.value === gs.state.run)) {
        select.append(gs.el("option", { value: gs.state.run }, gs.state.run));
      }
      select.value = gs.state.run || "";
    }

    /* The bar under the top bar: what went wrong, in one sentence. */
    clock() {
      const card = gs.card, bar = $("banner");
      if (!card) return;
      const silent = (card.heartbeat_age || 0) + (performance.now() - since) / 1000;
      let text = "", state = this.state;
      if (state === "lost") text = "The dashboard's server does not answer. What is shown stays; it goes on when the server is back.";
      else if (state === "failed") text = card.message || "";
      else if (state === "stale") text = `no news for ${ago(silent)}: the program was stopped, or it is busy outside a step`;
      else if (card.damage && state !== "damaged") [text, state] = [`${card.damage} The intact part is shown.`, "damaged"];
      if (bar.hidden !== !text) bar.hidden = !text;
      bar.dataset.state = state;
      if (text && !bar.firstChild) bar.append(gs.el("span", { class: "gs-icon" }), gs.el("span", {}));
      if (text) write(bar.lastElementChild, text);
      const waiting = document.querySelector(".gs-waiting");
      if (waiting && card.created) write(waiting, ago(Math.max(0, (Date.now() - Date.parse(card.created)) / 1000)));
    }

    /* Instead of a page: there is nothing to show yet, or it cannot be read. */
    notice(card) {
      const box = $("notice");
      const silent = card.state === "stale" && card.steps < 0 ? "stopped" : card.state;
      const kind = ["none", "waiting", "stopped", "damaged", "missing"].includes(silent) && !card.lost ? silent : "";
      const key = kind && `${kind} ${card.run} ${card.message || ""}`;
      if (this.noticed === key) return;
      this.noticed = key;
      box.hidden = !kind;
      for (const page of this.root.querySelectorAll(".gs-page")) page.inert = Boolean(kind);
      box.replaceChildren(...(kind ? [gs.el("div", {}, ...this[kind](card))] : []));
    }

    none(card) {
      return [
        gs.el("h1", {}, `No runs in ${card.folder} yet`),
        gs.el("p", {}, "Add these lines around your training loop, and start it. The run appears here by itself."),
        snippet(`import graphscope as torch\n\nwith torch.profile(${JSON.stringify(card.folder + "/first")}):\n    train()   # your loop`),
        gs.el("p", {}, "Or watch a small network learn handwritten digits:"),
        snippet(card.folder === "runs" ? "graphscope demo" : `graphscope demo --runs ${/^[\w./~:\\-]+$/.test(card.folder) ? card.folder : JSON.stringify(card.folder)}`),
      ];
    }

    waiting(card) {
      return [
        gs.el("h1", {}, "connected, no step yet"),
        gs.el("p", {}, `The program of the run ${card.run} is running, for `, gs.el("span", { class: "gs-waiting" }, "\u2014"),
          ". A step ends at optimizer.step(); the first one appears here."),
      ];
    }

    stopped(card) {
      return [
        gs.el("h1", {}, "no step was recorded"),
        gs.el("p", {}, `The program of the run ${card.run} started and has been silent before its first step ended.`),
      ];
    }

    damaged(card) {
      return [
        gs.el("h1", {}, `The run ${card.run} cannot be read`),
        gs.el("p", {}, card.message),
        gs.el("p", {}, "The file was left as it is. Choose another run above."),
      ];
    }

    missing(card) {
      return [
        gs.el("h1", {}, card.message || "There is no such run."),
        gs.el("p", {}, "It may have been renamed or deleted. Choose another run above."),
      ];
    }
  }

  function ago(seconds) {
    if (!Number.isFinite(seconds)) return "a while";
    if (seconds < 120) return `${Math.round(seconds)} s`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
    return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
  }

  function snippet(text) {
    const button = gs.el("button", { type: "button" }, "Copy");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        write(button, "Copied");
      } catch (error) {
        getSelection().selectAllChildren(button.previousElementSibling);
        write(button, "Press Ctrl-C");
      }
    });
    return gs.el("div", { class: "gs-snippet" }, gs.el("pre", {}, text), button);
  }

  gs.mount("#app", (root) => new Shell(root));
})();
