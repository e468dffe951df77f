"""Programs whose graph is another in every step: memory is bounded, and a graph that comes again is known again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphscope as gs
from graphscope.ops.arithmetic import add, neg
from graphscope.record import names
from graphscope.record.columns import Kinds
from graphscope.trace import writer
from graphscope.trace.reader import TraceReader


def rows(w: Any, n: int) -> Any:
    h = w
    for _ in range(n):
        h = h.tanh()
    return h.sum()


@pytest.mark.parametrize("turns", [1, 3])
def test_graphs_that_were_let_go_are_known_again(
    tmp_path: Path, monkeypatch: Any, turns: int
) -> None:
    monkeypatch.setattr(names, "HELD", 60)
    monkeypatch.setattr(writer, "MOMENTS", 60)
    w = gs.ones(4, requires_grad=True)
    with gs.profile(tmp_path / "a", values="off") as p:
        for _ in range(turns):
            for n in range(1, 13):
                for _ in range(2):
                    rows(w, n).backward()
                    w.grad = None
                p.flush()
        recorder = p._recorder
        assert recorder is not None and recorder.names._nodes <= 60
    assert p.path is not None
    with TraceReader(p.path) as reader:
        assert len(reader.graphs()) == 12
        used = reader.steps("train").graph
        np.testing.assert_array_equal(used, np.tile(np.repeat(np.arange(12), 2), turns))
        for g in range(12):
            graph, moments = reader.graph(g), reader.moments(g)
            assert graph.n == 2 * (g + 2) and moments["n"] == 2 * turns
            mine = [reader.step(int(k)).dur_ns for k in np.flatnonzero(used == g)]
            np.testing.assert_allclose(moments["mean"], np.mean(mine, axis=0), rtol=1e-6)
            np.testing.assert_allclose(moments["max"], np.max(mine, axis=0))
            for k in np.flatnonzero(used == g):
                step = reader.step(int(k))
                assert reader.spec(step.spec_id(0)).shape == (4,)


def test_shapes_of_a_graph_that_came_again_are_its_own(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(names, "HELD", 20)
    sizes = [3, 5, 3, 7]
    with gs.profile(tmp_path / "a", values="off") as p:
        for size in sizes:
            for n in (1, 4, 6, 2):
                w = gs.ones(size, requires_grad=True)
                rows(w, n).backward()
    assert p.path is not None
    with TraceReader(p.path) as reader:
        assert len(reader.graphs()) == 4
        for k in range(16):
            assert reader.spec(reader.step(k).spec_id(0)).shape == (sizes[k // 4],)


def test_the_columns_of_a_structure_tell_dtypes_and_wires_apart() -> None:
    four, eight = np.dtype(np.float32), np.dtype(np.float64)
    keys = [
        (add, (), 1, 2, 0, 1, four, 0), (add, (), 12, 0, 0, 1, four, 0), (add, (), 1, 2, 0, 1, eight, 0),
        (neg, (), 1, 2, 0, 1, four, 0), (add, (), 1, None, 0, 1, four, 0), (add, (1,), 1, 2, 0, 1, four, 0),
        (add, (), 1, (2, 3), 0, 1, four, 0), (add, 1, 2, four), (add, 1, 2, eight), ("data",),
    ]  # fmt: skip
    kinds = Kinds()
    columns = [kinds.columns([key]) for key in keys]
    assert len({kinds.digest(c) for c in columns}) == len(keys)
    assert [kinds.keys_of(c) for c in columns] == [[key] for key in keys]
    again = Kinds()  # numbers its heads in another order
    assert [again.digest(again.columns([key])) for key in reversed(keys)] == [
        kinds.digest(c) for c in reversed(columns)
    ]
    assert kinds.keys_of(kinds.columns(keys)) == keys


def test_what_ran_once_needs_no_row_of_moments(tmp_path: Path) -> None:
    w = gs.ones(4, requires_grad=True)
    with gs.profile(tmp_path / "a", values="off") as p:
        for n in (1, 2, 3, 3, 3):
            rows(w, n).backward()
            w.grad = None
    assert p.path is not None
    with TraceReader(p.path) as reader:
        stored = reader._rows("SELECT graph, n FROM moments")
        assert stored == [(2, 3)]
        for g in (0, 1):
            moments, step = reader.moments(g), reader.step(g)
            assert moments["n"] == 1 and not moments["std"].any()
            for what in ("mean", "min", "max"):
                np.testing.assert_array_equal(moments[what], step.dur_ns)
