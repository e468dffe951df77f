"""Functions of one element: exponentials, logarithms, circular and hyperbolic functions."""

from __future__ import annotations

from math import log as _ln
from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.ops.samples import NORMAL, POSITIVE, arrays
from graphscope.ops.scalars import scalar, zero

LN2, LN10 = _ln(2), _ln(10)
_INSIDE = (arrays((3, 4), low=-0.9, high=0.9), arrays((), low=-0.9, high=0.9), arrays((0, 3)))
_ABOVE_ONE = (arrays((3, 4), low=1.2, high=3.0), arrays((), low=1.2, high=3.0), arrays((0, 3)))


def _one(
    name: str, ufunc: Any, tex: str, gradient: Any, doc: str, samples: Any = NORMAL, **more: Any
) -> Op:
    """A differentiable function of one element; integers become floating first."""
    more = {"floats": True, **more}
    if isinstance(ufunc, str):
        more["inputs"] = "x"
    return Op(
        name, ufunc, tex=tex, vjp=dict(x=gradient), jvp="elementwise", samples=samples,
        doc=doc, **more,
    )  # fmt: skip


# ---------------------------------------------------------------- exponentials and logarithms

exp = _one("exp", "exp", r"e^{{{x}}}", lambda F, g, out: g * out, "Exponential.")
exp2 = _one("exp2", "exp2", r"2^{{{x}}}", lambda F, g, out: g * out * LN2, "Two to the power x.")
expm1 = _one(
    "expm1", "expm1", r"e^{{{x}}} - 1", lambda F, g, out: g * (out + 1),
    "exp(x) - 1, exact also near 0.",
)  # fmt: skip
log = _one("log", "log", r"\ln {x}", lambda F, g, x: g / x, "Natural logarithm.", POSITIVE)
log2 = _one(
    "log2", "log2", r"\log_2 {x}", lambda F, g, x: g / (x * LN2), "Logarithm to base 2.", POSITIVE
)
log10 = _one(
    "log10", "log10", r"\log_{{10}} {x}", lambda F, g, x: g / (x * LN10), "Logarithm to base 10.",
    POSITIVE,
)  # fmt: skip
log1p = _one(
    "log1p", "log1p", r"\ln(1 + {x})", lambda F, g, x: g / (x + 1),
    "log(1 + x), exact also near 0.", POSITIVE,
)  # fmt: skip
sqrt = _one(
    "sqrt", "sqrt", r"\sqrt{{{x}}}", lambda F, g, out: g / (2 * out), "Square root.", POSITIVE
)
rsqrt = _one(
    "rsqrt", lambda xp, x: x.dtype.type(1) / xp.sqrt(x), r"1 / \sqrt{{{x}}}",
    lambda F, g, out: g * (out * out * out) * -0.5, "1 / sqrt(x).", POSITIVE,
    reference=lambda x: x**-0.5,
)  # fmt: skip

# ---------------------------------------------------------------- circular functions

sin = _one("sin", "sin", r"\sin {x}", lambda F, g, x: g * F.cos(x), "Sine of radians.")
cos = _one("cos", "cos", r"\cos {x}", lambda F, g, x: -g * F.sin(x), "Cosine of radians.")
tan = _one(
    "tan", "tan", r"\tan {x}", lambda F, g, out: g * (out * out + 1), "Tangent of radians.",
    (arrays((3, 4), low=-1.2, high=1.2), arrays((), low=-1.2, high=1.2), arrays((0, 3))),
)  # fmt: skip
asin = _one(
    "asin", "arcsin", r"\arcsin {x}", lambda F, g, x: g * F.rsqrt(1 - x * x), "Inverse sine.", _INSIDE
)  # fmt: skip
acos = _one(
    "acos", "arccos", r"\arccos {x}", lambda F, g, x: -g * F.rsqrt(1 - x * x), "Inverse cosine.",
    _INSIDE,
)  # fmt: skip
atan = _one("atan", "arctan", r"\arctan {x}", lambda F, g, x: g / (x * x + 1), "Inverse tangent.")


def _atan2_share(F: Any, g: Any, num: Any, a: Any, b: Any) -> Any:
    # At the origin there is no direction; torch says the gradient is 0.
    size = a * a + b * b
    return g * num * F.where(size == 0, F.zero(g), 1 / size)


