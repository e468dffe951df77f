"""A browser and a server over runs, for what is measured in a page."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from graphscope.webapp.serve import serve
from tests import golden
from tests.bench.timeline import build as long_run

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


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

    def forget(self, run: str) -> None:
        """Remove the files of a run that a measure recorded."""
        for file in self.runs.glob(f"{run}.gscope*"):
            file.unlink()


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


@contextmanager
def bench(names: Sequence[str] = ("tiny", "digits_like"), large: bool = True) -> Iterator[Bench]:
    """Server and browser with golden runs; ``large`` adds "many" (1,000 ops) and "million" (ops in its steps).

    Raises: RuntimeError without Chromium.
    """
    path = os.environ.get("GRAPHSCOPE_BROWSER") or next(
        filter(None, map(shutil.which, NAMES)), None
    )
    if path is None:
        raise RuntimeError("the dashboard is measured in Chromium, and none was found")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        runs = Path(folder)
        for name in names:
            golden.build(name, runs)
        if large:
            golden.build("many", runs, n_ops=1000)
            long_run(runs / "million.gscope", 8001)
        server = serve(runs, port=0, block=False)
        browser = play.chromium.launch(executable_path=path, args=["--disable-dev-shm-usage"])
        try:
            yield Bench(browser, server.url.rstrip("/"), runs)
        finally:
            browser.close()
            server.stop()
