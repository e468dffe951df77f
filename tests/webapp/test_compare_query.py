"""The Compare page's answers, against numbers of the golden traces that were counted by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from graphscope.errors import TraceError
from graphscope.trace.reader import TraceReader
from graphscope.webapp.queries.both import both_json
from graphscope.webapp.queries.compare import compare_json, numbers_json, structure_json
from graphscope.webapp.queries.sides import facts, sides


@pytest.fixture(scope="module")
def other(runs):
    kept = {}

    def reader(name):
        if name not in kept:
            if not (runs / f"{name}.gscope").exists():
                raise TraceError(f"There is no run {name!r}.")
            kept[name] = TraceReader(runs / f"{name}.gscope")
        return kept[name]

    return reader


def pair(other, run, vs, num=None):
    return sides(other(run), run, vs, num, other)


def whole(other, run, vs, num=None, by="op"):
    answer = compare_json(other(run), run, vs, num, by, other)
    json.dumps(answer, allow_nan=False)
    return answer


def test_a_run_against_one_that_computes_the_same(other):
    answer = whole(other, "hostile", "tiny")
    assert (answer["a"]["name"], answer["b"]["name"]) == ("tiny", "hostile")
    assert "Fewer than 5 steps in A and B show no difference" in answer["ops"]["line"]
    assert {row["verdict"] for row in answer["ops"]["rows"]} == {"no difference shown"}
    assert answer["ops"]["total"]["ratio"] == 1.0


def test_two_steps_of_one_run(other):
    answer = whole(other, "tiny", "step:0", 2)
    tiny = other("tiny")
    rows = {row["key"]: row for row in answer["ops"]["rows"]}
    graph = tiny.graph(0)
    mine = [i for i in range(graph.n) if graph.op_name(i) == "matmul"]
    a, b = (float(tiny.step(k).dur_ns[mine].sum()) for k in (0, 2))
    assert rows["matmul"]["a_p50"] == a and rows["matmul"]["b_p50"] == b
    assert rows["matmul"]["delta"] == b - a and rows["matmul"]["delta_flops"] == 0
    assert answer["steps"] and answer["a"]["name"] == "step 0" and answer["b"]["go"] is None
    told = {row["name"]: (row["a"], row["b"]) for row in answer["facts"]}
    assert told["loss"] == ("9.568", "8.619")
    assert answer["structure"]["counts"] == {"removed": 0, "added": 0, "changed": 0}


def test_the_largest_change_of_two_steps_by_hand(other):
    """w1 moved by 0.01 of its gradients: the difference of the two values, over the largest element."""
    a, b = pair(other, "tiny", "step:0", 2)
    wild = replace(b, step=replace(b.step, loss=None, nonfinite=True))
    assert next(f for f in facts(a, wild) if f["name"] == "loss")["b"] == "NaN"
    rows = numbers_json(a, b)["rows"]
    row = next(r for r in rows if r["label"] == "w1" and r["what"] == "value")
    tiny = other("tiny")
    one, two = (tiny.values(k).get(-2, "v").thumb.values.astype(float) for k in (0, 2))
    gap = np.abs(one - two).max() / max(np.abs(one).max(), np.abs(two).max())
    assert row["size"] == pytest.approx(gap) and row["node"] == "p1" and row["exact"]
    sizes = [r["size"] for r in rows]
    assert sizes == sorted(sizes, reverse=True)


def test_runs_that_agree_and_the_first_value_in_which_they_part(other, runs, tmp_path):
    from tests.golden import tiny

    a, b = pair(other, "one_step", "tiny")
    same = numbers_json(a, b)
    assert same["first"] is None and "agree to 0.0001 in the one step" in same["line"]
    path = tmp_path / "drift.gscope"
    tiny(path, names={"h": "h2"})
    drift = TraceReader(path)
    left = drift.values(1).entries[(1, "v")]
    left.thumb.values[0] += 1.0
    drift.values = _with_first(drift, left)
    parted = compare_json(drift, "drift", "tiny", None, "op", other)["numbers"]
    assert parted["first"]["node"] == "n1" and parted["first"]["step"] == 1
    assert parted["line"].startswith("The first difference is in step 1: the value of h2")


def _with_first(reader, entry):
    """The reader's values, but node 1 of step 1 is ``entry``."""
    plain = reader.values

    def values(num=-1, kind="train"):
        found = plain(num, kind)
        if found is not None and found.num == 1:
            found.entries[(1, "v")] = entry
        return found

    return values


