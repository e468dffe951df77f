/* Instead of a page: there is nothing to show yet, or it cannot be read. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  let told = "";

  const another = () => gs.el("button", { type: "button", class: "gs-button", onclick: () => gs.runPicker.toggle(true) }, "Choose another run");
  const KINDS = {
    none: (card) => [
      gs.el("h1", {}, `No runs in ${card.folder} yet`),
      gs.el("p", {}, "Add these lines around your training loop, and start it. The run appears here by itself."),
      gs.snippet(`import graphscope as torch\n\nwith torch.profile(${JSON.stringify(card.folder + "/first")}):\n    train()   # your loop`),
      gs.el("p", {}, "Or watch a small network learn handwritten digits:"),
      gs.snippet(card.folder === "runs" ? "graphscope demo" : `graphscope demo --runs ${/^[\w./~:\\-]+$/.test(card.folder) ? card.folder : JSON.stringify(card.folder)}`),
    ],
    waiting: (card) => [
      gs.el("h1", {}, "Connected, no step yet"),
      gs.el("p", {}, `The program of the run \u201c${card.run}\u201d is running, for `, gs.el("span", { class: "gs-waiting" }, "\u2014"),
        ". A step ends at optimizer.step(); the first one appears here."),
    ],
    stopped: (card) => [
      gs.el("h1", {}, "No step was recorded"),
      gs.el("p", {}, `The program of the run \u201c${card.run}\u201d started, and nothing was heard of it before its first step ended. A step ends at optimizer.step(), or at p.step() in a loop without an optimizer.`),
      another(),
    ],
    damaged: (card) => [
      gs.el("h1", {}, `The run \u201c${card.run}\u201d cannot be read`),
      gs.el("p", {}, card.message),
      gs.el("p", {}, "The file was left as it is."),
      another(),
    ],
    missing: (card) => [
      gs.el("h1", {}, card.message || "There is no such run."),
      gs.el("p", {}, "It may have been renamed or deleted."),
      another(),
    ],
  };

  gs.notice = function (root, card) {
    const box = document.getElementById("notice");
    const state = card.state === "stale" && card.steps < 0 ? "stopped" : card.state;
    const kind = KINDS[state] && !card.lost ? state : "";
    const key = kind && `${kind} ${card.run} ${card.message || ""}`;
    if (told === key) return;
    told = key;
    box.hidden = !kind;
    for (const page of root.querySelectorAll(".gs-page")) page.inert = Boolean(kind);
    box.replaceChildren(...(kind ? [gs.el("div", {}, ...KINDS[kind](card))] : []));
  };

  /* Lines of code to copy. */
  gs.snippet = function (text) {
    const button = gs.el("button", { type: "button" }, "Copy");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        gs.write(button, "Copied");
      } catch (error) {
        getSelection().selectAllChildren(button.previousElementSibling);
        gs.write(button, "Press Ctrl-C");
      }
    });
    return gs.el("div", { class: "gs-snippet" }, gs.el("pre", { tabindex: "0" }, text), button);
  };

  /* The graph at the step that is looked at, as a file of vectors (or pixels). */
  gs.saveFigure = function (kind) {
    const { run, step, open, color, vs, focus, mode } = gs.state, part = vs ? { vs } : { focus, mode };
    const link = gs.el("a", { href: gs.url("/api/figure", { run, step, open, color, ...part, as: kind, theme: gs.themeName() }), download: "" });
    document.body.append(link);
    link.click();
    link.remove();
  };
})();
