"""The queries of the Time page: windows, blocks, ranges and the sorted flame, with numbers from paper."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphscope.errors import TraceError
from graphscope.trace.reader import TraceReader
from graphscope.webapp.queries import timeline
from graphscope.webapp.queries.clock import COLUMNS, Clocks, blocks, clock, groups, narrow
from graphscope.webapp.queries.flame import LANES, Flames
from graphscope.webapp.queries.lod import highest, merge
from graphscope.webapp.queries.spent import heavy_json, spent, table_json
from graphscope.webapp.queries.timeline import BYTES, pack, window
from tests import golden
from tests.webapp.hand import US, write


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write(tmp_path_factory.mktemp("hand") / "hand.gscope")


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    return TraceReader(golden.build("many", tmp_path_factory.mktemp("many"), n_ops=2000))


def unpack(message):
    size = int.from_bytes(message[:8], "little")
    head = json.loads(message[8 : 8 + size])
    at, columns = 8 + size, {}
    for name, kind, count in head["columns"]:
        dtype = np.dtype(kind)
        columns[name] = np.frombuffer(message, dtype, count, at)
        at += math.ceil(count * dtype.itemsize / 8) * 8
    assert at == len(message)
    return head, columns


def test_a_window_holds_the_ops_of_its_steps(run):
    head, c = unpack(pack(window(run, clock(run), Flames())))
    assert head["base"] == 1000 * US and head["unit"] == 1 and head["least"] == 0
    assert [s[0] for s in head["steps"]] == [0, 1] and head["chosen"] == 1
    assert (head["from"], head["first"], head["last"]) == (0, True, True)
    assert c["op_begin"].tolist()[:3] == [10 * US, 30 * US, 50 * US]
    assert c["op_begin"].tolist()[7] == 310 * US and c["op_step"].tolist() == [0] * 7 + [1] * 7
    texts = head["texts"]
    names = [texts[i] for i in c["node_name"]]
    assert names == ["matmul", "relu", "sum", "∂sum/∂x", "∂relu/∂x", "∂matmul/∂b", "sgd_"]
    assert [LANES[i] for i in c["node_lane"]] == ["forward"] * 3 + ["backward"] * 3 + ["update"]
    assert c["node_twin"].tolist() == [-1, -1, -1, 2, 1, 0, -1]
    assert c["node_card"].tolist() == [0, 1, 2, 2, 1, 0, 6]
    assert c["node_depth"].tolist() == [1, 1, 0, 0, 1, 1, 0]
    assert [texts[i] for i in c["node_line"]][:3] == ["train.py:3", "train.py:4", "train.py:5"]


def test_modules_reach_from_their_first_op_to_their_last(run):
    head, c = unpack(pack(window(run, clock(run), Flames(), num=0)))
    spans = [
        (head["texts"][p], int(b), int(b + d))
        for p, b, d in zip(c["mod_path"], c["mod_begin"], c["mod_dur"], strict=True)
    ]
    assert spans[:2] == [("net", 10 * US, 40 * US), ("net", 90 * US, 120 * US)]


def test_the_memory_strip_is_exact(run):
    _, c = unpack(pack(window(run, clock(run), Flames(), num=0)))
    assert c["mem_live"].tolist()[:7] == [48, 64, 52, 68, 84, 68, 52]


def test_blocks_sum_to_the_wall_time(run):
    found = blocks(clock(run), 0, math.inf)
    parts = dict(zip(COLUMNS, found["parts"], strict=True))
    assert found["count"] == [1, 1] and found["first"] == [0, 1] and found["kind"] == ["train"] * 2
    assert parts["forward"] == [30 * US] * 2 and parts["backward"] == [30 * US] * 2
    assert parts["update"] == [10 * US] * 2 and parts["python"] == [130 * US] * 2
    assert found["live"] == [32, 32] and found["peak"] == [84, 84]
    one = blocks(clock(run), 0, math.inf, most=1)
    assert one["count"] == [2] and [sum(p) for p in one["parts"]] == [
        sum(p) for p in found["parts"]
    ]
    assert one["begin"] == [1000 * US] and one["end"] == [1500 * US]


def test_a_range_is_summed_to_its_edges(run):
    found = spent(run, clock(run), Flames(), 1015 * US, 1035 * US)
    told = table_json(found)
    rows = {row["name"]: row for row in told["rows"]}
    assert rows["matmul"]["ns"] == 5 * US and rows["relu"]["ns"] == 5 * US and len(rows) == 2
    assert rows["relu"]["share_text"] == "25.0 %" and rows["relu"]["node"] == "n1"
    parts = {name: ns for name, ns, *_ in told["parts"]}
    assert parts == {"in ops": 10 * US, "Python between ops": 10 * US, "outside of steps": 0}


def test_a_range_over_everything_names_what_lies_between_steps(run):
    told = table_json(spent(run, clock(run), Flames(), 1000 * US, 1500 * US))
    parts = {name: ns for name, ns, *_ in told["parts"]}
    assert parts == {
        "in ops": 140 * US,
        "Python between ops": 260 * US,
        "outside of steps": 100 * US,
    }
    assert told["note"] == "500 µs, 2 steps, 14 ops"
    assert {row["count"] for row in told["rows"]} == {"2"}
    with pytest.raises(TraceError):
        spent(run, clock(run), Flames(), 5, 4)


def test_the_sorted_flame_adds_up(run):
    told = heavy_json(spent(run, clock(run), Flames(), 0, 2000 * US))
    rows = [
        (told["depth"][i], told["texts"][told["text"][i]], told["x"][i] // US, told["w"][i] // US)
        for i in range(len(told["x"]))
    ]
    assert told["total"] == 140 * US
    assert [r for r in rows if r[0] == 0] == [
        (0, "backward", 0, 60), (0, "forward", 60, 60), (0, "update", 120, 20),
    ]  # fmt: skip
    assert (1, "net", 0, 40) in rows and (1, "∂sum/∂x", 40, 20) in rows
    assert (1, "net", 60, 40) in rows and (2, "relu", 80, 20) in rows


def test_a_large_window_is_merged_and_loses_nothing(many):
    full = window(many, clock(many), Flames(), 0, 1e12, most=16 << 20)
    small = window(many, clock(many), Flames(), 0, 1e12, most=100_000)
    assert full.head["least"] == 0 < small.head["least"]
    assert sum(c.nbytes for c in small.columns.values()) <= 100_000
    assert small.columns["op_count"].sum() == len(full.columns["op_begin"])
    assert small.columns["op_busy"].sum() == full.columns["op_dur"].sum(dtype=np.int64)
    assert small.columns["mem_live"].max() == full.columns["mem_live"].max()
    assert len(pack(window(many, clock(many), Flames()))) <= BYTES * 1.2


def test_a_window_of_more_steps_than_fit_keeps_those_in_the_middle(runs, monkeypatch):
    monkeypatch.setattr(timeline, "STEPS", 20)
    reader = TraceReader(runs / "digits_like.gscope")
    found = window(reader, clock(reader), Flames(), 0, 1e15)
    assert len(found.head["steps"]) == 20 and not found.head["first"] and not found.head["last"]
    assert 0 < found.head["from"] < found.head["to"]


def test_a_step_that_is_not_there_is_said(run, tmp_path):
    with pytest.raises(TraceError, match="no step 99"):
        window(run, clock(run), Flames(), num=99)
    empty = TraceReader(golden.build("empty", tmp_path))
    with pytest.raises(TraceError, match="no step yet"):
        window(empty, clock(empty), Flames())
    assert blocks(clock(empty), 0, 1)["count"] == []


def test_the_clock_is_kept_until_there_are_more_steps(run):
    clocks = Clocks()
    assert clocks.get(run) is clocks.get(run)


def test_a_clock_reads_on_and_is_what_it_would_be_anew(tmp_path):
    w = golden.tiny(tmp_path / "on.gscope", steps=4, close=False)
    reader = TraceReader(w.path)
    before = clock(reader)
    w.add_step(9, "eval", 0, 0, 0, t0_ns=10**9, wall_ns=5)
    w.add_step(10, "train", 4, 0, 0, t0_ns=2 * 10**9, wall_ns=7, nonfinite=True)
    w.commit()
    on, anew = clock(reader, before), clock(reader)
    w.close()
    assert len(on) == 6 and on.num.tolist() == [0, 1, 2, 3, 0, 4] and on.bad[-1] == 1
    for column, other in zip(on.columns(), anew.columns(), strict=True):
        assert np.array_equal(column, other)


def test_a_clock_is_as_narrow_as_it_can_be_and_as_wide_as_it_must_be(tmp_path):
    w = golden.tiny(tmp_path / "wide.gscope", steps=3, close=False)
    w.add_step(9, "train", 3, 0, 0, t0_ns=10**12, wall_ns=9 * 10**9, live0=6 * 10**9)
    w.add_step(10, "eval", 0, 0, 0, t0_ns=10**11, wall_ns=5)
    w.close()
    reader = TraceReader(w.path)
    made, table = clock(reader), reader.steps()
    mine = made.kind == 0
    assert made.num[mine].tolist() == table.num.tolist() and made.num.dtype == np.uint8
    assert made.begin.tolist() == sorted(made.begin.tolist()) and made.kind.tolist() == [
        0,
        0,
        0,
        1,
        0,
    ]
    assert made.live.max() == 6 * 10**9 and made.peak.max() >= 6 * 10**9
    sums = np.sum([column[mine].astype(float) for column in made.parts], axis=0)
    assert sums.tolist() == table.wall_ns.tolist()
    assert narrow(np.array([1.0, 2.0**33])).tolist() == [1.0, 2.0**33]
    assert narrow(np.zeros(0, np.int64)).tolist() == []


intervals = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 60), st.integers(0, 3)), min_size=0, max_size=200
)


@settings(max_examples=60, deadline=None)
@given(intervals, st.floats(0, 500))
def test_merging_preserves_sums_counts_and_places(steps, least):
    gaps, durs, row = (np.array([s[k] for s in steps], np.int64) for k in range(3))
    begin = np.cumsum(gaps) + np.cumsum(durs) - durs
    end = begin + durs
    found = merge(begin, end, row, least)
    assert found.busy.sum() == durs.sum() and found.count.sum() == len(steps)
    assert (np.diff(found.begin) >= 0).all()
    for k in range(4):  # every interval lies in one bar of its own row
        mine = row[found.first] == k if len(steps) else np.zeros(0, bool)
        for b, e in zip(begin[row == k], end[row == k], strict=True):
            assert ((found.begin[mine] <= b) & (found.end[mine] >= e)).any()
    several = found.count > 1
    assert (found.end[several] - found.begin[several] <= 2 * least).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=300), st.floats(0, 40))
def test_a_thinned_curve_keeps_its_highest_point_and_its_end(values, least):
    at, value = np.arange(len(values)) * 3, np.array(values)
    kept = highest(at, value, least)
    assert value[kept].max() == value.max() and kept[-1] == len(values) - 1
    assert (np.diff(kept) > 0).all()


@given(st.integers(0, 5000), st.integers(1, 600))
def test_groups_cut_without_gaps(count, most):
    edges = groups(count, most)
    assert edges[0] == 0 and edges[-1] == count and len(edges) - 1 == min(count, most)
    assert (np.diff(edges) > 0).all()


def test_devices_have_a_row_per_stream(tmp_path):
    from graphscope.trace.writer import TraceWriter
    from tests.golden_sketch import Dictionary, Sketch

    w = TraceWriter(tmp_path / "gpu.gscope", golden.META | {"run": "gpu"})
    d = Dictionary(w)
    s = Sketch(d)
    x = s.port("x", "input", (2, 2))
    for _ in range(3):
        s.node("relu", [x], (2, 2))
    s.write(0)
    specs = [d.spec((2, 2), "float32", "cuda:0")] * 4
    w.add_shape_set(0, 0, specs)
    dur, idle, begin = [50, 50, 10], [0, 0, 0], [100, 120, 200]
    high = [(b + (1 << 62)) >> 32 for b in begin]
    low = [(b + (1 << 62)) & 0xFFFFFFFF for b in begin]
    w.add_step(
        0, "train", 0, 0, 0, t0_ns=0, wall_ns=1000, begin_ns=[0, 10, 20], dur_ns=[5, 5, 5],
        dev=[*dur, *idle, *high, *low],
    )  # fmt: skip
    w.close()
    reader = TraceReader(tmp_path / "gpu.gscope")
    found = window(reader, clock(reader), Flames())
    assert found.head["devices"] == ["cuda:0", "cuda:0 stream 2"]
    assert found.columns["dev_begin"].tolist() == [100, 120, 200]
    assert found.columns["dev_lane"].tolist() == [0, 1, 0]


@pytest.mark.parametrize("name", ["tiny", "digits_like", "hostile", "failed", "one_step"])
def test_the_routes_answer_for_every_run(client, name):
    head, c = unpack(client.get(f"/api/timeline?run={name}").data)
    assert head["steps"] and len(c["op_begin"]) == head["ops"]
    whole = client.get(f"/api/timeline/blocks?run={name}").json
    assert sum(whole["count"]) == whole["steps"]
    q = f"run={name}&from={whole['from']}&to={whole['to']}"
    table = client.get(f"/api/timeline/range?{q}").json
    heavy = client.get(f"/api/timeline/heavy?{q}").json
    assert heavy["total"] == pytest.approx(sum(row["ns"] for row in table["rows"]))


def test_questions_that_make_no_sense_get_a_sentence(client):
    for query in (
        "step=x",
        "step=99",
        "from=nan&to=1",
        "from=1&to=inf",
        "step=-1",
        "kind=x&step=77",
    ):
        answer = client.get(f"/api/timeline?run=tiny&{query}")
        assert answer.status_code == 404 and answer.json["error"], query
    assert client.get("/api/timeline/range?run=tiny").status_code == 404
    assert client.get("/api/timeline?run=nothing").status_code == 404
    assert client.get("/api/timeline?run=empty").json["error"] == "There is no step yet."
