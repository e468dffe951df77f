"""State that an optimizer makes in its first update is there from then on, and not before."""

from __future__ import annotations

import json
import sqlite3
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphscope as gs
from graphscope.analysis import lifetime
from graphscope.analysis.holders import step_memory
from graphscope.analysis.steps import peak_bytes
from graphscope.analysis.timeline import curves
from graphscope.export.memory_viz import snapshot
from graphscope.trace.reader import TraceReader

# 4 x 8 of float32
SIZE = 4 * 8 * 4


def train(path: Path, steps: int, make: Any = gs.optim.Adam, before: int = 0) -> TraceReader:
    """Steps of one weight, so many of them before the recording."""
    w = gs.ones(4, 8).requires_grad_()
    optimizer = make([w])

    def step() -> None:
        w.sum().backward()
        optimizer.step()
        w.grad = None

    for _ in range(before):
        step()
    with gs.profile(path / "run", values="off") as p:
        for _ in range(steps):
            step()
    assert p.path is not None
    return TraceReader(p.path)


def test_adam_makes_two_tensors_in_its_first_step(tmp_path: Path) -> None:
    with train(tmp_path, 3) as reader:
        first, second = reader.step(0), reader.step(1)
        graph = reader.graph(first.graph)
        update = [graph.op_name(i) for i in range(graph.n)].index("adam_")
        assert first.graph == second.graph and dict(first.fresh) == {1: update, 2: update}
        assert second.fresh == {}
        # the weight; then with both moments
        assert (first.live0, second.live0) == (SIZE, 3 * SIZE)
        live = lifetime.live_bytes(first, lifetime.nbytes(reader, first))
        later = lifetime.live_bytes(second, lifetime.nbytes(reader, second))
        # the loss of 4 bytes dies behind the backward
        assert (live[update - 1], live[update], later[update]) == (SIZE + 4, 3 * SIZE, 3 * SIZE)
        for node in range(graph.n):
            held = lifetime.holders(graph, first, lifetime.nbytes(reader, first), node)
            assert sum(h.nbytes for h in held) == live[node]
            assert {h.value for h in held if h.value < 0} == (
                {-1} if node < update else {-1, -2, -3}
            )
        found = curves(reader, first)["optimizer state"]
        assert found.tolist() == [0] * update + [2 * SIZE] * (graph.n - update)
        memory = step_memory(reader, 0)
        assert (memory.start, memory.end) == (SIZE, int(live[-1]))
        assert memory.peak == live.max() and memory.at.startswith("adam_")
        state = [h for h in memory.holders if h.category == "optimizer state"]
        assert [h.why for h in state] == ["outlives the step"] * 2
        table = reader.steps()
        assert peak_bytes(reader, table).tolist() == [live.max(), later.max(), later.max()]


@pytest.mark.parametrize(
    "make, state",
    [
        (lambda ps: gs.optim.SGD(ps, lr=0.1), 0),
        (lambda ps: gs.optim.SGD(ps, lr=0.1, momentum=0.9), 1),
        (lambda ps: gs.optim.RMSprop(ps, momentum=0.9), 2),
    ],
)
def test_other_optimizers(tmp_path: Path, make: Any, state: int) -> None:
    with train(tmp_path, 2, make) as reader:
        assert len(reader.step(0).fresh) == state and reader.step(0).live0 == SIZE
        assert reader.step(1).live0 == (1 + state) * SIZE


def test_state_that_was_there_was_there(tmp_path: Path) -> None:
    """Adagrad makes it at once, and a recording may begin in the middle of a training."""
    for k, (make, before) in enumerate(((gs.optim.Adagrad, 0), (gs.optim.Adam, 2))):
        with train(tmp_path / str(k), 2, make, before) as reader:
            assert reader.step(0).fresh == {}
            assert reader.step(0).live0 == reader.step(1).live0 == (2 + k) * SIZE


def test_the_memory_viewers_file_has_it_where_it_was_made(tmp_path: Path) -> None:
    with train(tmp_path, 1) as reader:
        step = reader.step(0)
        events = snapshot(reader, [("train", 0)])["device_traces"][0]
        sizes = [(e["size"], e["time_us"]) for e in events if e["action"] == "alloc"]
        update = min(step.fresh.values())
        begin = (step.t0_ns + int(step.begin_ns[update])) // 1000
        assert [size for size, at in sizes if at >= begin].count(SIZE) == 2


@pytest.mark.parametrize("ports", [[[9, 0]], [[1, 99]], [[-1, 0]]])
def test_what_does_not_fit_is_told_as_damage(tmp_path: Path, ports: Any) -> None:

    path = train(tmp_path, 1).path
    db = sqlite3.connect(path)
    data = json.dumps({"num": 0, "kind": "train", "ports": ports})
    db.execute("UPDATE facts SET data = ? WHERE name = 'born'", (data,))
    db.commit()
    db.close()
    with TraceReader(path) as reader, pytest.raises(gs.errors.TraceError, match="fit"):
        reader.step(0)


def test_damage_of_other_facts_is_not_the_steps(tmp_path: Path) -> None:

    path = train(tmp_path, 1).path
    db = sqlite3.connect(path)
    assert db.execute("UPDATE facts SET data = '{' WHERE name != 'born'").rowcount > 0
    db.commit()
    db.close()
    with TraceReader(path) as reader:
        assert len(reader.step(0).fresh) == 2
        with pytest.raises(gs.errors.TraceError):
            reader.facts()


def test_a_step_without_state_is_asked_no_facts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with train(tmp_path, 1, lambda ps: gs.optim.SGD(ps, lr=0.1)) as reader:
        monkeypatch.setattr(reader, "facts", lambda *given: pytest.fail("asked"))
        assert reader.step(0).fresh == {} and np.isfinite(reader.step(0).wall_ns)


def whole_step(x: Any) -> Any:
    w = gs.ones(3).requires_grad_()
    optimizer = gs.optim.Adam([w])
    schedule = gs.optim.lr_scheduler.StepLR(optimizer, 1)
    loss = (w * x).sum()
    loss.backward()
    optimizer.step()
    schedule.step()
    return loss.detach()


@pytest.mark.parametrize("recorded", [False, True])
def test_whoever_listens_to_ops_is_told(tmp_path: Path, recorded: bool) -> None:
    """Anomaly detection and hooks for saved tensors stand in front of a recorder, or of none."""
    hooks = gs.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: x)
    with gs.profile(tmp_path / "run", values="off") if recorded else nullcontext() as p:
        with gs.autograd.detect_anomaly(), hooks:
            whole_step(gs.ones(3))
    if recorded:
        with TraceReader(p.path) as reader:
            assert len(reader.step(0).fresh) == 2


def test_a_whole_step_is_compared() -> None:
    assert gs.compare(whole_step, gs.ones(3), dtypes=("float32", "float64"), backward=False)
