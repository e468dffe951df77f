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

  /* A chart that Dash draws, in its place on a page. */
  gs.dashChart = async function (place, children) {
    const [box] = await Promise.all([gs.dashBox(place), gs.plotly()]); // else Dash fetches the library once more
    window.dash_clientside.set_props(box.id, { children });
  };
})();
