"""Key averages against sums done by hand."""

import json

import numpy as np
import pytest

from graphscope.analysis.aggregate import GROUPS, key_averages
from graphscope.analysis.breakdown import breakdown, breakdown_table
from graphscope.errors import UsageError
from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter
from tests.golden import build

# One step: net.a: mul 10 ns, net.a.b: relu 20 ns, top: sum 5 ns; backward of mul 40 ns; sgd_ 7 ns.
NODES = [
    # op phase scope site twin slot params flags
    [0, 1, 1, 0, -1, -1, -1, 0],
    [1, 1, 2, 1, -1, -1, -1, 0],
    [2, 1, 0, 1, -1, -1, -1, 0],
    [0, 2, 1, 0, 0, 0, -1, 0],
    [3, 3, 0, 2, -1, -1, -1, 2],
]
EDGES = [[0, 0, -1], [0, 1, -1], [1, 0, 0], [2, 0, 1], [3, 0, 2], [4, 0, -1], [4, 1, 3]]


@pytest.fixture
def reader(tmp_path):
    w = TraceWriter(tmp_path / "hand.gscope")
    for id, text in enumerate(["", "net.a", "net.a.b", "w"]):
        w.add_string(id, text)
    for id, name in enumerate(["mul", "relu", "sum", "sgd_"]):
        w.add_op(id, name, "pointwise")
    w.add_source("dir/train.py", "")
    for id, line in enumerate([3, 4, 9]):
        w.add_site(id, "dir/train.py", line, "f")
    w.add_spec(0, (2, 3), "float32", 24, "cpu")
    w.add_spec(1, (), "float32", 4, "cpu")
    w.add_graph(0, "d", "train", -1, -1, NODES, EDGES, [[3, 1, 0, -1]], [[-1, 0]])
    w.add_shape_set(0, 0, [0, 0, 1, 0, 0, 0])
    base = np.array([10, 20, 5, 40, 7])
    for k in range(3):  # every time once, twice, three times as long
        dur = base * (k + 1)
        begin = np.cumsum(dur) - dur
        w.add_step(k, "train", k, 0, 0, wall_ns=100 * (k + 1), begin_ns=begin, dur_ns=dur)
    w.close()
    with TraceReader(w.path) as reader:
        yield reader


def _by_key(reader, group_by):
    return {row.key: row for row in key_averages(reader, group_by)}


def test_by_op(reader):
    rows = _by_key(reader, "op")
    mul = rows["mul"]
    assert mul.calls == 6 and mul.total == pytest.approx((10 + 40) * 6)
    assert mul.forward == pytest.approx(60) and mul.backward == pytest.approx(240)
    assert mul.mean == pytest.approx(50) and mul.share == pytest.approx(300 / 600)
    assert mul.p50 == pytest.approx(np.percentile([10, 20, 30, 40, 80, 120], 50))
    assert mul.p95 == pytest.approx(np.percentile([10, 20, 30, 40, 80, 120], 95))
    assert mul.bytes == 48
    assert rows["sgd_"].bytes == 0 and rows["sgd_"].calls == 3  # in place: no new memory
    assert sum(row.total for row in rows.values()) == pytest.approx(82 * 6)


def test_by_scope_total_holds_what_is_inside(reader):
    rows = _by_key(reader, "scope")
    assert set(rows) == {"(top)", "net", "net.a", "net.a.b"}
    assert rows["(top)"].total == pytest.approx(82 * 6) and rows["(top)"].self == pytest.approx(72)
    assert rows["net"].total == pytest.approx(70 * 6) and rows["net"].self == 0
    assert rows["net.a"].self == pytest.approx(50 * 6) and rows["net.a"].backward == pytest.approx(
        240
    )
    assert rows["net.a.b"].total == rows["net.a.b"].self == pytest.approx(120)
    assert rows["net"].calls == 3 and rows["net"].p50 == 140


