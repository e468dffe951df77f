"""Noting a step, compiled and in Python: both give the same columns."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from array import array
from threading import get_ident
from typing import Any
from weakref import ref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphscope as gs
from graphscope.engine import note
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor
from graphscope.ops.arithmetic import add, mul, neg
from graphscope.record.columns import Kinds
from graphscope.record.interned import Keeps, Specs
from graphscope.record.sites import Sites

compiled = pytest.mark.skipif(not note.NOTES_IN_C, reason="installed without a C compiler")
KINDS = [note.PureNoter, *([note.Noter] if note.NOTES_IN_C else [])]
BASE, PORT = 5 << 24, 1 << 23
F32 = np.dtype(np.float32)


def a_noter(cls: Any, rows: bytes = b"", more: Any = None, **changed: Any) -> Any:
    """One that has noted nothing; these nodes are predicted."""

    class Recording(cls):  # type: ignore[misc]
        """As far as a recorder is asked for anything."""

        __slots__ = ("entered", "kinds", "specs", "keeps", "sites", "__weakref__")

        def _port(self, x: Any) -> int:
            self.entered.append(x)
            x._rid = self.base + PORT + len(self.entered) - 1
            return PORT + len(self.entered) - 1

    rec = Recording()
    rec.entered, rec.kinds, rec.specs, rec.keeps, rec.sites = [], Kinds(), Specs(), Keeps(), Sites()
    rec.note_with(rec.kinds, rec.specs, rec.keeps, rec.sites)
    given = dict(
        i=0, base=BASE, thread=get_ident(), told=None, scope=1, phase=1, inside=0, after=False, unsettled=False,
        kind="train", direct=True, look=False, stacks=False, counted=False, timed=False, event_ns=0,
    )  # fmt: skip
    for name, value in (given | changed).items():
        setattr(rec, name, value)
    rec.note_from(rows, more or {})
    return rec


def put(rec: Any, kind: int, first: int = -1, second: Any = None, owner: Any = None) -> None:
    rec.put(kind, first, second, 0, 0, 7, 9, owner)


def tensor(*shape: int, rid: int = -1) -> Tensor:
    x = Tensor(np.zeros(shape, np.float32))
    x._rid = rid
    return x


def a_node(row: Any, mask: int, *saved: Any) -> Node:
    node = Node()
    node.plan, node.saved, node.rid = row.plan(mask), saved, -1
    return node


parts = st.tuples(
    st.integers(0, 2),
    st.integers(-1, 2),
    st.sampled_from([None, 0, 1, (0, 1), (1, 0, 2)]),
    st.integers(0, 1),
    st.integers(0, 1),
    st.integers(0, 9),
    st.integers(10, 19),
    st.booleans(),
)


@given(st.lists(parts, max_size=5), st.lists(parts, max_size=5), st.booleans(), st.integers(0, 3))
def test_nodes_are_noted_and_compared_with_those_that_are_predicted(
    predicted: list[Any], ran: list[Any], same: bool, already: int
) -> None:
    answers = []
    for cls in KINDS:
        before = a_noter(cls)
        for kind, first, second, keep, spec, t0, t1, lined in predicted:
            before.put(kind, first, second, keep, spec, t0, t1, None, lined)
        rows, held, specs, times = before.noted()
        assert len(rows) == 16 * len(predicted) and len(times) == 16 * len(predicted)
        rec = a_noter(cls, rows, before.more)
        assert rec.known == len(predicted)
        n = min(already, len(predicted))
        told = array("q", times)
        begin, end = told[: len(predicted)], told[len(predicted) :]
        rec.note_on(n, rows, before.more, held, specs, begin, end)
        rec.i = n
        for node in predicted[n:] if same else ran:
            rec.put(*node[:7], None, node[7])
        if same:
            assert rec.diverged == -1 and rec.noted() == before.noted() and rec.more == before.more
        rec.shift(100)
        every = [rec.row_of(i) for i in range(rec.i)]
        answers.append((rec.noted(), rec.diverged, rec.more, every, rec.i))
    assert all(answer == answers[0] for answer in answers)


def test_lines_are_noted_and_where_they_are_looked_at_compared() -> None:
    for cls in KINDS:
        rec = a_noter(cls, stacks=True)
        for _ in range(2):
            put(rec, 0)
        rec.put(1, 0, None, 0, 0, 7, 9, None, False)
        here = rec.row_of(0)[3]
        assert rec.row_of(1)[3] == here >= 0 > rec.row_of(2)[3]
        rows = rec.noted()[0]
        for look in (False, True):
            other = a_noter(cls, rows, stacks=True, look=look)
            put(other, 0)
            assert other.diverged == -1 and other.row_of(0) == rec.row_of(0)
            other.put(0, -1, None, 0, 0, 7, 9, None)  # another line
            assert other.diverged == (1 if look else -1)
            assert other.row_of(1)[3] == here or look


def test_what_is_noted_of_a_line_is_where_the_program_is() -> None:
    for cls in KINDS:
        rec = a_noter(cls, stacks=True)
        put(rec, 0)
        file, line, name = rec.sites.lines[rec.row_of(0)[3]]
        assert (os.path.basename(file), name) == ("test_note.py", "put")
        assert line == put.__code__.co_firstlineno + 1


@compiled
def test_an_op_is_noted_without_a_call() -> None:
    rec = a_noter(note.Noter, counted=True, stacks=True, timed=True)
    x, out, again = tensor(2), tensor(2), tensor(2)
    x._rg = True
    node = a_node(mul, 1, None, x._a, None, None)
    assert note.note_op(rec, mul, (), x, tensor(2), (), out, 7, 9, node)
    assert note.note_op(rec, neg, (), out, None, (), again, 10, 12, None)
    rows, held, specs, times = rec.noted()
    kinds = [rec.kinds.heads[rec.row_of(i)[0]] for i in (0, 1)]
    assert kinds == [(mul, (), 1, 1, F32, 1), (neg, (), 1, 1, F32, 0)]
    assert [rec.row_of(i)[1:3] for i in (0, 1)] == [(PORT, PORT + 1), (0, -1)]
    assert [rec.keeps.all[k] for k in array("i", held)] == [(1,), ()]
    assert [rec.specs.all[k] for k in array("i", specs)] == [((2,), F32)] * 2
    assert [*array("q", times)] == [7, 10, 9, 12]
    assert out._rid == node.rid == BASE and again._rid == BASE + 1 and rec.i == 2
    assert rec.refs[0]() is out._a and rec.event_ns > 0
    file, _, name = rec.sites.lines[rec.row_of(0)[3]]
    assert name == "test_an_op_is_noted_without_a_call"
    del out, again, node
    put(rec, 0)
    column, living = rec.freed()
    assert [*array("i", column)] == [1, 1, note.NO_MEMORY] and living == []


@compiled
def test_an_op_of_many_inputs_and_with_params() -> None:
    rec = a_noter(note.Noter)
    x, y, z = tensor(1, rid=BASE), tensor(1, rid=BASE + 1), tensor(1)
    for params in ((1, 2), (1, 2), (2, 1), (slice(0, 2),), (slice(0, 2),), (slice(0, 3),)):
        assert note.note_op(rec, add, params, x, y, (z, x), tensor(3), 7, 9, None)
    assert rec.more == dict.fromkeys(range(6), (1, PORT, 0)) and rec.entered == [z]
    assert [rec.row_of(i)[0] for i in range(6)] == [0, 0, 1, 2, 2, 3]
    assert rec.kinds.heads[2][1] == (slice(0, 2),)
    known = a_noter(note.Noter, rec.noted()[0], rec.more)
    z._rid = -1
    assert note.note_op(known, add, (1, 2), x, y, (z, x), tensor(3), 7, 9, None)
    assert known.diverged == -1
    assert note.note_op(known, add, (1, 2), x, y, (x, z), tensor(3), 7, 9, None)
    assert known.diverged == 1


@compiled
def test_what_is_out_of_the_ordinary_is_not_noted() -> None:
    x = tensor(2)

    class Strange:
        """Params that have no hash."""

        __hash__ = None  # type: ignore[assignment]

    for changed, told in (
        ({"direct": False}, {}), ({"thread": get_ident() + 1}, {}), ({"told": ()}, {}), ({"unsettled": True}, {}),
        ({"unsettled": True, "after": True}, {}), ({}, {"out": (x, x)}), ({}, {"params": (Strange(),)}),
        ({}, {"out": Tensor(np.zeros(2).view(np.recarray))}), ({}, {"rest": (1,)}), ({}, {"a": 1}), ({}, {"node": 1}),
    ):  # fmt: skip
        rec = a_noter(note.Noter, **changed)
        given = {"params": (), "a": x, "rest": (), "out": tensor(2), "node": None} | told
        said = note.note_op(
            rec, neg, given["params"], given["a"], None, given["rest"], given["out"], 7, 9, given["node"]
        )  # fmt: skip
        assert not said and rec.i == 0 and not rec.entered
    assert not note.note_op(object(), neg, (), x, None, (), tensor(2), 7, 9, None)
    updates = a_noter(note.Noter, unsettled=True, after=True)
    with gs.no_grad():
        assert note.note_op(updates, neg, (), x, None, (), tensor(2), 7, 9, None)
    evaluates = a_noter(note.Noter, unsettled=True, kind="eval")
    assert note.note_op(evaluates, neg, (), x, None, (), tensor(2), 7, 9, None)


@compiled
def test_a_gradient_and_a_leaf_are_noted_without_a_call() -> None:
    rec = a_noter(note.Noter, counted=True, i=0)
    put(rec, 0)
    node, other = a_node(mul, 3), a_node(mul, 3)
    node.rid = BASE
    g, small = np.zeros((2, 2), np.float32), np.zeros(1, np.float32)
    views = [g.T, np.broadcast_to(small, 4)]  # of its memory, and of memory counted elsewhere
    assert note.note_grad(rec, node, 0, g, 7, 9, False)
    assert note.note_grad(rec, node, 1, g, 7, 9, True)  # it is the incoming array
    assert note.note_grad(rec, other, 1, views[0], 7, 9, False)
    assert note.note_grad(rec, other, 1, views[1], 7, 9, False)
    heads = [rec.kinds.heads[rec.row_of(i)[0]] for i in range(1, 5)]
    assert heads == [(mul, 0, F32), (mul, 1, F32), (mul, 1, F32), (mul, 1, F32)]
    assert [rec.row_of(i)[1:] for i in range(1, 5)] == [(0, -1, -1)] * 2 + [(-1, -1, -1)] * 2
    owners = [r and r() for r in rec.refs[1:]]
    assert owners[0] is g and owners[1] is None and owners[2] is g and owners[3] is None
    leaf = tensor(2)
    leaf._grad = tensor(2)
    assert note.note_leaf(rec, leaf) and leaf._grad._rid == BASE + 4
    assert not note.note_leaf(rec, tensor(2))  # it has none
    assert not note.note_grad(rec, node, 0, np.float32(1), 7, 9, False)
    rec.direct = False
    assert not note.note_grad(rec, node, 0, g, 7, 9, False) and not note.note_leaf(rec, leaf)


@compiled
def test_thousands_of_heads_and_shapes_have_their_own_numbers() -> None:
    rec = a_noter(note.Noter)
    x = tensor(1, rid=BASE)
    for turn in range(2):
        for k in range(2_000):
            out = tensor(1, k % 300)
            assert note.note_op(rec, add, (k, float(k)), x, None, (), out, 7, 9, None)
            assert rec.row_of(rec.i - 1)[0] == k
    assert len(rec.kinds.heads) == 2_000 and len(rec.specs.all) == 300
    assert [*array("i", rec.noted()[2])] == [k % 300 for k in range(2_000)] * 2


@compiled
def test_misuse_is_refused_and_a_cycle_is_let_go() -> None:
    for name in ("note_op", "note_grad", "note_leaf"):
        with pytest.raises(TypeError, match="arguments"):
            getattr(note, name)(object())
    rec = a_noter(note.Noter)
    with pytest.raises(IndexError):
        rec.row_of(0)
    with pytest.raises(ValueError, match="fewer"):
        rec.note_on(2, b"", {}, b"", b"", [], [])
    with pytest.raises(TypeError):
        rec.put(1)
    rec.i = 3
    with pytest.raises(RuntimeError, match="behind"):
        put(rec, 0)
    rec.entered.append(rec)
    rec.refs.append(rec)
    there = ref(rec)
    del rec
    gc.collect()
    assert there() is None


PROGRAM = """
import random, sqlite3, sys
import graphscope as gs
from graphscope.engine import note
gs.manual_seed(0)
draw = random.Random(0)
w = [gs.randn(4, 4).requires_grad_() for _ in range(3)]
net = gs.nn.Sequential(gs.nn.Linear(4, 4), gs.nn.Dropout(0.5), gs.nn.LayerNorm(4))
optimizer = gs.optim.Adam([*w, *net.parameters()])
x = gs.randn(2, 4)
ways = [lambda h: h.tanh(), lambda h: h * 0.5, lambda h: gs.cat([h, h, x])[1:3], lambda h: h[:, 0:2].repeat(1, 2),
        lambda h: gs.stack([h, x]).max(0)[0], lambda h: h.reshape(8).view(2, 4), net]
