"""Activation functions and their modules beside torch's."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs
from graphscope.nn import functional as F
from tests.parity.beside import LAYOUTS, TF, arrays, check, quiet, torch

array = arrays(5)
FULL = array(3, 4, low=-6, high=6)

# f(torch-like library, functional, x)
CASES = {
    "relu": lambda t, f, x: f.relu(x), "relu6": lambda t, f, x: f.relu6(x * 3),
    "leaky_relu": lambda t, f, x: f.leaky_relu(x, 0.2), "leaky_negative": lambda t, f, x: f.leaky_relu(x, -0.2),
    "elu": lambda t, f, x: f.elu(x, 1.3), "selu": lambda t, f, x: f.selu(x),
    "torch_selu": lambda t, f, x: t.selu(x), "celu": lambda t, f, x: f.celu(x, 0.5),
    "gelu": lambda t, f, x: f.gelu(x), "gelu_tanh": lambda t, f, x: f.gelu(x, approximate="tanh"),
    "silu": lambda t, f, x: f.silu(x), "mish": lambda t, f, x: f.mish(x),
    "softplus": lambda t, f, x: f.softplus(x), "softplus_beta": lambda t, f, x: f.softplus(x, 2, 3),
    "softsign": lambda t, f, x: f.softsign(x), "tanh": lambda t, f, x: f.tanh(x),
    "sigmoid": lambda t, f, x: f.sigmoid(x), "hardtanh": lambda t, f, x: f.hardtanh(x, -0.5, 2),
    "hardsigmoid": lambda t, f, x: f.hardsigmoid(x), "hardswish": lambda t, f, x: f.hardswish(x),
    "hardshrink": lambda t, f, x: f.hardshrink(x, 0.7) + x.hardshrink(), "softshrink": lambda t, f, x: f.softshrink(x, 0.7),
    "tanhshrink": lambda t, f, x: f.tanhshrink(x), "threshold": lambda t, f, x: f.threshold(x, 0.3, 20.0),
    "rrelu_eval": lambda t, f, x: f.rrelu(x, 0.1, 0.4), "logsigmoid": lambda t, f, x: f.logsigmoid(x * 30),
    "softmax": lambda t, f, x: f.softmax(x, 0), "softmin": lambda t, f, x: f.softmin(x, -1),
    "log_softmax": lambda t, f, x: f.log_softmax(x, 0), "softmax_dtype": lambda t, f, x: f.softmax(x, 0, dtype=t.float64),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_torchs(name, dtype):
    # torch has a sixth as a float32 number, also for float64.
    factor = 100 if name == "hardsigmoid" else 1
    for layout in LAYOUTS if dtype == "float64" else ("plain",):
        check([FULL], CASES[name], dtype, layout, factor=factor)
    check([array(0, 3)], CASES[name], dtype)
    if name not in ("softmin",):
        check([np.array(0.7)], CASES[name], dtype, factor=factor)
    check([np.array([-1e3, -40.0, 0.0, 40.0, 1e3])], CASES[name], dtype, factor=factor)


def test_prelu_takes_one_slope_or_one_for_each_channel():
    for x, w in (
        ((3, 4), (1,)),
        ((3, 4), (4,)),
        ((2, 3, 4, 5), (3,)),
        ((4,), (1,)),
        ((), (1,)),
        ((), ()),
    ):
        check([array(*x), array(*w)], lambda t, f, a, b: f.prelu(a, b) + t.prelu(a, b))
    with pytest.raises(RuntimeError, match="2 weights for 4 channels"):
        F.prelu(gs.ones(3, 4), gs.ones(2))


@pytest.mark.parametrize("dim", [-1, 0, 2])
def test_glu(dim):
    check([array(4, 3, 6)], lambda t, f, x: f.glu(x, dim))


def test_glu_explains_what_cannot_be_halved():
    with pytest.raises(RuntimeError, match=r"dimension 1 of the input \(2, 3\) has the odd size 3"):
        F.glu(gs.ones(2, 3), 1)


@pytest.mark.parametrize("shape", [(), (3,), (3, 4), (2, 3, 4)])
@pytest.mark.parametrize("name", ["softmax", "softmin", "log_softmax"])
def test_softmax_without_a_dimension_warns_and_takes_torchs(name, shape):
    x = array(*shape)
    with pytest.warns(UserWarning, match=f"{name}: dim is not given"):
        ours = getattr(F, name)(gs.tensor(x))
    with quiet():
        theirs = getattr(TF, name)(torch.tensor(x))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


def test_rrelu_draws_a_slope_for_each_element():
    x = gs.full((1000,), -2.0, requires_grad=True)
    out = F.rrelu(x, 0.1, 0.3, training=True)
    out.sum().backward()
    slopes = out.detach().numpy() / -2
    assert 0.1 <= slopes.min() < 0.12 and 0.28 < slopes.max() <= 0.3
    np.testing.assert_allclose(x.grad.numpy(), slopes, rtol=1e-6)


def test_gumbel_softmax_picks_with_the_probabilities_of_softmax():
    gs.manual_seed(0)
    logits = gs.tensor([0.0, 1.0, 2.0]).expand(20000, 3).contiguous().requires_grad_()
    hard = F.gumbel_softmax(logits, tau=0.5, hard=True)
    assert set(np.unique(hard.detach().numpy().round(5))) == {0, 1}
    np.testing.assert_allclose(
        hard.detach().numpy().mean(0), TF.softmax(torch.tensor([0.0, 1.0, 2.0]), 0).numpy(), atol=0.015
    )  # fmt: skip
    (hard * gs.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert float(logits.grad.abs().sum()) > 0
    soft = F.gumbel_softmax(gs.zeros(5, 4), dim=1)
    np.testing.assert_allclose(soft.numpy().sum(1), 1, rtol=1e-6)


INPLACE = {
    "relu": dict(inplace=True), "relu6": dict(inplace=True), "leaky_relu": dict(inplace=True),
    "elu": dict(inplace=True), "selu": dict(inplace=True), "celu": dict(alpha=0.5, inplace=True),
    "silu": dict(inplace=True), "mish": dict(inplace=True), "hardtanh": dict(inplace=True),
    "hardswish": dict(inplace=True), "hardsigmoid": dict(inplace=True),
    "threshold": dict(threshold=0.1, value=3.0, inplace=True),
}  # fmt: skip


@pytest.mark.parametrize("name", INPLACE)
def test_in_place_changes_the_input_and_its_gradient_as_in_torch(name):
    got = []
    for lib, f in ((gs, F), (torch, TF)):
        leaf = lib.tensor(FULL, requires_grad=True)
        x = leaf * 1
        out = getattr(f, name)(x, **INPLACE[name])
        assert out is x
        (x * lib.tensor(FULL)).sum().backward()
        plain = lib.tensor(FULL)
        view = plain[1]
        getattr(f, name)(plain, **INPLACE[name])
        got.append([x.detach().numpy(), leaf.grad.numpy(), plain.numpy(), view.numpy()])
    for a, b in zip(*got, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-12)


def test_in_place_on_a_leaf_is_refused():
    with pytest.raises(RuntimeError, match="leaf"):
        F.relu(gs.ones(2, requires_grad=True), inplace=True)


MODULES = {
    "ReLU": [(), (True,)], "ReLU6": [(), (True,)], "LeakyReLU": [(), (0.2, True)], "ELU": [(), (0.5, True)],
    "SELU": [(), (True,)], "CELU": [(), (2.0,)], "GELU": [(), ("tanh",)], "SiLU": [(), (True,)],
    "Mish": [(), (True,)], "Softplus": [(), (2, 10)], "Softsign": [()], "Tanh": [()], "Sigmoid": [()],
    "Hardtanh": [(), (-2, 3, True)], "Hardsigmoid": [(), (True,)], "Hardswish": [(), (True,)],
    "Hardshrink": [(), (0.1,)], "Softshrink": [(), (0.1,)], "Tanhshrink": [()], "Threshold": [(1, 2), (0.1, 20, True)],
    "PReLU": [(), (4,)], "GLU": [(), (0,)], "Softmin": [(1,)], "Softmax": [(0,)],
    "LogSoftmax": [(1,)], "LogSigmoid": [()], "RReLU": [(), (0.2, 0.3, True)],
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_modules_have_torchs_text_and_values(name):
    for args in MODULES[name]:
        ours, theirs = getattr(gs.nn, name)(*args).eval(), getattr(torch.nn, name)(*args).eval()
        assert repr(ours) == repr(theirs)
        x = array(4, 4)
        a, b = ours(gs.tensor(x, dtype=gs.float32)), theirs(torch.tensor(x, dtype=torch.float32))
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-5, atol=1e-6)


def test_softmax2d():
    x = array(2, 3, 4, 5)
    a, b = gs.nn.Softmax2d()(gs.tensor(x)), torch.nn.Softmax2d()(torch.tensor(x))
    np.testing.assert_allclose(a.numpy(), b.numpy())
    assert repr(gs.nn.Softmax2d()) == repr(torch.nn.Softmax2d())
    with pytest.raises(ValueError, match=r"\(2, 3\) is no image"):
        gs.nn.Softmax2d()(gs.ones(2, 3))
