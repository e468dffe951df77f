"""The graph as a file out of the dashboard: formats, file names, and what is refused."""

import re
from xml.etree import ElementTree

import pytest

from graphscope.view.overlay import OVERLAYS


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


def drawn(client, **query):
    """The texts of a figure, and the colours of what is filled."""
    answer = client.get("/api/figure", query_string={"as": "svg"} | query)
    assert answer.status_code == 200, answer.text
    root = ElementTree.fromstring(answer.data)
    texts = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
    return texts, set(re.findall(r'fill="(#[0-9A-Fa-f]{6})"', answer.text))


@pytest.mark.parametrize("run", ["digits_like", "failed"])
@pytest.mark.parametrize("color", OVERLAYS)
def test_every_colouring_is_drawn_with_its_legend(client, run, color):
    look = client.get("/api/values", query_string={"run": run, "color": color, "vs": "step:3" if color == "change" else ""}).json  # fmt: skip
    query = {"run": run, "color": color} | ({"vs": "step:3"} if color == "change" else {})
    texts, fills = drawn(client, **query)
    legend = look["legend"]
    words = [name for _, name in legend["entries"]] if legend["kind"] == "names" else legend["ends"]
    said = " ".join(texts)
    assert all(word in said for word in words), (words, texts[-8:])
    mine = {colour for colour, _ in legend["entries"]} | set(legend["colours"])
    assert mine <= {fill.upper() for fill in fills} | fills or color == "family"


def test_it_is_what_the_page_shows(client):
    """A part of the graph alone, both halves, another step beside it: not the whole graph all the same."""
    whole, _ = drawn(client, run="tiny")
    part, _ = drawn(client, run="tiny", focus="loss:n2")
    assert "relu" in " ".join(whole) and "relu" not in " ".join(part)
    both, _ = drawn(client, run="tiny", mode="unrolled")
    assert len(both) > len(whole)
    against, _ = drawn(client, run="failed", step="7", vs="step:4")
    said = " ".join(against)
    assert "compared with step 4" in said and "\u22124 removed, \u22602 changed" in said
    assert "\u2212 pow" in against and "\u2260 w2" in against
    assert client.get("/api/figure?run=tiny&vs=gone").status_code == 404


@pytest.mark.parametrize("more", ["", "&focus=from:n0", "&mode=unrolled", "&vs=step:0", "&vs=tiny", "&color=findings"])  # fmt: skip
def test_a_hostile_run_is_inert(client, more):
    answer = client.get(f"/api/figure?run=hostile&as=svg{more}")
    assert answer.status_code == 200
    assert b"<script>" not in answer.data and ElementTree.fromstring(answer.data) is not None
    assert "attachment" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("query", ["run=tiny&as=exe", "run=gone", "run=empty", "run=tiny&step=99"])
def test_what_is_not_there_is_a_sentence(client, query):
    answer = client.get(f"/api/figure?{query}")
    assert answer.status_code == 404 and answer.json["error"].endswith(".")
