"""Comparisons, tests of elements, logic and bits: no gradient."""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op
from graphscope.ops.samples import BROADCAST, NORMAL, arrays, made

_NUMPY = {
    "eq": ("equal", "="),
    "ne": ("not_equal", r"\neq"),
    "lt": ("less", "<"),
    "le": ("less_equal", r"\leq"),
    "gt": ("greater", ">"),
    "ge": ("greater_equal", r"\geq"),
}


def _compare(name: str) -> Op:
    ufunc, sign = _NUMPY[name]
    return Op(
        name, ufunc, inputs="a b", tex=rf"{{a}} {sign} {{b}}", broadcast=True,
        samples=BROADCAST, family="other", errors=(((3, 4), (3, 5), "do not broadcast"),),
        doc=f"Element-wise a {name} b.",
    )  # fmt: skip


eq, ne, lt, le, gt, ge = (_compare(n) for n in _NUMPY)

# ---------------------------------------------------------------- logic and bits

_BOOLS = (
    made(lambda r: (r.random((3, 4)) > 0.5, r.random((4,)) > 0.5)),
    made(lambda r: (r.random((0, 4)) > 0.5, r.random(()) > 0.5)),
)
_BITS = (
    *_BOOLS,
    made(lambda r: (r.integers(-9, 9, (3, 4)), r.integers(-9, 9, (3, 1)))),
)
_SHIFTS = (made(lambda r: (r.integers(-90, 90, (3, 4)), r.integers(0, 5, (4,)))),)


def _pair(name: str, ufunc: str, sign: str, samples: Any, doc: str) -> Op:
    return Op(
        name, ufunc, inputs="a b", tex=rf"{{a}} {sign} {{b}}", broadcast=True, samples=samples,
        family="other", doc=doc,
    )  # fmt: skip


def _single(name: str, kernel: Any, tex: str, samples: Any, doc: str) -> Op:
    return Op(
        name, kernel, inputs="x" if isinstance(kernel, str) else "", tex=tex, samples=samples,
        family="other", doc=doc,
    )  # fmt: skip


bitwise_and = _pair("bitwise_and", "bitwise_and", r"\land", _BITS, "Bits set in both.")
bitwise_or = _pair("bitwise_or", "bitwise_or", r"\lor", _BITS, "Bits set in one or both.")
bitwise_xor = _pair("bitwise_xor", "bitwise_xor", r"\oplus", _BITS, "Bits set in one only.")
bitwise_not = _single("bitwise_not", "invert", r"\lnot {x}", (made(lambda r: (r.random((3, 4)) > 0.5,)),
    made(lambda r: (r.integers(-9, 9, (3,)),))), "All bits turned over.")  # fmt: skip
bitwise_left_shift = _pair("bitwise_left_shift", "left_shift", r"\ll", _SHIFTS, "Bits moved up.")
bitwise_right_shift = _pair(
    "bitwise_right_shift", "right_shift", r"\gg", _SHIFTS, "Bits moved down."
)
logical_and = _pair("logical_and", "logical_and", r"\land", BROADCAST, "Both are not 0.")
logical_or = _pair("logical_or", "logical_or", r"\lor", BROADCAST, "One or both are not 0.")
logical_xor = _pair("logical_xor", "logical_xor", r"\oplus", BROADCAST, "Exactly one is not 0.")
logical_not = _single("logical_not", "logical_not", r"\lnot {x}", NORMAL, "Which are 0.")

# ---------------------------------------------------------------- tests of one element


def _floating(name: str, otherwise: bool = False) -> Any:
    def kernel(xp: Any, x: Any) -> Any:
        if x.dtype.kind == "f":
            return getattr(xp, name)(x)
        return xp.full(x.shape, otherwise)  # integers are finite

    return kernel


isnan = _single("isnan", _floating("isnan"), r"\mathrm{{isnan}}({x})", NORMAL, "Which are NaN.")
isinf = _single("isinf", _floating("isinf"), r"|{x}| = \infty", NORMAL, "Which are infinite.")
isfinite = _single(
    "isfinite", _floating("isfinite", True), r"|{x}| < \infty", NORMAL, "Which are finite."
)
isposinf = _single(
    "isposinf", lambda xp, x: x == float("inf"), r"{x} = \infty", NORMAL, "Which are +inf."
)
isneginf = _single(
    "isneginf", lambda xp, x: x == -float("inf"), r"{x} = -\infty", NORMAL, "Which are -inf."
)
isreal = _single(
    "isreal", lambda xp, x: xp.ones(x.shape, bool), r"{x} \in \mathbb{{R}}", NORMAL, "All: none is complex."
)  # fmt: skip
signbit = _single(
    "signbit", lambda xp, x: xp.signbit(x) if x.dtype.kind == "f" else x < 0, r"{x} < 0", NORMAL,
    "Which carry a minus sign; -0.0 does.",
)  # fmt: skip


def _isclose(
    xp: Any, a: Any, b: Any, *, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    close = a == b
    if a.dtype.kind == "f":
        finite = xp.isfinite(a) & xp.isfinite(b)
        close = close | (finite & (xp.absolute(a - b) <= atol + rtol * xp.absolute(b)))
        if equal_nan:
            close = close | (xp.isnan(a) & xp.isnan(b))
    elif a.dtype.kind in "iu":
        close = close | (xp.absolute(a - b) <= atol + rtol * xp.absolute(b))
    return close


isclose = Op(
    "isclose", _isclose, tex=r"{a} \approx {b}", broadcast=True, family="other",
    values=("rtol", "atol"), samples=(*BROADCAST[:2], arrays((3,), (3,), rtol=0.5, atol=0.1)),
    doc="Which are equal up to atol + rtol |b|.",
)  # fmt: skip

ROWS = [
    eq, ne, lt, le, gt, ge, bitwise_and, bitwise_or, bitwise_xor, bitwise_not, bitwise_left_shift,
    bitwise_right_shift, logical_and, logical_or, logical_xor, logical_not, isnan, isinf, isfinite,
    isposinf, isneginf, isreal, signbit, isclose,
]  # fmt: skip
