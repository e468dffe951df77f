"""Softmax along a dimension, and its logarithm."""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op
from graphscope.ops.samples import arrays


def sum_along(F: Any, x: Any, axis: int) -> Any:
    """Sum over one dimension, which stays with size 1."""
    return F.sum(x, axis=axis, keepdims=True, shape=tuple(x.shape))


def softmax_kernel(xp: Any, x: Any, *, axis: int) -> Any:
    if not x.size:
        return x.copy()
    # Without the maximum exp overflows from 89 on in float32; the result does not change.
    out = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    out /= xp.add.reduce(out, axis=axis, keepdims=True)
    return out


def _log_softmax(xp: Any, x: Any, *, axis: int) -> Any:
    if not x.size:
        return x.copy()
    shifted = x - xp.max(x, axis=axis, keepdims=True)
    return shifted - xp.log(xp.add.reduce(xp.exp(shifted), axis=axis, keepdims=True))


_AXES = (
    arrays((3, 4), axis=1),
    arrays((3, 4), axis=0),
    arrays((2, 3, 4), axis=-1),
    arrays((0, 4), axis=1),
)

softmax = Op(
    "softmax", softmax_kernel, tex=r"\mathrm{{softmax}}({x})", floats=True, family="pointwise",
    vjp=dict(x=lambda F, g, out, axis: out * (g - sum_along(F, g * out, axis))),
    samples=_AXES, flops=lambda x, **_: 5 * x.size, doc="exp(x) normalised to sum 1 along a dimension.",
)  # fmt: skip

log_softmax = Op(
    "log_softmax", _log_softmax, tex=r"\ln\mathrm{{softmax}}({x})", floats=True, family="pointwise",
    vjp=dict(x=lambda F, g, out, axis: g - F.exp(out) * sum_along(F, g, axis)),
    samples=_AXES, flops=lambda x, **_: 5 * x.size, doc="The logarithm of softmax, without underflow.",
)  # fmt: skip

ROWS = [softmax, log_softmax]
