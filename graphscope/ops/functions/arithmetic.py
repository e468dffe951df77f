"""Sums, products, quotients and powers, in torch's spelling."""

from __future__ import annotations

from typing import Any

from graphscope.engine import dtype as dtypes
from graphscope.engine.dispatch import as_tensor, binary, call
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, UsageError
from graphscope.ops import arithmetic as ar
from graphscope.ops.functions.making import of_one, of_two
from graphscope.ops.functions.shape import to_dtype

__all__ = [
    "add", "sub", "subtract", "rsub", "mul", "multiply", "div", "divide", "true_divide",
    "floor_divide", "remainder", "fmod", "pow", "float_power", "neg", "negative", "positive",
    "square", "reciprocal", "addcmul", "addcdiv", "lerp",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = [name for name in __all__ if name != "rsub"]
# Those whose method has an in-place twin with a trailing underscore.
INPLACE = [name for name in METHODS if name not in ("positive",)]

mul = multiply = of_two(ar.mul)
floor_divide = of_two(ar.floor_divide)
remainder = of_two(ar.remainder)
fmod = of_two(ar.fmod)
neg = negative = of_one(ar.neg)
square = of_one(ar.square)
reciprocal = of_one(ar.reciprocal)


def _scaled(row: Any, plain: Any, input: Any, other: Any, alpha: Any) -> Tensor:
    if type(alpha) in (int, bool) and alpha == 1:
        return binary(plain, input, other)
    if isinstance(alpha, float) and not any(
        isinstance(x, float) or isinstance(x, Tensor) and x._a.dtype.kind == "f"
        for x in (input, other)
    ):
        raise at_line(
            DTypeError,
            f"{plain.name}: alpha={alpha} is a fraction and the tensors hold whole numbers; use a whole alpha, or "
            "convert a tensor with .float()",
        )
    out: Tensor = call(row, input, other, alpha=alpha)
    return out


def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input + alpha * other."""
    return _scaled(ar.add_scaled, ar.add, input, other, alpha)


def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input - alpha * other."""
    return _scaled(ar.sub_scaled, ar.sub, input, other, alpha)


subtract = sub


def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """other - alpha * input."""
    return _scaled(ar.sub_scaled, ar.sub, other, input, alpha)


_MODES = {None: ar.div, "floor": ar.floor_divide, "trunc": ar.trunc_divide}


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other; rounding_mode "floor" or "trunc" rounds the quotient and keeps integers."""
    if rounding_mode is None:
        return binary(ar.div, input, other)
    if rounding_mode not in _MODES:
        raise at_line(
            UsageError,
            f"div: rounding_mode is {rounding_mode!r}; it can be None, 'trunc' or 'floor'",
        )
    return binary(_MODES[rounding_mode], input, other)


divide = div


def true_divide(dividend: Any, divisor: Any) -> Tensor:
    """dividend / divisor, floating also for integers."""
    return binary(ar.div, dividend, divisor)


def pow(input: Any, exponent: Any) -> Tensor:  # noqa: A001
    """input ** exponent."""
    if type(exponent) in (int, float) and exponent == 2 and input._a.dtype.kind != "b":
        return ar.square.run(input)  # type: ignore[no-any-return]
    return binary(ar.pow, input, exponent)


def float_power(input: Any, exponent: Any) -> Tensor:
    """input ** exponent, computed in float64."""

    def wide(x: Any) -> Any:
        return to_dtype(x, dtypes.float64) if isinstance(x, Tensor) else float(x)

    return binary(ar.pow, wide(input), wide(exponent))


def positive(input: Any) -> Tensor:
    """The input itself."""
    if input._a.dtype.kind == "b":
        raise at_line(DTypeError, "positive: + of a bool tensor has no meaning; use .int() first")
    return as_tensor(input)


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
    """input + value * tensor1 * tensor2."""
    out: Tensor = call(ar.addcmul, input, tensor1, tensor2, value=value)
    return out


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
    """input + value * tensor1 / tensor2. Raises: DTypeError for integers, as torch does."""
    if all(as_tensor(x)._a.dtype.kind != "f" for x in (tensor1, tensor2)):
        raise at_line(
            DTypeError,
            "addcdiv: integer division is not defined here; make the tensors floating first with .float()",
        )
    out: Tensor = call(ar.addcdiv, input, tensor1, tensor2, value=value)
    return out


def lerp(input: Any, end: Any, weight: Any) -> Tensor:
    """From input (weight 0) to end (weight 1) in a straight line."""
    out: Tensor = call(ar.lerp, input, end, weight)
    return out
