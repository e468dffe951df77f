"""Every row of the op table, checked by the same questions, with the row's own samples.

A row answers for itself: its samples drive the numpy reference, gradients against finite differences,
second derivatives, forward mode, memory layouts, float32, size 0, the pretend GPU, and its errors.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graphscope as gs
from graphscope.engine.dispatch import call
from graphscope.engine.tensor import Tensor
from graphscope.errors import GraphScopeError
from graphscope.ops import DIFF, NUMPY, TABLE
from graphscope.ops.samples import generator
from graphscope.trace import schema

CASES = [(row, k) for row in TABLE.values() for k in range(len(row.samples))]


def of_samples(keep=lambda row: True):
    chosen = [(row, k) for row, k in CASES if keep(row)]
    return pytest.mark.parametrize("row, k", chosen, ids=[f"{row.name}-{k}" for row, k in chosen])


every_sample = of_samples()
every_gradient = of_samples(lambda row: row.vjp and not row.writes)


def test_every_family_has_a_colour():
    """What is of another family is drawn and counted as the rest: a layer_norm had the colour of parameters."""
    assert {row.family for row in TABLE.values()} <= set(schema.FAMILIES)


# ---------------------------------------------------------------- running a row


def sample(row, k):
    inputs, params = row.samples[k](generator(f"{row.name}{k}"))
    defaults = {
        name: value for name, value in row.params.items() if value is not inspect.Parameter.empty
    }
    inputs = [np.asarray(x) for x in inputs]
    if row.family == "reduce" and "shape" in defaults and "shape" not in params:
        params["shape"] = inputs[0].shape  # what functions.sum passes
    return inputs, {**defaults, **params}


def listed(out):
    return list(out) if isinstance(out, (tuple, list)) else [out]


def wanted(row, inputs):
    """The inputs that a gradient exists for."""
    if not row.vjp or row.writes:
        return []
    if row.inputs == ("*",):
        return [i for i, x in enumerate(inputs) if x.dtype.kind == "f"]
    return [w.slot for w in row.wants if w.slot < len(inputs) and inputs[w.slot].dtype.kind == "f"]


def leaves(inputs, slots=(), make=np.copy):
    tensors = [Tensor(make(x)) for x in inputs]
    for s in slots:
        tensors[s].requires_grad_()
    return tensors


def run(row, inputs, params, slots=()):
    tensors = leaves(inputs, slots)
    return tensors, listed(call(row, *tensors, **params))


def weights_for(outs, salt):
    r = generator(salt)
    return [np.asarray(r.normal(size=o.shape)) if o.dtype.is_floating_point else None for o in outs]


def weighted(outs, weights):
    """One number from all outputs that a gradient can come from."""
    parts = [
        (o * Tensor(w)).sum()
        for o, w in zip(outs, weights, strict=True)
        if w is not None and o.requires_grad
    ]
    return sum(parts[1:], parts[0]) if parts else None  # fmt: skip


def gradients(row, inputs, params, slots, weights, create_graph=False):
    """Gradients of the weighted outputs; zeros where the row says that nothing flows."""
    tensors, outs = run(row, inputs, params, slots)
    loss = weighted(outs, weights)
    assert loss is not None, "the row has gradients, but no output requires grad"
    return tensors, gs.autograd.grad(loss, [tensors[s] for s in slots], create_graph=create_graph)


def number(row, params, weights):
    """The weighted outputs as a function of plain arrays: the kernel alone, no engine."""
    kernel = getattr(NUMPY, row.name)

    def function(arrays):
        outs = listed(kernel(*arrays, **params))
        return sum(
            float((o * w).sum()) for o, w in zip(outs, weights, strict=True) if w is not None
        )

    return function


def differences(function, inputs, slot, step=1e-6):
    """Central differences of a number with respect to one input."""
    out = np.zeros(inputs[slot].shape)
    moved = [x.copy() for x in inputs]
    for at in np.ndindex(*inputs[slot].shape):
        was = moved[slot][at]
        moved[slot][at] = was + step
        high = function(moved)
        moved[slot][at] = was - step
        out[at] = (high - function(moved)) / (2 * step)
        moved[slot][at] = was
    return out


# ---------------------------------------------------------------- values and gradients


@of_samples(lambda row: row.reference is not None)
def test_values_are_what_the_reference_says(row, k):
    inputs, params = sample(row, k)
    _, outs = run(row, inputs, params)
    for out, want in zip(outs, listed(row.reference(*inputs, **params)), strict=True):
        np.testing.assert_allclose(out._a, want, rtol=1e-12, atol=1e-13)


@every_gradient
def test_gradient_is_what_finite_differences_say(row, k):
    inputs, params = sample(row, k)
    slots = wanted(row, inputs)
    _, outs = run(row, inputs, params)
    weights = weights_for(outs, row.name)
    _, got = gradients(row, inputs, params, slots, weights)
    for slot, g in zip(slots, got, strict=True):
        want = differences(number(row, params, weights), inputs, slot)
        assert g.shape == want.shape
        np.testing.assert_allclose(g._a, want, rtol=1e-5, atol=1e-7)


@every_gradient
def test_gradient_under_create_graph_is_the_same_and_differentiable(row, k):
    inputs, params = sample(row, k)
    slots = wanted(row, inputs)
    _, outs = run(row, inputs, params)
    weights = weights_for(outs, row.name + "2")
    _, plain = gradients(row, inputs, params, slots, weights)
    tensors, got = gradients(row, inputs, params, slots, weights, create_graph=True)
    for a, b in zip(plain, got, strict=True):
        np.testing.assert_allclose(a._a, b._a, rtol=1e-10, atol=1e-12)
    r = generator(row.name + "3")
    curved = [(i, np.asarray(r.normal(size=g.shape))) for i, g in enumerate(got) if g.requires_grad]
    if not curved or not got[0]._a.size:
        return
    second = gs.autograd.grad(
        sum((got[i] * Tensor(w)).sum() for i, w in curved), [tensors[s] for s in slots],
        allow_unused=True,
    )  # fmt: skip
    # Along one random direction, which no wrong element can hide from.
    ways = {s: r.normal(size=inputs[s].shape) for s in slots}
    step = 1e-6

    def slope(sign):
        moved = [x + sign * step * ways[i] if i in ways else x for i, x in enumerate(inputs)]
        _, there = gradients(row, moved, params, slots, weights)
        return sum(float((there[i]._a * w).sum()) for i, w in curved)

    want = (slope(1) - slope(-1)) / (2 * step)
    have = sum(
        float((g._a * ways[s]).sum()) for s, g in zip(slots, second, strict=True) if g is not None
    )
    np.testing.assert_allclose(have, want, rtol=1e-4, atol=2e-6)


@of_samples(lambda row: row.jvp in ("elementwise", "multilinear") and not row.writes)
def test_declared_forward_mode_is_what_differences_say(row, k):
    inputs, params = sample(row, k)
    slots = wanted(row, inputs)
    r = generator(row.name + "4")
    ways = {s: np.asarray(r.normal(size=inputs[s].shape)) for s in slots}
    kernel = getattr(NUMPY, row.name)
    outs = listed(kernel(*inputs, **params))
    floating = [k for k, o in enumerate(outs) if np.asarray(o).dtype.kind == "f"]
    total = [np.zeros(np.shape(outs[k])) for k in floating]
    if row.jvp == "multilinear":
        for s in slots:
            with_way = [ways[s] if i == s else x for i, x in enumerate(inputs)]
            part = listed(kernel(*with_way, **params))
            # places (of a maximum, say) belong to the point and not to the direction
            total = [t + part[k] for t, k in zip(total, floating, strict=True)]
    else:
        tensors, ts = run(row, inputs, params, slots)
        for s in slots:
            (got,) = gs.autograd.grad(
                (ts[0] * Tensor(np.broadcast_to(ways[s], ts[0].shape).copy())).sum(),
                [tensors[s]],
                retain_graph=True,
            )
            # elementwise: the same formula, so its sum over broadcast elements is the sum of the parts
            total[0] = total[0] + 0 * got._a.sum()
            want = row_vjp(row, s, np.broadcast_to(ways[s], ts[0].shape), inputs, outs[0], params)
            total[0] = total[0] + want
    step = 1e-6

    def moved(sign):
        return listed(
            kernel(*[x + sign * step * ways[i] if i in ways else x for i, x in enumerate(inputs)], **params)
        )  # fmt: skip

    for t, k_, high, low in zip(
        total, floating, [moved(1)[k] for k in floating], [moved(-1)[k] for k in floating],
        strict=True,
    ):  # fmt: skip
        assert np.shape(t) == np.shape(outs[k_])
        np.testing.assert_allclose(t, (high - low) / (2 * step), rtol=1e-5, atol=1e-7)


def row_vjp(row, slot, g, inputs, out, params):
    """The row's formula for one input, on plain arrays, without summing what was broadcast."""
    want = next(w for w in row.wants if w.slot == slot)
    have = {**dict(zip(row.inputs, inputs, strict=False)), "out": out, **params}
    names = list(inspect.signature(want.fn).parameters)[2:]
    return want.fn(NUMPY, g, **{n: have[n] for n in names})


