"""Optimizers: hooks, own subclasses, copies, devices, and options that change."""

from __future__ import annotations

import copy
import inspect
import pickle

import numpy as np
import pytest

import graphscope as gs
from graphscope.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

torch = pytest.importorskip("torch")

NAMES = [
    "ASGD", "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop",
]  # fmt: skip
SCHEDULERS = [name for name in torch.optim.lr_scheduler.__all__ if name != "LRScheduler"]


def parameters(library, module, name):
    found = inspect.signature(getattr(module(library), name).__init__).parameters.values()
    return [(p.name, p.kind, p.default) for p in found]


@pytest.mark.parametrize("name", NAMES)
def test_signatures_are_torchs(name):
    assert parameters(gs, lambda m: m.optim, name) == parameters(torch, lambda m: m.optim, name)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_signatures_of_schedules_are_torchs(name):
    ours = parameters(gs, lambda m: m.optim.lr_scheduler, name)
    assert ours == parameters(torch, lambda m: m.optim.lr_scheduler, name)


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_through_the_update_is_refused(name):
    if name == "LBFGS":
        pytest.skip("it has no such option")
    with pytest.raises(ValueError, match="differentiable=True"):
        getattr(gs.optim, name)([gs.ones(1, requires_grad=True)], differentiable=True)


def trained(optimizer, p, steps=1):
    for _ in range(steps):
        optimizer.zero_grad()
        (p * p).sum().backward()
        optimizer.step()


@pytest.mark.parametrize("name", [n for n in NAMES if n != "LBFGS"])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_any_shape_and_the_pretend_gpu(name, shape):
    start = np.random.default_rng(0).normal(size=shape)
    results = []
    for device in ("cpu", "sim"):
        p = gs.tensor(start, dtype=gs.float64, device=device).requires_grad_()
        optimizer = getattr(gs.optim, name)([p])
        trained(optimizer, p, 3)
        assert p.device.type == device and p.shape == shape
        results.append(p.detach().cpu().numpy())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-12)


def test_lbfgs_on_the_pretend_gpu():
    results = []
    for device in ("cpu", "sim"):
        p = gs.tensor([1.0, -2.0], dtype=gs.float64, device=device).requires_grad_()
        optimizer = gs.optim.LBFGS([p], line_search_fn="strong_wolfe")

        def closure(p=p, optimizer=optimizer):
            optimizer.zero_grad()
            loss = ((p - 3) ** 4).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        results.append(p.detach().cpu().numpy())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-9)


def test_hooks_run_around_every_step_and_can_be_removed():
    log = []
    p = gs.ones(1, requires_grad=True)
    optimizer = gs.optim.SGD([p], lr=0.1)
    handles = [
        optimizer.register_step_pre_hook(lambda o, args, kwargs: log.append(("before", o is optimizer, args[0] is o))),
        optimizer.register_step_post_hook(lambda o, args, kwargs: log.append("after")),
        register_optimizer_step_pre_hook(lambda o, args, kwargs: log.append("before all")),
        register_optimizer_step_post_hook(lambda o, args, kwargs: log.append("after all")),
    ]  # fmt: skip
    trained(optimizer, p)
    assert log == ["before all", ("before", True, True), "after", "after all"]
    for handle in handles:
        handle.remove()
    trained(optimizer, p)
    assert len(log) == 4
    optimizer.register_step_pre_hook(lambda o, args, kwargs: "nonsense")
    with pytest.raises(ValueError, match="a hook before the step gave"):
        optimizer.step()


def test_hooks_see_state_dicts():
    p = gs.ones(1, requires_grad=True)
    optimizer = gs.optim.Adam([p])
    log = []
    optimizer.register_state_dict_pre_hook(lambda o: log.append("saving"))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "mine": 1})
    optimizer.register_load_state_dict_pre_hook(
        lambda o, state: {k: v for k, v in state.items() if k != "mine"}
    )
    optimizer.register_load_state_dict_post_hook(lambda o: log.append("loaded"))
    state = optimizer.state_dict()
    assert state["mine"] == 1
    optimizer.load_state_dict(state)
    assert log == ["saving", "loaded"]


