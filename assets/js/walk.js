/* Step through backprop: one gradient arrives at a time, in the order in which it was computed.
 *
 * `.` brings the next one: it runs along its line in 300 ms, with the local derivative beside it. What
 * has not arrived yet says so on its card. `,` takes the last one back, Esc ends the walk.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const ONE = 300, THROUGH = 40; // ms for one gradient, alone and run through

  gs.Walk = class {
    constructor(box, page) {
      this.box = box;
      this.page = page;
      this.moves = null; // null: not walking
      this.at = -1; // the newest gradient that has arrived
      this.t = 1; // how far it has come along its line
      this.ask = new gs.Latest((answer) => this.got(answer), (e) => page.problem(e));
      const tool = (name, label, act) => gs.el("button", { type: "button", class: "gs-icon-button", "aria-label": label, title: label, onclick: act }, gs.glyph(name));
      this.text = gs.el("span", { class: "gs-walk-text", role: "status" });
      this.count = gs.el("span", { class: "gs-walk-count" });
      box.append(tool("again", "Start again", () => this.restart()), tool("back", "One gradient back (,)", () => this.move(-1)), this.count,
        tool("on", "Next gradient (.)", () => this.move(1)), tool("run", "Run through", () => this.through()), this.text,
        tool("close", "End the walk (Esc)", () => this.end()));
      gs.on((state, changed) => {
        if (this.moves && (changed.includes("run") || changed.includes("page"))) this.end();
        else if (this.moves && changed.includes("step")) this.begin(true);
      });
    }

    on() {
      return this.moves !== null;
    }

    begin(again) {
      if (!again) {
        this.at = -1;
        this.wanted = 0;
      }
      // A live run moves on under the walk: it stays on the step that it began with.
      if (gs.state.step === null && this.page.facts) gs.set({ step: this.page.facts.step });
      this.ask.ask(gs.url("/api/backprop", { run: gs.state.run, step: gs.state.step }));
    }

    got(answer) {
      if (!answer.moves.length) {
        this.end();
        this.page.tell(answer.why, true);
        return;
      }
      this.moves = answer.moves;
      this.places = null;
      this.box.hidden = false;
      this.page.root.classList.add("gs-walking");
      if (this.wanted !== undefined && this.wanted >= 0) this.show(Math.min(this.wanted, this.moves.length - 1), ONE);
      this.wanted = undefined;
      this.say();
    }

    end() {
      clearInterval(this.timer);
      this.moves = null;
      this.at = -1;
      this.box.hidden = true;
      this.page.root.classList.remove("gs-walking");
      this.page.board.request();
    }

    restart() {
      clearInterval(this.timer);
      this.at = -1;
      this.show(0, ONE);
    }

    /* True when the key was for the walk. */
    move(d) {
      clearInterval(this.timer);
      if (!this.moves) {
        if (d > 0) this.begin();
        return d > 0;
      }
      const to = this.at + d;
      if (to < 0 || to >= this.moves.length) return true;
      this.show(to, d > 0 ? ONE : 0);
      return true;
    }

    through() {
      clearInterval(this.timer);
      if (this.at >= this.moves.length - 1) this.at = -1;
      this.timer = setInterval(() => {
        if (!this.moves || this.at >= this.moves.length - 1) return clearInterval(this.timer);
        this.show(this.at + 1, THROUGH);
      }, THROUGH + 20);
    }

    show(to, ms) {
      this.at = to;
      this.places = null;
      const edge = this.edge();
      if (ms >= ONE) this.follow(edge);
      this.page.board.animate(ms, (t) => (this.t = t));
      this.say();
      this.page.board.request();
    }

    say() {
      const m = this.moves[this.at];
      this.count.textContent = `${this.at + 1} / ${this.moves.length}`;
      this.box.dataset.at = String(this.at);
      if (!m) return;
      const where = m.by ? gs.tex(m.tex) : "the loss against itself";
      this.text.replaceChildren(gs.el("b", {}, `\u2202 ${m.label}`), " = ", m.text || "\u2014", m.by ? gs.el("span", { class: "gs-quiet" }, "  from ", where, m.ns ? ` in ${m.ns}` : "") : gs.el("span", { class: "gs-quiet" }, `  ${where}`));
    }

    /* The line that the newest gradient runs along: {edge, back}; back when against its direction. */
    edge() {
      const m = this.moves && this.moves[this.at], { scene } = this.page;
      if (!m || !m.by || !scene) return null;
      const to = scene.holder(m.to), by = scene.holder(m.by);
      if (!to || !by) return null;
      const mirror = (scene.from.get("~" + by.id) || []).find((e) => e.dst === "~" + to.id);
      if (mirror) return { edge: mirror, back: false };
      const plain = (scene.from.get(to.id) || []).find((e) => e.dst === by.id);
      return plain ? { edge: plain, back: true } : null;
    }

    follow(found) {
      const m = this.moves[this.at], { scene } = this.page;
      const box = scene && (scene.byId.get("~" + m.to) || scene.holder(m.to));
      if (box) this.page.showBox(box);
    }

    /* By card: whether its gradient has arrived ("done", "now") or not yet ("before"). */
    mood(id) {
      if (!this.places || this.seen !== this.page.scene) {
        this.seen = this.page.scene;
        this.places = new Map();
        this.moves.forEach((m, i) => {
          const box = this.seen.holder(m.to);
          if (!box) return;
          const what = i < this.at ? "done" : i === this.at ? "now" : "before";
          // A value that is used twice gets two gradients; it has one when the first is there.
          for (const name of [box.id, "~" + box.id]) {
            const had = this.places.get(name);
            if (!had || what === "now" || (had === "before" && what === "done")) this.places.set(name, what);
          }
        });
      }
      return this.places.get(id) || "none";
    }

    paint(ctx, k) {
      if (!this.moves) return;
      const found = this.edge();
      if (!found) return;
      const { edge, back } = found, colour = gs.color("gradient");
      ctx.save();
      ctx.strokeStyle = colour;
      ctx.globalAlpha = 0.35;
      ctx.lineWidth = edge.weight + 4;
      ctx.stroke(edge.path);
      ctx.globalAlpha = 1;
      const line = gs.flat(edge), [x, y] = gs.along(line, back ? 1 - this.t : this.t);
      ctx.fillStyle = colour;
      ctx.beginPath();
      ctx.arc(x, y, Math.max(6, 5 / k), 0, 7);
      ctx.fill();
      if (k >= 0.5) {
        const m = this.moves[this.at], [mx, my] = gs.along(line, 0.5);
        gs.paintTag(ctx, gs.texText(m.tex), mx, my, k, colour);
      }
      ctx.restore();
    }
  };
})();
