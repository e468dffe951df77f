"""Following a repeated step, compiled and in Python: both give the same answers and leave the same behind."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from array import array
from threading import get_ident
from types import SimpleNamespace
from weakref import ref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphscope as gs
from graphscope.engine import follow
from graphscope.engine.dispatch import NEVER
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor

compiled = pytest.mark.skipif(not follow.COMPILED, reason="installed without a C compiler")
PLAN, OTHER, ROW = object(), object(), SimpleNamespace(writes=False)
WRITING = SimpleNamespace(writes=True)
F32, F64 = np.dtype(np.float32), np.dtype(np.float64)


class Told(tuple):
    of_nodes = property(lambda self: self[1])


def both():
    """The two kinds of followers, with their functions."""
    yield follow.PureFollower, {k: getattr(follow, f"pure_{k}") for k in ("follow", "follow_like", "follow_grad")}  # fmt: skip
    if follow.COMPILED:
        yield follow.Follower, {k: getattr(follow, k) for k in ("follow", "follow_like", "follow_grad")}  # fmt: skip


def tensor(rid, dtype=F32, shape=(2,)):
    x = Tensor(np.zeros(shape, dtype))
    x._rid = rid
    return x


def predict(rec, calls):
    """Tell C what is predicted, where there is something."""
    rec.packed = follow.pack(rec.plan, calls) if rec.plan is not NEVER and follow.COMPILED else None


def a_follower(cls, **changed):
    """Three nodes and two ports, the second node of them next."""
    rec = cls()
    base = 1 << 30
    rids = [
        *range(base, base + 3),
        *range(base + (1 << 23), base + (1 << 23) + 2),
    ]  # two come in from before
    given = dict(
        i=1, where=4, thread=get_ident(), base=base, nodes=3, told=Told((0, [(2,), (2,), (2,)], [])), kind="train", root=None,
        stack=[], token=object(), scope=1, phase=0, inside=0, after=False, unsettled=False,
        plan=[(None, 0, 0, 0), (PLAN, 3, 4, 4), (PLAN, 1, 0, 4), (None, 0, 0, 0)],
    )  # fmt: skip
    begin, end = array("q", bytes(24)), array("q", bytes(24))
    for name, value in (given | changed).items():
        setattr(rec, name, value)
    rec.times(begin, end)
    predict(rec, [None] * 4)
    return rec, rids, begin, end


@given(
    plan=st.sampled_from([PLAN, OTHER]),
    u=st.sampled_from([3, 4, 0]),
    v=st.sampled_from([4, 3, None]),
    where=st.sampled_from([4, 5]),
    thread=st.booleans(),
    unsettled=st.booleans(),
    after=st.booleans(),
    inside=st.sampled_from([0, 1]),
    kind=st.sampled_from(["train", "eval", None]),
    with_node=st.booleans(),
    grad=st.booleans(),
)
def test_an_op_is_compared_with_the_one_that_comes_next(
    plan, u, v, where, thread, unsettled, after, inside, kind, with_node, grad
):
    answers = []
    for cls, use in both():
        rec, rids, begin, end = a_follower(
            cls, where=where, thread=get_ident() + (not thread), unsettled=unsettled, after=after, inside=inside, kind=kind
        )  # fmt: skip
        a, b = tensor(rids[u]), None if v is None else tensor(rids[v])
        out, node = tensor(-1), Node() if with_node else None
        if node is not None:
            node.rid = -1
        with gs.set_grad_enabled(grad):
            said = use["follow"](rec, plan, a, b, out, node, 7, 9)
        answers.append((
            said, rec.i, [*begin], [*end], out._rid == rids[1], node is not None and node.rid == rids[1]
        ))  # fmt: skip
    assert all(answer == answers[0] for answer in answers)
    said, i, begins, ends, numbered, node_too = answers[0]
    settled = not unsettled or (
        not inside and not grad if after else kind == "eval" and not with_node
    )
    fits = plan is PLAN and u == 3 and v in (4, None) and where == 4 and thread
    assert said == (fits and settled)
    assert (i, begins[1], ends[1]) == ((2, 7, 9) if said else (1, 0, 0))
    assert numbered == said and node_too == (said and with_node)


@given(
    key=st.sampled_from([(1,), (2,), (), (1, 2)]),
    dtype=st.sampled_from([F32, F64]),
    shape=st.sampled_from([(2,), (3,), (2, 1)]),
    tuples=st.booleans(),
)
def test_params_dtype_and_shape_are_compared_where_they_do_not_follow(key, dtype, shape, tuples):
    answers = []
    for cls, use in both():
        entry = ((PLAN, (1,), F32) if tuples else PLAN, 3, 4, 4)
        rec, rids, begin, _ = a_follower(cls, plan=[entry] * 4)
        out = tensor(-1, dtype, shape)
        said = use["follow_like"](rec, PLAN, key, out._a, tensor(rids[3]), None, out, None, 7, 9)
        answers.append((said, rec.i, [*begin]))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == (tuples and key == (1,) and dtype is F32 and shape == (2,))


@given(want=st.booleans(), twin=st.sampled_from([0, 1, 2]), thread=st.booleans())
def test_a_gradient_is_compared_with_its_want_and_its_twin(want, twin, thread):
    answers = []
    for cls, use in both():
        rec, rids, begin, end = a_follower(
            cls, plan=[(PLAN, 1, 0, 0)] * 4, thread=get_ident() + (not thread)
        )
        node = Node()
        node.rid = rids[twin]
        said = use["follow_grad"](rec, PLAN if want else OTHER, node, 7, 9)
        answers.append((said, rec.i, [*begin], [*end]))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == (want and twin == 1 and thread)


def test_who_predicts_nothing_is_told_no():
    for cls, use in both():
        rec, rids, *_ = a_follower(cls, plan=NEVER)
        x, out = tensor(rids[3]), tensor(-1)
        assert not use["follow"](rec, PLAN, x, None, out, None, 1, 2)
        assert not use["follow_like"](rec, PLAN, (), x._a, x, None, out, None, 1, 2)
        node = Node()
        node.rid = rids[1]
        assert not use["follow_grad"](rec, PLAN, node, 1, 2)
    # Any object may be an observer; it is called for every op.
    stranger = SimpleNamespace(plan=NEVER, i=0)
    assert not follow.follow(stranger, PLAN, tensor(0), None, tensor(-1), None, 1, 2)
    assert not follow.follow_call(stranger, ROW, (), tensor(0), None, (), tensor(-1), 1, 2, None)
    assert not follow.follow_leaf(stranger, tensor(0))
    assert not follow.enter(stranger, object(), {}) and not follow.leave(stranger)


def test_a_step_begins_again():
    for cls, _ in both():
        rec, rids, *_ = a_follower(cls, inside=2, after=True, stack=[1, 2])
        old = 1 << 50
        held, gone, other, nothing = tensor(old | 5), tensor(old), tensor(77), None
        there = [ref(held), ref(gone), ref(other), lambda: nothing]
        del gone
        gc.collect()
        stack, rec.base, rec.loss = rec.stack, old, 0.5
        rec.again(there, 3)
        base, ports = rec.base, rec.base + (1 << 23)
        assert base != old and not base % (1 << 24) and rec.loss is None
        assert rec.nodes == 3 and rec.number_at(2) == base + 2 and rec.number_at(4) == ports + 1
        assert held._rid == ports and other._rid == 77
        assert (rec.i, rec.scope, rec.phase, rec.where, rec.inside) == (0, 0, 1, 1, 0)
        assert (rec.after, rec.unsettled, rec.kind, rec.root) == (False, True, None, None)
        assert rec.stack == [] and stack == [1, 2]  # who closes a step in its middle keeps his


def a_step_that_may_end(cls, **changed):
    """A follower behind the last of its three nodes, with room for two rows."""
    plan = [(None, 0, 0, 0)] * 4
    given = dict(
        i=3, plan=plan, armed=plan, there=[], left=9, run=0, until=1 << 62, due=False, num={"train": 4, "eval": 7}, seq=11,
        t0=100, base=1 << 24, loss=0.25, nonfinite=0, wall_ns=1000, rec_ns=10, close_ns=1, track_ns=2.0, trap=None,
        trap_leaf=None, trap_root=None, trap_armed=True,
    )  # fmt: skip
    rec, rids, begin, end = a_follower(cls, **(given | changed))
    begin[:], end[:] = array("q", [101, 103, 105]), array("q", [102, 104, 106])
    block = np.zeros((3, 7 + 6), np.int64)
    rec.hold(block)
    return rec, block


def test_a_step_is_written_down():
    for cls, _ in both():
        rec, block = a_step_that_may_end(cls)
        assert rec.store(4, 50, 3)
        rec.seq, rec.loss = 12, None
        assert rec.store(5, 60, 4) and not rec.store(6, 70, 5) and block[0, 0] == 2
        assert block[1, :6].tolist() == [11, 4, 100, 50, 3, 0]
        assert block[2, :6].tolist() == [12, 5, 100, 60, 4, 0]
        assert block[1:, 6].copy().view(np.float64).tolist() == pytest.approx(
            [0.25, np.nan], nan_ok=True
        )
        assert block[1, 7:].tolist() == [101, 103, 105, 102, 104, 106]
        rec.hold(None)
        assert not rec.store(6, 70, 5)


@compiled
def test_a_step_ends_without_a_call():
    rec, block = a_step_that_may_end(follow.Follower)
    assert rec.end_step(170)
    assert block[0, 0] == 1 and block[1, :7].tolist()[:5] == [11, 4, 100, 70, 2 * 3 + 1]
    assert (rec.seq, rec.num, rec.t0, rec.left, rec.run) == (12, {"train": 5, "eval": 7}, 170, 8, 1)
    assert (rec.i, rec.kind, rec.loss, rec.wall_ns, rec.rec_ns) == (0, None, None, 1070, 17)
    assert rec.close_ns >= 0 and rec.unsettled and not rec.after
    assert not rec.end_step(180)  # no op ran


@compiled
@pytest.mark.parametrize(
    "changed",
    [
        {"armed": None}, {"armed": [(None, 0, 0, 0)] * 4}, {"plan": NEVER}, {"left": 0}, {"due": True}, {"until": 170},
        {"i": 2}, {"kind": "eval"}, {"kind": None}, {"thread": 1}, {"num": {}}, {"there": None},
    ],
)  # fmt: skip
def test_a_step_that_is_not_as_predicted_ends_in_python(changed):
    rec, block = a_step_that_may_end(follow.Follower, **changed)
    assert not rec.end_step(170)
    assert block[0, 0] == 0 and (rec.seq, rec.t0, rec.run, rec.i) == (
        11,
        100,
        0,
        changed.get("i", 3),
    )


@compiled
def test_the_next_step_begins_inside_what_is_open():
    rec, _ = a_step_that_may_end(
        follow.Follower, after=True, unsettled=True, scope=3, stack=[1], where=3 << 2 | 3
    )
    module, other = object(), {"_gs_scope": (rec.token, 5)}
    rec.root = module
    assert follow.enter(rec, object(), other)
    assert (rec.seq, rec.scope, rec.stack, rec.inside, rec.root) == (12, 5, [1, 3], 1, module)
    assert (rec.where, rec.phase, rec.after) == (5 << 2 | 1, 1, False)


@compiled
@given(
    loss=st.sampled_from([2.5, np.nan, np.inf]), armed=st.booleans(), trapped=st.booleans(), before=st.sampled_from([None, 1.0]),
    grad=st.sampled_from(["fine", "nan", "none", "gone", "half"]),
)  # fmt: skip
def test_a_backward_of_a_step_that_may_end(loss, armed, trapped, before, grad):
    leaf, trap = tensor(5, shape=(3,)), object() if trapped else None
    leaf._grad = {"none": None, "half": tensor(-1, np.float16)}.get(grad, tensor(-1, shape=(3,)))
    if grad == "nan":
        leaf._grad._a[1] = np.nan
    rec, _ = a_step_that_may_end(
        follow.Follower, loss=before, trap=trap, trap_leaf=ref(leaf), scope=3, trap_armed=False, **({} if armed else {"armed": None})
    )  # fmt: skip
    if grad == "gone":
        del leaf
    root = tensor(-1, shape=())
    root._a[()] = loss
    said = follow.follow_backward(rec, root)
    assert said == (armed and (before is not None or bool(np.isfinite(loss))))
    if not said:
        assert rec.phase == 0 and rec.loss == before and rec.trap_root is None
        return
    assert rec.loss == (before or 2.5) and (rec.phase, rec.where) == (2, 3 << 2 | 2)
    watched = trapped and before is None
    assert (rec.trap_root is root, rec.trap_armed) == (watched, watched)
    said = follow.follow_backward_end(rec)
    assert said == (not watched or grad == "fine")
    assert (rec.phase == 3 and rec.after and rec.unsettled) == said
    assert (rec.trap_root is root) == (watched and not said)


@compiled
def test_blocks_are_rows_of_numbers():
    rec = follow.Follower()
    for wrong in (
        np.zeros(20, np.int64),
        np.zeros((3, 6), np.int64),
        np.zeros((2, 9), np.int32),
        b"x",
        5,
    ):
        with pytest.raises((TypeError, BufferError, ValueError)):
            rec.hold(wrong)
        assert rec.block is None


def test_finite_or_not():
    for test in {follow.pure_is_finite, follow.is_finite}:
        for dtype in (np.float32, np.float64):
            a = np.arange(12, dtype=dtype).reshape(3, 4) * 1e30
            assert test(a)
            for bad in (np.nan, np.inf, -np.inf):
                b = a.copy()
                b[2, 3] = bad
                assert not test(b)
        assert test(np.full(5, 3e38, np.float32))  # their sum overflows
    strange = [np.ones((4, 4))[:, 1], np.ones(3, np.float16), np.ones(3, np.int64)]
    assert all(follow.is_finite(a) in (None, True) for a in strange)


@compiled
def test_arrays_are_held_while_they_take_the_times():
    rec, _, begin, end = a_follower(follow.Follower)
    with pytest.raises(BufferError):
        begin.append(1)
    rec.times(None, None)
    begin.append(1)
    with pytest.raises(TypeError, match="64-bit"):
        rec.times(array("i", [0]), array("i", [0]))
    with pytest.raises(TypeError):
        rec.times(begin)

    class Sub(follow.Follower):
        pass

    sub = Sub()
    sub.stack, sub.told = [sub], sub  # a cycle through what it holds
    there = ref(sub)
    del sub
    gc.collect()
    assert there() is None


@compiled
def test_calls_with_too_few_arguments_are_refused():
    for name in (
        "follow", "follow_like", "follow_grad", "follow_call", "follow_leaf", "enter", "follow_backward", "pack",
    ):  # fmt: skip
        with pytest.raises(TypeError, match="arguments"):
            getattr(follow, name)(object())


@compiled
def test_a_call_of_any_op_is_compared_too():
    a_plan = object()
    node = Node()
    node.plan, node.rid = a_plan, -1
    for changed in (
        {}, {"row": WRITING}, {"params": (2,)}, {"where": 5}, {"plan": None}, {"rest": ()}, {"out": (3,)},
        {"unsettled": True}, {"unsettled": True, "after": True},
    ):  # fmt: skip
        rec, rids, begin, _ = a_follower(
            follow.Follower, where=changed.get("where", 4), unsettled=changed.get("unsettled", False),
            after=changed.get("after", False),
        )  # fmt: skip
        predict(rec, [None, (ROW, (1,), 4, F32, a_plan, 3, 4, (0,)), None, None])
        out = tensor(-1, shape=changed.get("out", (2,)))
        said = follow.follow_call(
            rec, changed.get("row", ROW), changed.get("params", (1,)), tensor(rids[3]), tensor(rids[4]),
            changed.get("rest", (tensor(rids[0]),)), out, 7, 9, changed.get("plan", node),
        )  # fmt: skip
        assert said == (not changed) and begin[1] == (7 if said else 0)
        assert (out._rid == rids[1]) == said


@compiled
def test_an_op_with_several_outputs_is_compared_output_by_output():
    for changed in (
        {},
        {"which": 2},
        {"row": WRITING},
        {"dtype": F64},
        {"shape": (3,)},
        {"many": 3},
        {"params": ()},
    ):
        rec, rids, begin, end = a_follower(follow.Follower, plan=[(None, 0, 0, 0)] * 4)
        second = (
            changed.get("row", ROW),
            (7, changed.get("which", 1)),
            4,
            changed.get("dtype", F32),
            None,
            1,
            -1,
            (),
        )
        predict(rec, [None, (ROW, (7, 0), 4, F32, None, 3, -1, ()), second, None])
        outs = tuple(
            tensor(0, shape=changed.get("shape", (2,)) if k else (2,))
            for k in range(changed.get("many", 2))
        )
        said = follow.follow_call(
            rec, ROW, changed.get("params", (7,)), tensor(rids[3]), None, (), outs, 5, 9, None
        )  # fmt: skip
        assert said == (not changed) and rec.i == (3 if said else 1)
        assert [*begin][1:] == ([5, 9] if said else [0, 0]) and [*end][1:] == (
            [9, 9] if said else [0, 0]
        )
        assert [x._rid for x in outs] == (rids[1:3] if said else [0] * len(outs))


@compiled
def test_a_wait_for_data_begins_a_step():
    plan = [("data", 0, 0, 0), (PLAN, 3, 4, 4), (PLAN, 1, 0, 4), (None, 0, 0, 0)]
    rec, block = a_step_that_may_end(follow.Follower, plan=plan, armed=plan)
    assert follow.follow_data(rec, 170, 180)  # the step before ended where the wait began
    assert (rec.seq, rec.t0, rec.i, block[1, 3]) == (12, 170, 1, 70)
    assert not follow.follow_data(rec, 190, 200)  # two of them were not predicted
    for changed in ({"thread": 1}, {"armed": None}, {"due": True}):
        rec, _ = a_step_that_may_end(follow.Follower, **{"plan": plan, "armed": plan, **changed})
        assert not follow.follow_data(rec, 170, 180) and rec.seq == 11
    rec, _ = a_step_that_may_end(follow.Follower)
    assert not follow.follow_data(rec, 170, 180) and rec.seq == 12  # the next one begins with an op


@compiled
@pytest.mark.parametrize(
    "changed",
    [
        {}, {"place": 4}, {"place": 1}, {"wants": True}, {"named": True}, {"shape": (3,)}, {"shape": ()}, {"dtype": F64},
        {"kind": 1}, {"first": 2}, {"phase": 3}, {"armed": False}, {"numbered": True}, {"node": True}, {"label": "x"},
        {"wanted": True},
    ],
    ids=str,
)  # fmt: skip
def test_a_batch_of_data_comes_in_through_its_port(changed):
    """What is otherwise in one respect is for Python to say: each alone, or a check that is gone would not be missed."""
    is_ = {
        "place": 3,
        "shape": (2,),
        "dtype": F32,
        "kind": 0,
        "first": 1,
        "phase": 1,
        "armed": True,
    } | changed
    place = is_["place"]
    rec, rids, *_ = a_follower(
        follow.Follower, phase=is_["phase"], told=Told((0, [(2,)] * 3, [(2,), (2,)]))
    )
    rec.plan = [(None, 0, 0, 0), (PLAN, place, 0, 4), (None, 0, 0, 0)]
    predict(rec, [None] * 3)
    number = rids[0] if "numbered" in changed else 7
    before, x = tensor(rids[place]), tensor(number, is_["dtype"], is_["shape"])
    x._rg, x._name = "wants" in changed, "x" if "named" in changed else None
    x._node = Node() if "node" in changed else None
    port = (changed.get("label"), is_["kind"], 0, F32)
    rec.armed, rec.first = rec.plan if is_["armed"] else None, [is_["first"]] * 2
    rec.there, rec.ports = [ref(before), ref(before)], [port, port]
    rec.port_items = [(ref(before), "wanted" in changed, port)] * 2
    said = follow.follow(rec, PLAN, x, None, tensor(0), None, 7, 9)
    assert said == (changed in ({}, {"place": 4}))
    assert x._rid == (rids[place] if said else number)
    assert before._rid == (0 if said else rids[place])
    if said:
        assert rec.there[place - 3]() is x and rec.port_items[place - 3] == (ref(x), False, port)


@compiled
def test_what_is_no_prediction_is_refused():
    for wrong in (
        (1, 2),
        ([], ()),
        ([(1, 2)], [None]),
        ([(None, 0, 0, 0)], []),
        ([(None, 0, 0, 0)], [(1,)]),
        ([(PLAN, "", 0, 0)], [None]),
    ):
        with pytest.raises(TypeError):
            follow.pack(*wrong)
    rec, *_ = a_follower(follow.Follower)
    rec.packed = rec  # anything else predicts nothing
    assert not follow.follow(rec, PLAN, tensor(0), None, tensor(0), None, 1, 2)


@compiled
def test_the_same_trace_with_and_without_the_compiled_part(tmp_path):
    program = """
