"""Indexing, sorting and linear algebra on the pretend GPU: the same numbers as on the host."""

from __future__ import annotations

import numpy as np
import pytest

import graphscope as gs
from graphscope.nn import functional as F
from tests.parity import test_indexing, test_linalg, test_scattering, test_sorting
from tests.parity.beside import arrays, flat

array = arrays()
CASES = {
    **test_scattering.FUNCTIONS,
    **test_sorting.FUNCTIONS,
    **test_linalg.MATRICES,
    **{k: ([array(*s) for s in shapes], f) for k, (shapes, f) in test_linalg.PRODUCTS.items()},
    **{
        f"x[{k}]": ([test_indexing.X], lambda t, f, x, make=make: x[make(t)] * 1)
        for k, make in test_indexing.INDICES.items()
    },
    **{
        equation: ([array(*s) for s in shapes], lambda t, f, *a, e=equation: t.einsum(e, *a))
        for equation, *shapes in test_linalg.EINSUMS
    },
}


def outcome(device, inputs, function):
    tensors = [gs.tensor(np.asarray(a)).to(device) for a in inputs]
    for t in tensors:
        if t.is_floating_point():
            t.requires_grad_()
    outs = flat(function(gs, F, *tensors))
    assert {o.device.type for o in outs} == {device}
    differentiable = [o for o in outs if o.requires_grad]
    if differentiable:
        gs.autograd.backward([(o * o).sum() for o in differentiable])
    grads = [t.grad for t in tensors if t.requires_grad and t.grad is not None]
    return [t.detach().cpu().numpy() for t in (*outs, *grads)]


@pytest.mark.parametrize("name", CASES)
def test_the_device_computes_what_the_host_computes(name):
    inputs, function = CASES[name]
    for a, b in zip(*(outcome(d, inputs, function) for d in ("cpu", "sim")), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
