"""Who is let in, and what every answer carries."""

from urllib.parse import urlsplit

import pytest
from flask import jsonify

from graphscope.webapp import create_app
from graphscope.webapp.security import host_name, is_loopback

POST = "/_dash-update-component"
OWN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:8050", "127.9.9.9", "[::1]:80", "lab.example"]
)
def test_known_names_are_answered(client, host):
    assert client.get("/api/runs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "[::2]",
        "10.0.0.1",
        "",
        "[",
    ],
)
def test_other_names_are_refused(client, host):
    answer = client.get("/api/runs", headers={"Host": host})
    assert answer.status_code in (400, 403)
    assert b"digits" not in answer.data


@pytest.mark.parametrize(
    "path", ["/", "/graph", "/api/nothing", "/_dash-layout", "/assets/all.css"]
)
def test_every_route_asks_for_the_name(client, path):
    assert client.get(path, headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:9999"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_requests_that_change_something_come_from_our_page(client, headers, status):
    assert client.post(POST, json={}, headers=headers).status_code == status


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_only_json_changes_something(client, kind):
    assert client.post(POST, data="{}", headers={**OWN, "Content-Type": kind}).status_code == 415


def test_control_needs_the_token(runs):
    app = create_app(runs, token="secret")
    app.server.add_url_rule("/api/control/x", "x", lambda: jsonify({}), methods=["POST"])
    client = app.server.test_client()
    assert client.post("/api/control/x", json={}, headers=OWN).status_code == 403
    for token in ("wrong", "sécret", ""):
        given = {**OWN, "X-Graphscope-Token": token.encode().decode("latin-1")}
        assert client.post("/api/control/x", json={}, headers=given).status_code == 403
    right = {**OWN, "X-Graphscope-Token": "secret"}
    assert client.post("/api/control/x", json={}, headers=right).status_code == 200


def test_tokens_differ_from_start_to_start(runs):
    pages = [create_app(runs).server.test_client().get("/graph").text for _ in range(2)]
    tokens = [page.split('graphscope-token" content="')[1].split('"')[0] for page in pages]
    assert tokens[0] != tokens[1]
    assert len(tokens[0]) >= 32


@pytest.mark.parametrize(
    "path", ["/", "/api/runs", "/assets/all.js", "/_dash-layout", "/api/nothing"]
)
def test_answers_carry_the_headers(client, path):
    with client.get(path) as answer:
        headers = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    policy = headers["Content-Security-Policy"]
    frames = next(part for part in policy.split("; ") if part.startswith("frame-ancestors"))
    names = [urlsplit(name.replace(":*", "")).hostname for name in frames.split() if "://" in name]
    assert set(names) == {"localhost", "127.0.0.1"}
    # Beside them only VS Code's own windows, whose schemes no page of the web can have.
    others = {name for name in frames.split()[1:] if "://" not in name}
    assert others == {"'self'", "vscode-webview:", "vscode-file:"}
    assert "object-src 'none'" in policy
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "unsafe" not in scripts
    assert "http" not in policy.replace(frames, "")


def test_the_gate_takes_the_token_once_and_leaves_a_cookie(runs):
    client = create_app(runs, token="secret", hosts={"0.0.0.0"}, gate=True).server.test_client()
    for path in ("/", "/api/runs", "/assets/all.css", "/_dash-layout"):
        assert client.get(path).status_code == 401
    # What others can reach is shown in no notebook's frame.
    assert client.get("/").headers["Content-Security-Policy"].endswith("frame-ancestors 'self'")
    assert client.get("/?token=wrong").status_code == 401
    answer = client.get("/graph?token=secret")
    assert answer.status_code == 302
    assert "secret" not in answer.headers["Location"]
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert client.get("/api/runs").status_code == 200


def test_names_and_addresses():
    assert [is_loopback(h) for h in ("localhost", "127.1.2.3", "::1")] == [True] * 3
    assert not any(is_loopback(h) for h in ("0.0.0.0", "", "localhost.evil", "192.168.0.1", "::"))
    assert host_name("[::1]:80") == "::1"
    assert host_name("a:80") == "a"


def test_no_run_is_reached_by_path(client, runs):
    (runs.parent / "outside.gscope").write_bytes((runs / "tiny.gscope").read_bytes())
    for run in (
        "../outside",
        "..%2Foutside",
        "/etc/passwd",
        "tiny.gscope",
        "./tiny",
        "tiny\0",
        "a" * 5000,
    ):
        answer = client.get("/api/live", query_string={"run": run})
        assert answer.status_code == 404
        assert answer.json["error"].startswith("There is no run")
        assert len(answer.json["error"]) < 200


def test_assets_do_not_lead_out(client):
    for path in ("/assets/../webapp/app.py", "/assets/%2e%2e/webapp/app.py", "/assets/..%5cwebapp"):
        with client.get(path) as answer:
            assert b"create_app" not in answer.data
