"""What lives how long: activations die with the collector off, long chains are freed without recursion."""

from __future__ import annotations

import gc
import weakref
from contextlib import contextmanager

import pytest

import graphscope as gs
from graphscope.autograd import Function, graph


@contextmanager
def no_collector():
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Doubled(Function):
    """Writes its input in place, and keeps an input and its output."""

    @staticmethod
    def forward(ctx, x, w):
        x.mul_(2)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x, w)
        return x, x * w

    @staticmethod
    def backward(ctx, g, h):
        x, w = ctx.saved_tensors
        return 2 * (g + h * w), h * x


def with_function(w):
    x = w * 3
    return Doubled.apply(x, w)


def with_hooks(w):
    h = w * 3
    h.register_hook(lambda g: g * 2)
    h.retain_grad()
    h.grad_fn.register_hook(lambda gi, go: None)
    return h.exp(), h


def with_in_place(w):
    x = w * 3
    y = x.exp()
    x.mul_(y).add_(w)
    x[0] = y[1]
    return x, y


def with_views_of_views(w):
    x = w * 3
    rows = [x[i] for i in range(2)]
    rows[0].mul_(3)
    flat = x.view(-1)
    flat[1:3].mul_(2)
    return x, flat, *rows


def with_create_graph(w):
    y = (w * w).tanh().sum()
    (g,) = gs.autograd.grad(y, w, create_graph=True)
    return y, g


def with_packing(w):
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        x = w * w
        return (*with_function(x), x)


PROGRAMS = [
    with_function,
    with_hooks,
    with_in_place,
    with_views_of_views,
    with_create_graph,
    with_packing,
]


@pytest.mark.parametrize("after_backward", [False, True])
@pytest.mark.parametrize("program", PROGRAMS)
def test_activations_die_with_the_collector_off(program, after_backward):
    w = gs.ones(2, 2, requires_grad=True)
    with no_collector():
        made = program(w)
        seen = [weakref.ref(t) for t in made] + [weakref.ref(t.grad_fn) for t in made]
        seen += [weakref.ref(t._a) for t in made]
        if after_backward:
            loss = sum((t * t).sum() for t in made)
            loss.backward()
            del loss
        del made
        assert [r() for r in seen] == [None] * len(seen)


def long_chain(x, step, n=20_000):
    for _ in range(n):
        x = step(x)
    return x


def identity_of(cls):
    return lambda x: cls.apply(x)


class Same(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 1

    @staticmethod
    def backward(ctx, g):
        return g


@pytest.mark.parametrize(
    "step",
    [
        lambda x: x + 1e-4,
        lambda x: x.view(-1),
        lambda x: x.add_(1e-4),
        lambda x: gs.cat([x]),
        identity_of(Same),
    ],
    ids=["add", "view", "in place", "cat", "Function"],
)
def test_a_chain_of_20_000_ops_is_walked_and_freed_without_recursion(step):
    w = gs.ones(1, requires_grad=True)
    end = long_chain(w * 1, step)
    end.sum().backward(retain_graph=True)
    assert w.grad.item() == 1
    (g,) = gs.autograd.grad(end.sum(), w)  # the careful loop
    assert g.item() == 1
    del end


def test_a_long_chain_that_nobody_walked_is_freed():
    long_chain(gs.ones(1, requires_grad=True) * 1, lambda x: x.view(-1) * 1.0, 40_000)


def test_saved_values_go_after_backward_unless_retained():
    w = gs.ones(3, requires_grad=True)
    y = w.exp()
    seen = weakref.ref(y._a)
    loss = y.sum()
    del y
    loss.backward(retain_graph=True)
    assert seen() is not None
    loss.backward()
    assert seen() is None
