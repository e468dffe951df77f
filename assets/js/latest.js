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

  /* A view of the watched run whose answers come along with the revision card (live.js): where its counters
   * moved, in the same request, so that a live page asks once where it would ask for everything it shows.
   *
   *   this.along = new gs.Along(latest, () => url or null while nothing is wanted, ["steps", "state"], 1000)
   *
   * The last is ms between two of its answers: 0 for what shows every step that the page hears of.
   * What the reader does is still asked for at once, by latest.ask(); along.asking() says that it was.
   */
  gs.riders = [];
  gs.GROWS = ["live", "waiting", "stale"];
  gs.grows = () => Boolean(gs.card) && gs.card.run === gs.state.run && gs.GROWS.includes(gs.card.state);
  const PART = 0.006;
  gs.READ = 1000; // ms: numbers in words and tables cannot be read any faster
  gs.Along = class {
    constructor(latest, url, counters, pace = gs.READ) {
      Object.assign(this, { latest, url, counters: ["run", ...counters], pace, seen: null, asked: -1e9, at: -1e9 });
      gs.riders.push(this);
      const { failed } = latest;
      latest.failed = (error) => {
        if (!error.status) this.seen = null; // no answer at all: asked for again
        failed(error);
      };
    }

    /* ms between two of its answers while the run goes on. fast: its steps come faster than anybody reads. drawing: ms
     * that such a line takes this browser, of whose time it may have its PART; what shows every step is not kept back. */
    every(fast, drawing) {
      const least = fast ? Math.max(2 * this.pace, gs.READ) : this.pace;
      return Math.round(Math.max(least, least < gs.READ ? 0 : Math.min(drawing / PART, 3 * gs.READ)));
    }

    /* ms since it was last answered, or asked; nothing where it never was. */
    age(now) {
      const last = Math.max(this.asked, this.at);
      return this.seen !== null && last > 0 ? `@${Math.round(Math.max(0, now - last))}` : "";
    }

    told(card) {
      return this.counters.map((name) => card[name]).join("|");
    }

    asking() {
      this.asked = performance.now();
      this.seen = gs.card && !gs.card.lost ? this.told(gs.card) : null;
    }

    /* What of it goes along with a question that is asked now; null for nothing. Where the answer goes on (on) the
     * server keeps the pace. */
    want(now, on) {
      if (!on && (now - this.asked < this.pace - 30 || this.latest.busy)) return null;
      const url = this.url();
      if (!url) return null;
      if (!on) this.asked = now;
      return { rider: this, url, now, on, text: `${this.counters}~${this.seen === null ? "-" : this.seen}~${url}` };
    }

    /* False when the answer is not for what the reader looks at by now. */
    got({ url, now, on }, card, answer) {
      if (answer === false) return true; // there is news, but it is not its turn
      if ((on ? this.latest.busy : this.asked !== now) || url !== this.url()) return false;
      this.seen = this.told(card);
      if (!answer) return true;
      this.at = performance.now();
      if (answer.status === 200) this.latest.done(answer.packed ? gs.unpack(bytes(answer.packed)) : answer.data, url);
      else this.latest.failed(Object.assign(new Error(answer.data.error || `the server answered ${answer.status}`), { status: answer.status }));
      return true;
    }
  };

  function bytes(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text).buffer;
    const plain = atob(text), found = new Uint8Array(plain.length);
    for (let i = 0; i < plain.length; i++) found[i] = plain.charCodeAt(i);
    return found.buffer;
  }

  /* An answer that goes on: got(one, behind) for every line of it as it comes, until got says false. behind: how many
   * more have come already. */
  gs.fetchLines = async function (url, signal, got) {
    const answer = await fetch(url, { signal, headers: gs.ASKS });
    if (gs.statusOf(answer) !== 200) throw await failed(answer);
    const reader = answer.body.getReader(), text = new TextDecoder();
    for (let rest = "", more = true; more; ) {
      const { value, done } = await reader.read();
      const parts = (rest + (done ? "" : text.decode(value, { stream: true }))).split("\n");
      rest = done ? "" : parts.pop();
      const lines = parts.filter(Boolean);
      for (const [k, line] of lines.entries()) if (got(JSON.parse(line), lines.length - 1 - k) === false) return reader.cancel();
      more = !done;
    }
  };

  async function failed(answer) {
    const told = await answer.json().catch(() => null);
    return Object.assign(new Error((told && told.error) || `the server answered ${gs.statusOf(answer)}`), { status: gs.statusOf(answer) });
  }

  /* How the page asks. A sentence ("there is no such run") then comes as 200 with its status beside it: the browser
   * would note a 404 as an error in its console, and it is none (webapp/app.py). */
  gs.ASKS = { Accept: "application/json", "X-Graphscope-Page": "1" };
  gs.statusOf = (answer) => Number(answer.headers.get("X-Graphscope-Status")) || answer.status;

  /* JSON of our own server (or packed columns, see timeline_data.js); an error carries the server's sentence. */
  gs.fetchJson = async function (url, signal) {
    const answer = await fetch(url, { signal, headers: gs.ASKS });
    if (gs.statusOf(answer) !== 200) throw await failed(answer);
    try {
      const packed = answer.headers.get("Content-Type") === "application/octet-stream";
      return packed ? gs.unpack(await answer.arrayBuffer()) : await answer.json();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      return null;
    }
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
