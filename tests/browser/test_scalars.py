"""The Curves page in a real browser."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import expect

from graphscope.trace.writer import TraceWriter
from graphscope.webapp.serve import serve
from tests import golden

POINT = """(place) => { const plot = document.querySelectorAll('.gs-curve .js-plotly-plot')[0];
  const f = plot._fullLayout, box = plot.getBoundingClientRect(), d = plot.data[0];
  return [box.x + f.xaxis._offset + f.xaxis.d2p(d.x[place]), box.y + f.yaxis._offset + f.yaxis.d2p(d.y[place])]; }"""


LAID_OUT = """[...document.querySelectorAll('.gs-curve .gs-chart')].every((p) => p._fullLayout
  && Math.abs(p._fullLayout.width - p.clientWidth) < 1 && p.data.some((t) => t.meta && t.y.length))"""


def ready(page, count):
    expect(page.locator(".gs-curves")).to_have_attribute("data-ready", str(count))
    # The first chart waits for plotly itself, several megabytes of it.
    expect(page.locator(".gs-curve .main-svg").first).to_be_visible(timeout=15_000)
    expect(page.locator(".gs-curves")).to_have_attribute("data-drawn", re.compile(r"[1-9]"))
    return page


def titles(page):
    return page.locator(".gs-curve h3").all_inner_texts()


def drawn(page, what="plot.data.map(t => t.y.length)"):
    return page.evaluate(
        "() => { const plot = document.querySelector('.gs-curve .js-plotly-plot'); return "
        + what
        + "; }"
    )


def until(page, what):
    """Waits for something that only plotly knows; the page's policy forbids wait_for_function."""
    for _ in range(200):
        if drawn(page, what):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {what}")


def drag(page, first, last):
    x0, y0 = page.evaluate(POINT, first)
    x1, _ = page.evaluate(POINT, last)
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y0, steps=5)
    page.mouse.up()


def test_the_loss_comes_first_and_a_click_travels_everywhere(visit):
    page = ready(visit("/scalars?run=digits_like"), 3)
    assert titles(page) == ["loss", "accuracy/val", "lr"]
    expect(page.locator(".gs-curve header b").first).to_have_text(re.compile(r"^0\.09\d+$"))
    assert drawn(page) == [60]
    page.mouse.click(*page.evaluate(POINT, 40))
    expect(page).to_have_url(re.compile("step=40"))
    expect(page.locator("#step")).to_have_text("step 40 / 59")
    expect(page.locator(".gs-curve .gs-playhead:visible")).to_have_count(3)
    page.get_by_role("link", name="Graph").click()
    expect(page.locator(".gs-board")).to_have_attribute("data-step", "40")


def test_the_crosshair_goes_through_all_cards_with_values_in_a_table(visit):
    page = ready(visit("/scalars?run=digits_like&with=failed&smooth=0.5"), 3)
    until(page, "plot.data.length >= 4")
    # The list of runs opens beside the cards and makes them narrower: their points move once more.
    expect(page.locator(".gs-curves-runs")).to_be_visible()
    until(page, LAID_OUT)
    page.mouse.move(*page.evaluate(POINT, 20))
    tip = page.locator(".gs-curves > .gs-curve-tip")
    expect(tip).to_contain_text("step 20")
    expect(tip.locator("tr")).to_have_count(2)
    expect(tip.locator("tr").first).to_contain_text("digits_like")  # the nearest to the pointer
    expect(tip.locator("tr").first).to_contain_text("smoothed")
    expect(page.locator(".gs-crosshair:visible")).to_have_count(3)
    # Where the charts get another size under a pointer that rests, it tells what is there now.
    page.set_viewport_size({"width": 1360, "height": 900})
    until(page, LAID_OUT)
    expect(tip).not_to_contain_text("step 20")
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def test_smoothing_axes_and_the_calm_part(visit):
    page = ready(visit("/scalars?run=digits_like"), 3)
    slider = page.get_by_label("Smoothing")
    slider.fill("0.6")
    expect(page).to_have_url(re.compile("smooth=0.6"))
    until(page, "plot.data.length === 2")
    assert drawn(page) == [60, 60]
    slider.fill("0")
    until(page, "plot.data.length === 1")
    bar = page.locator(".gs-curves-bar")
    bar.get_by_role("radio", name="Log").click()
    until(page, "plot._fullLayout.yaxis.type === 'log'")
    bar.get_by_role("radio", name="Relative").click()
    expect(page).to_have_url(re.compile("x=relative&log=1"))
    bar.get_by_role("button", name="Fit calm part").click()
    page.reload()
    ready(page, 3)
    expect(bar.get_by_role("radio", name="Relative")).to_have_attribute("aria-checked", "true")
    expect(bar.get_by_role("button", name="Fit calm part")).to_have_attribute(
        "aria-pressed", "true"
    )
    assert drawn(page, "plot._fullLayout.xaxis.title.text") == "seconds since the run began"


