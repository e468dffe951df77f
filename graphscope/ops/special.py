"""Functions beyond the elementary ones: the error function and its kin, logarithms of sums.

numpy has no error function, so it is computed here from rational approximations, for whole arrays.
"""

from __future__ import annotations

import math
from math import log, pi, sqrt
from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.ops.samples import BROADCAST, NORMAL, arrays

# Source: W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of
# Computation 23 (1969): erf for |x| <= 0.46875; erfc e^(x^2) up to 4; x erfc e^(x^2) in 1 / x^2 above.
_A = (
    1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
    3.20937758913846947e3,
)  # fmt: skip
_B = (
    1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
    2.84423683343917062e3,
)  # fmt: skip
_C = (
    2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
    2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
    1.23033935479799725e3,
)  # fmt: skip
_D = (
    1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
    1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3,
    1.23033935480374942e3,
)  # fmt: skip
_P = (
    1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
    1.60837851487422766e-2, 6.58749161529837803e-4,
)  # fmt: skip
_Q = (
    1.0, 2.56852019228982242, 1.87295284992346047, 5.27905102951428412e-1,
    6.05183413124413191e-2, 2.33520497626869185e-3,
)  # fmt: skip
_NEAR, _FAR = 0.46875, 4.0
_TWO_OVER_ROOT_PI, _ONE_OVER_ROOT_PI = 2 / sqrt(pi), 1 / sqrt(pi)


def polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    """The polynomial with these coefficients, highest power first (Horner's scheme)."""
    out = x * coefficients[0]
    for c in coefficients[1:-1]:
        out += c
        out *= x
    out += coefficients[-1]
    return out


# In single precision one quotient does: a fit of erf(x) / x in x^2 on [0, 3.95] with relative error 2e-8,
# by reweighted least squares against math.erf; a third of the passes over memory.
_SINGLE_TOP = (
    2.02594424081326e-06, 0.00028468554955907166, 0.0038080234080553055, 0.05287501588463783,
    0.1915469616651535, 1.1283791065216064,
)  # fmt: skip
_SINGLE_BOTTOM = (
    3.783206921070814e-05, 0.0011706941295415163, 0.015054809860885143, 0.11455824971199036,
    0.5030867457389832, 1.0,
)  # fmt: skip


def _erf_single(xp: Any, x: Any) -> Any:
    y = xp.maximum(x, -3.95)
    xp.minimum(y, 3.95, out=y)
    square = y * y
    y *= polynomial(square, _SINGLE_TOP)
    y /= polynomial(square, _SINGLE_BOTTOM)
    xp.maximum(y, -1, out=y)
    return xp.minimum(y, 1, out=y)


def _small(x: Any) -> Any:
    """erf near 0."""
    square = x * x
    return x * (polynomial(square, _A) / polynomial(square, _B))


def _falling(xp: Any, y: Any) -> Any:
    """exp(-y * y) with y * y split, so that its rounding is not multiplied by y * y."""
    cut = xp.trunc(y * 16) / 16
    return xp.exp(-cut * cut) * xp.exp(-(y - cut) * (y + cut))


def _erf(xp: Any, x: Any) -> Any:
    if x.dtype == "float16":  # whose range the polynomials leave
        return _erf(xp, x.astype("float32")).astype(x.dtype)
    if x.dtype == "float32" and x.ndim:
        return _erf_single(xp, x)
    y = xp.absolute(x)
    near = y <= _NEAR
    # From 6 on erf is 1 in float64; without the limit the polynomials overflow.
    y = xp.minimum(y, x.dtype.type(6))
    rest = _falling(xp, y) * (polynomial(y, _C) / polynomial(y, _D))
    # as 0.5 + (0.5 - rest), which rounds once less than 1 - rest where rest is small
    outside = xp.copysign((0.5 - rest) + 0.5, x)
    return xp.where(near, _small(xp.where(near, x, 0)), outside)


