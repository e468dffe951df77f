"""The graph page's modes in a real browser: parts, both halves, comparison, backprop by hand, play."""

import re
import time

import pytest
from playwright.sync_api import expect

from graphscope.analysis import custom
from graphscope.webapp.serve import serve
from tests import golden
from tests.browser.test_graph import inspector, item, press, ready

pytestmark = pytest.mark.browser

POSITION = (
    "(id) => { const p = gs.graphPage, n = p.scene.byId.get(id), v = p.board.view;"
    " return [v.x + (n.x + n.w / 2) * v.k, v.y + (n.y + n.h / 2) * v.k]; }"
)


def cards(page):
    return page.evaluate("() => gs.graphPage.scene.nodes.map((n) => n.id).sort().join(' ')")


def test_a_part_of_the_graph_alone_and_back(visit):
    page = visit("/graph?run=tiny&node=n2")
    canvas = ready(page)
    page.locator("summary", has_text="Isolate").click()
    page.get_by_role("button", name="Neighbours").click()
    expect(canvas).to_have_attribute("data-ready", "4")
    expect(page).to_have_url(re.compile("focus=near%3An2%3A1"))
    chip = page.locator(".gs-focus")
    expect(chip).to_contain_text("Around out, 1 line far: 4 cards")
    canvas.focus()
    page.keyboard.press("i")  # one line further
    expect(canvas).to_have_attribute("data-ready", "7")
    page.get_by_role("button", name="One line less").click()
    expect(canvas).to_have_attribute("data-ready", "4")
    canvas.focus()
    page.keyboard.press("o")  # on the way to the loss
    expect(chip).to_contain_text("From out to the loss: 4 cards")
    assert cards(page) == "n2 n3 n4 n5"
    expect(page.get_by_role("treeitem")).to_have_count(4)
    canvas.focus()
    page.keyboard.press("Escape")
    expect(canvas).to_have_attribute("data-ready", "10")
    expect(page).not_to_have_url(re.compile("focus="))
    page.keyboard.press("u")
    expect(chip).to_contain_text("All that out is made of")
    with page.expect_download() as got:  # and the figure is of this part
        page.get_by_role("button", name="Save as SVG").click()
    figure = got.value.path().read_text(encoding="utf-8")
    assert "relu" in figure and "sub" not in figure
    # A link opens the same part.
    page = visit("/graph?run=tiny&focus=from%3Ap2")
    ready(page)
    assert cards(page) == "n2 n3 n4 n5 p2"


def test_both_halves_and_what_is_kept_alive(visit):
    page = visit("/graph?run=tiny&node=n1")
    canvas = ready(page)
    page.get_by_role("button", name="Backward").click()
    expect(canvas).to_have_attribute("data-ready", "18")
    expect(page).to_have_url(re.compile("mode=unrolled"))
    expect(item(page, "^∂ h, gradient")).to_be_attached()
    # A mirrored card is the gradient of its twin: choosing it shows the twin's numbers.
    page.wait_for_timeout(300)
    x, y = page.evaluate(POSITION, "~n2")
    canvas.click(position={"x": x, "y": y})
    expect(inspector(page).locator("h2")).to_have_text("out")
    overlap = page.evaluate(
        "() => { const n = gs.graphPage.scene.nodes; return n.some((a, i) => n.slice(i + 1).some((b) =>"
        " a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h)); }"
    )
    assert overlap is False
    canvas.focus()
    page.keyboard.press("b")
    expect(canvas).to_have_attribute("data-ready", "10")


