"""The main job, end to end: a real training, watched while it runs, clicked into, and travelled back."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from graphscope.webapp.serve import serve
from tests import golden
from tests.browser.test_graph import inspector, item, press, ready

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, time
import graphscope as gs
from graphscope import nn, optim
from graphscope.datasets import digits
x, y, _, _ = digits()
net = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
loss_of = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.1)
with gs.profile(sys.argv[1], name="<script>alert(1)</script>") as p:
    p.watch(net, "net")
    for k in range(100_000):
        optimizer.zero_grad()
        loss = loss_of(net(x[:64]), y[:64])
        loss.backward()
        optimizer.step()
        p.scalar("loss/<script>alert(1)</script>", loss)
        time.sleep(0.02)
"""


@pytest.fixture
def training(tmp_path: Path) -> Iterator[str]:
    """A program that trains until the test is over; gives the address of its dashboard."""
    program = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path / "live")], cwd=ROOT)
    server = serve(tmp_path, port=0, block=False)
    yield server.url.rstrip("/")
    program.kill()
    program.wait()
    server.stop()


def last_step(page: Page) -> int:
    return int(page.locator(".gs-board").get_attribute("data-step") or -1)


def test_a_training_is_watched_live(training: str, visit: Callable[..., Page]) -> None:
    page = visit("/graph?run=live", at=training)
    canvas = ready(page)
    expect(page.get_by_text("Live", exact=True).first).to_be_visible()

    # a new step arrives without a reload
    page.evaluate("() => { window.sameDocument = true; }")
    seen = last_step(page)
    expect(canvas).not_to_have_attribute("data-step", str(seen))
    page.wait_for_timeout(700)
    assert last_step(page) > seen
    assert page.evaluate("() => window.sameDocument") is True

    # shut and open a module
    weight = page.get_by_role("treeitem", name=re.compile(r"^weight.*16×64"))
    expect(weight.first).to_be_attached()
    page.get_by_role("button", name="Collapse").click()
    expect(weight).to_have_count(
        0
    )  # the module was there before too: the key must not come before it is shut
    press(item(page, "^net"))
    page.keyboard.press("e")
    expect(weight.first).to_be_attached()

    # a node, its value and its gradient
    press(item(page, r"^weight.*16×64"))
    box = inspector(page)
    expect(box.get_by_test_id("value")).to_have_text(re.compile(r"\d ± \d"))
    expect(box.get_by_test_id("gradient")).to_have_text(re.compile(r"\d"))
    expect(page).to_have_url(re.compile("node="))

    # back in time: the playhead to the first step, and it stays there while training goes on
    strip = page.locator("#strip canvas").first
    frame = strip.bounding_box()
    assert frame is not None
    page.mouse.click(frame["x"] + 14, frame["y"] + frame["height"] / 2)
    expect(page).to_have_url(re.compile(r"step=\d+"))
    chosen = re.search(r"step=(\d+)", page.url)
    assert chosen is not None and int(chosen[1]) < seen
    expect(canvas).to_have_attribute("data-step", chosen[1])
    page.wait_for_timeout(600)
    assert last_step(page) == int(chosen[1])

    # hostile names are text
    assert page.evaluate("() => document.querySelectorAll('script:not([src])').length") <= 2
    page.goto(training + "/scalars?run=live")
    expect(page.get_by_text("loss/<script>alert(1)</script>").first).to_be_visible()


