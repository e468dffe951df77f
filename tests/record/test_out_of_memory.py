"""A device runs out of memory: the trace ends at the op that asked for too much, with what it was given."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphscope as gs
from graphscope.analysis.doctor import Doctor
from graphscope.errors import OutOfMemory
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from tests.record.virtual import on, virtual

LIMIT = 128 << 10  # bytes of the pretend GPU's memory


def train(sim: Any, steps: int) -> Any:
    """Keeps what every step made, as somebody does who adds up losses with their graphs."""
    w, x = on(sim, np.ones((32, 32)), grad=True), on(sim, np.ones((64, 32)))
    kept = []
    for _ in range(steps):
        h = x.mm(w).tanh()
        kept.append(h)
        h.sum().backward()
        w.grad = None
    return kept


def ask_for_too_much(sim: Any) -> None:
    """A batch that does not fit beside what is kept."""
    kept = train(sim, 6)
    kept[-1].tanh().repeat(8, 8)


@pytest.mark.parametrize("values", ["off", "full"])
def test_the_trace_ends_at_the_op_that_asked_for_too_much(
    tmp_path: Path, monkeypatch: Any, values: str
) -> None:
    with virtual(monkeypatch) as sim:
        sim.device.pool.limit = LIMIT
        with (
            pytest.raises(OutOfMemory) as raised,
            gs.profile(tmp_path / "run", values=values) as p,
        ):
            ask_for_too_much(sim)
    said = str(raised.value)
    assert "out of memory" in said and f"of {LIMIT:,} are in use" in said
    assert p.path is not None
    with TraceReader(p.path) as reader:
        header = reader.header()
        assert reader.state() == "failed" and "OutOfMemory" in header["error"]
        assert header["error_file"] == __file__ and header["error_func"] == "ask_for_too_much"
        assert int(header["error_line"]) == inspect.getsourcelines(ask_for_too_much)[1] + 3
        assert "out of memory" in header["traceback"]
        steps = reader.steps("train")
        assert [*steps.status] == ["ok"] * 6 + ["failed"]
        last = reader.step(6)
        assert "out of memory" in str(last.note)
        graph = reader.graph(last.graph)
        assert [graph.op_name(i) for i in range(graph.n)] == ["tanh", "repeat"]
        assert graph.nodes[1, schema.FLAGS] & schema.FAILED
        assert "repeat: (64, 32) float32" in str(last.note)  # what it was given
        assert reader.spec(last.spec_id(0)).shape == (64, 32)
        # How full the device was, step by step: what is kept of each stays.
        used = [reader.devices(k)[0].used for k in range(6)]
        assert used == sorted(used) and used[-1] - used[0] >= 4 * 64 * 32 * 4
        assert reader.devices(5)[0].peak <= LIMIT


def test_memory_that_ran_out_in_a_backward_is_told_with_the_steps_before_it(
    tmp_path: Path, monkeypatch: Any
) -> None:
    with virtual(monkeypatch) as sim:
        sim.device.pool.limit = LIMIT
        with pytest.raises(OutOfMemory), gs.profile(tmp_path / "run", values="off") as p:
            train(sim, 1_000)
    assert p.path is not None
    with TraceReader(p.path) as reader:
        header, steps = reader.header(), reader.steps("train")
        assert header["error_func"] == "train" and "out of memory" in header["error"]
        assert [*steps.status] == ["ok"] * (len(steps) - 1) + ["failed"] and len(steps) > 3
        found = {finding.id for finding in Doctor(reader).update()}
        assert "memory-near-limit" in found


def test_the_program_that_catches_it_goes_on_and_the_step_is_kept(
    tmp_path: Path, monkeypatch: Any
) -> None:
    with virtual(monkeypatch) as sim:
        sim.device.pool.limit = LIMIT
        with gs.profile(tmp_path / "run", values="off") as p:
            train(sim, 2)
            p.step()
            with pytest.raises(OutOfMemory):
                on(sim, np.ones((8, 8))).repeat(64, 64)
            p.step()
            train(sim, 2)
    assert p.path is not None
    with TraceReader(p.path) as reader:
        assert reader.state() == "finished"
        status = [*reader.steps("train").status]
        assert status.count("failed") == 1 and status[-1] == "ok" and len(status) == 5
