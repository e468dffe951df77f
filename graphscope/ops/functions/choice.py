"""Limits, the larger of two, where, rounding and signs, in torch's spelling."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import as_tensor, binary, call, cast, weak_constant
from graphscope.engine.dtype import get_default_dtype
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, ShapeError
from graphscope.ops import choice as sl
from graphscope.ops.functions.making import of_one, of_two

__all__ = [
    "abs", "absolute", "sign", "sgn", "copysign", "heaviside", "clamp", "clip", "clamp_min",
    "clamp_max", "maximum", "minimum", "fmax", "fmin", "where", "nan_to_num", "floor", "ceil",
    "round", "trunc", "fix", "frac",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = [name for name in __all__ if name != "where"]  # whose method asks in another order
# Those whose method has an in-place twin with a trailing underscore.
INPLACE = [name for name in __all__ if name not in ("where", "maximum", "minimum", "fmax", "fmin")]

abs = absolute = of_one(sl.abs)  # noqa: A001 - torch's name
sign = sgn = of_one(sl.sign)
copysign = of_two(sl.copysign)
maximum, minimum = of_two(sl.maximum), of_two(sl.minimum)
fmax, fmin = of_two(sl.fmax), of_two(sl.fmin)
floor, ceil = of_one(sl.floor), of_one(sl.ceil)
trunc = fix = of_one(sl.trunc)
frac = of_one(sl.frac)


def heaviside(input: Any, values: Any) -> Tensor:
    """0 below 0, 1 above it, and ``values`` at 0."""
    return binary(sl.heaviside, input, values)


def _widened(input: Any, *limits: Any) -> Any:
    """Integers beside a floating limit become floating, as in torch."""
    x = as_tensor(input)
    if x._a.dtype.kind != "f" and any(isinstance(v, float) for v in limits):
        return cast(x, get_default_dtype().np)
    return x


_NUMBERS = frozenset((int, float))


def clamp(input: Any, min: Any = None, max: Any = None) -> Tensor:  # noqa: A002
    """Limit to [min, max]; the limits are numbers or tensors, and one may be left out."""
    if (
        type(input) is Tensor
        and max is None
        and type(min) in _NUMBERS
        and input._a.dtype.kind == "f"
    ):
        low: Tensor = sl.clamp.run(input, min=min, max=None)
        return low
    if min is None and max is None:
        raise at_line(ShapeError, "clamp: neither min nor max is given; pass one of them, or both")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        if max is None:
            return binary(sl.clamp_min, input, min)
        if min is None:
            return binary(sl.clamp_max, input, max)
        both: Tensor = call(sl.clamp_between, input, min, max)
        return both
    out: Tensor = sl.clamp.run(_widened(input, min, max), min=min, max=max)
    return out


clip = clamp


def clamp_min(input: Any, min: Any) -> Tensor:  # noqa: A002
    """Limit from below."""
    return clamp(input, min, None)


def clamp_max(input: Any, max: Any) -> Tensor:  # noqa: A002
    """Limit from above."""
    return clamp(input, None, max)


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """input where condition is true, else other; with one argument the indices of true elements."""
    if not isinstance(condition, Tensor):
        # as a method: x.where(condition, other)
        raise at_line(
            DTypeError, f"where: the condition is {type(condition).__name__}, not a tensor"
        )
    if input is None:
        from graphscope.ops import functions as fn

        return tuple(fn.nonzero(condition, as_tuple=True))
    if condition._a.dtype.kind != "b":
        raise at_line(
            DTypeError,
            f"where: the condition is {condition.dtype.name} of shape {tuple(condition._a.shape)}, and it takes bool; "
            "compare it with something, for instance condition != 0",
        )
    # A number takes its dtype from the other choice, and only from the mask if both are numbers.
    like = next((x for x in (input, other) if isinstance(x, Tensor)), condition)._a
    a, b = (
        weak_constant(x, like) if isinstance(x, (int, float)) else as_tensor(x)
        for x in (input, other)
    )
    return call(sl.where, condition, a, b)


def nan_to_num(
    input: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """NaN, inf and -inf replaced: by 0 and the largest and smallest finite numbers, if not told."""
    out: Tensor = call(sl.nan_to_num, input, nan=nan, posinf=posinf, neginf=neginf)
    return out


def round(input: Any, *, decimals: int = 0) -> Tensor:  # noqa: A001
    """The nearest whole number (halves to even), or with ``decimals`` digits after the point."""
    out: Tensor = call(sl.round, input, decimals=decimals)
    return out
