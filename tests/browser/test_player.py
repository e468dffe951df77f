"""A figure saved as HTML, opened from the disk: it plays, tells numbers, and asks for nothing.

Not ``visit``: these pages have no server, and may not make a single request beside themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from graphscope.export.over_steps import figure_over_steps
from graphscope.trace.reader import TraceReader
from tests import golden
from tests.export.test_play import drawn, hostile


@pytest.fixture
def opened(browser: Browser, watch: Any, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """``opened(figure)`` saves a figure and opens the file."""
    contexts = []

    def open_page(
        figure: Any, width: int = 1440, height: int = 900, dark: bool = False, script: bool = True
    ) -> Page:
        path = tmp_path / "figure.html"
        figure.save(path)
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            offline=True,
            java_script_enabled=script,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", watch._said)
        page.on("pageerror", lambda error: watch.faults.append(f"page error: {error}"))
        page.on("dialog", lambda dialog: watch.faults.append(f"a dialog: {dialog.message}"))

        def asked(request: Any) -> None:
            if request.url.partition("#")[0] != path.as_uri():
                watch.faults.append(f"request: {request.url[:200]}")

        page.on("request", asked)
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


def shown(page: Page) -> str:
    return page.locator("#stage > svg").text_content() or ""


def choose(page: Page, name: str) -> None:
    page.locator(f'#stage g[aria-label^="{name},"]').click()
    expect(page.locator("#panel h2")).to_have_text(name)


def test_play_by_keys(opened: Callable[..., Page]) -> None:
    page = opened(drawn())
    count = page.locator("#count")
    expect(count).to_have_text("0 / 13")
    assert "2.30" not in shown(page) and "∂ 2.60" not in shown(page)
    for key in ("ArrowRight", ".", "ArrowRight"):
        page.keyboard.press(key)
    expect(count).to_have_text("3 / 13")
    expect(page.locator("#says")).to_have_text("forward y_pred = mm(h, w2)")
    assert "2.30" in shown(page) and "1.69" not in shown(page)
    page.keyboard.press("End")
    assert "∂ 2.60" in shown(page)
    expect(page.locator("#phase")).to_have_text("backward")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press(",")
    expect(count).to_have_text("11 / 13")
    page.keyboard.press("Home")
    expect(count).to_have_text("0 / 13")
    assert "2.30" not in shown(page)


def test_an_address_may_name_the_step(opened: Callable[..., Page]) -> None:
    page = opened(drawn())
    page.evaluate("location.hash = '7'")
    page.reload()
    expect(page.locator("#count")).to_have_text("7 / 13")


def test_it_plays_pauses_and_ends(opened: Callable[..., Page]) -> None:
    page = opened(drawn())
    play = page.locator("#play")
    page.locator("#speed").select_option("5")
    page.keyboard.press("Escape")
    play.click()
    expect(play).to_have_attribute("aria-label", "Pause")
    expect(page.locator("#count")).to_have_text(re.compile("[2-9] / 13"))
    page.locator("#stage").press("Space")
    expect(play).to_have_attribute("aria-label", "Play")
    held = page.locator("#count").text_content()
    page.wait_for_timeout(500)
    assert page.locator("#count").text_content() == held
    play.click()
    expect(page.locator("#count")).to_have_text("13 / 13")
    expect(play).to_have_attribute("aria-label", "Play")


def test_the_scrubber(opened: Callable[..., Page]) -> None:
    page = opened(drawn())
    scrub = page.locator("#scrub")
    scrub.fill("6")
    expect(page.locator("#count")).to_have_text("6 / 13")
    scrub.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#count")).to_have_text("7 / 13")
    expect(scrub).to_have_attribute("aria-valuetext", "backward: ∂loss/∂square through sum")


def test_a_click_tells_the_numbers(opened: Callable[..., Page]) -> None:
    page = opened(drawn())
    panel = page.locator("#panel")
    choose(page, "y_pred")
    expect(panel).to_contain_text("not yet known")
    page.keyboard.press("End")
    expect(panel.locator(".number strong").first).to_have_text("2.30")
    expect(panel.locator(".number.g strong")).to_have_text("2.60")
    assert panel.locator("math").count() >= 2
    expect(panel.locator("dl").last).to_contain_text("1×1")
    choose(page, "w1")
    expect(panel.locator(".number.g td")).to_have_text(["2.60", "5.20", "5.20", "10.4"])
    page.keyboard.press("Escape")
    expect(panel.locator("h2")).to_have_text("Choose a card")


def test_cards_by_keyboard(opened: Callable[..., Page]) -> None:
    page = opened(drawn())
    card = page.locator('#stage g[aria-label^="h,"]')
    expect(card).to_have_attribute("aria-label", "h, clamp, value not yet known, no gradient yet")
    card.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2")).to_have_text("h")
    page.keyboard.press("End")
    expect(card).to_have_attribute("aria-label", re.compile("value 0.850 ± 0.250, gradient 4.11"))


def test_the_quiz_hides_gradients_until_asked(opened: Callable[..., Page]) -> None:
    for style in ("graph", "circuit"):
        page = opened(drawn(style=style))
        page.keyboard.press("End")
        whole = shown(page).count("2.60")
        page.keyboard.press("q")
        expect(page.locator("#quiz")).to_have_attribute("aria-pressed", "true")
        # y_pred and sub have that gradient; as a local derivative the circuit goes on to show it
        assert shown(page).count("2.60") == whole - 2 and "2.30" in shown(page)
        choose(page, "y_pred")
        assert "2.60" not in (page.locator("#panel .number.g").text_content() or "")
        page.locator("#ask").click()
        expect(page.locator("#panel .number.g strong")).to_have_text("2.60")
        assert shown(page).count("2.60") == whole - 1
        choose(page, "sub")
        page.keyboard.press("g")
        assert shown(page).count("2.60") == whole
        page.keyboard.press("q")
        page.keyboard.press("q")
        assert shown(page).count("2.60") == whole - 2
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Show all gradients").click()
        assert shown(page).count("2.60") == whole


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_themes_and_accessibility(opened: Callable[..., Page], dark: bool) -> None:
    page = opened(drawn(), dark=dark)
    back = "getComputedStyle(document.body).backgroundColor"
    light, night = "rgb(246, 247, 249)", "rgb(15, 18, 23)"
    assert page.evaluate(back) == (night if dark else light)
    page.keyboard.press("End")
    choose(page, "h")
    for _ in range(2):
        found = Axe().run(page).response["violations"]
        bad = [
            f"{rule['id']}: {node['html'][:160]}"
            for rule in found
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"]
        ]
        assert not bad, "\n".join(bad)
        page.locator("#theme").click()
    page.keyboard.press("t")
    assert page.evaluate(back) == (light if dark else night)


def test_every_size_fits(opened: Callable[..., Page]) -> None:
    for width, height in ((1440, 900), (1024, 640), (390, 800), (320, 560)):
        page = opened(drawn(), width=width, height=height)
        page.keyboard.press("End")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.documentElement.scrollHeight") <= height
        for name in ("#play", "#scrub", "#theme"):
            box = page.locator(name).bounding_box()
            assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= height
        box = page.locator("#stage").bounding_box()
        assert box and box["height"] > 150


def test_hostile_names_do_nothing(opened: Callable[..., Page]) -> None:
    page = opened(hostile())
    page.keyboard.press("End")
    page.locator("#stage g[role=button]").first.click()
    expect(page.locator("#panel h2")).to_contain_text("</script>")
    assert page.locator("script").count() == 2


def test_over_training_steps(opened: Callable[..., Page], tmp_path: Path) -> None:
    golden.build("tiny", tmp_path)
    with TraceReader(tmp_path / "tiny.gscope") as reader:
        figure = figure_over_steps(reader)
        losses = [f"loss {reader.step(n).loss:.4g}" for n in reader.value_steps()]
    page = opened(figure)
    page.get_by_role("radio", name="Over training").click()
    last = len(losses) - 1
    expect(page.locator("#count")).to_have_text(f"{last} / {last}")
    expect(page.locator("#what")).to_have_text(losses[-1])
    texts = {shown(page)}
    page.keyboard.press("Home")
    expect(page.locator("#what")).to_have_text(losses[0])
    texts.add(shown(page))
    page.locator('#stage g[aria-label^="loss,"]').click()
    expect(page.locator("#panel .number strong").first).to_have_text(re.compile(losses[0][5:8]))
    page.keyboard.press("m")
    expect(page.locator("#count")).to_have_text(re.compile("^0 / "))
    assert len(texts) == 2


def test_without_scripts_it_is_a_picture(opened: Callable[..., Page]) -> None:
    page = opened(drawn(), script=False)
    expect(page.locator("#bar")).to_be_hidden()
    assert "∂ 2.60" in shown(page)
    expect(page.locator("#stage > svg text", has_text="y_pred")).to_be_visible()


def test_it_prints_as_a_still(opened: Callable[..., Page]) -> None:
    page = opened(drawn(), dark=True)
    page.keyboard.press("End")
    page.emulate_media(media="print")
    expect(page.locator("#controls")).to_be_hidden()
    expect(page.locator("#panel")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    rect = "getComputedStyle(document.querySelector('#stage text.bold')).fill"
    assert page.evaluate(rect) == "rgb(26, 31, 39)"
