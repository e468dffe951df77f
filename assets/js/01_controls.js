/* The controls that bars are made of: a row of choices, and a menu of check boxes.
 *
 *   const by = gs.segments("Group by", [["op", "Op"], ["scope", "Module"]], (value) => ...);  by.box, by.choose(value)
 *   const menu = gs.checks("Columns", (value, on) => ...);  menu.box, menu.show([[value, word, on]])
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);

  gs.segments = function (label, choices, act) {
    const buttons = choices.map(([value, word, tip]) =>
      el("button", { type: "button", role: "radio", "data-value": value, title: tip, onclick: () => act(value) }, word));
    const box = el("div", { class: "gs-segments", role: "radiogroup", "aria-label": label }, buttons);
    box.addEventListener("keydown", (e) => {
      const d = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
      if (!d) return;
      e.preventDefault();
      e.stopPropagation();
      const next = buttons[(buttons.indexOf(document.activeElement) + d + buttons.length) % buttons.length];
      next.focus();
      next.click();
    });
    const choose = (value) => {
      for (const b of buttons) {
        const on = b.dataset.value === value;
        b.setAttribute("aria-checked", String(on));
        b.tabIndex = on ? 0 : -1;
      }
    };
    return { box, choose, buttons };
  };

  gs.checks = function (title, act) {
    const list = el("div", { class: "gs-menu" });
    const box = el("details", { class: "gs-compare gs-checks" }, el("summary", { class: "gs-tool" }, title), list);
    document.addEventListener("pointerdown", (e) => box.contains(e.target) || (box.open = false));
    box.addEventListener("keydown", (e) => {
      if (e.key !== "Escape" || !box.open) return;
      e.stopPropagation();
      box.open = false;
      box.firstElementChild.focus();
    });
    const show = (items) => list.replaceChildren(...items.map(([value, word, on, tip]) => {
      const tick = el("input", { type: "checkbox", checked: on });
      tick.addEventListener("change", () => act(value, tick.checked));
      return el("label", { title: tip }, tick, el("span", {}, word));
    }));
    return { box, show };
  };
})();
