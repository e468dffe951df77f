"""Rows that run in C: the same outputs, the same tape and the same errors as in Python, and nothing kept alive."""

from __future__ import annotations

import gc
import inspect
import sys
import weakref
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

import graphscope as gs
from graphscope.engine import dispatch, straight
from graphscope.engine.numbered import compiled
from graphscope.engine.op import Op
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor
from graphscope.ops import TABLE
from graphscope.ops.samples import generator

pytestmark = pytest.mark.skipif(compiled is None, reason="nothing is compiled here")
CASES = [(row, k) for row in TABLE.values() for k in range(len(row.samples))]


def sample(row, k):
    inputs, params = row.samples[k](generator(f"{row.name}{k}"))
    defaults = {p: v for p, v in row.params.items() if v is not inspect.Parameter.empty}
    inputs = [np.asarray(x) for x in inputs]
    if row.family == "reduce" and "shape" in defaults and "shape" not in params:
        params["shape"] = inputs[0].shape
    return inputs, {**defaults, **params}


def tensors(arrays, mask):
    """Leaves, every other one of them the output of a node, so that edges are of both kinds."""
    made = []
    for i, a in enumerate(arrays):
        x = gs.tensor(a.copy(), requires_grad=bool(mask >> i & 1))
        made.append(x.clone() if i % 2 and x.requires_grad else x)
    return made


def plain(value, inputs):
    """A value in words that two calls can be compared by."""
    if isinstance(value, np.ndarray):
        return ("array", value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, weakref.ref):
        return ("weak", plain(value(), inputs))
    if isinstance(value, Tensor):
        return ("input", next(i for i, x in enumerate(inputs) if x is value))
    if isinstance(value, Node):
        return ("node of", next(i for i, x in enumerate(inputs) if x._node is value))
    if isinstance(value, (tuple, list)):
        return (type(value).__name__, *(plain(v, inputs) for v in value))
    if isinstance(value, dict):
        return {k: plain(v, inputs) for k, v in value.items()}
    return value


def told(outs, inputs):
    """All that the engine keeps of a call's outputs."""
    found = []
    for out in outs:
        node = out._node
        facts = [
            plain(out._a, inputs) if not np.issubdtype(out._a.dtype, np.void) else out._a.dtype
        ]
        facts += [out._rg, out._k, out._grad, out._name, out._ext]
        if hasattr(out, "_of"):
            facts.append(plain(out._of, inputs))
        if node is not None and not any(out is x for x in inputs):
            facts += [
                node.plan, plain(node.saved, inputs), plain(node.edges, inputs), plain(node.others, inputs),
                plain(node.params, inputs), None if one_shape(node.shapes) else node.shapes, node.g, node.hooks, node.nout,
            ]  # fmt: skip
        found.append(facts)
    return found


def one_shape(shapes):
    """A straight path keeps the shapes only where they differ: else no gradient has to be summed."""
    return shapes is not None and len(set(shapes)) == 1


class Watch:
    """Counts calls of the engine's general path in Python."""

    def __enter__(self):
        self.calls = 0
        sys.setprofile(self._look)
        return self

    def _look(self, frame, event, arg):
        self.calls += event == "call" and frame.f_code is dispatch.general.__code__

    def __exit__(self, *exc):
        sys.setprofile(None)


def outputs(out):
    return list(out) if isinstance(out, tuple) else [out]


def is_plain(row, arrays):
    """Whether nothing has to be converted first."""
    rest = arrays[1:] if row.mask_first else arrays
    if row.broadcast and len({a.dtype for a in rest}) > 1:
        return False
    return bool(arrays) and not (row.floats and rest[0].dtype.kind != "f")


@pytest.mark.parametrize("row, k", CASES, ids=[f"{row.name}-{k}" for row, k in CASES])
def test_every_row_makes_what_it_makes_in_python(row: Op, k: int) -> None:
    arrays, params = sample(row, k)
    floating = sum(1 << i for i, a in enumerate(arrays) if a.dtype.kind == "f")
    masks = {0, floating, *(1 << i & floating for i in range(len(arrays)))}
    for mask in {0} if row.writes else masks:
        found = []
        for run in (row.run, partial(dispatch.general, row)):
            inputs = tensors(arrays, mask)
            gs.manual_seed(1)
            with Watch() as watch:
                outs = outputs(run(*inputs, **params))
            if run is row.run:
                assert not watch.calls or not is_plain(row, arrays)
            found.append(told(outs, inputs))
        assert found[0] == found[1]


@pytest.mark.parametrize("row, k", CASES, ids=[f"{row.name}-{k}" for row, k in CASES])
def test_nothing_stays_alive(row: Op, k: int) -> None:
    arrays, params = sample(row, k)
    inputs = tensors(
        arrays,
        0 if row.writes else sum(1 << i for i, a in enumerate(arrays) if a.dtype.kind == "f"),
    )

    def counts():
        held = [x for t in inputs for x in (t, t._a, t._node)] + [
            row,
            *params.values(),
            *row.plans.values(),
        ]
        return [
            sys.getrefcount(x)
            for x in held
            if x is not None and not isinstance(x, (int, float, str))
        ]

    for _ in range(2):  # what is made once is made
        row.run(*inputs, **params)
    before = counts()
    for _ in range(20):
        row.run(*inputs, **params)
    # The views of a base are forgotten now and then only.
    assert all(b - a < 20 for a, b in zip(before, counts(), strict=True))


