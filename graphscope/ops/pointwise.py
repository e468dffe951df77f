"""Functions of one element, and choices between elements."""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op
from graphscope.ops.samples import BROADCAST, NORMAL, POSITIVE, arrays, made

exp = Op(
    "exp", "exp", inputs="x", tex=r"e^{{{x}}}", floats=True, vjp=dict(x=lambda F, g, out: g * out),
    jvp="elementwise", samples=NORMAL, doc="Exponential.",
)  # fmt: skip
log = Op(
    "log", "log", inputs="x", tex=r"\ln {x}", floats=True, vjp=dict(x=lambda F, g, x: g / x),
    jvp="elementwise", samples=POSITIVE, doc="Natural logarithm.",
)  # fmt: skip
sqrt = Op(
    "sqrt", "sqrt", inputs="x", tex=r"\sqrt{{{x}}}", floats=True,
    vjp=dict(x=lambda F, g, out: g / (2 * out)),
    jvp="elementwise", samples=POSITIVE, doc="Square root.",
)  # fmt: skip
sin = Op(
    "sin", "sin", inputs="x", tex=r"\sin {x}", floats=True, vjp=dict(x=lambda F, g, x: g * F.cos(x)),
    jvp="elementwise", samples=NORMAL, doc="Sine of radians.",
)  # fmt: skip
cos = Op(
    "cos", "cos", inputs="x", tex=r"\cos {x}", floats=True, vjp=dict(x=lambda F, g, x: -g * F.sin(x)),
    jvp="elementwise", samples=NORMAL, doc="Cosine of radians.",
)  # fmt: skip
tanh = Op(
    "tanh", "tanh", inputs="x", tex=r"\tanh {x}", floats=True,
    vjp=dict(x=lambda F, g, out: g * (1 - out * out)),
    jvp="elementwise", samples=NORMAL, doc="Hyperbolic tangent.",
)  # fmt: skip


def _sigmoid(xp: Any, x: Any) -> Any:
    # 0.5 tanh(x / 2) + 0.5 is 1 / (1 + exp(-x)) without overflow for any x.
    half = x.dtype.type(0.5)
    return xp.tanh(x * half) * half + half


sigmoid = Op(
    "sigmoid", _sigmoid, tex=r"\sigma({x})", floats=True,
    vjp=dict(x=lambda F, g, out: g * (out * (1 - out))),
    jvp="elementwise", samples=NORMAL, doc="Logistic function 1 / (1 + exp(-x)).",
)  # fmt: skip

relu = Op(
    "relu", lambda xp, x: xp.maximum(x, 0), tex=r"\max({x}, 0)",
    vjp=dict(x=lambda F, g, out: g * (out > 0)),
    jvp="elementwise", samples=NORMAL, kinks=lambda x: x == 0, doc="The positive part.",
)  # fmt: skip

abs = Op(  # noqa: A001 - torch's name
    "abs", "absolute", inputs="x", tex=r"|{x}|", vjp=dict(x=lambda F, g, x: g * F.sign(x)),
    jvp="elementwise", samples=NORMAL, kinks=lambda x: x == 0, doc="Absolute value.",
)  # fmt: skip
sign = Op(
    "sign", "sign", inputs="x", tex=r"\mathrm{{sign}}({x})", samples=NORMAL, doc="-1, 0 or 1."
)


def _clamp(xp: Any, x: Any, *, min: Any = None, max: Any = None) -> Any:
    # maximum/minimum take a third of the time of xp.clip.
    if min is not None:
        x = xp.maximum(x, x.dtype.type(min))
    if max is not None:
        x = xp.minimum(x, x.dtype.type(max))
    return x


def _clamp_vjp(F: Any, g: Any, x: Any, min: Any, max: Any) -> Any:
    if min is None:
        return g * (x <= max)
    if max is None:
        return g * (x >= min)
    return g * ((x >= min) & (x <= max))


clamp = Op(
    "clamp", _clamp, tex=r"\mathrm{{clamp}}({x})", vjp=dict(x=_clamp_vjp),
    jvp="elementwise", samples=(arrays((3, 4), min=0), arrays((3, 4), min=-1, max=0.5), arrays((3,), max=1)),
    doc="Limit to [min, max]; the gradient passes where the value was inside.",
)  # fmt: skip


maximum = Op(
    "maximum", "maximum", inputs="a b", tex=r"\max({a}, {b})", broadcast=True,
    vjp=dict(a=lambda F, g, a, b: _pick(g, a > b, a == b), b=lambda F, g, a, b: _pick(g, b > a, a == b)),
    jvp="elementwise", samples=BROADCAST, doc="The larger of two.",
)  # fmt: skip
minimum = Op(
    "minimum", "minimum", inputs="a b", tex=r"\min({a}, {b})", broadcast=True,
    vjp=dict(a=lambda F, g, a, b: _pick(g, a < b, a == b), b=lambda F, g, a, b: _pick(g, b < a, a == b)),
    jvp="elementwise", samples=BROADCAST, doc="The smaller of two.",
)  # fmt: skip


def _pick(g: Any, mine: Any, tie: Any) -> Any:
    # At a tie each side gets half, as in torch.
    return g * mine + g * tie / 2


where = Op(
    "where", "where", inputs="c a b", tex=r"{c} \,?\, {a} : {b}", broadcast=True, mask_first=True,
    vjp=dict(a=lambda F, g, c: F.where(c, g, 0), b=lambda F, g, c: F.where(c, 0, g)),
    samples=(
        made(lambda r: (r.random((3, 4)) > 0.5, r.normal(size=(3, 4)), r.normal(size=(4,)))),
        made(lambda r: (r.random((3, 1)) > 0.5, r.normal(size=(3, 4)), r.normal(size=()))),
    ),
    doc="a where the mask c is true, else b.",
)  # fmt: skip

ROWS = [exp, log, sqrt, sin, cos, tanh, sigmoid, relu, abs, sign, clamp, maximum, minimum, where]
