"""The whole application over HTTP, without a browser: pages, routes, guards, hostile traces."""

import json
import re

import pytest

from graphscope.webapp import create_app
from graphscope.webapp.pages import pages
from graphscope.webapp.runs import RunDirectory
from tests import golden

ROUTES = ("runs", "live", "scalars", "curves", "graph", "values", "strip", "search", "node")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    where = tmp_path_factory.mktemp("runs")
    for name in ("tiny", "failed", "hostile", "empty"):
        golden.build(name, where)
    (where / "broken.gscope").write_bytes(b"SQLite format 3\0" + b"\xff" * 2000)
    source = RunDirectory(where)
    yield source
    for run in ("tiny", "failed", "hostile", "empty"):
        source.reader(run).close()


@pytest.fixture(scope="module")
def app(source):
    return create_app(source, token="t" * 24)


@pytest.fixture
def client(app):
    return app.server.test_client()


def ask(client, path, expect=200):
    answer = client.get(path)
    assert answer.status_code == expect, answer.text[:500]
    return json.loads(answer.text, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))


@pytest.mark.parametrize("path", ["/graph", "/scalars", "/graph?run=tiny&step=1"])
def test_pages_have_a_language_and_no_foreign_address(client, path):
    text = client.get(path).text
    assert '<html lang="en">' in text and "<title>GraphScope</title>" in text
    links = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert links and all(
        link.startswith(("/", "data:", "#")) and not link.startswith("//") for link in links
    )


def test_the_root_leads_home(client):
    answer = client.get("/?run=tiny")
    assert answer.status_code in (301, 302, 308)
    assert answer.headers["Location"].endswith("/home?run=tiny")


def test_every_script_and_style_of_ours_is_served(client):
    text = client.get("/graph").text
    links = re.findall(r'(?:src|href)="(/[^"]*)"', text)
    assert sum("/assets/" in link for link in links) == 2
    for link in links:
        with client.get(link) as answer:
            assert answer.status_code == 200, link


def test_a_reload_asks_for_no_script_again(client):
    links = re.findall(r'(?:src|href)="(/assets/[^"]*)"', client.get("/graph").text)
    assert links and all("?v=" in link for link in links)
    for link in links:
        assert "immutable" in client.get(link).headers["Cache-Control"]
        for other in (link.partition("?")[0], f"{link}0"):
            assert client.get(other).headers["Cache-Control"] == "no-cache"


def test_no_inline_script_is_allowed_and_none_is_there(client):
    answer = client.get("/graph")
    policy = answer.headers["Content-Security-Policy"]
    script = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert script.split() == ["script-src", "'self'"]
    page = re.sub(r"<template .*</template>", "", answer.text, flags=re.DOTALL)  # does not run
    assert re.findall(r"<script(?![^>]* src=)|<[^>]* on\w+=", page) == []


def test_the_page_names_all_pages_and_shows_the_one_of_the_address(client):
    for page in pages():
        text = client.get(f"/{page.path}?run=tiny").text
        assert all(f'href="/{p.path}"' in text and p.title in text for p in pages())
        assert re.findall(r'data-page="(\w+)" aria-current="page"', text) == [page.path]
        sections = re.findall(r'<section class="gs-page"( hidden|) data-page="(\w+)"', text)
        assert [name for hidden, name in sections if not hidden] == [page.path]
        assert [name for _, name in sections] == [p.path for p in pages()]
    assert client.get("/nonsense").text == client.get("/home").text


def test_a_page_of_dash_wants_its_scripts_at_once_and_others_do_not(source):
    app = create_app(source)
    client = app.server.test_client()
    assert "gs-dash" not in client.get("/home").text  # Dash has not been asked for
    app.dash  # noqa: B018
    ops, home = client.get("/ops").text, client.get("/home").text
    assert "dash_renderer" in ops.partition("</head>")[0] and 'rel="preload"' not in home
    for text in (ops, home):
        told = text.partition('<template id="gs-dash">')[2]
        assert told.count("<script") == told.count("</script>") > 3 and "_dash-config" in told


