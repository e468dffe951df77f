/* The inspector: everything that is known about the chosen node at the step that is looked at. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);

  const TAP = 1500; // ms that an answer may take after a tap
  let touched = -1e9;
  document.addEventListener("pointerdown", (e) => {
    if (!e.target.closest(".gs-top, .gs-rail")) touched = performance.now();
  }, true);

  class Inspector {
    constructor(root) {
      this.root = root;
      this.tensor = new gs.InspTensor(this);
      this.told = "";
      this.history = null;
      this.ask = new gs.Latest((answer) => this.got(answer), (e) => this.problem(e));
      this.past = new gs.Latest((answer) => this.gotHistory(answer), () => {});
      this.whole = new gs.InspStep((told) => this.gotStep(told), () => !gs.aim().node && this.open() && !this.root.closest(".gs-no-side"));
      gs.on((state, changed) => this.changed(changed));
      this.along = new gs.Along(this.ask, () => (gs.state.step === null ? this.url() : null), ["state", "steps", "tensors", "findings", "control_rev"]);
      gs.onTheme(() => this.node && this.draw());
      if (gs.onFindings) gs.onFindings(() => this.node && this.draw());
      const drawer = document.getElementById("drawer");
      if (drawer) drawer.addEventListener("click", () => setTimeout(() => this.whole.ask()));
      this.empty();
      this.whole.ask();
      this.fetch();
    }

    changed(changed) {
      if (!this.root.isConnected) return;
      if (changed.includes("run")) {
        this.whole.drop();
        this.step = null;
      }
      if (["run", "step", "node"].some((name) => changed.includes(name))) this.whole.ask();
      this.fetch();
    }

    url() {
      const { run, step, node } = gs.aim();
      return this.root.isConnected && run && node ? gs.url("/api/node", { run, step, node }) : null;
    }

    fetch() {
      const { step } = gs.aim();
      if (!this.root.isConnected) return;
      if (!this.url()) {
        this.node = null;
        this.told = "";
        this.empty();
        return;
      }
      this.along.asking();
      this.ask.ask(this.url(), step !== null && step !== undefined && !gs.standsAt(step));
    }

    /* On a narrow window the inspector is a drawer: it comes with a node and goes with it. */
    drawer(open) {
      // On a small screen it hides the page, and the card itself: it comes when something was tapped, not with a link or a program's pause.
      const tapped = performance.now() - touched < TAP;
      if (open && !this.shown && !tapped && document.documentElement.classList.contains("gs-phone")) return;
      this.shown = this.shown || open;
      const side = this.root.closest(".gs-side");
      if (side) side.classList.toggle("gs-open", open);
    }

    empty() {
      // Only what came with a card goes with it: a reader who opened the drawer by hand keeps it.
      if (this.shown) this.drawer(false);
      this.shown = false;
      delete this.root.dataset.node;
      gs.fill(this.root, ["nothing", this.step], () => [
        ...(this.step ? gs.inspStep(this.step) : []),
        el("div", { class: "gs-insp-empty" },
          el("p", {}, "Nothing is chosen. A card of the graph, a row or a finding shows here: its value, its gradient, its time and the line it came from."),
          el("p", { class: "gs-quiet" }, "/ searches the graph, Ctrl K finds everything, ? shows the keys."))], true);
    }

    /* On a narrow window it is only seen when it was opened. */
    open() {
      return !document.documentElement.classList.contains("gs-narrow") || this.root.closest(".gs-side").classList.contains("gs-open");
    }

    gotStep(told) {
      this.step = told.step === null ? null : told;
      if (!this.node && !gs.aim().node) this.empty();
    }

    problem(error) {
      this.node = null;
      this.told = "";
      this.drawer(true);
      delete this.root.gsTold;
      this.root.replaceChildren(el("div", { class: "gs-insp-empty" }, el("p", {}, error.message)));
    }

    got(node) {
      if (node.id !== gs.aim().node) return;
      const text = JSON.stringify(node);
      if (text === this.told) return;
      const other = !this.node || this.node.id !== node.id;
      this.told = text;
      this.node = node;
      if (other) this.history = null;
      this.draw(other);
      const now = performance.now();
      if (node.kind !== "scope" && (other || !this.asked || now - this.asked > 2000)) {
        this.asked = now;
        this.past.ask(gs.url("/api/node_history", gs.aim()));
      }
    }

    gotHistory(history) {
      if (!this.node || history.id !== this.node.id) return;
      this.history = history;
      this.drawHistory();
    }

    draw(other) {
      const n = this.node, part = gs.insp;
      const open = new Set([...this.root.querySelectorAll("details[open][data-key]")].map((d) => d.dataset.key));
      const focus = document.activeElement && this.root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      const scroll = this.root.scrollTop;
      delete this.root.gsTold; // of empty(), which is drawn anew
      this.root.replaceChildren(...[
        part.head(n), gs.nodeActions ? gs.nodeActions(n) : null, part.source(n), part.pair(n), part.findings(n), part.facts(n),
        this.tensor.section(n, other), n.kind === "scope" ? null : gs.inspPast.box(), part.formula(n), part.links(n),
      ].filter(Boolean));
      this.drawer(true);
      this.root.scrollTop = other ? 0 : scroll;
      this.root.dataset.node = n.id;
      this.root.dataset.step = n.step;
      if (focus) {
        const again = [...this.root.querySelectorAll("[data-key]")].find((e) => e.dataset.key === focus);
        if (again) again.focus({ preventScroll: true });
      }
      for (const d of this.root.querySelectorAll("details[data-key]")) d.open = open.has(d.dataset.key);
      this.tensor.paint();
      this.drawHistory();
    }

    drawHistory() {
      if (this.node) gs.inspPast.draw(this.root, this.history, this.node.step);
    }
  }

  /* Whose facts are wanted: a card that only the other side of a comparison has is asked for there. */
  gs.aim = function () {
    const { run, step, node, vs } = gs.state;
    if (!node || !node.startsWith("v:") || !vs) return { run, step, node };
    const other = /^step:(\d+)$/.exec(vs);
    return other ? { run, step: Number(other[1]), node: node.slice(2) } : { run: vs, step: null, node: node.slice(2) };
  };

  gs.copyText = async function (text, button) {
    try {
      await navigator.clipboard.writeText(text);
      if (button) {
        button.textContent = "Copied";
        setTimeout(() => (button.textContent = "Copy"), 1200);
      }
    } catch (error) {
      console.warn("the browser does not let this page write to the clipboard");
    }
  };

  gs.key("y", "Copy path and line", () => {
    const copy = document.querySelector("[data-gs=inspector] .gs-copy");
    if (!copy) return false;
    copy.click();
  });

  gs.mount("[data-gs=inspector]", (root) => new Inspector(root));
})();
