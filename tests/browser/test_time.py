"""The Time page in a real browser: lanes, zoom, ranges, the sorted flame, and runs of every kind."""

import re

import pytest
from playwright.sync_api import expect

from graphscope.trace.reader import TraceReader
from graphscope.webapp.serve import serve
from tests import golden
from tests.bench.timeline import build

pytestmark = pytest.mark.browser


def ready(page):
    canvas = page.locator(".gs-time canvas")
    expect(canvas).to_have_attribute("data-ready", re.compile(r"[1-9]"))
    expect(canvas).to_have_attribute("data-step", re.compile(r"\d+"))
    page.wait_for_function("() => gs.timePage.whole !== null")
    return canvas


def option(page, name):
    return page.locator(".gs-time").get_by_role("option", name=re.compile(name)).first


# Where the first bar of a name lies on the canvas: in the lane, or in the flame above.
PLACE = """([name, flame]) => {
  const p = gs.timePage, t = p.tape, c = t.c, here = p.chosen();
  const e = c.op_node.findIndex((row, i) => t.texts[c.node_name[row]] === name && c.op_step[i] === here);
  const row = p.rows.find((r) => (flame ? r.kind === "flame" && r.depth === c.node_depth[c.op_node[e]] : r.name === t.laneOf(e)));
  return [p.axis.x(t.ns(c.op_begin[e] + c.op_dur[e] / 2)), row.y - p.axis.top + row.h / 2];
}"""


def press(page, canvas, name, flame=False):
    x, y = page.evaluate(PLACE, [name, flame])
    canvas.click(position={"x": x, "y": y})


def span(canvas):
    return int(canvas.get_attribute("data-span"))


def test_ops_are_chosen_with_mouse_and_keyboard(visit):
    page = visit("/time?run=tiny")
    canvas = ready(page)
    press(page, canvas, "relu")
    expect(page).to_have_url(re.compile("node=n1"))
    expect(page.locator("[data-gs=inspector] h2")).to_have_text("h")
    press(page, canvas, "∂matmul/∂b")  # a gradient chooses the card of its op
    expect(page).to_have_url(re.compile("node=n2"))
    press(page, canvas, "sum", flame=True)
    expect(page).to_have_url(re.compile("node=n5"))
    assert page.evaluate("() => gs.timePage.marked().map((m) => m[2])").count(True) >= 1
    choice = option(page, "^relu → h, .*4×5")
    choice.focus()
    choice.press("Enter")
    expect(page).to_have_url(re.compile("node=n1"))
    expect(option(page, "^relu → h")).to_have_attribute("aria-selected", "true")
    canvas.press("Escape")
    expect(page).not_to_have_url(re.compile("node="))


def test_the_pointer_tells_name_time_share_shape_and_line(visit):
    page = visit("/time?run=tiny")
    canvas = ready(page)
    x, y = page.evaluate(PLACE, ["relu", False])
    canvas.hover(position={"x": x, "y": y})
    tip = page.locator(".gs-time-tip")
    expect(tip).to_contain_text("relu → h")
    expect(tip).to_contain_text(re.compile(r"µs · \d+\.\d % of the step"))
    expect(tip).to_contain_text("4×5")
    expect(tip).to_contain_text("train.py:8 · at")
    python = page.evaluate("() => gs.timePage.rows.find((r) => r.kind === 'gap').y + 20")
    start = page.evaluate("() => gs.timePage.axis.x(gs.timePage.at.begin) + 3")
    canvas.hover(position={"x": start, "y": python})
    expect(tip).to_contain_text(re.compile("^Python .*before the first op"))


def test_wheel_drag_and_keys_move_the_view(visit):
    page = visit("/time?run=digits_like")
    canvas = ready(page)
    whole = span(canvas)
    canvas.focus()
    for _ in range(3):
        canvas.press("w")
    assert span(canvas) == pytest.approx(whole * 0.8**3, rel=0.01)
    before = page.evaluate("() => gs.timePage.axis.a")
    canvas.press("d")
    assert page.evaluate("() => gs.timePage.axis.a") > before
    canvas.press("s")
    assert span(canvas) > whole * 0.8**3
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 500, box["y"] + 200)
    page.mouse.wheel(0, -600)
    page.wait_for_function("w => gs.timePage.axis.b - gs.timePage.axis.a < w * 0.4", arg=whole)
    a = page.evaluate("() => gs.timePage.axis.a")
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 200, steps=5)
    page.mouse.up()
    assert page.evaluate("() => gs.timePage.axis.a") > a
    canvas.press("f")
    expect(canvas).to_have_attribute("data-span", str(whole))
    expect(page).not_to_have_url(re.compile("node="))  # a drag is no click


def test_a_range_gives_its_table(visit):
    page = visit("/time?run=digits_like")
    canvas = ready(page)
    box = canvas.bounding_box()
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 250, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 700, box["y"] + 160, steps=6)
    page.mouse.up()
    page.keyboard.up("Shift")
    table = page.locator(".gs-range")
    expect(table).to_contain_text(re.compile(r"1 step, \d+ ops"))
    expect(table.locator("tbody tr").first).to_contain_text(re.compile(r"\d %$"))
    table.locator("tbody button").first.click()
    expect(page).to_have_url(re.compile(r"node=n\d"))
    table.get_by_role("button", name="Left-heavy").click()
    expect(canvas).to_have_attribute("data-heavy", re.compile("[1-9]"))
    expect(option(page, "^backward, .* calls")).to_be_attached()
    page.get_by_role("radio", name="Timeline").click()
    page.keyboard.press("Escape")
    expect(table).to_be_hidden()


