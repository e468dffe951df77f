"""Functions of one's own: saving, several outputs, second derivatives, errors, memory."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import graphscope as gs
from graphscope.autograd import Function
from graphscope.engine import dispatch


class Cube(Function):
    """x cubed."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x * x


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        out = x.exp()
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, g):
        (out,) = ctx.saved_tensors
        return g * out


class Scale(Function):
    @staticmethod
    def forward(ctx, x, factor, y):
        ctx.factor = factor
        assert ctx.needs_input_grad == (True, False, False)
        return x * factor + y

    @staticmethod
    def backward(ctx, g):
        return g * ctx.factor, None, None


class SumAndDifference(Function):
    @staticmethod
    def forward(ctx, a, b):
        return a + b, a - b

    @staticmethod
    def backward(ctx, g, h):
        return g + h, g - h


def leaf(*values):
    return gs.tensor(list(values), requires_grad=True)


@pytest.mark.parametrize("function, want", [(Cube, [12.0, 27.0]), (Exp, np.exp([2, 3]))])
def test_gradient_is_the_one_written(function, want):
    x = leaf(2.0, 3.0)
    function.apply(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), want, rtol=1e-6)


@pytest.mark.parametrize("function, second", [(Cube, [12.0, 18.0]), (Exp, np.exp([2, 3]))])
def test_double_backward_goes_through_saved_tensors(function, second):
    x = leaf(2.0, 3.0)
    (g,) = gs.autograd.grad(function.apply(x).sum(), x, create_graph=True)
    (h,) = gs.autograd.grad(g.sum(), x)
    np.testing.assert_allclose(h.numpy(), second, rtol=1e-6)


def test_other_arguments_and_tensors_without_gradients():
    x = leaf(1.0, 2.0)
    Scale.apply(x, 5, gs.ones(2)).sum().backward()
    assert x.grad.tolist() == [5, 5]


def test_several_outputs_also_when_one_is_unused():
    a, b = leaf(3.0), leaf(1.0)
    s, d = SumAndDifference.apply(a, b)
    (2 * s + 5 * d).backward()
    assert (a.grad.item(), b.grad.item()) == (7, -3)
    a, b = leaf(3.0), leaf(1.0)
    _, d = SumAndDifference.apply(a, b)
    d.backward()
    assert (a.grad.item(), b.grad.item()) == (1, -1)


def test_intermediate_tensors_pass_the_gradient_on():
    x = leaf(1.0, 2.0)
    y = Cube.apply(x * 2) * 3
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 3 * 3 * (2 * np.array([1, 2])) ** 2 * 2)


def test_setup_context_style():
    class Times(Function):
        @staticmethod
        def forward(x, factor):
            return x * factor

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.factor = inputs[1]

        @staticmethod
        def backward(ctx, g):
            return g * ctx.factor, None

    x = leaf(1.0)
    Times.apply(x, 4).backward()
    assert x.grad.item() == 4


def test_an_identity_keeps_the_input_apart():
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 10

    x = leaf(1.0)
    out = Same.apply(x)
    assert out is not x
    out.backward()
    assert x.grad.item() == 10


def test_non_differentiable_outputs():
    class Sort(Function):
        @staticmethod
        def forward(ctx, x):
            order = gs.tensor(np.argsort(x.detach().numpy()))
            ctx.mark_non_differentiable(order)
            ctx.order = order
            return x[order], order

        @staticmethod
        def backward(ctx, g, _):
            out = gs.zeros(3)
            out[ctx.order] = g
            return out

    x = leaf(3.0, 1.0, 2.0)
    values, order = Sort.apply(x.detach().requires_grad_())
    assert not order.requires_grad and values.requires_grad


def test_no_graph_under_no_grad():
    with gs.no_grad():
        out = Cube.apply(leaf(1.0))
    assert not out.requires_grad
    assert not Cube.apply(gs.ones(2)).requires_grad


def test_mistakes_are_explained():
    class Few(Function):
        @staticmethod
        def forward(ctx, a, b):
            return a + b

        @staticmethod
        def backward(ctx, g):
            return g

    class WrongShape(Function):
        @staticmethod
        def forward(ctx, a):
            return a * 2

        @staticmethod
        def backward(ctx, g):
            return gs.ones(7)

    class Number(Function):
        @staticmethod
        def forward(ctx, a):
            return 3

    with pytest.raises(RuntimeError, match="returned 1 gradients, forward takes 2"):
        Few.apply(leaf(1.0), leaf(1.0)).backward()
    with pytest.raises(ValueError, match="shape"):
        WrongShape.apply(leaf(1.0, 2.0)).sum().backward()
    with pytest.raises(TypeError, match="must return tensors"):
        Number.apply(leaf(1.0))
    out = Cube.apply(leaf(1.0)).sum()
    out.backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        out.backward()


@pytest.mark.parametrize("function", [Cube, Exp])
def test_nothing_is_kept_alive_by_a_cycle(function):
    gc.disable()
    try:
        out = function.apply(leaf(1.0, 2.0) * 1)
        array = weakref.ref(out.detach().numpy())
        node = weakref.ref(out.grad_fn)
        del out
        assert array() is None and node() is None
    finally:
        gc.enable()


def test_a_call_is_one_recorded_op_named_after_the_class():
    seen = []

    class Spy:
        values = False

        def op(self, row, *rest):
            seen.append(row.name)

        def grad(self, node, slot, *rest):
            seen.append(f"d{node.row.name}")

        def __getattr__(self, name):
            return lambda *args, **kwargs: None

    before = dispatch.set_recorder(Spy())
    try:
        x = leaf(1.0)
        Cube.apply(x).backward()
        Cube.apply(x)
    finally:
        dispatch.set_recorder(before)
    assert seen == ["Cube", "dCube", "Cube"]
    assert Cube._row is not Exp._row and Cube._row.doc == "x cubed."