def test_by_line_phase_and_shape(reader):
    lines = _by_key(reader, "line")
    assert set(lines) == {"train.py:3", "train.py:4", "train.py:9"}
    assert lines["train.py:4"].total == pytest.approx(25 * 6) and lines["train.py:4"].calls == 3
    phases = _by_key(reader, "phase")
    assert {k: round(row.total / 6) for k, row in phases.items()} == {
        "forward": 35, "backward": 40, "update": 7,
    }  # fmt: skip
    shapes = _by_key(reader, "shape")
    assert "mul 2×3, 2×3" in shapes and "∂mul scalar" in shapes and "sum 2×3" in shapes


def test_totals_agree_whatever_is_summed(tmp_path):
    with TraceReader(build("digits_like", tmp_path)) as reader:
        tables = {g: key_averages(reader, g) for g in GROUPS}
        own = {g: sum(row.self for row in table) for g, table in tables.items()}
        assert np.ptp(list(own.values())) < 1e-3 * own["op"]
        exact = reader.columns("dur_ns", list(range(60))).sum()
        assert own["op"] == pytest.approx(exact)
        assert tables["op"].steps == 60
        conv = next(row for row in tables["op"] if row.key == "conv2d")
        assert conv.calls == 60 * (5 + 9)  # forward, and backward but for the input image


def test_sorting_and_text(reader):
    table = key_averages(reader)
    assert [row.key for row in table.sorted("key")] == ["mul", "relu", "sgd_", "sum"]
    assert table.sorted("self_cpu_time_total")[0].key == "mul"
    with pytest.raises(UsageError, match="no column 'size'.*total"):
        table.sorted("size")
    with pytest.raises(UsageError, match="Cannot group by 'layer'"):
        key_averages(reader, "layer")
    text = table.table(row_limit=2)
    assert "2 more rows not shown" in text and "mul" in text and "sgd_" not in text
    assert "300 ns" in text and "50.0 %" in text
    assert str(table) == table.table() and len(table.table(row_limit=-1).splitlines()) == 7


def test_dict_is_json(reader, tmp_path):
    table = key_averages(reader, "line").to_dict()
    again = json.loads(json.dumps(table, allow_nan=False))
    assert again["rows"][0]["key"] == "train.py:3" and again["steps"] == 3
    with TraceReader(build("empty", tmp_path)) as empty:
        assert key_averages(empty).to_dict() == {
            "group_by": "op", "steps": 0, "wall_ns": 0, "rows": [],
        }  # fmt: skip
        assert "0 steps" in str(key_averages(empty))


def test_no_number_is_cut_in_any_width(tmp_path):
    with TraceReader(build("hostile", tmp_path)) as reader:
        for group in GROUPS:
            table = key_averages(reader, group)
            for width in (60, 80, 120, 200):
                lines = table.table(width=width).splitlines()
                assert max(map(len, lines)) <= width
                assert all(line.rstrip().endswith(("B", "%", "s")) for line in lines[2:-1])


def test_breakdown_sums_to_wall(reader, tmp_path):
    step = reader.step(1)
    parts = breakdown(reader.graph(0), step)
    assert parts == (0, 0, 70, 80, 14, 36, 0, 200)
    nums, table = breakdown_table(reader)
    assert nums.tolist() == [0, 1, 2] and table[1].tolist() == [0, 0, 70, 80, 14, 36, 0]
    with TraceReader(build("failed", tmp_path)) as failed:
        nums, table = breakdown_table(failed)
        np.testing.assert_allclose(table.sum(axis=1), failed.steps().wall_ns)


def test_a_run_whose_moments_are_behind_its_steps_counts_every_step(tmp_path):
    """They are written once a second: of a program that was killed some are missing."""
    import sqlite3
    from contextlib import closing

    import graphscope as gs

    with gs.profile(tmp_path / "run", values="off") as p:
        for _ in range(40):
            gs.ones(3, requires_grad=True).exp().sum().backward()
    for change in ("UPDATE moments SET n = 7", "DELETE FROM moments"):
        with closing(sqlite3.connect(p.path)) as db, db:
            db.execute(change)
        with TraceReader(p.path) as reader:
            table, wall = key_averages(reader), reader.steps().wall_ns.sum()
        assert {row.key: row.calls for row in table} == {"exp": 80, "sum": 80}
        for row in table:
            assert row.total == pytest.approx(row.mean * 80) and row.share == pytest.approx(
                row.total / wall
            )
