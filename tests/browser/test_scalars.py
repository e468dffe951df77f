"""The Curves page in a real browser."""

import re

from playwright.sync_api import expect

POINT = """(place) => { const plot = document.querySelectorAll('.gs-curve .js-plotly-plot')[0];
  const f = plot._fullLayout, box = plot.getBoundingClientRect(), d = plot.data[0];
  return [box.x + f.xaxis._offset + f.xaxis.d2p(d.x[place]), box.y + f.yaxis._offset + f.yaxis.d2p(d.y[place])]; }"""


def ready(page, count):
    expect(page.locator(".gs-curves")).to_have_attribute("data-ready", str(count))
    # The first chart waits for plotly itself, several megabytes of it.
    expect(page.locator(".gs-curve .main-svg").first).to_be_visible(timeout=15_000)
    return page


def titles(page):
    return page.locator(".gs-curve h2").all_inner_texts()


def drawn(page, what="plot.data.map(t => t.y.length)"):
    return page.evaluate(
        "() => { const plot = document.querySelector('.gs-curve .js-plotly-plot'); return "
        + what
        + "; }"
    )


def until(page, what):
    """Waits for something that only plotly knows; the page's policy forbids wait_for_function."""
    for _ in range(100):
        if drawn(page, what):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {what}")


def test_the_loss_comes_first_with_its_last_value(visit):
    page = ready(visit("/scalars?run=digits_like"), 3)
    assert titles(page) == ["loss", "accuracy/val", "lr"]
    expect(page.locator(".gs-curve header b").first).to_have_text(re.compile(r"^0\.09\d+$"))
    assert drawn(page) == [60]


def test_a_click_on_a_point_travels_there_on_every_page(visit):
    page = ready(visit("/scalars?run=digits_like"), 3)
    page.mouse.click(*page.evaluate(POINT, 40))
    expect(page).to_have_url(re.compile("step=40"))
    expect(page.locator("#step")).to_have_text("step 40 / 59")
    expect(page.locator(".gs-curve .gs-playhead")).to_have_count(3)
    page.get_by_role("link", name="Graph").click()
    expect(page.locator(".gs-board")).to_have_attribute("data-step", "40")


def test_smoothing_adds_a_line_and_keeps_the_raw_one(visit):
    page = ready(visit("/scalars?run=digits_like"), 3)
    slider = page.get_by_label("Smoothing")
    slider.fill("0.6")
    expect(page).to_have_url(re.compile("smooth=0.6"))
    until(page, "plot.data.length === 2")
    assert drawn(page) == [60, 60]
    slider.fill("0")
    until(page, "plot.data.length === 1")


def test_axes_are_chosen_and_kept_in_the_address(visit):
    page = ready(visit("/scalars?run=digits_like"), 3)
    page.get_by_role("radio", name="Log").click()
    until(page, "plot._fullLayout.yaxis.type === 'log'")
    page.get_by_role("radio", name="Relative").click()
    expect(page).to_have_url(re.compile("x=relative&log=1"))
    page.reload()
    ready(page, 3)
    expect(page.get_by_role("radio", name="Relative")).to_have_attribute("aria-checked", "true")
    assert drawn(page, "plot._fullLayout.xaxis.title.text") == "seconds since the run began"


def test_runs_are_overlaid(visit):
    page = ready(visit("/scalars?run=digits_like"), 3)
    page.get_by_text("Overlay runs").click()
    page.get_by_role("checkbox", name="tiny").check()
    until(page, "plot.data.length === 2")
    assert drawn(page, "plot.data.map(t => t.meta[0])") == ["digits_like", "tiny"]
    expect(page.locator(".gs-run-names")).to_contain_text("tiny")
    expect(page).to_have_url(re.compile("with=tiny"))


def test_the_filter_leaves_what_matches(visit):
    page = ready(visit("/scalars?run=digits_like"), 3)
    page.get_by_label("Filter curves").fill("acc")
    expect(page.locator(".gs-curve")).to_have_count(1)
    page.get_by_label("Filter curves").fill("zzz")
    expect(page.locator(".gs-curves-note")).to_have_text("No curve has such a name.")


def test_not_finite_is_marked(visit):
    page = ready(visit("/scalars?run=failed"), 1)
    expect(page.locator(".gs-curve .annotation-text")).to_have_text("not finite from step 5")
    expect(page.locator(".gs-curve header b")).to_have_text("NaN")


def test_zoom_stays_when_news_arrive(visit):
    page = ready(visit("/scalars?run=digits_like"), 3)
    x0, y0 = page.evaluate(POINT, 10)
    x1, _ = page.evaluate(POINT, 30)
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y0, steps=5)
    page.mouse.up()
    until(page, "plot._fullLayout.xaxis.range[1] < 31")
    with page.expect_response("**/api/curves**"):
        page.evaluate("gs.announce(gs.card, true)")
    page.wait_for_timeout(300)
    assert drawn(page, "plot._fullLayout.xaxis.range[1]") < 31


def test_hostile_tags_stay_text(visit):
    page = ready(visit("/scalars?run=hostile"), 3)
    assert "<script>alert(1)</script>" in titles(page)
    page.mouse.move(*page.evaluate(POINT, 1))
    expect(page.locator(".hovertext").first).to_be_visible()
    assert page.locator("script:text('alert')").count() == 0


def test_a_run_without_curves_says_how_to_get_some(visit):
    page = visit("/scalars?run=empty")
    expect(page.locator("#notice")).to_be_visible()
