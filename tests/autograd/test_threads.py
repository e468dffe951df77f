"""Several threads: modes are per thread, gradients are right when a model or a graph is shared."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np

import graphscope as gs
from graphscope.autograd import forward_ad


def in_threads(work, n=4):
    """Run ``work(k)`` in n threads that begin together; their results."""
    ready = Barrier(n)

    def run(k):
        ready.wait()
        return work(k)

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(run, range(n)))


def test_modes_are_per_thread():
    def work(k):
        with gs.set_grad_enabled(k % 2 == 0):
            seen = [gs.is_grad_enabled() for _ in range(200)]
        return set(seen), gs.is_grad_enabled()

    with gs.no_grad():
        assert in_threads(work) == [({k % 2 == 0}, True) for k in range(4)]
        assert not gs.is_grad_enabled()


def test_dual_levels_are_per_thread():
    def work(k):
        with forward_ad.dual_level():
            x = forward_ad.make_dual(gs.ones(2), gs.full((2,), float(k)))
            return forward_ad.unpack_dual(x * x).tangent.tolist()

    assert in_threads(work) == [[2.0 * k] * 2 for k in range(4)]


def test_a_shared_model_accumulates_every_gradient():
    model = gs.nn.Sequential(gs.nn.Linear(4, 8), gs.nn.Tanh(), gs.nn.Linear(8, 1)).double()
    data = np.random.default_rng(0).normal(size=(4, 25, 3, 4))

    def work(k):
        for batch in data[k]:
            model(gs.tensor(batch)).sum().backward()

    in_threads(work)
    got = [p.grad.numpy().copy() for p in model.parameters()]
    model.zero_grad()
    model(gs.tensor(data.reshape(-1, 4))).sum().backward()
    for a, p in zip(got, model.parameters(), strict=True):
        np.testing.assert_allclose(a, p.grad.numpy(), rtol=1e-9)


def test_a_shared_graph_can_be_walked_by_all():
    w = gs.ones(3, 3, dtype=gs.float64, requires_grad=True)
    y = ((w @ w).tanh() @ w).sum()
    (want,) = gs.autograd.grad(y, w, retain_graph=True)

    def work(k):
        out = []
        for _ in range(20):
            y.backward(retain_graph=True)
            out.append(gs.autograd.grad(y, w, retain_graph=True)[0].numpy())
        return out

    for grads in in_threads(work):
        for g in grads:
            np.testing.assert_allclose(g, want.numpy(), rtol=1e-12)
    np.testing.assert_allclose(w.grad.numpy(), 80 * want.numpy(), rtol=1e-9)


def test_writes_and_hooks_of_one_thread_leave_others_alone():
    def work(k):
        w = gs.full((3,), float(k + 1), requires_grad=True)
        for _ in range(30):
            w.grad = None
            h = w * 2
            if k % 2:
                h.register_hook(lambda g: g * 10)
                h.add_(1)
            (h * h).sum().backward()
        return w.grad.tolist()

    want = []
    for k in range(4):
        h = 2 * (k + 1) + k % 2
        want.append([4.0 * h * (10 if k % 2 else 1)] * 3)
    assert in_threads(work) == want


def test_a_backward_inside_a_backward():
    class Checkpoint(gs.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.exp()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            with gs.enable_grad():
                again = x.detach().requires_grad_()
                again.exp().backward(g)
            return again.grad

    x = gs.ones(3, requires_grad=True)
    Checkpoint.apply(x * 2).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp([2.0] * 3), rtol=1e-6)
