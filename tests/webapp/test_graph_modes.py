"""What the graph page asks for beside the plain picture, worked out on paper for small traces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask

from graphscope.analysis import custom
from graphscope.trace.reader import TraceReader
from graphscope.webapp import api_graph
from graphscope.webapp.shared import Shared
from tests import golden


class Folder:
    def __init__(self, folder: Path) -> None:
        self.folder, self.open, self.shared = folder, {}, Shared()

    def reader(self, run: str) -> TraceReader:
        if run not in self.open:
            self.open[run] = TraceReader(self.folder / f"{run}.gscope")
        return self.open[run]


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    where = tmp_path_factory.mktemp("runs")
    for name in ("tiny", "digits_like", "failed", "hostile", "one_step"):
        golden.build(name, where)
    writer = golden.tiny(where / "logged.gscope", run="logged", close=False)
    writer.add_text("overlay/age", 0, custom.text({"h": 1.5, "w1": -2.0, "n3": 0.0}, "days"))
    writer.add_text("overlay/<b>", 0, "no JSON at all")
    writer.close()
    server = Flask("test")
    source = Folder(where)
    api_graph.register(server, source)
    client = server.test_client()

    def get(path: str, expect: int = 200, **query: Any) -> Any:
        answer = client.get(f"/api/{path}", query_string=query)
        assert answer.status_code == expect, answer.text
        return json.loads(answer.text, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))

    yield get
    for reader in source.open.values():
        reader.close()


def tiny_weights(step: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    w1, w2 = rng.normal(size=(3, 5)) / 2, rng.normal(size=(5, 2)) / 2
    for _ in range(step):
        table = golden.tiny_numbers(w1, w2)
        w1, w2 = w1 - 0.01 * table[-2, "g"], w2 - 0.01 * table[-3, "g"]
    return w1, w2


def test_gradients_arrive_in_recorded_order(ask):
    told = ask("backprop", run="tiny", step=2)
    # The seed, then loss -> pow -> sub -> out and y ... as the sketch writes its backward, last op first.
    assert told["moves"][0] | {"node": ""} == {
        "node": "", "by": "", "to": "n5", "label": "loss", "text": "1", "tex": "1", "ns": "",
    }  # fmt: skip
    order = [(move["by"], move["to"]) for move in told["moves"][1:]]
    assert order[:3] == [("n5", "n4"), ("n4", "n3"), ("n3", "n2")]
    assert ("n2", "p2") in order and ("n0", "p1") in order
    assert [move["to"] for move in told["moves"] if move["text"] == ""] == []
    assert "has not run" in ask("backprop", run="failed", step=7)["why"]


def test_two_steps_have_one_graph_and_ten_largest_changes(ask):
    view = ask("graph", run="tiny", step=2, vs="step:0")
    assert {node["mark"] for node in view["nodes"]} == {""} and len(view["nodes"]) == 10
    told = ask("values", run="tiny", step=2, vs="step:0")
    assert told["counts"] == {"added": 0, "removed": 0, "changed": 0}
    by_id = {row["id"]: row for row in told["largest"]["value"]}
    assert "p0" not in by_id and "p3" not in by_id  # the inputs are the same numbers
    (a, _), (b, _) = tiny_weights(2), tiny_weights(0)
    relative = np.abs(a - b).max() / max(np.abs(a).max(), np.abs(b).max())
    assert by_id["p1"]["size"] == pytest.approx(relative, rel=1e-4)
    sizes = [row["size"] for row in told["largest"]["value"]]
    assert sizes == sorted(sizes, reverse=True) and len(sizes) <= 10
    assert told["legend"]["mode"] == "change" and all(told["legend"]["ends"])
    was = ask("values", run="tiny", step=0)["nodes"]["n1"]
    assert told["nodes"]["n1"]["was"]["v"] == was["v"]
    assert "compared with step 0" in told["line"]


def test_the_union_of_two_graphs_marks_what_only_one_has(ask):
    """Step 7 of failed breaks off in its second matmul, with w2 of another shape."""
    marks = {n["id"]: n["mark"] for n in ask("graph", run="failed", step=7, vs="step:4")["nodes"]}
    assert marks["n0"] == "" and marks["n1"] == ""
    assert marks["n2"] == "changed" and marks["p2"] == "changed"
    assert {id for id, mark in marks.items() if mark == "removed"} == {
        "v:n3",
        "v:n4",
        "v:n5",
        "v:p3",
    }
    turned = {n["id"]: n["mark"] for n in ask("graph", run="failed", step=4, vs="step:7")["nodes"]}
    assert {id for id, mark in turned.items() if mark == "added"} == {"n3", "n4", "n5", "p3"}
    edges = ask("graph", run="failed", step=7, vs="step:4")["edges"]
    assert {e["mark"] for e in edges if e["dst"] == "v:n3"} == {"removed"}


def test_another_run_is_compared_at_the_same_step_or_its_last(ask):
    told = ask("values", run="tiny", step=2, vs="one_step")
    assert "compared with one_step, step 0" in told["line"]
    shut = ask("values", run="digits_like", vs="tiny", open="none")
    assert shut["counts"]["removed"] and shut["largest"]["structure"]
    assert ask("graph", 404, run="tiny", vs="nowhere")["error"]
    assert "99" in ask("graph", 404, run="tiny", vs="step:99")["error"]


def test_an_element_is_computed_with_its_own_numbers(ask):
    w1, w2 = tiny_weights(2)
    table = golden.tiny_numbers(w1, w2)
    h, out = table[1, "v"], table[2, "v"]
    told = ask("element", run="tiny", step=2, node="n2", index="2,1")["filled"]
    assert told["index"] == [2, 1]
    assert told["tex"].startswith("y_{2,1} = ") and told["tex"].count(r"\cdot ") == 3
    assert told["tex"].endswith(f"= {out[2, 1]:.3f}") and f"{h[2, 2]:.3f}" in told["tex"]
    relu = ask("element", run="tiny", step=2, node="n1", index="2,2")["filled"]["tex"]
    assert relu == rf"y_{{2,2}} = \max({table[0, 'v'][2, 2]:.3f}, 0) = {h[2, 2]:.3f}"
    for wrong in ("9,9", "1", "a,b", "1,1,1", "-1,0"):
        assert ask("element", run="tiny", step=2, node="n1", index=wrong)["filled"] is None


def test_formula_tells_shape_and_value_of_each_letter(ask):
    told = ask("node", run="tiny", step=2, node="n2")["formula"]
    assert [(x["letter"], x["name"], x["shape"]) for x in told["names"]] == [
        ("a", "h", "4×5"), ("b", "w2", "5×2"), ("y", "out", "4×2"),
    ]  # fmt: skip
    assert told["names"][2]["value"] == ask("values", run="tiny", step=2)["nodes"]["n2"]["v"]
    facts = dict(ask("node", run="tiny", node="n1")["facts"])
    assert "lives" in facts or "lives until" in facts
    past = ask("node_history", run="digits_like", node="n4")["times"]
    assert past["said"].startswith("p50 ") and ", p95 " in past["said"]


def test_search_says_what_matched_and_where(ask):
    def hits(q: str) -> list[tuple[str, str, str]]:
        found = ask("search", run="tiny", q=q)["hits"]
        return [(h["id"], h["where"], h["match"][h["at"] : h["at"] + len(q)]) for h in found]

    assert hits("relu") == [("n1", "op", "relu")]
    assert {id for id, where, _ in hits("4x5") if where == "shape"} == {"n0", "n1"}
    assert hits("train.py:9") == [("n2", "line", "train.py:9")]
    assert hits("w2") == [("p2", "name", "w2")]
    deep = ask("search", run="digits_like", q="net.conv3")["hits"]
    assert {h["where"] for h in deep} == {"module"}


def test_what_is_not_finite_has_its_way_to_the_loss(ask):
    told = ask("values", run="failed", step=6)["trail"]
    assert told["node"] == "n3" and told["path"] == [3, 4, 5] and "NaN" in told["why"]
    assert "trail" not in ask("values", run="failed", step=3)
    failed = ask("values", run="failed", step=7)["nodes"]["n2"]
    assert failed["failed"] == "failed" and failed["operands"] == "4×5 · 6×2"


def test_logged_numbers_colour_their_nodes(ask):
    assert ask("graph", run="logged")["custom"] == ["age", "<b>"]
    told = ask("values", run="logged", color="custom:age")
    assert told["legend"]["title"] == "age (days)"
    assert told["legend"]["ends"] == ["−2.00 days", "2.00 days"]
    coloured = {id for id, card in told["nodes"].items() if "color" in card}
    assert coloured == {"n1", "p1", "n3"}
    assert ask("values", run="logged", color="custom:<b>")["legend"]["ends"] == ["", ""]


@pytest.mark.parametrize("color", ["forward", "backward", "update", "health", "device", "findings"])
def test_every_overlay_answers_for_every_kind_of_run(ask, color):
    for run in ("tiny", "digits_like", "failed", "hostile"):
        for mode in ("", "unrolled"):
            told = ask("values", run=run, color=color, mode=mode)
            assert told["legend"]["mode"] == color
            ids = {n["id"] for n in ask("graph", run=run, mode=mode)["nodes"]}
            assert set(told["nodes"]) == ids


def test_backward_beside_forward_and_a_part_of_it(ask):
    view = ask("graph", run="tiny", mode="unrolled")
    assert sum(n["kind"] == "grad" for n in view["nodes"]) == 8 and ["n1", "~n2"] in view["saved"]
    part = ask("graph", run="tiny", focus="near:n2:1", mode="unrolled")
    assert {n["id"] for n in part["nodes"] if n["kind"] != "grad"} == {"n1", "n2", "n3", "p2"}
    assert part["focus"] == "near:n2:1"
    assert ask("graph", run="tiny", focus="near:n77:1")["focus"] == ""


def test_lines_of_an_op_say_what_backward_sends_along(ask):
    edges = {(e["src"], e["dst"]): e for e in ask("graph", run="tiny")["edges"]}
    graph = ask("backprop", run="tiny")
    sent = {(m["to"], m["by"]): m["tex"] for m in graph["moves"] if m["by"]}
    assert edges["n0", "n1"]["tex"] == sent["n0", "n1"]


def test_numbers_do_not_lay_the_graph_out_again(tmp_path, monkeypatch):
    """The page asks for numbers with the scopes that the layout opened by itself."""
    from graphscope.webapp.queries import diff, graph
    from graphscope.webapp.queries.graph import Views, Wish, graph_json
    from graphscope.webapp.queries.values import values_json

    reader = TraceReader(golden.build("digits_like", tmp_path))
    views, laid = Views(), []
    build, pair = graph.build, diff.pair
    monkeypatch.setattr(graph, "build", lambda *a, **k: (laid.append("one"), build(*a, **k))[1])
    monkeypatch.setattr(diff, "pair", lambda *a, **k: (laid.append("two"), pair(*a, **k))[1])
    view = graph_json(reader, views, Wish(step=5))
    opened = ",".join(view["opened"])
    for step in (5, 6, 7):
        values_json(reader, views, Wish(step=step, opened=opened))
    assert laid == ["one"]
    both = diff.diff_graph_json(reader, views, Wish(step=5, vs="step:1"), lambda run: reader)
    opened = ",".join(both["opened"])
    for step in (5, 6):
        wish = Wish(step=step, opened=opened, vs="step:1")
        diff.diff_values_json(reader, views, wish, lambda run: reader)
    assert laid == ["one", "two"]
