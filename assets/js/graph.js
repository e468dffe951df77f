/* The graph page: fetches the layout and, apart from it, the numbers of the step that is looked at.
 *
 * The layout changes only with the run, the graph or the set of open scopes; the numbers with every
 * step. Everything the reader chooses (node, step, open scopes, colouring) lives in gs.state.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  /* Open scopes as they stand in the address: "a,b"; "none" is everything shut. */
  gs.openText = (list) => list.map((s) => s.replace(/[%,]/g, encodeURIComponent)).join(",") || "none";

  class GraphPage {
    constructor(root) {
      this.root = root;
      this.canvas = root.querySelector("canvas");
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
      this.note = root.querySelector(".gs-graph-note");
      this.legend = root.querySelector(".gs-legend");
      gs.buildToolbar(root.querySelector(".gs-toolbar"), this);
      gs.graphPage = this;
      gs.on((state, changed) => this.changed(changed));
      gs.live((card) => this.news(card));
      gs.onTheme(() => this.askValues());
      this.askLayout();
    }

    alive() {
      return this.root.isConnected;
    }

    /* All pages stand in the document and one is shown; a hidden one asks for nothing. */
    shown() {
      return this.root.offsetParent !== null;
    }

    changed(changed) {
      if (!this.alive()) return;
      const has = (key) => !changed || changed.includes(key);
      if (has("run")) {
        this.layouts.drop();
        this.numbers.drop();
        this.scene = this.graph = null;
      }
      if (has("run") || has("open")) this.askLayout();
      else if (has("step") || has("color") || has("theme")) this.askValues();
      if (has("node")) this.select(gs.state.node);
      this.board.request();
    }

    news() {
      if (!this.alive() || (gs.state.step !== null && this.scene)) return;
      if (this.scene) this.askValues();
      else this.askLayout();
    }

    query(extra) {
      const { run, step, open } = gs.state;
      return { run, step, open, ...extra };
    }

    askLayout() {
      if (!this.shown()) this.late = true;
      if (!gs.state.run || !this.shown()) return;
      this.layouts.ask(gs.url("/api/graph", this.query({ node: gs.state.node })));
    }

    askValues() {
      if (!this.shown()) this.late = true;
      if (!gs.state.run || !this.scene || !this.shown()) return;
      const look = { color: gs.state.color || "family", theme: gs.themeName() };
      const past = gs.state.step !== null;
      const shown = gs.openText(this.scene.openScopes());
      this.numbers.ask(gs.url("/api/values", this.query({ ...look, open: shown })), past);
    }

    gotLayout(view) {
      const old = this.scene;
      const scene = new gs.Scene(view);
      this.graph = view.graph;
      this.scene = scene;
      if (old) scene.values = old.values;
      if (!old || !scene.nodes.length) this.firstLook();
      else this.keepPlace(old, scene);
      this.tree.show(scene);
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
      this.scene.values = answer.nodes || {};
      this.facts = answer;
      this.canvas.dataset.step = String(answer.step);
      this.root.dispatchEvent(new CustomEvent("gs:values", { detail: answer, bubbles: true }));
      gs.paintLegend(this.legend, answer.legend);
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

    /* First view: the width fits, but numbers stay legible (zoom 0.6); the top stands at the top. */
    firstLook() {
      const [x0, y0, x1] = this.scene.bounds;
      const { width } = this.board.size;
      const k = Math.min(1, Math.max(0.6, (width - 48) / Math.max(x1 - x0, 1)));
      let middle = (x0 + x1) / 2;
      if ((x1 - x0) * k > width) {
        // Too wide: begin where the program begins.
        const top = this.scene.nodes.slice().sort((a, b) => a.y - b.y).slice(0, 5);
        middle = top.reduce((sum, n) => sum + n.x + n.w / 2, 0) / Math.max(top.length, 1);
      }
      Object.assign(this.board.view, { k, x: width / 2 - middle * k, y: 44 - y0 * k });
      this.showBox(gs.state.node && this.scene.holder(gs.state.node)); // a link to a node shows it
    }

    /* Brings a card into view, if it is not, without changing the zoom. */
    showBox(box) {
      const { view, size } = this.board;
      const [left, top, right, bottom] = this.board.window();
      if (!box || (box.x >= left && box.y >= top && box.x + box.w <= right && box.y + box.h <= bottom - 60 / view.k)) return;
      view.x = size.width / 2 - (box.x + box.w / 2) * view.k;
      view.y = size.height / 2 - (box.y + box.h / 2) * view.k;
      this.board.request();
    }

    /* Moves to a new layout so that the clicked box (else the selection, else nothing) stays put. */
    keepPlace(old, scene) {
      const name = this.anchor || (gs.state.node && old.byId.has(gs.state.node) ? gs.state.node : null);
      const was = name && old.byId.get(name);
      const is = name && (scene.byId.get(name) || scene.holder(name));
      this.anchor = null;
      let dx = 0, dy = 0;
      if (was && is) {
        dx = is.x + is.w / 2 - (was.px + was.pw / 2);
        dy = is.y - was.py;
        this.board.view.x -= dx * this.board.view.k;
        this.board.view.y -= dy * this.board.view.k;
      }
      this.board.animate(200, scene.morph(old, dx, dy));
    }

    resized(now) {
      if (now.width <= 1) return;
      if (this.width) this.board.view.x += (now.width - this.width) / 2;
      else if (this.scene) this.firstLook();
      this.width = now.width;
      if (this.late) {
        this.late = false;
        this.askLayout();
      }
    }

    toggle(id) {
      const scope = id.slice(2);
      const open = new Set(this.scene.openScopes());
      if (open.has(scope)) {
        for (const path of [...open]) if (path === scope || path.startsWith(scope + ".")) open.delete(path);
      } else {
        open.add(scope);
      }
      this.anchor = id;
      gs.set({ open: gs.openText([...open]) });
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
        gs.set({ node: hit ? hit.id : null });
      }
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
      this.canvas.title = hit && hit.depth !== undefined ? `close ${hit.label}` : "";
      this.board.request();
    }

    select(id, go) {
      this.tree.select(id);
      const box = this.scene && id ? this.scene.holder(id) : null;
      this.selected = box;
      if (box && go) this.zoomTo(box);
      this.board.request();
    }

    zoomTo(box) {
      const k = Math.min(1.2, Math.max(this.board.view.k, 0.9));
      this.board.goTo(box.x + box.w / 2, box.y + box.h / 2, k, 250);
    }

    /* Shows a card wherever it is: the scopes on the way are opened first. */
    reveal(id, scope) {
      const open = new Set(this.scene ? this.scene.openScopes() : []);
      const before = open.size;
      const parts = scope ? scope.split(".") : [];
      for (let i = 1; i <= parts.length; i++) open.add(parts.slice(0, i).join("."));
      if (this.scene && this.scene.byId.has(id)) {
        gs.set({ node: id });
        this.select(id, true);
        return;
      }
      this.goal = true;
      gs.set(open.size > before ? { node: id, open: gs.openText([...open]) } : { node: id });
      if (open.size === before) this.select(id, true);
    }

    overlay() {
      const by = gs.state.color;
      return Boolean(by && by !== "family");
    }

    fit() {
      if (!this.scene) return;
      const [x0, y0, x1, y1] = this.scene.bounds;
      const { width, height } = this.board.size;
      const k = Math.min(1, (width - 48) / (x1 - x0 || 1), (height - 48) / (y1 - y0 || 1));
      this.board.goTo((x0 + x1) / 2, (y0 + y1) / 2, Math.max(k, 0.02), 250);
    }

    paint(ctx) {
      if (this.scene) gs.paintScene(ctx, this);
    }
  }

  gs.themeName = () => (gs.state && gs.state.theme === "dark" ? "dark"
    : gs.state && gs.state.theme === "light" ? "light"
    : document.documentElement.dataset.theme || (window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));

  gs.mount("[data-gs=graph]", (root) => new GraphPage(root));
})();
