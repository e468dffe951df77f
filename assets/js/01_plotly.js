/* The chart library, loaded when the first chart is shown and not before; its file comes with Dash.
 *
 *   gs.plotly().then((Plotly) => Plotly.react(div, data, layout, config))
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  let coming = null;

  gs.plotly = function () {
    if (window.Plotly) return Promise.resolve(window.Plotly);
    if (coming) return coming;
    coming = gs.script(document.querySelector("meta[name=graphscope-charts]").content).then(() => window.Plotly);
    coming.catch(() => (coming = null)); // the next chart tries again
    return coming;
  };

  /* Its file is fetched, and not yet read: that holds up the page for a while. */
  gs.plotlySoon = function () {
    const src = document.querySelector("meta[name=graphscope-charts]").content;
    if (window.Plotly || document.querySelector(`link[href="${src}"]`)) return;
    document.head.append(gs.el("link", { rel: "preload", as: "script", href: src }));
  };

  /* A chart that Dash draws in a place on a page: made with the first answer that holds it, then given figures. */
  gs.DashChart = class {
    constructor(place, ready, failed) {
      Object.assign(this, { place, ready, failed, made: null, figure: null });
    }

    show({ figure, children }) {
      this.figure = figure;
      if (!this.made && !children) return;
      const making = this.made || this.make(children, figure);
      this.made = making.then(() => this.put()).catch((error) => {
        this.made = null; // the next answer tries again
        this.failed(error);
      });
    }

    async make(children, figure) {
      const [box] = await Promise.all([gs.dashBox(this.place), gs.plotly()]); // else Dash fetches the library once more
      await gs.dashSet(box.id, { children });
      this.shown = figure;
      this.ready();
    }

    async put() {
      const { figure } = this;
      if (figure === this.shown) return;
      this.shown = figure;
      await gs.dashSet(`${this.place.id}-chart`, { figure });
    }
  };
})();
