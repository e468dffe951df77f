"""The rules of axe on every page: no serious and no critical finding."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    "path",
    [
        "/graph?run=tiny&node=n1",
        "/home?run=digits_like",
        "/health?run=failed",
        "/scalars?run=digits_like",
        "/scalars?run=digits_like&tab=distributions",
        "/graph?run=failed",
        "/graph?run=nothing",
    ],
)
def test_no_serious_finding(visit, path, dark):
    page = visit(path, dark=dark)
    expect(page.locator("#state")).to_have_attribute("data-state", re.compile(r"\w"))
    if path.endswith("tab=distributions"):
        expect(page.locator(".gs-dist")).to_have_attribute("data-ready", re.compile("parameters"))
    elif path.startswith("/scalars"):
        expect(page.locator(".gs-curve .main-svg").first).to_be_visible()
    elif path.startswith("/home"):
        expect(page.locator("[data-card=parts] table")).to_be_visible()
    elif path.startswith("/health"):
        expect(page.locator("[data-finding]").first).to_be_visible()
    elif "nothing" not in path:
        expect(page.locator(".gs-board")).to_have_attribute("data-step", re.compile(r"\d"))
    found = Axe().run(page).response["violations"]
    bad = [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: {node['html'][:160]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert not bad, "\n".join(bad)
