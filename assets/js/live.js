/* Asks for the revision card of the watched run and tells the views when it has changed.
 *
 * Self-clocked: the next question waits for the answer, so a slow machine slows down instead of
 * falling behind. 250 ms while steps arrive (numbers change four times a second at most), longer where the
 * answer and what is painted of it take long, 1 s when idle, not at all while the tab is hidden. What the shown
 * views want comes along in the same answer (gs.Along): one request, and one frame to paint.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const FAST = 250, SLOW = 450, IDLE = 1000, CALM = 8; // after CALM unchanged answers the pace is idle
  const COUNTERS = ["run", "state", "steps", "scalars", "graphs", "tensors", "findings", "media", "texts", "runs", "doctor", "control_rev", "others"];
  let told = null, same = 0, timer = null, asking = false;

  function signature(card) {
    return COUNTERS.map((name) => card[name]).join("|");
  }

  async function ask() {
    clearTimeout(timer);
    if (asking || document.hidden) return;
    asking = true;
    const run = gs.state.run, begun = performance.now();
    const wishes = run ? gs.riders.map((rider) => rider.want(begun)).filter(Boolean) : [];
    let card, also = [];
    try {
      card = await gs.fetchJson(gs.url("/api/live", { run, with: gs.state.page === "scalars" ? gs.state.with : null }) + wishes.map((wish) => `&also=${encodeURIComponent(wish.text)}`).join(""));
      also = card.also || [];
      delete card.also;
      card.lost = false;
    } catch (error) {
      // A sentence from the server is about the run; no answer at all means that it is gone.
      card = error.status ? { run, state: "missing", message: error.message, lost: false } : { ...(gs.card || { run, state: "lost" }), lost: true };
    }
    asking = false;
    if (run === gs.state.run) {
      take(card);
      also.forEach((answer, k) => guarded(wishes[k], card, answer));
    }
    // A machine that is short of processors gets more time between two questions.
    const pause = Math.min(Math.max(FAST, 3 * (performance.now() - begun)), SLOW);
    timer = setTimeout(ask, run !== gs.state.run ? 0 : same < CALM && !card.lost ? pause : IDLE);
  }

  // One view that fails must not silence the others.
  function guarded(wish, card, answer) {
    try {
      wish.rider.got(wish, card, answer);
    } catch (error) {
      console.error(error);
    }
  }

  function take(card) {
    const now = signature(card);
    const isNews = now !== told && !card.lost;
    same = isNews ? 0 : same + 1;
    if (isNews) told = now;
    // Without a choice the newest run is watched; the address then says which.
    if (!gs.state.run && card.run) gs.set({ run: card.run });
    gs.announce(card, isNews);
  }

  gs.on((state, changed) => {
    if (!changed.includes("run")) return;
    told = null;
    same = 0;
    ask();
  });
  document.addEventListener("visibilitychange", () => {
    same = 0;
    ask();
  });
  /* Something was just asked of the program: its answer is due at once. */
  gs.lookNow = () => {
    same = 0;
    ask();
  };
  ask();
})();
