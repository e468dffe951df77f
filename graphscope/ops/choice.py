"""Choices between elements: limits, the larger of two, where, replacing what is not a number."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.ops.samples import BROADCAST, NORMAL, arrays, made
from graphscope.ops.scalars import scalar

# ---------------------------------------------------------------- limits


def _clamp(xp: Any, x: Any, *, min: Any = None, max: Any = None) -> Any:
    # maximum/minimum take a third of the time of xp.clip.
    if min is not None:
        x = xp.maximum(x, scalar(min, x))
    if max is not None:
        x = xp.minimum(x, scalar(max, x))
    return x


def _clamp_vjp(F: Any, g: Any, x: Any, min: Any, max: Any) -> Any:
    if min is None:
        return g * (x <= scalar(max, x))
    if max is None:
        return g * (x >= scalar(min, x))
    return g * ((x >= scalar(min, x)) & (x <= scalar(max, x)))


clamp = Op(
    "clamp", _clamp, tex=r"\mathrm{{clamp}}({x})", vjp=dict(x=_clamp_vjp), values=("min", "max"),
    jvp="elementwise",
    samples=(arrays((3, 4), min=0), arrays((3, 4), min=-1, max=0.5), arrays((3,), max=1), arrays((0,), max=1)),
    doc="Limit to [min, max]; the gradient passes where the value was inside.",
    reference=lambda x, *, min, max: np.clip(x, min, max),
)  # fmt: skip

# With tensors as limits. Unlike maximum, a tie gives the whole gradient to x.
clamp_min = Op(
    "clamp_min", lambda xp, x, low: xp.maximum(x, low), tex=r"\max({x}, {low})", broadcast=True,
    vjp=dict(x=lambda F, g, x, low: g * (x >= low), low=lambda F, g, x, low: g * (x < low)),
    jvp="elementwise", samples=BROADCAST, doc="Limit from below by a tensor.",
)  # fmt: skip
clamp_max = Op(
    "clamp_max", lambda xp, x, high: xp.minimum(x, high), tex=r"\min({x}, {high})", broadcast=True,
    vjp=dict(x=lambda F, g, x, high: g * (x <= high), high=lambda F, g, x, high: g * (x > high)),
    jvp="elementwise", samples=BROADCAST, doc="Limit from above by a tensor.",
)  # fmt: skip
clamp_between = Op(
    "clamp_between", lambda xp, x, low, high: xp.minimum(xp.maximum(x, low), high),
    tex=r"\mathrm{{clamp}}({x}, {low}, {high})", broadcast=True,
    vjp=dict(
        x=lambda F, g, x, low, high: g * ((x >= low) & (x <= high)),
        low=lambda F, g, x, low, high: g * ((x < low) & (low < high)),
        # where the limits cross, the upper one is the result
        high=lambda F, g, x, low, high: g * ((x > high) | (high < low)),
    ),
    jvp="elementwise",
    samples=(arrays((3, 4), (3, 4), (3, 4)), arrays((3, 4), (4,), ()), arrays((0, 4), (4,), (1, 4))),
    doc="Limit by two tensors.",
)  # fmt: skip

# ---------------------------------------------------------------- the larger of two


def _pick(g: Any, mine: Any, tie: Any) -> Any:
    # At a tie each side gets half, as in torch.
    return g * mine + g * tie / 2


maximum = Op(
    "maximum", "maximum", inputs="a b", tex=r"\max({a}, {b})", broadcast=True,
    vjp=dict(a=lambda F, g, a, b: _pick(g, a > b, a == b), b=lambda F, g, a, b: _pick(g, b > a, a == b)),
    jvp="elementwise", samples=BROADCAST, doc="The larger of two; NaN if one is NaN.",
)  # fmt: skip
minimum = Op(
    "minimum", "minimum", inputs="a b", tex=r"\min({a}, {b})", broadcast=True,
    vjp=dict(a=lambda F, g, a, b: _pick(g, a < b, a == b), b=lambda F, g, a, b: _pick(g, b < a, a == b)),
    jvp="elementwise", samples=BROADCAST, doc="The smaller of two; NaN if one is NaN.",
)  # fmt: skip
fmax = Op(
    "fmax", "fmax", inputs="a b", tex=r"\max({a}, {b})", broadcast=True,
    vjp=dict(
        a=lambda F, g, a, b: g * ((a >= b) | F.isnan(b)),
        b=lambda F, g, a, b: g * ~((a >= b) | F.isnan(b)),
    ),
    jvp="elementwise", samples=BROADCAST, doc="The larger of two; the other one if one is NaN.",
)  # fmt: skip
fmin = Op(
    "fmin", "fmin", inputs="a b", tex=r"\min({a}, {b})", broadcast=True,
    vjp=dict(
        a=lambda F, g, a, b: g * ((a <= b) | F.isnan(b)),
        b=lambda F, g, a, b: g * ~((a <= b) | F.isnan(b)),
    ),
    jvp="elementwise", samples=BROADCAST, doc="The smaller of two; the other one if one is NaN.",
)  # fmt: skip

# ---------------------------------------------------------------- by a mask

where = Op(
    "where", "where", inputs="c a b", tex=r"{c} \,?\, {a} : {b}", broadcast=True, mask_first=True,
    vjp=dict(a=lambda F, g, c: F.where(c, g, 0), b=lambda F, g, c: F.where(c, 0, g)),
    samples=(
        made(lambda r: (r.random((3, 4)) > 0.5, r.normal(size=(3, 4)), r.normal(size=(4,)))),
        made(lambda r: (r.random((3, 1)) > 0.5, r.normal(size=(3, 4)), r.normal(size=()))),
        made(lambda r: (r.random((1, 4)) > 0.5, r.normal(size=(0, 4)), r.normal(size=(4,)))),
    ),
    doc="a where the mask c is true, else b.",
)  # fmt: skip


def _nan_to_num(xp: Any, x: Any, *, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
    if x.dtype.kind != "f":
        return x.copy()
    kind, limits = x.dtype.type, xp.finfo(x.dtype)
    high = kind(limits.max if posinf is None else posinf)
    low = kind(limits.min if neginf is None else neginf)
    x = xp.where(xp.isnan(x), kind(nan or 0.0), x)
    x = xp.where(x == kind("inf"), high, x)
    return xp.where(x == -kind("inf"), low, x)


nan_to_num = Op(
    "nan_to_num", _nan_to_num, tex=r"\mathrm{{finite}}({x})",
    vjp=dict(x=lambda F, g, x: F.where(F.isfinite(x), g, F.zero(g))), jvp="elementwise",
    samples=(arrays((3, 4)), arrays((0,)), arrays((), nan=1.0)),
    doc="Numbers in place of NaN and the infinities.",
    reference=lambda x, *, nan, posinf, neginf: np.nan_to_num(x, nan=nan or 0.0, posinf=posinf, neginf=neginf),
)  # fmt: skip

# ---------------------------------------------------------------- signs


def _sign(xp: Any, x: Any) -> Any:
    if x.dtype.kind != "f":
        return x.copy() if x.dtype.kind == "b" else xp.sign(x)
    # torch gives 0 for NaN and for -0.0, where numpy gives NaN and -0.0
    return (x > 0).astype(x.dtype) - (x < 0)


abs = Op(  # noqa: A001 - torch's name
    "abs", "absolute", inputs="x", tex=r"|{x}|", vjp=dict(x=lambda F, g, x: g * F.sign(x)),
    jvp="elementwise", samples=NORMAL, kinks=lambda x: x == 0, doc="Absolute value.",
)  # fmt: skip
sign = Op(
    "sign", _sign, tex=r"\mathrm{{sign}}({x})", vjp=dict(x=lambda F, g: F.zeros_grad(g)),
    jvp="elementwise", samples=NORMAL, kinks=lambda x: x == 0, doc="-1, 0 or 1.",
)  # fmt: skip
copysign = Op(
    "copysign", "copysign", inputs="a b", tex=r"|{a}|\,\mathrm{{sign}}({b})", broadcast=True, floats=True,
    vjp=dict(
        a=lambda F, g, a, out: g * F.sign(a) * F.sign(out), b=lambda F, g: F.zeros_grad(g)
    ),
    jvp="elementwise", samples=BROADCAST, doc="The size of a with the sign of b.",
)  # fmt: skip
heaviside = Op(
    # numpy's makes integers floating and passes NaN on; torch's step of NaN is 0
    "heaviside", lambda xp, x, values: xp.where(x == 0, values, (x > 0).astype(x.dtype)), tex=r"H({x})", broadcast=True, samples=BROADCAST,
    doc="0 below 0, 1 above it, and the second input at 0.",
    reference=np.heaviside,
)  # fmt: skip

# ---------------------------------------------------------------- to whole numbers


def _whole(name: str, ufunc: str, tex: str, doc: str) -> Op:
    def kernel(xp: Any, x: Any) -> Any:
        # integers are whole already; some backends would make them floating
        return getattr(xp, ufunc)(x) if x.dtype.kind == "f" else x.copy()

    return Op(
        name, kernel, tex=tex, vjp=dict(x=lambda F, g: F.zeros_grad(g)), jvp="elementwise",
        samples=NORMAL, doc=doc,
    )  # fmt: skip


floor = _whole("floor", "floor", r"\lfloor {x} \rfloor", "The next whole number below.")
ceil = _whole("ceil", "ceil", r"\lceil {x} \rceil", "The next whole number above.")
trunc = _whole("trunc", "trunc", r"\mathrm{{trunc}}({x})", "The whole number towards zero.")


def _round(xp: Any, x: Any, *, decimals: int = 0) -> Any:
    if x.dtype.kind != "f":
        return x.copy()
    if not decimals:
        return xp.rint(x)
    ten = x.dtype.type(10.0 ** builtin_abs(decimals))
    return xp.rint(x * ten) / ten if decimals > 0 else xp.rint(x / ten) * ten


def builtin_abs(value: int) -> int:
    """Python's abs, whose name is an op here."""
    return value if value >= 0 else -value


round = Op(  # noqa: A001 - torch's name
    "round", _round, tex=r"\mathrm{{round}}({x})", vjp=dict(x=lambda F, g: F.zeros_grad(g)),
    jvp="elementwise", samples=(*NORMAL, arrays((3,), decimals=2), arrays((3,), decimals=-1)),
    doc="The nearest whole number, halves to the even one; decimals keeps digits.",
    reference=lambda x, *, decimals: np.round(x, decimals),
)  # fmt: skip
frac = Op(
    "frac", lambda xp, x: x - xp.trunc(x), tex=r"\mathrm{{frac}}({x})", vjp=dict(x=lambda F, g: g),
    jvp="elementwise", samples=NORMAL, doc="What trunc takes away.",
    reference=lambda x: np.modf(x)[0],
)  # fmt: skip

ROWS = [
    clamp, clamp_min, clamp_max, clamp_between, maximum, minimum, fmax, fmin, where, nan_to_num, abs,
    sign, copysign, heaviside, floor, ceil, trunc, round, frac,
]  # fmt: skip