def test_against_another_step_with_the_largest_changes(visit):
    page = visit("/graph?run=digits_like")
    canvas = ready(page)
    page.locator("summary", has_text="Compare").click()
    page.get_by_label("Step to compare with").fill("3")
    page.get_by_role("button", name="Show", exact=True).click()
    box = page.get_by_role("region", name="Largest changes")
    expect(box.get_by_role("listitem")).to_have_count(10)
    expect(page).to_have_url(re.compile("vs=step%3A3"))
    expect(page.locator(".gs-graph-note")).to_contain_text("compared with step 3")
    expect(page.locator(".gs-legend")).to_contain_text("largest change")
    box.get_by_role("radio", name="Time").click()
    expect(box.get_by_role("listitem").first).to_contain_text(re.compile("[+−].* [µm]?s"))
    box.get_by_role("listitem").first.get_by_role("button").click()
    expect(page).to_have_url(re.compile("node=[np]"))
    assert page.evaluate("() => Object.values(gs.graphPage.scene.values).some((v) => v.was)")
    canvas.focus()
    page.keyboard.press("ArrowLeft")  # another step: numbers only, the comparison stays
    expect(canvas).to_have_attribute("data-step", "58")
    expect(box).to_be_visible()
    canvas.focus()
    page.keyboard.press("c")
    expect(box).to_be_hidden()
    expect(page).not_to_have_url(re.compile("vs="))


def test_against_another_run_what_only_one_has_is_marked(visit):
    page = visit("/graph?run=failed&step=7&vs=step%3A4")
    ready(page)
    box = page.get_by_role("region", name="Largest changes")
    expect(box).to_contain_text("−4 removed, ≠2 changed")
    box.get_by_role("radio", name="Structure").click()
    expect(box.get_by_role("listitem")).to_have_count(6)
    expect(item(page, "^pow, 4×2, removed")).to_be_attached()
    press(item(page, "^pow, 4×2, removed"))  # its facts are those of the step that has it
    expect(inspector(page).locator("h2")).to_have_text("pow")
    expect(inspector(page)).to_have_attribute("data-step", "4")


def test_gradients_arrive_one_at_a_time(visit):
    page = visit("/graph?run=tiny&step=1")
    canvas = ready(page)
    canvas.focus()
    page.keyboard.press(".")
    walk = page.locator(".gs-walk")
    expect(walk).to_contain_text(re.compile(r"^1 / \d+"))
    expect(walk).to_contain_text("the loss against itself")
    page.keyboard.press(".")
    page.keyboard.press(".")
    expect(walk).to_have_attribute("data-at", "2")
    moods = page.evaluate(
        "() => ['n5', 'n4', 'n3', 'n0', 'p0'].map((id) => gs.graphPage.walk.mood(id)).join(' ')"
    )
    assert moods == "done done now before none"
    edge = page.evaluate(
        "() => { const e = gs.graphPage.walk.edge(); return [e.edge.src, e.edge.dst, e.back]; }"
    )
    assert edge == ["n3", "n4", True]
    page.keyboard.press(",")
    expect(walk).to_have_attribute("data-at", "1")
    page.get_by_role("button", name="Run through").click()
    total = page.evaluate("() => gs.graphPage.walk.moves.length")
    expect(walk).to_have_attribute("data-at", str(total - 1))
    canvas.focus()
    page.keyboard.press("Escape")
    expect(walk).to_be_hidden()
    page = visit("/graph?run=failed&step=7")
    ready(page)
    page.get_by_role("button", name="∂ Step").click()
    expect(page.locator(".gs-graph-note")).to_contain_text("Backward has not run")


def test_play_goes_through_the_steps_and_stops(visit):
    page = visit("/graph?run=tiny&step=0")
    canvas = ready(page)
    moved = "() => gs.graphPage.scene.nodes.map((n) => [n.x, n.y]).flat().join(' ')"
    before = page.evaluate(moved)
    page.get_by_role("button", name="Play the steps").click()
    expect(canvas).to_have_attribute("data-step", "2")
    expect(page.get_by_role("button", name="Play the steps")).to_be_visible()
    assert page.evaluate(moved) == before
    canvas.focus()
    page.keyboard.press("g")  # from the end it begins anew
    expect(page.get_by_role("button", name="Stop playing")).to_be_visible()
    page.keyboard.press("g")


