/* Which scopes are open, as it stands in the address: "a,b"; "none"; "all"; "all,-a.b" is all but a.b.
 *
 * Once everything was opened, what is shut again is told instead of what is open: thousands of names
 * fit into no address.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const safe = (path) => path.replace(/[%,]/g, encodeURIComponent);

  gs.Opened = class {
    constructor(scene) {
      const text = (scene && scene.view.open) || "";
      this.all = Boolean(text);
      const named = text.split(",").slice(1).map((part) => part.slice(1).replace(/%25|%2C/gi, decodeURIComponent));
      this.named = new Set(this.all ? named : scene ? scene.openScopes() : []);
    }

    open(path) {
      if (this.all) this.named.delete(path);
      else this.named.add(path);
    }

    /* Every scope on the way to a path, and itself. */
    openTo(path) {
      const parts = path ? path.split(".") : [];
      for (let i = 1; i <= parts.length; i++) this.open(parts.slice(0, i).join("."));
    }

    shut(path) {
      for (const other of [...this.named]) if (other === path || other.startsWith(path + ".")) this.named.delete(other);
      if (this.all) this.named.add(path);
    }

    text() {
      const list = [...this.named].map(safe);
      return this.all ? ["all", ...list.map((path) => "-" + path)].join(",") : list.join(",") || "none";
    }
  };
})();