atan2 = Op(
    "atan2", "arctan2", inputs="a b", tex=r"\mathrm{{atan2}}({a}, {b})", broadcast=True, floats=True,
    vjp=dict(
        a=lambda F, g, a, b: _atan2_share(F, g, b, a, b),
        b=lambda F, g, a, b: _atan2_share(F, g, -a, a, b),
    ),
    jvp="elementwise",
    samples=(arrays((3, 4), (4,), low=0.3), arrays((3, 1), (1, 4), low=0.3), arrays((), (0,))),
    doc="The angle of the point (b, a), in (-pi, pi].",
)  # fmt: skip

# ---------------------------------------------------------------- hyperbolic functions

sinh = _one("sinh", "sinh", r"\sinh {x}", lambda F, g, x: g * F.cosh(x), "Hyperbolic sine.")
cosh = _one("cosh", "cosh", r"\cosh {x}", lambda F, g, x: g * F.sinh(x), "Hyperbolic cosine.")
tanh = _one(
    "tanh",
    "tanh",
    r"\tanh {x}",
    lambda F, g, out: g * (scalar(1, out) - out * out),
    "Hyperbolic tangent.",
)
asinh = _one(
    "asinh", "arcsinh", r"\mathrm{{asinh}}\,{x}", lambda F, g, x: g * F.rsqrt(x * x + 1),
    "Inverse hyperbolic sine.",
)  # fmt: skip
acosh = _one(
    "acosh", "arccosh", r"\mathrm{{acosh}}\,{x}", lambda F, g, x: g * F.rsqrt(x * x - 1),
    "Inverse hyperbolic cosine.", _ABOVE_ONE,
)  # fmt: skip
atanh = _one(
    "atanh", "arctanh", r"\mathrm{{atanh}}\,{x}", lambda F, g, x: g / (1 - x * x),
    "Inverse hyperbolic tangent.", _INSIDE,
)  # fmt: skip


def _sigmoid(xp: Any, x: Any) -> Any:
    # 0.5 tanh(x / 2) + 0.5 is 1 / (1 + exp(-x)) without overflow for any x.
    half = x.dtype.type(0.5)
    return xp.tanh(x * half) * half + half


sigmoid = _one(
    "sigmoid", _sigmoid, r"\sigma({x})", lambda F, g, out: g * (out * (1 - out)),
    "Logistic function 1 / (1 + exp(-x)).",
    reference=lambda x: 1 / (1 + np.exp(-x)),
)  # fmt: skip


def _logit(xp: Any, x: Any, *, eps: Any = None) -> Any:
    if eps is not None:
        low = x.dtype.type(eps)
        x = xp.minimum(xp.maximum(x, low), x.dtype.type(1) - low)
    return xp.log(x / (1 - x))


def _logit_vjp(F: Any, g: Any, x: Any, eps: Any) -> Any:
    slope = g / (x * (1 - x))
    if eps is None:
        return F.where((x < 0) | (x > 1), F.zero(g) + float("nan"), slope)
    return F.where((x < eps) | (x > 1 - eps), F.zero(g), slope)


_UNIT = dict(low=0.1, high=0.9)
logit = Op(
    "logit", _logit, tex=r"\mathrm{{logit}}({x})", floats=True, vjp=dict(x=_logit_vjp),
    jvp="elementwise",
    samples=(arrays((3, 4), eps=None, **_UNIT), arrays((3,), eps=0.3, **_UNIT), arrays((0,), eps=None)),
    doc="log(x / (1 - x)), the inverse of sigmoid; eps limits x to [eps, 1 - eps].",
)  # fmt: skip

relu = Op(
    "relu", lambda xp, x: xp.maximum(x, zero(x)), tex=r"\max({x}, 0)",
    vjp=dict(x=lambda F, g, out: g * (out > zero(out))),
    jvp="elementwise", samples=NORMAL, kinks=lambda x: x == 0, doc="The positive part.",
)  # fmt: skip

# ---------------------------------------------------------------- degrees

_DEGREE = 0.017453292519943295
deg2rad = _one(
    "deg2rad", lambda xp, x: x * x.dtype.type(_DEGREE), r"\frac{{\pi}}{{180}}{x}",
    lambda F, g: g * _DEGREE, "Degrees to radians.",
)  # fmt: skip
rad2deg = _one(
    "rad2deg", lambda xp, x: x * x.dtype.type(1 / _DEGREE), r"\frac{{180}}{{\pi}}{x}",
    lambda F, g: g * (1 / _DEGREE), "Radians to degrees.",
)  # fmt: skip

ROWS = [
    exp, exp2, expm1, log, log2, log10, log1p, sqrt, rsqrt, sin, cos, tan, asin, acos, atan, atan2,
    sinh, cosh, tanh, asinh, acosh, atanh, sigmoid, logit, relu, deg2rad, rad2deg,
]  # fmt: skip