# ---------------------------------------------------------------- memory


@of_samples(lambda row: not row.writes)
def test_inputs_stay_as_they_are(row, k):
    inputs, params = sample(row, k)
    slots = wanted(row, inputs)
    tensors, outs = run(row, inputs, params, slots)
    if slots:
        loss = weighted(outs, weights_for(outs, row.name))
        gs.autograd.grad(loss, [tensors[s] for s in slots])
    for x, t in zip(inputs, tensors, strict=True):
        np.testing.assert_array_equal(x, t._a)


@of_samples(lambda row: row.name != "as_strided")  # what it reads is the layout
@pytest.mark.parametrize("layout", ["fortran", "strided", "reversed"])
def test_layout_in_memory_does_not_matter(row, k, layout):
    inputs, params = sample(row, k)
    _, want = run(row, inputs, params)
    slots = wanted(row, inputs)
    tensors = leaves(inputs, slots, lambda x: laid_out(x, layout))
    got = listed(call(row, *tensors, **params))
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a._a, b._a, rtol=1e-12, atol=1e-14)
    if slots:
        weights = weights_for(want, row.name)
        _, plain = gradients(row, inputs, params, slots, weights)
        odd = [None if w is None else laid_out(w, layout) for w in weights]
        for a, b in zip(
            plain, gs.autograd.grad(weighted(got, odd), [tensors[s] for s in slots]), strict=True
        ):
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


