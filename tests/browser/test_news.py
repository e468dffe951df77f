"""What is said at once: a step that ended, in every tab; a program that was killed; one that is stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from graphscope.trace.alive import mark
from graphscope.webapp.serve import serve

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, time
import graphscope as gs
w = gs.randn(4, 4, requires_grad=True)
with gs.profile(sys.argv[1]) as p:
    for k in range(100_000):
        (gs.ones(2, 4) @ w).sum().backward()
        w.grad = None
        p.step()
        time.sleep(0.1)
"""
SEEN = """() => {
  const seen = (window.gsSeen = []);
  const look = () => {
    const step = gs.card ? gs.card.last_step : -1;
    if (!seen.length || seen[seen.length - 1][0] !== step) seen.push([step, Date.now()]);
    requestAnimationFrame(look);
  };
  look();
}"""


@pytest.fixture
def program(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A program that makes ten steps a second, and the address of its dashboard."""
    running = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path / "live")], cwd=ROOT)
    server = serve(tmp_path, port=0, block=False)
    yield running, server.url.rstrip("/")
    running.kill()
    running.wait()
    server.stop()


def test_two_tabs_and_the_death_of_the_program(
    program: tuple[subprocess.Popen[bytes], str], visit: Callable[..., Page]
) -> None:
    running, url = program
    page = visit("/home?run=live", at=url)
    expect(page.locator("#state")).to_have_text("Live")
    other = page.context.new_page()
    other.goto(f"{url}/graph?run=live")
    tabs = (page, other)
    for tab in tabs:
        expect(tab.locator("#step b")).to_have_text(re.compile(r"\d"))
        tab.evaluate(SEEN)
    # The other tab lies in front: a browser paints no frames behind it, and a real click waits for frames. Found and
    # clicked in one go, since news may replace the button in between.
    expect(page.locator("[data-key=parts-run]")).to_be_visible()
    page.evaluate(
        "() => { const b = document.querySelector('[data-key=parts-run]'); b.focus(); b.click(); }"
    )
    page.wait_for_timeout(1500)
    assert len(other.evaluate("() => window.gsSeen")) >= 3, "several times a second"
    page.wait_for_timeout(3000)  # a browser lets the tab behind ask once a second
    for tab in tabs:
        seen = tab.evaluate("() => window.gsSeen")
        assert len(seen) >= 3, seen
        assert [step for step, _ in seen] == sorted(step for step, _ in seen), "never back"
    # Not `to_be_focused`: that asks for the tab in front too.
    assert page.evaluate("() => document.activeElement.dataset.key") == "parts-run"

    running.kill()
    running.wait()
    if not mark():
        pytest.skip("this system cannot say that a process is gone")
    for tab in tabs:
        expect(tab.locator("#state")).to_have_text("Ended", timeout=3000)
        expect(tab.locator("#banner")).to_contain_text("ended without a word")
    expect(page.locator("[data-card=parts] tbody")).to_be_visible()  # what was recorded stays
    other.close()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs a signal that stops a process")
def test_a_silent_program_is_said_and_so_is_its_return(
    program: tuple[subprocess.Popen[bytes], str], visit: Callable[..., Page]
) -> None:
    running, url = program
    page = visit("/home?run=live", at=url)
    expect(page.locator("#state")).to_have_text("Live")
    os.kill(running.pid, signal.SIGSTOP)
    try:
        expect(page.locator("#state")).to_have_text("No news", timeout=10_000)
        expect(page.locator("#banner")).to_contain_text(re.compile(r"no news for \d+ s"))
    finally:
        os.kill(running.pid, signal.SIGCONT)
    expect(page.locator("#state")).to_have_text("Live")
    expect(page.locator("#banner")).to_be_hidden()
