"""The logarithm of the gamma function and its derivatives."""

from __future__ import annotations

import math
from math import log, pi, sqrt
from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.ops.samples import POSITIVE, arrays
from graphscope.ops.special import polynomial

# Source: C. Lanczos, "A precision approximation of the gamma function" (1964), with the coefficients of
# P. Godfrey for g = 607 / 128.
_LANCZOS = (
    0.99999999999999709182, 57.156235665862923517, -59.597960355475491248, 14.136097974741747174,
    -0.49191381609762019978, 0.33994649984811888699e-4, 0.46523628927048575665e-4, -0.98374475304879564677e-4,
    0.15808870322491248884e-3, -0.21026444172410488319e-3, 0.21743961811521264320e-3, -0.16431810653676389022e-3,
    0.84418223983852743293e-4, -0.26190838401581408670e-4, 0.36899182659531622704e-5,
)  # fmt: skip


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
    series = polynomial(
        square, (1 / 12, -691 / 32760, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12)
    )
    out = out + xp.log(y) - kind(0.5) / y - square * series
    part = x - xp.floor(x)
    out = xp.where(low, out - kind(pi) / xp.tan(kind(pi) * part), out)
    pole = (x <= 0) & (part == 0)
    out = xp.where(pole, xp.where(x == 0, -xp.copysign(kind("inf"), x), kind("nan")), out)
    return xp.where(xp.isinf(x), xp.where(x > 0, x, kind("nan")), out)


lgamma = Op(
    "lgamma", _lgamma, tex=r"\ln\,\Gamma({x})", floats=True, vjp=dict(x=lambda F, g, x: g * F.digamma(x)),
    jvp="elementwise", samples=(*POSITIVE, arrays((3,), low=-0.9, high=-0.1)), flops=lambda x: 60 * x.size,
    doc="The logarithm of the size of the gamma function.",
    reference=lambda x: np.vectorize(math.lgamma, [float])(x),
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
        total = total + xp.where(small, factorial / xp.where(small, y, 1) ** (n + 1), 0).astype(
            x.dtype
        )
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

ROWS = [lgamma, digamma, polygamma, trigamma]