@pytest.mark.parametrize("path", ["/assets/js/00_bus.js", "/assets/", "/assets/all.js/x"])
def test_what_is_no_file_of_ours_is_not_found(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/home", "/assets/all.js"])
def test_a_head_has_no_body_and_a_post_is_refused(client, path):
    answer = client.head(path)
    assert answer.status_code in (200, 302) and not answer.data
    assert client.post(path, json={}).status_code == 405


def test_dash_says_on_a_page_of_its_own_what_it_needs(client):
    """01_dash.js reads this page; a release of Dash that says it otherwise is seen here first."""
    text = client.get("/_dash/").text
    scripts = re.findall(r'<script src="([^"]+)"', text)
    assert any("dash_renderer" in s for s in scripts) and any(
        "/dash_ag_grid/" in s for s in scripts
    )
    assert re.search(r'<script id="_dash-config" type="application/json">\{', text)
    assert "var renderer = new DashRenderer();" in text
    for script in scripts:
        with client.get(script) as answer:
            assert answer.status_code == 200, script
            assert "max-age" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("run", ["nothing", "../tiny", "broken", ""])
def test_routes_answer_in_json_whatever_run_is_asked_for(client, route, run):
    answer = client.get(f"/api/{route}", query_string={"run": run})
    assert answer.mimetype == "application/json"
    assert answer.status_code in (200, 404)
    told = json.loads(answer.text)
    if answer.status_code == 404:
        assert told["error"].endswith(".") and "Traceback" not in answer.text


@pytest.mark.parametrize("path", ["/api/nothing", "/api/nothing/more", "/api/control/nothing"])
def test_an_unknown_question_is_a_sentence_in_json(client, path):
    answer = client.get(path)
    assert answer.status_code in (403, 404) and answer.mimetype == "application/json"


def test_the_page_hears_a_sentence_as_an_answer(client):
    """A browser notes every 404 as an error in its console: our own page is told 200, with the status beside it."""
    for path in (
        "/api/home?run=nowhere",
        "/api/graph?run=nowhere",
        "/api/tensor/whole?run=tiny&id=x",
    ):
        plain, told = client.get(path), client.get(path, headers={"X-Graphscope-Page": "1"})
        assert plain.status_code == 404 and "X-Graphscope-Status" not in plain.headers
        assert told.status_code == 200 and told.headers["X-Graphscope-Status"] == "404"
        assert told.json == plain.json and told.json["error"]


def test_a_fault_of_ours_is_no_traceback_on_the_page(client, monkeypatch):
    monkeypatch.setattr(RunDirectory, "runs", lambda self: 1 / 0)
    answer = client.get("/api/runs")
    assert answer.status_code == 500 and answer.mimetype == "application/json"
    assert "Traceback" not in answer.text and answer.json["error"].endswith(".")


def test_runs_lists_good_and_bad(client):
    entries = {entry["run"]: entry for entry in ask(client, "/api/runs")}
    assert entries["broken"]["state"] == "damaged" and entries["failed"]["state"] == "failed"
    assert entries["tiny"]["steps"] == 3


def test_scalars_of_a_run_with_nan(client):
    told = ask(client, "/api/scalars?run=failed")
    assert told["run"] == "failed"


def test_hostile_names_never_become_markup(client):
    for route in ("graph", "live", "strip", "scalars", "curves"):
        answer = client.get(f"/api/{route}?run=hostile")
        assert answer.status_code == 200 and answer.mimetype == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for query in (
        "?run=<script>alert(1)</script>",
        "?node=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    ):
        assert "alert(1)" not in client.get("/graph" + query).text


@pytest.mark.parametrize("path", ["/graph", "/api/runs", "/_dash-layout", "/assets/all.css"])
def test_a_rebound_host_gets_nothing(client, path):
    assert client.get(path, headers={"Host": "evil.example"}).status_code == 403


def test_callbacks_are_for_our_own_page(client):
    body = {"output": "x.y", "outputs": {}, "inputs": [], "changedPropIds": []}
    url = "/_dash-update-component"
    assert (
        client.post(url, json=body, headers={"Origin": "https://evil.example"}).status_code == 403
    )
    assert client.post(url, data="{}", content_type="text/plain").status_code == 415


def test_assets_do_not_leave_their_folder(client):
    for path in (
        "/assets/../pyproject.toml",
        "/assets/%2e%2e/pyproject.toml",
        "/assets//etc/passwd",
    ):
        answer = client.get(path)
        assert answer.status_code in (301, 302, 308, 404) or "<html" in answer.text


def test_two_apps_live_in_one_process(source, app, tmp_path):
    other = create_app(tmp_path)
    assert ask(other.server.test_client(), "/api/runs") == []
    assert len(ask(app.server.test_client(), "/api/runs")) == 5


def test_a_path_is_a_source_too(tmp_path):
    golden.build("one_step", tmp_path)
    client = create_app(tmp_path / "one_step.gscope").server.test_client()
    assert [entry["run"] for entry in ask(client, "/api/runs")] == ["one_step"]


def test_every_chart_is_made_by_the_one_helper():
    """plotly.js shows a button that sends the chart to a server unless it is told not to."""
    from pathlib import Path

    import graphscope.webapp.app as app_module
    from graphscope.webapp.components.chart import CONFIG, chart

    assert CONFIG["showSendToCloud"] is False and CONFIG["displaylogo"] is False
    assert chart("id", {}).config is CONFIG
    folder = Path(app_module.__file__).parent
    users = [f.name for f in folder.rglob("*.py") if re.search(r"\bdcc\.Graph\(", f.read_text())]
    assert users == ["chart.py"]
