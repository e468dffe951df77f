"""The report of a run in a real browser, opened from a file as a mail attachment would be."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from graphscope.export import report
from graphscope.trace.reader import TraceReader
from tests import golden


def test_the_report_plays_and_sorts_offline(browser: Browser, tmp_path: Path) -> None:
    target = tmp_path / "x.report.html"
    report.write(TraceReader(golden.build("digits_like", tmp_path)), target)
    context = browser.new_context(offline=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda m: faults.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: faults.append(str(e)))
    page.on("request", lambda r: faults.append(r.url) if r.url.startswith("http") else None)
    page.goto(target.as_uri())

    player = page.frame_locator("iframe")
    player.locator("#next").click()
    expect(player.locator("#count")).to_contain_text("1 /")

    ops = page.locator("section").filter(has=page.get_by_role("heading", name="Ops", exact=True))
    first = ops.locator("tbody tr").first.locator("td").first
    ops.get_by_role("button", name="op", exact=True).click()
    down = first.inner_text()
    ops.get_by_role("button", name="op", exact=True).click()
    assert first.inner_text() < down
    expect(ops.locator("th").first).to_have_attribute("aria-sort", "ascending")

    # On a phone: the page keeps its width, and a cell of a wide table is a line and no pillar of letters.
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    memory = page.locator("section").filter(
        has=page.get_by_role("heading", name="Memory", exact=True)
    )
    assert memory.locator("tbody tr").first.locator("td").nth(3).bounding_box()["height"] < 60
    # What is wider than the page ends in a shade, and not as if that were all of it.
    assert page.locator("picture").first.evaluate(
        "e => e.scrollWidth > e.clientWidth && getComputedStyle(e, '::after').position === 'sticky'"
    )
    context.close()
    assert faults == []
