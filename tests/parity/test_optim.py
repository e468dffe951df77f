"""Twenty steps of each optimizer beside torch's, from equal weights."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs

torch = pytest.importorskip("torch")

OPTIMIZERS = {
    "sgd": lambda o, p: o.SGD(p, lr=0.05),
    "sgd_decay": lambda o, p: o.SGD(p, lr=0.05, weight_decay=0.1),
    "sgd_momentum": lambda o, p: o.SGD(p, lr=0.05, momentum=0.9),
    "sgd_dampening": lambda o, p: o.SGD(p, lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.01),
    "sgd_nesterov": lambda o, p: o.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "sgd_maximize": lambda o, p: o.SGD(p, lr=0.001, momentum=0.5, maximize=True, weight_decay=0.1),
    "adam": lambda o, p: o.Adam(p, lr=0.02),
    "adam_decay": lambda o, p: o.Adam(p, lr=0.02, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
    "adam_amsgrad": lambda o, p: o.Adam(p, lr=0.02, amsgrad=True),
    "adam_maximize": lambda o, p: o.Adam(p, lr=0.002, maximize=True),
    "adamw": lambda o, p: o.AdamW(p, lr=0.02),
    "adamw_amsgrad": lambda o, p: o.AdamW(p, lr=0.02, weight_decay=0.3, amsgrad=True),
}


def trajectory(library, make, dtype, steps=20, groups=False):
    r = np.random.default_rng(1)
    x, y = r.normal(size=(8, 5)).astype(dtype), r.normal(size=(8, 2)).astype(dtype)
    w = library.tensor(r.normal(size=(5, 2)).astype(dtype), requires_grad=True)
    b = library.tensor(r.normal(size=(2,)).astype(dtype), requires_grad=True)
    unused = library.tensor(np.ones(3, dtype), requires_grad=True)
    params = [{"params": [w]}, {"params": [b, unused], "lr": 0.01}] if groups else [w, b, unused]
    optimizer = make(library.optim, params)
    x, y = library.tensor(x), library.tensor(y)
    path = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = ((x @ w + b - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        path.append(
            [loss.item(), *w.detach().numpy().ravel().tolist(), *b.detach().numpy().tolist()]
        )
    assert unused.detach().numpy().tolist() == [1, 1, 1]
    return np.array(path)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_twenty_steps_are_torchs(name, dtype):
    ours = trajectory(gs, OPTIMIZERS[name], dtype)
    theirs = trajectory(torch, OPTIMIZERS[name], dtype)
    close = dict(rtol=1e-10, atol=1e-12) if dtype == "float64" else dict(rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ours, theirs, **close)


@pytest.mark.parametrize("name", ["sgd_momentum", "adam"])
def test_groups_have_options_of_their_own(name):
    ours = trajectory(gs, OPTIMIZERS[name], "float64", groups=True)
    theirs = trajectory(torch, OPTIMIZERS[name], "float64", groups=True)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_a_new_learning_rate_counts_at_once():
    def run(library):
        p = library.tensor([1.0, 2.0], requires_grad=True)
        optimizer = library.optim.SGD([p], lr=0.1, momentum=0.9)
        for lr in (0.1, 0.01, 1.0):
            optimizer.param_groups[0]["lr"] = lr
            optimizer.zero_grad()
            (p * p).sum().backward()
            optimizer.step()
        return p.detach().numpy()

    np.testing.assert_allclose(run(gs), run(torch), rtol=1e-6)
