/* Hears of the watched run's news and tells the views: the revision card, whenever it has changed.
 *
 * The answer to a question goes on for some seconds, a line for each news (at most every PACE ms, which is
 * when numbers change): a line costs this browser a fifth of a request. What the shown views want comes along in
 * the same line (gs.Along), so there is one frame to paint. Whoever trains pays for all of it: where steps come
 * faster than anybody can read, only the top bar tells of them at once, the views half as often as else; and what
 * takes long to draw here is drawn less often. A tab that cannot follow asks for fewer lines, a run that is over is
 * asked for once a second, a hidden tab asks nothing. A server that has enough listeners, or a
 * proxy that holds lines back, gives one line: then it is asked again and again.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const PACE = 300, SLOW = 450, SLOWEST = 1500, IDLE = 1000, CALM = 8, OVER = 3; // after so many unchanged answers the pace is idle
  const MANY = 20, FAST = 500; // steps a second that nobody tells apart any more; the pace is then calmer
  const FLOW = 500; // ms that they are counted over
  const FIRST = 3, LONG = 15; // seconds that an answer goes on: until it is known how fast the steps come, and then
  const LATE = 3; // lines that came too late before fewer are asked for
  const SILENT = 3000; // ms until the first line, or a proxy holds it back
  const COUNTERS = ["run", "state", "steps", "scalars", "graphs", "tensors", "findings", "media", "texts", "runs", "doctor", "control_rev", "others"];
  let told = null, same = 0, timer = null, hearing = null, goesOn = true, every = PACE, times = 1, fast = null, flow = null, drawing = 0; // ms that the views of a line take

  function signature(card) {
    return COUNTERS.map((name) => card[name]).join("|");
  }

  const beside = () => (gs.state.page === "scalars" ? gs.state.with : null);
  /* What the shown views would be asking for. */
  const wanted = () => [gs.state.run, beside(), ...gs.riders.map((rider) => rider.url())].join("\n");

  /* A view that is still asking for its first answer would get it twice. */
  const settled = (rider) => !rider.url() || (rider.seen !== null && !rider.latest.busy);

  async function ask() {
    clearTimeout(timer);
    if (hearing) hearing.abort();
    hearing = null;
    if (document.hidden) return;
    const mine = (hearing = new AbortController()), { run } = gs.state, begun = performance.now();
    const on = goesOn && Boolean(run) && gs.card !== null && gs.card.run === run && !gs.card.lost && gs.GROWS.includes(gs.card.state) && gs.riders.every(settled);
    every = Math.min(times * (fast ? FAST : PACE), SLOWEST);
    const wishes = run ? gs.riders.map((rider) => rider.want(begun, on)).filter(Boolean) : [], want = wanted();
    const url = gs.url("/api/live", { run, with: beside(), ...(on ? { for: fast === null ? FIRST : LONG, every, pace: wishes.map((wish) => wish.rider.every(fast, drawing) + wish.rider.age(begun)).join(",") } : {}) })
      + wishes.map((wish) => `&also=${encodeURIComponent(wish.text)}`).join("");
    let lines = 0, last = begun, late = 0;
    const dam = on && setTimeout(() => {
      goesOn = false;
      if (hearing === mine) ask();
    }, SILENT);
    try {
      await gs.fetchLines(url, mine.signal, (card, behind) => {
        if (hearing !== mine) return false;
        clearTimeout(dam);
        lines += 1;
        last = performance.now();
        const fits = heard(card, wishes) && (!on || wanted() === want);
        if (behind) late += 1; // a tab that cannot follow has lines before it
        return fits && late < LATE;
      });
      if (!lines) throw new Error("an answer without a word");
    } catch (error) {
      if (hearing !== mine) return;
      // A sentence from the server is about the run; no answer at all means that it is gone.
      take(error.status ? { run, state: "missing", message: error.message, lost: false } : { ...(gs.card || { run, state: "lost" }), lost: true });
    }
    clearTimeout(dam);
    if (hearing !== mine) return;
    hearing = null;
    if (on) times = late < LATE ? Math.max(times / 2, 1) : Math.min(2 * times, 4);
    const now = performance.now(), lost = gs.card && gs.card.lost;
    // A machine that is short of processors gets more time between two questions.
    const calm = gs.card && gs.GROWS.includes(gs.card.state) ? CALM : OVER;
    const pause = on && lines ? every - (now - last) : same < calm && !lost ? Math.max(every, Math.min(3 * (now - begun), SLOW)) : IDLE;
    timer = setTimeout(ask, run !== gs.state.run ? 0 : Math.max(0, pause));
  }

  /* One line. False when it is not for what the reader looks at by now. */
  function heard(card, wishes) {
    const also = card.also || [], begun = performance.now();
    delete card.also;
    card.lost = false;
    take(card);
    const fits = also.map((answer, k) => guarded(wishes[k], card, answer)).every(Boolean);
    if (also.some(Boolean)) weigh(performance.now() - begun);
    return fits;
  }

  /* How long this browser is busy with what came along: its scripts, and the frame after them. */
  function weigh(scripts) {
    requestAnimationFrame(() => {
      const begun = performance.now();
      setTimeout(() => (drawing += ((scripts + performance.now() - begun) - drawing) / (drawing ? 4 : 1)));
    });
  }

  // One view that fails must not silence the others.
  function guarded(wish, card, answer) {
    try {
      return wish.rider.got(wish, card, answer);
    } catch (error) {
      console.error(error);
      return true;
    }
  }

  /* How fast the steps come says how often they are shown. */
  function measure(card) {
    const now = performance.now(), { run, last_step: step } = card, same = flow !== null && flow.run === run;
    if (same && now - flow.at < FLOW) return;
    fast = same ? (1e3 * (step - flow.step)) / (now - flow.at) > MANY : null;
    flow = { run, step, at: now };
  }

  function take(card) {
    const now = signature(card);
    measure(card);
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
  /* Whether steps come faster than anybody tells them apart. */
  gs.isFast = () => Boolean(fast);
  /* Something was just asked of the program: its answer is due at once. */
  gs.lookNow = () => {
    same = 0;
    ask();
  };
  ask();
})();
