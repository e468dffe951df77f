"""What the Time page costs: ``python -m tests.bench.timeline``.

A hundred thousand events in view: from the data's arrival to the first frame, and per frame while the reader pans.
A run of a million ops: until the page is drawn, and how much is sent. Numbers of this machine, with the aims of the
issue beside them.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from graphscope.trace.writer import TraceWriter
from graphscope.webapp.serve import serve
from tests.golden import DIGITS_SOURCE, META, digits_sketch
from tests.golden_sketch import Dictionary

AIMS = {"first frame, ms": 200.0, "pan, ms a frame": 33.0, "million ops, ms to the picture": 1500.0}


def build(path: Path, steps: int) -> int:
    """A run of ``steps`` steps of the digits graph; how many ops it has."""
    w = TraceWriter(path, META | {"run": path.stem})
    d = Dictionary(w, "train.py", DIGITS_SOURCE)
    s, _ = digits_sketch(d)
    s.write(0)
    s.write_shapes(0, 0)
    rng, t0 = np.random.default_rng(0), 0
    begin, dur, wall = s.times(rng)
    for k in range(steps):
        times = {"begin_ns": begin, "dur_ns": dur, "wall_ns": wall, "t0_ns": t0}
        w.add_step(k, "train", k, 0, 0, loss=1.0 / (k + 1), live0=800_000, **times)
        t0 += wall + 100_000
    w.close()
    return steps * len(s.nodes)


FRAMES = """async ([url, frames]) => {
  const page = gs.timePage, head = await gs.fetchJson(url);
  const begin = performance.now();
  page.gotTape(head, url);
  page.axis.look(head.steps[0][2], head.steps[head.steps.length - 1][2]);
  page.axis.paint();
  const first = performance.now() - begin, each = [];
  const span = page.axis.b - page.axis.a;
  for (let k = 0; k < frames; k++) {
    const t = performance.now();
    page.axis.a += span * 0.002;
    page.axis.b += span * 0.002;
    page.axis.paint();
    each.push(performance.now() - t);
    await new Promise(requestAnimationFrame);
  }
  each.sort((a, b) => a - b);
  return [page.tape.c.op_begin.length, first, each[frames >> 1], each[Math.floor(frames * 0.95)], page.far()];
}"""


def measure(folder: Path) -> dict[str, Any]:
    """Both measurements as one table."""
    from playwright.sync_api import sync_playwright

    ops = build(folder / "one.gscope", 1)
    build(folder / "wide.gscope", 100_000 // ops + 1)
    million = build(folder / "million.gscope", 1_000_000 // ops + 1)
    server = serve(folder, port=0, block=False)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=chromium)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{server.url}time?run=wide")
            page.locator(".gs-time canvas[data-ready]").wait_for()
            url = "/api/timeline?run=wide&from=0&to=1e15&most=16000000"
            # The page shows step blocks from 300 steps on: the window of the middle steps is what it draws.
            events, first, median, slow, far = page.evaluate(FRAMES, [url, 120])
            cold = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            sizes: list[int] = []
            cold.on(
                "response",
                lambda r: (
                    sizes.append(int(r.headers.get("content-length", 0)))
                    if "/api/timeline" in r.url
                    else None
                ),
            )
            cold.goto(f"{server.url}time?run=million")
            cold.locator(".gs-time canvas[data-ready]").wait_for()
            took = cold.evaluate("() => performance.now()")
            browser.close()
    finally:
        server.stop()
    return {
        "events": events,
        "in step blocks": far,
        "first frame, ms": first,
        "pan, ms a frame": median,
        "pan, 95th percentile": slow,
        "million ops, ops": million,
        "million ops, ms to the picture": took,
        "million ops, bytes sent": sum(sizes),
    }


def main() -> dict[str, Any]:
    """Print the table and return it."""
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder))
    for name, value in found.items():
        aim = AIMS.get(name)
        print(f"{name:34}{value!s:>24.24}" + ("" if aim is None else f"   aim <= {aim:g}"))
    print(json.dumps(found))
    return found


if __name__ == "__main__":
    main()
