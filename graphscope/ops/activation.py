"""The activation functions: each one row, with a gradient that neither overflows nor cancels.

Exponentials are taken of numbers that are not positive, so that a branch which is not chosen stays
finite; derivatives at a kink are torch's.
"""

from __future__ import annotations

import math
from typing import Any

from graphscope.engine.op import Op
from graphscope.ops import special
from graphscope.ops.samples import arrays, made


def _shapes(**params: Any) -> tuple[Any, ...]:
    return (
        arrays((3, 4), low=-4, high=4, **params),
        arrays((), low=-4, high=4, **params),
        arrays((0, 3), **params),
    )


def _row(
    name: str, tex: str, kernel: Any, vjp: Any, doc: str, samples: Any = (), **more: Any
) -> Op:
    return Op(
        name, kernel, tex=tex, vjp=dict(x=vjp), floats=True, jvp="elementwise",
        samples=samples or _shapes(), doc=doc, **more,
    )  # fmt: skip


# ---------------------------------------------------------------- straight pieces


def _leaky(xp: Any, x: Any, *, slope: float) -> Any:
    # Where signs are mixed a choice by mask takes ten times as long as a maximum.
    return xp.maximum(x, x * slope) if slope <= 1 else xp.minimum(x, x * slope)


def _leaky_vjp(F: Any, g: Any, x: Any, slope: float) -> Any:
    # The sign is 1 above 0, and 0 or -1 elsewhere.
    if 0 <= slope <= 1:
        return g * F.maximum(F.sign(x), slope)
    return g * (x > 0) + g * slope * (x <= 0)


leaky_relu = _row(
    "leaky_relu", r"\mathrm{{leaky\,relu}}({x})", _leaky, _leaky_vjp,
    "x where it is positive, else slope * x.", (*_shapes(slope=0.01), arrays((3, 4), slope=-0.5), arrays((3, 4), slope=2.0)),
    kinks=lambda x: x == 0,
)  # fmt: skip


def _hardtanh(xp: Any, x: Any, *, min_val: float, max_val: float) -> Any:
    return xp.minimum(xp.maximum(x, min_val), max_val)


hardtanh = _row(
    "hardtanh", r"\mathrm{{hardtanh}}({x})", _hardtanh,
    lambda F, g, x, min_val, max_val: g * ((x > min_val) & (x < max_val)),
    "Limit to [min_val, max_val]; relu6 is [0, 6].", (*_shapes(min_val=-1.0, max_val=1.0), *_shapes(min_val=0.0, max_val=6.0)),
)  # fmt: skip

hardsigmoid = _row(
    "hardsigmoid", r"\mathrm{{hardsigmoid}}({x})",
    lambda xp, x: xp.minimum(xp.maximum(x + 3, 0), 6) / 6,
    lambda F, g, x: g * ((x > -3) & (x < 3)) / 6,
    "A sigmoid of three straight pieces.",
)  # fmt: skip


def _hardswish_vjp(F: Any, g: Any, x: Any) -> Any:
    inside = F.minimum(F.maximum(x, -3), 3) / 3 + 0.5
    return g * inside * ((x > -3) & (x < 3)) + g * (x >= 3)


hardswish = _row(
    "hardswish", r"\mathrm{{hardswish}}({x})",
    lambda xp, x: x * xp.minimum(xp.maximum(x + 3, 0), 6) / 6,
    _hardswish_vjp,
    "x * hardsigmoid(x).",
)  # fmt: skip

hardshrink = _row(
    "hardshrink", r"\mathrm{{hardshrink}}({x})",
    lambda xp, x, *, lambd: x * ((x > lambd) | (x < -lambd)),
    lambda F, g, x, lambd: g * ((x > lambd) | (x < -lambd)),
    "x, but 0 where |x| <= lambd.", _shapes(lambd=0.5),
)  # fmt: skip

softshrink = _row(
    "softshrink", r"\mathrm{{softshrink}}({x})",
    lambda xp, x, *, lambd: xp.maximum(x - lambd, 0) + xp.minimum(x + lambd, 0),
    lambda F, g, x, lambd: g * ((x > lambd) | (x < -lambd)),
    "x moved towards 0 by lambd.", _shapes(lambd=0.5),
)  # fmt: skip

threshold = _row(
    "threshold", r"\mathrm{{threshold}}({x})",
    lambda xp, x, *, threshold, value: xp.where(x > threshold, x, x.dtype.type(value)),
    lambda F, g, x, threshold: g * (x > threshold),
    "x where it is above the threshold, else a value.", _shapes(threshold=0.1, value=20.0),
)  # fmt: skip

