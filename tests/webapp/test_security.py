"""Who may talk to the dashboard: checked on a bare server with one route of each kind."""

import pytest
from flask import Flask, jsonify

from graphscope.webapp.security import COOKIE, TOKEN_HEADER, host_name, is_loopback, protect

TOKEN = "a-token-of-this-start"
SCRIPT = "'sha256-abc='"


def client(**options):
    server = Flask("test")
    settings = {"token": TOKEN, "hosts": ("lab.example",), "scripts": [SCRIPT]} | options
    protect(server, **settings)
    server.add_url_rule("/graph", "page", lambda: "page")
    server.add_url_rule("/api/runs", "runs", lambda: jsonify([]))
    server.add_url_rule("/_dash-update-component", "dash", lambda: jsonify({}), methods=["POST"])
    server.add_url_rule("/api/control/pause", "pause", lambda: jsonify({}), methods=["POST"])
    return server.test_client()


@pytest.mark.parametrize(
    "host, status",
    [
        ("127.0.0.1:8050", 200),
        ("localhost:8050", 200),
        ("[::1]:8050", 200),
        ("127.9.9.9", 200),
        ("lab.example:8050", 200),
        ("LAB.example", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("0.0.0.0:8050", 403),
    ],
)
def test_only_names_of_this_machine(host, status):
    answer = client().get("/api/runs", headers={"Host": host})
    assert answer.status_code == status
    if status != 200:
        assert answer.json["error"].endswith(".")


@pytest.mark.parametrize("host", ["", "[", "[::1", "a b", "user@localhost@evil.example"])
def test_a_host_that_makes_no_sense_is_refused(host):
    assert not is_loopback(host_name(host))


@pytest.mark.parametrize(
    "headers, status",
    [
        ({}, 200),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost:1234"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_only_our_own_page_may_change_something(headers, status):
    answer = client().post("/_dash-update-component", json={}, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", None])
def test_forms_and_text_are_refused(kind):
    answer = client().post("/_dash-update-component", data="{}", content_type=kind)
    assert answer.status_code == 415


def test_json_with_a_charset_is_json():
    kind = "application/json; charset=utf-8"
    assert client().post("/_dash-update-component", data="{}", content_type=kind).status_code == 200


@pytest.mark.parametrize(
    "given, status", [(None, 403), ("", 403), ("wrong", 403), ("\u00fc", 403), (TOKEN, 200)]
)
def test_control_needs_the_token(given, status):
    headers = {} if given is None else {TOKEN_HEADER: given}
    assert client().post("/api/control/pause", json={}, headers=headers).status_code == status


def test_every_answer_carries_the_headers():
    for path in ("/graph", "/api/runs", "/nothing-here"):
        headers = client().get(path).headers
        policy = headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert f"script-src 'self' {SCRIPT}" in policy
        assert "unsafe-eval" not in policy and "object-src 'none'" in policy
        assert "script-src 'self' 'unsafe-inline'" not in policy
        assert "frame-ancestors 'self'" in policy


def test_refusals_carry_them_too():
    answer = client().get("/graph", headers={"Host": "evil.example"})
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_answers_of_the_api_are_not_kept():
    assert client().get("/api/runs").headers["Cache-Control"] == "no-store"


def test_behind_the_gate_everything_needs_the_token():
    c = client(gate=True)
    assert c.get("/graph").status_code == 401
    assert c.get("/api/runs").status_code == 401
    assert c.get("/graph?token=wrong").status_code == 401


def test_the_token_in_the_address_becomes_a_cookie_of_this_site_only():
    c = client(gate=True)
    answer = c.get(f"/graph?token={TOKEN}")
    cookie = answer.headers["Set-Cookie"]
    assert answer.status_code == 302 and TOKEN not in answer.headers["Location"]
    assert cookie.startswith(f"{COOKIE}=") and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert c.get("/graph").status_code == 200


def test_a_cookie_does_not_replace_the_token_of_a_command():
    c = client(gate=True)
    c.get(f"/graph?token={TOKEN}")
    assert c.post("/api/control/pause", json={}).status_code == 403
