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
    "adagrad": lambda o, p: o.Adagrad(p, lr=0.1),
    "adagrad_all": lambda o, p: o.Adagrad(
        p, lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.3, eps=1e-6
    ),
    "adagrad_maximize": lambda o, p: o.Adagrad(p, lr=0.01, maximize=True, weight_decay=0.1),
    "rmsprop": lambda o, p: o.RMSprop(p, lr=0.01),
    "rmsprop_momentum": lambda o, p: o.RMSprop(p, lr=0.01, momentum=0.9, weight_decay=0.1),
    "rmsprop_centered": lambda o, p: o.RMSprop(p, lr=0.01, alpha=0.9, centered=True, eps=1e-5),
    "rmsprop_all": lambda o, p: o.RMSprop(
        p, lr=0.001, momentum=0.5, centered=True, weight_decay=0.1, maximize=True
    ),
    "adadelta": lambda o, p: o.Adadelta(p),
    "adadelta_all": lambda o, p: o.Adadelta(
        p, lr=0.5, rho=0.8, eps=1e-4, weight_decay=0.1, maximize=True
    ),
    "adamax": lambda o, p: o.Adamax(p, lr=0.02),
    "adamax_all": lambda o, p: o.Adamax(
        p, lr=0.02, betas=(0.8, 0.9), weight_decay=0.1, maximize=True
    ),
    "nadam": lambda o, p: o.NAdam(p, lr=0.02),
    "nadam_decay": lambda o, p: o.NAdam(
        p, lr=0.02, betas=(0.8, 0.9), weight_decay=0.1, momentum_decay=0.1
    ),
    "nadam_decoupled": lambda o, p: o.NAdam(
        p, lr=0.02, weight_decay=0.1, decoupled_weight_decay=True, maximize=True
    ),
    "radam": lambda o, p: o.RAdam(p, lr=0.02),
    "radam_decay": lambda o, p: o.RAdam(p, lr=0.02, betas=(0.8, 0.9), weight_decay=0.1),
    "radam_decoupled": lambda o, p: o.RAdam(
        p, lr=0.02, weight_decay=0.1, decoupled_weight_decay=True, maximize=True
    ),
    "rprop": lambda o, p: o.Rprop(p, lr=0.05),
    "rprop_all": lambda o, p: o.Rprop(
        p, lr=0.05, etas=(0.4, 1.5), step_sizes=(0.01, 0.2), maximize=True
    ),
    "asgd": lambda o, p: o.ASGD(p, lr=0.05),
    "asgd_all": lambda o, p: o.ASGD(p, lr=0.05, lambd=0.1, alpha=0.5, t0=4, weight_decay=0.1),
    "asgd_maximize": lambda o, p: o.ASGD(p, lr=0.005, maximize=True),
    "adam_decoupled": lambda o, p: o.Adam(
        p, lr=0.02, weight_decay=0.1, decoupled_weight_decay=True
    ),
    "adam_tensor_rate": lambda o, p: o.Adam(
        p, lr=0.02, betas=(0.5, 0.9), amsgrad=True, weight_decay=0.2
    ),
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


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_and_looks_are_torchs(name):
    def after(library):
        w = library.tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True)
        optimizer = OPTIMIZERS[name](library.optim, [("layer.weight", w)])
        for _ in range(3):
            optimizer.zero_grad()
            (w * w).sum().backward()
            optimizer.step()
        return repr(optimizer), optimizer.state_dict()

    (ours, mine), (theirs, other) = after(gs), after(torch)
    assert ours == theirs
    assert mine["param_groups"] == other["param_groups"]
    assert [list(g) for g in mine["param_groups"]] == [list(g) for g in other["param_groups"]]
    assert list(mine["state"]) == list(other["state"])
    for number, state in other["state"].items():
        assert list(mine["state"][number]) == list(state)
        for key, value in state.items():
            got = mine["state"][number][key]
            assert str(got.dtype) == str(value.dtype), key
            np.testing.assert_allclose(got.numpy(), value.numpy(), rtol=1e-5, err_msg=key)


LBFGS = {
    "plain": dict(lr=0.5),
    "wolfe": dict(line_search_fn="strong_wolfe"),
    "short_history": dict(line_search_fn="strong_wolfe", history_size=3, max_iter=8),
    "few_evals": dict(lr=0.3, max_iter=6, max_eval=4),
}


@pytest.mark.parametrize("name", LBFGS)
def test_lbfgs_goes_the_same_way(name):
    def run(library):
        p = library.tensor(np.array([-1.5, 2.0, 0.7, -0.3]), requires_grad=True)
        q = library.tensor(np.array([[0.4], [1.2]]), requires_grad=True)
        optimizer = library.optim.LBFGS([p, q], **LBFGS[name])
        seen = []

        def closure():
            optimizer.zero_grad()
            x = library.cat([p, q.reshape(-1)])
            loss = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum() / 50
            loss.backward()
            seen.append(loss.item())
            return loss

        for _ in range(5):
            optimizer.step(closure)
        state = optimizer.state_dict()["state"][0]
        return seen, p.detach().numpy(), optimizer, state

    ours, p, mine, state = run(gs)
    theirs, q, other, their_state = run(torch)
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(p, q.numpy() if hasattr(q, "numpy") else q, rtol=1e-6)
    assert repr(mine) == repr(other)
    assert set(state) == set(their_state)
    assert state["n_iter"] == their_state["n_iter"]
    assert state["func_evals"] == their_state["func_evals"]
    assert len(state["old_dirs"]) == len(their_state["old_dirs"])


@pytest.mark.parametrize(
    "name", ["sgd_momentum", "adam", "rmsprop_centered", "nadam", "rprop", "asgd"]
)
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
