"""The routes behind the graph page, on traces of known content."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from flask import Flask

from graphscope.errors import TraceError
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.view.source import Source
from graphscope.view.visible import AllBut
from graphscope.webapp import api_graph
from graphscope.webapp.queries.facts import facts
from graphscope.webapp.queries.graph import Views, Wish, graph_json, look, opened_scopes, way
from graphscope.webapp.queries.values import step_line
from graphscope.webapp.shared import Shared
from tests import golden, golden_large


class Folder:
    """The little of a run directory that the routes ask for."""

    def __init__(self, folder):
        self.folder, self.open, self.shared = folder, {}, Shared()

    def reader(self, run):
        if run not in self.open:
            self.open[run] = TraceReader(self.folder / f"{run}.gscope")
        return self.open[run]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("runs")
    for name in ("tiny", "digits_like", "hostile", "empty", "one_step", "failed"):
        golden.build(name, where)
    golden.build("many", where, n_ops=400)
    return where


@pytest.fixture(scope="module")
def ask(folder):
    server = Flask("test")
    source = Folder(folder)
    api_graph.register(server, source)
    client = server.test_client()

    def get(path, expect=200, **query):
        answer = client.get(
            f"/api/{path}", query_string={k: v for k, v in query.items() if v != ""}
        )
        assert answer.status_code == expect, answer.text
        return json.loads(answer.text, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))

    yield get
    for reader in source.open.values():
        reader.close()


def test_tiny_graph_has_its_ten_cards(ask):
    view = ask("graph", run="tiny")
    labels = {node["label"] for node in view["nodes"]}
    assert {"x", "w1", "w2", "y", "h", "out"} <= labels
    assert len(view["nodes"]) == 10 and view["step"] == 2


def test_values_are_for_the_cards_of_the_layout(ask):
    view = ask("graph", run="digits_like", open="net")
    values = ask("values", run="digits_like", open="net")
    assert set(values["nodes"]) == {node["id"] for node in view["nodes"]}
    assert values["graph"] == view["graph"]


def test_values_say_from_which_step_they_are(ask):
    values = ask("values", run="digits_like", step=59)
    assert values["value_step"] < 59
    assert f"values from step {values['value_step']}" in values["line"]


@pytest.mark.parametrize("color", ["time", "memory", "grad"])
def test_overlay_gives_readable_text_on_every_fill(ask, color):
    values = ask("values", run="tiny", color=color)
    filled = [card for card in values["nodes"].values() if "color" in card]
    assert filled and all(card["on"].startswith("#") for card in filled)
    assert all(values["legend"]["ends"])


def test_unknown_overlay_is_the_plain_one(ask):
    assert ask("values", run="tiny", color="<script>")["legend"]["mode"] == "family"


def test_closing_and_opening_scopes(ask):
    shut = ask("graph", run="digits_like", open="none")
    opened = ask("graph", run="digits_like", open="net")
    everything = ask("graph", run="digits_like", open="all")
    assert [n["kind"] for n in shut["nodes"]].count("scope") >= 1 and not shut["groups"]
    assert [g["id"] for g in opened["groups"]] == ["s:net"]
    assert len(everything["nodes"]) > len(opened["nodes"])
    assert not any(n["kind"] == "scope" for n in everything["nodes"])


def test_a_link_to_a_hidden_node_opens_its_scopes(ask):
    everything = ask("graph", run="many", open="all")
    deep = next(n for n in everything["nodes"] if n["kind"] == "op" and "." in n["scope"])
    view = ask("graph", run="many", node=deep["id"])
    assert deep["id"] in {n["id"] for n in view["nodes"]}


def test_open_scopes_in_the_url():
    assert opened_scopes(None) is None and opened_scopes("auto") is None
    assert opened_scopes("none") == frozenset()
    assert opened_scopes("a.b,c%2Cd") == {"a.b", "c,d"}
    assert "a.b" in (opened_scopes("all") or ()) and opened_scopes("all") == AllBut()
    assert opened_scopes("all,-a.b,-c%2Cd") == AllBut(frozenset({"a.b", "c,d"}))
    assert opened_scopes("all,a") == {"all", "a"}, "a module may be called that"
    assert way("a.b.c") == ["a", "a.b", "a.b.c"]


def test_node_shows_value_and_gradient_side_by_side(ask):
    relu = next(n for n in ask("graph", run="tiny")["nodes"] if n["label"] == "h")
    node = ask("node", run="tiny", node=relu["id"])
    assert node["signature"] == "(4×5) → 4×5"
    assert node["tensors"]["v"]["thumb"]["shape"] == [4, 5]
    assert node["tensors"]["g"]["stats"]
    assert node["source"]["short"] == "train.py:8"
    assert [line[1] for line in node["source"]["lines"] if line[2]] == ["    h = (x @ w1).relu()"]
    facts = dict(node["facts"])
    assert facts["output size"] == "80 B" and "relu" in facts["kept alive by"]


def test_scalar_and_port_and_scope_have_facts(ask):
    view = ask("graph", run="tiny")
    loss = next(n for n in view["nodes"] if n["shape"] == "scalar")
    told = ask("node", run="tiny", node=loss["id"])
    assert told["tensors"]["v"]["hist"] is None and told["tensors"]["v"]["thumb"]["shape"] == []
    parameter = next(n for n in view["nodes"] if n["kind"] == "param")
    assert ask("node", run="tiny", node=parameter["id"])["source"] is None
    scope = ask("node", run="digits_like", node="s:net")
    assert scope["slowest"] and dict(scope["facts"])["ops"] != "0"


def test_input_that_backward_never_reaches_says_so(ask):
    x = next(n for n in ask("graph", run="tiny")["nodes"] if n["label"] == "x")
    gradient = ask("node", run="tiny", node=x["id"])["tensors"]["g"]
    assert gradient["text"] == "—" and "does not come by" in gradient["why"]


def test_history_has_a_point_per_step(ask):
    past = ask("node_history", run="digits_like", node="n0")
    assert past["times"]["steps"][-1] == 59
    assert len(past["times"]["forward"]) == len(past["times"]["steps"])
    assert len(past["values"]["steps"]) == len(past["values"]["gradient"])


def test_nan_is_a_word_and_not_json(ask):
    node = ask("node", run="failed", step=6, node="n3")
    assert node["tensors"]["v"]["text"] == "NaN"
    assert set(node["tensors"]["v"]["thumb"]["values"]) == {"NaN"}
    assert node["tensors"]["v"]["health"][5] > 0
    ask("node_history", run="failed", step=6, node="n3")


def test_failed_step_is_drawn_as_far_as_it_came(ask):
    values = ask("values", run="failed")
    assert [id for id, card in values["nodes"].items() if card.get("failed")] == ["n2"]
    assert "ShapeError" in values["line"]


def test_what_failed_gave_nothing(folder):
    with TraceReader(folder / "failed.gscope") as reader:
        step = look(reader, None)
        graph = reader.graph(step.graph)
        source = Source(graph, reader, step.specs)
        assert "shape" in dict(facts(reader, graph, source, step, 2))
        graph.flags[2] |= schema.FAILED  # as the recorder marks the op that raised
        names = dict(facts(reader, graph, source, step, 2))
        assert names["result"] == "none: it failed"
        assert not {"shape", "dtype", "lives", "lives until"} & set(names)


def test_a_loss_that_is_no_number_is_said(folder):
    with TraceReader(folder / "tiny.gscope") as reader:
        step = replace(look(reader, 2), loss=None, nonfinite=True)
    assert "loss NaN" in step_line(step, 2)


def test_search_finds_what_is_folded_away(ask):
    found = ask("search", run="many", q="matmul")
    assert found["total"] > 0 and found["hits"][0]["inside"]
    assert ask("search", run="many", q="no such thing")["hits"] == []
    assert ask("search", run="tiny", q="train.py:8")["total"] == 2


@pytest.mark.parametrize(
    "path, query",
    [
        ("graph", {"run": "empty"}),
        ("values", {"run": "tiny", "step": "99"}),
        ("values", {"run": "tiny", "step": "-1"}),
        ("values", {"run": "tiny", "step": "1e9"}),
        ("node", {"run": "tiny", "node": "n999"}),
        ("node", {"run": "tiny", "node": "s:nowhere"}),
        ("node", {"run": "tiny", "node": "<b>"}),
        ("node_history", {"run": "tiny", "node": "s:net"}),
        ("graph", {"run": "nothing"}),
    ],
)
def test_errors_are_sentences(ask, path, query):
    told = ask(path, 404, **query)
    assert set(told) == {"error"} and told["error"].endswith(".")


def test_hostile_names_pass_as_data(ask):
    view = ask("graph", run="hostile")
    for node in view["nodes"]:
        told = ask("node", run="hostile", node=node["id"])
        assert told["label"] == node["label"] or told["label"]
    assert ask("search", run="hostile", q=golden.HOSTILE)["total"] > 0


def test_reader_errors_do_not_hide(folder):
    with TraceReader(folder / "tiny.gscope") as reader, pytest.raises(TraceError):
        reader.step(99)


def test_large_layouts_are_not_all_kept():
    views = Views(limit=4, cards=100)
    for k in range(3):
        views._get((k,), lambda: SimpleNamespace(nodes=[0] * 60))
    assert len(views._kept) == 1, "the newest stays, whatever its size"
    for k in range(9):
        views._get((10 + k,), lambda: SimpleNamespace(nodes=[0]))
    assert len(views._kept) == 4


@pytest.mark.parametrize("vs", ["", "step:1"])
def test_columns_say_what_the_cards_and_lines_say(ask, vs):
    plain = ask("graph", run="digits_like", open="all", vs=vs)
    packed = ask("graph", run="digits_like", open="all", vs=vs, **{"as": "columns"})
    cards, lines, frames = packed["cards"], packed["lines"], packed["frames"]

    def texts(column):
        return [column["of"][k] for k in column["at"]] if column["at"] else column["of"]

    assert cards["id"] == [n["id"] for n in plain["nodes"]]
    for name in ("kind", "label", "op", "shape", "scope", "site"):
        told = texts(cards[name])
        assert told * (len(plain["nodes"]) if len(told) == 1 else 1) == [
            n[name] for n in plain["nodes"]
        ]
    boxes = [[n["x"], n["y"], n["w"], n["h"]] for n in plain["nodes"]]
    assert cards["box"] == pytest.approx([10 * v for box in boxes for v in box], abs=0.6)
    assert cards["members"] == [m for n in plain["nodes"] for m in n["members"]]
    assert frames["id"] == [g["id"] for g in plain["groups"]]
    ends = [(cards["id"][a], cards["id"][b]) for a, b in zip(lines["src"], lines["dst"])]
    assert ends == [(e["src"], e["dst"]) for e in plain["edges"]]
    x = y = 0
    points = []
    for dx, dy in zip(lines["points"][::2], lines["points"][1::2]):
        x, y = x + dx, y + dy
        points.append([x / 10, y / 10])
    assert np.array(points) == pytest.approx(
        np.array([p for e in plain["edges"] for p in e["points"]]), abs=0.06
    )
    assert texts(lines["tex"]) == [e.get("tex", "") for e in plain["edges"]] or not any(
        e.get("tex") for e in plain["edges"]
    )
    for name in ("digest", "graph", "step", "vs", "open", "start", "focus"):
        assert packed[name] == plain[name]
    assert ("mark" in cards) == bool(vs)


def test_everything_is_open_where_ops_stand_in_stretches(tmp_path):
    """Stretches of a flat program are no modules: nothing in the recording says how they are called."""
    golden_large.build("wide", tmp_path, n=1000)
    with TraceReader(tmp_path / "wide.gscope") as reader:
        views = Views()
        everything = graph_json(reader, views, Wish(opened="all"))
        assert not any(n["kind"] == "scope" for n in everything["nodes"])
        but_one = graph_json(reader, views, Wish(opened="all,-ops 201-400"))
        assert [n["id"] for n in but_one["nodes"] if n["kind"] == "scope"] == ["s:ops 201-400"]
        assert everything["open"] == "all" and but_one["open"] == "all,-ops 201-400"