def test_runs_are_overlaid_filtered_and_drawn_alone(visit):
    page = ready(visit("/scalars?run=digits_like"), 3)
    page.get_by_role("button", name="Overlay runs").click()
    runs = page.locator(".gs-curves-runs")
    runs.get_by_label("Filter runs").fill("^t.*y$")
    expect(runs.locator("li")).to_have_count(1)
    runs.get_by_role("checkbox", name="tiny").check()
    until(page, "plot.data.length === 2")
    assert drawn(page, "plot.data.map(t => t.meta[0])") == ["digits_like", "tiny"]
    expect(page).to_have_url(re.compile("with=tiny"))
    runs.locator("li").hover()
    runs.get_by_role("button", name="only").click()
    until(page, "plot.data.length === 1 && plot.data[0].meta[0] === 'tiny'")
    runs.get_by_label("Filter runs").fill("")
    runs.get_by_role("button", name="None").click()
    until(page, "plot.data.length === 1 && plot.data[0].meta[0] === 'digits_like'")


@pytest.fixture
def tuned(tmp_path):
    """The address of four runs with two learning rates, one of them with a spike."""
    from graphscope.utils.tensorboard import SummaryWriter

    for k, rate in enumerate((0.1, 0.1, 0.2, 0.2)):
        with SummaryWriter(str(tmp_path / f"run{k}")) as w:
            w.add_hparams({"rate": rate, "seed": k}, {})
            for step in range(10):
                w.add_scalar("loss", 5.0 + k + (90 if (k, step) == (3, 4) else 0), step)
    server = serve(tmp_path, port=0, block=False)
    yield server.url.rstrip("/")
    server.stop()


def test_runs_are_grouped_by_a_hyper_parameter(visit, tuned):
    page = ready(visit("/scalars?run=run0&with=run1,run2,run3", at=tuned), 1)
    until(page, "plot.data.length === 4")
    by = page.get_by_label("Group runs by")
    expect(by.locator("option")).to_have_text(["Each run", "By rate", "By seed"])
    by.select_option(label="By rate")
    until(page, "plot.data.filter((t) => t.meta).length === 2")
    assert drawn(page, "plot.data.filter((t) => t.meta).map((t) => t.meta[0])") == [
        "rate 0.1, 2 runs",
        "rate 0.2, 2 runs",
    ]
    low, high, mean = (drawn(page, f"plot.data[{k}].y[4]") for k in (3, 4, 5))
    assert (low, high, mean) == (7, 98, 52.5), "the band holds the spike"
    page.reload()  # the reader's choice stays
    ready(page, 1)
    until(page, "plot.data.filter((t) => t.meta).length === 2")
    by.select_option(label="Each run")
    until(page, "plot.data.length === 4")
    page.goto("about:blank")


def test_the_filter_leaves_what_matches_and_a_pin_is_kept(visit):
    page = ready(visit("/scalars?run=digits_like"), 3)
    page.locator(".gs-curve").nth(2).hover()
    page.locator(".gs-curve").nth(2).get_by_role("button", name="Pin").click()
    expect(page.locator(".gs-curve h3").nth(1)).to_have_text("lr")
    page.reload()
    ready(page, 3)
    assert titles(page) == ["loss", "lr", "accuracy/val"]
    page.get_by_label("Filter curves").fill("acc")
    expect(page.locator(".gs-curve")).to_have_count(1)
    page.get_by_label("Filter curves").fill("zzz")
    expect(page.locator(".gs-curves .gs-curves-note").first).to_have_text(
        "No curve has such a name."
    )


def test_not_finite_is_marked(visit):
    page = ready(visit("/scalars?run=failed"), 1)
    expect(page.locator(".gs-curve .annotation-text")).to_contain_text("NaN from step 5")
    expect(page.locator(".gs-curve header b")).to_have_text("NaN")


def test_zoom_stays_when_news_arrive_and_a_double_click_resets(visit):
    page = ready(visit("/scalars?run=digits_like"), 3)
    with page.expect_response(re.compile(r"/api/curves\?.*window=")):
        drag(page, 10, 30)
    until(page, "plot._fullLayout.xaxis.range[1] < 31")
    with page.expect_response("**/api/curves?**"):
        page.evaluate("gs.announce({...gs.card, scalars: 1e6}, true)")
    page.wait_for_timeout(300)
    assert drawn(page, "plot._fullLayout.xaxis.range[1]") < 31
    page.mouse.dblclick(*page.evaluate(POINT, 20))
    until(page, "plot._fullLayout.xaxis.range[1] > 58")
    expect(page).not_to_have_url(re.compile("step="))  # the first of the two clicks is taken back


