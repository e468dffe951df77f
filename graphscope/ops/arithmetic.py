"""Sums, products, powers."""

from __future__ import annotations

from graphscope.engine.op import Op
from graphscope.ops.samples import BROADCAST, NORMAL, arrays

CLASH = (((3, 4), (3, 5), "do not broadcast"),)

add = Op(
    "add", "add", inputs="a b", tex=r"{a} + {b}", broadcast=True,
    vjp=dict(a=lambda F, g: g, b=lambda F, g: g),
    jvp="elementwise", samples=BROADCAST, errors=CLASH, doc="Element-wise sum.",
)  # fmt: skip

sub = Op(
    "sub", "subtract", inputs="a b", tex=r"{a} - {b}", broadcast=True,
    vjp=dict(a=lambda F, g: g, b=lambda F, g: -g),
    jvp="elementwise", samples=BROADCAST, errors=CLASH, doc="Element-wise difference.",
)  # fmt: skip

mul = Op(
    "mul", "multiply", inputs="a b", tex=r"{a} \odot {b}", broadcast=True,
    vjp=dict(a=lambda F, g, b: g * b, b=lambda F, g, a: g * a),
    jvp="multilinear", samples=BROADCAST, errors=CLASH, doc="Element-wise product.",
)  # fmt: skip

div = Op(
    "div", "true_divide", inputs="a b", tex=r"{a} / {b}", broadcast=True, floats=True,
    vjp=dict(a=lambda F, g, b: g / b, b=lambda F, g, b, out: -g * out / b),
    jvp="elementwise", samples=(arrays((3, 4), (3, 4), low=0.3), arrays((3, 4), (4,), low=0.3),
        arrays((2, 3), (), low=0.3)),
    errors=CLASH, doc="Element-wise quotient, always floating.",
)  # fmt: skip

neg = Op(
    "neg", "negative", inputs="x", tex=r"-{x}", vjp=dict(x=lambda F, g: -g),
    jvp="elementwise", samples=NORMAL, doc="Sign change.",
)  # fmt: skip


def _pow_exponent(F, g, a, out):  # type: ignore[no-untyped-def]
    # 0 ** b is constant in b for b > 0: its derivative is 0 and not 0 * log(0).
    return g * out * F.log(F.where(a > 0, a, 1))


pow = Op(  # noqa: A001 - torch's name
    "pow", "power", inputs="a b", tex=r"{a}^{{{b}}}", broadcast=True,
    vjp=dict(a=lambda F, g, a, b: g * b * a ** (b - 1), b=_pow_exponent),
    jvp="elementwise", samples=(arrays((3, 4), (3, 4), low=0.3), arrays((3, 4), (), low=0.3)),
    errors=CLASH, doc="Element-wise power.",
)  # fmt: skip

square = Op(
    "square", "square", inputs="x", tex=r"{x}^2", vjp=dict(x=lambda F, g, x: 2 * g * x),
    jvp="elementwise", samples=NORMAL, doc="Element-wise square.",
)  # fmt: skip

ROWS = [add, sub, mul, div, neg, pow, square]