prelu = Op(
    "prelu", lambda xp, x, w: xp.maximum(x, 0) + w * xp.minimum(x, 0), tex=r"\mathrm{{prelu}}({x})", broadcast=True, floats=True,
    vjp=dict(
        x=lambda F, g, x, w: g * (x > 0) + g * w * (x <= 0),
        w=lambda F, g, x: g * x * (x <= 0),
    ),
    jvp="elementwise", samples=(arrays((3, 4), (1,)), arrays((2, 3, 4), (1, 3, 1)), arrays((0, 4), (1, 4))),
    doc="x where it is positive, else w * x with a learnt slope w.",
)  # fmt: skip

rrelu = Op(
    "rrelu", lambda xp, x, slope: xp.maximum(x, 0) + slope * xp.minimum(x, 0), tex=r"\mathrm{{rrelu}}({x})",
    vjp=dict(x=lambda F, g, x, slope: g * (x > 0) + g * slope * (x <= 0)), jvp="elementwise",
    samples=(made(lambda r: (r.normal(size=(3, 4)), r.uniform(0.1, 0.3, (3, 4)))),),
    doc="x where it is positive, else x times a random slope of each element.",
)  # fmt: skip


# ---------------------------------------------------------------- smooth ones


def _elu(xp: Any, x: Any, *, alpha: float, scale: float, speed: float) -> Any:
    # Where signs are mixed a choice by mask takes ten times as long as a maximum.
    return xp.maximum(x, 0) * scale + xp.expm1(xp.minimum(x, 0) * speed) * (alpha * scale)


def _elu_vjp(F: Any, g: Any, x: Any, alpha: float, scale: float, speed: float) -> Any:
    slope = alpha * scale * speed
    # Above 0 the exponential is 1, so that only the difference of the two slopes is missing there.
    out = g * (F.exp(F.minimum(x, 0) * speed) * slope)
    return out if slope == scale else out + g * (x > 0) * (scale - slope)


elu = _row(
    "elu", r"\mathrm{{elu}}({x})", _elu, _elu_vjp,
    "scale * x where it is positive, else scale * alpha * (exp(speed * x) - 1).",
    (*_shapes(alpha=1.5, scale=1.0, speed=1.0), arrays((3, 4), alpha=2.0, scale=1.05, speed=0.5)),
    kinks=lambda x: x == 0,
)  # fmt: skip


def _sigmoid(xp: Any, x: Any) -> Any:
    half = x.dtype.type(0.5)
    return xp.tanh(x * half) * half + half


silu = _row(
    "silu", r"{x}\,\sigma({x})", lambda xp, x: x * _sigmoid(xp, x), lambda F, g, x: _silu_vjp(F, g, x),
    "x * sigmoid(x), also called swish.",
)  # fmt: skip


def _silu_vjp(F: Any, g: Any, x: Any) -> Any:
    s = F.sigmoid(x)
    return g * (s * (1 + x * (1 - s)))


def _soft(xp: Any, x: Any) -> Any:
    """ln(1 + e^x) without overflow."""
    return xp.maximum(x, 0) + xp.log1p(xp.exp(-xp.absolute(x)))


def _softplus(xp: Any, x: Any, *, beta: float, threshold: float) -> Any:
    z = x * beta
    return xp.where(z > threshold, x, _soft(xp, z) / beta)


softplus = _row(
    "softplus", r"\mathrm{{softplus}}({x})", _softplus,
    lambda F, g, x, beta, threshold: F.where(x * beta > threshold, g, g * F.sigmoid(x * beta)),
    "ln(1 + exp(beta x)) / beta; x itself where beta x is above the threshold.",
    (*_shapes(beta=1.0, threshold=20.0), arrays((3, 4), low=-4, high=4, beta=2.0, threshold=3.0)),
    kinks=lambda x, **_: False,
)  # fmt: skip

logsigmoid = _row(
    "logsigmoid", r"\ln\sigma({x})", lambda xp, x: -_soft(xp, -x),
    lambda F, g, x: g * F.sigmoid(-x), "The logarithm of the sigmoid, without underflow.",
)  # fmt: skip


def _mish_vjp(F: Any, g: Any, x: Any) -> Any:
    t = F.tanh(F.softplus(x, beta=1.0, threshold=math.inf))
    return g * (t + x * F.sigmoid(x) * (1 - t * t))


