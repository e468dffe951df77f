/* The popover of live control: breakpoints, learning rates, tunables, what is frozen. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const HELP = "norm(grad) > 10 \u00b7 any nan \u00b7 min(value) < 0 \u00b7 update/weight < 1e-4 \u00b7 loss > 5";

  gs.ControlPanel = class {
    constructor(root, button) {
      this.button = button;
      this.breaks = el("div", {});
      this.rates = el("div", {});
      this.tunes = el("div", {});
      this.frozen = el("div", {});
      this.box = el("div", { class: "gs-ctl-panel", role: "dialog", "aria-label": "Breakpoints and changes", hidden: true },
        el("section", {}, el("h3", {}, "Stop where"), this.breaks, this.form()),
        this.rates, this.tunes, this.frozen);
      root.append(this.box);
      this.box.addEventListener("keydown", (e) => {
        if (e.key !== "Escape") return;
        e.stopPropagation();
        this.close();
        this.button.focus();
      });
      document.addEventListener("pointerdown", (e) => {
        if (!this.box.contains(e.target) && !this.button.contains(e.target)) this.close();
      });
    }

    toggle() {
      if (!this.box.hidden) return this.close();
      this.box.hidden = false;
      this.button.setAttribute("aria-expanded", "true");
      this.show(gs.control());
      this.condition.focus();
    }

    close() {
      this.box.hidden = true;
      this.button.setAttribute("aria-expanded", "false");
    }

    form() {
      const field = (name, words, width) => el("input", { type: "text", name, placeholder: words, "aria-label": words, class: "gs-ctl-input", size: width, autocomplete: "off", spellcheck: "false" });
      this.condition = field("condition", "condition", 28);
      const op = field("op", "op", 8), scope = field("module", "module", 10), site = field("site", "train.py:31", 11), step = field("step", "step", 5), hits = field("hits", "hit", 3);
      const once = el("input", { type: "checkbox", name: "once" }), change = el("input", { type: "checkbox", name: "graph_change" });
      const wrong = el("pre", { class: "gs-ctl-wrong", role: "alert", hidden: true });
      const form = el("form", { class: "gs-ctl-form" },
        el("div", { class: "gs-ctl-row" }, this.condition, el("button", { type: "submit", class: "gs-button" }, "Add")),
        el("div", { class: "gs-ctl-row" }, op, scope, site, step, hits),
        el("div", { class: "gs-ctl-row" }, el("label", {}, once, "once"), el("label", {}, change, "the graph changes")),
        wrong, el("p", { class: "gs-quiet" }, HELP));
      form.addEventListener("submit", async (e) => {
        e.preventDefault();
        const data = {};
        if (this.condition.value.trim()) data.condition = this.condition.value.trim();
        for (const input of [op, scope, site]) if (input.value.trim()) data[input.name] = input.value.trim();
        for (const input of [step, hits]) if (input.value.trim()) data[input.name] = Number(input.value);
        if (once.checked) data.once = true;
        if (change.checked) data.graph_change = true;
        const status = await gs.command("break_add", data, true);
        const bad = status.startsWith("refused");
        wrong.hidden = !bad;
        wrong.textContent = bad ? status.replace(/^refused: ?/, "") : "";
        if (!bad) form.reset();
      });
      return form;
    }

    show(control) {
      if (!control || this.box.hidden) return;
      const list = control.breakpoints || [];
      gs.fill(this.breaks, list, () => list.length ? el("ul", { class: "gs-ctl-breaks" }, list.map((b) => this.breakpoint(b))) : el("p", { class: "gs-quiet" }, "No breakpoint yet."));
      // A schedule changes the rate at every step: a number that is being typed stays.
      if (!this.typing(this.rates)) gs.fill(this.rates, control.groups || [], (groups) => groups.some((g) => g.lr !== null) ? el("section", {}, el("h3", {}, "Learning rate"),
        groups.filter((g) => g.lr !== null).map((g) => this.number(`group ${g.group} \u00b7 ${g.optimizer}, ${g.parameters} parameters`, g.lr, `lr${g.group}`, (value) => gs.command("set_lr", { group: g.group, value })))) : null);
      if (!this.typing(this.tunes)) gs.fill(this.tunes, control.tunables || [], (all) => all.length ? el("section", {}, el("h3", {}, "Tunables"),
        all.map((t) => this.number(t.name, t.value, `tune-${t.name}`, (value) => gs.command("set", { name: t.name, value })))) : null);
      gs.fill(this.frozen, control.frozen || [], (all) => this.freezing(all));
    }

    typing(box) {
      const input = document.activeElement;
      return box.contains(input) && input.matches("input") && input.value !== input.defaultValue;
    }

    breakpoint(b) {
      const tick = el("input", { type: "checkbox", checked: b.enabled, "aria-label": `enable ${b.text}`, "data-key": `on${b.id}`, onchange: () => gs.command("break_set", { id: b.id, enabled: tick.checked }) });
      const hits = `${b.count} hit${b.count === 1 ? "" : "s"}${b.hits > 1 ? `, stops from hit ${b.hits}` : ""}${b.once ? ", once" : ""}`;
      return el("li", { "data-id": b.id }, tick, el("span", { class: "gs-ctl-text", title: b.text }, b.text), el("span", { class: "gs-quiet" }, hits),
        el("button", { type: "button", class: "gs-icon-button", "aria-label": `delete ${b.text}`, title: "Delete", "data-key": `del${b.id}`, onclick: () => gs.command("break_del", { id: b.id }) }, "\u00d7"));
    }

    number(name, value, key, send) {
      const input = el("input", { type: "text", inputmode: "decimal", class: "gs-ctl-input", value: String(value), "aria-label": name, "data-key": key, size: 10, autocomplete: "off" });
      const form = el("form", { class: "gs-ctl-row gs-ctl-number" }, el("span", { class: "gs-ctl-text", title: name }, name), input,
        el("button", { type: "submit", class: "gs-button", "data-key": `${key}-set` }, "Set"));
      form.addEventListener("submit", (e) => {
        e.preventDefault();
        const wish = Number(input.value.replace(",", ".").replace("\u2212", "-"));
        if (!input.value.trim() || !Number.isFinite(wish)) return gs.controlSays(`${input.value} is no number`, true);
        send(wish);
      });
      return form;
    }

    freezing(all) {
      const input = el("input", { type: "text", class: "gs-ctl-input", placeholder: "net.0", "aria-label": "module to freeze", "data-key": "freeze", size: 16, autocomplete: "off", spellcheck: "false" });
      const form = el("form", { class: "gs-ctl-row" }, input, el("button", { type: "submit", class: "gs-button" }, "Freeze"));
      form.addEventListener("submit", (e) => {
        e.preventDefault();
        if (input.value.trim()) gs.command("freeze", { module: input.value.trim() });
      });
      return el("section", {}, el("h3", {}, "Frozen modules"),
        all.map((path) => el("div", { class: "gs-ctl-row" }, el("span", { class: "gs-ctl-text" }, path),
          el("button", { type: "button", class: "gs-button", "data-key": `thaw-${path}`, onclick: () => gs.command("unfreeze", { module: path }) }, "Train again"))),
        form);
    }
  };
})();
