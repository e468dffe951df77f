/* What the reader is looking at: one state, mirrored in the address, told to every view.
 *
 *   gs.state            {run, step, node, open, color, theme, page, ...}; step null follows the newest
 *   gs.set({step: 3})   changes it, rewrites the address, tells everybody
 *   gs.on(fn)           fn(state, changedKeys) after every change
 *   gs.live(fn)         fn(card) when the watched run has something new (live.js calls)
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  // Address parameters in their order; everything else of the state is not worth a bookmark.
  const NAMES = ["run", "step", "node", "scope", "tab", "by", "vs", "focus", "mode", "open", "color", "with", "x", "log", "smooth"];
  const LARGE = 3200; // CSS px
  const listeners = [];
  const news = [];

  function read() {
    const given = new URLSearchParams(location.search);
    const state = {};
    for (const name of NAMES) state[name] = given.get(name);
    const step = state.step;
    state.step = step !== null && /^\d{1,15}$/.test(step) ? Number(step) : null;
    state.page = location.pathname.split("/")[1] || "home";
    state.theme = given.get("theme") || remembered("theme");
    if (state.theme !== "light" && state.theme !== "dark") state.theme = null;
    return state;
  }

  function address() {
    const query = new URLSearchParams();
    for (const name of NAMES) {
      const value = gs.state[name];
      if (value !== null && value !== undefined && value !== "" && value !== false) query.set(name, value);
    }
    const text = query.toString();
    return "/" + gs.state.page + (text ? "?" + text : "");
  }

  // Storage may be forbidden; the choice then lasts as long as the page.
  function remembered(key) {
    try {
      return localStorage.getItem("graphscope-" + key);
    } catch (error) {
      return null;
    }
  }
  gs.remembered = remembered;
  gs.remember = function (key, value) {
    try {
      if (value === null) localStorage.removeItem("graphscope-" + key);
      else localStorage.setItem("graphscope-" + key, value);
    } catch (error) {
      /* see above */
    }
  };

  function tell(changed) {
    for (const fn of listeners) guarded(fn, gs.state, changed);
  }

  // One view that fails must not silence the others.
  function guarded(fn, ...given) {
    try {
      fn(...given);
    } catch (error) {
      console.error(error);
    }
  }

  function paintTheme() {
    const root = document.documentElement;
    if (gs.state.theme) root.dataset.theme = gs.state.theme;
    else delete root.dataset.theme;
  }

  gs.state = read();
  paintTheme();

  /* Projector mode: everything 1.4 times as large. gs.type is that factor, also for text on canvases.
   * A window of 3,200 CSS px and more begins in it: there 13 px are too small to read. */
  gs.project = function (on, byItself) {
    gs.type = on ? 1.4 : 1;
    if (!byItself) gs.remember("projector", on ? "on" : innerWidth >= LARGE ? "off" : null);
    document.documentElement.classList.toggle("gs-projector", on);
    fitWindow();
    window.dispatchEvent(new Event("resize"));
  };

  /* How much room there is, in the reader's type: below 1200 the inspector is a drawer, below 900 the rail
   * is at the bottom. Classes and no media queries, since the projector's type needs 1.4 times the width. */
  function fitWindow() {
    const width = innerWidth / (gs.type || 1), root = document.documentElement.classList;
    root.toggle("gs-narrow", width < 1200);
    root.toggle("gs-phone", width < 900);
    root.toggle("gs-tiny", width < 640);
  }
  window.addEventListener("resize", fitWindow);
  const projector = remembered("projector");
  gs.project(projector ? projector === "on" : innerWidth >= LARGE, true);

  gs.on = (fn) => listeners.push(fn);

  gs.set = function (wish) {
    // A tab belongs to its page: another page begins with its own first one.
    if (wish.page && wish.page !== gs.state.page && !("tab" in wish)) wish = { ...wish, tab: null };
    const changed = Object.keys(wish).filter((key) => gs.state[key] !== wish[key]);
    if (!changed.length) return;
    Object.assign(gs.state, wish);
    if (changed.includes("theme")) {
      gs.remember("theme", gs.state.theme);
      paintTheme();
    }
    // Only another page is worth a step back; dragging through steps would fill the history.
    history[changed.includes("page") ? "pushState" : "replaceState"](null, "", address());
    tell(changed);
  };

  window.addEventListener("popstate", () => {
    const now = read();
    const changed = Object.keys(now).filter((key) => gs.state[key] !== now[key]);
    Object.assign(gs.state, now);
    paintTheme();
    if (changed.length) tell(changed);
  });

  gs.card = null; // the newest revision card
  gs.live = (fn) => {
    news.push(fn);
    // Who comes later than the newest card hears of it all the same.
    setTimeout(() => gs.card && !gs.card.lost && guarded(fn, gs.card));
  };

  /* live.js brings every card; the views hear of those that are news. */
  gs.announce = function (card, isNews) {
    gs.card = card;
    if (isNews) for (const fn of news) guarded(fn, card);
    guarded(gs.onCard || (() => {}), card, isNews);
  };

  gs.token = () => (document.querySelector("meta[name=graphscope-token]") || {}).content || "";
})();
