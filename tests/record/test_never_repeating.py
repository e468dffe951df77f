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
from graphscope.record.costs import Costs
from graphscope.record.tables import Many
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


def test_a_head_that_cannot_be_looked_up_is_known_by_its_text() -> None:
    """A slice among the params, before Python 3.12; a list stands for it here."""
    four = np.dtype(np.float32)
    keys = [(add, ([1],), 0, second, 0, 1, four, 0) for second in (None, 3, (1, 2), None)] + [
        (add, ([2],), 0, None, 0, 1, four, 0),
        (neg, (), 4, None, 0, 1, four, 0),
    ]
    kinds = Kinds()
    columns = kinds.columns(keys)
    assert [*columns.kinds] == [0, 0, 0, 0, 1, 2]
    assert kinds.keys_of(columns) == keys and kinds.columns(keys) == columns


def test_an_evaluation_between_ever_new_graphs_follows_the_one_before_it(tmp_path: Path) -> None:
    w, net = gs.ones(4, requires_grad=True), gs.nn.Sequential(gs.nn.Tanh(), gs.nn.ReLU())
    with gs.profile(tmp_path / "a", values="off") as p:
        for n in range(1, 9):
            rows(w, n).backward()
            with gs.no_grad():
                net(w)
        recorder = p._recorder
        assert recorder is not None
        of_eval = next(g[0] for g in recorder.names._graphs.values() if g[0].kind == "eval")
        assert [key[0].name for key in of_eval.keys] == ["tanh", "relu"]
        assert of_eval.keys == [of_eval.key(0), of_eval.key(1)]
    assert p.path is not None
    with TraceReader(p.path) as reader:
        assert len(reader.graphs()) == 9 and len(set(reader.steps("eval").graph.tolist())) == 1


def test_graphs_described_together_are_as_if_alone(tmp_path: Path) -> None:
    """Columns of many graphs stand behind one another; no number of one gets into another."""
    a, b = gs.ones(2, 2, requires_grad=True), gs.ones(2, 2)
    with gs.profile(tmp_path / "a", values="off") as p:
        for n in (1, 2, 3, 4):  # the last step has not ended
            h = gs.cat([a, b, a * n][:n], 0)  # one, two and more inputs
            for _ in range(n):
                h = h[0:2].mm(a) + b
            h.sum().backward()
            with gs.no_grad():
                a -= a.grad
            a.grad = None
        p.flush()
        recorder, pump = p._recorder, p._pump
        assert recorder is not None and pump is not None
        graphs = [g[0] for g in recorder.names._graphs.values()]
        shapes = [g.shapes[0] for g in graphs]
        together = pump._tables.of(graphs)
        alone = [pump._tables.of([g])[0] for g in graphs]
        for mine, other in zip(together, alone, strict=True):
            for table, same in zip(mine, other, strict=True):
                np.testing.assert_array_equal(table, same)

        specs = [np.frombuffer(nodes + ports, np.int32) for nodes, ports in shapes]
        spec_of = recorder.specs.all.__getitem__
        whole = np.stack(pump._costs.of(Many(graphs), np.concatenate(specs), spec_of))
        parts = [
            np.stack(Costs().of(Many([g]), mine, spec_of))
            for g, mine in zip(graphs, specs, strict=True)
        ]
        np.testing.assert_array_equal(whole, np.concatenate(parts, 1))
        assert whole.sum() > 0 and len(graphs) == 3


def test_only_a_graph_that_came_twice_in_a_row_is_followed(tmp_path: Path) -> None:
    """What follows a graph costs several times its ops; where another one comes each time it is never of use."""
    w = gs.ones(4, requires_grad=True)
    with gs.profile(tmp_path / "a", values="off") as p:
        for _ in range(6):
            for n in (1, 2, 3):
                rows(w, n).backward()
                w.grad = None
        recorder = p._recorder
        assert recorder is not None
        graphs = [g[0] for g in recorder.names._graphs.values()]
        assert [g.seen for g in graphs] == [6, 6, 5] and not any(g.track for g in graphs)
        for _ in range(4):
            rows(w, 3).backward()
            w.grad = None
        assert [g.track is not None for g in graphs] == [False, False, True]
    assert p.path is not None
    with TraceReader(p.path) as reader:
        assert reader.steps("train").graph.tolist() == [0, 1, 2] * 6 + [2] * 4