with gs.profile(sys.argv[1], values=sys.argv[2]) as p:
    for k in range(60):
        optimizer.zero_grad()
        h = x
        for _ in range(draw.randint(1, 6)):
            h = draw.choice(ways)(h.mm(draw.choice(w)))
        h.square().mean().backward()
        optimizer.step()
        if k == 30:
            with gs.no_grad():
                net(x)
        if k == 40:
            try:
                x.mm(x)
            except gs.errors.ShapeError:
                pass
print(note.NOTES_IN_C)
db = sqlite3.connect(p.path)
for sql in ("SELECT * FROM graphs", "SELECT * FROM shape_sets", "SELECT * FROM costs", "SELECT * FROM specs",
            "SELECT * FROM sites", "SELECT * FROM strings", "SELECT * FROM survivors",
            # but for when a learning rate changed
            "SELECT id, graph, name, CASE name WHEN 'rate' THEN json_remove(data, '$[#-1]') ELSE data END FROM facts",
            "SELECT id, kind, num, graph, shape_set, status, freed, note, looked FROM steps", "SELECT * FROM alive"):
    print(db.execute(sql).fetchall())
"""


@compiled
@pytest.mark.parametrize("values", ["off", "full"])
def test_the_same_trace_with_and_without_the_compiled_part(tmp_path: Any, values: str) -> None:
    said = []
    for pure in ("", "1"):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / f"run{pure}"), values],
            env={**os.environ, "GRAPHSCOPE_PURE": pure}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        first, rest = done.stdout.split("\n", 1)
        assert first == str(not pure)
        said.append(rest)
    assert said[0] == said[1]
