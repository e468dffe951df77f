/* A whole tensor: picture, histogram, numbers by pages, a slice selector for more than two dimensions.
 *
 *   gs.openTensor("n12", false, "relu")   // asks the program for it, then shows it
 */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const el = (...all) => gs.el(...all);
  const ROWS = 16, COLS = 12, WILD = ["NaN", "+Inf", "\u2212Inf"];

  gs.openTensor = async function (node, grad, label) {
    const viewer = (gs.tensorViewer = gs.tensorViewer || new Viewer());
    viewer.loading(label, grad);
    const status = await gs.command("open", { node, grad: Boolean(grad) }, true);
    const id = gs.lastCommand && gs.lastCommand.id;
    // The program knows a card by its number, the reader by its name.
    if (!status.startsWith("done")) return viewer.problem(status.replace(/^(refused|sent): ?/, "").replace(new RegExp(`\\b${node}\\b`), label || "it"));
    viewer.show(id, node, grad, label);
  };

  class Viewer {
    constructor() {
      this.ask = new gs.Latest((told) => this.got(told), (e) => this.problem(e.message));
      this.title = el("h2", {});
      this.facts = el("p", { class: "gs-quiet" });
      this.slices = el("div", { class: "gs-ctl-row gs-tv-slices" });
      this.canvas = el("canvas", { class: "gs-tv-picture", role: "img" });
      this.legend = el("p", { class: "gs-quiet" });
      this.hist = el("canvas", { class: "gs-tv-hist", role: "img", "aria-label": "Histogram" });
      this.ends = el("p", { class: "gs-quiet gs-tv-ends" });
      this.stats = el("dl", { class: "gs-tv-stats" });
      this.where = el("span", { class: "gs-quiet" });
      const turn = (word, dr, dc) => el("button", { type: "button", class: "gs-button", "aria-label": word[1], title: word[1], "data-by": `${dr},${dc}`, onclick: () => this.move(dr, dc) }, word[0]);
      this.pager = el("div", { class: "gs-ctl-row" }, turn(["\u2190", "Columns before"], 0, -COLS), turn(["\u2192", "Columns after"], 0, COLS), turn(["\u2191", "Rows before"], -ROWS, 0), turn(["\u2193", "Rows after"], ROWS, 0), this.where);
      this.table = el("table", { class: "gs-tv-table" });
      this.compare = el("input", { type: "checkbox", onchange: () => this.fetch() });
      this.compareBox = el("label", {}, this.compare, "difference to the step before");
      this.npy = el("a", { class: "gs-button", download: "" }, "Download .npy");
      this.again = el("button", { type: "button", class: "gs-button", onclick: () => gs.openTensor(this.node, this.grad, this.label) }, "Read again");
      this.body = el("div", { class: "gs-tv-body" },
        this.slices,
        (this.one = el("p", { class: "gs-tv-one" })),
        (this.many = el("div", {},
          el("div", { class: "gs-tv-cols" }, el("div", {}, this.canvas, this.legend), el("div", {}, this.hist, this.ends, this.stats)),
          this.pager, el("div", { class: "gs-tv-scroll" }, this.table))));
      this.note = el("p", { class: "gs-tv-note", role: "status" });
      this.dialog = el("dialog", { class: "gs-dialog gs-tv", "aria-label": "Tensor" },
        el("header", {}, el("div", {}, this.title, this.facts),
          el("div", { class: "gs-ctl-row" }, this.compareBox, this.again, this.npy, el("button", { type: "button", class: "gs-button", onclick: () => this.dialog.close() }, "Close"))),
        this.note, this.body);
      this.dialog.addEventListener("click", (e) => e.target === this.dialog && this.dialog.close());
      this.canvas.addEventListener("click", (e) => this.pick(e));
      document.getElementById("app").append(this.dialog);
      gs.onTheme(() => this.told && this.paint());
    }

    loading(label, grad) {
      this.title.textContent = `${grad ? "Gradient of " : ""}${label || "tensor"}`;
      this.facts.textContent = "";
      this.say("Asking the program for it.");
      if (!this.dialog.open) this.dialog.showModal();
    }

    say(text) {
      this.note.textContent = text.charAt(0).toUpperCase() + text.slice(1);
      this.note.hidden = !text;
      this.body.hidden = this.npy.hidden = Boolean(text);
      if (text) this.compareBox.hidden = true; // of nothing there is no difference
    }

    problem(text) {
      this.say(text);
    }

    show(id, node, grad, label) {
      Object.assign(this, { id, node, grad, label });
      this.slice = "";
      this.row = this.col = 0;
      this.compare.checked = false;
      this.run = gs.state.run;
      this.npy.href = gs.url("/api/tensor/npy", { run: this.run, id });
      this.ask.drop();
      this.fetch();
    }

    fetch() {
      const { run, id, slice, row, col } = this;
      this.ask.ask(gs.url("/api/tensor/whole", { run, id, slice, row, col, compare: this.compare.checked ? "1" : "" }));
    }

    got(told) {
      this.told = told;
      this.say("");
      this.facts.textContent = `${told.shape.join("\u00d7") || "one number"} ${told.dtype}, ${told.bytes}, step ${told.step}${told.kind === "eval" ? " (evaluation)" : ""}`;
      this.compareBox.hidden = !told.has_before;
      this.dialog.dataset.id = this.id;
      this.drawSlices(told);
      this.drawTable(told);
      this.stats.replaceChildren(...told.stats.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text))));
      const wild = told.stats.some(([name]) => WILD.includes(name)), finite = told.stats.some(([name]) => name === "mean");
      const equal = !finite ? "No number is finite" : wild ? "All finite numbers are equal" : "All numbers are equal";
      this.ends.replaceChildren(...(told.hist ? [told.hist.low, told.hist.high] : [equal]).map((text) => el("span", {}, text)));
      this.hist.hidden = !told.hist;
      this.legend.textContent = `${told.compared ? "Difference: blue" : "Blue"} below zero, orange above, full colour at ${told.picture.top_text}${wild ? ", hatched where not finite" : ""}${told.picture.by[0] * told.picture.by[1] > 1 ? `; one cell is the largest of ${told.picture.by.join("\u00d7")}` : ""}`;
      // Of one number there is no picture, no spread and nothing to leaf through.
      this.many.hidden = !(this.one.hidden = told.rows * told.cols > 1 || told.shape.length > 2);
      this.one.textContent = told.values[0][0];
      this.one.classList.toggle("gs-wild", WILD.includes(told.values[0][0]));
      this.paint();
    }

    /* One choice a dimension: shown (at most two), or an index of it. */
    drawSlices(told) {
      if (told.shape.length < 3) return this.slices.replaceChildren();
      gs.fill(this.slices, [told.shape, told.slice], () => told.shape.map((size, k) => {
        const at = told.slice[k];
        const input = el("input", {
          type: "text", class: "gs-ctl-input", size: 5, value: at === null ? ":" : String(at), "data-key": `dim${k}`, "aria-label": `dimension ${k}, 0 to ${size - 1}, or : for all`,
          onchange: () => this.setSlice(k, input.value.trim()),
        });
        const move = (d) => el("button", { type: "button", class: "gs-button", disabled: at === null, "aria-label": `${d < 0 ? "before" : "after"} in dimension ${k}`, onclick: () => this.setSlice(k, String(Math.min(size - 1, Math.max(0, at + d)))) }, d < 0 ? "\u2212" : "+");
        return el("span", { class: "gs-tv-dim" }, el("span", {}, `dim ${k} (${gs.units.count(size)})`), move(-1), input, move(1));
      }));
    }

    setSlice(k, text) {
      const parts = this.told.slice.map((at) => (at === null ? ":" : String(at)));
      parts[k] = text;
      // A third shown dimension takes the place of the first one.
      if (parts.filter((p) => p === ":").length > 2) parts[parts.findIndex((p, i) => p === ":" && i !== k)] = "0";
      this.slice = parts.join(",");
      this.row = this.col = 0;
      this.fetch();
    }

    drawTable(told) {
      const { row, col, values } = told;
      const { count } = gs.units, down = row + values.length, right = col + (values[0] || []).length;
      this.where.textContent = `rows ${count(row)} to ${count(down - 1)} of ${count(told.rows)}, columns ${count(col)} to ${count(right - 1)} of ${count(told.cols)}`;
      this.table.replaceChildren(
        el("thead", {}, el("tr", {}, el("td", {}), (values[0] || []).map((_, c) => el("th", { scope: "col" }, col + c)))),
        el("tbody", {}, values.map((line, r) => el("tr", {}, el("th", { scope: "row" }, row + r), line.map((text) => el("td", { class: WILD.includes(text) ? "gs-wild" : null }, text))))));
      const more = told.rows > ROWS || told.cols > COLS;
      for (const button of this.pager.querySelectorAll("button")) {
        const [dr, dc] = button.dataset.by.split(",").map(Number);
        button.hidden = !more;
        button.disabled = dr > 0 ? down >= told.rows : dr < 0 ? !row : dc > 0 ? right >= told.cols : !col;
      }
    }

    move(dr, dc) {
      this.row = Math.max(0, Math.min(this.told.row + dr, Math.max(0, this.told.rows - 1)));
      this.col = Math.max(0, Math.min(this.told.col + dc, Math.max(0, this.told.cols - 1)));
      this.fetch();
    }

    pick(e) {
      const box = this.canvas.getBoundingClientRect(), p = this.told.picture;
      this.row = Math.max(0, Math.floor(((e.clientY - box.top) / box.height) * p.rows) * p.by[0] - ROWS / 2);
      this.col = Math.max(0, Math.floor(((e.clientX - box.left) / box.width) * p.cols) * p.by[1] - COLS / 2);
      this.fetch();
    }

    paint() {
      const { picture, hist } = this.told, ctx = this.canvas.getContext("2d");
      const cell = Math.max(1, Math.min(40, Math.floor(384 / Math.max(picture.rows, picture.cols))));
      this.canvas.width = picture.cols * cell;
      this.canvas.height = picture.rows * cell;
      this.canvas.setAttribute("aria-label", `Picture of ${picture.rows} by ${picture.cols} cells`);
      const low = gs.color("value"), high = gs.color("gradient"), middle = gs.color("surface"), bad = gs.color("nonfinite");
      ctx.fillStyle = middle;
      ctx.fillRect(0, 0, this.canvas.width, this.canvas.height);
      picture.cells.forEach((x, i) => {
        const finite = typeof x === "number";
        ctx.globalAlpha = finite ? Math.abs(x) : 1;
        const left = (i % picture.cols) * cell, top = Math.floor(i / picture.cols) * cell;
        ctx.fillStyle = finite ? (x < 0 ? low : high) : bad;
        ctx.fillRect(left, top, cell, cell);
        if (!finite && cell > 3) gs.marks.hatch(ctx, left, top, cell, cell, bad);
      });
      ctx.globalAlpha = 1;
      const size = gs.sharpen(this.hist), h = this.hist.getContext("2d");
      h.clearRect(0, 0, size.width, size.height);
      if (!hist) return;
      const top = Math.max(...hist.counts), w = size.width / hist.counts.length;
      h.fillStyle = gs.color(this.grad ? "gradient" : "value");
      hist.counts.forEach((n, i) => n && h.fillRect(i * w, size.height * (1 - n / top), Math.max(1, w - 1), Math.max(1, (size.height * n) / top)));
      if (hist.zero !== null) {
        h.fillStyle = gs.color("ink");
        h.fillRect(hist.zero * size.width, 0, 1, size.height);
      }
    }
  }
})();
