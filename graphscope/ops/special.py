"""Functions beyond the elementary ones: the error function and its kin, gamma, and their logarithms.

numpy has no error function, so it is computed here from rational approximations, for whole arrays.
"""

from __future__ import annotations

from math import log, pi, sqrt
from typing import Any

from graphscope.engine.op import Op
from graphscope.ops.samples import BROADCAST, NORMAL, POSITIVE, arrays

# Source: W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of
# Computation 23 (1969): erf for |x| <= 0.46875; erfc e^(x^2) up to 4; x erfc e^(x^2) in 1 / x^2 above.
_A = (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3)
_B = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
_C = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2,
      8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3)
_D = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
      3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3)
_P = (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
      1.60837851487422766e-2, 6.58749161529837803e-4)
_Q = (1.0, 2.56852019228982242, 1.87295284992346047, 5.27905102951428412e-1, 6.05183413124413191e-2, 2.33520497626869185e-3)
_NEAR, _FAR = 0.46875, 4.0
_TWO_OVER_ROOT_PI, _ONE_OVER_ROOT_PI = 2 / sqrt(pi), 1 / sqrt(pi)


def _polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    out = x * coefficients[0]
    for c in coefficients[1:-1]:
        out += c
        out *= x
    out += coefficients[-1]
    return out


def _small(x: Any) -> Any:
    """erf near 0."""
    square = x * x
    return x * (_polynomial(square, _A) / _polynomial(square, _B))


def _falling(xp: Any, y: Any) -> Any:
    """exp(-y * y) with y * y split, so that its rounding is not multiplied by y * y."""
    cut = xp.trunc(y * 16) / 16
    return xp.exp(-cut * cut) * xp.exp(-(y - cut) * (y + cut))


def _erf(xp: Any, x: Any) -> Any:
    y = xp.absolute(x)
    near = y <= _NEAR
    # From 6 on erf is 1 in float64; without the limit the polynomials overflow.
    y = xp.minimum(y, x.dtype.type(6))
    rest = _falling(xp, y) * (_polynomial(y, _C) / _polynomial(y, _D))
    # as 0.5 + (0.5 - rest), which rounds once less than 1 - rest where rest is small
    outside = xp.copysign((0.5 - rest) + 0.5, x)
    return xp.where(near, _small(xp.where(near, x, 0)), outside)


def _erfc(xp: Any, x: Any) -> Any:
    kind = x.dtype.type
    y = xp.absolute(x)
    middle = xp.minimum(y, kind(_FAR))
    # Below the smallest numbers: 27.3 in float64, 10.1 in float32.
    last = xp.minimum(xp.maximum(y, kind(_FAR)), kind(28))
    inverse = 1 / (last * last)
    tail = inverse * _polynomial(inverse, _P) / _polynomial(inverse, _Q)
    tail = (kind(_ONE_OVER_ROOT_PI) - tail) / last
    rest = xp.where(y <= _FAR, _polynomial(middle, _C) / _polynomial(middle, _D), tail)
    rest = _falling(xp, xp.minimum(y, kind(28))) * rest
    near = y <= _NEAR
    outside = xp.where(x < 0, 2 - rest, rest)
    return xp.where(near, 1 - _small(xp.where(near, x, 0)), outside)


erf = Op(
    "erf", _erf, tex=r"\mathrm{{erf}}({x})", floats=True,
    vjp=dict(x=lambda F, g, x: g * F.exp(-(x * x)) * _TWO_OVER_ROOT_PI), jvp="elementwise",
    samples=(*NORMAL, arrays((7,), low=-6.5, high=6.5)), flops=lambda x: 40 * x.size,
    doc="Error function: the share of a normal distribution within x sqrt(2) deviations.",
)  # fmt: skip
erfc = Op(
    "erfc", _erfc, tex=r"\mathrm{{erfc}}({x})", floats=True,
    vjp=dict(x=lambda F, g, x: g * F.exp(-(x * x)) * -_TWO_OVER_ROOT_PI), jvp="elementwise",
    samples=(*NORMAL, arrays((7,), low=-6.5, high=6.5)), flops=lambda x: 60 * x.size,
    doc="1 - erf(x), exact also where erf is nearly 1.",
)  # fmt: skip

# Source: M. Giles, "Approximating the erfinv function", GPU Computing Gems (2011), the polynomials for
# single precision; two steps of Halley's method make them exact in double precision.
_CENTRAL = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
            -0.00417768164, 0.246640727, 1.50140941)
_TAIL = (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
         1.00167406, 2.83297682)


def _erfinv(xp: Any, x: Any) -> Any:
    kind = x.dtype.type
    inside = xp.absolute(x) < 1
    safe = xp.where(inside, x, kind(0))
    w = -xp.log((1 - safe) * (1 + safe))
    tail = xp.sqrt(xp.maximum(w, kind(5)))
    y = safe * xp.where(w < 5, _polynomial(xp.minimum(w, kind(5)) - 2.5, _CENTRAL), _polynomial(tail - 3, _TAIL))
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

# ---------------------------------------------------------------- gamma

# Source: C. Lanczos, "A precision approximation of the gamma function" (1964), with the coefficients of
# P. Godfrey for g = 607 / 128.
_LANCZOS = (0.99999999999999709182, 57.156235665862923517, -59.597960355475491248, 14.136097974741747174,
            -0.49191381609762019978, 0.33994649984811888699e-4, 0.46523628927048575665e-4, -0.98374475304879564677e-4,
            0.15808870322491248884e-3, -0.21026444172410488319e-3, 0.21743961811521264320e-3, -0.16431810653676389022e-3,
            0.84418223983852743293e-4, -0.26190838401581408670e-4, 0.36899182659531622704e-5)


