"""Every page on every kind of run: one context a run, all pages in it, by clicks on the rail.

Each page must show its main content, or say on purpose why there is none. ``watch`` (conftest.py) adds that no
page wrote an error and that nothing was asked of another machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import graphscope as gs
from graphscope.webapp.serve import serve
from tests import golden
from tests.bench.timeline import build as long_run

ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"^[1-9]\d*$")
DIGITS = """
import sys, time
import graphscope as gs
from graphscope import nn, optim
from graphscope.datasets import digits
x, y, _, _ = digits()
net = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
loss_of, optimizer = nn.CrossEntropyLoss(), optim.SGD(net.parameters(), lr=0.1)
with gs.profile(sys.argv[1]) as p:
    p.watch(net, "net")
    for k in range(100_000):
        optimizer.zero_grad()
        loss = loss_of(net(x[:64]), y[:64])
        loss.backward()
        optimizer.step()
        time.sleep(0.05)
"""


def changing(path: Path, steps: int = 12) -> None:
    """A program whose graph is another one in every step: one more layer each time."""
    w = gs.randn(4, 4, requires_grad=True)
    with gs.profile(path) as p:
        for k in range(steps):
            x = gs.ones(2, 4)
            for _ in range(k + 1):
                x = (x @ w).tanh()
            loss = x.sum()
            loss.backward()
            with gs.no_grad():
                w -= 0.01 * w.grad
            w.grad = None
            p.step()


@pytest.fixture(scope="module")
def all_kinds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a folder with a run of every kind is served; one of them is being trained right now."""
    folder = tmp_path_factory.mktemp("kinds")
    file = folder / "train.py"
    file.write_text(DIGITS)
    program = subprocess.Popen([sys.executable, str(file), str(folder / "training")], cwd=ROOT)
    for name in ("digits_like", "failed", "empty", "one_step", "many", "hostile"):
        golden.build(name, folder)
    assert long_run(folder / "million.gscope", 8001) > 1_000_000
    changing(folder / "changing")
    (folder / "damaged.gscope").write_bytes(b"SQLite format 3\0" + b"\xff" * 2000)
    whole = (folder / "digits_like.gscope").read_bytes()  # of a cut file the intact part is shown
    (folder / "cut.gscope").write_bytes(whole[: len(whole) * 9 // 10])
    server = serve(folder, port=0, block=False)
    yield server.url.rstrip("/")
    program.kill()
    program.wait()
    server.stop()


def turn(page: Page, name: str) -> None:
    page.locator(f".gs-rail a[data-page={name}]").click()
    expect(page.locator(f".gs-page[data-page={name}]")).to_be_visible()


def last(page: Page) -> int:
    return int(page.evaluate("() => gs.card.last_step"))


def home(page: Page) -> None:
    expect(page.locator("[data-card=parts] tbody tr").first).to_contain_text(
        re.compile(r"\d [nµm]?s")
    )
    expect(page.locator("[data-card=loss-tile] h2")).to_contain_text(re.compile(r"Loss"))
    expect(page.locator("[data-card=answers] li")).not_to_have_count(0)
    expect(page.locator("[data-card=overhead] [data-level]")).to_have_count(4)


def graph(page: Page) -> None:
    turn(page, "graph")
    board = page.locator(".gs-board")
    expect(board).to_have_attribute("data-ready", NUMBER)
    expect(board).to_have_attribute("data-step", re.compile(r"\d"))
    cards = int(board.get_attribute("data-ready") or 0)
    assert page.locator(".gs-graph [role=treeitem]").count() >= min(cards, 5)
    assert inked(page, ".gs-board") > 3


def time(page: Page) -> None:
    turn(page, "time")
    canvas = page.locator(".gs-time canvas[data-ready]").first
    expect(canvas).to_be_visible()
    expect(page.locator(".gs-time").get_by_role("option").first).to_be_attached()
    assert inked(page, ".gs-time canvas") > 3


def ops(page: Page) -> None:
    turn(page, "ops")
    expect(page.locator("#ops-table")).to_have_attribute("data-ready", NUMBER)
    expect(page.locator("#ops-table .ag-center-cols-container .ag-row").first).to_be_visible()
    expect(page.locator(".gs-ops-line")).to_contain_text("step")


def source(page: Page) -> None:
    page.locator(".gs-ops-bar").get_by_role("radio", name="Source").click()
    expect(page.locator(".gs-source")).to_have_attribute("data-ready", NUMBER)
    expect(page.locator(".gs-src-row").first).to_be_visible()


def memory(page: Page) -> None:
    turn(page, "memory")
    expect(page.locator(".gs-mem-step canvas")).to_have_attribute("data-ready", NUMBER)
    expect(page.locator(".gs-mem-who tbody tr").first).to_be_visible()
    assert inked(page, ".gs-mem-step canvas") > 3


def scalars(page: Page) -> None:
    turn(page, "scalars")
    expect(page.locator(".gs-curves")).to_have_attribute("data-ready", NUMBER)
    expect(page.locator(".gs-curve .main-svg").first).to_be_visible()


def distributions(page: Page) -> None:
    page.locator(".gs-curves-bar").get_by_role("radio", name="Distributions").click()
    box = page.locator("[data-gs=dist]")
    expect(box).to_have_attribute("data-ready", re.compile(r"\d"))
    layers = int((box.get_attribute("data-ready") or "").split()[-1])
    if layers:
        expect(box.locator("canvas").first).to_be_visible()
    else:  # it says what to record, or that no step has values yet
        expect(box.locator("[role=status]").first).to_contain_text(re.compile(r"\w{4}"))


def health(page: Page) -> None:
    turn(page, "health")
    expect(page.locator(".gs-findings")).to_have_attribute("data-ready", "true")
    expect(page.locator("[data-finding], .gs-no-findings").first).to_be_visible()


def compare(page: Page) -> None:
    turn(page, "compare")
    expect(page.locator(".gs-cmp")).to_have_attribute("data-ready", re.compile("[01]"))
    empty, cards = page.locator(".gs-cmp-empty"), page.locator(".gs-cmp-facts")
    if page.locator(".gs-cmp").get_attribute("data-ready") == "1":
        expect(cards).to_contain_text("A: ")
    else:
        expect(empty).to_contain_text(re.compile(r"\w{4}"))


PAGES = (home, graph, time, ops, source, memory, scalars, distributions, health, compare)


def inked(page: Page, selector: str) -> int:
    """How many colours a canvas shows: a canvas on which nothing was painted has one."""
    return int(
        page.locator(selector).first.evaluate(
            "c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data, seen = new Set();"
            " for (let i = 0; i < d.length; i += 4 * 37) seen.add((d[i] << 16) | (d[i + 1] << 8) | d[i + 2]);"
            " return seen.size; }"
        )
    )


Visit = Callable[..., Page]


@pytest.mark.parametrize(
    ("run", "dark", "width"),
    [
        ("digits_like", False, 1440),
        ("failed", True, 1440),
        ("one_step", False, 900),
        ("changing", True, 1280),
        ("many", False, 1440),
        ("million", False, 1440),
        ("hostile", True, 1440),
        ("cut", False, 1280),
    ],
)
def test_all_pages_on(run: str, dark: bool, width: int, all_kinds: str, visit: Visit) -> None:
    page = visit(f"/home?run={run}", at=all_kinds, dark=dark, width=width)
    for look in PAGES:
        look(page)
    state = {"failed": "failed", "hostile": "failed", "cut": "damaged"}.get(run, "finished")
    expect(page.locator("#state")).to_have_attribute("data-state", state)
    if run in ("failed", "hostile"):
        expect(page.locator("#banner")).to_contain_text("Error: ")
    if run == "cut":
        expect(page.locator("#banner")).to_contain_text("The intact part is shown.")
    # One document all along, and nothing of a trace became markup.
    inert = "main script, main iframe, main img, aside script, aside img, [onload], [onerror]"
    assert page.locator(inert).count() == 0


def test_all_pages_of_a_training_that_goes_on(all_kinds: str, visit: Visit) -> None:
    page = visit("/home?run=training", at=all_kinds)
    for look in PAGES:
        before = last(page) if look is not home else -1
        look(page)
        expect(page.locator("#state")).to_have_text("Live")
        page.wait_for_function("before => gs.card.last_step > before", arg=before)
    assert re.match(r"step [\d,]+ / [\d,]+", page.locator("#step").inner_text())


@pytest.mark.parametrize(
    ("run", "words", "state"),
    [
        ("empty", "[Nn]o step", "waiting|stale"),  # its program was heard of a few seconds ago
        ("damaged", "cannot be read", "damaged"),
        ("nowhere", "There is no run", "missing"),
    ],
)
def test_all_pages_without_a_step(
    run: str, words: str, state: str, all_kinds: str, visit: Visit
) -> None:
    """The frame says it once, over every page and tab, and the other runs stay in reach."""
    page = visit(f"/home?run={run}", at=all_kinds)
    for name in ("home", "graph", "time", "ops", "memory", "scalars", "health", "compare"):
        page.locator(f".gs-rail a[data-page={name}]").click()
        covered(page, words, state)
    for name, tab in (("ops", "source"), ("scalars", "distributions")):  # from a link
        page.goto(f"{all_kinds}/{name}?run={run}&tab={tab}")
        covered(page, words, state)
    page.locator("#run").click()
    page.locator("#gs-run-list [title=digits_like]").click()
    expect(page.locator("#notice")).to_be_hidden()
    distributions(page)
    compare(page)


def covered(page: Page, words: str, state: str) -> None:
    expect(page.locator("#notice h1")).to_contain_text(re.compile(words))
    expect(page.locator("#state")).to_have_attribute("data-state", re.compile(f"^({state})$"))
