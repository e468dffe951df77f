"""Variance, standard deviation, norms and the logarithm of a sum of exponentials."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.ops.reduce import dropped, kept, kept_shape, reduced_count
from graphscope.ops.samples import arrays

_AXES = (
    arrays((3, 4), axis=None, keepdims=False),
    arrays((3, 4), axis=1, keepdims=False),
    arrays((2, 3, 4), axis=(0, 2), keepdims=True, correction=0),
    arrays((2, 3, 4), axis=-1, keepdims=False, correction=1.5),
)


def _centred(xp: Any, x: Any, axis: Any) -> tuple[Any, Any]:
    n = reduced_count(x.shape, axis)
    mean = xp.add.reduce(x, axis=axis, keepdims=True) / x.dtype.type(n or float("nan"))
    return mean, x - mean


def _free(shape: Any, axis: Any, correction: Any) -> Any:
    """The degrees of freedom: what the sum of squares is divided by."""
    return max(reduced_count(tuple(shape), axis) - correction, 0)


# Two passes: the sum of squares of what is left after the mean, which cannot cancel.
def _var(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False, correction: Any = 1) -> Any:
    rest = _centred(xp, x, axis)[1]
    total = xp.add.reduce(rest * rest, axis=axis, keepdims=keepdims)
    return total / x.dtype.type(_free(x.shape, axis, correction))


def _std(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False, correction: Any = 1) -> Any:
    return xp.sqrt(_var(xp, x, axis=axis, keepdims=keepdims, correction=correction))


def _slope(F: Any, g: Any, x: Any, axis: Any, correction: Any) -> Any:
    """The gradient of the variance, for ``g`` with the reduced dimensions kept."""
    mean = F.mean(x, axis=axis, keepdims=True, shape=tuple(x.shape))
    n = _free(x.shape, axis, correction)
    return g * (x - mean) * (2 / n if n else float("nan"))


def _var_vjp(F: Any, g: Any, x: Any, axis: Any, keepdims: Any, correction: Any) -> Any:
    return _slope(F, kept(F, g, x.shape, axis, keepdims), x, axis, correction)


def _half(F: Any, g: Any, out: Any) -> Any:
    # Where all elements are equal the standard deviation has a kink; torch's gradient there is 0.
    flat = out == 0
    return F.where(flat, F.zero(g), g / (F.where(flat, F.zero(g) + 1, out) * 2))


def _std_vjp(F: Any, g: Any, x: Any, out: Any, axis: Any, keepdims: Any, correction: Any) -> Any:
    return _var_vjp(F, _half(F, g, out), x, axis, keepdims, correction)


_COST: dict[str, Any] = dict(family="reduce", flops=lambda x, **_: 4 * x.size)
_EMPTY = (arrays((0, 3), axis=1, keepdims=False),)
var = Op(
    "var", _var, tex=r"\mathrm{{var}}({x})", vjp=dict(x=_var_vjp), samples=(*_AXES, *_EMPTY),
    doc="Variance over dimensions; correction 1 (Bessel's) divides by n - 1.", **_COST,
    reference=lambda x, *, axis, keepdims, correction: np.var(x, axis=axis, keepdims=keepdims, ddof=correction),
)  # fmt: skip
std = Op(
    "std", _std, tex=r"\mathrm{{std}}({x})", vjp=dict(x=_std_vjp), samples=(*_AXES, *_EMPTY),
    doc="Standard deviation over dimensions.", **_COST,
    reference=lambda x, *, axis, keepdims, correction: np.std(x, axis=axis, keepdims=keepdims, ddof=correction),
)  # fmt: skip


def _with_mean(
    xp: Any, x: Any, axis: Any, keepdims: Any, correction: Any, root: bool
) -> tuple[Any, Any]:
    mean, rest = _centred(xp, x, axis)
    total = xp.add.reduce(rest * rest, axis=axis, keepdims=True)
    out = total / x.dtype.type(_free(x.shape, axis, correction))
    if root:
        out = xp.sqrt(out)
    if not keepdims:
        small = dropped(x.shape, axis)
        out, mean = out.reshape(small), mean.reshape(small)
    return out, mean


def _both_vjp(root: bool) -> Any:
    def vjp(F: Any, g: Any, x: Any, axis: Any, keepdims: Any, correction: Any) -> Any:
        spread, middle = g
        total = None
        if spread is not None:
            spread = kept(F, spread, x.shape, axis, keepdims)
            if root:
                spread = _half(F, spread, F.std(x, axis=axis, keepdims=True, correction=correction))
            total = _slope(F, spread, x, axis, correction)
        if middle is not None:
            middle = kept(F, middle, x.shape, axis, keepdims)
            share = middle / reduced_count(tuple(x.shape), axis)
            share = F.broadcast_to(share, shape=tuple(x.shape), was=tuple(share.shape))
            total = share if total is None else total + share
        return total

    return vjp


var_mean = Op(
    "var_mean",
    lambda xp, x, *, axis=None, keepdims=False, correction=1: _with_mean(
        xp, x, axis, keepdims, correction, False
    ),
    tex=r"\mathrm{{var}}({x}), \overline{{{x}}}", vjp=dict(x=_both_vjp(False)), multi=True,
    samples=_AXES, doc="Variance and mean.", **_COST,
)  # fmt: skip
std_mean = Op(
    "std_mean",
    lambda xp, x, *, axis=None, keepdims=False, correction=1: _with_mean(
        xp, x, axis, keepdims, correction, True
    ),
    tex=r"\mathrm{{std}}({x}), \overline{{{x}}}", vjp=dict(x=_both_vjp(True)), multi=True,
    samples=_AXES, doc="Standard deviation and mean.", **_COST,
)  # fmt: skip

# ---------------------------------------------------------------- log of a sum of exponentials


def _logsumexp(xp: Any, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
    shape = kept_shape(x.shape, axis)
    if x.size:
        # Without the maximum exp overflows; the result does not change. An infinite one stays out of it.
        top = xp.max(x, axis=axis, keepdims=True)
        top = xp.where(xp.isfinite(top), top, x.dtype.type(0))
        out = xp.log(xp.add.reduce(xp.exp(x - top), axis=axis, keepdims=True)) + top
    else:
        out = xp.full(shape, -float("inf"), x.dtype)
    return out if keepdims else out.reshape(dropped(x.shape, axis))


def _logsumexp_vjp(F: Any, g: Any, x: Any, out: Any, axis: Any, keepdims: Any) -> Any:
    top = kept(F, out, x.shape, axis, keepdims)
    return kept(F, g, x.shape, axis, keepdims) * F.exp(x - top)


logsumexp = Op(
    "logsumexp", _logsumexp, tex=r"\ln \sum e^{{{x}}}", family="reduce", floats=True, vjp=dict(x=_logsumexp_vjp),
    samples=(*(arrays(*s, axis=a, keepdims=k) for s, a, k in (
        (((3, 4),), 1, False), (((2, 3, 4),), (0, 2), True), ((()  ,), None, False), (((0, 3),), 0, False),
        (((0, 3),), 1, False))),),
    flops=lambda x, **_: 4 * x.size, doc="log(sum(exp(x))) over dimensions, without overflow.",
    reference=lambda x, *, axis, keepdims: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)),
)  # fmt: skip

# ---------------------------------------------------------------- norms


def _norm(xp: Any, x: Any, *, p: float = 2.0, axis: Any = None, keepdims: Any = False) -> Any:
    how = dict(axis=axis, keepdims=keepdims)
    if p == 2:
        return xp.sqrt(xp.add.reduce(x * x, **how))
    size = xp.absolute(x)
    if p == 1:
        return xp.add.reduce(size, **how)
    if p == 0:
        return xp.add.reduce((x != 0).astype(x.dtype), **how)
    if p in (float("inf"), -float("inf")):
        return xp.max(size, **how) if p > 0 else xp.min(size, **how)
    return xp.add.reduce(size ** x.dtype.type(p), **how) ** x.dtype.type(1 / p)


def norm_slope(F: Any, g: Any, x: Any, out: Any, p: float, axis: Any) -> Any:
    """The gradient of a p-norm, for ``g`` and ``out`` with the reduced dimensions kept."""
    zero = F.zero(x)
    flat = out == 0
    whole = F.where(flat, zero + 1, out)
    if p == 2:  # first: the formula that a card shows is the one of the usual norm
        return F.where(flat, zero, x * (g / whole))
    if p == 0:
        return F.zeros_grad(x)
    if p == 1:
        return g * F.sign(x)
    if p in (float("inf"), -float("inf")):
        hit = F.cast(F.abs(x) == out, dtype=x.dtype.name)
        share = F.sum(hit, axis=axis, keepdims=True, shape=tuple(x.shape))
        return F.sign(x) * hit * (g / share)
    bare = x == 0
    steep = F.abs(F.where(bare, zero + 1, x)) ** (p - 1)
    return F.where(bare | flat, zero, F.sign(x) * steep * (g / whole ** (p - 1)))


def _norm_vjp(F: Any, g: Any, x: Any, out: Any, p: float, axis: Any, keepdims: Any) -> Any:
    g, out = (kept(F, v, x.shape, axis, keepdims) for v in (g, out))
    return norm_slope(F, g, x, out, p, axis)


norm = Op(
    "norm", _norm, tex=r"\|{x}\|", family="reduce", vjp=dict(x=_norm_vjp),
    samples=(
        *(arrays((3, 4), p=p, axis=1) for p in (2.0, 1.0, 3.0, 0.5, 1.5, float("inf"), -float("inf"), 0.0)),
        arrays((2, 3, 4), p=2.0, axis=(0, 2), keepdims=True), arrays((3,), p=2.0), arrays((), p=2.0),
        arrays((0, 3), p=2.0, axis=0),
    ),
    flops=lambda x, **_: 2 * x.size, doc="The p-norm over dimensions, of all elements as one vector.",
)  # fmt: skip

ROWS = [var, std, var_mean, std_mean, logsumexp, norm]
