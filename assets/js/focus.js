/* A part of the graph as a picture of its own: around a card, its way to the loss, all it influences.
 *
 * The focus is in the address ("near:n12:2", "loss:p3", "from:p3", "into:n12"), the server lays it out.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const MOST = 9;
  const CHOICES = [
    ["near", "Neighbours", "Isolate the neighbours of the chosen card; again: one line further", "i"],
    ["loss", "Path to the loss", "Everything on a way from the chosen card to the loss", "o"],
    ["from", "All it influences", "Everything that the chosen card influences", "d"],
    ["into", "All it is made of", "Everything that the chosen card is made of", "u"],
  ];

  /* "near:s:net.fc:2" -> {kind, id, hops} */
  gs.parseFocus = function (text) {
    const match = /^(near|loss|from|into):(.+)$/.exec(text || "");
    if (!match) return null;
    const near = match[1] === "near" && /^(.+):(\d)$/.exec(match[2]);
    return near ? { kind: "near", id: near[1], hops: Number(near[2]) } : { kind: match[1], id: match[2], hops: 1 };
  };

  gs.Focus = class {
    constructor(chip, page) {
      this.chip = chip;
      this.page = page;
      this.less = gs.el("button", { type: "button", class: "gs-icon-button", "aria-label": "One line less", title: "One line less", onclick: () => this.hops(-1) }, gs.glyph("minus"));
      this.more = gs.el("button", { type: "button", class: "gs-icon-button", "aria-label": "One line further", title: "One line further (i)", onclick: () => this.hops(1) }, gs.glyph("plus"));
      this.words = gs.el("span");
      chip.append(this.words, this.less, this.more,
        gs.el("button", { type: "button", class: "gs-icon-button", "aria-label": "Show the whole graph again", title: "The whole graph (Esc)", onclick: () => this.leave() }, gs.glyph("close")));
      for (const [kind, what, , combo] of CHOICES) gs.key(combo, `${what} of the chosen card`, () => this.enter(kind), "graph");
    }

    /* The menu in the toolbar. */
    menu() {
      const list = gs.el("div", { class: "gs-menu" });
      const box = gs.el("details", { class: "gs-drop" }, gs.el("summary", { class: "gs-tool", title: "Show a part of the graph alone" }, "Isolate"), list);
      const fill = () => {
        const chosen = this.page.selected;
        list.replaceChildren(chosen ? gs.el("div", { class: "gs-menu-head" }, chosen.label) : gs.el("div", { class: "gs-menu-head" }, "Choose a card first"),
          ...CHOICES.map(([kind, what, tip, combo]) => gs.el("button", { type: "button", title: tip, disabled: !chosen, onclick: () => {
            box.open = false;
            this.enter(kind);
          } }, gs.el("span", {}, what), gs.el("kbd", {}, combo))));
      };
      box.addEventListener("toggle", fill);
      gs.closing(box);
      return box;
    }

    enter(kind) {
      const chosen = gs.state.node && this.page.selected, now = gs.parseFocus(gs.state.focus);
      if (!chosen) return false;
      const id = chosen.twin || chosen.id;
      if (kind === "near" && now && now.kind === "near" && now.id === id) return this.hops(1);
      this.back = gs.state.focus ? this.back : gs.state.open;
      this.page.anchor = id;
      gs.set({ focus: kind === "near" ? `near:${id}:1` : `${kind}:${id}`, open: null });
      return true;
    }

    hops(d) {
      const now = gs.parseFocus(gs.state.focus);
      if (!now || now.kind !== "near") return false;
      const hops = Math.min(MOST, Math.max(1, now.hops + d));
      this.page.anchor = now.id;
      gs.set({ focus: `near:${now.id}:${hops}` });
      return true;
    }

    leave() {
      this.page.anchor = gs.state.node;
      gs.set({ focus: null, open: this.back || null });
    }

    /* What is shown, as the server answered: a step of another graph may lack the card. */
    show({ view, nodes }) {
      const now = gs.parseFocus(gs.state.focus);
      this.chip.hidden = !now;
      if (!now) return;
      const box = this.page.scene.holder(now.id);
      const name = box ? box.label : now.id;
      const near = now.kind === "near";
      const says = near ? `Around ${name}, ${now.hops} line${now.hops > 1 ? "s" : ""} far`
        : { loss: `From ${name} to the loss`, from: `All that ${name} influences`, into: `All that ${name} is made of` }[now.kind];
      const cards = nodes.filter((n) => n.kind !== "grad").length;
      this.words.textContent = view.focus || view.vs ? `${says}: ${cards} card${cards === 1 ? "" : "s"}` : `${name} is not in this step: the whole graph`;
      this.less.hidden = this.more.hidden = !near;
      this.less.disabled = now.hops <= 1;
      this.more.disabled = now.hops >= MOST;
    }
  };

  /* A <details> that shuts when the reader goes elsewhere. */
  gs.closing = function (box) {
    document.addEventListener("pointerdown", (e) => box.contains(e.target) || (box.open = false));
    box.addEventListener("keydown", (e) => {
      if (e.key !== "Escape" || !box.open) return;
      e.stopPropagation();
      box.open = false;
      box.firstElementChild.focus();
    });
  };
})();
