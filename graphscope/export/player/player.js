/* Plays a figure. The data holds every mark once and every frame as what changes; nothing here reads markup:
 * elements are made one by one and texts are set as texts, so a name out of a trace stays a name. */
(function () {
  "use strict";
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const pace = () => (state.play ? 300 : 900) / Number($("speed").value); // ms
  const svg = $("stage").querySelector("svg");
  const groups = Array.from(svg.querySelectorAll(":scope > g[data-s]"));
  const cardOf = data.slots.map((slot) => slot.c);
  const slotOf = new Map(); // card -> the group that paints it
  cardOf.forEach((card, s) => { if (card >= 0 && !slotOf.has(card)) slotOf.set(card, s); });
  const state = { play: 0, at: 0, quiz: false, asked: new Set(), chosen: -1, timer: 0, whole: true };
  let shown = data.final.slice();

  function el(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const name in attributes || {}) made.setAttribute(name, attributes[name]);
    made.append(...children);
    return made;
  }

  /* One mark: [tag, attributes, fill, stroke, text]; colours are classes, so that a theme is a change of variables. */
  function mark(row) {
    const made = document.createElementNS(SVG, row[0]);
    for (const name in row[1]) made.setAttribute(name, row[1][name]);
    made.classList.add(row[2] >= 0 ? "f" + row[2] : "f");
    if (row[3] >= 0) made.classList.add("s" + row[3]);
    if (row[4]) made.textContent = row[4];
    return made;
  }

  /* Frames are told as changes from one to the next: rows of the variant of every slot, with and without gradients. */
  for (const play of data.plays) {
    let row = data.slots.map(() => -1);
    play.full = [];
    play.bare = [];
    for (const frame of play.frames) {
      row = row.slice();
      for (let i = 0; i < frame.d.length; i += 2) row[frame.d[i]] = frame.d[i + 1];
      const bare = row.slice();
      for (let i = 0; i < frame.q.length; i += 2) bare[frame.q[i]] = frame.q[i + 1];
      play.full.push(row);
      play.bare.push(bare);
    }
  }

  const play = () => data.plays[state.play];
  const frame = () => play().frames[state.at];
  const hidden = (card) => state.quiz && !state.asked.has(card);

  function paint() {
    const full = play().full[state.at], bare = play().bare[state.at];
    for (let s = 0; s < groups.length; s++) {
      const variant = full[s] !== bare[s] && hidden(data.slots[s].o) ? bare[s] : full[s];
      if (variant === shown[s]) continue;
      shown[s] = variant;
      const marks = variant < 0 ? [] : data.slots[s].v[variant];
      groups[s].replaceChildren(...marks.map((m) => mark(data.marks[m])));
    }
    for (const [card, s] of slotOf) groups[s].setAttribute("aria-label", told(card));
    halo();
    bar();
    panel();
  }

  function numbers(card) {
    const all = play().numbers;
    return all[all.length > 1 ? state.at : 0][card];
  }
  const knowsValue = (card) => state.at >= play().value[card];
  const knowsGradient = (card) => state.at >= play().gradient[card];

  /* A card in words, for those who hear the page. */
  function told(card) {
    const facts = data.cards[card], n = numbers(card);
    const parts = [facts.name === facts.op ? facts.name : facts.name + ", " + facts.op];
    if (n.v) parts.push(knowsValue(card) ? "value " + n.v.t : "value not yet known");
    if (n.g) parts.push(!knowsGradient(card) ? "no gradient yet" : hidden(card) ? "gradient hidden" : "gradient " + n.g.t);
    return parts.join(", ");
  }

  /* ---------------------------------------------------------------- the bar */

  function bar() {
    const frames = play().frames, now = frame();
    $("scrub").max = frames.length - 1;
    $("scrub").value = state.at;
    $("scrub").setAttribute("aria-valuetext", now.p + ": " + now.s);
    $("count").textContent = state.at + " / " + (frames.length - 1);
    $("phase").textContent = now.p;
    $("what").textContent = now.s;
    $("says").dataset.phase = now.p;
    $("back").disabled = $("first").disabled = state.at === 0;
    $("next").disabled = state.at === frames.length - 1;
  }

  function go(at) {
    state.at = Math.max(0, Math.min(at, play().frames.length - 1));
    paint();
    follow(frame().c);
  }

  /* What is new comes into view; smoothly only where the play is slow enough to be followed by eye. */
  let followed = 0;
  function follow(card) {
    const s = slotOf.get(card), slow = performance.now() - followed > 600 && !matchMedia("(prefers-reduced-motion: reduce)").matches;
    followed = performance.now();
    if (s === undefined) return;
    const box = groups[s].getBoundingClientRect(), room = $("stage").getBoundingClientRect();
    if (box.top < room.top || box.bottom > room.bottom || box.left < room.left || box.right > room.right)
      groups[s].scrollIntoView({ block: "center", inline: "center", behavior: slow ? "smooth" : "instant" });
  }

  function tick() {
    if (state.at >= play().frames.length - 1) return pause();
    go(state.at + 1);
    state.timer = setTimeout(tick, pace());
  }
  function start() {
    if (state.at >= play().frames.length - 1) go(0);
    $("says").setAttribute("aria-live", "off"); // a voice cannot keep up with a film
    $("play").setAttribute("aria-pressed", "true");
    $("play").setAttribute("aria-label", "Pause");
    state.timer = setTimeout(tick, pace() / 2);
  }
  function pause() {
    clearTimeout(state.timer);
    state.timer = 0;
    $("says").setAttribute("aria-live", "polite");
    $("play").setAttribute("aria-pressed", "false");
    $("play").setAttribute("aria-label", "Play");
  }
  const toggle = () => (state.timer ? pause() : start());
  function by(steps) {
    pause();
    go(state.at + steps);
  }

  /* ---------------------------------------------------------------- the panel */

  function fact(name, text) {
    return el("div", {}, el("dt", {}, name), el("dd", {}, text));
  }

  function number(title, kind, n) {
    const box = el("div", { class: "number " + kind }, el("span", {}, n.s ? title + (kind === "g" ? ", rms" : ", mean ± std") : title), el("strong", {}, n.t));
    if (n.x && n.x !== n.t) box.append(el("small", {}, n.x));
    if (n.m) box.append(el("div", { class: "matrix" }, el("table", {}, ...n.m.map((row) => el("tr", {}, ...row.map((x) => el("td", {}, x)))))));
    else if (n.s) box.append(el("small", {}, ["mean", "min", "max", "rms"].map((name, k) => name + " " + n.s[k]).join(" · ")));
    return box;
  }

  function waiting(title, kind, text) {
    return el("div", { class: "number " + kind }, el("span", {}, title), el("span", { class: "wait" }, text));
  }

  function gradient(card, n) {
    if (!n.g) return waiting("gradient", "g", n.none || "none");
    if (!knowsGradient(card)) return waiting("gradient", "g", "no gradient yet");
    if (!hidden(card)) return number("gradient", "g", n.g);
    const box = waiting("gradient", "g", "What is it? Work it out, then look.");
    const ask = el("button", { type: "button", id: "ask", title: "Show the gradient (g)" }, "Show gradient");
    ask.addEventListener("click", () => reveal(card));
    box.append(ask);
    return box;
  }

  function panel() {
    const focused = document.activeElement && document.activeElement.id === "ask";
    if (state.chosen < 0) $("panel").replaceChildren(...help());
    else $("panel").replaceChildren(...about(state.chosen));
    if (focused && $("ask")) $("ask").focus();
  }

  function about(card) {
    const facts = data.cards[card], n = numbers(card);
    const out = [el("h2", {}, facts.name), el("p", {}, facts.op === facts.name ? facts.doc : facts.op + (facts.doc ? ": " + facts.doc : ""))];
    if (n.v) out.push(knowsValue(card) ? number("value", "v", n.v) : waiting("value", "v", "not yet known"));
    out.push(gradient(card, n));
    if (facts.formulas.length) {
      out.push(el("h3", {}, "Formula and gradients"));
      facts.formulas.forEach((f, k) => {
        const line = el("div", { class: k || facts.formulas.length === 1 && !facts.first ? "formula g" : "formula" });
        line.append(...Array.from($("formulas").children[f].childNodes, (node) => node.cloneNode(true)));
        out.push(line);
      });
    }
    if (facts.local.length && knowsValue(card)) {
      out.push(el("h3", {}, "Local gradient"));
      out.push(el("dl", {}, ...facts.local.map((row) => fact(row[0], row[1].t))));
    }
    if (facts.rows.length) {
      out.push(el("h3", {}, "Facts"));
      out.push(el("dl", {}, ...facts.rows.map((row) => fact(row[0], row[1]))));
    }
    return out;
  }

  function help() {
    const keys = [["Space", "play or pause"], ["→", "one step on"], ["←", "one step back"], ["Home", "to the start"], ["q", "quiz: hide gradients"], ["t", "light or dark"], ["f", "whole or readable"], ["Esc", "choose nothing"]];
    if (data.plays.length > 1) keys.push(["m", "op by op, or over training"]);
    const out = [];
    if (state.quiz) {
      const asked = state.asked.size, all = data.cards.filter((_, card) => numbers(card).g).length;
      const every = el("button", { type: "button" }, "Show all gradients");
      every.addEventListener("click", () => { data.cards.forEach((_, card) => state.asked.add(card)); paint(); });
      out.push(el("h2", {}, "Quiz"), el("p", {}, "Gradients are hidden. Choose a card, work its gradient out, then ask for it. Shown: " + Math.min(asked, all) + " of " + all + "."), every);
    } else out.push(el("h2", {}, "Choose a card"), el("p", {}, "A click on a card, or Tab and Enter, tells its numbers here."));
    out.push(el("div", { class: "keys" }, ...keys.flatMap((k) => [el("kbd", {}, k[0]), el("span", {}, k[1])])));
    return out;
  }

  function choose(card) {
    state.chosen = card;
    halo();
    panel();
    $("panel").scrollTop = 0;
  }
  function reveal(card) {
    if (card < 0) return;
    state.asked.add(card);
    paint();
  }

  const ring = svg.appendChild(document.createElementNS(SVG, "rect"));
  ring.setAttribute("class", "halo");
  ring.setAttribute("rx", "8");
  function halo() {
    const s = slotOf.get(state.chosen);
    ring.toggleAttribute("hidden", s === undefined);
    ring.style.display = s === undefined ? "none" : "";
    if (s === undefined) return;
    const box = groups[s].getBBox();
    const sides = { x: box.x - 4, y: box.y - 4, width: box.width + 8, height: box.height + 8 };
    for (const name in sides) ring.setAttribute(name, sides[name]);
  }

  /* ---------------------------------------------------------------- what is chosen above the picture */

  function fit() {
    const room = $("stage"), wide = room.clientWidth - 18, tall = room.clientHeight - 18;
    const whole = Math.min(wide / data.w, tall / data.h, 1.75);
    const readable = Math.max(Math.min(wide / data.w, 1.25), 0.5);
    const scale = state.whole ? whole : Math.max(whole, readable);
    svg.style.width = Math.round(data.w * scale) + "px";
    svg.style.height = Math.round(data.h * scale) + "px";
    $("fit").setAttribute("aria-pressed", String(state.whole));
  }
  function dark() {
    const set = document.documentElement.dataset.theme;
    return set ? set === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }
  function theme(flip) {
    if (flip) document.documentElement.dataset.theme = dark() ? "light" : "dark";
    $("theme").textContent = dark() ? "Light" : "Dark";
  }
  function quiz() {
    state.quiz = !state.quiz;
    state.asked.clear();
    $("quiz").setAttribute("aria-pressed", String(state.quiz));
    paint();
  }
  function mode(k) {
    pause();
    state.play = k;
    state.at = Math.min(k ? play().frames.length - 1 : 0, play().frames.length - 1);
    Array.from($("modes").children, (button, i) => {
      button.setAttribute("aria-checked", String(i === k));
      button.tabIndex = i === k ? 0 : -1;
    });
    $("count").hidden = false;
    paint();
  }

  if (data.plays.length > 1) {
    data.plays.forEach((each, k) => {
      const button = el("button", { type: "button", role: "radio" }, each.name);
      button.addEventListener("click", () => mode(k));
      button.addEventListener("keydown", (event) => {
        if (!event.key.startsWith("Arrow")) return;
        event.preventDefault();
        event.stopPropagation();
        mode(1 - k);
        $("modes").children[1 - k].focus();
      });
      $("modes").append(button);
    });
    $("modes").hidden = false;
  }
  for (const [card, s] of slotOf) {
    const g = groups[s];
    g.setAttribute("role", "button");
    g.setAttribute("tabindex", "0");
    g.addEventListener("click", () => choose(card));
    g.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      choose(card);
    });
  }
  $("first").addEventListener("click", () => { pause(); go(0); });
  $("back").addEventListener("click", () => by(-1));
  $("next").addEventListener("click", () => by(1));
  $("play").addEventListener("click", toggle);
  $("scrub").addEventListener("input", () => { pause(); go(Number($("scrub").value)); });
  $("quiz").addEventListener("click", quiz);
  $("theme").addEventListener("click", () => theme(true));
  $("fit").addEventListener("click", () => { state.whole = !state.whole; fit(); });
  addEventListener("resize", fit);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => theme(false));

  const KEYS = {
    " ": toggle, ArrowRight: () => by(1), ArrowLeft: () => by(-1), ".": () => by(1), ",": () => by(-1),
    PageDown: () => by(10), PageUp: () => by(-10), Home: () => { pause(); go(0); }, End: () => { pause(); go(Infinity); },
    q: quiz, g: () => reveal(state.chosen), t: () => theme(true), f: () => { state.whole = !state.whole; fit(); },
    m: () => { if (data.plays.length > 1) mode(1 - state.play); }, Escape: () => choose(-1),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.prototype.hasOwnProperty.call(KEYS, event.key)) return;
    const at = event.target.tagName;
    if (at === "SELECT" || (at === "BUTTON" && event.key === " ")) return;
    event.preventDefault();
    KEYS[event.key]();
  });

  $("bar").hidden = false;
  theme(false);
  mode(0);
  fit();
  const wanted = /^#(\d{1,5})$/.exec(location.hash); // figure.html#7 opens at step 7
  if (wanted) go(Number(wanted[1]));
  // A tall graph on a low screen is shown as large as it can be read.
  if (data.h * 0.62 > $("stage").clientHeight || data.w * 0.62 > $("stage").clientWidth) {
    state.whole = false;
    fit();
    $("stage").scrollTop = 0;
  }
})();
