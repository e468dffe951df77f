"""The rules of axe on every page: no serious and no critical finding."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.test_matrix import PAGES, compare, graph, health, home, ops, time

Visit = Callable[..., Page]


# The pill of the top bar once more in each of its colours.
EVERY_STATE = """() => { const pill = document.getElementById("state");
    for (const state of ["live", "waiting", "paused", "stale", "gone", "lost", "finished", "failed", "damaged"]) {
      const copy = pill.cloneNode(true);
      copy.removeAttribute("id");
      copy.dataset.state = state;
      copy.lastElementChild.textContent = state;
      pill.after(copy);
    } }"""


def no_serious_finding(page: Page, where: str) -> None:
    found = Axe().run(page).response["violations"]
    bad = [
        f"{where}: {rule['id']} ({rule['impact']}): {rule['help']}: {node['html'][:160]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page(visit: Visit, dark: bool) -> None:
    """A finished run with modules, values, curves and a second run beside it; then what lies over the pages."""
    page = visit("/home?run=digits_like&vs=tiny", dark=dark)
    for look in PAGES:
        look(page)
        if look is graph:  # with a card in the inspector
            page.evaluate("() => gs.set({ node: 'n1' })")
            expect(page.locator("[data-gs=inspector] .gs-code")).to_be_visible()
        no_serious_finding(page, look.__name__)
    for key, over in (("?", "dialog[open]"), ("Control+k", "dialog[open]"), ("r", "#gs-run-list")):
        page.keyboard.press(key)
        expect(page.locator(over)).to_be_visible()
        no_serious_finding(page, key)
        page.keyboard.press("Escape")
    page.evaluate(EVERY_STATE)
    no_serious_finding(page, "states")
    # A reader's own colours take backgrounds away: icons and swatches are backgrounds, and stay.
    page.emulate_media(forced_colors="active")
    page.locator(".gs-rail a[data-page=home]").click()
    lost = """() => { const of = (e) => getComputedStyle(e).backgroundColor, bare = of(document.body);
        return [".gs-rail .gs-icon", "#theme .gs-icon", ".gs-part-forward"].filter((s) => of(document.querySelector(s)) === bare); }"""
    assert page.evaluate(lost) == []


def test_a_failed_run_on_a_phone(visit: Visit) -> None:
    page = visit("/home?run=failed", width=400, height=800)
    for look in (home, graph, time, ops, health, compare):
        look(page)
        if look is graph:  # where they do not lie over the cards
            expect(page.locator(".gs-toolbar .gs-stage-tools")).to_be_visible()
        no_serious_finding(page, look.__name__)
    page.locator("#drawer").click()
    expect(page.locator(".gs-side.gs-open")).to_be_visible()
    no_serious_finding(page, "inspector")


@pytest.mark.parametrize("run", ["nothing", "empty", "damaged"])
def test_a_page_without_a_step(visit: Visit, run: str) -> None:
    page = visit(f"/graph?run={run}")
    expect(page.locator("#notice h1")).to_be_visible()
    expect(page.locator("#state")).to_have_attribute("data-state", re.compile(r"\w"))
    no_serious_finding(page, run)
