"""The frame in a real browser: states and their words, runs, themes, pages, narrow windows."""

import re
import sqlite3
import time
from contextlib import closing

import pytest
from playwright.sync_api import expect

from graphscope.webapp import serve
from tests import golden


@pytest.fixture
def fresh(tmp_path):
    """A dashboard over a folder of its own: ``(address, folder)``."""
    server = serve(tmp_path, port=0, block=False)
    yield server.url.rstrip("/"), tmp_path
    server.stop()


def pill(page):
    return page.locator("#state")


def choose_run(page, run):
    page.locator("#run").click()
    page.get_by_role("option", name=re.compile(f"^{run} ")).click()


def banner(page):
    return page.locator("#banner")


def test_no_runs_shows_the_lines_to_add(fresh, visit):
    url, folder = fresh
    page = visit("/", at=url)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    notice = page.locator("#notice")
    expect(notice).to_contain_text("with torch.profile(")
    expect(pill(page)).to_have_text("No runs")
    notice.get_by_role("button", name="Copy").first.click()
    expect(notice.get_by_role("button", name="Copied")).to_be_visible()
    assert "import graphscope as torch" in page.evaluate("navigator.clipboard.readText()")
    # A run that appears is picked up without a reload.
    golden.build("tiny", folder)
    expect(pill(page)).to_have_text("Finished")
    expect(notice).to_be_hidden()
    expect(page).to_have_url(re.compile("run=tiny"))
    expect(page.locator(".gs-home")).to_be_visible()


def test_waiting_for_the_first_step(fresh, visit):
    url, folder = fresh
    golden.build("empty", folder)
    page = visit("/", at=url)
    expect(page.locator("#notice h1")).to_have_text("Connected, no step yet")
    expect(page.locator(".gs-waiting")).to_have_text(re.compile(r"^\d+ s$"))
    expect(pill(page)).to_have_text("Waiting")


def test_a_live_run_goes_on_by_itself(fresh, visit):
    url, folder = fresh
    path = golden.build("live", folder)
    page = visit("/", at=url)
    expect(pill(page)).to_have_text("Live")
    expect(page.locator("#step")).to_have_text("step 2 / 2")
    with closing(sqlite3.connect(path)) as db, db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(steps)")]
        others = ", ".join(c for c in columns if c not in ("id", "num"))
        db.execute(
            f"INSERT INTO steps (id, num, {others}) SELECT id + 1, num + 1, {others} FROM steps"
            " ORDER BY id DESC LIMIT 1"
        )
    db.close()
    expect(page.locator("#step")).to_have_text("step 3 / 3")


def test_silence_is_said(fresh, visit):
    url, folder = fresh
    path = golden.build("live", folder)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE meta SET value = ? WHERE key = 'heartbeat'", (str(time.time() - 12),))
    db.close()
    page = visit("/", at=url)
    expect(banner(page)).to_contain_text(re.compile(r"no news for 1[2-9] s"))
    expect(pill(page)).to_have_text("No news")


def test_a_lost_server_is_said_and_the_data_stays(fresh, visit, watch):
    url, folder = fresh
    golden.build("tiny", folder)
    page = visit("/", at=url)
    expect(pill(page)).to_have_text("Finished")
    page.route("**/api/live**", lambda route: route.abort("connectionrefused"))
    expect(banner(page)).to_contain_text("does not answer")
    expect(page.locator("#step")).to_have_text("step 2 / 2")
    page.unroute("**/api/live**")
    expect(banner(page)).to_be_hidden()
    expect(pill(page)).to_have_text("Finished")
    # The browser logs what we made it miss.
    watch.faults[:] = [fault for fault in watch.faults if "ERR_CONNECTION" not in fault]


def test_a_failed_run_shows_its_exception(visit):
    page = visit("/graph?run=failed")
    expect(pill(page)).to_have_text("Failed")
    expect(banner(page)).to_contain_text("ShapeError: matmul of 4×5 and 6×2")


def test_a_damaged_file_says_what_is_wrong(fresh, visit):
    url, folder = fresh
    golden.build("tiny", folder)
    (folder / "broken.gscope").write_bytes(b"nonsense" * 100)
    page = visit("/graph?run=broken", at=url)
    expect(page.locator("#notice")).to_contain_text("is not a GraphScope trace")
    choose_run(page, "tiny")
    expect(page.locator("#notice")).to_be_hidden()
    expect(pill(page)).to_have_text("Finished")


