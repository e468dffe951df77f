"""The queries of the Memory page, with numbers from paper."""

from __future__ import annotations

import numpy as np
import pytest

from graphscope.errors import TraceError
from graphscope.trace.reader import TraceReader
from graphscope.webapp.queries.clock import clock
from graphscope.webapp.queries.memory import at_json, run_json, step_json
from tests import golden
from tests.webapp.hand import LIVE, US, write


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write(tmp_path_factory.mktemp("hand") / "hand.gscope")


def test_a_step_is_exact_and_its_categories_sum_to_it(run):
    told = step_json(run, 0)
    stacks = dict(told["stacks"])
    assert told["recorded"] and told["at"] == [10 * US, 30 * US, 50 * US, 70 * US, 90 * US, 110 * US, 140 * US]  # fmt: skip
    assert np.sum(list(stacks.values()), axis=0).tolist() == LIVE
    assert stacks["parameter"] == [16] * 7 and stacks["input"] == [16] * 7
    assert stacks["saved for backward"] == [0, 16, 16, 16, 16, 0, 0]
    assert stacks["gradient"] == [0, 0, 0, 16, 32, 32, 16]
    assert (told["peak"], told["peak_bytes"]) == (4, 84)
    assert [p[0] for p in told["phases"]] == ["forward", "backward", "update"]


def test_the_peak_says_who_holds_it_and_why(run):
    told = step_json(run, 0)
    assert told["moment"]["text"] == "84 B while the gradient of relu (train.py:4) runs"
    rows = {row["label"]: row for row in told["rows"]}
    assert sum(row["bytes"] for row in told["rows"]) == 84 and len(rows) == 6
    assert rows["net.relu"]["why"] == "needed by the gradient of relu (train.py:4)"
    assert rows["net.relu"]["id"] == "n1" and rows["w"]["id"] == "p1"
    assert rows["sum"]["why"] == "outlives the step"
    by = {row["key"]: row["size"] for row in told["by"]["category"]}
    assert by == {
        "gradient": "32 B", "input": "16 B", "parameter": "16 B", "saved for backward": "16 B", "activation": "4 B",
    }  # fmt: skip


def test_every_moment_sums_to_what_is_alive(run):
    for node, size in enumerate(LIVE):
        told = at_json(run, 1, node)
        assert told["moment"]["bytes"] == size == sum(row["bytes"] for row in told["rows"])
    with pytest.raises(TraceError, match="no op 7"):
        at_json(run, 1, 7)


def test_a_gradient_leads_to_the_value_that_it_is_of(run):
    rows = {row["label"]: row["id"] for row in at_json(run, 0, 6)["rows"]}
    assert rows["net.grad of w"] == "p1" if "net.grad of w" in rows else rows["grad of w"] == "p1"


def test_the_run_has_its_steps(run):
    told = run_json(run, clock(run))
    assert (told["num"], told["live"], told["peak"]) == ([0, 1], [32, 32], [84, 84])
    assert told["most"] == [0, 84, "84 B"] and not told["growth"]["grows"]


def test_a_run_without_memory_says_how_to_switch_it_on(tmp_path):
    reader = write(tmp_path / "off.gscope", memory="off")
    told = step_json(reader, None)
    assert not told["recorded"] and "memory=False" in told["why"]
    assert "memory=True" in told["switch"]
    assert not run_json(reader, clock(reader))["recorded"]
    with pytest.raises(TraceError, match="not recorded"):
        at_json(reader, 0, 1)


def test_ten_thousand_ops_are_thinned_and_keep_the_peak(tmp_path):
    reader = TraceReader(golden.build("many", tmp_path, n_ops=3000))
    told = step_json(reader, None)
    total = np.sum([column for _, column in told["stacks"]], axis=0)
    assert told["ops"] > len(total) and total.max() == told["peak_bytes"]
    assert told["peak"] in told["node"] and told["more"] > 0


def test_growth_names_its_suspects(tmp_path):
    from graphscope.trace.writer import TraceWriter
    from tests.golden_sketch import Dictionary, Sketch

    w = TraceWriter(tmp_path / "leak.gscope", golden.META | {"run": "leak"})
    s = Sketch(Dictionary(w))
    x = s.port("x", "input", (64, 64))
    s.node("relu", [x], (64, 64), line=9)
    s.write(0)
    s.write_shapes(0, 0)
    for k in range(20):
        w.add_step(k, "train", k, 0, 0, t0_ns=k * 1000, wall_ns=900, live0=16384 * (k + 1), begin_ns=[10], dur_ns=[20])  # fmt: skip
    w.commit()
    for k in range(4):
        w.add_left(k, 0, 16384, k + 2)
    w.close()
    told = run_json(TraceReader(w.path), clock(TraceReader(w.path)))
    assert told["growth"]["grows"] and "16.0 KiB a step" in told["growth"]["text"]
    assert told["survivors"][0] == {
        "op": "relu", "line": "train.py:9", "module": "", "per_step": "16.0 KiB", "steps": "4",
    }  # fmt: skip


def test_over_the_run_what_is_alive_stands_by_category(tmp_path):
    w = golden.tiny(tmp_path / "long.gscope", run="long", close=False)
    with TraceReader(w.path) as reader:
        step = reader.step(2)
    times = {"begin_ns": step.begin_ns, "dur_ns": step.dur_ns, "wall_ns": step.wall_ns}
    for k, size in {3: 500, 4: 900, 5: 900, 6: 300}.items():
        w.add_step(k, "train", k, 0, 0, t0_ns=k * 10**7, loss=1.0, live0=size, **times)
    # Looked at when steps 2 and 3 ended.
    for k, category, size in (
        (2, "parameter", 400), (2, "input", 100), (3, "parameter", 400), (3, "optimizer_state", 450),
    ):  # fmt: skip
        w.add_alive(k, category, size)
    w.close()
    with TraceReader(w.path) as reader:
        told = run_json(reader, clock(reader))
    stacks = {name: column[-4:] for name, column in told["stacks"]}
    assert list(stacks) == ["parameter", "optimizer state", "input", "other"]
    # Kept until the next look, and never more than is alive.
    assert stacks["parameter"] == [400, 400, 400, 141] and stacks["input"] == [100, 0, 0, 0]
    assert stacks["optimizer state"] == [0, 450, 450, 158] and stacks["other"] == [0, 50, 50, 1]
    sums = [sum(sizes) for sizes in zip(*(column for _, column in told["stacks"]), strict=True)]
    assert sums == told["live"]


@pytest.mark.parametrize("name", ["tiny", "digits_like", "hostile", "failed", "one_step"])
def test_the_routes_answer_for_every_run(client, name):
    told = client.get(f"/api/memory?run={name}").json
    assert told["recorded"] and len(told["at"]) == len(told["node"])
    node = told["node"][0]
    at = client.get(f"/api/memory/at?run={name}&step={told['step']}&node={node}").json
    assert at["moment"]["node"] == node
    assert client.get(f"/api/memory/run?run={name}").json["steps"] > 0


def test_questions_that_make_no_sense_get_a_sentence(client):
    for query in (
        "at?run=tiny&node=999",
        "at?run=tiny",
        "at?run=tiny&node=x",
        "at?run=empty&node=1",
    ):
        answer = client.get(f"/api/memory/{query}")
        assert answer.status_code == 404 and answer.json["error"], query
    assert client.get("/api/memory?run=empty").status_code == 404
    assert client.get("/api/memory/run?run=empty").json["num"] == []
