"""Home and Health in a browser: one-click answers, live numbers without flicker, findings that can be muted."""

import re
import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import expect

from graphscope.webapp import serve
from tests import golden


def card(page, name):
    return page.locator(f"[data-card={name}]")


@pytest.fixture
def fresh(tmp_path):
    server = serve(tmp_path, port=0, block=False)
    yield server.url.rstrip("/"), tmp_path
    server.stop()


def test_each_question_is_one_click(visit):
    page = visit("/home?run=digits_like")
    side = page.locator("[data-gs=inspector]")
    for key in ("slowest", "largest", "faintest"):
        page.locator(f"[data-key=answer-{key}]").click()
        expect(page).to_have_url(re.compile(r"/graph\?.*node="))
        expect(side.get_by_test_id("value")).to_be_visible()
        expect(side.get_by_test_id("gradient")).to_be_visible()
        page.keyboard.press("1")
    page.locator("[data-key=answer-compare]").click()
    expect(page).to_have_url(re.compile(r"/scalars\?.*with="))


def test_cards_of_a_finished_run(visit):
    page = visit("/home?run=digits_like")
    chart = card(page, "loss").locator("canvas")
    expect(chart).to_have_attribute("aria-label", re.compile("from 0.0.* to 2.*steps 0 to 59"))
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 9, box["y"] + 40)
    expect(card(page, "loss").locator(".gs-small-read")).to_contain_text("step 59")
    page.mouse.click(box["x"] + box["width"] - 9, box["y"] + 40)
    expect(page).to_have_url(re.compile("step=59"))

    parts = card(page, "parts")
    expect(parts.get_by_role("row", name=re.compile("^together"))).to_contain_text("100 %")
    before = parts.inner_text()
    parts.get_by_role("radio", name="whole run").click()
    expect(parts.get_by_role("radio", name="whole run")).to_be_focused()
    expect(parts).not_to_have_text(before)

    costs = card(page, "overhead")
    expect(costs.locator("[data-level]")).to_have_count(4)
    expect(costs.locator("[data-level=off]")).to_contain_text("leaves no trace to measure")
    expect(costs.locator("[data-level=values]")).to_contain_text("this run")
    expect(card(page, "file")).to_contain_text("digits_like.gscope")
    expect(card(page, "hparams")).to_contain_text("add_hparams")


def test_numbers_change_in_place_while_it_runs(fresh, visit):
    url, folder = fresh
    path = golden.build("live", folder)
    page = visit("/home?run=live", at=url)
    tile = card(page, "loss-tile")
    expect(tile).to_contain_text("Loss at step 2")
    page.locator("[data-key=parts-run]").click()
    page.evaluate(
        "() => { for (const e of document.querySelectorAll('.gs-number, .gs-parts td')) e.mine = true; }"
    )
    with closing(sqlite3.connect(path)) as db, db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(steps)")]
        others = ", ".join(c for c in columns if c not in ("id", "num"))
        db.execute(
            f"INSERT INTO steps (id, num, {others}) SELECT id + 1, num + 1, {others} FROM steps"
            " ORDER BY id DESC LIMIT 1"
        )
    db.close()
    expect(tile).to_contain_text("Loss at step 3")
    expect(card(page, "parts")).to_contain_text("in all")
    assert page.evaluate(
        "[...document.querySelectorAll('.gs-number, .gs-parts td')].every((e) => e.mine)"
    )
    expect(page.locator("[data-key=parts-run]")).to_be_focused()


def test_a_failed_run_points_at_its_op_and_at_its_nan(visit):
    page = visit("/home?run=failed")
    expect(card(page, "loss-tile")).to_contain_text("not finite since step 5")
    page.locator("[data-key=answer-nan]").click()
    expect(page).to_have_url(re.compile(r"/health\?.*step=5"))
    expect(page.locator("[data-finding]").first).to_be_visible()
    banner = page.locator("#banner")
    expect(banner).to_contain_text("ShapeError")
    banner.get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"/graph\?.*step=7.*node=n2"))


def test_a_run_that_is_deleted_while_watched_is_said(fresh, visit):
    url, folder = fresh
    golden.build("tiny", folder)
    golden.build("one_step", folder)
    page = visit("/home?run=tiny", at=url)
    expect(card(page, "loss-tile")).to_contain_text("Loss")
    (folder / "tiny.gscope").unlink()
    expect(page.locator("#notice h1")).to_have_text("There is no run 'tiny'.")
    page.locator("#run").click()
    page.get_by_role("option", name=re.compile("^one_step")).click()
    expect(page.locator("#notice")).to_be_hidden()
    expect(card(page, "loss-tile")).to_contain_text("Loss at step 0")


# ---- Health