def _erfc(xp: Any, x: Any) -> Any:
    if x.dtype == "float16":  # whose range the polynomials leave
        return _erfc(xp, x.astype("float32")).astype(x.dtype)
    kind = x.dtype.type
    y = xp.absolute(x)
    middle = xp.minimum(y, kind(_FAR))
    # Below the smallest numbers: 27.3 in float64, 10.1 in float32.
    last = xp.minimum(xp.maximum(y, kind(_FAR)), kind(28))
    inverse = 1 / (last * last)
    tail = inverse * polynomial(inverse, _P) / polynomial(inverse, _Q)
    tail = (kind(_ONE_OVER_ROOT_PI) - tail) / last
    rest = xp.where(y <= _FAR, polynomial(middle, _C) / polynomial(middle, _D), tail)
    rest = _falling(xp, xp.minimum(y, kind(28))) * rest
    near = y <= _NEAR
    outside = xp.where(x < 0, 2 - rest, rest)
    return xp.where(near, 1 - _small(xp.where(near, x, 0)), outside)


erf = Op(
    "erf", _erf, tex=r"\mathrm{{erf}}({x})", floats=True,
    vjp=dict(x=lambda F, g, x: g * F.exp(-(x * x)) * _TWO_OVER_ROOT_PI), jvp="elementwise",
    samples=(*NORMAL, arrays((7,), low=-6.5, high=6.5)), flops=lambda x: 40 * x.size,
    doc="Error function: the share of a normal distribution within x sqrt(2) deviations.",
    reference=lambda x: np.vectorize(math.erf, [float])(x),
)  # fmt: skip
erfc = Op(
    "erfc", _erfc, tex=r"\mathrm{{erfc}}({x})", floats=True,
    vjp=dict(x=lambda F, g, x: g * F.exp(-(x * x)) * -_TWO_OVER_ROOT_PI), jvp="elementwise",
    samples=(*NORMAL, arrays((7,), low=-6.5, high=6.5)), flops=lambda x: 60 * x.size,
    doc="1 - erf(x), exact also where erf is nearly 1.",
    reference=lambda x: np.vectorize(math.erfc, [float])(x),
)  # fmt: skip

# Source: M. Giles, "Approximating the erfinv function", GPU Computing Gems (2011), the polynomials for
# single precision; two steps of Halley's method make them exact in double precision.
_CENTRAL = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06,
    0.00021858087, -0.00125372503, -0.00417768164, 0.246640727,
    1.50140941,
)  # fmt: skip
_TAIL = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844,
    0.00573950773, -0.0076224613, 0.00943887047, 1.00167406,
    2.83297682,
)  # fmt: skip


def _erfinv(xp: Any, x: Any) -> Any:
    kind = x.dtype.type
    inside = xp.absolute(x) < 1
    safe = xp.where(inside, x, kind(0))
    w = -xp.log((1 - safe) * (1 + safe))
    tail = xp.sqrt(xp.maximum(w, kind(5)))
    y = safe * xp.where(
        w < 5, polynomial(xp.minimum(w, kind(5)) - 2.5, _CENTRAL), polynomial(tail - 3, _TAIL)
    )
    # further out than single precision goes: erfc(y) is about exp(-y * y) / (y sqrt(pi))
    far = xp.maximum(w, kind(16)) + kind(log(2))
    far = xp.sqrt(far - xp.log(kind(sqrt(pi)) * xp.sqrt(far)))
    y = xp.where(w > 16, xp.copysign(far, safe), y)
    size = xp.absolute(safe)
    for _ in range(2):
        at = xp.absolute(y)
        # near 1 the difference is taken of the complements, which do not cancel
        off = xp.where(size < 0.5, _erf(xp, at) - size, (1 - size) - _erfc(xp, at))
        step = off / (kind(_TWO_OVER_ROOT_PI) * xp.exp(-at * at))
        y = xp.copysign(at - step / (1 + at * step), safe)
    edge = xp.where(xp.absolute(x) == 1, xp.copysign(kind("inf"), x), kind("nan"))
    return xp.where(inside, y, edge)