def test_what_was_added_removed_and_changed(other):
    a, b = pair(other, "digits_like", "tiny")
    found = structure_json(a, b)
    # tiny's six ops have no module and digits_like has a sum in none: matmul, relu, matmul, sub, pow, sum.
    assert found["counts"]["removed"] == 6
    assert {op["op"] for op in found["removed"]} == {"matmul", "relu", "sub", "pow", "sum"}
    back = structure_json(b, a)
    assert back["counts"]["added"] == 6 and back["counts"]["removed"] == found["counts"]["added"]


def test_a_smaller_batch_changes_shapes_and_a_run_is_its_typical_step(other):
    a, b = pair(other, "digits_like", "step:14", 0)
    found = structure_json(a, b)
    assert found["counts"]["added"] == found["counts"]["removed"] == 0
    assert any(op["why"].startswith("5\u00d7") for op in found["changed"])
    a, b = pair(other, "digits_like", "tiny", 14)
    assert b.step.num != 14, "the last, smaller batch does not stand for the run"


def test_facts_say_what_differs(other):
    rows = facts(*pair(other, "digits_like", "tiny"))
    told = {row["name"]: row for row in rows}
    assert told["steps"]["a"] == "3" and told["steps"]["b"] == "60"
    # 3x5 + 5x2 weights; and every row says whether both are the same.
    assert told["parameters"]["a"] == "25" and not told["parameters"]["same"]
    assert told["sgd_ lr"]["a"] == told["sgd_ lr"]["b"] == "0.0100" and told["sgd_ lr"]["same"]
    # Forward 120 + 20 + 80 + 8 + 8 + 1, backward 8 + 8 + 8 + 160 + 20 + 120, and 25 weights stepped.
    assert told["operations of a step"]["a"] == "586 FLOP"
    assert told["command"]["a"] == "train.py"  # an older trace holds a list


def test_sizes_in_what_is_recorded_have_a_unit(other, monkeypatch):
    header = other("tiny").header() | {
        "memory_total:cuda:0": str(16 << 30),
        "max_size": str(1 << 30),
    }
    monkeypatch.setattr(other("tiny"), "header", lambda: header)
    told = {row["name"]: row["b"] for row in facts(*pair(other, "tiny", "digits_like"))}
    assert told["memory of cuda:0"] == "16.0 GiB" and told["trace at most"] == "1.00 GiB"


def test_curves_of_both_with_the_loss_first(other):
    both = [(name, other(name)) for name in ("tiny", "digits_like")]
    answer = both_json(both, "")
    json.dumps(answer, allow_nan=False)
    assert answer["tags"][0] == answer["tag"] == "loss"
    lines = [trace for trace in answer["figure"]["data"] if "customdata" in trace]
    assert [len(line["y"]) for line in lines] == [3, 60]
    assert [text for _, text in answer["last"]] == ["8.619", "0.09274"]
    only_b = both_json(both, "lr")
    assert only_b["tag"] == "lr" and only_b["last"][0][1] == "\u2014"
    marked = both_json(both[1:], "loss", marked=(3, 40))["figure"]["layout"]["shapes"]
    assert [mark["x0"] for mark in marked] == [3, 40]


def test_a_loss_under_another_name_is_still_the_loss():
    series = {
        "a": {"loss": (np.arange(2), np.array([1.0, 2.0]), np.arange(2))},
        "b": {"train/loss": (np.arange(2), np.array([3.0, 4.0]), np.arange(2))},
    }
    answer = both_json([("x", "a"), ("y", "b")], "", series=series.get)
    assert [text for _, text in answer["last"]] == ["2.000", "4.000"]


@pytest.mark.parametrize(
    ("run", "vs"),
    [("failed", "tiny"), ("hostile", "step:0"), ("tiny", "failed"), ("one_step", "digits_like")],
)
def test_odd_runs_are_compared_as_far_as_they_go(other, run, vs):
    for by in ("op", "scope", "line"):
        whole(other, run, vs, by=by)


def test_what_cannot_be_compared_says_why(client):
    wrong = {
        "run=tiny": "Choose what",
        "run=tiny&vs=tiny": "against itself",
        "run=tiny&vs=step:2": "against itself",
        "run=tiny&vs=step:77": "no train step 77",
        "run=tiny&vs=nobody": "no run 'nobody'",
        "run=tiny&vs=empty": "no step yet",
        "run=empty&vs=tiny": "no step yet",
        "run=tiny&vs=broken": "another kind of file",
        "run=tiny&vs=failed&by=x": "no such table",
    }
    for query, why in wrong.items():
        got = client.get(f"/api/compare?{query}")
        assert got.status_code == 404 and why in got.json["error"], (query, got.json)
    assert client.get("/api/compare_curves?run=tiny&vs=failed").json["tag"] == "loss"
    assert client.get("/api/compare?run=tiny&vs=failed").status_code == 200
