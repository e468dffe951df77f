"""A run of a week and more: no counter overflows, from the file to what a page is sent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import graphscope as gs
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Entry
from graphscope.trace.writer import Facts, TraceWriter
from graphscope.webapp.queries.strip import strip_json
from tests.record.virtual import COSTS, on, virtual

FIRST = 2**31 + 5  # steps of 0.28 ms: a week has 2.1e9 of them
WEEK = 7 * 24 * 3600 * 10**9
AT = WEEK * 14  # 98 days: what a page computes with is exact below 2**53 ns, 104 days


def test_steps_beyond_31_bits_and_a_start_beyond_a_quarter_of_a_year(tmp_path: Path) -> None:
    path = tmp_path / "week.gscope"
    kept = Entry(np.ones(8, np.float32), np.arange(6, dtype=np.uint32), np.zeros(24, np.uint16))
    with TraceWriter(path) as w:
        w.add_graph(0, "d", "train", -1, -1, [[0, 1, 0, -1, -1, -1, -1, 0]] * 2, [], [], [])
        w.add_spec(0, (2,), "float32", 8)
        w.add_shape_set(0, 0, [0, 0])
        w.add_costs(0, [2**40, 1], [2**41, 2])  # operations of one op: beyond 32 bits
        ids = range(FIRST, FIRST + 4)
        facts = [Facts(k, k, 0, AT + k, 2**36, 1, 1.0, False, None, 2**40, None, True) for k in ids]
        begin = np.array([[0, 2**35]] * 4)  # an op of half a minute
        w.add_steps("train", 0, "ok", facts, begin, np.full((4, 2), 2**35))
        w.add_values(FIRST + 1, [(0, "v", kept)])
        w.add_scalar("loss", FIRST + 1, 0.5, 2**60)
        w.add_left(FIRST, 1, 2**40, FIRST + 3)
        w.add_alive(FIRST, "activation", 2**40)
    with TraceReader(path) as reader:
        table = reader.steps()
        assert table.num.tolist() == table.id.tolist() == [*ids]
        assert table.t0_ns.tolist() == [AT + k for k in ids]
        assert table.live0.tolist() == [2**40] * 4
        step = reader.step(FIRST + 2)
        assert (step.num, step.t0_ns, step.wall_ns) == (FIRST + 2, AT + FIRST + 2, 2**36)
        # Long times are stored in units of some nanoseconds.
        np.testing.assert_allclose(step.begin_ns, [0, 2**35], atol=64)
        np.testing.assert_allclose(reader.columns("dur_ns", [*ids]), 2**35, atol=64)
        costs = reader.costs(0)
        assert costs is not None and costs[0][0] == 2**40 and costs[1][0] == 2**41
        assert reader.value_steps() == [FIRST + 1]
        values = reader.values(FIRST + 3)
        assert values is not None and values.num == FIRST + 1
        assert reader.scalars()["loss"][0].tolist() == [FIRST + 1]
        assert reader.scalars()["loss"][2].tolist() == [2**60]
        assert reader.survivors()[0][:4] == (FIRST, 1, 2**40, FIRST + 3)
        assert reader.alive_before(FIRST + 1) == {"activation": 2**40}
        sent = json.loads(json.dumps(strip_json(reader)))
        assert (sent["first"], sent["last"]) == (FIRST, FIRST + 3)
        assert [cell[:2] for cell in sent["cells"]] == [[k, k] for k in ids]
        assert sent["points"][-1][0] == FIRST + 3


def test_an_op_of_many_seconds_on_a_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than 32 bits of nanoseconds: the time of the op, and the wait of its device."""
    slow = replace(COSTS, latency=7_000_000_000)
    with virtual(monkeypatch, slow) as sim:
        x = on(sim, np.ones((2, 2)), grad=True)
        with gs.profile(tmp_path / "run", values="off") as p:
            for _ in range(3):
                (x * 2).sum().backward()
                sim.synchronize()
                sim.device.spend(9_000_000_000)
                p.step()
    with TraceReader(p.path) as reader:
        step = reader.step(1)
        assert (
            step.dev_ns is not None and step.idle_ns is not None and step.dev_begin_ns is not None
        )
        worked = step.dev_ns > 1_000_000  # and not the copy of a number
        assert (step.dev_ns[worked] >= 7_000_000_000).all() and (step.dev_ns < 7_100_000_000).all()
        row = reader.devices(step.id)[0]
        assert step.dev_ns.sum() == row.busy_ns and step.idle_ns.sum() == row.idle_ns
        assert row.idle_ns >= 9_000_000_000
        assert (np.diff(step.dev_begin_ns[worked]) >= 7_000_000_000).all()
        assert reader.columns("dev_ns", [0, 1, 2])[1].tolist() == step.dev_ns.tolist()