erfinv = Op(
    "erfinv", _erfinv, tex=r"\mathrm{{erf}}^{{-1}}({x})", floats=True,
    vjp=dict(x=lambda F, g, out: g * F.exp(out * out) * (sqrt(pi) / 2)), jvp="elementwise",
    samples=(arrays((3, 4), low=-0.95, high=0.95), arrays((), low=-0.5, high=0.5), arrays((0,))),
    flops=lambda x: 250 * x.size, doc="The inverse of erf.",
)  # fmt: skip

# ---------------------------------------------------------------- of two

hypot = Op(
    "hypot", "hypot", inputs="a b", tex=r"\sqrt{{{a}^2 + {b}^2}}", broadcast=True, floats=True,
    vjp=dict(a=lambda F, g, a, out: g * (a / out), b=lambda F, g, b, out: g * (b / out)),
    jvp="elementwise", samples=BROADCAST, doc="The length of the vector (a, b).",
)  # fmt: skip


def _share(F: Any, g: Any, mine: Any, out: Any, base: Any) -> Any:
    # equal infinities would give inf - inf
    off = F.where(mine == out, F.zero(g), mine - out)
    return g * base(off)


logaddexp = Op(
    "logaddexp", "logaddexp", inputs="a b", tex=r"\ln(e^{{{a}}} + e^{{{b}}})", broadcast=True, floats=True,
    vjp=dict(
        a=lambda F, g, a, out: _share(F, g, a, out, F.exp), b=lambda F, g, b, out: _share(F, g, b, out, F.exp),
    ),
    jvp="elementwise", samples=BROADCAST, doc="log(exp(a) + exp(b)) without overflow.",
)  # fmt: skip
logaddexp2 = Op(
    "logaddexp2", "logaddexp2", inputs="a b", tex=r"\log_2(2^{{{a}}} + 2^{{{b}}})", broadcast=True, floats=True,
    vjp=dict(
        a=lambda F, g, a, out: _share(F, g, a, out, F.exp2), b=lambda F, g, b, out: _share(F, g, b, out, F.exp2),
    ),
    jvp="elementwise", samples=BROADCAST, doc="log2(2 ** a + 2 ** b) without overflow.",
)  # fmt: skip


def _xlogy(xp: Any, a: Any, b: Any) -> Any:
    silent = (a == 0) & ~xp.isnan(b)
    return xp.where(silent, 0, a * xp.log(xp.where(silent, 1, b)))


xlogy = Op(
    "xlogy", _xlogy, tex=r"{a} \ln {b}", broadcast=True, floats=True,
    vjp=dict(
        a=lambda F, g, a, b: g * F.where((a == 0) & (b <= 0), F.zero(g), F.log(b)),
        b=lambda F, g, a, b: g * a / b,
    ),
    jvp="elementwise", samples=(arrays((3, 4), (4,), low=0.3), arrays((), (), low=0.3), arrays((0, 2), (2,), low=0.3)),
    doc="a log(b), which is 0 for a = 0.",
)  # fmt: skip


def _sinc(xp: Any, x: Any) -> Any:
    flat = x == 0
    y = xp.where(flat, x.dtype.type(1), x * x.dtype.type(pi))
    return xp.where(flat, x.dtype.type(1), xp.sin(y) / y)


def _sinc_vjp(F: Any, g: Any, x: Any) -> Any:
    flat = x == 0
    y = F.where(flat, F.zero(g) + 1, x) * pi
    return F.where(flat, F.zero(g), g * ((y * F.cos(y) - F.sin(y)) / (y * y) * pi))


sinc = Op(
    "sinc", _sinc, tex=r"\mathrm{{sinc}}({x})", floats=True, vjp=dict(x=_sinc_vjp), jvp="elementwise",
    samples=NORMAL, flops=lambda x: 3 * x.size, doc="sin(pi x) / (pi x), which is 1 at 0.",
    reference=np.sinc,
)  # fmt: skip

ROWS = [
    erf, erfc, erfinv, hypot, logaddexp, logaddexp2, xlogy, sinc,
]  # fmt: skip
