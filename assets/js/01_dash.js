/* Dash, for its tables and two of the charts; the rest of the page does without.
 *
 *   gs.dash().then((found) => ...)   found.grid: the address of the table's script
 *   gs.dashBox(place).then((box) => gs.dashSet(box.id, { children }))
 *
 * Dash's own page says which scripts it wants, in their order, and its settings; they are put into ours. Dash
 * draws a box for each place into #react-entry-point, which is not seen; there it is fetched from. Taken with the
 * first table, else when nothing else is to do.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const GRID = "/dash_ag_grid/"; // the heaviest script of all: table.js takes it with the first table
  const CALM = 1500; // ms after the first answer in which the page is for the reader alone
  let coming = null;

  gs.script = (src) => new Promise((done, failed) => {
    const script = gs.el("script", { src, onload: () => done(), onerror: () => failed(new Error("tables and charts cannot be loaded: a script is missing")) });
    script.async = false; // all asked for at once, run one after the other
    document.head.append(script);
  });

  /* What Dash's page says: in ours already, or the server has yet to make it. */
  async function said() {
    const here = document.getElementById("gs-dash");
    if (here) return here.content;
    const answer = await fetch("/_dash/");
    if (!answer.ok) throw new Error("tables and charts cannot be loaded; the dashboard's terminal says why");
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  async function load() {
    const page = await said();
    const wanted = [...page.querySelectorAll("script[src]")].map((script) => script.getAttribute("src"));
    if (!document.getElementById("_dash-config")) document.body.append(document.importNode(page.querySelector("#_dash-config"), true));
    await Promise.all(wanted.filter((src) => !src.includes(GRID)).map(gs.script));
    new window.DashRenderer();
    return { grid: wanted.find((src) => src.includes(GRID)) };
  }

  gs.dash = function () {
    if (coming) return coming;
    coming = load();
    coming.catch(() => (coming = null)); // the next wish tries again
    return coming;
  };

  /* What Dash draws for a place, put there. (React listens where it draws: nothing in these boxes needs it to.) */
  gs.dashBox = async function (place) {
    await gs.dash();
    const id = `${place.id}-box`;
    const box = await new Promise((done) => gs.mount(`#${CSS.escape(id)}`, done));
    if (box.parentNode !== place) place.append(box);
    return box;
  };

  /* Properties of what Dash draws. It takes them once its own first round is over, and does not say when: before
   * that it fails half-way. */
  gs.dashSet = async function (id, props) {
    for (let tries = 40; ; tries--) {
      await new Promise((done) => setTimeout(done, tries === 40 ? 0 : 25));
      try {
        return window.dash_clientside.set_props(id, props);
      } catch (error) {
        if (!tries) throw error;
      }
    }
  };

  let soon = null;
  gs.live(() => {
    if (soon) return;
    const idle = window.requestIdleCallback || setTimeout;
    soon = setTimeout(() => idle(() => gs.dash().catch(() => {})), CALM);
  });
})();
