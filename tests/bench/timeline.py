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
from tests import golden
from tests.golden import DIGITS_SOURCE, META, digits_sketch
from tests.golden_sketch import Dictionary

AIMS = {"first frame, ms": 200.0, "pan, ms a frame": 33.0, "ms to the picture": 1500.0}


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
  const end = head.steps[head.steps.length - 1];
  [page.axis.a, page.axis.b] = [head.steps[0][2], end[2] + end[3]];
  page.axis.paint();
  const first = performance.now() - begin, span = page.axis.b - page.axis.a, each = [];
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

    golden.build("many", folder, n_ops=10_500)
    golden.build("tiny", folder)
    million = build(folder / "million.gscope", 8_001)
    server = serve(folder, port=0, block=False)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=chromium)
            small, _ = picture(browser, server.url, "tiny")
            took, sent = picture(browser, server.url, "million")
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{server.url}time?run=tiny")
            page.locator(".gs-time canvas[data-ready]").wait_for()
            url = "/api/timeline?run=many&from=0&to=1e15&most=16000000"
            rounds = [page.evaluate(FRAMES, [url, 60]) for _ in range(3)]
            assert not rounds[0][4], "step blocks were painted, not ops"
            browser.close()
    finally:
        server.stop()
    events, first, median, slow, _ = (
        float(np.median(column)) for column in zip(*rounds, strict=True)
    )
    return {
        "events": int(events),
        "first frame, ms": first,
        "pan, ms a frame": median,
        "pan, 95th percentile, ms": slow,
        "45 ops, ms to the picture": small,
        f"{million:,} ops, ms to the picture": took,
        f"{million:,} ops, bytes sent": sent,
    }


def picture(browser: Any, address: str, run: str) -> tuple[float, int]:
    """Milliseconds from an empty cache to the painted timeline, and the bytes of its answers."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    sizes: list[int] = []

    def sized(answer: Any) -> None:
        if "/api/timeline" in answer.url:
            sizes.append(int(answer.headers.get("content-length", 0)))

    page.on("response", sized)
    page.goto(f"{address}time?run={run}")
    page.locator(".gs-time canvas[data-ready]").wait_for()
    took = float(page.evaluate("() => performance.now()"))
    page.context.close()
    return took, sum(sizes)


def main() -> dict[str, Any]:
    """Print the table and return it."""
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder))
    for name, value in found.items():
        aim = next((AIMS[word] for word in AIMS if name.endswith(word)), None)
        shown = f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
        print(f"{name:36}{shown:>14}" + ("" if aim is None else f"   aim <= {aim:g}"))
    print(json.dumps(found))
    return found


if __name__ == "__main__":
    main()
