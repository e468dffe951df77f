"""autograd side by side with torch: grad's arguments, Function, functional, forward mode, modes, hooks."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from graphscope.nn import functional as gs_functional
from tests.parity.beside import gs, torch

CASES = []


def case(f):
    CASES.append(f)
    return f


def of(L, name):
    """A submodule of the library L."""
    return importlib.import_module(f"{'torch' if L is torch else 'graphscope'}.{name}")


def leaf(L, *shape, grad=True, seed=0):
    numbers = np.random.default_rng(seed).uniform(0.2, 2, shape)
    return L.tensor(numbers, dtype=L.float64, requires_grad=grad)


def arrays(*tensors):
    found = []
    for t in tensors:
        if isinstance(t, (tuple, list)):
            found += arrays(*t)
        elif hasattr(t, "detach"):
            found.append(t.detach().numpy())
        else:
            found.append(np.asarray(0 if t is None else t))
    return found


# ---------------------------------------------------------------- grad and backward


@case
def grad_of_several(L):
    x, w = leaf(L, 3), leaf(L, 3, seed=1)
    return arrays(L.autograd.grad([(x * w).sum(), x * 2], [x, w], [None, L.ones(3).double()]))


@case
def grad_of_an_unused_input(L):
    x, w = leaf(L, 3), leaf(L, 3)
    return arrays(L.autograd.grad((x * x).sum(), [x, w], allow_unused=True))


@case
def grad_of_an_unused_input_raises(L):
    return arrays(L.autograd.grad((leaf(L, 3) * 2).sum(), leaf(L, 3)))


@case
def grad_materialized(L):
    x, w = leaf(L, 3), leaf(L, 3)
    return arrays(L.autograd.grad((x * x).sum(), [x, w], materialize_grads=True))


@case
def grad_batched(L):
    x = leaf(L, 3)
    seeds = leaf(L, 4, 3, grad=False)
    return arrays(L.autograd.grad(x.exp(), x, seeds, is_grads_batched=True))


@case
def grad_of_a_middle_value(L):
    x = leaf(L, 3)
    h = x * x
    return arrays(L.autograd.grad((h * h).sum(), [h, x, h]))


@case
def grad_of_the_output_itself(L):
    y = leaf(L, 3).exp()
    return arrays(L.autograd.grad(y, [y], leaf(L, 3, grad=False)))


@case
def grad_needs_requires_grad(L):
    return arrays(L.autograd.grad(leaf(L, 3).sum(), leaf(L, 3, grad=False)))


@case
def backward_into_chosen_inputs(L):
    x, w = leaf(L, 3), leaf(L, 3)
    h = x * w
    h.retain_grad()
    (h * h).sum().backward(inputs=[w])
    return arrays(w.grad, x.grad is None)


@case
def backward_of_several(L):
    x = leaf(L, 3)
    L.autograd.backward([x * 2, (x * x).sum()], [leaf(L, 3, grad=False), None])
    return arrays(x.grad)


@case
def backward_of_a_leaf(L):
    x = leaf(L, 3)
    x.backward(leaf(L, 3, grad=False))
    return arrays(x.grad)


@case
def backward_twice(L):
    y = leaf(L, 3).exp().sum()
    y.backward()
    y.backward()


@case
def backward_twice_retained(L):
    x = leaf(L, 3)
    y = x.exp().sum()
    y.backward(retain_graph=True)
    y.backward()
    return arrays(x.grad)


@case
def backward_with_create_graph(L):
    x = leaf(L, 3)
    (x**3).sum().backward(create_graph=True)
    g = x.grad
    x.grad = None
    (g * g).sum().backward()
    return arrays(g, x.grad)


@case
def gradient_of_a_wrong_shape(L):
    (leaf(L, 3) * 2).backward(L.ones(2).double())


@case
def gradient_left_out(L):
    (leaf(L, 3) * 2).backward()


@case
def third_derivative(L):
    x = leaf(L, 3)
    y = (x.sin() * x**4).sum()
    for _ in range(3):
        (g,) = L.autograd.grad(y, x, create_graph=True)
        y = g.sum()
    return arrays(g)


@case
def gradient_penalty(L):
    w, x = leaf(L, 4, 1), leaf(L, 5, 4, seed=1)
    out = (x @ w).tanh()
    (g,) = L.autograd.grad(out, x, L.ones_like(out), create_graph=True)
    ((g.norm(dim=1) - 1) ** 2).mean().backward()
    return arrays(w.grad, x.grad)


# ---------------------------------------------------------------- hooks


@case
def order_of_hooks(L):
    x = leaf(L, 3)
    h = x * 2
    seen = []
    h.register_hook(lambda g: seen.append(1))
    first = h.register_hook(lambda g: g * 10)
    h.retain_grad()
    h.register_hook(lambda g: seen.append(2) or g + 1)
    removed = h.register_hook(lambda g: g * 1000)
    removed.remove()
    x.register_hook(lambda g: seen.append(3))
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.sum().item()))
    h.grad_fn.register_prehook(lambda gs_: seen.append(len(gs_)))
    h.grad_fn.register_hook(lambda gi, go: seen.append(go[0].sum().item()))
    h.sum().backward()
    assert first is not None and h.retains_grad
    return arrays(x.grad, h.grad, seen)


@case
def a_leaf_hook_sees_the_sum(L):
    x = leaf(L, 3)
    seen = []
    x.register_hook(lambda g: seen.append(g.sum().item()) or g * 2)
    (x * 2 + x * 3 + x.exp()).sum().backward()
    return arrays(x.grad, seen)


@case
def hooks_run_for_grad_too(L):
    x = leaf(L, 3)
    h = x * 2
    h.register_hook(lambda g: g * 3)
    x.register_hook(lambda g: g + 1)
    return arrays(L.autograd.grad((h * h).sum(), [x, h]))


@case
def hooks_under_create_graph(L):
    x = leaf(L, 3)
    h = x * x
    h.register_hook(lambda g: g * g)
    (g,) = L.autograd.grad((h * h).sum(), x, create_graph=True)
    g.sum().backward()
    return arrays(g, x.grad)


@case
def a_hook_needs_a_gradient(L):
    L.ones(3).register_hook(lambda g: None)


@case
def a_hook_of_a_wrong_shape(L):
    x = leaf(L, 3)
    x.register_hook(lambda g: g[:2])
    x.sum().backward()


@case
def hooks_on_a_view_written_in_place(L):
    x = leaf(L, 3)
    h = x * 2
    seen = []
    h.register_hook(lambda g: seen.append(g.sum().item()))
    h.mul_(3)
    h.register_hook(lambda g: seen.append(g.sum().item()))
    h.sum().backward()
    return arrays(x.grad, seen)


@case
def nodes_of_a_graph(L):
    x = leaf(L, 3)
    y = (x * 2).exp()
    node = y.grad_fn.next_functions[0][0]
    (end, _), (none, _) = node.next_functions
    assert y.grad_fn.name() == "ExpBackward0" and node.name() == "MulBackward0" and none is None
    assert end.variable is x and end.name() == "torch::autograd::AccumulateGrad"
    return arrays(len(y.grad_fn.next_functions), y.output_nr, y.is_leaf, x.is_leaf, x.retains_grad)


@case
def a_hook_on_the_accumulator(L):
    x = leaf(L, 3)
    seen = []
    end = x.expand_as(x).grad_fn.next_functions[0][0]
    end.register_hook(lambda gi, go: seen.append((len(gi), go[0].sum().item())))
    (x * 3).sum().backward()
    return arrays(seen)


@case
def optimizer_in_backward(L):
    w = leaf(L, 3, 3)

    def step(p):
        with L.no_grad():
            p -= 0.1 * p.grad
        p.grad = None

    w.register_post_accumulate_grad_hook(step)
    x = leaf(L, 2, 3, grad=False)
    for _ in range(3):
        ((x @ w).tanh() @ w).sum().backward()
    return arrays(w)


# ---------------------------------------------------------------- modes


@case
def modes_as_decorators(L):
    x = leaf(L, 3)
    seen = []

    @L.no_grad()
    def off():
        return (x * 2).requires_grad

    @L.enable_grad()
    def on():
        return (x * 2).requires_grad

    @L.set_grad_enabled(False)
    def switched():
        return (x * 2).requires_grad

    @L.inference_mode()
    def inference():
        return (x * 2).requires_grad

    @L.no_grad()
    def several():
        seen.append(L.is_grad_enabled())
        got = yield L.is_grad_enabled()
        seen.append((L.is_grad_enabled(), got))
        yield 5

    made = several()
    values = [next(made), L.is_grad_enabled(), made.send(7), L.is_grad_enabled()]
    with L.no_grad():
        inside = [on(), off(), (x * 2).requires_grad]
        with L.enable_grad():
            inside.append((x * 2).requires_grad)
    with L.set_grad_enabled(False):
        inside.append(L.is_grad_enabled())
    with L.inference_mode():
        inside += [L.is_inference_mode_enabled(), L.is_grad_enabled()]
        with L.inference_mode(False):
            inside += [L.is_inference_mode_enabled(), L.is_grad_enabled()]
    return arrays(off(), on(), switched(), inference(), inside, values, seen[0], seen[1][0])


# ---------------------------------------------------------------- functional


def both_inputs(x, y):
    return (x * y).exp(), (x.sin() * y).sum()


FUNCTIONAL = {
    "jacobian": lambda F, L: F.jacobian(lambda x: x.exp().sum(0), leaf(L, 2, 3)),
    "jacobian of several": lambda F, L: F.jacobian(both_inputs, (leaf(L, 3), leaf(L, 3, seed=1))),
    "jacobian forward": lambda F, L: F.jacobian(
        lambda x: x.exp().sum(0), leaf(L, 2, 3), strategy="forward-mode", vectorize=True
    ),
    "jacobian of a constant": lambda F, L: F.jacobian(lambda x: L.ones(2).double(), leaf(L, 3)),
    "jacobian strict": lambda F, L: F.jacobian(lambda x: L.ones(2), leaf(L, 3), strict=True),
    "hessian": lambda F, L: F.hessian(lambda x: (x**3).sum() * x[0], leaf(L, 3)),
    "hessian of two": lambda F, L: F.hessian(
        lambda x, y: (x * y).sin().sum(), (leaf(L, 2), leaf(L, 2, seed=1))
    ),
    "hessian of a vector": lambda F, L: F.hessian(lambda x: x * 2, leaf(L, 3)),
    "vjp": lambda F, L: F.vjp(lambda x: x.exp(), leaf(L, 3), leaf(L, 3, seed=2)),
    "vjp of several": lambda F, L: F.vjp(
        both_inputs, (leaf(L, 3), leaf(L, 3)), (leaf(L, 3, seed=2), leaf(L))
    ),
    "vjp without v": lambda F, L: F.vjp(lambda x: x.exp(), leaf(L, 3)),
    "jvp": lambda F, L: F.jvp(lambda x: x.exp(), leaf(L, 3), leaf(L, 3, seed=2)),
    "jvp of several": lambda F, L: F.jvp(
        both_inputs, (leaf(L, 3), leaf(L, 3)), (leaf(L, 3, seed=2), leaf(L, 3, seed=3))
    ),
    "vhp": lambda F, L: F.vhp(lambda x: (x**3).sum(), leaf(L, 3), leaf(L, 3, seed=2)),
    "hvp": lambda F, L: F.hvp(
        lambda x, y: (x**2 * y).sum(), (leaf(L, 3), leaf(L, 3)), (leaf(L, 3), leaf(L, 3))
    ),
    "v of a wrong shape": lambda F, L: F.vjp(lambda x: x.exp(), leaf(L, 3), leaf(L, 2)),
}
for _name, _f in FUNCTIONAL.items():
    _case = lambda L, f=_f: arrays(f(of(L, "autograd.functional"), L))
    _case.__name__ = _name.replace(" ", "_")
    CASES.append(_case)


@case
def jacobian_with_create_graph(L):
    x = leaf(L, 3)
    j = of(L, "autograd.functional").jacobian(lambda t: t**3, x, create_graph=True)
    j.sum().backward()
    return arrays(j, x.grad)


# ---------------------------------------------------------------- forward mode


def pushed(L, f, *shapes):
    """Value and tangent of f at random inputs."""
    ad = of(L, "autograd.forward_ad")
    with ad.dual_level():
        xs = [
            ad.make_dual(leaf(L, *s, grad=False, seed=k), leaf(L, *s, grad=False, seed=k + 9))
            for k, s in enumerate(shapes)
        ]
        return arrays(ad.unpack_dual(f(*xs)))


@case
def forward_through_a_net(L):
    w = leaf(L, 4, 2, grad=False, seed=5)
    return pushed(L, lambda x: (x @ w).tanh() * 2 + x[:, :2], (3, 4))


@case
def forward_through_losses(L):
    F = torch.nn.functional if L is torch else gs_functional
    labels = L.tensor([0, 1, 2, 3, 1])
    return pushed(
        L,
        lambda x: (
            F.cross_entropy(x, labels)
            + F.softmax(x, -1).pow(2).sum()
            + x.var()
            + L.cat([x, x * 2]).mean()
            + x.max()
        ),
        (5, 4),
    )


@case
def forward_through_in_place(L):
    def f(x):
        y = x * 1
        y.mul_(x).add_(3)
        y[0] = x[1] * 2
        return y.exp_()

    return pushed(L, f, (3,))


def hessian_times_v(L, how):
    ad = of(L, "autograd.forward_ad")
    x0, v, w = leaf(L, 3), leaf(L, 3, grad=False, seed=1), leaf(L, 3, seed=2)
    with ad.dual_level():
        x = ad.make_dual(x0, v)
        return arrays(how(L, ad, x0, x, ((x * w).sin() * x * x).sum(), w))


@case
def reverse_over_forward(L):
    return hessian_times_v(
        L, lambda L, ad, x0, x, y, w: L.autograd.grad(ad.unpack_dual(y).tangent, [x0, w])
    )


@case
def forward_over_reverse(L):
    return hessian_times_v(L, lambda L, ad, x0, x, y, w: ad.unpack_dual(L.autograd.grad(y, x)[0]))


@case
def backward_of_a_dual(L):
    def how(L, ad, x0, x, y, w):
        y.backward()
        return ad.unpack_dual(x0.grad).primal, ad.unpack_dual(w.grad).primal

    return hessian_times_v(L, how)


@case
def third_order_through_forward(L):
    def how(L, ad, x0, x, y, w):
        (h,) = L.autograd.grad(ad.unpack_dual(y).tangent, x0, create_graph=True)
        h.sum().backward()
        return h, x0.grad

    return hessian_times_v(L, how)


@case
def forward_and_backward_together(L):
    def how(L, ad, x0, x, y, w):
        value, tangent = ad.unpack_dual(y)
        (value * 2 + tangent * 3).backward()
        return x0.grad, w.grad

    return hessian_times_v(L, how)


@case
def make_dual_outside_of_a_level(L):
    of(L, "autograd.forward_ad").make_dual(L.ones(3), L.ones(3))


@case
def a_level_ends(L):
    ad = of(L, "autograd.forward_ad")
    with ad.dual_level():
        x = ad.make_dual(L.ones(3), L.ones(3))
    level = ad.enter_dual_level()
    ad.exit_dual_level(level=level)
    return arrays(ad.unpack_dual(x).tangent is None)


def outcome(f, library):
    try:
        return f(library)
    except Exception as error:
        return error


@pytest.mark.filterwarnings("ignore:Using backward", "ignore:.torch.jit")
@pytest.mark.parametrize("f", CASES, ids=[f.__name__ for f in CASES])
def test_the_same_as_torch(f):
    theirs, ours = outcome(f, torch), outcome(f, gs)
    if isinstance(theirs, Exception):
        assert isinstance(ours, type(theirs)), ours
        return
    assert not isinstance(ours, Exception), ours
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
