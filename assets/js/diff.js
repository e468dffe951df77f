/* Compared with another step or run: the menu that starts it, and the list of the largest changes. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const KINDS = [["value", "Values"], ["gradient", "Gradients"], ["time", "Time"], ["structure", "Structure"]];
  const SIGNS = { added: "+", removed: "\u2212", changed: "\u2260" };

  gs.Diff = class {
    constructor(box, page) {
      this.box = box;
      this.page = page;
      this.kind = "value";
      this.title = gs.el("span", { class: "gs-diff-title" });
      this.list = gs.el("ol", { class: "gs-diff-list" });
      this.tabs = gs.segments("Largest changes of", KINDS, (kind) => {
        this.kind = kind;
        this.draw();
      });
      this.tabs.choose(this.kind);
      box.append(
        gs.el("div", { class: "gs-diff-head" }, this.title,
          gs.el("button", { type: "button", class: "gs-icon-button", "aria-label": "End the comparison", title: "End the comparison (c)", onclick: () => this.end() }, gs.glyph("close"))),
        this.tabs.box, this.list);
      gs.key("c", "Compare with the pinned step", () => this.toggle(), "graph");
    }

    menu() {
      const list = gs.el("div", { class: "gs-menu" });
      const box = gs.el("details", { class: "gs-drop" }, gs.el("summary", { class: "gs-tool", title: "See what changed against another step or run (c)" }, "Compare"), list);
      box.addEventListener("toggle", () => box.open && this.fill(list, box));
      gs.closing(box);
      return box;
    }

    fill(list, box) {
      const now = this.page.facts ? this.page.facts.step : 0;
      const act = (vs) => () => {
        box.open = false;
        this.start(vs);
      };
      const row = (what, tip, vs) => gs.el("button", { type: "button", onclick: act(vs) }, gs.el("span", {}, what), gs.el("span", { class: "gs-quiet" }, tip));
      const field = gs.el("input", { type: "number", min: 0, max: gs.card ? gs.card.last_step : null, "aria-label": "Step to compare with", placeholder: "step" });
      const form = gs.el("form", { class: "gs-menu-row" }, gs.el("span", {}, "With step"), field, gs.el("button", { type: "submit", class: "gs-tool" }, "Show"));
      form.addEventListener("submit", (e) => {
        e.preventDefault();
        if (field.value !== "") act(`step:${Number(field.value)}`)();
      });
      const runs = (gs.runList || []).filter((r) => r.run !== gs.state.run && r.state !== "damaged" && r.steps > 0).slice(0, 30);
      list.replaceChildren(
        row(`Pin step ${now}`, "then go to another", `step:${now}`),
        row("With the first step", "step 0", "step:0"), form,
        ...(runs.length ? [gs.el("div", { class: "gs-menu-head" }, "With a run"), ...runs.map((r) => row(r.run, "", r.run))] : []));
    }

    toggle() {
      if (gs.state.vs) return this.end();
      if (!this.page.facts) return false;
      this.start(`step:${this.page.facts.step}`);
      return true;
    }

    start(vs) {
      this.page.anchor = gs.state.node;
      gs.set({ vs, mode: null, focus: null, color: null });
    }

    end() {
      this.show(null);
      this.page.anchor = gs.state.node;
      gs.set({ vs: null, color: gs.state.color === "change" ? null : gs.state.color });
      return true;
    }

    show(answer) {
      this.answer = answer && answer.vs ? answer : null;
      this.box.hidden = !this.answer || !gs.state.vs;
      this.page.root.classList.toggle("gs-comparing", !this.box.hidden); // the list stands beside the graph
      if (this.answer) this.draw();
    }

    draw() {
      if (!this.answer) return;
      const { counts, largest } = this.answer;
      const said = ["added", "removed", "changed"].filter((m) => counts[m]).map((m) => `${SIGNS[m]}${counts[m]} ${m}`);
      this.title.textContent = said.length ? said.join(", ") : "The same graph";
      this.tabs.choose(this.kind);
      const rows = largest[this.kind] || [];
      const scale = Math.max(...rows.map((r) => r.size || 0), 1e-12);
      this.list.replaceChildren(...(rows.length ? rows.map((r) => this.row(r, scale)) : [gs.el("li", { class: "gs-quiet" }, this.nothing())]));
    }

    row(r, scale) {
      const bar = gs.el("span", { class: "gs-diff-bar" });
      bar.style.width = r.size ? `${Math.max((100 * r.size) / scale, 2)}%` : "0";
      const where = (r.inside || "").split(".").pop();
      return gs.el("li", {}, gs.el("button", { type: "button", title: [r.inside, r.label].filter(Boolean).join(" / "), onclick: () => this.page.reveal(r.id, r.inside) },
        r.mark ? gs.el("span", { class: `gs-diff-sign gs-diff-${r.mark}` }, SIGNS[r.mark]) : null,
        gs.el("span", { class: "gs-diff-name" }, where && where !== r.label ? gs.el("span", { class: "gs-quiet" }, where + " / ") : null, r.label),
        gs.el("span", { class: "gs-diff-size" }, r.text), bar));
    }

    nothing() {
      return { value: "No value changed, or none was recorded in both.", gradient: "No gradient changed, or none was recorded in both.",
        time: "No op took another time.", structure: "Both have the same cards." }[this.kind];
    }
  };
})();
