"""Deaths on paper: four nodes, two die, one is a view."""

from array import array
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import graphscope as gs
from graphscope.engine import note
from graphscope.record.deaths import freed_column
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader
from graphscope.trace.schema import NO_MEMORY, SURVIVED
from tests.engine.test_note import KINDS, a_noter, put


@pytest.mark.parametrize("cls", KINDS)
def test_a_column_on_paper(cls: type) -> None:
    rec = a_noter(cls, counted=True)
    first, second, last = (np.zeros(2) for _ in range(3))
    put(rec, 0, owner=first)
    put(rec, 1, owner=second)
    del first
    put(rec, 2)  # a view
    put(rec, 3, owner=last)
    del last
    # value 0 had died when node 2 was done, value 3 after the last node
    column, living = rec.freed()
    assert [*array("i", column)] == [1, SURVIVED, NO_MEMORY, 3] and living == [1]


@pytest.mark.parametrize("cls", KINDS)
def test_nothing_dies_before_it_is_born(cls: type) -> None:
    rec = a_noter(cls, counted=True)
    kept = np.zeros(2)
    put(rec, 0, owner=kept)
    put(rec, 1, owner=np.zeros(2))  # dies at once
    assert [*array("i", rec.freed()[0])] == [SURVIVED, 1]


@pytest.mark.parametrize("cls", KINDS)
def test_of_a_step_of_which_not_all_was_counted_nothing_is_said(cls: type) -> None:
    rec = a_noter(cls, counted=False)
    put(rec, 0)
    assert rec.freed() is None
    rec.counted = True
    put(rec, 1)
    assert rec.freed() is None


def test_the_first_pattern_is_the_plan() -> None:
    graph = SimpleNamespace(deaths=None)
    one, other = (array("i", column).tobytes() for column in ([1, -1], [0, -1]))
    first = freed_column(graph, one)
    assert first is not None and first.tolist() == [1, -1]
    assert freed_column(graph, one) is None
    assert freed_column(graph, other) is not None
    assert freed_column(graph, one) is None
    assert (note.SURVIVED, note.NO_MEMORY) == (schema.SURVIVED, schema.NO_MEMORY)


def test_of_a_step_that_failed_after_many_like_it_memory_dies_as_in_those(tmp_path: Path) -> None:
    """Such a step is not looked at, and its graph is new."""
    w = gs.ones(4, 4).requires_grad_()
    with pytest.raises(gs.errors.ShapeError), gs.profile(tmp_path / "run", values="off") as p:
        for k in range(8):
            h = (gs.ones(2, 4) * 2).mm(w)  # node 0, ones * 2, is kept for the gradient
            t = h * 3 + 1  # h * 3 dies when 1 was added
            if k == 7:
                t.mm(t)
            t.sum().backward()
            del h, t
            w.grad = None
    assert p.path is not None
    with TraceReader(p.path) as reader:
        whole, failed = reader.step(6), reader.step(7)
        assert failed.status == "failed" and not failed.looked
        graph = reader.graph(failed.graph)
        assert graph.diverged_at == graph.n - 1 and reader.graph(whole.graph).n > graph.n
        names = [graph.op_name(i) for i in range(graph.n)]
        found = dict(zip(names, failed.freed.tolist(), strict=True))
        assert found["add"] == -1  # it lived when the step broke off, as did all that the tape kept
        times = [i for i in range(graph.n) if names[i] == "mul" and i > names.index("mm")]
        assert failed.freed[times[0]] == names.index("add") == whole.freed[times[0]]
        assert failed.freed[names.index("mm")] == -1
