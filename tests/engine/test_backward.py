"""Reverse mode: depth, freeing, accumulation, repeated backward, hooks, and the words of its errors."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import graphscope as gs
from graphscope.autograd import grad
from graphscope.errors import AutogradError


def test_a_chain_of_20_000_ops_needs_no_recursion() -> None:
    x = gs.tensor(1.0, requires_grad=True)
    z = x
    for _ in range(20_000):
        z = z + 1e-4
    z.backward()
    assert x.grad is not None and x.grad.item() == 1.0
    del z  # freeing the chain must not recurse either


def test_activations_die_with_the_collector_off() -> None:
    gc.disable()
    try:
        w = gs.ones(3, 3, requires_grad=True)
        hidden = (gs.ones(3, 3) @ w).tanh()
        seen = weakref.ref(hidden._a)
        loss = hidden.sum()
        del hidden
        assert seen() is not None  # tanh's gradient needs its output
        loss.backward()
        del loss
        assert seen() is None
    finally:
        gc.enable()


def test_gradients_accumulate_and_do_not_share_memory() -> None:
    a, b = gs.ones(2, requires_grad=True), gs.ones(2, requires_grad=True)
    for _ in range(2):
        (a + b).sum().backward()
    assert a.grad is not None and b.grad is not None
    assert a.grad.tolist() == [2.0, 2.0]
    a.grad.zero_()
    assert b.grad.tolist() == [2.0, 2.0]


def test_second_derivative_on_paper() -> None:
    # y = 2x^3 + 5x^2 + 8: y' = 6x^2 + 10x, y'' = 12x + 10
    x = gs.tensor(1.0, requires_grad=True)
    y = 2 * x**3 + 5 * x**2 + 8
    (first,) = grad(y, x, create_graph=True)
    (second,) = grad(first, x)
    assert (first.item(), second.item()) == (16.0, 22.0)


def test_a_freed_graph_says_what_to_do() -> None:
    y = gs.ones(2, requires_grad=True).exp().sum()
    y.backward()
    with pytest.raises(AutogradError, match=r"retain_graph=True.*test_backward.py"):
        y.backward()


def test_a_vector_needs_a_gradient_and_a_constant_has_none() -> None:
    with pytest.raises(AutogradError, match=r"shape \(2,\).*sum\(\)"):
        (gs.ones(2, requires_grad=True) * 2).backward()
    with pytest.raises(AutogradError, match="does not require grad"):
        gs.ones(1).backward()


def test_writing_a_leaf_in_place_says_no_grad() -> None:
    w = gs.ones(2, requires_grad=True)
    with pytest.raises(AutogradError, match="no_grad"):
        w -= 1
    with gs.no_grad():
        w -= 1
    assert w.tolist() == [0.0, 0.0]


def test_in_place_on_an_inner_value_keeps_its_gradient_right() -> None:
    w = gs.ones(2, requires_grad=True)
    z = w * 3
    kept = z + z  # needs no value of z
    z *= 5
    (kept + z).sum().backward()
    assert w.grad is not None
    np.testing.assert_allclose(w.grad.numpy(), [21.0, 21.0])  # 2 * 3 + 5 * 3


def test_in_place_on_a_value_that_a_gradient_needs_raises() -> None:
    w = gs.ones(2, requires_grad=True)
    z = w * 3
    kept = z * z  # needs the value that z has now
    z += 1
    with pytest.raises(AutogradError, match=r"'mul'.*'add_' has overwritten.*`z \+= 1`"):
        (kept + z).sum().backward()


def test_hooks_see_and_replace_the_gradient() -> None:
    w = gs.ones(2, requires_grad=True)
    z = w * 2
    seen = []
    z.register_hook(lambda g: seen.append(g.tolist()))
    handle = w.register_hook(lambda g: g * 10)
    z.sum().backward()
    assert seen == [[1.0, 1.0]]
    assert w.grad is not None and w.grad.tolist() == [20.0, 20.0]
    handle.remove()
    w.grad = None
    (w * 2).sum().backward()
    assert w.grad is not None and w.grad.tolist() == [2.0, 2.0]


def test_grad_names_what_is_not_in_the_graph() -> None:
    a, b = gs.ones(1, requires_grad=True), gs.ones(1, requires_grad=True)
    with pytest.raises(AutogradError, match="allow_unused"):
        grad((a * 2).sum(), (a, b))
    first, second = grad((a * 2).sum(), (a, b), allow_unused=True)
    assert first.item() == 2.0 and second is None
