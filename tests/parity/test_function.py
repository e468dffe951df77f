"""autograd.Function, saved_tensors_hooks, gradcheck and anomaly mode side by side with torch."""

from __future__ import annotations

import numpy as np
import pytest

from tests.parity.beside import gs, torch
from tests.parity.test_autograd import arrays, leaf, of, outcome

CASES = []


def case(f):
    CASES.append(f)
    return f


def function(L, forward, backward, **more):
    """A Function class of the library L."""
    body = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    body |= {name: staticmethod(f) for name, f in more.items()}
    return type("Own", (L.autograd.Function,), body)


@case
def an_input_changed_in_place(L):
    def forward(ctx, x, w):
        x.mul_(2).add_(w)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x, w)
        return x

    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return 2 * g, g * w * 0 + g

    w = leaf(L, 3)
    x = w * 3
    seen = x.detach()
    out = function(L, forward, backward).apply(x, w)
    assert out is x
    (out * out).sum().backward()
    return arrays(w.grad, seen, x._version)


@case
def a_leaf_changed_in_place(L):
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    function(L, forward, lambda ctx, g: g).apply(leaf(L, 3))


@case
def outputs_without_gradients_are_zeros(L):
    x = leaf(L, 3)
    own = function(L, lambda ctx, x: (x * 2, x * 3), lambda ctx, g, h: g + h.sum() + 1)
    a, b = own.apply(x)
    a.sum().backward()
    return arrays(x.grad)


@case
def outputs_without_gradients_are_none(L):
    x = leaf(L, 3)
    seen = []

    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    def backward(ctx, g, h):
        seen.append(h is None)
        return g * 2

    function(L, forward, backward).apply(x)[0].sum().backward()
    return arrays(x.grad, seen)


@case
def not_differentiable_outputs(L):
    def forward(ctx, x):
        order = x.argsort()
        sign = x.sign()
        ctx.mark_non_differentiable(order, sign)
        return x * 2, order, sign

    x = leaf(L, 3)
    y, order, sign = function(L, forward, lambda ctx, g, *rest: g * 7).apply(x)
    y.sum().backward()
    return arrays(x.grad, order, order.requires_grad, sign.requires_grad, y.requires_grad)


@case
def new_style(L):
    seen = []

    def setup_context(ctx, inputs, output):
        x, k = inputs
        ctx.save_for_backward(x, output)
        ctx.k = k
        seen.append(ctx.needs_input_grad)

    def backward(ctx, g):
        x, out = ctx.saved_tensors
        return g * ctx.k * out / x, None

    x = leaf(L, 3)
    own = function(L, lambda x, k: x**k, backward, setup_context=setup_context)
    (g,) = L.autograd.grad(own.apply(x, 3).sum(), x, create_graph=True)
    g.sum().backward()
    return arrays(g, x.grad, seen)


@case
def own_forward_mode(L):
    ad = of(L, "autograd.forward_ad")

    def forward(ctx, x, y):
        ctx.save_for_forward(x, y)
        return x * y, x + y

    def jvp(ctx, tx, ty):
        x, y = ctx.saved_for_forward if L is gs else ctx.saved_tensors
        ty = 0 if ty is None else ty
        return tx * y + x * ty, tx + ty

    own = function(L, forward, lambda ctx, g, h: (g, g), jvp=jvp)
    with ad.dual_level():
        x = ad.make_dual(leaf(L, 3, grad=False), leaf(L, 3, grad=False, seed=1))
        a, b = own.apply(x, leaf(L, 3, grad=False, seed=2))
        return arrays(ad.unpack_dual(a), ad.unpack_dual(b))


@case
def once_differentiable(L):
    once = of(L, "autograd.function").once_differentiable
    own = function(L, lambda ctx, x: x * 3, once(lambda ctx, g: g * 3))
    x = leaf(L, 3)
    (g,) = L.autograd.grad(own.apply(x * x).sum(), x, create_graph=True)
    return arrays(g)


@case
def once_differentiable_twice(L):
    once = of(L, "autograd.function").once_differentiable
    own = function(L, lambda ctx, x: x * 3, once(lambda ctx, g: g * 3))
    x = leaf(L, 3)
    (g,) = L.autograd.grad((own.apply(x) ** 2).sum(), x, create_graph=True)
    g.sum().backward()


