"""Integers of graphs, squeezed: the same numbers come back, whatever they are, and nonsense is refused."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphscope as gs
from graphscope.trace import codec, describer, schema, squeezed
from graphscope.trace.reader import TraceReader
from graphscope.trace.rows import DAMAGE

INT64 = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 9)
INT32 = st.integers(-(2**31), 2**31 - 1) | st.integers(-3, 9)


@st.composite
def graphs(draw: st.DrawFn) -> list[bytes]:
    """Nodes, edges, ports, kept, names and plan: any numbers."""
    columns = (schema.NODE_COLUMNS, 3, schema.PORT_COLUMNS, 2, 1, 1)
    seed, sizes = draw(st.integers(0, 99)), [draw(st.integers(0, 6)) for _ in columns]
    sizes[4] = sizes[5] = sizes[0]
    rows = np.random.default_rng(seed)
    low, high = draw(st.sampled_from([(-3, 9), (-(2**31), 2**31)]))
    return [
        codec.raw(rows.integers(low, high, (n, k)).astype(np.int32))
        for n, k in zip(sizes, columns, strict=True)
    ]


@settings(deadline=None)
@given(graphs())
def test_graphs_come_back(graph: list[bytes]) -> None:
    n = len(graph[0]) // (4 * schema.NODE_COLUMNS)
    for parts in ([squeezed.structure(graph), *[b""] * 5], graph):
        found = squeezed.structure_of(n, parts)
        assert [codec.raw(a) for a in found] == graph
        assert all(a.dtype == np.int32 and a.flags.c_contiguous for a in found)


def test_what_was_found_out_later_stands_for_what_was_there() -> None:
    graph = [codec.raw(np.arange(k, dtype=np.int32)) for k in (8, 3, 0, 2)]
    blob = squeezed.structure([*graph, codec.raw(np.array([-1])), codec.raw(np.array([-1]))])
    later = [squeezed.column(codec.raw(np.array([7]))), squeezed.plan(codec.raw(np.array([0])))]
    found = squeezed.structure_of(1, [blob, b"", b"", b"", *later])
    assert found.names.tolist() == [7] and found.plan.tolist() == [0]


@settings(deadline=None)
@given(st.lists(INT32, max_size=9), st.lists(st.tuples(INT64, INT64), max_size=9) | st.none())
def test_shapes_come_back(specs: list[int], costs: list[tuple[int, int]] | None) -> None:
    raw = codec.raw(np.array(specs, np.int32))
    flops, traffic = np.array(costs or [], np.int64).reshape(-1, 2).T
    blob = squeezed.shapes(raw) if costs is None else squeezed.shapes(raw, flops, traffic)
    for one in (blob, squeezed.column(raw)):
        found, told = squeezed.shapes_of(one)
        assert codec.raw(found) == raw
        if costs and one is blob:
            assert told is not None and [a.tolist() for a in told] == [
                flops.tolist(),
                traffic.tolist(),
            ]
        else:
            assert told is None


def test_what_format_3_wrote_is_read() -> None:
    """Bytes that the version before wrote for these numbers."""
    nodes = [
        [3, 1, 0, 2, -1, -1, -1, 8], [4, 1, 1, 2, -1, -1, 5, 8], [7, 1, 1, 3, -1, -1, -1, 9], [7, 2, 0, -1, 2, 0, -1, 0],
        [4, 2, 0, -1, 1, 1, -1, 0],
    ]  # fmt: skip
    edges = [[0, 0, -1], [1, 0, 0], [1, 1, -2], [2, 0, 1], [3, 0, 2], [4, 0, 3]]
    ports, kept = [[4, 0, 0, -1], [9, 1, 2, -1]], [[0, 1], [-2, 1], [2, 2]]
    names, plan = [-1, 11, 12, -1, -1], [4, -1, 4, 3, -2]
    blobs = [
        "58096d4f090ec0200c82ba4df7ff0777906c598d92f4a0344a2f00a1688ea3f743b58264589f404ed424a265aad624be192698de2ae9549f1e"
        "fc698c7bf90384ecac6348d8816cdb7dfad8177af26b516fb7193bb0eafbcd1fd5513446",
        "", "", "", "5809fbcfcdf3ffff7f06066402007b430c0c", "5809e36064616066400500013f0011",
    ]  # fmt: skip
    found = squeezed.structure_of(5, [bytes.fromhex(blob) for blob in blobs])
    assert [a.tolist() for a in found] == [nodes, edges, ports, kept, names, plan]
    without = squeezed.structure_of(5, [bytes.fromhex(blob) for blob in [*blobs[:4], "", blobs[5]]])
    assert without.names.tolist() == [-1] * 5
    specs = bytes.fromhex("5809636064626260d0610003460805230104740033")
    assert squeezed.shapes_of(specs)[0].tolist() == [0, 1, 2, 2, 0, 0, 300]


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
    raw = np.arange(3, dtype=np.int64)
    made = [squeezed.structure(graph), squeezed.shapes(graph[4], raw, raw)]
    blob = bytearray(data.draw(st.sampled_from(made)))
    if data.draw(st.booleans()):
        del blob[data.draw(st.integers(0, len(blob) - 1)) :]
    for at in data.draw(st.lists(st.integers(0, max(len(blob) - 1, 0)), max_size=3)):
        if blob:
            blob[at] ^= data.draw(st.integers(0, 255))
    n = data.draw(st.sampled_from([len(graph[0]) // (4 * schema.NODE_COLUMNS), 0, 7, 2**40, -1]))
    for read in (
        lambda: squeezed.structure_of(n, [bytes(blob), *[b""] * 5]),
        lambda: squeezed.shapes_of(bytes(blob)),
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


def _unsqueezed(path: Path) -> Path:
    """A file as format 2 had it: every column as it is, and costs by themselves."""
    db = sqlite3.connect(path)
    for id, n, *blobs in db.execute(
        "SELECT id, n, nodes, edges, ports, kept, names, plan FROM graphs"
    ).fetchall():
        columns = [codec.raw(a) for a in squeezed.structure_of(n, blobs)]
        row = "nodes = ?, edges = ?, ports = ?, kept = ?, names = ?, plan = ?"
        db.execute(f"UPDATE graphs SET {row} WHERE id = ?", (*columns, id))
    for id, blob in db.execute("SELECT id, specs FROM shape_sets").fetchall():
        specs, costs = squeezed.shapes_of(blob)
        assert costs is not None
        db.execute("UPDATE shape_sets SET specs = ? WHERE id = ?", (codec.raw(specs), id))
        db.execute("INSERT INTO costs VALUES (?,?,?)", (id, *[codec.pack(a, "<i8") for a in costs]))
    db.execute("UPDATE meta SET value = '2' WHERE key = 'format'")
    db.execute("DROP TABLE stretches")
    db.commit()
    db.close()
    return path


def _stored(path: Path) -> int:
    """Bytes of all that describes graphs."""
    db = sqlite3.connect(path)
    columns = "length(nodes) + length(edges) + length(ports) + length(kept) + length(names) + length(plan)"
    sums = db.execute(
        f"SELECT (SELECT sum({columns}) FROM graphs), (SELECT sum(length(specs)) FROM shape_sets)"
    ).fetchone()
    db.close()
    return sum(sums)


def test_what_never_repeats_is_stored_small_and_old_files_are_read_as_they_are(
    tmp_path: Path,
) -> None:
    small = _random_depth(tmp_path / "small", 60)
    plain = _unsqueezed(Path(shutil.copy(small, tmp_path / "plain.gscope")))
    assert 8 * _stored(small) < _stored(plain)
    with TraceReader(plain) as a, TraceReader(small) as b:
        assert a.graphs() == b.graphs() and len(a.graphs()) > 40
        for id in a.graphs():
            one, two = a.graph(id), b.graph(id)
            assert one.digest == two.digest and one.keys == two.keys
            for name in ("nodes", "edges", "ports", "kept", "names", "plan"):
                np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        for num in range(0, 60, 7):
            steps = a.step(num), b.step(num)
            np.testing.assert_array_equal(steps[0].specs, steps[1].specs)
            costs = a.costs(steps[0].shape_set), b.costs(steps[1].shape_set)
            np.testing.assert_array_equal(*costs)
            assert costs[0] is not None and costs[0][0].any()
        # Not a copy of it in memory: that would be as large as the file.
        assert a._rows("PRAGMA database_list")[0][2] == str(plain.resolve())


def test_a_large_graph_is_described_as_a_small_one(tmp_path: Path) -> None:
    """It is packed by the thread that writes."""
    ways: list[Any] = []
    for limit in (describer.SMALL, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(describer, "SMALL", limit)
            with gs.profile(tmp_path / str(limit), values="off") as p:
                w = h = gs.ones(3).requires_grad_()
                for k in range(9):
                    h = h * 2 if k % 2 else h.tanh()
                h.sum().backward()
                del h, w
        assert p.path is not None
        with TraceReader(p.path) as reader:
            graph, step = reader.graph(0), reader.step(0)
            ways.append(
                [a.tolist() for a in (graph.nodes, graph.edges, graph.kept, graph.names, graph.plan, step.specs)]
                + [np.array(reader.costs(step.shape_set)).tolist()]
            )  # fmt: skip
    assert ways[0] == ways[1] and len(ways[0][0]) > 18