def finding(page, name):
    return page.locator(f'[data-finding="{name}"]')


def test_a_finding_tells_what_where_why_and_how(visit):
    page = visit("/home?run=digits_like")
    badge = page.locator(".gs-badge")
    expect(badge).to_be_visible()
    card(page, "findings").get_by_role("button", name=re.compile("The loss jumped by 1.5")).click()
    expect(page).to_have_url(re.compile("/health"))
    mine = finding(page, "spike:1")
    expect(mine).to_be_focused()
    expect(mine).to_contain_text("Warning")
    mine.get_by_role("button", name="Go to step 40").click()
    expect(page.locator("#step")).to_have_text("step 40 / 59")
    mine.locator(".gs-node-link").first.click()
    expect(page).to_have_url(re.compile(r"/graph\?.*node="))


def test_mute_and_unmute_and_the_line_for_the_settings(visit):
    page = visit("/health?run=digits_like")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    mine = finding(page, "spike:1")
    mine.get_by_role("button", name="Copy mute line").click()
    count = page.locator("[data-finding]").count()
    expect(mine.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith('mute = ["spike')
    mine.get_by_role("button", name="Mute", exact=True).click()
    expect(mine).to_have_count(0)
    page.reload()
    muted = page.get_by_role("button", name="1 muted")
    expect(muted).to_be_visible()
    expect(page.locator("[data-finding]")).to_have_count(count - 1)
    muted.click()
    mine.get_by_role("button", name="Unmute").click()
    expect(muted).to_have_count(0)


def test_filters_and_keys_on_health(visit):
    page = visit("/health?run=failed")
    expect(page.locator(".gs-findings")).to_have_attribute("data-ready", "true")
    total = page.locator("[data-finding]").count()
    errors = page.locator("[data-finding][data-severity=error]").count()
    assert errors
    page.get_by_role("button", name=re.compile("^Errors")).click()
    expect(page.locator("[data-finding]")).to_have_count(errors)
    page.get_by_role("button", name=re.compile("^Errors")).click()
    expect(page.locator("[data-finding]")).to_have_count(total)
    page.keyboard.press("n")
    expect(page.locator("[data-finding]").first).to_be_focused()
    page.keyboard.press("p")
    expect(page.locator("[data-finding]").last).to_be_focused()


def test_no_findings_says_how_many_rules_looked(visit):
    page = visit("/health?run=digits_like")
    # (what comes along with the card would be the real one)
    page.route(
        "**/api/live**",
        lambda route: route.continue_(url=re.sub("&also=[^&]*", "", route.request.url)),
    )
    page.route(
        "**/api/findings**",
        lambda route: route.fulfill(
            json={"doctor": 1, "ready": True, "problem": "", "rules": 31, "findings": [],
                  "unjudged": [{"id": "x", "title": "Dead units", "why": "no values"}] * 2}
        ),
    )  # fmt: skip
    page.reload()
    expect(page.locator(".gs-no-findings")).to_contain_text("No findings.")
    expect(page.locator(".gs-no-findings")).to_contain_text("29 rules looked, 2 could not judge.")
    page.locator("details.gs-looked summary").click()
    expect(page.get_by_text("Dead units").first).to_be_visible()


def test_hostile_runs_are_inert_on_both_pages(visit):
    page = visit("/home?run=hostile")
    expect(card(page, "loss-tile")).to_contain_text("Loss at step 2")
    expect(page.locator("#banner")).to_contain_text("<script>alert(1)</script>")
    page.keyboard.press("7")
    expect(page.locator(".gs-findings")).to_have_attribute("data-ready", "true")
    page.keyboard.press("Control+k")
    page.keyboard.type("alert")
    expect(page.get_by_role("dialog").get_by_role("option").first).to_contain_text("alert(1)")
    assert (
        page.evaluate("document.querySelectorAll('main script, main iframe, main img').length") == 0
    )


def test_many_tabs_cost_little(fresh, visit):
    """Tabs on a finished run: each asks for the card, and for nothing else."""
    url, folder = fresh
    golden.build("digits_like", folder)
    page = visit("/home?run=digits_like", at=url)
    expect(card(page, "loss-tile")).to_contain_text("Loss at step 59")
    tabs = [page.context.new_page() for _ in range(2)]
    for tab in tabs:
        tab.goto(url + "/home?run=digits_like")
    expect(card(tabs[-1], "loss-tile")).to_contain_text("Loss at step 59")
    page.wait_for_timeout(2000)
    asked = []
    page.on("request", lambda r: asked.append(r.url))
    page.wait_for_timeout(2000)
    assert all("/api/live" in u for u in asked) and len(asked) <= 4
    for tab in tabs:
        tab.close()
