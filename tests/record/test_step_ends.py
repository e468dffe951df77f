"""Where one step ends and the next begins, in programs that do not say so."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs
from graphscope.trace.reader import TraceReader


def by_hand(steps=3):
    w = gs.ones(4, requires_grad=True)
    for _ in range(steps):
        loss = (w * w).sum()
        loss.backward()
        with gs.no_grad():
            w -= 0.1 * w.grad
            w.grad = None


def recorded(tmp_path, program):
    with gs.profile(tmp_path / "run") as p:
        program()
    return TraceReader(p.path)


def test_a_scope_around_the_loop_changes_no_step(tmp_path):
    def inside():
        with gs.scope("training"):
            by_hand()

    with recorded(tmp_path, inside) as reader:
        assert len(reader.steps("train")) == 3 and len(reader.steps("eval")) == 0
        graph = reader.graph(int(reader.steps("train").graph[-1]))
        assert {graph.scope_path(i) for i in range(graph.n) if graph.twin[i] < 0} == {"training"}


def test_a_scope_around_evaluation_keeps_its_batches_apart(tmp_path):
    net = gs.nn.Linear(3, 2)

    def evaluate():
        with gs.no_grad(), gs.scope("test"):
            for _ in range(4):
                net(gs.ones(5, 3))

    with recorded(tmp_path, evaluate) as reader:
        assert len(reader.steps("eval")) == 4


@pytest.mark.parametrize("named", [False, True])
def test_no_op_begins_before_its_step(tmp_path, named):
    def inside():
        if named:
            with gs.scope("all"):
                by_hand(40)
        else:
            by_hand(40)

    with recorded(tmp_path, inside) as reader:
        for num in reader.steps("train").num.tolist():
            step = reader.step(num)
            assert step.begin_ns.min() >= 0
            # times are stored in units of 1 << shift ns, so an end may stand a little late
            assert (step.begin_ns + step.dur_ns).max() <= step.wall_ns + 4096
            assert np.all(step.dur_ns >= 0)


def test_what_runs_after_the_last_step_of_a_finished_program_is_no_training(tmp_path):
    w = gs.ones(3, requires_grad=True)

    def trained(name, last):
        with gs.profile(tmp_path / name) as p:
            for _ in range(4):
                loss = (w * 2).sum()
                loss.backward()
                w.grad = None
            last(loss)
        return TraceReader(p.path)

    reader = trained("finished", lambda loss: (loss * 2).exp())
    assert list(reader.steps("train").status) == ["ok"] * 4
    assert len(reader.step(-1).dur_ns) == reader.graph(reader.step(0).graph).n
    (after,) = reader.steps("eval").id
    assert list(reader.steps("eval").status) == ["ok"] and after == 4

    def wrong(loss):
        loss * 2
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained("stopped", wrong)
    reader = TraceReader(tmp_path / "stopped.gscope")
    assert list(reader.steps("train").status) == ["ok"] * 4 + ["partial"]
