/* The inspector's left edge: drag it, or focus it and use the arrows, between 320 and 520 px. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const LEAST = 320, MOST = 520, KEY = "gs-side";

  gs.mount(".gs-grip", (grip) => {
    const side = grip.parentElement;
    const set = (width) => {
      width = Math.round(Math.min(MOST, Math.max(LEAST, width)));
      side.style.setProperty("--gs-side", `${width}px`);
      grip.setAttribute("aria-valuenow", width);
      try {
        localStorage.setItem(KEY, width);
      } catch (error) {
        // Without storage the width is simply not remembered.
      }
    };
    let start = null;
    grip.addEventListener("pointerdown", (e) => {
      start = { x: e.clientX, width: side.offsetWidth };
      grip.setPointerCapture(e.pointerId);
    });
    grip.addEventListener("pointermove", (e) => start && set(start.width + start.x - e.clientX));
    for (const end of ["pointerup", "pointercancel"]) grip.addEventListener(end, () => (start = null));
    grip.addEventListener("keydown", (e) => {
      const d = { ArrowLeft: 16, ArrowRight: -16 }[e.key];
      if (!d) return;
      e.preventDefault();
      e.stopPropagation();
      set(side.offsetWidth + d);
    });
    let kept = null;
    try {
      kept = Number(localStorage.getItem(KEY));
    } catch (error) {
      kept = null;
    }
    if (kept) set(kept);
  });
})();
