"""The Memory page in a real browser: peak, cursor, holders, the run, and runs without memory."""

import re

import pytest
from playwright.sync_api import expect

from graphscope.webapp.serve import serve
from tests.webapp import hand

pytestmark = pytest.mark.browser


def ready(page):
    canvas = page.locator(".gs-mem-chart canvas")
    expect(canvas).to_have_attribute("data-ready", re.compile(r"[1-9]"))
    return canvas


def test_the_peak_its_holders_and_the_largest_tensor(visit):
    page = visit("/memory?run=digits_like")
    ready(page)
    head = page.locator(".gs-mem-head").first
    expect(head).to_contain_text(
        re.compile(r"^1\.07 MiB while the gradient of relu \(train\.py:13\)")
    )
    who = page.locator(".gs-mem-who")
    expect(who).to_contain_text("Alive at the peak")
    page.get_by_role("button", name="Largest tensor 449 KiB").click()  # one click
    expect(page).to_have_url(re.compile(r"node=p0\b"))
    expect(who.locator("tr[aria-selected=true]")).to_contain_text("images")
    who.get_by_role("button", name="net.conv1.add").click()
    expect(page).to_have_url(re.compile(r"node=n5\b"))
    expect(page.locator("[data-gs=inspector]")).to_contain_text("kept alive by")
    expect(who).to_contain_text("needed by the gradient of batch_norm (train.py:12)")
    who.get_by_role("radio", name="By category").click()
    expect(who.locator("tbody tr").first).to_contain_text("buffer")
    who.get_by_role("radio", name="By category").press("ArrowRight")
    expect(who.locator("thead")).to_contain_text("module")


def test_the_table_fits_its_card(visit):
    """At 1280 the last words of "why it is alive" were cut; names are as long as in a small network."""
    page = visit("/memory?run=digits_like", width=1280, height=800)
    table = page.locator(".gs-mem-scroll")
    expect(table.locator("tbody tr").first).to_be_visible()
    table.locator("tbody tr").first.evaluate(
        """(row) => { const put = (k, text) => { row.children[k].textContent = text; };
        put(2, 'net.relu1.relu'); put(3, '1437\u00d71\u00d78\u00d78 float32'); put(4, '\u25a0 saved for backward');
        put(5, 'demo.py:139'); put(6, 'needed by the gradient of relu (demo.py:139)'); }"""
    )
    assert table.evaluate("(e) => e.scrollWidth <= e.clientWidth")


def test_the_table_follows_the_cursor(visit):
    page = visit("/memory?run=tiny")
    canvas = ready(page)
    slider = page.get_by_role("slider", name="Moment of the step")
    slider.press("Home")
    expect(page.locator(".gs-mem-who h2")).to_contain_text("into step 2")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("while matmul"))
    expect(page.locator(".gs-mem-who tbody")).not_to_contain_text("grad of")
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("while relu"))
    slider.press("Enter")
    expect(page).to_have_url(re.compile(r"node=n1\b"))
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] - 60, "y": 100})
    expect(page.locator(".gs-mem-who tbody")).to_contain_text("grad of w1")
    page.keyboard.press("m")
    expect(page.locator(".gs-mem-who h2")).to_have_text("Alive at the peak")
    # what moved was the page under a pointer that rests: the key is the newer wish
    resting = """(canvas, [x, y]) => {
      const box = canvas.getBoundingClientRect();
      canvas.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + x, clientY: box.top + y, bubbles: true }));
      return document.querySelector('.gs-mem-chart').getAttribute('aria-valuenow');
    }"""
    peak = slider.get_attribute("aria-valuenow")
    assert canvas.evaluate(resting, [box["width"] - 60, 100]) == peak
    assert canvas.evaluate(resting, [box["width"] - 61, 100]) != peak


def test_a_key_is_newer_than_the_pointer(visit):
    """The answer to where the pointer was may come after the key; the table shows what the key said."""
    page = visit("/memory?run=tiny")
    canvas = ready(page)
    held = []
    page.route("**/api/memory/at**", lambda route: held.append(route))
    box = canvas.bounding_box()
    with page.expect_request("**/api/memory/at**"):
        page.mouse.move(box["x"] + box["width"] - 60, box["y"] + 100)
    page.keyboard.press("m")
    expect(page.locator(".gs-mem-who h2")).to_have_text("Alive at the peak")
    for route in held:
        route.continue_()
    page.evaluate("() => fetch('/api/runs').then((a) => a.json())")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    expect(page.locator(".gs-mem-who h2")).to_have_text("Alive at the peak")


def test_the_run_leads_to_its_steps(visit):
    page = visit("/memory?run=digits_like")
    ready(page)
    canvas = page.locator(".gs-mem-runchart canvas")
    expect(canvas).to_have_attribute("data-ready", "60")
    box = canvas.bounding_box()
    canvas.click(position={"x": 76 + (box["width"] - 92) / 2, "y": 60})
    expect(page).to_have_url(re.compile(r"step=30\b"))
    expect(page.locator(".gs-mem-step h2")).to_have_text("Memory over step 30")
    page.locator(".gs-mem-run .gs-link").click()
    expect(page).to_have_url(re.compile(r"step=0\b"))


@pytest.fixture
def off(tmp_path):
    """Where a run without memory is served."""
    hand.write(tmp_path / "off.gscope", memory="off")
    server = serve(tmp_path, port=0, block=False)
    yield server.url.rstrip("/")
    server.stop()


def test_memory_that_was_not_recorded_says_how_to_switch_it_on(off, visit):
    page = visit("/memory?run=off", at=off)
    expect(page.locator(".gs-mem-off")).to_contain_text("torch.profile(memory=True)")
    expect(page.locator(".gs-mem-step")).to_be_hidden()
    expect(page.locator(".gs-mem-run")).to_be_hidden()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_kind_of_run_is_drawn(visit, dark):
    page = visit("/memory?run=failed", dark=dark, width=400)
    ready(page)
    for run in ("hostile", "one_step", "many"):
        page.evaluate("run => gs.set({ run, step: null, node: null })", run)
        page.wait_for_function("() => gs.memoryPage.data && gs.memoryPage.over")
        ready(page)
    page.evaluate("() => gs.set({ run: 'empty' })")
    expect(page.locator("#notice")).to_be_visible()
    assert page.evaluate("() => document.querySelectorAll('main script').length") == 0
