"""Forward mode of every row: the pushed tangent against finite differences and against the gradient.

A row is asked with its own samples. The gradient and the tangent must agree in ``<g, J t> = <J' g, t>``.
"""

from __future__ import annotations

import numpy as np
import pytest

from graphscope.engine.dispatch import call
from graphscope.engine.dual_array import DualArray
from graphscope.engine.tensor import Tensor
from graphscope.ops import TABLE
from graphscope.ops.samples import generator
from tests.ops.test_op_table import sample, wanted

# Rows without a tangent, each with its reason.
WITHOUT = {
    "normal": "draws numbers; its tangent would need the numbers that were drawn",
}
CASES = [
    (row, k)
    for row in TABLE.values()
    if row.vjp and not row.writes and row.name not in WITHOUT
    for k in range(len(row.samples))
]
every_tangent = pytest.mark.parametrize(
    "row, k", CASES, ids=[f"{row.name}-{k}" for row, k in CASES]
)


def outputs(row, arrays, params):
    """The floating outputs of a row, as arrays."""
    out = call(row, *(Tensor(a) for a in arrays), **params)
    parts = out if isinstance(out, tuple) else (out,)
    return [t._a for t in parts if t._a.dtype.kind == "f"]


def moved(row, inputs, params, tangents):
    """The tangents of the floating outputs."""
    duals = [
        x.copy() if t is None else DualArray(x.copy(), t)
        for x, t in zip(inputs, tangents, strict=True)
    ]
    outs = outputs(row, duals, params)
    return [
        np.zeros(a.shape) if not isinstance(a, DualArray) or a.tangent is None else a.tangent
        for a in outs
    ]


@every_tangent
def test_the_tangent_is_what_finite_differences_and_the_gradient_say(row, k):
    inputs, params = sample(row, k)
    slots = wanted(row, inputs)
    r = generator(f"{row.name}{k}t")
    tangents = [
        np.asarray(r.normal(size=x.shape)) if i in slots else None for i, x in enumerate(inputs)
    ]
    got = moved(row, inputs, params, tangents)
    if not all(np.isfinite(a).all() for a in outputs(row, inputs, params)):
        pytest.skip("the sample's result is infinite")
    weights = [np.asarray(r.normal(size=a.shape)) for a in got]

    def weighed(step):
        xs = [
            x if t is None else np.asarray(x + step * t)
            for x, t in zip(inputs, tangents, strict=True)
        ]
        return sum(
            float((a * w).sum()) for a, w in zip(outputs(row, xs, params), weights, strict=True)
        )

    slope = (weighed(1e-6) - weighed(-1e-6)) / 2e-6
    pushed = sum(float((t * w).sum()) for t, w in zip(got, weights, strict=True))
    np.testing.assert_allclose(pushed, slope, rtol=1e-5, atol=1e-6)

    tensors = [Tensor(x.copy()) for x in inputs]
    for s in slots:
        tensors[s].requires_grad_()
    out = call(row, *tensors, **params)
    parts = [t for t in (out if isinstance(out, tuple) else (out,)) if t._rg]
    loss = sum((t * Tensor(w)).sum() for t, w in zip(parts, weights, strict=True))
    loss.backward()
    pulled = sum(
        float((tensors[s].grad._a * tangents[s]).sum())
        for s in slots
        if tensors[s].grad is not None
    )
    np.testing.assert_allclose(pulled, pushed, rtol=1e-7, atol=1e-9)


def test_what_has_no_tangent_is_said_with_a_reason():
    assert all(name in TABLE and reason for name, reason in WITHOUT.items())


def test_both_parts_go_to_another_device():
    x = Tensor(DualArray(np.ones(3), np.arange(3.0)))
    there = x.to("sim")
    assert there.device.type == "sim"
    back = (there * there).cpu()
    np.testing.assert_array_equal(back._a.tangent, 2 * np.arange(3.0))
    assert x.numpy().tolist() == [1, 1, 1]
