"""Every row of the op table, checked by the same questions, with the row's own samples."""

from __future__ import annotations

import importlib.util
import inspect

import numpy as np
import pytest

import graphscope as gs
from graphscope.engine.dispatch import call
from graphscope.engine.tensor import Tensor
from graphscope.errors import GraphScopeError
from graphscope.ops import DIFF, NUMPY, TABLE
from graphscope.ops.samples import generator

CASES = [(row, k) for row in TABLE.values() for k in range(len(row.samples))]
IDS = [f"{row.name}-{k}" for row, k in CASES]
every_sample = pytest.mark.parametrize("row, k", CASES, ids=IDS)
DIFFERENTIABLE = [(row, k) for row, k in CASES if row.vjp and not row.writes]
every_gradient = pytest.mark.parametrize(
    "row, k", DIFFERENTIABLE, ids=[f"{row.name}-{k}" for row, k in DIFFERENTIABLE]
)


def sample(row, k):
    inputs, params = row.samples[k](generator(f"{row.name}{k}"))
    defaults = {
        name: value for name, value in row.params.items() if value is not inspect.Parameter.empty
    }
    if row.family == "reduce" and "shape" in defaults and "shape" not in params:
        params["shape"] = np.asarray(inputs[0]).shape  # what functions.sum passes
    params = {**defaults, **params}
    return [np.asarray(x) for x in inputs], params


def wanted(row, inputs):
    """The inputs that a gradient exists for."""
    if row.inputs == ("*",):
        return list(range(len(inputs)))
    return [w.slot for w in row.wants if w.slot < len(inputs) and inputs[w.slot].dtype.kind == "f"]


def run(row, inputs, params, slots=()):
    tensors = [Tensor(x.copy()) for x in inputs]
    for s in slots:
        tensors[s].requires_grad_()
    return tensors, call(row, *tensors, **params)


def gradients(row, inputs, params, slots, weights, create_graph=False):
    tensors, out = run(row, inputs, params, slots)
    loss = (out * Tensor(weights)).sum()
    return tensors, gs.autograd.grad(loss, [tensors[s] for s in slots], create_graph=create_graph)


def differences(function, inputs, slot, step=1e-6):
    """Central differences of a number with respect to one input."""
    out = np.zeros(inputs[slot].shape)
    for at in np.ndindex(*inputs[slot].shape):
        moved = [x.copy() for x in inputs]
        moved[slot][at] += step
        high = function(moved)
        moved[slot][at] -= 2 * step
        out[at] = (high - function(moved)) / (2 * step)
    return out


@every_gradient
def test_gradient_is_what_finite_differences_say(row, k):
    inputs, params = sample(row, k)
    slots = wanted(row, inputs)
    _, out = run(row, inputs, params)
    weights = np.asarray(generator(row.name).normal(size=out.shape))
    _, got = gradients(row, inputs, params, slots, weights)
    for slot, g in zip(slots, got, strict=True):
        want = differences(
            lambda xs: float((run(row, xs, params)[1]._a * weights).sum()), inputs, slot
        )
        assert g.shape == want.shape
        np.testing.assert_allclose(g._a, want, rtol=1e-5, atol=1e-7)


@every_gradient
def test_gradient_under_create_graph_is_the_same_and_differentiable(row, k):
    inputs, params = sample(row, k)
    slots = wanted(row, inputs)
    _, out = run(row, inputs, params)
    r = generator(row.name + "2")
    weights = np.asarray(r.normal(size=out.shape))
    _, plain = gradients(row, inputs, params, slots, weights)
    tensors, got = gradients(row, inputs, params, slots, weights, create_graph=True)
    for a, b in zip(plain, got, strict=True):
        np.testing.assert_allclose(a._a, b._a, rtol=1e-10, atol=1e-12)
    curved = [(g, np.asarray(r.normal(size=g.shape))) for g in got if g.requires_grad]
    if not curved or not out._a.size:
        return
    second = gs.autograd.grad(
        sum((g * Tensor(w)).sum() for g, w in curved),
        [tensors[s] for s in slots],
        allow_unused=True,
    )
    which = [i for i, g in enumerate(got) if g.requires_grad]

    def slope(xs):
        _, gs_ = gradients(row, xs, params, slots, weights)
        return sum(float((gs_[i]._a * w).sum()) for i, (_, w) in zip(which, curved, strict=True))

    for slot, g in zip(slots, second, strict=True):
        want = differences(slope, inputs, slot)
        have = np.zeros_like(want) if g is None else g._a
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)