def test_search_counts_and_zooms_to_a_hit(visit):
    page = visit("/time?run=digits_like")
    canvas = ready(page)
    whole = span(canvas)
    page.keyboard.press("/")
    box = page.get_by_label("Find on the timeline")
    expect(box).to_be_focused()
    box.fill("cross_entropy")
    expect(page.locator(".gs-time .gs-by")).to_contain_text(re.compile(r"^\d+ ops, .*s loaded"))
    box.press("Enter")
    page.wait_for_function("w => gs.timePage.axis.b - gs.timePage.axis.a < w / 5", arg=whole)
    box.fill("no such thing")
    expect(page.locator(".gs-time .gs-by")).to_contain_text("0 ops")


def test_the_step_is_followed_and_chosen(visit):
    page = visit("/time?run=digits_like&step=20")
    canvas = ready(page)
    expect(canvas).to_have_attribute("data-step", "20")
    strip = page.get_by_role("slider", name="Step", exact=True)
    expect(strip).to_have_attribute("aria-valuenow", "20")
    strip.press("ArrowRight")
    expect(canvas).to_have_attribute("data-step", "21")
    expect(page.locator(".gs-time-note")).to_contain_text("step 21 · loss")
    strip.press("Home")
    expect(canvas).to_have_attribute("data-step", "0")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_function("() => gs.timePage.axis.b >= gs.timePage.whole.to")
    expect(option(page, "step 59$")).to_be_attached()


def test_a_running_training_is_followed_and_left_alone(tmp_path, watch, browser):
    w = golden.tiny(tmp_path / "grows.gscope", steps=3, close=False)
    server = serve(tmp_path, port=0, block=False)
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        watch.page(page)
        page.goto(f"{server.url}time?run=grows")
        canvas = ready(page)
        expect(canvas).to_have_attribute("data-step", "2")
        step = TraceReader(w.path).step(2)

        def grow(k, commit=True):
            times = {"begin_ns": step.begin_ns, "dur_ns": step.dur_ns, "wall_ns": step.wall_ns}
            w.add_step(k, "train", k, 0, 0, t0_ns=k * 10**7, loss=1.0, live0=100, **times)
            if commit:
                w.commit()

        grow(3)
        expect(canvas).to_have_attribute("data-step", "3")  # the newest is followed
        page.evaluate("() => gs.timePage.axis.zoom(0.5)")
        span = canvas.get_attribute("data-span")
        grow(4)
        expect(canvas).to_have_attribute("data-step", "4")
        expect(canvas).to_have_attribute("data-span", span)  # and the zoom stays
        page.evaluate("() => gs.set({ step: 1 })")
        expect(canvas).to_have_attribute("data-step", "1")
        grow(5)
        page.wait_for_function("() => gs.timePage.whole.steps === 6")
        expect(canvas).to_have_attribute("data-step", "1")  # a chosen step stays
        page.evaluate("() => gs.set({ page: 'memory', step: null })")
        memory = page.locator(".gs-mem-chart canvas")
        expect(memory).to_have_attribute("data-step", "5")
        grow(6)
        expect(memory).to_have_attribute("data-step", "6")
        # Its last step comes with its end: nothing more comes along with the card then.
        page.evaluate("() => gs.set({ page: 'time' })")
        expect(canvas).to_have_attribute("data-step", "6")
        grow(7, commit=False)
        w.close()
        expect(page.locator("#state")).to_have_text("Finished")
        expect(canvas).to_have_attribute("data-step", "7")
        page.wait_for_function("() => gs.timePage.whole.steps === 8")
    finally:
        context.close()
        server.stop()
        w.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Where a run of many ops and a run of many steps are served."""
    folder = tmp_path_factory.mktemp("large")
    golden.build("many", folder, n_ops=10_000)
    build(folder / "long.gscope", 1500)
    server = serve(folder, port=0, block=False)
    yield server.url.rstrip("/")
    server.stop()


def test_ten_thousand_ops_are_refined_where_the_reader_looks(large, visit):
    page = visit("/time?run=many", at=large)
    canvas = ready(page)
    coarse = int(canvas.get_attribute("data-least"))
    assert coarse > 0
    page.evaluate("() => gs.timePage.axis.zoom(0.005)")
    page.wait_for_function("n => Number(gs.timePage.canvas.dataset.least) < n", arg=coarse / 10)
    choice = option(page, r"^∂?(matmul|relu|add|mul)\b")
    choice.focus()
    choice.press("Enter")
    expect(page).to_have_url(re.compile(r"node=n\d+"))


def test_from_afar_steps_are_blocks(large, visit):
    page = visit("/time?run=long", at=large)
    canvas = ready(page)
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_function("() => gs.timePage.far()")
    expect(option(page, r"^steps \d+–\d+, .*backward")).to_be_attached()
    box = canvas.bounding_box()
    canvas.click(position={"x": 104 + (box["width"] - 112) / 2, "y": 200})
    expect(page).to_have_url(re.compile(r"step=7\d\d\b"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_kind_of_run_is_drawn(visit, dark):
    page = visit("/time?run=failed", dark=dark, width=900)
    ready(page)
    expect(page.locator(".gs-time-note")).to_contain_text("failed")
    for run in ("hostile", "one_step", "live"):
        page.evaluate("run => gs.set({ run, step: null, node: null })", run)
        page.wait_for_function("() => gs.timePage.tape && gs.timePage.whole")
        expect(option(page, "matmul")).to_be_attached()
    page.evaluate("() => gs.set({ run: 'empty' })")
    expect(page.locator("#notice")).to_be_visible()
    assert page.evaluate("() => document.querySelectorAll('main script').length") == 0
