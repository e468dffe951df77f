"""A step that repeats is only compared, not described; whatever differs must still be noticed, where it does."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphscope as gs
from graphscope.engine import dispatch
from graphscope.record import recorder, step
from graphscope.record.recorder import Recorder
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader

LATE = 20  # by then a step is on track: it is none of those that are looked at


def steps(path: Path, program: Any, n: int = 24, **options: Any) -> TraceReader:
    """A run of ``n`` steps of ``program(k, w)`` that give a loss."""
    w = gs.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.5]], requires_grad=True)
    with gs.profile(path, values="off", **options) as p:
        for k in range(n):
            program(k, w).backward()
            w.grad = None
    assert p.path is not None
    return TraceReader(p.path)


def plain(k: int, w: Any) -> Any:
    return ((w * 2 + w).tanh().mm(w.t()) - 1).exp().sum()


def test_the_trace_says_which_steps_were_looked_at(tmp_path: Path) -> None:
    reader = steps(tmp_path / "a", plain, n=140)
    assert reader.graphs() == [0]
    looked = [k for k in range(140) if reader.step(k).looked]
    assert looked == [0, 1, 2, 16, 32, 48, 64, 128]
    for k in (5, 100):  # between them the deaths are the graph's
        np.testing.assert_array_equal(reader.step(k).freed, reader.step(2).freed)
        assert (reader.step(k).dur_ns > 0).all()
        assert (np.diff(reader.step(k).begin_ns) > 0).all()


def test_most_of_a_repeated_step_needs_no_call(tmp_path: Path, monkeypatch: Any) -> None:
    told: list[str] = []
    op = Recorder.op

    def spy(self: Any, row: Any, *rest: Any) -> None:
        told.append(row.name)
        op(self, row, *rest)

    monkeypatch.setattr(Recorder, "op", spy)

    def program(k: int, w: Any) -> Any:
        if k == LATE:
            told.clear()
        return w.tanh().exp().neg().tanh().exp().neg().sum()

    steps(tmp_path / "a", program, n=LATE + 1)
    # The first op of a step, where the one before ended in Python: it was not the time to do so in C, or nothing is compiled.
    assert told in ([], ["tanh"])


@pytest.mark.parametrize(
    "change, at",
    [
        (lambda w: ((w * 2 + w).tanh().mm(w.t()) - 1).neg().sum(), 5),
        (lambda w: ((w * 2 + w).exp().mm(w.t()) - 1).exp().sum(), 2),
        (lambda w: ((w * 2 + w * 2).tanh().mm(w.t()) - 1).exp().sum(), 1),
        (lambda w: ((w * 2 + w).tanh().mm(w.t()) - 1).exp().sum(0).sum(), 6),
        (lambda w: ((w * 2 + w.detach()).tanh().mm(w.t()) - 1).exp().sum(), 1),
    ],
)
def test_another_op_is_noticed_where_it_is(tmp_path: Path, change: Any, at: int) -> None:
    reader = steps(tmp_path / "a", lambda k, w: change(w) if k == LATE else plain(k, w))
    graphs = [reader.step(k).graph for k in range(24)]
    assert graphs == [0] * LATE + [1] + [0] * (23 - LATE)
    forward = [
        i
        for i in range(reader.graph(1).n)
        if reader.graph(1).phase[i] == schema.FORWARD and reader.graph(1).op_name(i) != "t"
    ]
    assert reader.graph(1).diverged_at in (at, at + 1), forward
    assert (reader.step(LATE).dur_ns > 0).all()


def test_a_shorter_step_is_another_graph(tmp_path: Path) -> None:
    reader = steps(tmp_path / "a", lambda k, w: w.sum() if k == LATE else w.tanh().sum())
    assert reader.step(LATE).graph == 1 and reader.step(LATE + 1).graph == 0


def test_a_scope_is_part_of_the_structure(tmp_path: Path) -> None:
    def program(k: int, w: Any) -> Any:
        h = w * 2
        with gs.scope("late" if k == LATE else "early"):
            return h.tanh().exp().sum()

    reader = steps(tmp_path / "a", program)
    assert reader.graph(reader.step(LATE).graph).scope_path(2) == "late"
    assert reader.graph(reader.step(LATE + 1).graph).scope_path(2) == "early"


def test_other_shapes_and_dtypes_of_what_comes_in(tmp_path: Path) -> None:
    def program(k: int, w: Any) -> Any:
        x = gs.ones(5 if k == LATE else 2, 3, dtype=gs.float64 if k == LATE + 1 else gs.float32)
        return (x * w.sum(0) * x).tanh().exp().sum()

    reader = steps(tmp_path / "a", program)
    assert reader.step(LATE).graph == reader.step(LATE - 1).graph
    shapes = [reader.spec(reader.step(k).spec_id(3)).shape for k in (LATE - 1, LATE, LATE + 2)]
    assert shapes == [(2, 3), (5, 3), (2, 3)]
    other = reader.step(LATE + 1)
    assert other.graph != reader.step(LATE).graph
    assert reader.spec(other.spec_id(4)).dtype == "float64"


def test_shapes_that_depend_on_data(tmp_path: Path) -> None:
    def program(k: int, w: Any) -> Any:
        few = gs.arange(3) < (2 if k % 2 else 3)
        return w[:, few].exp().neg().sum()

    reader = steps(tmp_path / "a", program)
    for k in (LATE, LATE + 1):
        step = reader.step(k)
        names = [reader.graph(step.graph).op_name(i) for i in range(6)]
        at = names.index("exp")
        assert reader.spec(step.spec_id(at)).shape == (2, 2 if k % 2 else 3)


def test_a_value_of_the_step_before_is_no_value_of_this_one(tmp_path: Path) -> None:
    kept: list[Any] = []

    def program(k: int, w: Any) -> Any:
        h = (w * 2).tanh()
        kept.append(h.detach())
        use = kept[-2] if k == LATE else kept[-1]
        return (h * use).exp().sum()

    reader = steps(tmp_path / "a", program)
    assert reader.step(LATE).graph != reader.step(LATE - 1).graph
    assert reader.step(LATE + 1).graph == reader.step(LATE - 1).graph


def test_a_graph_that_began_off_the_track_gets_its_deaths(tmp_path: Path) -> None:
    def program(k: int, w: Any) -> Any:
        return (w * 2).tanh().exp().sum() if k < LATE else (w * 2).tanh().neg().exp().sum()

    reader = steps(tmp_path / "a", program, n=30)
    first, second = reader.step(LATE), reader.step(LATE + 1)
    assert not first.looked and second.looked
    np.testing.assert_array_equal(first.freed, second.freed)
    assert (second.freed >= 0).any()


def test_the_same_ops_on_another_thread_are_not_ours(tmp_path: Path) -> None:
    w = gs.ones(2, requires_grad=True)

    with gs.profile(tmp_path / "a", values="off") as p:
        for k in range(24):
            h = w.tanh()
            if k == LATE:
                thread = threading.Thread(target=lambda h=h: h.exp())
                thread.start()
                thread.join()
            h.exp().neg().sum().backward()
    reader = TraceReader(p.path)
    assert reader.graphs() == [0]
    assert reader.header()["foreign_ops"] == "1"


def test_lines_and_values_come_back_with_the_looks(tmp_path: Path) -> None:
    reader = steps(tmp_path / "a", plain, n=24, stacks=True)
    site = reader.graph(0).site_of(2)
    assert site is not None and site.file == __file__ and site.func == "plain"


@pytest.mark.parametrize(
    "where", ["_follows", "_close_on_track", "_settle", "close", "get_ident", "Shapes"]
)
def test_a_bug_in_the_recorder_does_not_stop_the_program(
    tmp_path: Path, monkeypatch: Any, where: str
) -> None:
    w = gs.ones(2, requires_grad=True)

    place = {"get_ident": recorder, "Shapes": step}.get(where, Recorder)

    def wrong(*args: Any, **options: Any) -> Any:
        raise ZeroDivisionError("a bug")

    with pytest.warns(RuntimeWarning, match="stopped recording.*a bug") as told:
        with gs.profile(tmp_path / "a", values="off") as p:
            for k in range(
                40
            ):  # enough for a step that is looked at, and one that leaves its track
                if k == (2 if where == "Shapes" else 5):
                    monkeypatch.setattr(place, where, wrong)
                (w * 2).tanh().sum().backward()
    assert len(told) == 1
    expected = 40 * 2 * (1 - np.tanh(2.0) ** 2)
    np.testing.assert_allclose(w.grad.numpy(), [expected] * 2, rtol=1e-5)
    reader = TraceReader(p.path)
    assert len(reader.steps().num) >= 1
    assert "a bug" in reader.header()["recording_stopped"]
    assert dispatch.recorder() is None


def test_the_user_is_told_that_recording_stopped(tmp_path):
    program = f"""
import graphscope as gs
from graphscope.record.recorder import Recorder
Recorder._settle = lambda *told: 1 / 0
w = gs.ones(4, requires_grad=True)
with gs.profile({str(tmp_path / "run")!r}):
    for _ in range(3):
        (w * w).sum().backward()
print("the program went on")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "the program went on\n" and done.returncode == 0
    assert done.stderr.count("stopped recording into") == 1 and "ZeroDivisionError" in done.stderr