@pytest.fixture
def logged(tmp_path):
    """The address of a dashboard over one run that logged an overlay with a hostile name."""
    writer = golden.tiny(tmp_path / "logged.gscope", run="logged", close=False)
    text = custom.text({"h": 1.5, "w1": -2.0}, "<b>days</b>")
    writer.add_text("overlay/<img src=x onerror=alert(1)>", 0, text)
    writer.close()
    server = serve(tmp_path, port=0, block=False)
    yield server.url.rstrip("/")
    server.stop()


def test_colourings_one_mechanism_one_legend(logged, visit):
    page = visit("/graph?run=logged", at=logged)
    canvas = ready(page)
    legend, more = page.locator(".gs-legend"), page.get_by_label("More colourings")
    for name, words in (
        ("Forward time", "forward time"),
        ("Device", "cpu"),
        ("Health", "finite"),
    ):
        more.select_option(label=name)
        expect(legend).to_contain_text(words)
    more.select_option(label="<img src=x onerror=alert(1)>")
    expect(legend).to_contain_text("−2.00 <b>days</b>")
    assert (
        page.evaluate("() => document.querySelectorAll('.gs-legend b, .gs-legend img').length") == 0
    )
    page.get_by_role("radio", name="Time").click()
    legend.get_by_role("button").click()  # the high end leads to its card
    expect(page.locator("[role=treeitem][aria-selected=true]")).to_have_count(1)
    canvas.focus()
    page.keyboard.press("v")
    expect(page.get_by_role("radio", name="Memory")).to_be_checked()


def test_search_tells_where_it_matched(visit):
    page = visit("/graph?run=tiny")
    ready(page)
    box = page.get_by_role("combobox", name="Search the graph")
    box.fill("4x5")
    first = page.locator(".gs-hits").get_by_role("option").first
    expect(first).to_contain_text("shape 4×5")
    expect(first.locator("mark")).to_have_text("4×5")
    box.fill("train.py:9")
    expect(first).to_contain_text("line train.py:9")


def test_the_small_map_and_the_tools(visit):
    page = visit("/graph?run=digits_like&open=all")
    canvas = ready(page)
    small = page.locator(".gs-minimap")
    expect(small).to_be_visible()
    before = page.evaluate("() => gs.graphPage.board.view.y")
    box = small.bounding_box()
    small.click(position={"x": box["width"] / 2, "y": box["height"] - 8})
    assert page.evaluate("() => gs.graphPage.board.view.y") < before - 500
    page.get_by_role("button", name="Fit", exact=True).click()
    expect(small).to_be_hidden()
    shown = int(canvas.get_attribute("data-ready"))
    page.get_by_role("button", name="Collapse").click()
    expect(canvas).not_to_have_attribute("data-ready", str(shown))
    page.evaluate("() => gs.set({ run: 'tiny', open: null })")
    expect(canvas).to_have_attribute("data-ready", "10")
    expect(small).to_be_hidden()


def test_a_failed_card_and_the_way_of_what_is_not_finite(visit):
    page = visit("/graph?run=failed&step=6")
    ready(page)
    way = "() => { const w = gs.graphPage.signs.trail(); return [w.begin, [...w.on].join(' ')]; }"
    assert page.evaluate(way) == ["n3", "n3 n4 n5"]
    press(item(page, "^sub,"))
    findings = inspector(page).get_by_role("region", name="Findings")
    expect(findings).to_be_visible()
    assert (
        page.evaluate("() => gs.graphPage.signs.of(gs.graphPage.scene.byId.get('n3')).severity")
        == "error"
    )
    page = visit("/graph?run=failed")
    ready(page)
    assert page.evaluate("() => gs.graphPage.scene.values.n2.operands") == "4×5 · 6×2"


