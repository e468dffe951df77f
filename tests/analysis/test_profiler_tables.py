"""Steps, memory over time and roofline of traces made by hand: every number here was computed on paper."""

from __future__ import annotations

import csv
import io
import json
import sys

import numpy as np
import pytest

from graphscope.analysis.aggregate import key_averages
from graphscope.analysis.breakdown import breakdown_table
from graphscope.analysis.ceilings import Ceilings
from graphscope.analysis.roofline import COMPUTE, MEMORY, OVERHEAD, roofline
from graphscope.analysis.steps import PARTS, steps
from graphscope.analysis.timeline import memory_timeline
from graphscope.errors import TraceError, UsageError
from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter
from tests import golden

# waits 50, net.a: mul 10 ns, net.a.b: relu 20, top: sum 5; backward of mul 40; sgd_ 7: 132 ns of ops
NODES = [
    # op phase scope site twin slot params flags
    [4, 0, 0, -1, -1, -1, -1, 1],
    [0, 1, 1, 0, -1, -1, -1, 0],
    [1, 1, 2, 1, -1, -1, -1, 0],
    [2, 1, 0, 1, -1, -1, -1, 0],
    [0, 2, 1, 0, 1, 0, -1, 0],
    [3, 3, 0, 2, -1, -1, -1, 2],
]
EDGES = [[1, 0, -1], [1, 1, -1], [2, 0, 1], [3, 0, 2], [4, 0, 3], [5, 0, -1], [5, 1, 4]]
BASE = np.array([50, 10, 20, 5, 40, 7])
FLOPS, TRAFFIC = [0, 6, 6, 6, 6, 12], [0, 72, 48, 28, 72, 96]
# mul dies with the relu (2), the relu with the backward (4), the sum at once (3), the gradient after sgd_ (5)
PLAN = [-2, 2, 4, 3, 5, -2]


def write(path, costs=True, n=3, dev=None, times=lambda k: k + 1):
    w = TraceWriter(path, {"run": "hand"})
    for id, text in enumerate(["", "net.a", "net.a.b", "w"]):
        w.add_string(id, text)
    for id, name in enumerate(["mul", "relu", "sum", "sgd_", "load_batch"]):
        w.add_op(id, name, "pointwise")
    for id, line in enumerate([3, 4, 9]):
        w.add_site(id, "dir/train.py", line, "f")
    w.add_spec(0, (2, 3), "float32", 24, "cpu")
    w.add_spec(1, (), "float32", 4, "cpu")
    w.add_spec(2, (), "none", 0, "cpu")
    w.add_graph(0, "d", "train", -1, -1, NODES, EDGES, [[3, 1, 0, -1]], [[-1, 1]], None, PLAN)
    w.add_shape_set(0, 0, [2, 0, 0, 1, 0, 0, 0])
    if costs:
        w.add_costs(0, FLOPS, TRAFFIC)
    for k in range(n):  # every time once, twice, three times as long
        dur = BASE * times(k)
        begin = np.cumsum(dur) - dur + 1
        w.add_step(
            k, "train", k, 0, 0, wall_ns=200 * times(k), rec_ns=8, begin_ns=begin, dur_ns=dur, live0=100,
            loss=2.0 - k if k else None, dev=dev,
        )  # fmt: skip
    w.close()
    return path


@pytest.fixture
def reader(tmp_path):
    with TraceReader(write(tmp_path / "hand.gscope")) as reader:
        yield reader


def test_the_parts_of_every_step_sum_to_its_wall_time(reader):
    table = steps(reader)
    row = table[1]
    parts = (row.data, row.forward, row.backward, row.update, row.python, row.recorder)
    assert parts == (100, 70, 80, 14, 400 - 264 - 8, 8) and row.wall == 400
    assert row.loss == 1.0 and np.isnan(table[0].loss) and row.status == "ok" and row.flops == 36
    for row in table:
        assert sum(getattr(row, name) for name in PARTS) == row.wall


def test_parts_sum_where_columns_were_thinned_away(tmp_path):
    path = write(tmp_path / "long.gscope", n=4500, times=lambda k: 9 - k % 7)
    with TraceReader(path) as reader:
        table = reader.steps()
        gone = np.flatnonzero(~table.timed)
        assert len(gone) > 500
        for row in steps(reader):
            assert sum(getattr(row, name) for name in PARTS) == row.wall
        k = int(gone[-1])
        assert steps(reader)[k].backward == 40 * (9 - k % 7)
        _, parts = breakdown_table(reader)
        np.testing.assert_allclose(parts.sum(axis=1), table.wall_ns)


