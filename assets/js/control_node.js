/* What live control offers for the chosen card, in the inspector: run to it, stop at it, open its tensors. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const boxes = new Set();

  gs.nodeActions = function (node) {
    const box = el("div", { class: "gs-ctl-node" });
    box.gsNode = node;
    for (const old of boxes) if (!old.isConnected) boxes.delete(old);
    boxes.add(box);
    draw(box);
    return box;
  };

  function draw(box) {
    const control = gs.control(), n = box.gsNode;
    box.hidden = !control;
    if (!control) return;
    const button = (word, key, title, act) => el("button", { type: "button", class: "gs-button", "data-key": `ctl-${key}`, title, onclick: act }, word);
    const frozen = n.kind === "scope" && (control.frozen || []).includes(n.id.slice(2));
    gs.fill(box, [n.id, control.state === "paused", frozen], () => {
      if (n.kind === "scope") {
        const module = n.id.slice(2);
        return [
          button("Break inside", "break", "Stop at the next op of this module", () => gs.command("break_add", { module, once: true })),
          button(frozen ? "Train again" : "Freeze", "freeze", "Whether its parameters are trained", () => gs.command(frozen ? "unfreeze" : "freeze", { module })),
        ];
      }
      const open = (grad) => gs.openTensor(n.id, grad, n.label);
      const list = [
        button("Open value", "open", "The whole tensor", () => open(false)),
        button("Open gradient", "opengrad", "The whole gradient", () => open(true)),
      ];
      if (n.kind === "op") {
        const site = n.source && n.source.path;
        list.push(button("Run to here", "run", "Let the program run until this op has run", () => gs.command("run_to", { node: n.id })));
        list.push(button("Break here", "break", "Stop whenever this op runs on this line", () => gs.command("break_add", { op: n.op, module: n.scope || undefined, site: site || undefined })));
      }
      return list;
    });
  }

  /* A finding with a line: the next time that it runs is worth a look. */
  gs.findingActions = function (f) {
    const site = gs.control() && f.code && f.code.path;
    return site ? el("button", { type: "button", class: "gs-button", "data-key": `break ${f.id} ${f.key || ""}`, title: `Stop the training when it comes to ${f.code.short || site}`, onclick: () => gs.command("break_add", { site }) }, "Break here") : null;
  };

  gs.live(() => {
    for (const box of boxes) if (box.isConnected) draw(box);
  });
})();
