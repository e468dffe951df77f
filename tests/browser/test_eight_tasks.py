"""Eight things that people want from such a tool, by the clicks they take from the first useful picture.

Slowest op, largest tensor, layer with the smallest gradient, line of an op, value and gradient of a node at step k,
two losses compared, where NaN began, a vector figure out: one click each, two for the fifth and the last.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from playwright.sync_api import Locator, Page, expect

from graphscope import units
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader

RUN = "digits_like"
Visit = Callable[..., Page]


class Hand:
    """The reader's hand on the first picture: every click is counted, nothing else is done with the mouse."""

    def __init__(self, visit: Visit, run: str = RUN) -> None:
        self.page = visit(f"/home?run={run}")
        expect(self.page.locator("[data-card=parts] tbody")).to_be_visible()
        self.clicks = 0

    def click(self, what: Locator | str, **where: object) -> None:
        target = self.page.locator(what) if isinstance(what, str) else what
        target.click(**where)
        self.clicks += 1

    @property
    def side(self) -> Locator:
        return self.page.locator("[data-gs=inspector]")


def test_slowest_op(visit: Visit, runs: Path) -> None:
    hand = Hand(visit)
    hand.click("[data-key=answer-slowest]")
    slowest = _slowest(runs / f"{RUN}.gscope")
    expect(hand.side).to_have_attribute("data-node", f"n{slowest}")
    expect(hand.side.locator("h2")).to_have_text("conv2d")
    expect(hand.page.locator(".gs-board")).to_be_visible()
    assert hand.clicks == 1


def _slowest(path: Path) -> int:
    """By hand: the forward op that takes most, with its backward, in the mean of the run's train steps."""
    with TraceReader(path) as reader:
        graph = reader.graph(0)
        mean = np.mean([reader.step(int(k)).dur_ns for k in reader.steps("train").num], axis=0)
        total = np.zeros(graph.n)
        for i in range(graph.n):
            if graph.phase[i] == schema.FORWARD:
                total[i] += mean[i]
            elif graph.phase[i] == schema.BACKWARD:
                total[graph.twin[i]] += mean[i]
        return int(total.argmax())


def test_largest_tensor(visit: Visit, runs: Path) -> None:
    hand = Hand(visit)
    hand.click("[data-key=answer-largest]")
    with TraceReader(runs / f"{RUN}.gscope") as reader:
        specs = [reader.spec(id) for id in np.unique(reader.step(59).specs).tolist()]
    largest = max(specs, key=lambda s: s.nbytes)
    expect(hand.side.locator("h2")).to_have_text("images")
    expect(hand.side).to_contain_text(units.shape(largest.shape))
    expect(hand.side).to_contain_text(units.bytes_(largest.nbytes))
    assert hand.clicks == 1


def test_layer_with_the_smallest_gradient(visit: Visit) -> None:
    hand = Hand(visit)
    row = hand.page.locator("[data-key=answer-faintest]")
    expect(row).to_contain_text("net.bn5")
    hand.click(row)
    expect(hand.side).to_contain_text("net / bn5")
    expect(hand.side.get_by_test_id("gradient")).to_have_text(re.compile(r"\d"))
    assert hand.clicks == 1


def test_line_of_an_op(visit: Visit) -> None:
    hand = Hand(visit)
    hand.click("[data-key=answer-slowest]")
    expect(hand.side).to_contain_text("train.py:14")
    assert hand.clicks == 1
    # Of any op, on the graph: a click on its card.
    hand.page.goto(hand.page.url.partition("/graph")[0] + "/graph?run=tiny")
    click_card(hand, "n1")
    expect(hand.side).to_contain_text("train.py:8")
    expect(hand.side).to_contain_text("h = (x @ w1).relu()")
    assert hand.clicks == 2


def click_card(hand: Hand, id: str) -> None:
    board = hand.page.locator(".gs-board")
    expect(board).to_have_attribute("data-step", re.compile(r"\d"))
    x, y = hand.page.evaluate(
        "id => { const p = gs.graphPage, n = p.scene.byId.get(id), v = p.board.view;"
        " return [v.x + (n.x + n.w / 2) * v.k, v.y + (n.y + n.h / 2) * v.k]; }",
        id,
    )
    hand.click(board, position={"x": x, "y": y})


def test_value_and_gradient_of_a_node_at_a_step(visit: Visit) -> None:
    hand = Hand(visit)
    strip = hand.page.get_by_role("slider", name="Step", exact=True)
    expect(strip).to_have_attribute("aria-valuenow", "59")
    box = strip.bounding_box()
    assert box is not None
    hand.click(strip, position={"x": box["width"] * 0.5, "y": 40})
    expect(hand.page).to_have_url(re.compile(r"step=\d+"))
    step = int(hand.page.evaluate("() => gs.state.step"))
    assert 27 <= step <= 32
    hand.click("#commands")  # any node, by its name
    hand.page.keyboard.type("logits")
    first = hand.page.get_by_role("dialog", name="Commands").get_by_role("option").first
    expect(first).to_contain_text("logits")
    hand.page.keyboard.press("Enter")
    both_at(hand, "logits", step)
    assert hand.clicks == 2

    again = Hand(visit)  # on the graph as the first picture: the card, and the step
    again.page.goto(again.page.url.partition("/home")[0] + "/graph?run=tiny")
    click_card(again, "n1")
    strip = again.page.get_by_role("slider", name="Step", exact=True)
    again.click(strip, position={"x": 16, "y": 40})
    both_at(again, "h", 0)
    assert again.clicks == 2


def both_at(hand: Hand, name: str, step: int) -> None:
    expect(hand.side).to_have_attribute("data-step", str(step))
    expect(hand.side.locator("h2")).to_have_text(name)
    expect(hand.side.get_by_test_id("value")).to_have_text(re.compile(r"\d ± \d"))
    expect(hand.side.get_by_test_id("gradient")).to_have_text(re.compile(r"\d"))


def test_two_losses_compared(visit: Visit) -> None:
    hand = Hand(visit)
    hand.click("[data-key=answer-compare]")
    plot = hand.page.locator(".gs-curve .js-plotly-plot").first
    expect(plot.locator(".main-svg").first).to_be_visible()
    hand.page.wait_for_function(
        "() => { const p = document.querySelector('.gs-curve .js-plotly-plot');"
        " return p && p.data && p.data.filter((t) => t.y && t.y.length > 0).length >= 2; }"
    )
    expect(hand.page).to_have_url(re.compile(r"with="))
    assert hand.clicks == 1


def test_where_nan_began(visit: Visit) -> None:
    hand = Hand(visit, "failed")
    hand.click("[data-key=answer-nan]")
    found = hand.page.locator("[data-finding]").first
    for words in ("step 5", "sub gave 8 NaN from finite inputs", "train.py:10"):
        expect(found).to_contain_text(words)
    expect(hand.page.locator("#step")).to_have_text("step 5 / 7")
    assert hand.clicks == 1


def test_a_vector_figure(visit: Visit) -> None:
    hand = Hand(visit)
    hand.click(".gs-rail a[data-page=graph]")
    expect(hand.page.locator(".gs-board")).to_have_attribute("data-step", "59")
    with hand.page.expect_download() as got:
        hand.click(hand.page.get_by_role("button", name="Save as SVG"))
    assert got.value.suggested_filename == "digits_like-step59.svg"
    root = ElementTree.parse(got.value.path()).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = " ".join("".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "conv" in texts and "64×" in texts
    assert hand.clicks == 2