def test_parts_sum_in_golden_traces(tmp_path):
    for name in ("tiny", "digits_like", "failed", "one_step", "hostile"):
        with TraceReader(golden.build(name, tmp_path)) as reader:
            for row in steps(reader):
                assert sum(getattr(row, part) for part in PARTS) == row.wall >= 0
    with TraceReader(golden.build("empty", tmp_path)) as reader:
        assert len(steps(reader)) == 0 and "0 steps" in str(steps(reader))


def test_the_peak_of_a_step(reader):
    # alive: 100 before; +24 mul, +24 relu (mul still there): 148; sum 4, mul gone: 128; gradient 24, sum gone: 148
    assert [row.peak for row in steps(reader)] == [148, 148, 148]
    timeline = memory_timeline(reader)
    assert [row.live for row in timeline] == [100, 124, 148, 128, 148, 124]
    assert [row.t for row in timeline] == [1, 151, 181, 241, 256, 376]
    assert timeline.peak.op == "relu" and timeline.peak.line == "train.py:4"


def test_memory_over_time_by_category_sums_to_what_is_alive(reader, tmp_path):
    timeline = memory_timeline(reader)
    columns = {name: column.tolist() for name, column in timeline.categories.items()}
    assert columns == {
        "parameter": [24] * 6,
        "gradient": [0, 0, 0, 0, 24, 24],
        "activation": [0, 0, 24, 24, 24, 0],
        "temporary": [0, 24, 24, 4, 0, 0],
        "other": [76] * 6,
    }
    text = timeline.table(row_limit=2)
    assert "148 B at most, while relu (train.py:4) runs; 4 more moments not shown" in text
    for name in ("tiny", "digits_like", "many"):
        options = {"n_ops": 100} if name == "many" else {}
        with TraceReader(golden.build(name, tmp_path, **options)) as other:
            timeline = memory_timeline(other)
            total = sum(timeline.categories.values())
            assert total.tolist() == [row.live for row in timeline]
            assert max(row.live for row in timeline) == steps(other).rows[-1].peak
            json.dumps(timeline.to_dict(), allow_nan=False)
    with pytest.raises(TraceError, match="no train step 7"):
        memory_timeline(reader, 7)


def test_key_averages_count_operations(reader):
    rows = {row.key: row for row in key_averages(reader)}
    mul = rows["mul"]
    assert mul.flops == 3 * 12 and mul.traffic == 3 * 144 and mul.total == 300
    assert mul.flops_s == pytest.approx(36 / 300e-9) and mul.bytes_s == pytest.approx(432 / 300e-9)
    assert mul.cpu_time_total == 0.3 and mul.count == 6  # torch's names; its times are microseconds
    with pytest.raises(AttributeError, match="no 'cuda'"):
        _ = mul.cuda
    scopes = {row.key: row for row in key_averages(reader, "scope")}
    assert scopes["net"].flops == 3 * 18 and scopes["(top)"].flops == 3 * 36
    text = key_averages(reader).table(width=160)
    assert "120 MFLOP/s" in text and "1.44 GB/s" in text
    narrow = key_averages(reader).table(width=60)
    assert "FLOP" not in narrow and "share" in narrow


def test_device_time_has_a_column_of_its_own(tmp_path):
    path = write(tmp_path / "device.gscope", dev=[0, 30, 10, 5, 70, 9])
    with TraceReader(path) as reader:
        rows = {row.key: row for row in key_averages(reader)}
        assert rows["mul"].device == pytest.approx(3 * 100)
        assert rows["mul"].flops_s == pytest.approx(36 / 300e-9)
        assert "device" in key_averages(reader).table(width=160)
        assert key_averages(reader).sorted("cuda_time_total")[0].key == "mul"


def test_a_trace_without_costs_says_nothing_about_them(tmp_path):
    with TraceReader(write(tmp_path / "old.gscope", costs=False)) as reader:
        assert reader.costs(0) is None
        table = key_averages(reader)
        assert all(np.isnan(row.flops) for row in table) and "FLOP" not in table.table(width=200)
        assert table.to_dict()["rows"][0]["flops"] is None
        assert np.isnan(steps(reader)[0].flops)
        with pytest.raises(UsageError, match="older version"):
            roofline(reader)


CEILINGS = Ceilings(copy=4e9, gemm32=1e9, gemm64=5e8, threads=1, measured=0.0)