@case
def saved_tensors_are_freed(L):
    held = []

    def forward(ctx, x):
        ctx.save_for_backward(x)
        held.append(ctx)
        return x * 2

    function(L, forward, lambda ctx, g: g).apply(leaf(L, 3)).sum().backward()
    return arrays(held[0].saved_tensors)


@case
def names_of_nodes(L):
    y = function(L, lambda ctx, x: x * 2, lambda ctx, g: g).apply(leaf(L, 3))
    return arrays(y.grad_fn.name() == "OwnBackward", len(y.grad_fn.next_functions))


@case
def values_put_away(L):
    hooks = of(L, "autograd.graph").saved_tensors_hooks
    x = leaf(L, 3)
    with hooks(lambda t: t.detach() * 2, lambda t: t / 2):
        y = (x.exp() * x).sin()
    with hooks(lambda t: 5.0, lambda held: L.full((3,), held, dtype=L.float64)):
        z = y * y
    z.sum().backward()
    return arrays(x.grad)


@case
def values_of_a_function_put_away(L):
    def forward(ctx, x):
        out = x.exp()
        ctx.save_for_backward(x, out, None)
        return out

    def backward(ctx, g):
        x, out, nothing = ctx.saved_tensors
        assert nothing is None
        return g * out + x * 0

    x = leaf(L, 3)
    with of(L, "autograd.graph").saved_tensors_hooks(lambda t: t.detach() * 3, lambda t: t):
        y = function(L, forward, backward).apply(x)
    y.sum().backward()
    return arrays(x.grad)


@case
def a_pack_hook_that_raises(L):
    def refuse(t):
        raise ValueError("full")

    with of(L, "autograd.graph").saved_tensors_hooks(refuse, lambda t: t):
        leaf(L, 3).exp()


CHECKS = {
    "right": (lambda x, y: (x * y).exp(), {}),
    "right with all": (
        lambda x, y: (x @ y.t()).tanh(),
        dict(check_forward_ad=True, check_batched_grad=True, check_grad_dtypes=True),
    ),
    "fast": (lambda x, y: x / y, dict(fast_mode=True)),
    "several outputs": (lambda x, y: (x * 2, (x * y).sum()), {}),
    "wrong": (lambda x, y: x * y.detach() * y, {}),
    "wrong, said": (lambda x, y: x * y.detach() * y, dict(raise_exception=False)),
}
for _name, (_f, _options) in CHECKS.items():
    for _check in ("gradcheck", "gradgradcheck"):
        if _check == "gradgradcheck" and ("all" in _name or "several" in _name):
            continue
        _case = lambda L, c=_check, f=_f, o=_options: arrays(
            getattr(L.autograd, c)(f, (leaf(L, 2, 3), leaf(L, 2, 3, seed=1)), **o)
        )
        _case.__name__ = f"{_check} {_name}".replace(" ", "_")
        CASES.append(_case)


@case
def gradcheck_without_inputs(L):
    return arrays(L.autograd.gradcheck(lambda x: x * 2, (leaf(L, 3, grad=False),)))


def bad_root(L):
    x = L.zeros(3, dtype=L.float64, requires_grad=True)
    return (x.sqrt() * 0).sum()


@case
def nan_under_anomaly_mode(L):
    with L.autograd.set_detect_anomaly(True):
        bad_root(L).backward()


@case
def nan_that_is_not_looked_for(L):
    with L.autograd.detect_anomaly(check_nan=False):
        bad_root(L).backward()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("f", CASES, ids=[f.__name__ for f in CASES])
def test_the_same_as_torch(f):
    theirs, ours = outcome(f, torch), outcome(f, gs)
    if isinstance(theirs, Exception):
        assert isinstance(ours, Exception), theirs
        assert isinstance(ours, type(theirs)) or type(theirs).__name__ == type(ours).__name__
        return
    assert not isinstance(ours, Exception), ours
    for a, b in zip(ours or [], theirs or [], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_nan_names_the_forward_line():
    with (
        gs.autograd.detect_anomaly(),
        pytest.raises(
            RuntimeError,
            match=r"SqrtBackward0 returned nan values in its 0th output.*`return \(x.sqrt\(\)",
        ),
    ):
        bad_root(gs).backward()