@every_sample
def test_inputs_stay_as_they_are(row, k):
    inputs, params = sample(row, k)
    slots = [] if row.writes or not row.vjp else wanted(row, inputs)
    tensors, out = run(row, inputs, params, slots)
    if slots:
        gs.autograd.grad(out.sum(), [tensors[s] for s in slots])
    for i, (x, t) in enumerate(zip(inputs, tensors, strict=True)):
        if not (row.writes and i == 0) and row.family != "other":
            np.testing.assert_array_equal(x, t._a)


@every_sample
@pytest.mark.parametrize("layout", ["fortran", "strided", "reversed"])
def test_layout_in_memory_does_not_matter(row, k, layout):
    inputs, params = sample(row, k)
    _, want = run(row, inputs, params)
    tensors = [Tensor(laid_out(x, layout)) for x in inputs]
    slots = [] if row.writes or not row.vjp else wanted(row, inputs)
    for s in slots:
        tensors[s].requires_grad_()
    got = call(row, *tensors, **params)
    np.testing.assert_allclose(got._a, want._a, rtol=1e-12, atol=1e-14)
    if slots:
        weights = np.asarray(generator(row.name).normal(size=want.shape))
        _, plain = gradients(row, inputs, params, slots, weights)
        odd = gs.autograd.grad(
            (got * Tensor(laid_out(weights, layout))).sum(), [tensors[s] for s in slots]
        )
        for a, b in zip(plain, odd, strict=True):
            np.testing.assert_allclose(a._a, b._a, rtol=1e-10, atol=1e-12)


def laid_out(x, layout):
    if layout == "fortran":
        return np.array(x, order="F")
    if x.ndim == 0:
        return x.copy()
    if layout == "strided":
        wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        wide[..., ::2] = x
        return wide[..., ::2]
    return np.ascontiguousarray(x[::-1])[::-1]


@every_sample
def test_float32_stays_float32(row, k):
    inputs, params = sample(row, k)
    if params.get("dtype"):
        pytest.skip("a cast")
    narrow = [x.astype(np.float32) if x.dtype.kind == "f" else x for x in inputs]
    slots = [] if row.writes or not row.vjp else wanted(row, narrow)
    tensors, out = run(row, narrow, params, slots)
    assert out._a.dtype.kind != "f" or out._a.dtype == np.float32
    if slots:
        for g in gs.autograd.grad(out.sum(), [tensors[s] for s in slots]):
            assert g._a.dtype == np.float32


@every_sample
def test_shape_rule_is_the_real_shape(row, k):
    if row.shape is None:
        pytest.skip("no rule: the kernel's shape is the rule")
    inputs, params = sample(row, k)
    try:
        said = row.shape(*(x.shape for x in inputs), **params)
    except GraphScopeError:
        assert row.name == "reshape"  # its rule only words failures
        return
    if said is not None:
        assert tuple(said) == tuple(run(row, inputs, params)[1].shape)


def error_cases():
    for row in TABLE.values():
        for k, (*given, text) in enumerate(row.errors):
            yield pytest.param(row, given, text, id=f"{row.name}-{k}")


@pytest.mark.parametrize("row, given, text", list(error_cases()))
def test_declared_errors_say_what_is_wrong(row, given, text):
    if callable(given[0]):
        inputs, params = given[0](generator(row.name))
    else:
        params = given.pop() if isinstance(given[-1], dict) else {}
        inputs = [np.ones(shape) for shape in given]
    with pytest.raises(GraphScopeError) as caught:
        call(row, *(Tensor(np.asarray(x)) for x in inputs), **params)
    assert text in str(caught.value)


def test_every_row_explains_itself():
    for row in TABLE.values():
        assert row.doc, row.name
        assert row.tex, row.name
        assert hasattr(NUMPY, row.name) and hasattr(DIFF, row.name)


def test_formulas_name_only_inputs_that_exist():
    for row in TABLE.values():
        if row.inputs != ("*",):
            row.tex.format(**{name: name for name in row.inputs})


@every_sample
def test_the_pretend_gpu_computes_the_same(row, k):
    if importlib.util.find_spec("graphscope.engine.backend_sim") is None:
        pytest.skip("no sim backend yet")
    inputs, params = sample(row, k)
    _, want = run(row, inputs, params)
    tensors = [Tensor(x.copy()).to("sim") for x in inputs]
    got = call(row, *tensors, **params)
    assert got.device.type == "sim"
    np.testing.assert_allclose(got.cpu()._a, want._a, rtol=1e-12, atol=1e-14)
