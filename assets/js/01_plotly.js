/* The chart library, loaded when the first chart is shown and not before; it comes with Dash.
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
    coming = new Promise((done, failed) => {
      const src = window._dashPlotlyJSURL;
      if (!src) return failed(new Error("the chart library is not known"));
      document.head.append(gs.el("script", {
        src, onload: () => done(window.Plotly), onerror: () => failed(new Error("the chart library cannot be loaded")),
      }));
    });
    coming.catch(() => (coming = null)); // the next chart tries again
    return coming;
  };
})();
