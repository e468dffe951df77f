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
    coming = gs.dash().then(async () => {
      if (!window._dashPlotlyJSURL) throw new Error("the chart library is not known");
      await gs.script(window._dashPlotlyJSURL);
      return window.Plotly;
    });
    coming.catch(() => (coming = null)); // the next chart tries again
    return coming;
  };
})();