@of_samples(lambda row: row.view)
def test_views_share_their_inputs_memory(row, k):
    inputs, params = sample(row, k)
    tensors, outs = run(row, inputs, params)
    for out in outs:
        if out._a.size:
            assert np.shares_memory(out._a, tensors[0]._a)


@of_samples(lambda row: not row.view and not row.writes)
def test_results_have_memory_of_their_own(row, k):
    inputs, params = sample(row, k)
    tensors, outs = run(row, inputs, params)
    for out in outs:
        for t in tensors:
            assert not np.shares_memory(out._a, t._a)


# ---------------------------------------------------------------- dtypes and sizes


@every_sample
def test_float32_stays_float32(row, k):
    inputs, params = sample(row, k)
    if params.get("dtype"):
        pytest.skip("a cast")
    narrow = [x.astype(np.float32) if x.dtype.kind == "f" else x for x in inputs]
    slots = wanted(row, narrow)
    tensors, outs = run(row, narrow, params, slots)
    for out in outs:
        assert out._a.dtype.kind != "f" or out._a.dtype == np.float32
    if slots:
        weights = [w if w is None else w.astype(np.float32) for w in weights_for(outs, row.name)]
        for g in gs.autograd.grad(weighted(outs, weights), [tensors[s] for s in slots]):
            assert g._a.dtype == np.float32


@pytest.mark.parametrize(
    "row", [r for r in TABLE.values() if r.jvp == "elementwise" and r.samples], ids=lambda r: r.name
)
def test_elementwise_rows_take_tensors_without_elements(row):
    inputs, params = sample(row, 0)
    empty = [np.zeros((0, 3), x.dtype) for x in inputs]
    slots = wanted(row, empty)
    tensors, outs = run(row, empty, params, slots)
    assert all(o.shape == (0, 3) for o in outs)
    if slots:
        for g in gs.autograd.grad(sum(o.sum() for o in outs), [tensors[s] for s in slots]):
            assert g.shape == (0, 3)


# ---------------------------------------------------------------- rules, errors, words


