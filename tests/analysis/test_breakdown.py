"""The parts of a step, copies and device times, of a trace made by hand."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest

from graphscope.analysis import breakdown
from graphscope.analysis.steps import steps
from graphscope.errors import TraceError
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.trace.writer import TraceWriter

FORWARD, BACKWARD, UPDATE = schema.FORWARD, schema.BACKWARD, schema.UPDATE


def node(op, phase, twin=-1, flags=0):
    return [op, phase, 0, -1, twin, 0 if twin >= 0 else -1, -1, flags]


@pytest.fixture
def path(tmp_path):
    """load, x to the device (100 B), y = f(x), its gradient, the gradient of the copy, an update, a read."""
    w = TraceWriter(tmp_path / "hand.gscope")
    w.add_string(0, "")
    for id, name in enumerate(("load_batch", "to_device", "f", "step", "to_host")):
        w.add_op(id, name)
    w.add_spec(0, (), "none", 0, "cpu")
    w.add_spec(1, (25,), "float32", 100, "cpu")
    w.add_spec(2, (25,), "float32", 100, "sim")
    w.add_spec(3, (), "float32", 4, "cpu")
    nodes = [
        node(0, schema.DATA), node(1, FORWARD, flags=schema.COPY), node(2, FORWARD),
        node(2, BACKWARD, twin=2), node(1, BACKWARD, twin=1, flags=schema.COPY), node(3, UPDATE),
        node(4, UPDATE, flags=schema.COPY),
    ]  # fmt: skip
    edges = [[1, 0, -1], [2, 0, 1], [5, 0, -1], [6, 0, 2]]
    w.add_graph(0, "d", "train", -1, -1, nodes, edges, [[-1, 0, 0, -1]], [])
    w.add_shape_set(0, 0, [0, 2, 2, 2, 1, 2, 3, 1])
    begin, dur = [0, 10, 30, 50, 80, 100, 120], [10, 15, 16, 20, 8, 4, 7]
    device = [0, 12, 40, 30, 6, 9, 5], [0, 20, 0, 0, 50, 1, 9]
    times = dict(begin_ns=begin, dur_ns=dur, wall_ns=200, rec_ns=30)
    w.add_step(0, "train", 0, 0, 0, t0_ns=0, **times, dev=np.concatenate(device))
    w.add_device(0, "sim", 3, 102, 80, 100, 2_048, 600, 300)
    when = np.array([-5, 1, 2, 1 << 33, 4, 5, 6]) + (1 << 62)
    four = np.concatenate([*device, *np.divmod(when, 1 << 32)])
    w.add_step(1, "train", 1, 0, 0, t0_ns=200, **times, dev=four)
    w.add_step(2, "train", 2, 0, 0, t0_ns=400, **times, dev=device[0])
    w.add_step(3, "train", 3, 0, 0, t0_ns=600, **times)
    w.close()
    return w.path


def test_seven_parts_sum_to_the_wall_time(path):
    with TraceReader(path) as reader:
        step = reader.step(0)
        parts = breakdown.breakdown(reader.graph(0), step)
        # copies: 15 + 8 + 7; ops: 80 in all; the recorder has 30 of the 120 that are left
        assert parts == (10, 30, 16, 20, 4, 90, 30, 200)
        assert sum(parts[:-1]) == parts.wall
        nums, table = breakdown.breakdown_table(reader)
        assert nums.tolist() == [0, 1, 2, 3] and table.tolist() == [list(parts[:-1])] * 4
        shown = steps(reader)
        assert [getattr(shown[0], part) for part in breakdown.PARTS] == list(parts[:-1])
        assert "copies" in shown.table()


def test_copies_say_from_where_to_where(path):
    with TraceReader(path) as reader:
        found = breakdown.copies(reader, reader.step(0))
        assert found == [
            (1, "to device", 100, 10, 15, 12), (4, "to host", 100, 80, 8, 6), (6, "to host", 4, 120, 7, 5),
        ]  # fmt: skip


def test_device_times_idle_and_begin(path):
    with TraceReader(path) as reader:
        step = reader.step(0)
        assert step.dev_ns.tolist() == [0, 12, 40, 30, 6, 9, 5]
        # from 3 on, each after what came before and its own idle time
        assert step.dev_begin_ns.tolist() == [3, 23, 35, 75, 155, 162, 180]
        assert breakdown.launch_bound(step).tolist() == [
            False,
            True,
            False,
            False,
            True,
            False,
            True,
        ]
        assert breakdown.device_parts(step) == (102, 80, 3)
        (device,) = reader.devices(step.id)
        assert (device.used, device.reserved, device.peak, device.workspace) == (
            100,
            2_048,
            600,
            300,
        )
        assert reader.columns("idle_ns", [0, 2])[0].tolist() == [0, 20, 0, 0, 50, 1, 9]


def test_several_streams_say_when_each_began(path):
    with TraceReader(path) as reader:
        assert reader.step(1).dev_begin_ns.tolist() == [-5, 1, 2, 1 << 33, 4, 5, 6]


def test_times_alone_and_none(path):
    with TraceReader(path) as reader:
        assert reader.step(2).dev_ns.sum() == 102 and reader.step(2).idle_ns is None
        assert reader.step(3).dev_ns is None and breakdown.device_parts(reader.step(3)) is None
        assert np.isnan(reader.columns("idle_ns", [2, 3])).all()


def test_a_damaged_column_is_a_sentence(path):
    with closing(sqlite3.connect(path)) as db, db:
        wrong = db.execute("SELECT dev FROM steps WHERE id = 2").fetchone()[0]
        db.execute("UPDATE steps SET dev = ? WHERE id = 0", (wrong[:-9],))
    db.close()
    with TraceReader(path) as reader, pytest.raises(TraceError, match="step 0"):
        reader.step(0)
