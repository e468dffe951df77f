"""The Ops page and its Source tab in a real browser."""

import re

from playwright.sync_api import expect

ROWS = "#ops-table .ag-center-cols-container .ag-row"


def ready(page, rows):
    # The grid's script, and the chart's behind it, are loaded when the page is first shown.
    expect(page.locator("#ops-table")).to_have_attribute("data-ready", str(rows), timeout=20_000)
    expect(page.locator(ROWS).first).to_be_visible()
    return page


def column(page, name):
    """The texts of a column from the top."""
    cells = page.locator(f'{ROWS} [col-id="{name}"]')
    return cells.all_inner_texts()


def scripts(page):
    return page.evaluate(
        "() => performance.getEntriesByType('resource').map(e => e.name).filter(n => n.includes('ag_grid') || n.includes('ag-grid') || n.includes('community'))"
    )


def test_the_slowest_op_is_one_click_away(visit):
    page = visit("/graph?run=tiny")
    expect(page.locator(".gs-graph canvas").first).to_have_attribute("data-step", "2")
    assert scripts(page) == [], "a page without a table does not load the grid"
    page.get_by_role("link", name="Ops").click()  # the one click: what is slowest stands on top
    ready(page, 6)
    assert column(page, "key")[0] == "matmul"
    first = page.locator(".gs-ops-bars .gs-bar-row").first
    expect(first).to_contain_text("matmul")
    assert len(scripts(page)) == 2 and not any("enterprise" in name for name in scripts(page))
    expect(page.locator(".gs-ops-roof .main-svg").first).to_be_visible(timeout=20_000)
    _selections(page)
    _csv(page)


def test_a_number_that_is_nothing_in_its_columns_unit_has_its_own(visit):
    """3.81e-6 beside 2.35 (MiB) is read by nobody."""
    page = ready(visit("/ops?run=tiny"), 6)
    cell = """(bytes) => gs.Table.prototype.cell.call(
        {unit: {bytes: 'MiB'}}, {kind: 'bytes', field: 'bytes'}, bytes)"""
    assert [page.evaluate(cell, n) for n in (4, 1280, 2464154)] == ["4 B", "0.00122", "2.35"]


def _selections(page):
    """A row selects, and what is selected elsewhere marks its row."""
    page.locator(f'{ROWS} [col-id="key"]', has_text="relu").click()
    expect(page).to_have_url(re.compile(r"node=n1\b"))
    expect(page.locator("[data-gs=inspector]")).to_have_attribute("data-node", "n1")
    expect(page.locator(".ag-row-selected")).to_contain_text("relu")
    page.evaluate("() => gs.set({ node: 'n3' })")
    expect(page.locator(".ag-row-selected")).to_contain_text("sub")
    page.evaluate("() => gs.set({ node: 'n0' })")  # not the slower one of the two
    expect(page.locator(".ag-row-selected")).to_contain_text("matmul")
    page.locator(".gs-ops-bars .gs-bar-row", has_text="pow").click()
    expect(page.locator(".ag-row-selected")).to_contain_text("pow")


