/* The graph page: fetches the layout and, apart from it, the numbers of the step that is looked at.
 *
 * The layout changes only with the run, the graph or the set of open scopes; the numbers with every
 * step. Everything the reader chooses (node, step, open scopes, colouring) lives in gs.state.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  class GraphPage {
    constructor(root) {
      this.root = root;
      this.canvas = root.querySelector("canvas.gs-board");
      this.scene = null;
      this.graph = null;
      this.hovered = null;
      this.found = null; // ids that match the search, or null
      this.anchor = null; // {id, x, y}: what must stay where it is on screen
      this.layouts = new gs.Latest((view, url) => this.gotLayout(view, url), (e) => this.problem(e));
      this.numbers = new gs.Latest((answer) => this.gotValues(answer), (e) => this.problem(e));
      this.board = new gs.Board(this.canvas, {
        paint: (ctx) => this.paint(ctx),
        tap: (at, event) => this.tap(at, event),
        double: (at) => this.double(at),
        hover: (at) => this.hover(at),
        resized: (now) => this.resized(now),
      });
      this.tree = new gs.Tree(root.querySelector("[role=tree]"), this);
      const part = (name) => root.querySelector(name);
      this.note = part(".gs-graph-note span");
      this.legend = part(".gs-legend");
      this.minimap = new gs.Minimap(part(".gs-minimap"), this);
      this.focus = new gs.Focus(part(".gs-focus"), this);
      this.diff = new gs.Diff(part(".gs-diff"), this);
      this.walk = new gs.Walk(part(".gs-walk"), this);
      this.signs = new gs.Signs(this);
      this.player = new gs.Player(this, part(".gs-graph-note button"));
      gs.buildToolbar(part(".gs-toolbar"), part(".gs-stage-tools"), this);
      gs.graphPage = this;
      gs.on((state, changed) => this.changed(changed));
      this.along = new gs.Along(this.numbers, () => (gs.state.step === null && this.ready() ? this.valuesUrl() : null),
        ["state", "steps", "graphs", "tensors", "findings", "control_rev"], 250);
      gs.live((card) => this.news(card));
      gs.onTheme(() => this.askValues());
      this.askLayout();
    }

    alive() {
      return this.root.isConnected;
    }

    /* All pages stand in the document and one is shown; a hidden one asks for nothing. */
    shown() {
      return gs.onScreen(this.root);
    }

    changed(changed) {
      if (!this.alive()) return;
      const has = (key) => !changed || changed.includes(key);
      if (has("run")) {
        this.layouts.drop();
        this.numbers.drop();
        this.scene = this.graph = null;
      }
      if (changed && changed.includes("run")) this.forget(changed);
      if (has("run") || has("open") || has("focus") || has("mode") || has("vs")) this.askLayout();
      else if (has("step") || has("color") || has("theme")) this.askValues();
      if (has("node")) this.select(gs.state.node);
      this.board.request();
    }

    /* What named a card or a step of the run before means nothing in this one. */
    forget(changed) {
      const gone = {};
      if (gs.state.focus && !changed.includes("focus")) gone.focus = null;
      if (/^step:/.test(gs.state.vs || "") && !changed.includes("vs")) gone.vs = null;
      gs.set(gone);
    }

    news() {
      if (!this.alive()) return;
      if (!this.scene) this.askLayout();
      else if (gs.state.step === null && !this.shown()) this.late = true; // else the numbers come along with the card
    }

    ready() {
      return Boolean(gs.state.run && this.scene && this.alive() && this.shown());
    }

    valuesUrl() {
      return gs.url("/api/values", this.query({ color: gs.state.color, theme: gs.themeName(), open: new gs.Opened(this.scene).text(), as: "columns" }));
    }

    query(extra) {
      const { run, step, open, focus, mode, vs } = gs.state;
      return { run, step, open, vs, ...(vs ? {} : { focus, mode }), ...extra };
    }

    askLayout() {
      if (!this.shown()) this.late = true;
      if (!gs.state.run || !this.shown()) return;
      this.layouts.ask(gs.url("/api/graph", this.query({ node: gs.state.node, as: "columns" })));
      // A large graph takes seconds for the first time: an empty canvas says nothing.
      setTimeout(() => this.layouts.busy && !this.scene && this.tell("Laying out the graph\u2026"), 300);
    }

    /* fresh: what is kept of past steps is old, since the findings changed. */
    askValues(fresh) {
      if (!this.shown()) this.late = true;
      if (!this.ready()) return;
      if (fresh) this.numbers.kept.clear();
      const past = gs.state.step !== null && !gs.standsAt(gs.state.step);
      this.along.asking();
      this.numbers.ask(this.valuesUrl(), past);
    }

    gotLayout(view) {
      const old = this.scene;
      const scene = new gs.Scene(view);
      this.graph = view.graph;
      this.scene = scene;
      this.limit();
      if (old) scene.values = old.values;
      const part = [gs.state.focus, gs.state.mode].join(" ");
      if (!old || !scene.nodes.length) this.firstLook();
      else if (this.part !== part) this.glide(old, scene);
      else this.keepPlace(old, scene);
      this.part = part;
      this.tree.show(scene);
      this.focus.show(scene);
      this.custom = view.custom || [];
      this.root.dispatchEvent(new CustomEvent("gs:layout"));
      this.canvas.dataset.ready = String(scene.nodes.length);
      this.root.classList.toggle("gs-empty", !scene.nodes.length);
      if (this.found) gs.search.mark(this);
      this.askValues();
      this.select(gs.state.node, this.goal);
      this.goal = false;
      this.board.request();
    }

    gotValues(answer) {
      if (!this.scene) return;
      if (answer.graph !== this.graph) {
        // This step ran another graph: its layout first, then its numbers.
        this.anchor = null;
        this.askLayout();
        return;
      }
      if ((answer.vs || "") !== (this.scene.view.vs || "")) return; // numbers of what was left meanwhile
      if (!gs.tellValues(this.scene, answer)) return this.askValues(); // what it leaves out is not here
      this.facts = answer;
      this.stamp = (this.stamp || 0) + 1;
      this.diff.show(answer);
      this.canvas.dataset.step = String(answer.step);
      this.root.dispatchEvent(new CustomEvent("gs:values", { detail: answer, bubbles: true }));
      gs.paintLegend(this.legend, answer.legend, (id) => gs.set({ node: this.pick(id) }) || this.select(gs.state.node, true));
      this.tell(answer.line || "");
      this.pointAtFailure(answer);
      this.board.request();
    }

    /* A failed step is opened on the op that failed, once; what the reader chooses then stays. */
    pointAtFailure(answer) {
      const key = `${gs.state.run} ${answer.step}`;
      if (this.pointed === key || gs.state.node) return;
      this.pointed = key;
      const guilty = Object.keys(this.scene.values).find((id) => this.scene.values[id].failed);
      if (guilty) {
        gs.set({ node: guilty });
        this.showBox(this.scene.byId.get(guilty));
      }
    }

    tell(text, bad) {
      this.note.textContent = text;
      this.note.classList.toggle("gs-bad", Boolean(bad));
    }

    problem(error) {
      this.tell(error.message, true);
      if (error.status === 404) this.root.classList.add("gs-empty");
    }

    toggle(id) {
      const scope = id.replace(/^~/, "").slice(2); // the mirrored frame opens and shuts with its twin
      const open = new gs.Opened(this.scene), box = this.scene.byId.get(id);
      if (box && box.depth !== undefined) open.shut(scope);
      else open.open(scope);
      this.anchor = id;
      gs.set({ open: open.text() });
    }

    tap(at, event) {
      if (!this.scene) return;
      this.canvas.focus({ preventScroll: true });
      const hit = this.scene.at(at);
      if (hit && hit.depth !== undefined) {
        this.toggle(hit.id);
      } else if (hit && hit.kind === "scope" && this.onToggle(hit, at)) {
        this.toggle(hit.id);
      } else {
        gs.set({ node: hit ? this.pick(hit.id) : null });
      }
    }

    /* What a card stands for elsewhere: a mirrored card is the gradient of its twin. */
    pick(id) {
      const box = this.scene && this.scene.byId.get(id);
      return box && box.twin ? box.twin : id;
    }

    double(at) {
      const hit = this.scene && this.scene.at(at);
      if (hit && hit.kind === "scope" && !this.onToggle(hit, at)) this.toggle(hit.id);
    }

    onToggle(n, at) {
      const reach = Math.max(16, 14 / this.board.view.k);
      return Math.abs(at.x - (n.px + n.pw - 16)) < reach && Math.abs(at.y - (n.py + n.ph / 2)) < reach;
    }

    hover(at) {
      const hit = this.scene ? this.scene.at(at) : null;
      if (hit === this.hovered) return;
      this.hovered = hit;
      this.canvas.style.cursor = hit ? "pointer" : "grab";
      const told = hit && hit.depth === undefined && this.signs.of(hit);
      this.canvas.title = told ? told.titles.slice(0, 6).join("\n") : hit && hit.depth !== undefined ? `close ${hit.label}` : "";
      this.board.request();
    }

    select(id, go) {
      this.tree.select(id);
      const box = this.scene && id ? this.scene.holder(id) : null;
      this.selected = box;
      if (box && go) this.zoomTo(box);
      else if (box && box.id === this.stood) this.bring(box);
      this.board.request();
    }

    /* Shows a card wherever it is: the scopes on the way are opened first. */
    reveal(id, scope) {
      const open = new gs.Opened(this.scene), before = open.text();
      open.openTo(scope);
      const more = open.text() !== before;
      if (this.scene && this.scene.byId.has(id)) {
        gs.set({ node: id });
        this.select(id, true);
        return;
      }
      this.goal = true;
      if (gs.state.focus) gs.set({ focus: null }); // it may be outside of the part that is shown
      gs.set(more ? { node: id, open: open.text() } : { node: id });
      if (!more) this.select(id, true);
    }

    /* Where a program waits: its card is opened up to, and kept in view at every op it goes on. */
    stand(id, scope) {
      this.stood = id;
      if (!this.scene || !this.shown()) return void gs.set({ node: id });
      if (this.scene.byId.has(id)) {
        gs.set({ node: id });
        return void this.select(id);
      }
      const open = new gs.Opened(this.scene);
      open.openTo(scope);
      gs.set({ node: id, open: open.text() });
    }

    /* Whether cards are painted in an overlay's colours; a comparison has one by itself. */
    overlay() {
      const by = gs.state.color;
      return by ? by !== "family" : Boolean(gs.state.vs);
    }

    paint(ctx) {
      if (!this.scene) return;
      gs.paintScene(ctx, this);
      this.minimap.paint();
    }
  }
  Object.assign(GraphPage.prototype, gs.camera);

  gs.themeName = () => (gs.state && gs.state.theme === "dark" ? "dark"
    : gs.state && gs.state.theme === "light" ? "light"
    : document.documentElement.dataset.theme || (window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));

  gs.mount("[data-gs=graph]", (root) => new GraphPage(root));
})();
