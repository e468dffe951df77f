"""One question for every function: do value and gradients equal torch's, in each dtype and layout?

A file of parity tests makes a table of cases and calls ``check`` for each. A case is inputs (arrays) and
``f(t, f, *tensors)``, which is run once with GraphScope's modules and once with torch's.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager

import numpy as np
import pytest

import graphscope as gs
from graphscope.nn import functional as F

torch = pytest.importorskip("torch")
TF = torch.nn.functional

TOLERANCE = {"float64": (1e-9, 1e-11), "float32": (2e-4, 5e-6)}
LAYOUTS = ("plain", "strided", "transposed")


def arrays(seed=3):
    """``array(*shape, low, high)`` drawn from a seeded generator."""
    rng = np.random.default_rng(seed)

    def array(*shape, low=-2.0, high=2.0):
        return rng.uniform(low, high, shape)

    return array


@contextmanager
def quiet():
    """Without warnings: for what torch says while it computes the reference."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def laid_out(library, a, layout, grad):
    """A leaf tensor and the view of it that the function gets."""
    if layout == "strided" and a.ndim:
        wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
        wide[..., ::2] = a
        leaf = library.tensor(wide, requires_grad=grad)
        return leaf, leaf[..., ::2]
    if layout == "transposed" and a.ndim > 1:
        leaf = library.tensor(np.ascontiguousarray(a.swapaxes(0, 1)), requires_grad=grad)
        return leaf, leaf.transpose(0, 1)
    leaf = library.tensor(a, requires_grad=grad)
    return leaf, leaf


def flat(outputs):
    """The tensors among the outputs of a function, in order."""
    if isinstance(outputs, (tuple, list)):
        return [t for o in outputs for t in flat(o)]
    return [outputs] if hasattr(outputs, "backward") else []


def outcome(library, functional, inputs, function, dtype, layout="plain", grad=True):
    """Values of all outputs, and the gradient of each floating input."""
    leaves, given = [], []
    for a in inputs:
        a = np.asarray(a)
        floating = a.dtype.kind == "f"
        leaf, tensor = laid_out(
            library, a.astype(dtype) if floating else a, layout, grad and floating
        )
        given.append(tensor)
        if floating:
            leaves.append(leaf)
    outs = flat(function(library, functional, *given))
    assert outs, "the function returned no tensor"
    values = [o.detach().numpy() for o in outs]
    if not grad:
        return values, []
    rng = np.random.default_rng(0)
    total = None
    for o in outs:
        weights = np.asarray(rng.normal(size=tuple(o.shape)), dtype)
        if o.requires_grad:
            part = (o * library.tensor(weights)).sum()
            total = part if total is None else total + part
    if total is None:
        return values, []
    total.backward()
    return values, [None if leaf.grad is None else leaf.grad.numpy() for leaf in leaves]


def close(ours, theirs, dtype, factor=1.0):
    """Equal shape and dtype, and equal numbers to rounding."""
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    if ours.dtype.kind != "f":
        np.testing.assert_array_equal(ours, theirs)
        return
    rtol, atol = TOLERANCE[dtype]
    finite = theirs[np.isfinite(theirs)]
    # Where large terms cancel, float32 differs by a share of the terms and not of the sum.
    largest = max(1.0, np.abs(finite).max(initial=0))
    np.testing.assert_allclose(ours, theirs, rtol=rtol * factor, atol=atol * largest * factor)


def check(inputs, function, dtype="float64", layout="plain", grad=True, factor=1.0):
    """Run the function with both libraries and compare everything."""
    ours, our_grads = outcome(gs, F, inputs, function, dtype, layout, grad)
    theirs, their_grads = outcome(torch, TF, inputs, function, dtype, layout, grad)
    assert len(ours) == len(theirs)
    assert len(our_grads) == len(their_grads)
    for a, b in zip(ours, theirs, strict=True):
        close(a, b, dtype, factor)
    for a, b in zip(our_grads, their_grads, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            close(a, b, dtype, factor)
