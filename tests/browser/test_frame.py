"""The frame by keyboard and by hand: keys, commands, runs, inspector, projector, strip, print."""

import re

import pytest
from playwright.sync_api import expect

from graphscope.webapp import serve
from tests import golden


def ready(page):
    expect(page.locator("#state")).to_have_attribute("data-state", re.compile(r"\w"))
    expect(page.locator(".gs-strip-track")).to_have_attribute("data-steps", re.compile(r"\d"))
    return page


def test_keys_turn_pages_and_walk_steps(visit):
    page = ready(visit("/home?run=digits_like"))
    for key, name in (("2", "graph"), ("7", "health"), ("8", "compare"), ("1", "home")):
        page.keyboard.press(key)
        expect(page).to_have_url(re.compile(f"/{name}\\?"))
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#step")).to_have_text("step 58 / 59")
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("#step")).to_have_text("step 48 / 59")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#step")).to_have_text("step 49 / 59")
    page.keyboard.press("l")
    expect(page).not_to_have_url(re.compile("step="))
    # What is typed is no command.
    page.locator("#run").click()
    page.keyboard.type("2l")
    expect(page).to_have_url(re.compile("/home"))
    expect(page.get_by_label("Filter runs", exact=True)).to_have_value("2l")


def test_the_key_sheet_is_made_from_the_map(visit):
    page = ready(visit("/graph?run=tiny"))
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keys")
    expect(sheet).to_be_visible()
    titles = sheet.get_by_role("heading", level=3).all_text_contents()
    assert titles[0] == "Graph" and "Everywhere" in titles
    for words in ("Show the whole graph", "Commands", "One step back", "Next finding"):
        expect(sheet.get_by_text(words, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    # Tooltips teach the same keys, out of the same map.
    expect(page.locator("#commands")).to_have_attribute("title", "Commands (Ctrl K)")


def test_commands_by_keyboard_only(visit):
    page = ready(visit("/home?run=digits_like"))
    box = page.get_by_role("dialog", name="Commands")

    def command(text, first):
        page.keyboard.press("Control+k")
        expect(box).to_be_visible()
        page.keyboard.type(text)
        expect(box.get_by_role("option").first).to_contain_text(first)
        page.keyboard.press("Enter")
        expect(box).to_be_hidden()

    command("hlth", "Health")
    expect(page).to_have_url(re.compile("/health"))
    command("step 12", "Go to step 12")
    expect(page.locator("#step")).to_have_text("step 12 / 59")
    command("9999", "Go to step 9999")
    expect(page.locator("#step")).to_have_text("step 59 / 59")
    command("colours: dark", "Colours: dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    command("relu", "relu")
    expect(page).to_have_url(re.compile(r"/graph\?.*node="))
    expect(page.get_by_test_id("value")).to_be_visible()
    command("run tiny", "Run tiny")
    expect(page).to_have_url(re.compile("run=tiny"))
    # A vector figure of the graph is two clicks.
    page.locator("#commands").click()
    with page.expect_download() as got:
        box.get_by_role("option", name="Save the graph as SVG").click()
    assert got.value.suggested_filename == "tiny-step2.svg"
    page.keyboard.press("Control+k")
    page.keyboard.type("no such thing at all")
    expect(box.get_by_role("option")).to_have_text("Nothing has that name.")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()


def test_runs_are_filtered_and_chosen_by_typing(visit):
    page = ready(visit("/home?run=tiny"))
    page.keyboard.press("r")
    options = page.locator("#gs-run-list").get_by_role("option")
    expect(options.nth(8)).to_be_visible()
    expect(page.locator("#gs-run-list [data-now]")).to_have_attribute("aria-selected", "true")
    row = options.filter(has_text=re.compile("^failed"))
    expect(row).to_contain_text("NaN")
    page.keyboard.type("digit")
    expect(options).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("run=digits_like"))
    expect(page.locator("#run")).to_be_focused()
    page.keyboard.press("r")
    page.keyboard.press("Escape")
    expect(page.locator(".gs-run-panel")).to_be_hidden()


@pytest.fixture
def hundred(tmp_path):
    first = golden.build("one_step", tmp_path).read_bytes()
    for k in range(99):
        (tmp_path / f"run-{k:03d}.gscope").write_bytes(first)
    server = serve(tmp_path, port=0, block=False)
    yield server.url.rstrip("/")
    server.stop()


def test_a_hundred_runs_are_listed_at_once(hundred, visit):
    page = ready(visit("/home", at=hundred))
    page.locator("#run").click()
    expect(page.locator("#gs-run-list li")).to_have_count(100)
    page.get_by_label("Filter runs", exact=True).fill("run-042")
    expect(page.locator("#gs-run-list li")).to_have_count(1)


def test_the_inspector_stays_shut_when_shut(visit):
    page = ready(visit("/home?run=tiny&node=n1"))
    side = page.locator(".gs-side")
    expect(side).to_be_visible()
    page.locator("#drawer").click()
    expect(side).to_be_hidden()
    page.keyboard.press("2")
    expect(side).to_be_hidden()
    page.reload()
    ready(page)
    expect(side).to_be_hidden()
    page.locator("#drawer").click()
    expect(side).to_be_visible()
    assert page.evaluate("localStorage.getItem('graphscope-inspector')") is None


def test_projector_mode_makes_all_type_larger(visit):
    page = ready(visit("/home?run=digits_like", width=1920, height=1080))
    word = page.locator(".gs-rail a span").nth(1)
    expect(word).to_be_visible()
    before = page.locator("#step").bounding_box()["height"]
    page.keyboard.press("Shift+P")
    expect(word).to_be_hidden()
    after = page.locator("#step").bounding_box()["height"]
    assert after / before == pytest.approx(1.4, abs=0.08)
    sizes = page.evaluate(
        "[document.documentElement.scrollWidth, document.querySelector('#strip').getBoundingClientRect().bottom]"
    )
    assert sizes[0] <= 1920 and sizes[1] == pytest.approx(1080, abs=1)
    # The strip is still clicked where it is pointed at.
    track = page.locator(".gs-strip-track").bounding_box()
    page.mouse.click(track["x"] + 14, track["y"] + 40)
    expect(page.locator("#step")).to_have_text("step 0 / 59")
    page.keyboard.press("Shift+P")
    expect(word).to_be_visible()


def test_the_strip_marks_and_leads_to_what_happened(visit):
    page = ready(visit("/home?run=digits_like"))
    track = page.locator(".gs-strip-track")
    box = track.bounding_box()
    at = box["x"] + 12 + (40.5 / 60) * (box["width"] - 24)
    page.mouse.move(at, box["y"] + box["height"] - 6)
    expect(track).to_have_attribute("title", "step 40: The loss jumped by 1.5 at step 40")
    page.mouse.click(at, box["y"] + box["height"] - 6)
    expect(page.locator("#step")).to_have_text("step 40 / 59")
    expect(track).to_have_attribute("aria-valuetext", re.compile("step 40 of 59, loss 1.697"))


def test_eight_entries_fit_in_600_pixels(visit):
    page = ready(visit("/home?run=tiny", height=600))
    rail = page.locator(".gs-rail").bounding_box()
    last = page.locator(".gs-rail a").last.bounding_box()
    assert last["y"] + last["height"] <= rail["y"] + rail["height"]
    phone = ready(visit("/health?run=tiny", width=400, height=720))
    boxes = [link.bounding_box() for link in phone.locator(".gs-rail a").all()]
    assert len({round(b["y"]) for b in boxes}) == 1 and boxes[-1]["x"] + boxes[-1]["width"] <= 400
    assert min(b["height"] for b in boxes) >= 24


def test_a_step_is_told_whole_or_not_at_all_on_a_phone(visit):
    page = ready(visit("/home?run=tiny", width=400, height=720))
    seen = """() => { const box = document.getElementById('step').getBoundingClientRect();
        return [...document.getElementById('step').children].map((e) => {
            const r = e.getBoundingClientRect();
            return r.top >= box.bottom ? 'away' : r.right <= box.right + 0.5 ? 'whole' : 'cut'; }); }"""
    assert page.evaluate(seen) == ["whole", "whole"]
    page.evaluate(
        "() => { document.querySelector('#step b').textContent = '123,456,789,012,345,678,901'; }"
    )
    assert page.evaluate(seen) == ["away", "away"]


def test_print_shows_the_page_alone(visit):
    page = ready(visit("/home?run=digits_like", dark=True))
    expect(page.locator(".gs-tile").first).to_contain_text("0.0")
    page.emulate_media(media="print")
    for part in (".gs-rail", "#strip", ".gs-side"):
        expect(page.locator(part)).to_be_hidden()
    expect(page.locator("[data-card=hparams]")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert ink == "rgb(26, 31, 39)"
    # A picture that fills the screen has a height of its own on paper, and no tools.
    for name, picture in (("graph", ".gs-board"), ("time", ".gs-time canvas")):
        page.emulate_media(media="screen")
        page.locator(f".gs-rail a[data-page={name}]").click()
        expect(page.locator(picture).first).to_have_attribute("data-ready", re.compile(r"\w"))
        page.emulate_media(media="print")
        assert page.locator(picture).first.bounding_box()["height"] > 400
        expect(page.locator(f".gs-page[data-page={name}] .gs-toolbar")).to_be_hidden()


def test_canvases_are_light_on_paper_and_dark_again_after_it(visit):
    def picture(page):
        return page.evaluate("document.querySelector('[data-gs=strip] canvas').toDataURL()")

    def shown(dark):
        page = ready(visit("/home?run=digits_like", dark=dark))
        expect(page.locator(".gs-tile").first).to_contain_text("0.0")
        return page

    light, page = picture(shown(False)), shown(True)
    dark = picture(page)
    # At once: no frame comes before the printer's picture.
    page.evaluate(
        "async () => { dispatchEvent(new Event('beforeprint')); await 0; await 0; await 0; }"
    )
    assert picture(page) == light != dark
    page.evaluate("() => { dispatchEvent(new Event('afterprint')); }")
    page.wait_for_function(
        "(was) => document.querySelector('[data-gs=strip] canvas').toDataURL() === was", arg=dark
    )


def test_a_step_that_is_not_there_becomes_the_newest(visit):
    page = ready(visit("/ops?run=digits_like&step=99999999"))
    expect(page.locator("#step")).to_have_text("step 59 / 59")
    expect(page).not_to_have_url(re.compile("step="))
    expect(page.locator(".gs-ops-line")).to_contain_text("steps")


def test_the_newest_wish_wins_also_when_it_is_an_old_one(visit):
    """Asked for A, then B, then A again: what is shown at the end is A, kept or on its way."""
    page = ready(visit("/home?run=tiny"))
    page.route("**/slow*", lambda route: route.fulfill(json=route.request.url[-1]))
    shown = page.evaluate(
        """async () => {
          const rest = () => new Promise((done) => setTimeout(done, 300));
          const out = [], latest = new gs.Latest((answer) => out.push(answer));
          latest.ask("/slow?a"), latest.ask("/slow?b"), latest.ask("/slow?a");
          await rest();
          latest.ask("/slow?c", true);
          await rest();
          latest.ask("/slow?d"), latest.ask("/slow?c", true);
          await rest();
          return out;
        }"""
    )
    assert shown == ["a", "c", "c"]


def test_no_toolbar_is_cut_and_the_legend_hides_no_card(visit):
    page = ready(visit("/graph?run=digits_like&node=n1"))
    inside = """(name) => {
      const bar = document.querySelector(name), box = bar.getBoundingClientRect();
      return bar.scrollWidth <= bar.clientWidth && [...bar.children].filter((e) => e.offsetWidth).every((e) => {
        const r = e.getBoundingClientRect();
        return r.left >= box.left && r.right <= box.right + 0.5 && r.bottom <= box.bottom;
      });
    }"""
    for width in (1440, 1280, 1200, 1024, 900, 700, 400):
        page.set_viewport_size({"width": width, "height": 800})
        for name, bar in (("graph", ".gs-graph .gs-toolbar"), ("time", ".gs-time .gs-toolbar")):
            page.evaluate("(page) => gs.set({ page })", name)
            assert page.evaluate(inside, bar), (name, width)
    page.evaluate("() => gs.set({ page: 'graph', node: null })")
    menu = page.locator(".gs-drop").first
    menu.locator("summary").click()
    expect(menu.locator(".gs-menu")).to_be_in_viewport(ratio=1)
    legend, stage = (
        page.locator(".gs-legend").bounding_box(),
        page.locator(".gs-board").bounding_box(),
    )
    assert legend["y"] >= stage["y"] + stage["height"]
