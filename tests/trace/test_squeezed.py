"""Integers of graphs, squeezed: the same numbers come back, whatever they are, and nonsense is refused."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphscope as gs
from graphscope.trace import codec, schema, squeezed, statements
from graphscope.trace.reader import TraceReader
from graphscope.trace.rows import DAMAGE

INT32 = st.integers(-(2**31), 2**31 - 1) | st.integers(-3, 9)


@st.composite
def graphs(draw: st.DrawFn) -> list[bytes]:
    """Nodes, edges, ports and kept: any numbers."""
    columns = (schema.NODE_COLUMNS, 3, schema.PORT_COLUMNS, 2)
    seed, sizes = draw(st.integers(0, 99)), [draw(st.integers(0, 6)) for _ in columns]
    rows = np.random.default_rng(seed)
    low, high = draw(st.sampled_from([(-3, 9), (-(2**31), 2**31)]))
    return [
        codec.raw(rows.integers(low, high, (n, k)).astype(np.int32))
        for n, k in zip(sizes, columns, strict=True)
    ]


@settings(deadline=None)
@given(st.lists(graphs(), max_size=4))
def test_graphs_come_back_whoever_they_are_packed_with(some: list[list[bytes]]) -> None:
    made = squeezed.structures(some)
    assert made == [blob for graph in some for blob in squeezed.structures([graph])]
    for graph, blob in zip(some, made, strict=True):
        n = len(graph[0]) // (4 * schema.NODE_COLUMNS)
        for parts in ((blob, b"", b"", b""), graph):
            found = squeezed.structure(n, *parts)
            assert [codec.raw(a) for a in found] == graph
            assert all(a.dtype == np.int32 and a.flags.c_contiguous for a in found)


@settings(deadline=None)
@given(st.lists(INT32, max_size=40))
def test_columns_come_back(numbers: list[int]) -> None:
    raw = codec.raw(np.array(numbers, np.int32))
    for blob in (raw, squeezed.column(raw)):
        assert codec.raw(squeezed.column_of(blob, len(numbers))) == raw
    for blob in (raw, squeezed.plan(raw)):
        assert codec.raw(squeezed.plan_of(blob)) == raw


@settings(deadline=None)
@given(graphs(), st.data())
def test_nonsense_is_refused(graph: list[bytes], data: st.DataObject) -> None:
    blob = bytearray(squeezed.structures([graph])[0])
    if data.draw(st.booleans()):
        del blob[data.draw(st.integers(0, len(blob) - 1)) :]
    for at in data.draw(st.lists(st.integers(0, max(len(blob) - 1, 0)), max_size=3)):
        if blob:
            blob[at] ^= data.draw(st.integers(0, 255))
    n = data.draw(st.sampled_from([len(graph[0]) // (4 * schema.NODE_COLUMNS), 0, 7, 2**40, -1]))
    for read in (
        lambda: squeezed.structure(n, bytes(blob), b"", b"", b""),
        lambda: squeezed.plan_of(bytes(blob)),
        lambda: squeezed.column_of(bytes(blob)),
    ):
        try:
            read()
        except DAMAGE:
            pass


def _random_depth(path: Path, steps: int) -> Path:
    """Steps of a net of which each takes other layers."""
    draw = random.Random(0)
    w = [gs.ones(4, 4).mul(0.1).requires_grad_() for _ in range(3)]
    with gs.profile(path, values="off") as p:
        for _ in range(steps):
            h = gs.ones(2, 4)
            for _ in range(draw.randint(10, 30)):
                h = h.mm(draw.choice(w))
                h = h.tanh() if draw.random() < 0.5 else h * 0.5
            h.sum().backward()
            for one in w:
                one.grad = None
    assert p.path is not None
    return p.path


def test_what_never_repeats_is_stored_small_and_reads_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = _random_depth(tmp_path / "small", 60)
    monkeypatch.setattr(statements, "_PACKED", {})
    plain = _random_depth(tmp_path / "plain", 60)
    stored = []
    for path in (plain, small):
        db = sqlite3.connect(path)
        stored.append(
            db.execute(
                "SELECT sum(length(nodes) + length(edges) + length(ports) + length(kept) + length(names)"
                " + length(plan)) FROM graphs"
            ).fetchone()[0]
            + db.execute("SELECT sum(length(specs)) FROM shape_sets").fetchone()[0]
        )
        db.close()
    assert 6 * stored[1] < stored[0]
    with TraceReader(plain) as a, TraceReader(small) as b:
        assert a.graphs() == b.graphs() and len(a.graphs()) > 40
        for id in a.graphs():
            one, two = a.graph(id), b.graph(id)
            assert one.digest == two.digest and one.keys == two.keys
            for name in ("nodes", "edges", "ports", "kept", "names"):
                np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
            assert one.plan.shape == two.plan.shape and two.plan.dtype == np.int32
        for num in range(0, 60, 7):
            one, two = a.step(num), b.step(num)
            np.testing.assert_array_equal(one.specs, two.specs)


def test_a_file_of_the_format_before_is_read_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "_PACKED", {})
    path = _random_depth(tmp_path / "old", 5)
    db = sqlite3.connect(path)
    db.execute("UPDATE meta SET value = '2' WHERE key = 'format'")
    db.execute("DROP TABLE stretches")
    db.commit()
    db.close()
    with TraceReader(path) as reader:
        assert len(reader.steps()) == 5 and reader.graph(0).n > 20
        # Not a copy of it in memory: that would be as large as the file.
        assert reader._rows("PRAGMA database_list")[0][2] == str(path.resolve())
