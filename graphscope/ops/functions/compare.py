"""Comparisons, tests of elements, logic and bits, in torch's spelling."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import as_tensor, call
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError
from graphscope.ops import compare as cm
from graphscope.ops.functions.making import of_one, of_two

# Written out, so that type checkers see the names.
__all__ = [
    "eq", "ne", "not_equal", "lt", "less", "le", "less_equal", "gt", "greater", "ge", "greater_equal",
    "logical_and", "logical_or", "logical_xor", "logical_not", "bitwise_and", "bitwise_or",
    "bitwise_xor", "bitwise_not", "bitwise_left_shift", "bitwise_right_shift",
    "isnan", "isinf", "isposinf", "isneginf", "isfinite", "isreal", "signbit", "isclose", "allclose", "equal",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = list(__all__)
# Those whose method has an in-place twin with a trailing underscore.
INPLACE = __all__[: __all__.index("isnan")]

eq = of_two(cm.eq)
ne = not_equal = of_two(cm.ne)
lt = less = of_two(cm.lt)
le = less_equal = of_two(cm.le)
gt = greater = of_two(cm.gt)
ge = greater_equal = of_two(cm.ge)
logical_and, logical_or = of_two(cm.logical_and), of_two(cm.logical_or)
logical_xor, logical_not = of_two(cm.logical_xor), of_one(cm.logical_not)
bitwise_and, bitwise_or = of_two(cm.bitwise_and), of_two(cm.bitwise_or)
bitwise_xor, bitwise_not = of_two(cm.bitwise_xor), of_one(cm.bitwise_not)
bitwise_left_shift = of_two(cm.bitwise_left_shift)
bitwise_right_shift = of_two(cm.bitwise_right_shift)
isnan, isinf, isfinite = of_one(cm.isnan), of_one(cm.isinf), of_one(cm.isfinite)
isposinf, isneginf = of_one(cm.isposinf), of_one(cm.isneginf)
isreal, signbit = of_one(cm.isreal), of_one(cm.signbit)


def isclose(
    input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Which elements are close: |input - other| <= atol + rtol |other|."""
    x, y = as_tensor(input), as_tensor(other)
    if x._a.dtype != y._a.dtype:
        raise at_line(
            DTypeError,
            f"isclose: {x.dtype.name} did not match {y.dtype.name}; convert one with .to(dtype)",
        )
    out: Tensor = call(cm.isclose, x, y, rtol=rtol, atol=atol, equal_nan=equal_nan)
    return out


def allclose(
    input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether all elements are close: |input - other| <= atol + rtol |other|."""
    return bool(isclose(input, other, rtol, atol, equal_nan)._a.all())


def equal(input: Any, other: Any) -> bool:
    """Same shape and same elements."""
    if input._a.shape != other._a.shape:
        return False
    return bool(eq(input, other)._a.all())