def test_a_live_page_asks_once_for_all_it_shows_and_paints_only_news(
    training: str, visit: Callable[..., Page]
) -> None:
    """Whoever trains pays for every request and every frame of an open page."""
    page = visit("/home?run=live", at=training)
    strip, tile = page.locator(".gs-strip-track"), page.locator("[data-card=loss-tile] h2")
    expect(tile).to_have_text(re.compile("step"))
    # nothing moves without end: the browser would paint sixty frames a second for it
    expect(page.locator("#state")).to_have_text("Live")
    assert page.evaluate("() => document.getAnimations().map((a) => String(a.animationName))") == []

    expect(strip).not_to_have_attribute("aria-valuenow", "0")
    page.wait_for_timeout(1000)  # what a page asks when it opens is behind it
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url.split("?")[0].removeprefix(training)))
    for box in (strip, tile):  # both are told of a new step
        before = box.evaluate("e => e.textContent + e.getAttribute('aria-valuenow')")
        page.wait_for_function(
            "([e, was]) => e.textContent + e.getAttribute('aria-valuenow') !== was",
            arg=[box.element_handle(), before],
        )
    # (Dash's own script comes whenever the browser has nothing else to do)
    # and the answer to one question goes on for several steps
    assert [path for path in asked if path.startswith("/api/")] in ([], ["/api/live"])

    # fifty steps a second are told twice, and the views are drawn more rarely than the top bar
    with page.expect_request(lambda r: is_calm(r.url)):
        page.wait_for_function("() => gs.isFast() && (gs.lookNow(), true)")

    # the live dot breathes all the same, and stands still for who wants less motion
    page.locator("#state[data-beat]").wait_for()
    page.emulate_media(reduced_motion="reduce")
    dot = page.locator("#state[data-beat] .gs-icon")
    dot.wait_for()
    assert dot.evaluate("e => getComputedStyle(e).opacity") == "1"


def is_calm(url: str) -> bool:
    """Whether a question wants a line at most every half second, and news for a view at most every second."""
    query = parse_qs(urlsplit(url).query)
    paces = [float(text.partition("@")[0]) for text in query.get("pace", ["0"])[0].split(",")]
    return float(query.get("every", ["0"])[0]) >= 500 and min(paces) >= 1000


def test_a_live_run_beside_a_finished_one_is_followed(
    training: str, tmp_path: Path, visit: Callable[..., Page]
) -> None:
    golden.build("tiny", tmp_path)
    page = visit("/scalars?run=tiny&with=live", at=training)
    newest = """() => {
      const drawn = [...document.querySelectorAll('.gs-curve .gs-chart')].flatMap((plot) => plot.data || []);
      return Math.max(-1, ...drawn.filter((t) => t.meta && t.meta[0] === 'live').flatMap((t) => t.customdata));
    }"""
    page.locator(".gs-curve-loss .main-svg").first.wait_for(timeout=30_000)
    page.wait_for_function(f"() => ({newest})() >= 0")
    seen = page.evaluate(newest)
    page.wait_for_function(f"(seen) => ({newest})() > seen", arg=seen)


def test_more_steps_than_anybody_tells_apart_are_shown_less_often(
    visit: Callable[..., Page],
) -> None:
    """How often lines are wished for follows how fast steps come; the answers are made up, so that it is known."""
    page = visit("/home?run=tiny")
    expect(page.locator("#state")).to_have_text("Finished")
    wished, step, fast, at = [], 2.0, False, time.monotonic()

    def live(route: Route) -> None:
        nonlocal step, at
        now = time.monotonic()
        step, at = step + (now - at) * (1000 if fast else 1), now
        wished.extend(map(int, re.findall(r"[?&]every=(\d+)", route.request.url)))
        answer = route.fetch(url=re.sub(r"&for=[^&]*", "", route.request.url))
        card = answer.json() | {"state": "live", "steps": int(step), "last_step": int(step)}
        route.fulfill(response=answer, json=card)

    def until(true: Callable[[list[int]], bool]) -> None:
        for _ in range(200):
            if true(wished):
                return
            page.wait_for_timeout(50)
        raise AssertionError(f"never asked for that pace: {wished}")

    page.route("**/api/live?*", live)
    until(lambda ms: len(ms) > 0)
    usual, fast = wished[0], True
    until(lambda ms: ms[-1] > usual)
    fast = False
    until(lambda ms: ms[-1] == usual)