def test_roofline(reader):
    """4 bytes and 1 operation a nanosecond. Medians of the three steps: those of the second, twice the base."""
    rows = {row.key: row for row in roofline(reader, ceilings=CEILINGS)}
    mul = rows["mul"]  # 12 operations, 144 bytes in (10 + 40) * 2 ns
    assert (mul.calls, mul.time, mul.flops, mul.traffic) == (2, 100, 12, 144)
    assert mul.intensity == pytest.approx(12 / 144)
    assert mul.flops_s == pytest.approx(12 / 100e-9) and mul.bytes_s == pytest.approx(1.44e9)
    assert mul.fraction == pytest.approx(36 / 100) and mul.bound == MEMORY  # 144 / 4 ns, not 12
    # sum: 28 bytes are 7 ns, 6 operations 6 ns, of 10 ns; sgd_: 24 ns of 14: from a cache
    assert rows["sum"].fraction == pytest.approx(0.7) and rows["sum"].bound == MEMORY
    assert rows["sgd_"].fraction == pytest.approx(24 / 14)
    slow = Ceilings(copy=1e12, gemm32=1e9, gemm64=5e8, threads=1, measured=0.0)
    rows = {row.key: row for row in roofline(reader, ceilings=slow)}
    assert rows["sum"].bound == COMPUTE and rows["sum"].fraction == pytest.approx(0.6)
    assert "faster than the ceilings" not in str(roofline(reader, ceilings=slow))
    busy = Ceilings(copy=1e12, gemm32=1e8, gemm64=5e7, threads=1, measured=0.0)
    assert "info --measure" in str(roofline(reader, ceilings=busy))  # sum: 60 ns of 10
    fast = Ceilings(copy=1e15, gemm32=1e15, gemm64=1e15, threads=1, measured=0.0)
    table = roofline(reader, "line", ceilings=fast)
    assert {row.bound for row in table} == {OVERHEAD} and "overhead" in str(table)
    assert np.isnan(rows["load_batch"].intensity)
    json.dumps(table.to_dict(), allow_nan=False)
    with pytest.raises(UsageError, match="Cannot group by 'layer'"):
        roofline(reader, "layer")


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_table_is_wider_than_the_terminal(tmp_path, width):
    with TraceReader(golden.build("hostile", tmp_path)) as reader:
        for table in (steps(reader), memory_timeline(reader)):
            assert max(map(len, table.table(width=width).splitlines()[:-1])) <= width
    with TraceReader(write(tmp_path / "hand.gscope")) as reader:
        text = roofline(reader, ceilings=CEILINGS).table(width=width)
        assert max(map(len, text.splitlines()[:-1])) <= width


def test_csv_has_every_number_in_full(reader, tmp_path):
    path = tmp_path / "steps.csv"
    text = steps(reader).to_csv(path)
    assert path.read_text(encoding="utf-8") == text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["wall"]) for row in rows] == [200, 400, 600]
    assert rows[0]["loss"] == "" and float(rows[1]["loss"]) == 1.0
    for table in (
        key_averages(reader),
        roofline(reader, ceilings=CEILINGS),
        memory_timeline(reader),
    ):
        rows = list(csv.DictReader(io.StringIO(table.to_csv())))
        assert len(rows) == len(table) and list(rows[0]) == table.columns()


def test_sorting_steps(reader):
    table = steps(reader)
    assert [row.step for row in table.sorted("wall")] == [2, 1, 0]
    assert [row.step for row in table.sorted("loss")] == [1, 2, 0]  # 1, 0, none
    assert table.table(row_limit=1).splitlines()[2].startswith("2")  # the last one
    assert "2 more steps not shown" in table.table(row_limit=1)
    with pytest.raises(UsageError, match="no column 'time'"):
        table.sorted("time")


def test_pandas_is_asked_for_in_one_sentence(reader, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match=r"to_pandas\(\) needs pandas.*pip install pandas"):
        steps(reader).to_pandas()


def test_pandas_gets_the_table(reader):
    pytest.importorskip("pandas")
    frame = steps(reader).to_pandas()
    assert frame["wall"].tolist() == [200, 400, 600] and frame["loss"].isna().tolist() == [
        True,
        False,
        False,
    ]
    assert key_averages(reader).to_pandas().set_index("key").loc["mul", "flops"] == 36


def test_the_first_table_of_a_long_run_reads_little(tmp_path, monkeypatch):
    """10,000 steps: about a hundred are looked at, in few blobs; the rest is sums that the file has."""
    path = write(tmp_path / "long.gscope", n=10_000, times=lambda k: 9 - k % 7)
    with TraceReader(path) as reader:
        asked = []
        rows = reader._rows
        monkeypatch.setattr(
            reader, "_rows", lambda sql, *a, **k: asked.append(sql) or rows(sql, *a, **k)
        )
        table = key_averages(reader)
        assert table.steps == 10_000 and len(asked) < 200
        mul = next(row for row in table if row.key == "mul")
        exact = 50 * sum(9 - k % 7 for k in range(10_000))
        assert mul.total == pytest.approx(exact) and mul.flops == 12 * 10_000
        assert mul.p50 == 105 and mul.p95 <= 40 * 9  # half take 30 to 90, half 120 to 360
