/* What the program logged beside numbers: pictures with a slider over their steps, texts, and hyper-parameters. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);

  class Logged {
    constructor(root) {
      this.root = root;
      this.note = el("p", { class: "gs-curves-note", role: "status" });
      this.body = el("div", { class: "gs-logged-body" });
      this.images = el("div", { class: "gs-logged-images" });
      this.texts = el("div", { class: "gs-logged-texts" });
      this.table = el("div", { class: "gs-logged-table" });
      this.body.append(this.images, this.texts, this.table);
      root.replaceChildren(el("div", { class: "gs-curves-scroll", tabindex: "0", role: "region", "aria-label": "What was logged" }, this.note, this.body));
      this.cards = new Map();
      this.rows = new gs.Latest((a) => this.gotRows(a), (e) => this.tell(e.message));
      document.addEventListener("gs:logged", (e) => this.got(e.detail));
      gs.on((state, changed) => {
        if (changed.includes("run")) this.cards.clear();
        if (["run", "tab", "page", "with"].some((name) => changed.includes(name))) this.turn();
        if (changed.includes("step")) this.follow();
      });
      if (gs.logged) this.got(gs.logged);
      this.turn();
    }

    turn() {
      const { page, tab } = gs.state;
      this.images.hidden = tab !== "images";
      this.texts.hidden = tab !== "texts";
      this.table.hidden = tab !== "hparams";
      if (page !== "scalars" || !["images", "texts", "hparams"].includes(tab) || !gs.state.run) return;
      if (tab === "hparams") {
        const others = (gs.state.with || "").split(",").filter(Boolean);
        this.rows.ask(gs.url("/api/hparams", { run: gs.state.run }) + others.map((name) => `&with=${name}`).join(""));
      }
      this.words();
    }

    got(answer) {
      this.answer = answer;
      this.drawImages(answer.images);
      gs.fill(this.texts, answer.texts, () => answer.texts.slice().reverse().map((t) => el("article", { class: "gs-card gs-logged-text" },
        el("header", {}, el("h3", {}, t.tag), el("button", { type: "button", class: "gs-mini", title: "Go to this step", onclick: () => gs.set({ step: t.step }) }, `step ${gs.units.count(t.step)}`)),
        el("pre", { tabindex: "0" }, t.text))));
      this.words();
    }

    words() {
      const a = this.answer, { tab } = gs.state;
      if (!a) return;
      const word = { images: a.images.length ? (a.more_images ? `${a.more_images} more tags are not shown.` : "") : "No images were logged.",
        texts: a.texts.length ? (a.more_texts ? `The newest ${a.texts.length}; ${gs.units.count(a.more_texts)} older are not shown.` : "") : "No texts were logged.",
        hparams: a.hparams ? "" : "No hyper-parameters were logged." }[tab];
      this.tell(word || "");
      this.root.dataset.ready = `${tab} ${tab === "images" ? a.images.length : tab === "texts" ? a.texts.length : a.hparams}`;
    }

    drawImages(list) {
      const tags = new Set(list.map((i) => i.tag));
      for (const [tag, card] of this.cards) {
        if (tags.has(tag)) continue;
        card.box.remove();
        this.cards.delete(tag);
      }
      for (const box of [...this.images.children]) if (![...this.cards.values()].some((c) => c.box === box)) box.remove();
      for (const told of list) {
        let card = this.cards.get(told.tag);
        if (!card) {
          this.cards.set(told.tag, (card = this.card(told.tag)));
          this.images.append(card.box);
        }
        const newest = !card.told || card.at === card.told.ids.length - 1;
        card.told = told;
        card.slider.max = told.ids.length - 1;
        card.slider.hidden = told.ids.length < 2;
        this.show(card, newest ? told.ids.length - 1 : Math.min(card.at, told.ids.length - 1));
      }
      this.follow();
    }

    card(tag) {
      const card = { picture: el("img", { alt: `${tag.slice(0, 120)}`, loading: "lazy", decoding: "async" }), said: el("span", { class: "gs-quiet" }),
        slider: el("input", { type: "range", min: "0", max: "0", step: "1", "aria-label": `Step of ${tag.slice(0, 120)}` }) };
      card.slider.addEventListener("input", () => this.show(card, Number(card.slider.value)));
      card.slider.addEventListener("change", () => gs.set({ step: card.told.steps[card.at] }));
      card.box = el("article", { class: "gs-card gs-logged-image" }, el("header", {}, el("h3", { title: tag }, tag), card.said), card.picture, card.slider);
      return card;
    }

    show(card, at) {
      card.at = at;
      card.slider.value = at;
      gs.write(card.said, `step ${gs.units.count(card.told.steps[at])}`);
      const src = gs.url("/api/image", { run: gs.state.run, id: card.told.ids[at] });
      if (card.picture.getAttribute("src") !== src) card.picture.src = src;
    }

    /* The step that is looked at, where there is a picture of it; else the one before. */
    follow() {
      const { step } = gs.state;
      if (step === null || step === undefined) return;
      for (const card of this.cards.values()) {
        let at = 0;
        card.told.steps.forEach((s, i) => s <= step && (at = i));
        this.show(card, at);
      }
    }

    gotRows(answer) {
      const text = (v) => (v === undefined || v === null ? "\u2014" : typeof v === "number" && String(v).length > 8 ? gs.units.number(v, 4) : String(v));
      gs.fill(this.table, answer, () => el("div", { class: "gs-card gs-logged-hparams" }, el("table", {},
        el("thead", {}, el("tr", {}, ["run", ...answer.names, ...answer.metrics].map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, answer.rows.map((row) => el("tr", {}, el("th", { scope: "row" }, row.run),
          answer.names.map((name) => el("td", {}, text(row.hparams[name]))), answer.metrics.map((name) => el("td", {}, text(row.metrics[name]))))))),
        el("p", { class: "gs-quiet" }, "Runs that lie over each other on the Curves tab are the rows.")));
      this.words();
    }

    tell(text) {
      gs.write(this.note, text);
    }
  }

  gs.mount("[data-gs=logged]", (root) => new Logged(root));
})();