def test_none_are_lost_or_kept_in_a_training_step() -> None:
    net = gs.nn.Sequential(gs.nn.Linear(6, 5), gs.nn.Tanh(), gs.nn.Linear(5, 3))
    optimizer = gs.optim.Adam(net.parameters())
    x, y = gs.randn(4, 6), gs.tensor([0, 1, 2, 0])

    def steps(n):
        for _ in range(n):
            optimizer.zero_grad()
            gs.nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()
        gc.collect()
        return sys.getallocatedblocks(), sys.getrefcount(None)

    steps(300)
    found = [steps(300) for _ in range(3)]
    # What leaks does so every time; what is cached comes and goes.
    for before, after in pairwise(found):
        if after[0] - before[0] < 200 and abs(after[1] - before[1]) < 200:
            return
    raise AssertionError(f"blocks of memory, references to None: {found}")


def failing(error, **facts):
    def kernel(xp, a, b):
        raise error

    return Op("odd", kernel, broadcast=True, vjp={"a": lambda F, g: g}, **facts)


@pytest.mark.parametrize("make", ["straight", "general"])
@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_a_kernel_that_raises(make, kind):
    row = failing(kind("no such thing"))
    if make == "straight":
        dispatch.straighten(row)
        assert "RUN" in row.run.__globals__
    else:
        row.run = dispatch.in_c.general(
            row, dispatch.bind(row, np.ndarray), partial(dispatch.general, row)
        )
        assert type(row.run).__name__ == "General"
    with pytest.raises(RuntimeError if kind is ValueError else KeyboardInterrupt) as caught:
        row.run(gs.ones(2), gs.ones(2))
    if kind is ValueError:
        assert "odd" in str(caught.value) and "no such thing" in str(caught.value)
        assert isinstance(caught.value.__cause__, ValueError)


class Broken:
    """A recorder with a bug."""

    values = False

    def __init__(self):
        self.errors = []

    def op(self, *told):
        raise ZeroDivisionError("a bug")

    grad = backward_begin = backward_end = leaf = failed = op

    def stopped(self, error):
        self.errors.append(error)


@pytest.mark.parametrize("run", [
    lambda x: x * 2.0, lambda x: x.sum(dim=0), lambda x: gs.cat((x, x)), lambda x: x.detach().add_(1.0),
])  # fmt: skip
def test_a_bug_of_the_recorders_does_not_stop_the_program(run):
    rec = Broken()
    before = dispatch.set_recorder(rec)
    try:
        out = run(gs.ones(3, requires_grad=True))
        assert dispatch.recorder() is None and [str(e) for e in rec.errors] == ["a bug"]
        assert run(gs.ones(3)).tolist() == out.tolist()  # it is off: nobody is told
        assert len(rec.errors) == 1
    finally:
        dispatch.set_recorder(before)


def test_a_bug_of_the_recorders_in_a_backward():
    class AtGradients(Broken):
        def op(self, *told):
            pass

        backward_begin = backward_end = leaf = op

    rec = AtGradients()
    x = gs.ones(3, requires_grad=True)
    loss = (x * 2.0).tanh().sum()
    before = dispatch.set_recorder(rec)
    try:
        loss.backward()
        assert [str(e) for e in rec.errors] == ["a bug"] and dispatch.recorder() is None
    finally:
        dispatch.set_recorder(before)
    np.testing.assert_allclose(x.grad.numpy(), 2 * (1 - np.tanh(2.0) ** 2) * np.ones(3), rtol=1e-6)


def test_what_is_asked_with_names_or_too_little_goes_to_python():
    run = straight.straighten.__globals__["in_c"]
    assert run.is_able(TABLE["mul"])
    c = TABLE["mul"].run.__globals__["RUN"]
    x = gs.ones(2)
    assert c(x, x).tolist() == [1.0, 1.0]
    assert (
        c(x) is None
        and c() is None
        and c(x, other=x) is None
        and c(x, "y") is None
        and c(None, x) is None
    )
    assert c(x, gs.arange(2)) is None and c(x.to("sim"), x.to("sim")) is None and c(x, True) is None
    with pytest.raises(TypeError):
        gs.mul(x)


def test_a_view_of_another_kind_of_tensor_is_still_a_tensor():
    class Mine(Tensor):
        pass

    x = Mine(np.ones((2, 3), np.float32))
    assert (
        type(x.reshape(3, 2)) is Tensor and type(x * x) is Tensor and type(gs.cat((x, x))) is Tensor
    )


def test_numbers_of_nodes_are_in_their_order():
    x = gs.ones(3, requires_grad=True)
    nodes = [
        (x * 2.0)._node,
        gs.cat((x, x))._node,
        x.exp()._node,
        dispatch.general(TABLE["exp"], x)._node,
    ]
    assert [n.seq for n in nodes] == sorted({n.seq for n in nodes})


def test_what_is_no_array_of_the_hosts_is_refused_by_what_takes_the_engine():
    for wrong in ({}, {"order": 1}, {"order": iter(())}, None):
        with pytest.raises(TypeError):
            compiled.runs_with(wrong)
        with pytest.raises(TypeError):
            compiled.walk_with(wrong)
    for wrong in ((), (1,), ([], None, None, False), ((), None, None, False, 0)):
        with pytest.raises(TypeError):
            compiled.walk(*wrong)
    with pytest.raises(TypeError):
        compiled.Straight(1, 2)
    with pytest.raises(TypeError):
        compiled.General(1, 2)


@pytest.mark.parametrize("wanted", [1, np.bool_(True)])
def test_whatever_is_true_asks_for_a_gradient(wanted):
    x = gs.ones(3).requires_grad_(wanted)
    y = gs.ones(3)
    y.requires_grad = wanted
    assert x.requires_grad is True and y.requires_grad is True
    z = Tensor(np.ones(3, np.float32), wanted)  # what is not plain is for Python
    for run in (lambda t: t * 2.0, lambda t: t.sum(), lambda t: gs.cat((t, t))):
        assert run(x).requires_grad and run(y).requires_grad and run(z).requires_grad
