"""The graph page in a real browser: opening scopes, choosing nodes, travelling in time."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def ready(page):
    """Waits for layout and numbers: both are written on the canvas as data attributes."""
    canvas = page.locator(".gs-board")
    expect(canvas).to_have_attribute("data-ready", re.compile(r"\d+"))
    expect(canvas).to_have_attribute("data-step", re.compile(r"\d+"))
    return canvas


def item(page, name):
    return page.get_by_role("treeitem", name=re.compile(name)).first


def press(locator):
    """The tree is visually hidden, so it is used as a keyboard does: focus and Enter."""
    locator.focus()
    locator.press("Enter")


def inspector(page):
    return page.locator("[data-gs=inspector]")


def test_tree_mirrors_the_cards(visit):
    page = visit("/graph?run=tiny")
    canvas = ready(page)
    expect(page.get_by_role("treeitem")).to_have_count(int(canvas.get_attribute("data-ready")))
    expect(item(page, "^h, relu, 4×5")).to_be_attached()


def test_a_click_on_a_card_shows_value_and_gradient(visit):
    page = visit("/graph?run=tiny")
    ready(page)
    press(item(page, "^h, relu"))
    box = inspector(page)
    expect(box.get_by_test_id("value")).to_have_text(re.compile(r"0\.\d+ ± 0\.\d+"))
    expect(box.get_by_test_id("gradient")).to_have_text(re.compile(r"^0\.\d+$"))
    expect(box).to_contain_text("train.py:8")
    expect(box).to_contain_text("h = (x @ w1).relu()")
    expect(box).to_contain_text("kept alive by")
    expect(page).to_have_url(re.compile("node=n1"))


def test_the_mouse_finds_the_same_card(visit):
    page = visit("/graph?run=tiny")
    canvas = ready(page)
    at = page.evaluate(
        "() => { const p = gs.graphPage, n = p.scene.byId.get('n1'), v = p.board.view;"
        " return [v.x + (n.x + n.w / 2) * v.k, v.y + (n.y + n.h / 2) * v.k]; }"
    )
    canvas.click(position={"x": at[0], "y": at[1]})
    expect(inspector(page).locator("h2")).to_have_text("h")
    canvas.click(position={"x": 5, "y": 300})
    expect(inspector(page)).to_contain_text("Nothing is chosen")


def test_gradient_tab_draws_the_gradient(visit):
    page = visit("/graph?run=tiny&node=n1")
    ready(page)
    inspector(page).get_by_role("tab", name="Gradient").click()
    expect(inspector(page).get_by_role("tab", name="Gradient")).to_have_attribute(
        "aria-selected", "true"
    )
    heat = inspector(page).locator("canvas.gs-heat")
    heat.hover(position={"x": 40, "y": 24})
    expect(inspector(page).locator(".gs-read")).to_have_text(re.compile(r"^\[0, 0\] = "))


def test_an_input_without_gradient_says_why(visit):
    page = visit("/graph?run=tiny")
    ready(page)
    press(item(page, "^x, "))
    expect(inspector(page).get_by_test_id("gradient")).to_have_text("—")
    inspector(page).get_by_role("tab", name="Gradient").click()
    expect(inspector(page)).to_contain_text("Backward does not come by here")


def test_on_a_very_large_screen_cards_are_as_large_as_their_type(visit):
    """Letters grow there by 1.4; on smaller cards the spread of a value had no room beside its mean."""
    page = visit("/graph?run=digits_like", width=3840, height=2160)
    expect(page.locator(".gs-graph canvas").first).to_have_attribute("data-step", "59")
    assert page.evaluate("() => gs.type") == 1.4
    assert page.evaluate("() => gs.graphPage.board.view.k") >= 1.4


def test_opening_a_module_keeps_it_in_place(visit):
    page = visit("/graph?run=digits_like&open=none")
    canvas = ready(page)
    before = canvas.get_attribute("data-ready")
    where = (
        "() => { const p = gs.graphPage, b = p.scene.byId.get('s:net'), v = p.board.view;"
        " return [v.x + (b.x + b.w / 2) * v.k, v.y + b.y * v.k]; }"
    )
    page.evaluate("() => gs.graphPage.fit()")
    page.wait_for_timeout(400)
    at = page.evaluate(where)
    item(page, "^net,").focus()
    page.keyboard.press("ArrowRight")
    expect(item(page, r"^net \(open\)")).to_be_attached()
    expect(canvas).not_to_have_attribute("data-ready", before)
    page.wait_for_timeout(400)
    assert page.evaluate(where) == pytest.approx(at, abs=1)
    expect(item(page, r"^net \(open\)")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(canvas).to_have_attribute("data-ready", before)


def test_expand_all_and_collapse(visit):
    page = visit("/graph?run=digits_like")
    ready(page)
    page.get_by_role("button", name="Collapse").click()
    expect(page.locator("[role=treeitem][aria-expanded=true]")).to_have_count(0)
    page.get_by_role("button", name="Expand all").click()
    expect(page.locator("[role=treeitem][aria-expanded=false]")).to_have_count(0)


def test_the_strip_travels_back_in_time_and_returns(visit):
    page = visit("/graph?run=digits_like&node=n1")
    canvas = ready(page)
    strip = page.get_by_role("slider", name="Step")
    expect(strip).to_have_attribute("aria-valuenow", "59")
    box = strip.bounding_box()
    strip.click(position={"x": box["width"] / 2, "y": 40})
    expect(page).to_have_url(re.compile(r"step=(29|30)\b"))
    expect(canvas).to_have_attribute("data-step", re.compile("^(29|30)$"))
    expect(inspector(page)).to_have_attribute("data-step", re.compile("^(29|30)$"))
    strip.press("Home")
    expect(canvas).to_have_attribute("data-step", "0")
    strip.press("Shift+ArrowRight")
    expect(canvas).to_have_attribute("data-step", "10")
    expect(strip).to_have_attribute("aria-valuetext", re.compile("step 10 of 59, loss "))
    page.locator(".gs-strip-live").click()
    expect(canvas).to_have_attribute("data-step", "59")
    expect(page).not_to_have_url(re.compile("step="))


def test_dragging_ends_on_the_step_under_the_pointer(visit):
    page = visit("/graph?run=digits_like")
    canvas = ready(page)
    box = page.get_by_role("slider", name="Step").bounding_box()
    y = box["y"] + 40
    page.mouse.move(box["x"] + box["width"] * 0.9, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.1, y, steps=40)
    page.mouse.move(box["x"] + 13, y, steps=10)
    page.mouse.up()
    expect(canvas).to_have_attribute("data-step", "0")


def test_search_opens_the_way_to_a_hit(visit):
    page = visit("/graph?run=many")
    ready(page)
    page.keyboard.press("/")
    box = page.get_by_role("combobox", name="Search the graph")
    expect(box).to_be_focused()
    box.fill("matmul")
    expect(page.locator(".gs-hits").get_by_role("option").first).to_be_visible()
    box.press("ArrowDown")
    box.press("Enter")
    expect(page).to_have_url(re.compile("node=n"))
    expect(page.locator("[role=treeitem][aria-selected=true]")).to_have_count(1)
    expect(inspector(page).locator("h2")).to_have_text("matmul")


def test_colour_by_time_changes_the_legend(visit):
    page = visit("/graph?run=tiny")
    ready(page)
    expect(page.locator(".gs-legend")).to_contain_text("linear algebra")
    page.get_by_role("radio", name="Time").click()
    expect(page.locator(".gs-legend")).to_contain_text("share of step time")
    expect(page).to_have_url(re.compile("color=time"))
    page.get_by_role("radio", name="Time").press("ArrowRight")
    expect(page.locator(".gs-legend")).to_contain_text("output size")


def test_keys_walk_along_the_lines(visit):
    page = visit("/graph?run=tiny&node=n0")
    ready(page)
    page.keyboard.press("Alt+ArrowDown")
    expect(inspector(page).locator("h2")).to_have_text("h")
    page.keyboard.press("Alt+ArrowUp")
    expect(inspector(page).locator("h2")).to_have_text("matmul")
    page.keyboard.press("Escape")
    expect(inspector(page)).to_contain_text("Nothing is chosen")
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("step=1"))


def test_hostile_names_stay_text(visit):
    page = visit("/graph?run=hostile&node=n1")
    ready(page)
    expect(inspector(page).locator("h2")).to_contain_text("<script>alert(1)</script>")
    assert page.evaluate("() => document.querySelectorAll('main script, aside script').length") == 0
    for li in page.get_by_role("treeitem").all()[:6]:
        press(li)
    page.get_by_role("combobox", name="Search the graph").fill("script")
    expect(page.locator(".gs-hits").get_by_role("option").first).to_contain_text("script")


def test_failed_run_shows_the_partial_graph(visit):
    page = visit("/graph?run=failed")
    ready(page)
    expect(page.locator(".gs-graph-note")).to_contain_text("ShapeError: matmul of 4×5 and 6×2")
    # The page opens on the op that failed.
    expect(inspector(page).locator(".gs-insp-sign")).to_contain_text("(4×5, 6×2)")
    press(item(page, "^w2, parameter, 6×2"))
    expect(inspector(page)).to_contain_text("No values were recorded")


def test_nan_is_said_and_not_drawn_as_zero(visit):
    page = visit("/graph?run=failed&step=6&node=n3")
    ready(page)
    expect(inspector(page).get_by_test_id("value")).to_have_text("NaN")
    expect(inspector(page)).to_contain_text("NaN 8")


def test_page_numbers_follow_the_units_module(visit):
    from graphscope import units

    page = visit("/graph?run=tiny")
    ready(page)
    numbers = [0, 0.33125, -12.3456, 8.7e-4, 6e26, 250.0, 9999.6, 0.00099999, 1e-12, 1234.4, 1000]
    shown = page.evaluate("numbers => numbers.map((x) => gs.number(x))", numbers)
    assert shown == [units.number(float(x)) for x in numbers]
    times = [12, 3_400, 1_234_567, 2.5e9, 999_999]
    assert page.evaluate("t => t.map((x) => gs.ns(x))", times) == [units.ns(x) for x in times]
    sizes = [0, 512, 1023, 1024, 2**20 - 1, 2**20, 2**30, 3 * 2**30, 2**40]
    shown = page.evaluate("s => s.map((x) => gs.units.bytes(x))", sizes)
    assert shown == [units.bytes_(x) for x in sizes] and "1.00 GiB" in shown


TOLD = """() => {
  const p = gs.graphPage, scene = p.scene, had = scene.values.n1, id = scene.columns.id, k = id.indexOf("n1");
  const share = scene.columns.share.map(() => 250000), seen = { k };
  const news = { count: id.length, sums: { ...scene.sums, share: "news" }, columns: { share } };
  seen.taken = gs.tellValues(scene, news);
  seen.kept = scene.values.n1 === had && had.v === scene.columns.v[k] && had.share;
  // What leaves out something else than what is here would show the numbers of two steps.
  seen.refused = gs.tellValues(scene, { ...news, sums: { ...news.sums, v: "another" } });
  return seen;
}"""


def test_of_a_step_only_what_is_news_is_told(visit):
    page = visit("/graph?run=tiny")
    ready(page)
    seen = page.evaluate(TOLD)
    assert seen["k"] >= 0 and seen["taken"] is True and seen["kept"] == 0.25
    assert seen["refused"] is False
    with page.expect_response("**/api/values?**"):  # the page asks for all of it then
        page.evaluate(
            "() => { const p = gs.graphPage, { sums, count } = p.scene;"
            " p.gotValues({ ...p.facts, columns: {}, count, sums: { ...sums, v: 'another' } }); }"
        )