def test_an_unknown_run_is_a_sentence(visit):
    page = visit("/graph?run=gone")
    expect(page.locator("#notice h1")).to_have_text("There is no run 'gone'.")


def test_the_run_picker_changes_the_run(visit):
    page = visit("/graph?run=tiny&node=n1")
    choose_run(page, "digits_like")
    expect(page).to_have_url(re.compile(r"run=digits_like(?!.*node=)"))
    expect(page.locator("#step")).to_have_text("step 59 / 59")
    expect(page.locator("#summary")).to_contain_text("60 steps in")


def test_pages_and_the_back_button(visit):
    page = visit("/graph?run=tiny&step=1")
    page.get_by_role("link", name="Curves").click()
    expect(page).to_have_url(re.compile(r"/scalars\?run=tiny&step=1"))
    expect(page.locator(".gs-curves")).to_be_visible()
    expect(page.locator(".gs-graph")).to_be_hidden()
    expect(page).to_have_title(re.compile("Curves"))
    expect(page.get_by_role("link", name="Curves")).to_have_attribute("aria-current", "page")
    page.go_back()
    expect(page.locator(".gs-graph")).to_be_visible()
    expect(page.locator("#step")).to_have_text("step 1 / 2")


def background(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_the_theme_follows_the_system_until_told_otherwise(visit):
    page = visit("/graph?run=tiny", dark=True)
    assert background(page) == "rgb(15, 18, 23)"
    button = page.locator("#theme")
    button.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert background(page) == "rgb(246, 247, 249)"
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    button.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    button.click()
    expect(page.locator("html")).not_to_have_attribute("data-theme", re.compile("."))


@pytest.mark.parametrize("width", [1440, 1000, 800, 400])
@pytest.mark.parametrize("path", ["/graph?run=digits_like", "/home?run=digits_like"])
def test_nothing_sticks_out(visit, width, path):
    page = visit(path, width=width)
    expect(pill(page)).to_be_visible()
    sizes = page.evaluate(
        "[document.documentElement.scrollWidth, document.querySelector('.gs-top').scrollWidth,"
        " document.querySelector('#strip').getBoundingClientRect().bottom, innerHeight]"
    )
    assert sizes[0] <= width
    assert sizes[1] <= width
    assert sizes[2] == sizes[3]


def test_the_inspector_is_a_drawer_in_a_narrow_window(visit):
    page = visit("/graph?run=tiny", width=1000)
    side = page.locator(".gs-side")
    expect(side).not_to_be_visible()
    page.locator("#drawer").click()
    expect(side).to_be_visible()


def test_on_a_phone_the_drawer_comes_with_a_tap_and_not_with_a_link(visit):
    page = visit("/ops?run=tiny&node=n1", width=400, height=800)
    side = page.locator(".gs-side")
    expect(page.locator("[data-gs=inspector]")).to_have_attribute("data-node", "n1")
    expect(side).not_to_be_visible()
    page.locator(".gs-bar-row[data-key]").first.click()
    expect(side).to_be_visible()
    side.get_by_role("button", name="Close the inspector").click()
    expect(side).not_to_be_visible()


def test_the_poll_stops_while_the_tab_is_hidden(visit):
    page = visit("/graph?run=tiny")
    expect(pill(page)).to_have_text("Finished")
    page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    page.wait_for_timeout(300)
    asked = []
    page.on("request", lambda r: asked.append(r.url))
    page.wait_for_timeout(1500)
    assert [url for url in asked if "/api/live" in url] == []
    page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', {value: false, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    page.wait_for_timeout(500)
    assert [url for url in asked if "/api/live" in url]


def test_the_keyboard_reaches_the_page(visit):
    page = visit("/graph?run=tiny")
    expect(pill(page)).to_have_text("Finished")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_a_drawer_opened_by_hand_stays_open_when_no_card_is_chosen(visit):
    page = visit("/graph?run=tiny", width=1000)
    side = page.locator(".gs-side")
    page.locator("#drawer").click()
    # the inspector finds nothing chosen, as it does when a page has just been loaded
    page.evaluate("() => window.gs.set({ step: 1 })")
    page.wait_for_timeout(300)
    expect(side).to_be_visible()


def test_a_page_that_fails_to_mount_leaves_the_others(visit, watch):
    page = visit("/home?run=tiny")
    expect(page.locator("[data-card=parts] tbody")).to_be_visible()
    page.evaluate(
        "() => { gs.mount('.gs-late', () => { throw new Error('broken page'); });"
        " gs.mount('.gs-late', (el) => { el.textContent = 'mounted'; });"
        " document.body.append(gs.el('p', { class: 'gs-late' })); }"
    )
    expect(page.locator(".gs-late")).to_have_text("mounted")
    faults, watch.faults[:] = watch.faults[:], []
    assert len(faults) == 1 and "mounting .gs-late failed" in faults[0]
    assert "broken page" in faults[0]


def test_home_needs_no_dash_and_a_page_that_does_says_when_it_is_not_to_be_had(visit, watch):
    page = visit("/home?run=digits_like")
    dash = re.compile("/_dash")
    page.route(dash, lambda route: route.fulfill(status=503))
    page.reload()
    expect(page.locator("[data-card=parts] tbody")).to_be_visible()
    page.get_by_role("link", name="Ops").click()
    expect(page.locator("#ops-table").get_by_text("cannot be loaded")).to_be_visible()
    expect(page).to_have_title(re.compile("Ops"))
    page.unroute(dash)
    page.get_by_role("link", name="Home").click()
    page.get_by_role("link", name="Ops").click()
    expect(page.locator("#ops-table .ag-center-cols-container .ag-row").first).to_be_visible()
    expect(page.get_by_text("cannot be loaded")).to_have_count(0)
    faults, watch.faults[:] = watch.faults[:], []
    assert faults and all("503" in fault for fault in faults)


PATCH = """() => {
  const { el } = gs, box = el("div"), saw = {};
  document.querySelector("main").append(box);
  const row = (k, text, more) => el("tr", { "data-key": `k${k}`, title: text }, el("th", {}, `name ${k}`), el("td", {}, el("button", { type: "button", "data-key": `b${k}`, onclick: () => (saw.pressed = text) }, text)), more || null);
  const show = (rows) => gs.fill(box, rows, () => [el("h3", {}, `${rows.length} rows`), el("table", {}, el("tbody", {}, rows.map(([k, t, wide]) => row(k, t, wide && el("td", { style: `width: ${wide}px` })))))], true);
  show([[1, "a", 10], [2, "b"], [3, "c"]]);
  const [head, table] = box.children, rows = [...box.querySelectorAll("tr")], words = rows[0].querySelector("th").firstChild;
  rows[0].querySelector("button").focus();
  saw.same = show([[1, "a", 10], [2, "b"], [3, "c"]]);
  saw.news = show([[1, "new", 20], [2, "b"]]);
  const now = [...box.querySelectorAll("tr")];
  saw.kept = [box.children[0] === head, box.children[1] === table, now[0] === rows[0], now[1] === rows[1], now[0].querySelector("th").firstChild === words];
  saw.title = now[0].title;
  saw.width = now[0].lastElementChild.style.width;
  saw.count = now.length;
  saw.text = box.textContent;
  saw.focus = document.activeElement.dataset.key;
  now[0].querySelector("button").click();
  show([[1, "new"], [2, "b"], [4, "d"]]);
  saw.grown = [...box.querySelectorAll("tr")].map((r) => [r === rows[0] || r === rows[1], r.children.length]);
  box.remove();
  return saw;
}"""


def test_what_is_filled_anew_keeps_its_elements_and_buttons_their_newest_meaning(visit):
    """``gs.fill(box, value, make, true)``: a table of numbers once a second is no new table."""
    page = visit("/home?run=tiny")
    expect(pill(page)).to_have_text("Finished")
    saw = page.evaluate(PATCH)
    assert saw["same"] is False and saw["news"] is True, "the same value touches nothing"
    assert saw["kept"] == [True] * 5, "heading, table, rows and words stay"
    assert (saw["title"], saw["width"], saw["count"]) == ("new", "20px", 2)
    assert saw["text"] == "2 rowsname 1newname 2b"
    assert saw["focus"] == "b1" and saw["pressed"] == "new", "a button acts on what it shows"
    assert saw["grown"] == [[True, 2], [True, 2], [False, 2]]