def test_the_table_of_values_and_the_files_of_a_card(visit):
    page = ready(visit("/scalars?run=digits_like&step=10"), 3)
    page.locator(".gs-curves-bar").get_by_role("button", name="Table").click()
    grid = page.locator("#curves-table")
    expect(grid).to_have_attribute("data-ready", "3")
    expect(page.locator(".gs-curves-table-head")).to_contain_text("Values at step 10")
    expect(grid.locator("[col-id=step]").nth(1)).to_have_text("10")
    card = page.locator(".gs-curve").first
    for word, head in (("CSV", b"run,step,seconds,value\n"), ("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        card.hover()
        card.get_by_text("Save").click()
        with page.expect_download() as coming:
            card.get_by_role("button", name=word).click()
        data = coming.value.path().read_bytes()
        assert data.startswith(head) and coming.value.suggested_filename == f"loss.{word.lower()}"
        assert b"digits_like" in data or word != "CSV"


def test_hostile_tags_stay_text(visit):
    page = ready(visit("/scalars?run=hostile"), 3)
    assert "<script>alert(1)</script>" in titles(page)
    page.mouse.move(*page.evaluate(POINT, 1))
    expect(page.locator(".gs-curves > .gs-curve-tip")).to_be_visible()
    assert page.locator("script:text('alert')").count() == 0


def test_a_run_without_curves_says_so(visit):
    page = visit("/scalars?run=empty")
    expect(page.locator("#notice")).to_be_visible()
    page.goto(page.url.split("?")[0] + "?run=empty&tab=distributions")
    expect(page.locator("#notice")).to_be_visible()


@pytest.fixture
def growing(tmp_path):
    """A run that is written while the page looks on."""
    w = TraceWriter(tmp_path / "now.gscope", golden.META)
    for k in range(20):
        w.add_scalar("loss", k, 1.0 / (k + 1), k)
    w.commit()
    server = serve(tmp_path, port=0, block=False)
    yield w, server.url.rstrip("/")
    server.stop()
    w.close()


def test_points_arrive_in_place(visit, growing):
    writer, address = growing
    page = ready(visit("/scalars?run=now", at=address), 1)
    assert drawn(page) == [20]
    page.evaluate("window.first = document.querySelector('.gs-curve .main-svg')")
    for k in range(20, 40):
        writer.add_scalar("loss", k, 1.0 / (k + 1), k)
    writer.commit()
    until(page, "plot.data[0].y.length === 40")
    assert page.evaluate("window.first === document.querySelector('.gs-curve .main-svg')")


def test_many_cards_in_groups_that_fold(visit, tmp_path):
    w = TraceWriter(tmp_path / "wide.gscope", golden.META)
    for k in range(3):
        for tag in range(90):
            w.add_scalar(f"{'abc'[tag % 3]}/{tag}", k, float(tag), k)
    w.close()
    server = serve(tmp_path, port=0, block=False)
    page = ready(visit("/scalars?run=wide", at=server.url.rstrip("/")), 90)
    assert page.locator(".gs-curve .main-svg").count() < 60  # three each; only what is on screen
    heads = page.locator(".gs-curve-group h2 button")
    expect(heads).to_have_text([re.compile(f"^{name}30$") for name in "abc"])
    heads.first.click()
    expect(page.locator(".gs-cards").first).to_be_hidden()
    page.locator(".gs-curve").last.scroll_into_view_if_needed()
    expect(page.locator(".gs-curve").last.locator(".main-svg").first).to_be_visible()
    page.reload()
    ready(page, 90)
    expect(heads.first).to_have_attribute("aria-expanded", "false")
    page.goto("about:blank")  # its next look at the server would be a fault of the page
    server.stop()


def test_distributions_of_every_kind_link_to_their_layers(visit):
    page = visit("/scalars?run=digits_like&tab=distributions")
    dist = page.locator(".gs-dist")
    expect(dist).to_have_attribute("data-ready", re.compile(r"^parameters bands [1-9]"))
    for view in ("Histograms", "Heat map", "Bands"):
        dist.get_by_role("radio", name=view).click()
    dist.get_by_role("radio", name="Gradients").click()
    expect(dist).to_have_attribute("data-ready", re.compile(r"^gradients bands [1-9]"))
    expect(dist.get_by_role("heading", name="Gradient flow")).to_be_visible()
    dist.get_by_label("Filter layers").fill("conv1.weight")
    expect(dist.locator(".gs-dist-card")).to_have_count(1)
    canvas = dist.locator(".gs-dist-card canvas")
    painted = "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    assert canvas.evaluate(painted) > 20
    canvas.hover()
    expect(dist.locator(".gs-curve-tip")).to_contain_text("median")
    saved = {}
    for word in ("CSV", "SVG", "PNG"):
        dist.locator(".gs-dist-card").hover()
        dist.locator(".gs-dist-card").get_by_text("Save").click()
        with page.expect_download() as coming:
            dist.locator(".gs-dist-card").get_by_role("button", name=word).click()
        saved[word] = coming.value.path().read_bytes()
        assert coming.value.suggested_filename.startswith("gradients_of_"), word
    assert saved["CSV"].startswith(b"step,smallest,") and saved["CSV"].count(b"\n") > 1
    assert saved["PNG"].startswith(b"\x89PNG")
    shapes = [part.tag.rpartition("}")[2] for part in ElementTree.fromstring(saved["SVG"]).iter()]
    assert {"path", "text"} <= set(shapes)
    canvas.click()
    expect(page).to_have_url(re.compile(r"step=\d+&node=p\d+"))
    dist.get_by_role("radio", name="Logged").is_hidden()


def test_what_was_logged_has_tabs_of_its_own(visit, tmp_path):
    from graphscope.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path / "log")) as w:
        for k in range(3):
            w.add_image("digit", np.full((1, 4, 4), k / 3), k)
            w.add_scalar("train/loss", k, k)
        w.add_text("note", "<img src=x onerror=alert(1)>", 1)
        w.add_hparams({"lr": 0.1}, {"best": 2.0})
    server = serve(tmp_path, port=0, block=False)
    page = visit("/scalars?run=log", at=server.url.rstrip("/"))
    tabs = page.locator(".gs-curves-bar").get_by_role("radiogroup", name="View")
    tabs.get_by_role("radio", name="Images").click()
    slider = page.get_by_label("Step of digit")
    until_loaded = page.locator(".gs-logged-image img")
    expect(until_loaded).to_have_js_property("naturalWidth", 4)
    slider.fill("0")
    expect(page.locator(".gs-logged-image")).to_contain_text("step 0")
    tabs.get_by_role("radio", name="Texts").click()
    expect(page.locator(".gs-logged-text pre")).to_have_text("<img src=x onerror=alert(1)>")
    tabs.get_by_role("radio", name="Hparams").click()
    expect(page.locator(".gs-logged-hparams tbody")).to_contain_text("0.1")
    page.goto("about:blank")  # its next look at the server would be a fault of the page
    server.stop()