import sys
import graphscope as gs
from graphscope.engine import follow
from graphscope.trace.reader import TraceReader
gs.manual_seed(0)
net = gs.nn.Sequential(gs.nn.Linear(4, 8), gs.nn.ReLU(), gs.nn.Dropout(0.5), gs.nn.Linear(8, 2))
opt = gs.optim.Adam(net.parameters())
x, y = gs.randn(16, 4), gs.randint(0, 2, (16,))
with gs.profile(sys.argv[1], values="off") as p:
    for k in range(200):
        opt.zero_grad()
        gs.nn.functional.cross_entropy(net(x), y).backward()
        opt.step()
        if k % 50 == 49:
            with gs.no_grad():
                net(x)
    data = gs.utils.data.TensorDataset(gs.randn(70, 4), gs.randint(0, 2, (70,)))
    for epoch in range(10):
        for a, b in gs.utils.data.DataLoader(data, batch_size=16, shuffle=True):
            opt.zero_grad()
            gs.nn.functional.cross_entropy(net(a), b).backward()
            opt.step()
reader = TraceReader(p.path)
steps = reader.steps("train")
print(follow.COMPILED, len(steps), reader.graphs(), len(reader.steps("eval")))
for g in reader.graphs():
    graph = reader.graph(g)
    print(graph.nodes.tolist(), graph.edges.tolist())
print([float(x) for x in steps.loss], sorted(set(steps.graph.tolist())))
"""
    said = []
    for k, pure in enumerate(("", "1")):
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / str(k))],
            env={**os.environ, "GRAPHSCOPE_PURE": pure},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        first, rest = done.stdout.split(" ", 1)
        assert first == str(follow.COMPILED and not pure)
        said.append(rest)
    assert said[0] == said[1]
