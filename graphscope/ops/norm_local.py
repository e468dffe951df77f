"""Normalisation by a root mean square, and by neighbouring channels."""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op
from graphscope.ops.reduce import reduced_count
from graphscope.ops.samples import arrays


def _rms(xp: Any, x: Any, w: Any = None, *, axes: Any, eps: float) -> Any:
    n = x.dtype.type(max(1, reduced_count(x.shape, axes)))
    square = xp.add.reduce(x * x, axis=axes, keepdims=True) / n
    out = x * (1 / xp.sqrt(square + x.dtype.type(eps)))
    if w is not None:
        out *= w
    return out


def _scale(F: Any, x: Any, axes: Any, eps: float) -> Any:
    return 1 / F.sqrt(F.mean(x * x, axis=axes, keepdims=True, shape=x.shape) + eps)


def _rms_x(F: Any, g: Any, x: Any, w: Any, axes: Any, eps: float) -> Any:
    r = _scale(F, x, axes, eps)
    gw = g if w is None else g * w
    along = F.mean(gw * x, axis=axes, keepdims=True, shape=x.shape)
    return r * gw - x * (r * r * r * along)


def _rms_w(F: Any, g: Any, x: Any, axes: Any, eps: float) -> Any:
    got = g * x * _scale(F, x, axes, eps)
    lead = tuple(range(x.ndim - len(axes)))
    return F.sum(got, axis=lead, keepdims=False, shape=x.shape) if lead else got


rms_norm = Op(
    "rms_norm", _rms, tex=r"\frac{{ {x} }}{{ \mathrm{{rms}} }}\gamma", family="reduce",
    vjp=dict(x=_rms_x, w=_rms_w), flops=lambda x, *r, **_: 4 * x.size,
    samples=(
        arrays((3, 4), (4,), axes=(1,), eps=1e-5), arrays((2, 3, 4), (3, 4), axes=(1, 2), eps=1e-5),
        arrays((5,), axes=(0,), eps=1e-5),
    ),
    doc="Divide by the root of the mean square over the last dimensions.",
)  # fmt: skip


def _window(xp: Any, x: Any, *, size: int, before: int) -> Any:
    out = xp.zeros_like(x)
    c = x.shape[1]
    for k in range(size):
        shift = k - before  # out[i] gets x[i + shift]
        lo, hi = max(0, -shift), min(c, c - shift)
        if hi > lo:
            out[:, lo:hi] += x[:, lo + shift : hi + shift]
    return out


channel_window_sum = Op(
    "channel_window_sum", _window, tex=r"\sum_{{window}} {x}", family="reduce",
    vjp=dict(x=lambda F, g, size, before: F.channel_window_sum(g, size=size, before=size - 1 - before)),
    samples=(arrays((2, 5, 3), size=3, before=1), arrays((2, 4, 2), size=4, before=2)),
    flops=lambda x, size, **_: size * x.size, doc="The sum over neighbouring channels.",
)  # fmt: skip


def _base(F: Any, x: Any, size: int, alpha: float, k: float) -> Any:
    return F.channel_window_sum(x * x, size=size, before=size // 2) * (alpha / size) + k


def _local(xp: Any, x: Any, *, size: int, alpha: float, beta: float, k: float) -> Any:
    base = _window(xp, x * x, size=size, before=size // 2)
    base *= x.dtype.type(alpha / size)
    base += x.dtype.type(k)
    return x * base ** x.dtype.type(-beta)


def _local_x(F: Any, g: Any, x: Any, size: int, alpha: float, beta: float, k: float) -> Any:
    base = _base(F, x, size, alpha, k)
    back = F.channel_window_sum(g * x * base ** (-beta - 1), size=size, before=size - 1 - size // 2)
    return g * base**-beta - x * back * (2 * alpha * beta / size)


local_response_norm = Op(
    "local_response_norm", _local, tex=r"\frac{{ {x} }}{{ (k + \alpha \sum x^2)^\beta }}", family="reduce",
    vjp=dict(x=_local_x), flops=lambda x, size, **_: (size + 4) * x.size,
    samples=(
        arrays((2, 5, 3), size=3, alpha=0.1, beta=0.75, k=1.0),
        arrays((1, 6, 2, 2), size=4, alpha=0.3, beta=0.5, k=2.0),
    ),
    doc="Divide by the activity of neighbouring channels (AlexNet).",
)  # fmt: skip

ROWS = [rms_norm, channel_window_sum, local_response_norm]
