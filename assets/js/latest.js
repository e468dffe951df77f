/* Requests that follow a moving target: one in flight, the newest wish next, the rest forgotten.
 *
 * Aborting on every wish would starve while the reader drags through steps (no answer would ever
 * arrive), queueing would lag behind. So: while one is under way only the latest wish is kept.
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  gs.Latest = class {
    constructor(done, failed) {
      this.done = done;
      this.failed = failed || ((error) => console.warn(error.message));
      this.wish = null;
      this.busy = null;
      this.kept = new Map(); // url -> answer, for pages that never change
    }

    /* keep: the answer is final (a past step), so it may be shown again without asking. */
    ask(url, keep) {
      if (this.kept.has(url)) {
        this.rest(); // what is under way must not come after, and stay
        this.done(this.kept.get(url), url);
        return;
      }
      if (this.busy) {
        this.wish = this.busy.url === url ? null : { url, keep };
        return;
      }
      this.send(url, keep);
    }

    /* Forget everything, also what is under way: the run changed. */
    drop() {
      this.rest();
      this.kept.clear();
    }

    /* Nothing is wished any more. */
    rest() {
      if (this.busy) this.busy.control.abort();
      this.busy = this.wish = null;
    }

    async send(url, keep) {
      const control = new AbortController();
      const mine = (this.busy = { url, control });
      try {
        const answer = await gs.fetchJson(url, control.signal);
        if (this.busy !== mine) return;
        if (keep) {
          this.kept.set(url, answer);
          if (this.kept.size > 200) this.kept.delete(this.kept.keys().next().value);
        }
        this.done(answer, url);
      } catch (error) {
        if (this.busy === mine && error.name !== "AbortError") this.failed(error);
      } finally {
        if (this.busy === mine) {
          this.busy = null;
          const next = this.wish;
          this.wish = null;
          if (next) this.ask(next.url, next.keep);
        }
      }
    }
  };

  /* JSON of our own server (or packed columns, see timeline_data.js); an error carries the server's sentence. */
  gs.fetchJson = async function (url, signal) {
    const answer = await fetch(url, { signal, headers: { Accept: "application/json" } });
    let data = null;
    try {
      const packed = answer.ok && answer.headers.get("Content-Type") === "application/octet-stream";
      data = packed ? gs.unpack(await answer.arrayBuffer()) : await answer.json();
    } catch (error) {
      if (error.name === "AbortError") throw error;
    }
    if (!answer.ok) {
      const error = new Error((data && data.error) || `the server answered ${answer.status}`);
      error.status = answer.status;
      throw error;
    }
    return data;
  };

  /* "/api/x?a=1": parameters that are null or empty are left out. */
  gs.url = function (path, parameters) {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(parameters)) {
      if (value !== null && value !== undefined && value !== "") query.set(key, value);
    }
    return path + "?" + query.toString();
  };
})();