def _lgamma_above(xp: Any, x: Any) -> Any:
    """log gamma for x >= 0.5."""
    total = x * 0 + _LANCZOS[0]
    for k, c in enumerate(_LANCZOS[1:]):
        total = total + c / (x + k)
    t = x + (607 / 128 - 0.5)
    return (x - 0.5) * xp.log(t) - t + xp.log(total) + log(sqrt(2 * pi))


def _lgamma(xp: Any, x: Any) -> Any:
    low = x < 0.5
    upper = _lgamma_above(xp, xp.where(low, 1 - x, x))
    # the reflection formula; sin at whole numbers is 0, so that the poles come out as inf
    whole = xp.floor(x)
    sine = xp.absolute(xp.sin(x.dtype.type(pi) * (x - whole)))
    out = xp.where(low, log(pi) - xp.log(sine) - upper, upper)
    return xp.where(xp.isinf(x), x.dtype.type("inf"), out).astype(x.dtype)


def _digamma(xp: Any, x: Any) -> Any:
    kind = x.dtype.type
    low = x < 0.5
    y = xp.where(low, 1 - x, x)
    # shifted to 6 and above, where the asymptotic series (Abramowitz and Stegun 6.3.18) is exact
    out = xp.zeros(x.shape, x.dtype)
    for _ in range(6):
        small = y < 6
        out = out - xp.where(small, 1 / y, kind(0))
        y = y + small
    square = 1 / (y * y)
    series = _polynomial(square, (1 / 12, -691 / 32760, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12))
    out = out + xp.log(y) - kind(0.5) / y - square * series
    part = x - xp.floor(x)
    out = xp.where(low, out - kind(pi) / xp.tan(kind(pi) * part), out)
    pole = (x <= 0) & (part == 0)
    out = xp.where(pole, xp.where(x == 0, -xp.copysign(kind("inf"), x), kind("nan")), out)
    return xp.where(xp.isinf(x), xp.where(x > 0, x, kind("nan")), out)


lgamma = Op(
    "lgamma", _lgamma, tex=r"\ln\,\Gamma({x})", floats=True, vjp=dict(x=lambda F, g, x: g * F.digamma(x)),
    jvp="elementwise", samples=(*POSITIVE, arrays((3,), low=-0.9, high=-0.1)), flops=lambda x: 60 * x.size,
    doc="The logarithm of the absolute value of the gamma function.",
)  # fmt: skip
digamma = Op(
    "digamma", _digamma, tex=r"\psi({x})", floats=True, vjp=dict(x=lambda F, g, x: g * F.trigamma(x)),
    jvp="elementwise", samples=(*POSITIVE, arrays((3,), low=-0.9, high=-0.1)), flops=lambda x: 60 * x.size,
    doc="The derivative of the logarithm of the gamma function.",
)  # fmt: skip


def _polygamma(xp: Any, x: Any, *, n: int) -> Any:
    """The n-th derivative of digamma for n >= 1: its series, shifted to 12 and above (6.4.11)."""
    sign = 1.0 if n % 2 else -1.0
    factorial = 1.0
    for k in range(2, n + 1):
        factorial *= k
    total = xp.zeros(x.shape, x.dtype)
    y = x
    for _ in range(12):
        small = y < 12
        total = total + xp.where(small, factorial / xp.where(small, y, 1) ** (n + 1), 0).astype(x.dtype)
        y = y + small
    total = total + factorial / n / y**n + factorial / (2 * y ** (n + 1))
    bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
    rising = factorial * (n + 1) / 2  # (2k + n - 1)! / (2k)!, for k = 1
    for k, b in enumerate(bernoulli, 1):
        total = total + b * rising / y ** (2 * k + n)
        rising *= (2 * k + n) * (2 * k + n + 1) / ((2 * k + 1) * (2 * k + 2))
    return total * sign


polygamma = Op(
    "polygamma", _polygamma, tex=r"\psi^{{(n)}}({x})", floats=True,
    vjp=dict(x=lambda F, g, x, n: g * F.polygamma(x, n=n + 1)), jvp="elementwise",
    samples=(arrays((3, 4), low=0.4, high=5.0, n=1), arrays((3,), low=0.4, high=5.0, n=2), arrays((0,), n=3)),
    flops=lambda x, **_: 100 * x.size, doc="The n-th derivative of digamma, for x > 0.",
)  # fmt: skip


def _trigamma(xp: Any, x: Any) -> Any:
    low = x < 0.5
    upper = _polygamma(xp, xp.where(low, 1 - x, x), n=1)
    sine = xp.sin(x.dtype.type(pi) * (x - xp.floor(x)))
    return xp.where(low, x.dtype.type(pi * pi) / (sine * sine) - upper, upper)


trigamma = Op(
    "trigamma", _trigamma, tex=r"\psi'({x})", floats=True, jvp="elementwise", samples=POSITIVE,
    vjp=dict(x=lambda F, g, x: g * F.polygamma(x, n=2)), flops=lambda x: 100 * x.size,
    doc="The derivative of digamma.",
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
)  # fmt: skip

ROWS = [
    erf, erfc, erfinv, lgamma, digamma, polygamma, trigamma, hypot, logaddexp, logaddexp2, xlogy, sinc,
]  # fmt: skip
