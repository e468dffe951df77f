"""Running sums, products and extremes along a dimension, differences, and their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.ops.samples import arrays, made

_AXIS = (
    arrays((3, 4), axis=1), arrays((3, 4), axis=0), arrays((2, 3, 2), axis=-2), arrays((), axis=0),
    arrays((0, 3), axis=0), arrays((0, 3), axis=1),
)  # fmt: skip


def _cumsum(xp: Any, x: Any, *, axis: int) -> Any:
    return xp.cumsum(x, axis=axis) if x.ndim else x.copy()


def backwards(F: Any, x: Any, axis: int) -> Any:
    """The running sum from the end, which is the gradient of the running sum."""
    if not x.ndim:
        return x
    return F.flip(F.cumsum(F.flip(x, axis=(axis,)), axis=axis), axis=(axis,))


cumsum = Op(
    "cumsum", _cumsum, tex=r"\mathrm{{cumsum}}({x})", family="reduce",
    vjp=dict(x=lambda F, g, axis: backwards(F, g, axis)), jvp="multilinear", samples=_AXIS,
    doc="Running sum along a dimension.",
)  # fmt: skip


def _cumprod(xp: Any, x: Any, *, axis: int) -> Any:
    return xp.cumprod(x, axis=axis) if x.ndim else x.copy()


def _cumprod_vjp(F: Any, g: Any, x: Any, out: Any, axis: int) -> Any:
    if not x.ndim or not x.size:
        return g
    if not bool((x == 0).any()):
        return backwards(F, g * out, axis) / x
    # With a zero among them: all n * n products that leave one element out.
    n, at = x.shape[axis], axis % x.ndim
    axes = tuple(i for i in range(x.ndim) if i != at) + (at,)
    back = tuple(axes.index(i) for i in range(x.ndim))
    moved = F.transpose(x, axes=axes)
    lead = tuple(moved.shape)[:-1]
    below = F.tril_like(x, n=n)
    rows = F.reshape(moved, shape=(*lead, 1, n), was=tuple(moved.shape))
    others = F.prod_others(F.where(below, rows, F.zero(x) + 1), axis=len(lead) + 1)
    flow = F.reshape(F.transpose(g, axes=axes), shape=(*lead, n, 1), was=tuple(moved.shape))
    flow = flow * F.where(below, others, F.zero(x))
    return F.transpose(
        F.sum(flow, axis=len(lead), keepdims=False, shape=tuple(flow.shape)), axes=back
    )


cumprod = Op(
    "cumprod", _cumprod, tex=r"\mathrm{{cumprod}}({x})", family="reduce", vjp=dict(x=_cumprod_vjp),
    samples=(
        *_AXIS, made(lambda r: ([[2.0, 0.0, 3.0, 0.0, 1.5], [1.0, 2.0, 3.0, -1.0, 0.0]],), axis=1),
    ),
    doc="Running product along a dimension.",
)  # fmt: skip
tril_like = Op(
    "tril_like", lambda xp, x, *, n: xp.tril(xp.ones((n, n), bool)), tex="L", family="other",
    samples=(arrays((2,), n=3),), flops=lambda *a, **k: 0, doc="A mask of the lower triangle, where x lives.",
)  # fmt: skip

# ---------------------------------------------------------------- running extremes


def _running(xp: Any, x: Any, axis: int, ufunc: str) -> Any:
    """A running ``ufunc``. Devices have no accumulate for it: there, log2(n) steps of doubling width."""
    if xp is np:
        return getattr(np, ufunc).accumulate(x, axis=axis)
    out, step, n = xp.moveaxis(x, axis, -1).copy(), 1, x.shape[axis]
    while step < n:
        joined = getattr(xp, ufunc)(out[..., step:], out[..., :-step])
        out = xp.concatenate((out[..., :step], joined), axis=-1)
        step *= 2
    return xp.moveaxis(out, -1, axis)


def _cumulative(name: str, ufunc: str, doc: str) -> Op:
    def kernel(xp: Any, x: Any, *, axis: int, was: Any = None) -> Any:
        if not x.ndim:
            at = xp.zeros((), "int64")
            return (x.copy(), at), at
        values = _running(xp, x, axis, ufunc)
        shape = [1] * x.ndim
        shape[axis] = -1
        place = xp.arange(x.shape[axis]).reshape(shape)
        # an element is its own extreme where it equals the running one: the last such place counts
        own = (x == values) | (x != x)
        at = _running(xp, xp.where(own, place, 0), axis, "maximum")
        return (values, at), at

    def vjp(F: Any, g: Any, aux: Any, axis: int, was: Any) -> Any:
        return F.put_along(g[0], aux, axis=axis, shape=was, add=True) if was else g[0]

    return Op(
        name, kernel, tex=rf"\mathrm{{{{{name}}}}}({{x}})", family="reduce", vjp=dict(x=vjp), multi=True,
        aux=True, values=("was",),
        samples=(arrays((3, 4), axis=1, was=(3, 4)), arrays((5, 2), axis=0, was=(5, 2)), arrays((), axis=0, was=()),
                 arrays((0, 3), axis=1, was=(0, 3))), doc=doc,
    )  # fmt: skip


cummax = _cumulative("cummax", "maximum", "Running maximum and where it is.")
cummin = _cumulative("cummin", "minimum", "Running minimum and where it is.")


def _logcumsumexp(xp: Any, x: Any, *, axis: int) -> Any:
    return _running(xp, x, axis, "logaddexp") if x.ndim else x.copy()


def _logcumsumexp_vjp(F: Any, g: Any, x: Any, out: Any, axis: int) -> Any:
    if not x.ndim:
        return g

    # sum over i >= k of g_i exp(x_k - out_i), for positive and negative g apart, in logarithms
    def part(flow: Any) -> Any:
        there = flow > 0
        low = F.zero(g) - float("inf")
        logs = F.where(there, F.log(F.where(there, flow, F.zero(g) + 1)) - out, low)
        turned = F.flip(F.logcumsumexp(F.flip(logs, axis=(axis,)), axis=axis), axis=(axis,))
        return F.exp(turned + x)

    return part(g) - part(-g)


logcumsumexp = Op(
    "logcumsumexp", _logcumsumexp, tex=r"\ln\,\mathrm{{cumsum}}(e^{{{x}}})", family="reduce", floats=True,
    vjp=dict(x=_logcumsumexp_vjp), samples=_AXIS, flops=lambda x, **_: 4 * x.size,
    doc="The logarithm of the running sum of exponentials, without overflow.",
    reference=lambda x, *, axis: np.log(np.cumsum(np.exp(x), axis=axis)) if x.ndim else x,
)  # fmt: skip

# ---------------------------------------------------------------- differences


def _cut(ndim: int, axis: int, part: slice) -> Any:
    index = [slice(None)] * ndim
    index[axis] = part
    return tuple(index)


def _diff(xp: Any, x: Any, *, n: int = 1, axis: int = -1) -> Any:
    high, low = _cut(x.ndim, axis, slice(1, None)), _cut(x.ndim, axis, slice(None, -1))
    for _ in range(n):
        x = xp.not_equal(x[high], x[low]) if x.dtype.kind == "b" else x[high] - x[low]
    return x.copy() if n == 0 else x


def _diff_grad(xp: Any, g: Any, *, n: int = 1, axis: int = -1) -> Any:
    pad = list(g.shape)
    pad[axis] = n
    zeros = xp.zeros(pad, g.dtype)
    out = _diff(xp, xp.concatenate((zeros, g, zeros), axis=axis), n=n, axis=axis)
    return -out if n % 2 else out


_DIFF = (arrays((3, 4), n=1, axis=1), arrays((5, 2), n=2, axis=0), arrays((4,), n=3, axis=-1))
diff = Op(
    "diff", _diff, tex=r"\Delta {x}", family="shape", jvp="multilinear",
    vjp=dict(x=lambda F, g, n, axis: F.diff_grad(g, n=n, axis=axis)),
    samples=(*_DIFF, arrays((3, 1), n=1, axis=1)), flops=lambda x, n=1, **_: n * x.size,
    doc="Differences of neighbours along a dimension, n times.",
    reference=lambda x, *, n, axis: np.diff(x, n=n, axis=axis),
)  # fmt: skip
diff_grad = Op(
    "diff_grad", _diff_grad, tex=r"\Delta^T {g}", family="shape", jvp="multilinear",
    vjp=dict(g=lambda F, h, n, axis: F.diff(h, n=n, axis=axis)), samples=_DIFF, doc="The gradient of diff.",
)  # fmt: skip

ROWS = [
    cumsum, cumprod, tril_like, cummax, cummin, logcumsumexp, diff, diff_grad,
]  # fmt: skip
