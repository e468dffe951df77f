/* Dash, for the pages that hold its tables and charts; the rest of the page does without.
 *
 *   gs.dash().then((found) => ...)   found.grid: the address of the table's script
 *
 * Dash's own page says which scripts it wants, in their order, and its settings; they are put into ours, and
 * Dash draws its pages into #react-entry-point. Taken when such a page is shown, else when nothing else is to do.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const GRID = "/dash_ag_grid/"; // the heaviest script of all: table.js takes it with the first table
  const CALM = 1500; // ms after the first answer in which the page is for the reader alone
  let coming = null, handed = false; // handed over to Dash: what is in its place is Dash's business

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
    handed = true;
    new window.DashRenderer();
    return { grid: wanted.find((src) => src.includes(GRID)) };
  }

  gs.dash = function () {
    if (coming) return coming;
    coming = load();
    coming.catch((error) => {
      coming = null; // the next wish tries again
      tell(error.message);
    });
    return coming;
  };

  function tell(text) {
    if (!handed && missing()) document.getElementById("react-entry-point").replaceChildren(gs.el("p", { class: "gs-coming", role: "status" }, text));
  }

  /* The page that is shown is one that Dash draws, and it is not there yet. */
  function missing() {
    const all = (where) => [...document.querySelectorAll(where)].some((el) => el.dataset.page === gs.state.page);
    return all(".gs-rail a") && !all(".gs-page");
  }

  function need() {
    if (!missing()) return;
    tell("Loading\u2026");
    gs.dash().catch(() => {});
  }
  gs.on((state, changed) => changed.includes("page") && need());
  setTimeout(need); // after the scripts that come later in the page
  let soon = null;
  gs.live(() => {
    if (soon) return;
    const idle = window.requestIdleCallback || setTimeout;
    soon = setTimeout(() => idle(() => gs.dash().catch(() => {})), CALM);
  });
})();