def test_where_a_paused_program_stands(visit):
    page = visit("/home?run=tiny")

    def waits(route):
        """The card as the server of a program that waits would tell it, also at the next look."""
        answer = route.fetch()
        at = {"step": 3, "i": 1}
        card = answer.json() | {"control": {"on": True, "state": "paused", "at": at}}
        route.fulfill(response=answer, json=card)

    page.route("**/api/live?*", waits)
    page.get_by_role("link", name="Graph").click()
    ready(page)
    now = "() => { const c = gs.graphPage.signs.current(); return c && [c.box.id, c.word].join(); }"
    page.wait_for_function(f"() => ({now})() === 'n1,waiting here'")
    # While the program waits, `.` is the program's step and not a gradient.
    page.keyboard.press(".")
    assert page.evaluate("() => gs.graphPage.walk.on()") is False


def test_slices_and_one_element_in_the_inspector(visit):
    page = visit("/graph?run=digits_like&open=net&node=n5")
    ready(page)
    box = inspector(page)
    heat = box.locator("canvas.gs-heat")
    tall = heat.bounding_box()["height"]
    box.get_by_label("Axis 0").select_option(label="0")
    box.get_by_label("Axis 1").select_option(
        label="6"
    )  # every second channel is kept: "6" is the label
    assert heat.bounding_box()["height"] != tall
    heat.hover(position={"x": 40, "y": 20})
    expect(box.locator(".gs-read")).to_have_text(re.compile(r"^\[0, 6, 0, 0\] = "))
    page = visit("/graph?run=tiny&node=n1")
    ready(page)
    box = inspector(page)
    expect(box.locator(".gs-filled")).to_contain_text("max(")
    heat = box.locator("canvas.gs-heat")
    heat.scroll_into_view_if_needed()
    heat.click(position={"x": 40, "y": 24})
    expect(box.locator(".gs-filled")).to_contain_text("y0,0 =")
    expect(box.locator(".gs-past-said")).to_contain_text("p50")


def test_links_into_an_editor_are_plain_addresses(visit):
    page = visit("/graph?run=hostile&node=n1")
    ready(page)
    link = inspector(page).get_by_role("link", name="Open")
    href = link.get_attribute("href")
    assert href.startswith("vscode://file/tmp/") and "<" not in href
    inspector(page).get_by_label("Editor").select_option("PyCharm")
    assert link.get_attribute("href").startswith("pycharm://open?file=/tmp/")
    cases = ["C:\\a b\\c.py:3", "<stdin>:1", "/x?y#z.py:2", "javascript:alert(1):1", "//evil:2"]
    links = page.evaluate("(c) => c.map((p) => gs.editorLink(p, 'vscode'))", cases)
    assert links[:4] == [
        "vscode://file/C:/a%20b/c.py:3",
        None,
        "vscode://file/x%3Fy%23z.py:2",
        None,
    ]
    assert links[4].startswith("vscode://file/")


@pytest.mark.parametrize("mode", ["focus=from:n0", "mode=unrolled", "vs=step:0", "vs=tiny"])
def test_hostile_names_are_inert_in_every_mode(visit, mode):
    page = visit(f"/graph?run=hostile&{mode}")
    ready(page)
    for k in range(4):
        # In one go: the tree of the whole graph gives way to that of the mode, which may be shorter.
        page.evaluate("(k) => document.querySelectorAll('[role=treeitem]')[k]?.focus()", k)
        page.keyboard.press("Enter")
    assert (
        page.evaluate(
            "() => document.querySelectorAll('main script, aside script, main img').length"
        )
        == 0
    )


def test_another_run_ends_what_belonged_to_this_one(visit):
    page = visit("/graph?run=tiny&focus=near%3An2%3A1&node=n2")
    canvas = ready(page)
    page.evaluate("() => gs.set({ run: 'digits_like', node: null, step: null, open: null })")
    expect(page).not_to_have_url(re.compile("focus="))
    expect(canvas).to_have_attribute("data-step", "59")
    start = time.perf_counter()
    page.evaluate("() => gs.set({ step: 3 })")
    expect(canvas).to_have_attribute("data-step", "3")
    assert time.perf_counter() - start < 5