def test_an_optimizer_of_ones_own():
    class Signs(gs.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, dict(lr=lr))

        @gs.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.sub_(p.grad.sign() * group["lr"])

    p = gs.tensor([1.0, -1.0], requires_grad=True)
    optimizer = Signs([p], 0.25)
    schedule = gs.optim.lr_scheduler.StepLR(optimizer, 1)
    trained(optimizer, p)
    schedule.step()  # no warning: a step was made
    assert p.tolist() == [0.75, -0.75]
    with pytest.raises(NotImplementedError):
        bare = gs.optim.Optimizer([p], {})
        bare.step()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_go_their_own_way(duplicate):
    p = gs.tensor([1.0, 2.0], requires_grad=True)
    optimizer = gs.optim.Adam([p], lr=0.1)
    trained(optimizer, p, 2)
    other = duplicate(optimizer)
    (q,) = other.param_groups[0]["params"]
    assert q is not p and q.tolist() == p.tolist() and q.requires_grad
    assert other.state[q]["step"].item() == 2
    trained(other, q)
    assert p.tolist() != q.tolist() and optimizer.state[p]["step"].item() == 2
    trained(optimizer, p)
    assert p.tolist() == q.tolist()


def test_a_learning_rate_may_be_a_tensor():
    p, q = gs.ones(2, requires_grad=True), gs.ones(2, requires_grad=True)
    rate = gs.tensor(0.5)
    a, b = gs.optim.Adam([p], lr=rate), gs.optim.Adam([q], lr=0.5)
    schedules = [gs.optim.lr_scheduler.ExponentialLR(o, 0.5) for o in (a, b)]
    for _ in range(3):
        for o, s, x in zip((a, b), schedules, (p, q), strict=True):
            trained(o, x)
            s.step()
    np.testing.assert_allclose(p.tolist(), q.tolist(), rtol=1e-6)
    assert a.param_groups[0]["lr"] is rate and rate.item() == pytest.approx(0.0625)


def test_a_loaded_state_takes_the_parameters_dtype():
    p = gs.ones(2, dtype=gs.float64).requires_grad_()
    optimizer = gs.optim.Adam([p])
    trained(optimizer, p)
    q = gs.ones(2).requires_grad_()
    other = gs.optim.Adam([q])
    other.load_state_dict(optimizer.state_dict())
    state = other.state[q]
    assert state["exp_avg"].dtype == gs.float32 and state["step"].dtype == gs.float32
    state["exp_avg"].zero_()
    assert optimizer.state[p]["exp_avg"].sum().item() != 0
    for wrong, words in (({"state": {}, "param_groups": []}, "0 groups"),
                         ({"state": {}, "param_groups": [{"params": [0, 1]}]}, r"\[2\] parameters.*\[1\]")):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            other.load_state_dict(wrong)


def test_lbfgs_says_what_it_needs():
    p = gs.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match="2 groups"):
        gs.optim.LBFGS([{"params": [p]}, {"params": [gs.ones(1, requires_grad=True)]}])
    with pytest.raises(ValueError, match="closure"):
        gs.optim.LBFGS([p]).step()
    with pytest.raises(RuntimeError, match="line_search_fn='exact', only 'strong_wolfe'"):
        trained_by(gs.optim.LBFGS([p], line_search_fn="exact"), p)


def trained_by(optimizer, p):
    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    optimizer.step(closure)


WRONG = {
    "SGD": [dict(lr=-1), dict(momentum=-1), dict(weight_decay=-1), dict(nesterov=True)],
    "ASGD": [dict(lr=-1), dict(weight_decay=-1)],
    "Adam": [
        dict(lr=-1),
        dict(eps=-1),
        dict(betas=(1, 0)),
        dict(betas=(0, 2)),
        dict(weight_decay=-1),
    ],
    "AdamW": [dict(lr=-1), dict(betas=(0.5, -1))],
    "Adamax": [dict(lr=-1), dict(eps=-1), dict(betas=(1, 0)), dict(weight_decay=-1)],
    "NAdam": [dict(lr=-1), dict(betas=(1, 0)), dict(momentum_decay=-1)],
    "RAdam": [dict(lr=-1), dict(betas=(1, 0)), dict(weight_decay=-1)],
    "Adagrad": [dict(lr=-1), dict(lr_decay=-1), dict(initial_accumulator_value=-1), dict(eps=-1)],
    "RMSprop": [dict(lr=-1), dict(eps=-1), dict(alpha=-1), dict(momentum=-1)],
    "Adadelta": [dict(lr=-1), dict(rho=2), dict(eps=-1), dict(weight_decay=-1)],
    "Rprop": [dict(lr=-1), dict(etas=(1, 2))],
    "LBFGS": [dict(lr=-1)],
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_options_are_refused_as_in_torch(name):
    for options in WRONG[name]:
        for library in (torch, gs):
            with pytest.raises(ValueError) as caught:
                getattr(library.optim, name)([library.ones(1, requires_grad=True)], **options)
        text = str(caught.value)
        option, value = next(iter(options.items()))
        assert text.startswith(f"{name}: {option}") and "test_hooks_and_copies.py:" in text
        numbers = value if isinstance(value, tuple) else (value,)
        assert any(str(n) in text for n in numbers)
