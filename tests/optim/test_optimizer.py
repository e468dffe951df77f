"""Optimizers: groups, state, closures and errors."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs


def parameter(*values):
    return gs.tensor(list(values), requires_grad=True)


def test_step_takes_a_closure_that_computes_the_loss():
    p = parameter(2.0)
    optimizer = gs.optim.SGD([p], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with gs.no_grad():
        assert optimizer.step(closure).item() == 4.0
    assert p.item() == 1.0


@pytest.mark.parametrize("make", [gs.optim.SGD, gs.optim.Adam, gs.optim.AdamW])
def test_parameters_keep_their_memory_and_need_grad(make):
    p = parameter(1.0, 2.0)
    memory = p.detach().numpy()
    optimizer = make([p], lr=0.1)
    (p * p).sum().backward()
    gradient = p.grad.numpy().copy()
    optimizer.step()
    assert p.requires_grad and p.is_leaf and p.detach().numpy() is memory
    np.testing.assert_array_equal(p.grad.numpy(), gradient)


def test_zero_grad_forgets_or_fills():
    p = parameter(1.0)
    optimizer = gs.optim.SGD([p], lr=0.1)
    p.sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.item() == 0
    optimizer.zero_grad()
    assert p.grad is None
    optimizer.step()
    assert p.item() == 1


def test_state_goes_on_after_loading():
    def steps(optimizer, p, n):
        for _ in range(n):
            optimizer.zero_grad()
            (p * p * p).sum().backward()
            optimizer.step()

    a = parameter(1.0, 2.0)
    first = gs.optim.Adam([a], lr=0.1)
    steps(first, a, 3)
    b = a.detach().clone().requires_grad_()
    second = gs.optim.Adam([b], lr=0.5)
    second.load_state_dict(first.state_dict())
    steps(first, a, 3)
    steps(second, b, 3)
    assert gs.equal(a, b)


def test_named_parameters_and_groups_are_understood():
    net = gs.nn.Linear(2, 1)
    gs.optim.SGD(net.named_parameters(), lr=0.1)
    optimizer = gs.optim.SGD([{"params": net.weight, "lr": 0.5}], lr=0.1)
    optimizer.add_param_group({"params": [net.bias]})
    assert [g["lr"] for g in optimizer.param_groups] == [0.5, 0.1]


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: gs.optim.SGD([], lr=0.1), "no parameters to train"),
        (lambda: gs.optim.SGD(parameter(1.0), lr=0.1), "pass a list"),
        (lambda: gs.optim.SGD([1.0], lr=0.1), "parameter 0 is float"),
        (lambda: gs.optim.SGD([parameter(1.0) * 2], lr=0.1), "is no leaf"),
        (lambda: gs.optim.SGD([parameter(1.0)], lr=-1), "lr=-1 is negative"),
        (lambda: gs.optim.SGD([parameter(1.0)], lr=1, nesterov=True), "nesterov=True .* 0 and 0"),
        (lambda: gs.optim.Adam([parameter(1.0)], betas=(1.0, 0.9)), r"betas\[0\]=1.0"),
    ],
)
def test_mistakes_are_explained(make, words):
    with pytest.raises((ValueError, RuntimeError), match=words):
        make()


def test_an_update_is_one_recorded_op():
    from graphscope.engine import dispatch

    seen = []

    class Spy:
        values = False

        def op(self, row, *rest):
            seen.append(row.name)

        def __getattr__(self, name):
            return lambda *args, **kwargs: None

    p, q = parameter(1.0), parameter(2.0)
    optimizer = gs.optim.SGD([p, q], lr=0.1, momentum=0.9, weight_decay=0.1)
    (p * q).sum().backward()
    before = dispatch.set_recorder(Spy())
    try:
        optimizer.step()
        optimizer.zero_grad()
    finally:
        dispatch.set_recorder(before)
    assert seen == ["sgd_", "sgd_"]
