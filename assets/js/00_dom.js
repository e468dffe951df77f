/* Small helpers that keep a live page calm: what did not change is not touched. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});

  /* Text is only written when it changed, so that nothing flickers and nothing is read out twice. */
  gs.write = function (el, text) {
    if (!el || el.textContent === String(text)) return;
    const [only, more] = el.childNodes;
    // The words of the text that is there: no element is taken out, and none put in, for a number that changes.
    if (only && !more && only.nodeType === Node.TEXT_NODE) only.data = text;
    else el.textContent = text;
  };

  /* A sentence whose numbers keep their unit when the line ends: "1.66" at the end of one and "ms" before the next is
   * hard to read. */
  gs.held = (text) => text.replace(/(\d) (?=(?:%|[µnm]?s|min|h|days|[KMG]?i?B|[kMGT]?FLOP)(?![\w]))/g, "$1\u00a0");

  /* Attributes likewise. */
  gs.say = function (el, attributes) {
    for (const [name, value] of Object.entries(attributes)) if (el.getAttribute(name) !== value) el.setAttribute(name, value);
  };

  /* A dotted name as children that may be broken behind its dots. */
  gs.breaks = (name) => name.split(/(?<=\.)/).flatMap((part, i) => (i ? [gs.el("wbr"), part] : [part]));

  /* Whether an element is on the page that is shown. Pages, tabs and boxes hide with the attribute, so the
   * browser need not lay out the document to know it, as it must for offsetParent. */
  gs.onScreen = (el) => el.isConnected && !el.closest("[hidden]");

  /* fn once before the next frame, however often it is asked for. A canvas is painted then: by that time all texts
   * are written, and to know its size the browser lays out the page once and not between two of them. */
  gs.nextFrame = function (fn) {
    let due = false;
    return () => {
      if (due) return;
      due = true;
      requestAnimationFrame(() => {
        due = false;
        fn();
      });
    };
  };

  /* After what is in the document now is on the screen. */
  gs.afterPaint = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));

  /* gs.fill(box, value, make): the children of a box, made anew only when the value they show changed.
   * Focus and scroll inside the box stay where they were (elements with the same data-key). With patch what is there
   * stays, where it is the same element, and gets the new words: a table of numbers is not laid out as a new one.
   * Only for what make() builds and nobody keeps. */
  gs.fill = function (box, value, make, patch) {
    const now = JSON.stringify(value);
    if (box.gsTold === now) return false;
    const ours = patch && box.gsTold !== undefined;
    box.gsTold = now;
    const focus = document.activeElement;
    const key = focus && box.contains(focus) ? focus.closest("[data-key]") : null;
    const scrolls = [...box.querySelectorAll("[data-scroll]")].map((e) => [e.dataset.scroll, e.scrollTop, e.scrollLeft]);
    const made = [make(value)].flat().filter(Boolean);
    if (ours) patchChildren(box, made);
    else box.replaceChildren(...made);
    for (const [name, top, left] of scrolls) {
      const again = [...box.querySelectorAll("[data-scroll]")].find((e) => e.dataset.scroll === name);
      if (again) [again.scrollTop, again.scrollLeft] = [top, left];
    }
    if (key) {
      const again = [...box.querySelectorAll("[data-key]")].find((e) => e.dataset.key === key.dataset.key);
      if (again) again.focus({ preventScroll: true });
    }
    return true;
  };

  // What acts has handlers of its own, which know the old value.
  const ACTS = new Set(["A", "BUTTON", "CANVAS", "DETAILS", "INPUT", "SELECT"]);

  function patchChildren(box, made) {
    const there = [...box.childNodes];
    made.forEach((node, i) => (i < there.length ? patchNode(there[i], node) : box.append(node)));
    for (const left of there.slice(made.length)) left.remove();
  }

  function patchNode(old, node) {
    if (old.nodeName !== node.nodeName || ACTS.has(node.nodeName)) return void old.replaceWith(node);
    if (node.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== node.data) old.data = node.data;
      return;
    }
    for (const { name } of [...old.attributes]) if (!node.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of node.attributes) {
      if (old.getAttribute(name) === value) continue;
      if (name === "style") old.style.cssText = value; // as an attribute the page's own rules forbid it
      else old.setAttribute(name, value);
    }
    patchChildren(old, [...node.childNodes]);
  }

  /* Lines of source [number, text, here], without the indentation that all of them share. */
  gs.codeLines = function (lines) {
    const depth = Math.min(...lines.filter(([, text]) => text.trim()).map(([, text]) => text.search(/\S/)));
    return lines.map(([number, text, here]) => gs.el("div", { class: here ? "gs-here" : null },
      gs.el("span", { class: "gs-line-no" }, String(number)), text.slice(Number.isFinite(depth) ? depth : 0) || " "));
  };

  /* A poll of one page: asks url() when the page is shown and what it shows became old.
   *
   *   const poll = new gs.Poll("home", () => gs.url("/api/home", {run}), (answer) => draw(answer), {
   *     counters: ["steps", "scalars"],  // of the revision card
   *     follows: ["run"],                // of the state
   *   })
   *
   * What is new comes along with the revision card, at most once a second; a hidden page asks nothing and asks
   * once when it is shown.
   */
  gs.Poll = class {
    constructor(page, url, got, { counters = ["run", "state", "steps"], follows = ["run"], failed } = {}) {
      Object.assign(this, { page, url, counters, follows });
      this.old = true;
      this.waiting = null;
      // A sentence of the server is about the run as such: the frame shows it instead of every page.
      this.ask = new gs.Latest(got, failed || ((error) => error.status === 404 || console.warn(error.message)));
      this.along = new gs.Along(this.ask, () => (this.shown() ? this.url() : null), counters.filter((name) => name !== "run"));
      gs.on((state, changed) => {
        if (changed.includes("run")) this.ask.drop();
        if (changed.some((name) => follows.includes(name))) this.old = true;
        if (changed.includes("page") || changed.some((name) => follows.includes(name))) this.now();
      });
      gs.live((card) => {
        if (this.along.told(card) !== this.along.seen) this.old = true;
      });
      this.now();
    }

    shown() {
      return gs.state.page === this.page && Boolean(gs.state.run);
    }

    now() {
      if (!this.old || !this.shown()) return;
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => {
        if (!this.shown()) return;
        this.old = false;
        this.along.asking();
        this.ask.ask(this.url());
      });
    }
  };
})();
