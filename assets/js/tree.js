/* The graph for keyboards, screen readers and tests: a hidden tree of the visible cards.
 *
 * A canvas is opaque to all three. Items mirror the cards in program order with their nesting; Enter
 * or click selects, Right opens a scope, Left closes it or climbs. Focus shows on the canvas too.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const LIMIT = 1500; // more items would slow the page down and help nobody

  gs.Tree = class {
    constructor(list, page) {
      this.list = list;
      this.page = page;
      list.addEventListener("click", (e) => this.click(e));
      list.addEventListener("keydown", (e) => this.key(e));
      list.addEventListener("focusin", (e) => this.focus(e.target.dataset.id));
      list.addEventListener("focusout", () => this.focus(null));
    }

    /* A large one follows the picture: nobody hears it in the same instant. */
    show(scene) {
      clearTimeout(this.later);
      if (scene.nodes.length <= LIMIT) this.fill(scene);
      else this.later = setTimeout(() => this.page.scene === scene && this.fill(scene), 50);
    }

    fill(scene) {
      const had = document.activeElement && this.list.contains(document.activeElement)
        ? document.activeElement.dataset.id : null;
      const items = [];
      const depths = new Map([["", 0]]);
      const depth = (scope) => {
        if (!depths.has(scope)) depths.set(scope, (scene.byId.has("s:" + scope) ? 1 : 0) + depth(scope.slice(0, Math.max(scope.lastIndexOf("."), 0))));
        return depths.get(scope);
      };
      const inner = (n) => (n.kind === "scope" ? (n.scope.includes(".") ? n.scope.slice(0, n.scope.lastIndexOf(".")) : "") : n.scope);
      const entries = [
        ...scene.groups.map((g) => ({ box: g, scope: g.id.replace(/^~/, "").slice(2), y: g.y, level: g.depth, group: true })),
        ...scene.nodes.map((n) => ({ box: n, scope: inner(n), y: n.y, level: depth(inner(n)) + 1 })),
      ];
      entries.sort((a, b) => a.y - b.y || a.level - b.level || a.box.x - b.box.x);
      for (const { box, level, group, scope } of entries.slice(0, LIMIT)) {
        const isScope = group || box.kind === "scope";
        const where = group ? "" : scope ? ` in ${scope}` : "";
        items.push(gs.el("li", {
          role: "treeitem",
          tabindex: "-1",
          "data-id": box.id,
          "aria-level": level,
          "aria-expanded": isScope ? String(Boolean(group)) : null,
          "aria-selected": "false",
          "aria-label": group ? `${box.label} (open)`
            : [box.label, box.kind === "param" ? "parameter" : box.kind === "grad" ? "gradient" : box.op !== box.label ? box.op : "", box.shape, box.mark].filter(Boolean).join(", ") + where,
        }));
      }
      this.list.replaceChildren(...items);
      if (items.length) items[0].tabIndex = 0;
      if (had) {
        const again = this.find(had);
        if (again) again.focus({ preventScroll: true });
      }
      this.select(gs.state.node);
    }

    find(id) {
      return [...this.list.children].find((li) => li.dataset.id === id) || null;
    }

    select(id) {
      for (const li of this.list.children) {
        const on = li.dataset.id === id;
        if (on) this.current(li);
        li.setAttribute("aria-selected", String(on));
      }
    }

    current(li) {
      for (const other of this.list.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
      li.tabIndex = 0;
    }

    focus(id) {
      this.page.focused = id;
      this.page.board.request();
    }

    click(event) {
      const li = event.target.closest("[role=treeitem]");
      if (!li) return;
      if (/^~?s:/.test(li.dataset.id) && li.getAttribute("aria-expanded") === "true") this.page.toggle(li.dataset.id);
      else gs.set({ node: this.page.pick(li.dataset.id) });
    }

    key(event) {
      const li = event.target.closest("[role=treeitem]");
      if (!li || event.altKey || event.ctrlKey || event.metaKey) return;
      const go = (to) => {
        if (to) {
          this.current(to);
          to.focus({ preventScroll: true });
        }
      };
      const open = li.getAttribute("aria-expanded");
      if (event.key === "ArrowDown") go(li.nextElementSibling);
      else if (event.key === "ArrowUp") go(li.previousElementSibling);
      else if (event.key === "Home") go(this.list.firstElementChild);
      else if (event.key === "End") go(this.list.lastElementChild);
      else if (event.key === "ArrowRight" && open === "false") this.page.toggle(li.dataset.id);
      else if (event.key === "ArrowLeft" && open === "true") this.page.toggle(li.dataset.id);
      else if (event.key === "ArrowLeft") go(this.above(li));
      else if (event.key === "Enter" || event.key === " ") this.click(event);
      else return;
      event.preventDefault();
      event.stopPropagation();
    }

    above(li) {
      const level = Number(li.getAttribute("aria-level"));
      let at = li.previousElementSibling;
      while (at && Number(at.getAttribute("aria-level")) >= level) at = at.previousElementSibling;
      return at;
    }
  };
})();