@of_samples(lambda row: row.shape is not None)
def test_shape_rule_is_the_real_shape(row, k):
    inputs, params = sample(row, k)
    try:
        said = row.shape(*(x.shape for x in inputs), **params)
    except GraphScopeError:
        pytest.fail("the rule refuses the row's own sample")
    if said is not None:  # many rules only word what the kernel refuses
        (out,) = run(row, inputs, params)[1]
        assert tuple(said) == tuple(out.shape)


def error_cases():
    for row in TABLE.values():
        for k, (*shapes, text) in enumerate(row.errors):
            yield pytest.param(row, shapes, text, id=f"{row.name}-{k}")


@pytest.mark.parametrize("row, shapes, text", list(error_cases()))
def test_declared_errors_say_what_is_wrong(row, shapes, text):
    if callable(shapes[0]):
        inputs, params = shapes[0](generator(row.name))
    else:
        params = shapes[-1] if isinstance(shapes[-1], dict) else {}
        inputs = [np.ones(shape) for shape in shapes if not isinstance(shape, dict)]
    with pytest.raises(GraphScopeError) as caught:
        call(row, *(Tensor(np.asarray(x)) for x in inputs), **params)
    assert text in str(caught.value)


def test_every_row_explains_itself():
    for row in TABLE.values():
        assert row.doc, row.name
        assert row.tex, row.name
        assert hasattr(NUMPY, row.name) and hasattr(DIFF, row.name)


def test_every_row_that_computes_has_samples():
    bare = {row.name for row in TABLE.values() if not row.samples and not row.writes}
    assert not bare - NO_SAMPLES, bare - NO_SAMPLES


# Rows whose result is no function of their inputs; "normal" has torch's gradient, which is zero, and a test
# of its own, and "to_device" is on two devices, which tests/engine/test_device.py is about.
# The rows of forward mode live on dual numbers, which tests/ops/test_forward_mode.py is about.
NO_SAMPLES = {
    "zero",
    "normal",
    "to_device",
    "make_dual",
    "dual_primal",
    "dual_tangent",
    "dual_lift",
}


def test_formulas_name_only_inputs_that_exist():
    for row in TABLE.values():
        if row.inputs != ("*",):
            row.tex.format(**{name: name for name in row.inputs})


# ---------------------------------------------------------------- any shapes

sizes = st.lists(st.integers(0, 3), max_size=3).map(tuple)
BROADCASTING = [
    r for r in TABLE.values() if r.broadcast and r.n in (2, 3) and r.jvp == "elementwise"
]


@given(st.sampled_from(BROADCASTING), st.lists(sizes, min_size=3, max_size=3))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_shapes_broadcast_or_are_refused_in_words(row, shapes):
    shapes = shapes[: row.n]
    tensors = [gs.ones(s, dtype=gs.float64, requires_grad=True) for s in shapes]
    params = {
        name: (1 if default is inspect.Parameter.empty else default)
        for name, default in row.params.items()
    }
    try:
        want = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(GraphScopeError, match="do not broadcast"):
            call(row, *tensors, **params)
        return
    out = call(row, *tensors, **params)
    assert out.shape == want
    slots = [w.slot for w in row.wants]
    for slot, g in zip(
        slots, gs.autograd.grad(out.sum(), [tensors[s] for s in slots]), strict=True
    ):
        assert g.shape == shapes[slot]


# ---------------------------------------------------------------- devices


@every_sample
def test_the_pretend_gpu_computes_the_same(row, k):
    inputs, params = sample(row, k)
    _, want = run(row, inputs, params)
    slots = wanted(row, inputs)
    tensors = [Tensor(x.copy()).to("sim") for x in inputs]
    for s in slots:
        tensors[s].requires_grad_()
    got = listed(call(row, *tensors, **params))
    for a, b in zip(got, want, strict=True):
        assert a.device.type == "sim"
        np.testing.assert_allclose(a.detach().cpu()._a, b._a, rtol=1e-12, atol=1e-14)
    if not slots:
        return
    weights = weights_for(want, row.name)
    _, plain = gradients(row, inputs, params, slots, weights)
    parts = [
        (o * Tensor(w).to("sim")).sum()
        for o, w in zip(got, weights, strict=True)
        if w is not None and o.requires_grad
    ]
    there = gs.autograd.grad(sum(parts[1:], parts[0]), [tensors[s] for s in slots])
    for a, b in zip(there, plain, strict=True):
        np.testing.assert_allclose(a.cpu()._a, b._a, rtol=1e-10, atol=1e-12)
