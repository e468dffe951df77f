"""Sums, products, quotients, powers."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.errors import DTypeError
from graphscope.ops.samples import BROADCAST, NORMAL, arrays, made
from graphscope.ops.scalars import scalar

CLASH = (((3, 4), (3, 5), "do not broadcast"),)
_AWAY = (
    arrays((3, 4), (3, 4), low=0.3),
    arrays((3, 4), (4,), low=0.3),
    arrays((2, 3), (), low=0.3),
    arrays((0, 3), (1, 3), low=0.3),
)

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
    jvp="elementwise", samples=_AWAY, errors=CLASH, doc="Element-wise quotient, always floating.",
)  # fmt: skip

neg = Op(
    "neg", "negative", inputs="x", tex=r"-{x}", vjp=dict(x=lambda F, g: -g),
    jvp="elementwise", samples=NORMAL, doc="Sign change.",
)  # fmt: skip


# ---------------------------------------------------------------- a factor in the same op


def _scaled(name: str, sign: int) -> Op:
    def kernel(xp: Any, a: Any, b: Any, *, alpha: Any) -> Any:
        return a + b * a.dtype.type(alpha) if sign > 0 else a - b * a.dtype.type(alpha)

    return Op(
        name, kernel, tex=rf"{{a}} {'+' if sign > 0 else '-'} \alpha\,{{b}}", broadcast=True,
        values=("alpha",), vjp=dict(a=lambda F, g: g, b=lambda F, g, alpha: g * (sign * alpha)),
        jvp="elementwise", samples=(arrays((3, 4), (4,), alpha=2.5), arrays((0,), (1,), alpha=-1.0)),
        flops=lambda a, b, **_: 2 * max(a.size, b.size), errors=(((3,), (4,), dict(alpha=2.0), "broadcast"),),
        doc="A sum with a factor on the second term.",
    )  # fmt: skip


add_scaled = _scaled("add_scaled", 1)
sub_scaled = _scaled("sub_scaled", -1)


def _third(name: str, tex: str, combine: Any, vjp_a: Any, vjp_b: Any, low: float) -> Op:
    def kernel(xp: Any, x: Any, a: Any, b: Any, *, value: Any = 1) -> Any:
        return x + combine(a, b) * x.dtype.type(value)

    return Op(
        name, kernel, tex=tex, broadcast=True, values=("value",),
        vjp=dict(x=lambda F, g: g, a=vjp_a, b=vjp_b), jvp="elementwise",
        samples=(
            arrays((3, 4), (3, 4), (3, 4), low=low, value=1), arrays((3, 4), (3, 1), (4,), low=low, value=-0.5),
            arrays((), (), (), low=low, value=2), arrays((0, 2), (2,), (1, 1), low=low, value=1),
        ),
        flops=lambda x, a, b, **_: 3 * max(x.size, a.size, b.size),
        doc=f"x + value * (a {'*' if name == 'addcmul' else '/'} b), element by element.",
    )  # fmt: skip


addcmul = _third(
    "addcmul", r"{x} + v\,{a} \odot {b}", lambda a, b: a * b,
    lambda F, g, b, value: g * b * value, lambda F, g, a, value: g * a * value, -2.0,
)  # fmt: skip
addcdiv = _third(
    "addcdiv", r"{x} + v\,{a} / {b}", lambda a, b: a / b,
    lambda F, g, b, value: g * value / b, lambda F, g, a, b, value: -g * value * a / (b * b), 0.4,
)  # fmt: skip


# ---------------------------------------------------------------- division with a remainder


def whole_divisor(xp: Any, b: Any) -> None:
    """Refuse 0 under an integer division on the host; a device is not asked, since that would stop it."""
    if b.dtype.kind in "iu" and type(b).__module__ == "numpy" and not b.all():
        raise DTypeError(
            "ZeroDivisionError: an integer is divided by 0, and integers have no infinity. "
            "Make the tensors floating first, or mask the zeros"
        )


def _floor_divide(xp: Any, a: Any, b: Any) -> Any:
    whole_divisor(xp, b)
    return xp.floor_divide(a, b)


def _trunc_divide(xp: Any, a: Any, b: Any) -> Any:
    whole_divisor(xp, b)
    if a.dtype.kind == "f":
        return xp.trunc(a / b)
    down = xp.floor_divide(a, b)
    # rounds towards zero: one more than the floor where the quotient is negative and not whole
    return (down + ((down < 0) & (down * b != a))).astype(a.dtype)


def _remainder(xp: Any, a: Any, b: Any) -> Any:
    whole_divisor(xp, b)
    return xp.remainder(a, b)


def _fmod(xp: Any, a: Any, b: Any) -> Any:
    whole_divisor(xp, b)
    return xp.fmod(a, b)


_QUOTIENTS = (
    made(lambda r: (np_whole(r, (3, 4)), np_whole(r, (4,)))),
    made(lambda r: (np_whole(r, (3, 1)), np_whole(r, ()))),
    made(lambda r: (np_whole(r, (0, 2)), np_whole(r, (2,)))),
)


def np_whole(r: Any, shape: tuple[int, ...]) -> Any:
    """Numbers whose quotients lie well away from whole numbers, where steps are."""
    return r.integers(1, 9, shape) * r.choice([-1.0, 1.0], shape) + 0.37 * r.random(shape) + 0.3


def _steps(name: str, kernel: Any, tex: str, doc: str) -> Op:
    return Op(
        name, kernel, tex=tex, broadcast=True,
        vjp=dict(a=lambda F, g: F.zeros_grad(g), b=lambda F, g: F.zeros_grad(g)),
        jvp="elementwise", samples=_QUOTIENTS, errors=CLASH, doc=doc,
    )  # fmt: skip


floor_divide = _steps(
    "floor_divide", _floor_divide, r"\lfloor {a} / {b} \rfloor", "Quotient rounded down."
)
trunc_divide = _steps(
    "trunc_divide", _trunc_divide, r"\mathrm{{trunc}}({a} / {b})", "Quotient rounded towards zero."
)
remainder = Op(
    "remainder", _remainder, tex=r"{a} \bmod {b}", broadcast=True,
    vjp=dict(a=lambda F, g: g, b=lambda F, g, a, b: -g * F.floor_divide(a, b)),
    jvp="elementwise", samples=_QUOTIENTS, errors=CLASH,
    doc="Remainder with the divisor's sign, as Python's %.",
)  # fmt: skip
fmod = Op(
    "fmod", _fmod, tex=r"\mathrm{{fmod}}({a}, {b})", broadcast=True,
    vjp=dict(a=lambda F, g: g, b=lambda F, g, a, b: -g * F.trunc_divide(a, b)),
    jvp="elementwise", samples=_QUOTIENTS, errors=CLASH,
    doc="Remainder with the dividend's sign, as C's fmod.",
)  # fmt: skip
zeros_grad = Op(
    "zeros_grad", lambda xp, x: xp.zeros(x.shape, x.dtype), tex="0", family="other",
    samples=(arrays((2, 3)),), flops=lambda *a, **k: 0,
    doc="Zeros: the gradient of a function made of steps.",
)  # fmt: skip


# ---------------------------------------------------------------- powers


def _pow_base(F: Any, g: Any, a: Any, b: Any) -> Any:
    # x ** 0 is constant, also at x = 0: there the exponent stays 0, since 0 * 0 ** -1 would be nan.
    return g * (b * F.pow(a, b - 1 + (b == 0)))


def _pow_exponent(F: Any, g: Any, a: Any, b: Any, out: Any) -> Any:
    # 0 ** b is constant in b for b >= 0: its derivative is 0 and not 0 * log(0).
    return g * out * F.log(a + ((a == 0) & (b >= 0)))


def _pow(xp: Any, a: Any, b: Any) -> Any:
    return xp.power(a, b)


# numpy's power takes 60 ns an element; torch too has these exponents as products.
_PRODUCTS: dict[float, Any] = {
    3.0: lambda a: a * a * a,
    4.0: lambda a: np.square(a * a),
    2.0: np.square,
    1.0: np.copy,
    0.5: np.sqrt,
    -0.5: lambda a: 1 / np.sqrt(a),
    -1.0: np.reciprocal,
    -2.0: lambda a: 1 / (a * a),
}


def _host_pow(a: Any, b: Any) -> Any:
    if b.ndim == 0 and a.dtype.kind == "f":
        product = _PRODUCTS.get(b.item())
        if product is not None:
            return product(a)
    elif b.ndim and b.dtype.kind == "i" and a.dtype.kind == "i" and b.size and b.min() < 0:
        # 1 / a ** n rounds to 0, but for 1 and -1; numpy refuses it
        return np.power(a, np.maximum(b, 0)) * ((b >= 0) | (a == 1)) - np.where(
            (b < 0) & (a == -1), 1 - 2 * (b % 2 == 0), 0
        ).astype(a.dtype)
    return np.power(a, b)


_pow.numpy = _host_pow  # type: ignore[attr-defined]
pow = Op(  # noqa: A001 - torch's name
    "pow", _pow, tex=r"{a}^{{{b}}}", broadcast=True,
    vjp=dict(a=_pow_base, b=_pow_exponent),
    jvp="elementwise", samples=_AWAY, errors=CLASH, doc="Element-wise power.",
)  # fmt: skip

square = Op(
    "square", "square", inputs="x", tex=r"{x}^2", vjp=dict(x=lambda F, g, x: scalar(2, g) * g * x),
    jvp="elementwise", samples=NORMAL, doc="Element-wise square.",
)  # fmt: skip

reciprocal = Op(
    "reciprocal", "reciprocal", inputs="x", tex=r"1 / {x}", floats=True,
    vjp=dict(x=lambda F, g, out: -g * (out * out)), jvp="elementwise",
    samples=(arrays((3, 4), low=0.4), arrays((), low=0.4), arrays((0, 2))), doc="1 / x.",
)  # fmt: skip


# ---------------------------------------------------------------- between two


def _lerp(xp: Any, a: Any, b: Any, weight: Any) -> Any:
    # Two forms, so that weight 0 gives a and weight 1 gives b exactly.
    step = b - a
    if xp is np and weight.ndim == 0:
        return a + weight * step if weight < 0.5 else b - step * (1 - weight)
    return xp.where(weight < 0.5, a + weight * step, b - step * (1 - weight))


lerp = Op(
    "lerp", _lerp, tex=r"{a} + {weight}({b} - {a})", broadcast=True,
    vjp=dict(
        a=lambda F, g, weight: g * (1 - weight),
        b=lambda F, g, weight: g * weight,
        weight=lambda F, g, a, b: g * (b - a),
    ),
    jvp="elementwise",
    samples=(arrays((3, 4), (3, 4), (3, 4)), arrays((3, 4), (4,), ()), arrays((0, 4), (4,), (1, 4))),
    flops=lambda a, b, *_, **__: 3 * max(a.size, b.size), doc="From a to b by a weight: a + w (b - a).",
    reference=lambda a, b, weight: a + weight * (b - a),
)  # fmt: skip

# ---------------------------------------------------------------- without a gradient


def _exact(name: str, tex: str, samples: Any, doc: str) -> Op:
    return Op(
        name, name, inputs="a b", tex=tex, broadcast=True, samples=samples, errors=CLASH if name == "nextafter" else (),
        doc=doc,
    )  # fmt: skip


_INTEGERS = (made(lambda r: (r.integers(-30, 30, (3, 4)), r.integers(1, 30, (4,)))),)
gcd = _exact("gcd", r"\gcd({a}, {b})", _INTEGERS, "Greatest common divisor.")
lcm = _exact("lcm", r"\mathrm{{lcm}}({a}, {b})", _INTEGERS, "Least common multiple.")
nextafter = _exact("nextafter", r"{a} \to {b}", BROADCAST, "The next number after a towards b.")

ROWS = [
    gcd, lcm, nextafter,
    add, sub, mul, div, neg, add_scaled, sub_scaled, addcmul, addcdiv, floor_divide, trunc_divide,
    remainder, fmod, zeros_grad, pow, square, reciprocal, lerp,
]  # fmt: skip
