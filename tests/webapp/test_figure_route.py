"""The graph as a file out of the dashboard: formats, file names, and what is refused."""

import pytest


@pytest.mark.parametrize(
    ("kind", "begins"),
    [("svg", b"<svg"), ("pdf", b"%PDF"), ("png", b"\x89PNG"), ("tikz", b"%")],
)
def test_every_format_is_a_download(client, kind, begins):
    answer = client.get("/api/figure", query_string={"run": "tiny", "step": "1", "as": kind})
    assert answer.status_code == 200
    assert answer.data.lstrip().startswith(begins)
    told = answer.headers["Content-Disposition"]
    assert told == f'attachment; filename="tiny-step1.{kind}"'


def test_it_follows_step_scopes_and_colours(client):
    ask = {"run": "digits_like", "as": "svg"}
    shut = client.get("/api/figure", query_string=ask | {"open": "none"}).data
    open_ = client.get("/api/figure", query_string=ask | {"open": "all", "theme": "dark"}).data
    assert len(open_) > len(shut)
    strange = client.get("/api/figure", query_string=ask | {"color": "no such", "step": "x"})
    assert strange.status_code == 200


def test_a_hostile_run_is_inert(client):
    answer = client.get("/api/figure?run=hostile&as=svg")
    assert answer.status_code == 200
    assert b"<script>" not in answer.data
    assert "attachment" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("query", ["run=tiny&as=exe", "run=gone", "run=empty", "run=tiny&step=99"])
def test_what_is_not_there_is_a_sentence(client, query):
    answer = client.get(f"/api/figure?{query}")
    assert answer.status_code == 404 and answer.json["error"].endswith(".")
