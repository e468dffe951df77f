"""The Compare page in a real browser."""

import re

from playwright.sync_api import expect


def ready(page):
    expect(page.locator(".gs-cmp")).to_have_attribute("data-ready", "1", timeout=20_000)
    return page


def test_two_losses_are_one_click_away(visit):
    page = visit("/graph?run=digits_like")
    expect(page.locator(".gs-graph canvas").first).to_have_attribute("data-step", "59")
    page.get_by_role("link", name="Compare").click()  # the one click: the run before is A
    ready(page)
    expect(page.locator(".gs-cmp-curves .main-svg").first).to_be_visible(timeout=20_000)
    expect(page.locator(".gs-cmp")).to_have_attribute("data-curves", "2")
    expect(page.locator(".gs-cmp-last b")).to_have_count(2)
    assert "vs=" not in page.url, "a guess of ours turns no other page into a comparison"


def test_a_run_against_a_run(visit):
    page = ready(visit("/compare?run=digits_like&vs=tiny"))
    expect(page.locator(".gs-cmp-facts")).to_contain_text("parameters")
    expect(page.locator("#compare-table")).to_have_attribute("data-ready", re.compile(r"\d+"))
    page.locator("#compare-table").scroll_into_view_if_needed()
    expect(page.locator("#compare-table .ag-center-cols-container .ag-row").first).to_be_visible()
    # On a wide screen the table is as wide as its card.
    page.set_viewport_size({"width": 3000, "height": 1000})
    page.wait_for_function(
        """() => { const of = (s) => document.querySelector(`#compare-table .ag-center-cols-${s}`).clientWidth;
            return of("viewport") > 1800 && of("container") > 0.97 * of("viewport"); }"""
    )
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(page.locator(".gs-cmp-structure")).to_contain_text("Only in A (6)")
    page.get_by_role("button", name=re.compile("Swap")).click()
    expect(page).to_have_url(re.compile("run=tiny.*vs=digits_like"))
    expect(page.locator(".gs-cmp-structure")).to_contain_text("Only in B (6)")
    page.locator(".gs-cmp-structure [data-node]:enabled").first.click()
    expect(page).to_have_url(re.compile("node=n0"))
    page.get_by_role("radio", name="Line", exact=True).click()
    expect(page).to_have_url(re.compile("by=line"))


def test_a_step_against_a_step(visit):
    page = ready(visit("/compare?run=tiny&vs=step:0&step=2", dark=True))
    expect(page.locator(".gs-cmp-facts")).to_contain_text("9.568")
    page.locator(".gs-cmp-numbers button").first.click()
    expect(page.locator("[data-gs=inspector]")).to_have_attribute("data-node", re.compile("^[np]"))
    page.get_by_label("Step of A").fill("1")
    page.get_by_label("Step of A").press("Enter")
    expect(page).to_have_url(re.compile("vs=step%3A1"))
    expect(page.locator(".gs-cmp-facts")).to_contain_text("A: step 1")
    page.get_by_role("button", name=re.compile("Swap")).click()
    expect(page).to_have_url(re.compile("step=1&.*vs=step%3A2"))


def test_nothing_chosen_hostile_empty_and_damaged_runs(visit):
    page = ready(visit("/compare?run=tiny&vs=one_step"))
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".gs-cmp-empty h2")).to_contain_text("Compare this run with another one")
    page.get_by_role("button", name=re.compile("^digits_like")).click()
    expect(page).to_have_url(re.compile("vs=digits_like"))
    ready(page)
    page.evaluate("() => gs.set({ vs: 'empty' })")
    expect(page.locator(".gs-cmp-empty")).to_contain_text("no step yet")
    page.evaluate("() => gs.set({ run: 'hostile', vs: 'failed' })")
    expect(page.locator(".gs-cmp-facts")).to_contain_text("B: hostile")
    assert page.locator(".gs-cmp img, script[src*=alert]").count() == 0
    page.evaluate("() => gs.set({ vs: 'damaged' })")
    expect(page.locator(".gs-cmp-empty")).to_contain_text("cannot be")


def test_a_run_with_itself_is_no_comparison(visit):
    """Said, with what else there is to compare, and nothing is asked."""
    asked = []
    page = visit("/home?run=tiny")
    page.on("request", lambda r: asked.append(r.url) if "/api/compare" in r.url else None)
    page.goto(page.url.split("/home")[0] + "/compare?run=tiny&vs=tiny")
    box = page.locator(".gs-cmp-empty")
    expect(box.locator("h2")).to_contain_text("A and B are the same run")
    expect(page.locator(".gs-cmp-facts")).to_be_hidden()
    assert asked == []
    box.get_by_role("button", name="Compare two steps of this run").click()
    expect(page).to_have_url(re.compile("vs=step%3A0"))
    ready(page)
    expect(page.locator(".gs-cmp-facts")).to_contain_text("A: step 0")
    page.evaluate("() => gs.set({ vs: 'tiny' })")  # what was shown goes
    expect(box.locator("h2")).to_contain_text("A and B are the same run")
    expect(page.locator(".gs-cmp-facts")).to_be_hidden()
    box.get_by_role("button", name=re.compile("^digits_like")).click()
    ready(page)
    expect(page.locator(".gs-cmp-facts")).to_contain_text("A: digits_like")
    # The run that is A, chosen as B: the run before it is A then.
    page.locator("#run").click()
    page.locator("#gs-run-list [title=digits_like]").click()
    expect(page.locator(".gs-cmp-facts")).to_contain_text("B: digits_like")
    expect(page.locator(".gs-cmp-facts")).not_to_contain_text("A: digits_like")
