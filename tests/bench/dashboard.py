"""How fast the dashboard feels: ``python -m tests.bench.dashboard`` (needs Chromium; or one name: ``paint``).

Each measure is the median of several tries in fresh browser contexts, against the aim of the issue. A page
adds its own latency with a function in ``MEASURES`` that takes a ``Bench`` and returns milliseconds (or MB).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from graphscope.trace.reader import TraceReader
from graphscope.webapp.serve import serve
from tests import golden

TRIES = 3
TRAINING = """
import sys, time
import graphscope as torch
w = torch.randn(64, 10, requires_grad=True)
x = torch.randn(32, 64)
with torch.profile(sys.argv[1], name="live"):
    while True:
        loss = ((x @ w) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            w -= 0.01 * w.grad
        w.grad = None
        time.sleep(0.09)
"""


class Bench:
    """A browser, and a server over runs of every size."""

    def __init__(self, browser: Browser, url: str, runs: Path) -> None:
        self.browser, self.url, self.runs = browser, url, runs

    @contextmanager
    def context(self) -> Iterator[BrowserContext]:
        """A fresh one: nothing is in its cache."""
        context = self.browser.new_context(viewport={"width": 1440, "height": 900})
        yield context
        context.close()

    @contextmanager
    def page(self, path: str, ready: str) -> Iterator[Page]:
        """A page on which ``ready`` (a selector) is visible, and everything has settled."""
        with self.context() as context:
            page = context.new_page()
            page.goto(self.url + path)
            page.locator(ready).first.wait_for()
            page.wait_for_timeout(500)
            yield page


def seen_after(page: Page, act: str, seen: str) -> float:
    """Milliseconds from a script until a condition holds at the begin of a frame; both are JavaScript."""
    script = (
        "() => new Promise((done, fail) => { const t0 = performance.now();"
        f" ({act})();"
        f" const look = () => ({seen})() ? done(performance.now() - t0)"
        " : performance.now() - t0 > 20000 ? fail(new Error('not seen')) : requestAnimationFrame(look);"
        " look(); })"
    )
    return float(page.evaluate(script))


# The useful part of each page: what somebody came for.
USEFUL = {
    "/home?run=digits_like": "[data-card=parts] table",
    "/graph?run=digits_like": ".gs-graph canvas[data-step]",
    "/health?run=digits_like": "[data-finding]",
    "/scalars?run=digits_like": ".gs-curve .main-svg",
}


def paint(bench: Bench, path: str, warm: bool) -> float:
    """From the address to the useful part of a page."""
    with bench.context() as context:
        page = context.new_page()
        if warm:
            page.goto(bench.url + path)
            page.locator(USEFUL[path]).first.wait_for()
            page.wait_for_timeout(500)
        begin = time.perf_counter()
        page.goto(bench.url + path, wait_until="commit")
        page.locator(USEFUL[path]).first.wait_for()
        return 1e3 * (time.perf_counter() - begin)


def weight(bench: Bench, path: str) -> float:
    """Megabytes that a cold page loads until its useful part is there."""
    with bench.context() as context:
        page = context.new_page()
        sizes: list[int] = []
        page.on("requestfinished", lambda r: sizes.append(r.sizes()["responseBodySize"]))
        page.goto(bench.url + path)
        page.locator(USEFUL[path]).first.wait_for()
        page.wait_for_timeout(500)
        return sum(sizes) / 1e6


def click_to_panel(bench: Bench) -> float:
    """From a click on a card to its facts in the inspector."""
    with bench.page("/graph?run=digits_like", ".gs-graph canvas[data-step]") as page:
        return seen_after(
            page,
            "() => document.querySelectorAll('[role=tree] [role=treeitem][data-id^=n]')[2]"
            " ? gs.set({ node: document.querySelectorAll('[role=tree] [role=treeitem][data-id^=n]')[2].dataset.id })"
            " : gs.set({ node: 'n2' })",
            "() => document.querySelector('[data-gs=inspector] [data-testid=value]')",
        )


def turn_page(bench: Bench) -> float:
    """From a click on the rail to the findings."""
    with bench.page("/home?run=digits_like", USEFUL["/home?run=digits_like"]) as page:
        return seen_after(
            page,
            "() => document.querySelector('.gs-rail a[data-page=health]').click()",
            "() => document.querySelector('[data-finding]') && document.querySelector('[data-finding]').offsetParent",
        )


def live_step(bench: Bench) -> float:
    """From the end of a step in the program to its number on the screen, at about ten steps a second."""
    run = bench.runs / "live.gscope"
    program = subprocess.Popen(
        [sys.executable, "-c", TRAINING, str(bench.runs / "live")], stdout=subprocess.DEVNULL
    )
    try:
        until = time.time() + 30
        while not run.exists() and time.time() < until:
            time.sleep(0.05)
        with bench.context() as context:
            page = context.new_page()
            page.goto(bench.url + "/home?run=live")
            page.locator("[data-card=parts] table").wait_for(timeout=30_000)
            late = []
            with TraceReader(run) as reader:
                begin = int(reader.header()["t0_unix_ns"]) / 1e6
                for _ in range(8):
                    page.wait_for_timeout(130)
                    shown = page.evaluate(
                        "() => [Number(document.querySelector('#step b').textContent), Date.now()]"
                    )
                    table = reader.steps()
                    at = int((table.num <= shown[0]).sum())
                    if at < len(
                        table
                    ):  # how long ago did the first step end that is not shown yet?
                        ended = begin + (table.t0_ns[at] + table.wall_ns[at]) / 1e6
                        late.append(max(0.0, shown[1] - ended))
            return statistics.median(late) if late else 0.0
    finally:
        program.terminate()
        program.wait()
        for file in bench.runs.glob("live.gscope*"):
            file.unlink()


def first_picture(bench: Bench) -> float:
    """From ``python train.py`` to a step on a page that was open before."""
    with bench.context() as context:
        page = context.new_page()
        page.goto(bench.url + "/home?run=digits_like")
        page.locator("[data-card=parts] table").wait_for()
        begin = time.perf_counter()
        program = subprocess.Popen(
            [sys.executable, "-c", TRAINING, str(bench.runs / "live")], stdout=subprocess.DEVNULL
        )
        try:
            seen_after(
                page,
                "() => gs.set({ run: 'live' })",
                "() => gs.card && gs.card.run === 'live' && gs.card.last_step >= 0"
                " && document.querySelector('[data-card=parts] table')",
            )
            return 1e3 * (time.perf_counter() - begin)
        finally:
            program.terminate()
            program.wait()
            for file in bench.runs.glob("live.gscope*"):
                file.unlink()


# name -> (what, unit, aim, measure); the aims are those of the issue.
MEASURES: dict[str, tuple[str, str, float, Callable[[Bench], float]]] = {
    "paint": ("Home, cold", "ms", 1500, lambda b: paint(b, "/home?run=digits_like", False)),
    "paint-warm": ("Home, warm", "ms", 600, lambda b: paint(b, "/home?run=digits_like", True)),
    "graph": ("Graph, cold", "ms", 1500, lambda b: paint(b, "/graph?run=digits_like", False)),
    "graph-warm": ("Graph, warm", "ms", 600, lambda b: paint(b, "/graph?run=digits_like", True)),
    "health": ("Health, cold", "ms", 1500, lambda b: paint(b, "/health?run=digits_like", False)),
    "curves": ("Curves, cold", "ms", 1500, lambda b: paint(b, "/scalars?run=digits_like", False)),
    "weight": ("Home, loaded cold", "MB", 3, lambda b: weight(b, "/home?run=digits_like")),
    "weight-curves": (
        "Curves, loaded cold",
        "MB",
        8,
        lambda b: weight(b, "/scalars?run=digits_like"),
    ),
    "panel": ("Click to panel", "ms", 100, click_to_panel),
    "turn": ("Home to findings", "ms", 300, turn_page),
    "live": ("End of a step to screen", "ms", 500, live_step),
    "first": ("python train.py to picture", "ms", 1800, first_picture),
}


@contextmanager
def bench() -> Iterator[Bench]:
    """Server and browser with the golden runs. Raises: RuntimeError without Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    path = os.environ.get("GRAPHSCOPE_BROWSER") or next(
        filter(None, map(shutil.which, names)), None
    )
    if path is None:
        raise RuntimeError("the dashboard is measured in Chromium, and none was found")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        runs = Path(folder)
        for name in ("tiny", "digits_like"):
            golden.build(name, runs)
        server = serve(runs, port=0, block=False)
        browser = play.chromium.launch(executable_path=path, args=["--disable-dev-shm-usage"])
        try:
            yield Bench(browser, server.url.rstrip("/"), runs)
        finally:
            browser.close()
            server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(MEASURES)}; all without")
    parser.add_argument("--tries", type=int, default=TRIES)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    unknown = set(given.names) - set(MEASURES)
    if unknown:
        parser.error(f"there is no measure {', '.join(sorted(unknown))}")
    rows = []
    with bench() as held:
        for name in given.names or MEASURES:
            what, unit, aim, measure = MEASURES[name]
            tries = [measure(held) for _ in range(given.tries)]
            rows.append(dict(name=name, what=what, unit=unit, aim=aim, tries=tries))
            middle = statistics.median(tries)
            if not given.json:
                good = "ok" if middle <= aim else "MISSED"
                print(f"{what:28} {middle:8.1f} {unit:3} aim {aim:6g}  {good}", flush=True)
    if given.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
