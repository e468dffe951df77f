"""A real browser on a real server. After every test: no error in the page, no request to elsewhere.

    def test_something(visit):
        page = visit("/graph?run=tiny")

Runs are the golden traces under their own names. Without Chromium the tests are skipped, on CI
(``CI`` is set) they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect, sync_playwright

from graphscope.webapp.serve import serve
from tests import golden

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# A machine with other work to do may need seconds for what usually takes milliseconds.
expect.set_options(timeout=15_000)
GOLDEN = ("tiny", "digits_like", "hostile", "empty", "one_step", "failed", "live")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests; each test has a context of its own, with an empty cache."""
    path = os.environ.get("GRAPHSCOPE_BROWSER") or next(
        filter(None, map(shutil.which, NAMES)), None
    )
    with sync_playwright() as play:
        if path is None and Path(play.chromium.executable_path).exists():
            path = play.chromium.executable_path
        if path is None:
            if os.environ.get("CI"):
                pytest.fail("Browser tests need Chrome or Chromium, and none was found.")
            pytest.skip("neither Chrome nor Chromium was found")
        browser = play.chromium.launch(executable_path=path, args=["--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every golden trace, and a damaged file."""
    folder = tmp_path_factory.mktemp("runs")
    for name in GOLDEN:
        golden.build(name, folder)
    golden.build("many", folder, n_ops=1000)
    (folder / "damaged.gscope").write_bytes(b"SQLite format 3\0" + b"\xff" * 2000)
    return folder


@pytest.fixture(scope="session")
def address(runs: Path) -> Iterator[str]:
    """Where the dashboard over ``runs`` is served, without a slash at the end."""
    server = serve(runs, port=0, block=False)
    yield server.url.rstrip("/")
    server.stop()


class Watch:
    """What a page did that it should not have done."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def page(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("crash", lambda _: self.faults.append("the page crashed"))
        page.route("**/*", self._guard)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        where = message.location.get("url", "")
        self.faults.append(f"console {message.type}: {message.text} ({where[-120:]})")

    def _guard(self, route: Route) -> None:
        parts = urlsplit(route.request.url)
        if parts.scheme in ("data", "blob") or parts.hostname in ("127.0.0.1", "localhost"):
            route.continue_()
        else:
            self.faults.append(f"request to elsewhere: {route.request.url[:200]}")
            route.abort()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Records faults; the test fails at its end when there are any."""
    watch = Watch()
    yield watch
    assert not watch.faults, "\n".join(watch.faults)


@pytest.fixture
def visit(browser: Browser, address: str, watch: Watch) -> Iterator[Callable[..., Page]]:
    """``visit(path)`` opens a page of the dashboard in a fresh context and returns it.

    Options: ``width`` and ``height`` in pixels, ``dark`` for the system's colour preference,
    ``at`` another address than the golden runs'.
    """
    contexts = []

    def open_page(
        path: str, width: int = 1440, height: int = 900, dark: bool = False, at: str | None = None
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        watch.page(page)
        page.goto((at or address) + path)
        return page

    yield open_page
    for context in contexts:
        context.close()


class Held:
    """Requests that wait until the test lets them go."""

    def __init__(self) -> None:
        self._waiting: list[Route] = []
        self._free = False

    def __call__(self, route: Route) -> None:
        if self._free:
            route.fallback()
        else:
            self._waiting.append(route)

    def release(self) -> None:
        self._free = True
        for route in self._waiting:
            route.fallback()


@pytest.fixture
def hold() -> Callable[[Page, str], Held]:
    """``hold(page, pattern)`` keeps what a page asks for under a pattern until ``release()``."""

    def held(page: Page, pattern: str) -> Held:
        found = Held()
        page.route(pattern, lambda route: found(route))
        return found

    return held