mish = _row(
    "mish", r"{x}\tanh\mathrm{{softplus}}({x})", lambda xp, x: x * xp.tanh(_soft(xp, x)), _mish_vjp,
    "x * tanh(softplus(x)).",
)  # fmt: skip


def _softsign_vjp(F: Any, g: Any, x: Any) -> Any:
    d = 1 + F.abs(x)
    return g / (d * d)


softsign = _row(
    "softsign", r"\frac{{{x}}}{{1 + |{x}|}}", lambda xp, x: x / (1 + xp.absolute(x)), _softsign_vjp,
    "x / (1 + |x|).",
)  # fmt: skip


def _tanhshrink_vjp(F: Any, g: Any, x: Any) -> Any:
    t = F.tanh(x)
    return g * (t * t)


tanhshrink = _row(
    "tanhshrink", r"{x} - \tanh {x}", lambda xp, x: x - xp.tanh(x), _tanhshrink_vjp, "x - tanh(x)."
)

_K, _C = math.sqrt(2 / math.pi), 0.044715


def _gelu_tanh(xp: Any, x: Any) -> Any:
    return 0.5 * x * (1 + xp.tanh(_K * (x + _C * x * x * x)))


def _gelu_tanh_vjp(F: Any, g: Any, x: Any) -> Any:
    t = F.tanh(_K * (x + _C * x * x * x))
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * (_K + 3 * _C * _K * x * x))


gelu_tanh = _row(
    "gelu_tanh", r"\mathrm{{gelu}}({x})", _gelu_tanh, _gelu_tanh_vjp,
    "x times the normal distribution function, approximated with tanh.",
)  # fmt: skip


_HALF = math.sqrt(0.5)


# Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 7.1.26, with an error of 1.5e-7.
_P, _TAIL = 0.3275911, (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


def _normal_cdf(xp: Any, x: Any) -> Any:
    if x.dtype == "float64":
        return 0.5 * (1 + special.erf.kernel(xp, x * _HALF))  # type: ignore[operator]
    y = xp.absolute(x) * _HALF
    t = 1 / (1 + y * _P)
    tail = t * _TAIL[4]
    for factor in _TAIL[3::-1]:
        tail = (tail + factor) * t
    tail = tail * xp.exp(-y * y)
    return xp.copysign(0.5 - 0.5 * tail, x) + 0.5


def _density(F: Any, x: Any) -> Any:
    return F.exp(-0.5 * (x * x)) * (1 / math.sqrt(2 * math.pi))


normal_cdf = _row(
    "normal_cdf", r"\Phi({x})", _normal_cdf, lambda F, g, x: g * _density(F, x),
    "The distribution function of the normal distribution.",
)  # fmt: skip


def _gelu_vjp(F: Any, g: Any, x: Any) -> Any:
    return g * (F.normal_cdf(x) + x * _density(F, x))


gelu = _row(
    "gelu", r"\mathrm{{gelu}}({x})", lambda xp, x: x * _normal_cdf(xp, x), _gelu_vjp,
    "x times the normal distribution function of it.",
)  # fmt: skip


# ---------------------------------------------------------------- gates


def _halves(xp: Any, x: Any, *, axis: int) -> Any:
    a, b = xp.split(x, 2, axis=axis)
    return a * _sigmoid(xp, b)


def _half(F: Any, x: Any, axis: int, k: int) -> Any:
    n = x.shape[axis] // 2
    cut = [slice(None)] * x.ndim
    cut[axis] = slice(k * n, (k + 1) * n)
    return F.getitem(x, index=tuple(cut), was=tuple(x.shape))


def _glu_vjp(F: Any, g: Any, x: Any, axis: int) -> Any:
    s = F.sigmoid(_half(F, x, axis, 1))
    ga = g * s
    n = x.shape[axis] // 2
    return F.cat(ga, ga * _half(F, x, axis, 0) * (1 - s), axis=axis, sizes=(n, n))


glu = Op(
    "glu", _halves, tex=r"\mathrm{{glu}}({x})", floats=True, vjp=dict(x=_glu_vjp),
    samples=(arrays((3, 4), axis=-1), arrays((4, 3), axis=0), arrays((0, 4), axis=1)),
    doc="The first half times the sigmoid of the second half.",
)  # fmt: skip

ROWS = [
    leaky_relu, hardtanh, hardsigmoid, hardswish, hardshrink, softshrink, threshold, prelu, rrelu, elu, silu,
    softplus, logsigmoid, mish, softsign, tanhshrink, gelu_tanh, normal_cdf, gelu, glu,
]  # fmt: skip
