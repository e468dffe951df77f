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
        link.startswith(("/", "data:")) and not link.startswith("//") for link in links
    )


def test_the_root_leads_home(client):
    answer = client.get("/?run=tiny")
    assert answer.status_code in (301, 302, 308)
    assert answer.headers["Location"].endswith("/home?run=tiny")


def test_every_script_and_style_of_ours_is_served(client):
    text = client.get("/graph").text
    links = re.findall(r'(?:src|href)="(/[^"]*)"', text)
    assert sum("/assets/" in link for link in links) > 10
    for link in links:
        with client.get(link) as answer:
            assert answer.status_code == 200, link


def test_a_reload_asks_for_no_script_again(client):
    links = re.findall(r'(?:src|href)="(/assets/[^"]*)"', client.get("/graph").text)
    assert all("?m=" in link for link in links)
    with client.get(links[0]) as answer:
        assert "immutable" in answer.headers["Cache-Control"]
    with client.get(links[0].partition("?")[0]) as answer:
        assert "immutable" not in answer.headers["Cache-Control"]


def test_the_bus_is_loaded_before_the_views(client):
    scripts = re.findall(r"/assets/js/([\w]+\.js)", client.get("/graph").text)
    assert scripts[0] == "00_bus.js" and scripts.index("graph.js") > 0


def test_inline_scripts_are_allowed_by_hash_only(client):
    answer = client.get("/graph")
    policy = answer.headers["Content-Security-Policy"]
    script = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert "unsafe" not in script and "'sha256-" in script


def test_the_layout_names_all_pages(client):
    text = json.dumps(ask(client, "/_dash-layout"))
    for page in pages():
        assert f'"/{page.path}"' in text and page.title in text


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


@pytest.mark.parametrize("path", ["/graph", "/api/runs", "/_dash-layout", "/theme.css"])
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
