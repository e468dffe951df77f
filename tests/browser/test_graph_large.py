"""A graph of ten thousand ops in a real browser, with everything open."""

import re

import pytest
from playwright.sync_api import expect

from graphscope.webapp.serve import serve
from tests import golden_large

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Where the large graphs are served: in stretches of one scope, and in modules."""
    folder = tmp_path_factory.mktemp("large")
    golden_large.build("wide", folder)
    golden_large.build("blocks", folder, n=2000)
    server = serve(folder, port=0, block=False)
    yield server.url.rstrip("/")
    server.stop()


def ready(page, count):
    canvas = page.locator(".gs-board")
    expect(canvas).to_have_attribute("data-ready", str(count))
    expect(canvas).to_have_attribute("data-step", re.compile(r"\d+"))
    return canvas


def shut(page):
    return page.evaluate("() => gs.graphPage.scene.nodes.filter((n) => n.kind === 'scope').length")


def test_all_of_ten_thousand_ops_can_be_opened(large, visit):
    page = visit("/graph?run=wide&open=none", at=large)
    ready(page, 52)
    assert shut(page) == 51
    page.get_by_role("button", name="Expand all").click()
    ready(page, 10_049)
    assert shut(page) == 0
    # The address says it in a word, and what is shut again by its name.
    expect(page).to_have_url(re.compile(r"open=all\b"))
    page.evaluate("() => gs.graphPage.toggle('s:ops 201-400')")
    ready(page, 9850)
    expect(page).to_have_url(re.compile(r"open=all%2C-ops(%20|\+)201-400"))
    page.evaluate("() => gs.graphPage.toggle('s:ops 201-400')")
    ready(page, 10_049)

    # Cards do not overlap, and the tree for screen readers follows.
    assert page.evaluate(
        """() => {
          const rows = new Map();
          for (const n of gs.graphPage.scene.nodes) rows.set(n.y, [...(rows.get(n.y) || []), n]);
          return [...rows.values()].every((row) => row.sort((a, b) => a.x - b.x)
            .every((n, i) => !i || row[i - 1].x + row[i - 1].w <= n.x));
        }"""
    )
    expect(page.get_by_role("treeitem").first).to_be_attached()

    # All of it fits on the screen, a search goes to a card, a click selects it.
    page.keyboard.press("f")
    page.wait_for_function(
        """() => {
          const [a, b, c, d] = gs.graphPage.board.window(), [x, y, z, w] = gs.graphPage.scene.bounds;
          return a <= x && b <= y && c >= z && d >= w;
        }"""
    )
    box = page.get_by_role("combobox", name="Search the graph")
    box.fill("loss")
    expect(page.locator(".gs-hits").get_by_role("option").first).to_be_visible()
    box.press("Enter")
    expect(page.locator("[data-gs=inspector] h2")).to_have_text("loss")
    page.wait_for_function("() => gs.graphPage.board.view.k >= 0.9")


def test_modules_are_opened_and_shut_among_thousands(large, visit):
    page = visit("/graph?run=blocks&open=all", at=large)
    expect(page.locator(".gs-board")).to_have_attribute("data-ready", re.compile(r"\d{4}"))
    before = int(page.locator(".gs-board").get_attribute("data-ready"))
    page.evaluate("() => gs.graphPage.toggle('s:model.layers.3')")
    expect(page).to_have_url(re.compile("-model.layers.3"))
    expect(page.locator(".gs-board")).not_to_have_attribute("data-ready", str(before))
    assert page.evaluate("() => gs.graphPage.scene.byId.get('s:model.layers.3').kind") == "scope"
    # What is deep inside a shut module is shown by opening the way to it, and only that.
    page.evaluate("() => gs.graphPage.reveal('s:model.layers.3.mlp', 'model.layers.3')")
    expect(page.locator(".gs-board")).to_have_attribute("data-ready", str(before))
    expect(page).to_have_url(re.compile(r"open=all(&|$)"))