def _csv(page):
    """Raw numbers in base units."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export CSV").click()
    text = waiting.value.path().read_text(encoding="utf-8-sig")
    assert waiting.value.suggested_filename == "tiny-op.csv"
    head, first = text.replace('"', "").splitlines()[:2]
    assert head.startswith("key,share,total,") and first.startswith("matmul,0.")
    assert float(first.split(",")[2]) > 100_000, "nanoseconds, not microseconds"


def test_sorting_filter_columns_and_groups(visit):
    page = ready(visit("/ops?run=digits_like"), 16)
    assert column(page, "key")[0] == "conv2d"
    page.locator('#ops-table .ag-header-cell[col-id="calls"] .ag-header-cell-label').click()
    expect(page.locator(f'{ROWS}[row-index="0"]')).to_contain_text("add")
    page.get_by_label("Filter rows").fill("pool")
    expect(page.locator(ROWS)).to_have_count(1)
    page.get_by_label("Filter rows").fill("")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("p95").check()
    expect(page.locator('#ops-table .ag-header-cell[col-id="p95"]')).to_contain_text("\u00b5s")
    page.get_by_role("radio", name="Module").click()
    expect(page).to_have_url(re.compile("by=scope"))
    expect(page.locator("#ops-table")).to_have_attribute("data-ready", "22")
    assert column(page, "key")[:2] == ["(top)", "net"]
    page.locator(f'{ROWS}[row-index="1"] .gs-fold').click()
    expect(page.locator(ROWS)).to_have_count(2)
    page.get_by_role("radio", name="This step").click()
    expect(page.locator(".gs-ops-line")).to_contain_text("step 59, ")


def test_a_columns_own_filter_means_the_numbers_that_are_read(visit):
    page = ready(visit("/ops?run=digits_like"), 16)
    head = page.locator('#ops-table .ag-header-cell[col-id="total"]')
    expect(head).to_contain_text("total (ms)")
    shown = [float(text) for text in column(page, "total")]
    assert sum(x >= 10 for x in shown) == 5
    for field, least, left in (("total", "10", 5), ("share", "9", 4)):
        head = page.locator(f'#ops-table .ag-header-cell[col-id="{field}"]')
        head.hover()
        head.locator(".ag-header-cell-filter-button").click()
        menu = page.locator(".ag-filter-menu")
        menu.get_by_label("Filter Value").fill(least)
        expect(page.locator(ROWS)).to_have_count(left)
        page.keyboard.press("Escape")
        expect(menu).to_have_count(0)
    # News change the numbers and not what the reader asked for.
    page.evaluate("() => gs.set({ step: 30 })")
    page.get_by_role("radio", name="This step").click()
    expect(page.locator(".gs-ops-line")).to_contain_text("step 30, ")
    expect(page.locator(ROWS)).not_to_have_count(16)


def test_bars_of_both_processors_have_one_scale(visit):
    """However long their numbers are, a bar of half the time is half as long."""

    def both(route):
        answer = route.fetch()
        told = answer.json()
        for k, row in enumerate(told["rows"]):
            row["device"] = row["total"] / (1 + 40 * k)
        route.fulfill(response=answer, json=told | {"device": True})

    page = visit("/home?run=digits_like")
    page.route("**/api/ops?*", both)
    page.get_by_role("link", name="Ops").click()
    ready(page, 16)
    tracks = page.locator(".gs-ops-bars .gs-bar-tracks")
    expect(page.locator(".gs-ops-bars .gs-hbar-gpu")).to_have_count(8)
    boxes = [(b["x"], b["width"]) for b in (t.bounding_box() for t in tracks.all())]
    assert len(boxes) == 8 and len({(round(x), round(w)) for x, w in boxes}) == 1, boxes
    numbers = page.locator(".gs-ops-bars .gs-bar-number").all_inner_texts()
    assert len({len(text) for text in numbers}) > 1, "they are of different length"


def test_news_keep_scroll_selection_and_sorting(visit):
    page = ready(visit("/ops?run=digits_like", height=700), 16)
    page.locator('#ops-table .ag-header-cell[col-id="calls"] .ag-header-cell-label').click()
    page.locator(f'{ROWS}[row-index="1"]').click()
    chosen = page.locator(".ag-row-selected").first.inner_text()
    page.evaluate(
        "() => { document.querySelector('#ops-table .ag-body-viewport').scrollTop = 120; }"
    )
    before = page.locator("#ops-table .ag-body-viewport").evaluate("e => e.scrollTop")
    page.locator(f'{ROWS} [col-id="key"]').first.evaluate("e => { e.dataset.mine = '1'; }")
    page.evaluate("() => gs.set({ step: 30 })")
    page.get_by_role("radio", name="Last 20").click()
    expect(page.locator(".gs-ops-line")).to_contain_text("steps 11 to 30")
    expect(page.locator('[data-mine="1"]')).to_have_count(1)
    assert page.locator("#ops-table .ag-body-viewport").evaluate("e => e.scrollTop") == before
    assert (
        page.locator(".ag-row-selected").first.inner_text().split("\n")[0] == chosen.split("\n")[0]
    )


def test_hostile_empty_failed_and_damaged_runs(visit):
    page = ready(visit("/ops?run=hostile&by=scope", dark=True), 4)
    page.get_by_role("radio", name="Line").click()
    expect(page.locator(f'{ROWS} [col-id="key"]').first).to_be_visible()
    page.get_by_role("radio", name="Source").click()
    expect(page.locator(".gs-source")).to_have_attribute("data-ready", "4")
    assert (
        page.evaluate("() => document.querySelectorAll('script[src*=alert], .gs-ops img').length")
        == 0
    )
    page.evaluate("() => gs.set({ run: 'failed', step: null, node: null })")
    expect(page.locator(".gs-src-row.gs-here")).to_be_visible()
    page.get_by_role("radio", name="Table").click()
    page.get_by_role("radio", name="Op", exact=True).click()
    expect(page.locator(".gs-ops-line")).to_contain_text("8 steps")
    for run, words in (("empty", "[Nn]o step"), ("damaged", "cannot be read")):
        page.evaluate("run => gs.set({ run, step: null, node: null })", run)
        expect(page.locator("#notice")).to_contain_text(re.compile(words))


def test_a_line_and_its_ops_lead_to_each_other(visit):
    page = visit("/ops?run=tiny&tab=source")
    expect(page.locator(".gs-source")).to_have_attribute("data-ready", "4")
    # Without a selection the line that takes most time is in view.
    expect(page.locator(".gs-src-row.gs-here")).to_have_attribute("data-line", "9")
    assert scripts(page) == [], "code needs no table"
    page.locator("[data-line='8'] code").click()
    expect(page).to_have_url(re.compile(r"node=n0\b"))
    expect(page.locator(".gs-src-ops button.gs-src-op")).to_have_count(2)
    page.locator(".gs-src-ops button.gs-src-op", has_text="relu").click()
    expect(page.locator("[data-gs=inspector]")).to_have_attribute("data-node", "n1")
    page.evaluate("() => gs.set({ node: 'n5' })")
    expect(page.locator(".gs-src-row.gs-here")).to_have_attribute("data-line", "10")
    # The keyword is coloured, and the block's head says what its body costs.
    expect(page.locator("[data-line='7'] .gs-tok-k").first).to_have_text("for")
    expect(page.locator("[data-line='7'] .gs-src-sum")).to_contain_text("\u03a3")
    expect(page.locator(".gs-src-editor")).to_be_hidden()
    page.get_by_role("button", name="Show in the graph").click()
    expect(page).to_have_url(re.compile("^[^?]*/graph"))


def test_five_thousand_lines_scroll_at_once(visit, tmp_path):
    from graphscope.webapp.serve import serve
    from tests import golden

    text = golden.TINY_SOURCE + "".join(f"x{k} = {k}  # line\n" for k in range(5000))
    plain, golden.TINY_SOURCE = golden.TINY_SOURCE, text
    try:
        golden.build("tiny", tmp_path)
    finally:
        golden.TINY_SOURCE = plain
    server = serve(tmp_path, port=0, block=False)
    try:
        page = visit("/ops?run=tiny&tab=source", at=server.url.rstrip("/"))
        expect(page.locator(".gs-source")).to_have_attribute("data-ready", "4")
        lines = page.locator(".gs-src-row")
        assert lines.count() < 120
        took = page.evaluate(
            """() => new Promise((done) => { const box = document.querySelector('.gs-src-lines'), start = performance.now();
            let k = 0; const step = () => { box.scrollTop = k * 5000; (++k < 20 ? requestAnimationFrame(step) : done((performance.now() - start) / 20)); }; step(); })"""
        )
        assert took < 100, f"{took:.0f} ms a frame"
        page.locator(".gs-src-lines").evaluate("e => { e.scrollTop = e.scrollHeight; }")
        expect(page.locator("[data-line='5013']")).to_contain_text("x4998 = 4998")
        page.context.close()
    finally:
        server.stop()


def test_a_table_whose_first_rows_fail_says_so_and_recovers(visit):
    page = visit("/home?run=tiny")
    sentence = "The dashboard failed at this question (Boom); see its terminal."
    told = {"X-Graphscope-Status": "404"}  # how the page is told of a sentence
    page.route("**/api/ops?*", lambda r: r.fulfill(headers=told, json={"error": sentence}))
    page.get_by_role("link", name="Ops").click()
    box = page.locator("#ops-table")
    expect(box.get_by_text(sentence)).to_be_visible(timeout=20_000)
    expect(box.get_by_text("Loading")).to_be_hidden()
    page.unroute("**/api/ops?*")
    page.get_by_role("radio", name="Module").click()
    expect(page.locator(ROWS).first).to_be_visible()
    expect(box.get_by_text(sentence)).to_be_hidden()


def test_rows_are_there_before_the_grid_is(visit, hold):
    """The grid's script is the heaviest of all: until it has been read the first rows stand at their places."""
    page = visit("/home?run=digits_like")
    grid = hold(page, "**/dash_ag_grid/**")
    page.get_by_role("link", name="Ops").click()
    table = page.locator("#ops-table")
    plain = table.locator(".gs-plain")
    expect(plain.locator("tbody tr").first).to_be_visible()
    text = """(rows) => rows.map((row) => [...row.children].map((cell) =>
      [(cell.querySelector('.ag-header-cell-text') || cell).textContent, Math.round(cell.getBoundingClientRect().left)]))"""
    head = plain.locator("thead tr").evaluate_all(text)
    rows = plain.locator("tbody tr[data-id]").evaluate_all(text)
    page.get_by_role("radio", name="Module").click()  # the bar works meanwhile
    expect(plain.locator("thead th").first).to_have_text("module")
    page.get_by_role("radio", name="Op", exact=True).click()
    expect(plain.locator("thead th").first).to_have_text("op")
    grid.release()
    expect(table.locator(".ag-center-cols-container .ag-row").first).to_be_visible()
    expect(plain).to_have_count(0)
    assert head == table.locator(".ag-header-row").evaluate_all(text)
    shown = table.locator(".ag-center-cols-container .ag-row").evaluate_all(text)
    told = [[cell[0] for cell in row[:-1]] for row in rows]  # (what limits an op comes later)
    assert told == [[cell[0] for cell in row[:-1]] for row in shown[: len(told)]]
