/* Play: the steps of the run one after the other under the graph; numbers change, nothing moves. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const PER_SECOND = 8, WHOLE = 25; // a long run is played with gaps, so that it takes 25 s at most

  gs.Player = class {
    constructor(page, button) {
      this.page = page;
      this.button = button;
      this.timer = null;
      button.addEventListener("click", () => this.toggle());
      gs.on((state, changed) => {
        // Whoever takes the step elsewhere takes over; another page or run ends it too.
        if (this.timer === null) return;
        if (changed.includes("run") || changed.includes("page") || (changed.includes("step") && state.step !== this.mine)) this.stop();
      });
      this.show();
    }

    toggle() {
      if (this.timer === null) this.start();
      else this.stop();
    }

    last() {
      return gs.card && gs.card.last_step !== null && gs.card.last_step !== undefined ? gs.card.last_step : null;
    }

    start() {
      const last = this.last();
      if (last === null) return;
      const now = gs.state.step;
      this.stride = Math.max(1, Math.round(last / (PER_SECOND * WHOLE)));
      this.timer = setInterval(() => this.tick(), 1000 / PER_SECOND);
      this.go(now === null || now >= last ? 0 : now + this.stride);
      this.show();
    }

    tick() {
      if (this.page.numbers.busy) return; // never ahead of what is on screen
      const last = this.last();
      if (gs.state.step === null || gs.state.step >= last) return this.stop();
      this.go(gs.state.step + this.stride);
    }

    go(step) {
      this.mine = Math.min(step, this.last());
      gs.set({ step: this.mine });
    }

    stop() {
      clearInterval(this.timer);
      this.timer = null;
      this.show();
    }

    show() {
      const on = this.timer !== null;
      this.button.replaceChildren(gs.glyph(on ? "pause" : "play"));
      this.button.setAttribute("aria-pressed", String(on));
      this.button.setAttribute("aria-label", on ? "Stop playing" : "Play the steps");
      this.button.title = on ? "Stop playing (g)" : "Play the steps of the run (g)";
    }
  };
})();