def test_lines_are_there_before_the_chart_library_is(visit, hold):
    """The library is 5 MB: until it has been read a card shows its curve all the same, at the same place."""
    page = visit("/home?run=digits_like")
    library = hold(page, "**/lib/charts.js**")
    page.get_by_role("link", name="Curves").click()
    card = page.locator(".gs-curve-loss")
    sketch = card.locator(".gs-sketch")
    expect(sketch.locator("text").first).to_be_visible()
    words = sketch.locator("text").all_text_contents()
    line = "(path) => { const box = path.getBoundingClientRect(); return [box.left, box.top, box.right, box.bottom]; }"
    before = sketch.locator("path[fill=none]").last.evaluate(line)
    library.release()
    expect(card.locator(".main-svg").first).to_be_visible()
    expect(page.locator(".gs-sketch")).to_have_count(0)
    after = card.locator(".js-line").first.evaluate(line)
    assert all(abs(a - b) < 8 for a, b in zip(before, after, strict=True))
    drawn = card.locator(".xtick text, .ytick text").all_text_contents()
    assert set(drawn) <= set(words)


def test_before_the_chart_library_is_there_what_is_not_finite_is_hatched_too(visit, hold):
    page = visit("/home?run=hostile")
    library = hold(page, "**/lib/charts.js**")
    page.get_by_role("link", name="Curves").click()
    sketch = page.locator(".gs-curve:not(.gs-curve-loss) .gs-sketch").filter(
        has_text="NaN from step"
    )
    rough = sketch.locator("rect").bounding_box()
    key = sketch.evaluate("sketch => sketch.closest('.gs-curve').dataset.curve")
    library.release()
    band = page.locator(f'.gs-curve[data-curve="{key}"] .barlayer .point path')
    drawn = band.bounding_box()
    gaps = {side: abs(rough[side] - drawn[side]) for side in ("x", "y", "width", "height")}
    assert max(gaps.values()) < 10, gaps
