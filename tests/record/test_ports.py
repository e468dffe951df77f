"""What enters a step on track: it is expected to be what entered the last one, and noticed where it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import graphscope as gs
from graphscope.record.recorder import Recorder
from graphscope.trace.reader import TraceReader

LATE = 20


def train(path: Path, step: Any, n: int = 26) -> TraceReader:
    with gs.profile(path, values="off") as p:
        for k in range(n):
            step(k)
    assert p.path is not None
    return TraceReader(p.path)


def shapes(reader: TraceReader, k: int) -> list[tuple[int, ...]]:
    step = reader.step(k)
    return [reader.spec(step.spec_id(i)).shape for i in range(reader.graph(step.graph).n)]


def wired(reader: TraceReader, k: int) -> list[list[int]]:
    graph = reader.graph(reader.step(k).graph)
    return [[int(v) for v in graph.inputs(i)] for i in range(graph.n)]


def test_parameters_and_state_are_not_looked_up_again(tmp_path: Path, monkeypatch: Any) -> None:
    asked: list[Any] = []
    comes_in, port = Recorder._comes_in, Recorder._port
    monkeypatch.setattr(
        Recorder, "_comes_in", lambda self, x, at: (asked.append(x), comes_in(self, x, at))[1]
    )
    monkeypatch.setattr(Recorder, "_port", lambda self, x: (asked.append(x), port(self, x))[1])
    net = gs.nn.Linear(3, 2)
    optimizer = gs.optim.Adam(net.parameters(), lr=0.01)
    batches: list[Any] = []

    def step(k: int) -> None:
        asked.clear()
        batches.append(gs.ones(4, 3))
        net(batches[-1]).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        if k == LATE:
            # Each is another tensor. C sees that by itself, where the step before ended in C too.
            assert [x is batches[-1] for x in asked] in ([True], [])

    reader = train(tmp_path / "a", step)
    assert reader.graphs() == [0]


def test_another_tensor_in_a_place_is_a_port_as_well(tmp_path: Path) -> None:
    w = gs.ones(3, requires_grad=True)
    a, b = gs.ones(3) * 2, gs.ones(3) * 3

    def step(k: int) -> None:
        first, second = (a, b) if k % 2 else (b, a)
        ((w * first).exp() * second).sum().backward()
        w.grad = None

    reader = train(tmp_path / "a", step)
    assert reader.graphs() == [0]


def test_what_takes_the_place_of_two_is_noticed(tmp_path: Path) -> None:
    w = gs.ones(3, requires_grad=True)
    a, b = gs.ones(3) * 2, gs.ones(3) * 3

    def step(k: int) -> None:
        ((w * a).exp() * (a if k == LATE else b)).sum().backward()
        w.grad = None

    reader = train(tmp_path / "a", step)
    other = reader.step(LATE).graph
    assert other != 0 and reader.step(LATE + 1).graph == 0
    assert wired(reader, LATE)[2][1] == wired(reader, LATE)[0][1]
    assert wired(reader, LATE + 1)[2][1] != wired(reader, LATE + 1)[0][1]


def test_ports_that_a_step_does_not_reach_are_no_ports_of_it(tmp_path: Path) -> None:
    w = gs.ones(3, requires_grad=True)
    a, b, c = gs.ones(3) * 2, gs.ones(3) * 3, gs.ones(3) * 4

    def step(k: int) -> None:
        h = (w * a).exp()
        # Late, `c` comes before `b`, which had its number already.
        h = (h * c).tanh() * b if k == LATE else (h * b).exp() * c
        h.sum().backward()
        w.grad = None

    reader = train(tmp_path / "a", step)
    graph = reader.graph(reader.step(LATE).graph)
    assert reader.step(LATE).graph != 0 and reader.step(LATE + 1).graph == 0
    names = [graph.port_name(k) for k in range(graph.n_ports)]
    assert len(names) == 4 and names.index("c") < names.index("b")


def test_a_parameter_with_another_array_has_its_shape(tmp_path: Path) -> None:
    w = gs.ones(3, requires_grad=True)
    x = gs.ones(3)

    def step(k: int) -> None:
        if k == LATE:
            w.data = gs.ones(5)
        (w.exp() * (gs.ones(5) if k >= LATE else x)).sum().backward()
        w.grad = None

    reader = train(tmp_path / "a", step)
    assert shapes(reader, LATE - 1)[0] == (3,)
    assert shapes(reader, LATE)[0] == shapes(reader, LATE + 1)[0] == (5,)


def test_an_array_that_is_changed_in_the_middle_of_a_step(tmp_path: Path) -> None:
    w = gs.ones(3, requires_grad=True)
    scale = gs.ones(3)

    def step(k: int) -> None:
        h = w.exp()
        if k == LATE:
            scale.data = gs.ones(2, 3)
        (h * scale).exp().sum().backward()
        w.grad = None

    reader = train(tmp_path / "a", step)
    assert shapes(reader, LATE - 1)[1:3] == [(3,), (3,)]
    assert shapes(reader, LATE)[1:3] == shapes(reader, LATE + 1)[1:3] == [(2, 3), (2, 3)]


def test_steps_written_many_at_once_are_all_there(tmp_path: Path) -> None:
    w = gs.ones(3, requires_grad=True)

    def step(k: int) -> None:
        (w * 2).sum().backward()
        w.grad = None

    reader = train(tmp_path / "a", step, n=1300)
    steps = reader.steps("train")
    np.testing.assert_array_equal(steps.num, np.arange(1300))
    assert (steps.wall_ns > 0).all() and (np.diff(steps.t0_ns) > 0).all()
    for k in (0, 127, 128, 255, 256, 700, 1299):
        assert (reader.step(k).dur_ns >= 0).all() and len(reader.step(k).dur_ns) == reader.graph(
            0
        ).n
