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


def line_in(function: Any, text: str) -> int:
    """The number of the line of a function that has this text."""
    lines, first = inspect.getsourcelines(function)
    return first + next(k for k, line in enumerate(lines) if text in line)


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("how", ["fast", "values", "chosen inputs", "create_graph"])
def test_an_error_in_a_backward_names_the_op_its_line_and_who_holds_the_memory(
    tmp_path: Path, monkeypatch: Any, recorded: bool, how: str
) -> None:
    def run(sim: Any) -> None:
        w, x = on(sim, np.ones((32, 32)), grad=True), on(sim, np.ones((64, 32)))
        kept = [x.mm(w) for _ in range(5)]  # somebody keeps results with their graphs
        loss = kept[-1].tanh().square().sum()
        sim.device.pool.limit = sim.device.pool.reserved
        if how == "chosen inputs":
            gs.autograd.grad(loss, [w])
        else:
            loss.backward(create_graph=how == "create_graph")

    with virtual(monkeypatch) as sim, pytest.raises(OutOfMemory) as raised:
        if recorded:
            with gs.profile(tmp_path / "run", values="full" if how == "values" else "off"):
                run(sim)
        else:
            run(sim)
    said = str(raised.value)
    assert "backward: the gradient of 'square'" in said, said
    assert "(64, 32) float32" in said and "bytes are wanted" in said and "smaller batches" in said
    assert (
        f"test_out_of_memory.py:{line_in(run, 'loss.backward' if how in ('fast', 'values', 'create_graph') else 'autograd.grad')}"
        in said
    )
    assert said.count(" Held: ") == 1
    where = f" at test_out_of_memory.py:{line_in(run, 'x.mm(w)')}" if recorded else ""
    assert f" Held: 40.0 KiB in results of mm{where} (5), 8.00 KiB in values kept for" in said, said
    if recorded:  # and so the line of the forward is known
        assert f"called in test_out_of_memory.py:{line_in(run, 'tanh().square()')}: `loss" in said
    assert isinstance(raised.value.__cause__, OutOfMemory)


def test_an_op_that_keeps_only_its_result_says_what_that_was(monkeypatch: Any) -> None:
    with virtual(monkeypatch) as sim:
        loss = on(sim, np.ones((64, 32)), grad=True).neg().tanh().sum()
        sim.device.pool.limit = sim.device.pool.reserved + 512  # for the first gradient
        with pytest.raises(
            OutOfMemory,
            match=r"^backward: the gradient of 'tanh', of what gave \(64, 32\) float32: sim",
        ):
            loss.backward()


def test_the_graph_of_a_step_that_failed_in_its_backward_ends_with_that_gradient(
    tmp_path: Path, monkeypatch: Any
) -> None:
    with virtual(monkeypatch) as sim:
        with gs.profile(tmp_path / "run", values="off") as p:
            w, x = on(sim, np.ones((32, 32)), grad=True), on(sim, np.ones((64, 32)))
            for k in range(12):  # the third of them is on track
                loss = x.mm(w).tanh().mm(w).sum()
                if k % 4 == 3:
                    sim.device.pool.limit, hold = sim.device.pool.reserved, []
                    with pytest.raises(OutOfMemory):
                        while True:  # whatever is free in it
                            hold.append(on(sim, np.ones(1)))
                    with pytest.raises(
                        OutOfMemory, match="the gradient that it begins with, of shape"
                    ):
                        loss.backward()
                    hold.pop()  # room for that one
                    with pytest.raises(OutOfMemory, match="the gradient of 'mm'"):
                        loss.backward()
                    sim.device.pool.limit = None
                    hold.clear()
                else:
                    loss.backward()
                w.grad = None
                p.step()
    assert p.path is not None
    with TraceReader(p.path) as reader:
        assert reader.state() == "finished"
        status = [*reader.steps("train").status]
        assert status == ["ok", "ok", "ok", "failed"] * 3
        for num in (3, 7, 11):
            step = reader.step(num)
            assert str(step.note).startswith("the gradient of mm: backward: the gradient of 'mm'")
            graph = reader.graph(step.graph)
            last = graph.n - 1
            assert graph.flags[last] & schema.FAILED and graph.phase[last] == schema.BACKWARD
            assert graph.op_name(last) == "mm" and graph.twin[last] == 2 and graph.slot[last] == 0
        assert not reader.graph(reader.step(10).graph).flags.any() & schema.FAILED


def test_a_formula_that_fails_for_another_reason_is_told_to_the_recorder_too(
    tmp_path: Path,
) -> None:
    class Broken(gs.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            raise LookupError("no such thing")

    x = gs.ones(3, requires_grad=True)
    with gs.profile(tmp_path / "run", values="off") as p:
        for _ in range(4):
            with pytest.raises(LookupError, match="^'?no such thing'?$"):
                Broken.apply(x.exp()).sum().backward()
            p.step()
    assert p.path is not None
    with TraceReader(p.path) as reader:
        assert [*reader.steps("train").status] == ["failed"] * 4
        graph = reader.graph(reader.step(-1).graph)
        assert graph.op_name(graph.n - 1) == "Broken" and graph.flags[graph.n - 1] & schema.FAILED


def test_a_machine_without_memory_is_told_with_the_op_too() -> None:
    much = gs.ones(1).expand(1 << 25, 1 << 25)
    with pytest.raises(
        MemoryError,
        match=r"^clone: \(33554432, 33554432\) float32: Unable to allocate .*smaller batches",
    ) as raised:
        much.clone()
    assert "test_out_of_memory.py:" in str(raised.value)


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
