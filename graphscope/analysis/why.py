"""Why an op of finite inputs gave a number that is not finite, as one sentence with its numbers.

Source of the cases: IEEE 754-2019, sections 6.1, 7.2 and 7.3 (which operations give infinities and NaN), applied to
each op's formula; overflow where a result exceeds the largest number of the dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from graphscope.units import count, number

if TYPE_CHECKING:
    from graphscope.trace.records import Entry

Inputs = Sequence["Entry | None"]


def why(op: str, inputs: Inputs, out: Entry | None, dtype: str = "float32", slot: int = -1) -> str:
    """The cause, or what the numbers say where the op is not among the known ones.

    op: its name. inputs: statistics of its inputs in order (None: not known); for a gradient (``slot`` of
    0 or more) those of the forward op. out: of the result. dtype: of the result, whose limits count.
    """
    table = _BACKWARD if slot >= 0 else _FORWARD
    found = table.get(op)
    limit = _limit(dtype)
    sentence = found(inputs, limit, slot) if found is not None else ""
    return sentence or _overflow(op, inputs, out, limit, slot)


def _limit(dtype: str) -> float:
    try:
        return float(np.finfo(np.dtype(dtype)).max)
    except (TypeError, ValueError):  # bfloat16 has the range of float32
        return float(np.finfo(np.float32).max)


def _at(inputs: Inputs, k: int) -> Entry | None:
    return inputs[k] if k < len(inputs) else None


def _zeros(e: Entry) -> int:
    return int(e.health[2])


def _below(e: Entry) -> int:
    return int(e.health[1])


def _share(n: int, e: Entry) -> str:
    total = int(e.health.sum()) or e.count
    return f"{count(n)} of {count(total)} elements"


# ---------------------------------------------------------------- forward


def _log(shift: float) -> Callable[[Inputs, float, int], str]:
    def judge(inputs: Inputs, limit: float, slot: int) -> str:
        x = _at(inputs, 0)
        if x is None:
            return ""
        edge = "0" if shift == 0 else number(-shift)
        if x.min < -shift:
            return f"log of a number below {edge} is NaN: the smallest input is {number(x.min)}"
        if x.min == -shift:
            many = _share(_zeros(x), x) if shift == 0 else "at least one element"
            return (
                f"log of 0 is \u2212Inf: {many} of the input {'are' if shift == 0 else 'is'} {edge}"
            )
        return ""

    return judge


def _div(inputs: Inputs, limit: float, slot: int) -> str:
    a, b = _at(inputs, 0), _at(inputs, 1)
    if b is None or not _zeros(b):
        return ""
    what = "0/0 is NaN, and any other number over 0 infinite"
    if a is not None and not _zeros(a):
        what = "a number over 0 is infinite"
    return f"division by 0: {_share(_zeros(b), b)} of the divisor are 0; {what}"


def _reciprocal(inputs: Inputs, limit: float, slot: int) -> str:
    x = _at(inputs, 0)
    return "" if x is None or not _zeros(x) else f"1/0 is infinite: {_share(_zeros(x), x)} are 0"


def _root(inputs: Inputs, limit: float, slot: int) -> str:
    x = _at(inputs, 0)
    if x is None or not _below(x):
        return ""
    return (
        f"the square root of a negative number is NaN: {_share(_below(x), x)} of the input are "
        f"negative, the smallest is {number(x.min)}"
    )


def _rroot(inputs: Inputs, limit: float, slot: int) -> str:
    return _root(inputs, limit, slot) or _reciprocal(inputs, limit, slot)


def _exp(base: float) -> Callable[[Inputs, float, int], str]:
    def judge(inputs: Inputs, limit: float, slot: int) -> str:
        x = _at(inputs, 0)
        most = float(np.log(limit) / np.log(base))
        if x is None or not x.max > most:
            return ""
        return (
            f"overflow of exp: the largest input is {number(x.max)}, and above {number(most)} the result "
            "does not fit its dtype"
        )

    return judge


def _power(inputs: Inputs, limit: float, slot: int) -> str:
    a, b = _at(inputs, 0), _at(inputs, 1)
    if a is None:
        return ""
    if _zeros(a) and (b is None or b.min < 0):
        return f"0 to a negative power is infinite: {_share(_zeros(a), a)} of the base are 0"
    if _below(a) and b is not None and b.item is not None and not float(b.item).is_integer():
        return (
            f"a negative number to the power of {number(b.item)} is NaN: {_share(_below(a), a)} of the "
            "base are negative"
        )
    return ""


def _arc(inputs: Inputs, limit: float, slot: int) -> str:
    x = _at(inputs, 0)
    if x is None or x.absmax <= 1:
        return ""
    return (
        f"it takes numbers from -1 to 1 only: the input lies in [{number(x.min)}, {number(x.max)}]"
    )


def _artanh(inputs: Inputs, limit: float, slot: int) -> str:
    x = _at(inputs, 0)
    if x is None or x.absmax < 1:
        return ""
    return f"atanh is infinite at -1 and 1, NaN beyond: the input lies in [{number(x.min)}, {number(x.max)}]"


def _mean(inputs: Inputs, limit: float, slot: int) -> str:
    x = _at(inputs, 0)
    return "the mean of no elements is 0/0" if x is not None and x.count == 0 else ""


def _spread(inputs: Inputs, limit: float, slot: int) -> str:
    x = _at(inputs, 0)
    if x is None:
        return ""
    if x.count == 1:
        return "the spread of one element is 0/0: with correction=1 it takes two at least"
    return _mean(inputs, limit, slot)


def _logit(inputs: Inputs, limit: float, slot: int) -> str:
    x = _at(inputs, 0)
    if x is None or (x.min > 0 and x.max < 1):
        return ""
    return (
        f"logit takes numbers between 0 and 1: the input lies in [{number(x.min)}, {number(x.max)}]"
    )


_FORWARD: dict[str, Callable[[Inputs, float, int], str]] = {
    "log": _log(0.0), "log2": _log(0.0), "log10": _log(0.0), "log1p": _log(1.0),
    "div": _div, "remainder": _div, "fmod": _div, "reciprocal": _reciprocal,
    "sqrt": _root, "rsqrt": _rroot, "pow": _power, "exp": _exp(np.e), "exp2": _exp(2.0), "expm1": _exp(np.e),
    "sinh": _exp(np.e), "cosh": _exp(np.e), "asin": _arc, "acos": _arc, "atanh": _artanh,
    "mean": _mean, "std": _spread, "var": _spread, "logit": _logit, "digamma": _reciprocal,
    "binary_cross_entropy": _logit,
}  # fmt: skip


# ---------------------------------------------------------------- backward


def _slope_at_zero(text: str) -> Callable[[Inputs, float, int], str]:
    def judge(inputs: Inputs, limit: float, slot: int) -> str:
        x = _at(inputs, 0)
        if x is None or not _zeros(x):
            return ""
        return f"{text}: {_share(_zeros(x), x)} of the input are 0, and 0 times infinity is NaN"

    return judge


def _div_slope(inputs: Inputs, limit: float, slot: int) -> str:
    b = _at(inputs, 1)
    if b is None or not _zeros(b):
        return ""
    return f"the derivative of a/b divides by b: {_share(_zeros(b), b)} of b are 0"


def _arc_slope(inputs: Inputs, limit: float, slot: int) -> str:
    x = _at(inputs, 0)
    if x is None or x.absmax < 1:
        return ""
    return "the derivative is infinite at -1 and 1, and the input reaches them"


def _power_slope(inputs: Inputs, limit: float, slot: int) -> str:
    a = _at(inputs, 0)
    if a is None or not (_zeros(a) or _below(a)):
        return ""
    if slot == 1:
        return "the derivative by the exponent takes the log of the base, which is 0 or negative"
    return f"the derivative of x**p is infinite at 0 for p < 1: {_share(_zeros(a), a)} of the base are 0"


def _norm_slope(inputs: Inputs, limit: float, slot: int) -> str:
    x = _at(inputs, 0)
    if x is None or not _zeros(x):
        return ""
    return "the derivative of a norm at 0 is 0/0: add a small number before the root"


def _exp_slope(inputs: Inputs, limit: float, slot: int) -> str:
    return _exp(np.e)(inputs, limit, slot)


_BACKWARD: dict[str, Callable[[Inputs, float, int], str]] = {
    "sqrt": _slope_at_zero("the derivative of a square root is infinite at 0"),
    "rsqrt": _slope_at_zero("the derivative of 1/sqrt(x) is infinite at 0"),
    "log": _slope_at_zero("the derivative of log is 1/x, infinite at 0"),
    "log2": _slope_at_zero("the derivative of log is 1/x, infinite at 0"),
    "log10": _slope_at_zero("the derivative of log is 1/x, infinite at 0"),
    "reciprocal": _slope_at_zero("the derivative of 1/x is infinite at 0"),
    "div": _div_slope, "pow": _power_slope, "asin": _arc_slope, "acos": _arc_slope,
    "norm": _norm_slope, "std": _norm_slope, "exp": _exp_slope,
}  # fmt: skip


def _overflow(op: str, inputs: Inputs, out: Entry | None, limit: float, slot: int) -> str:
    """What is left: numbers too large for the dtype, or a kind of op that is not in the tables."""
    largest = max(
        (e.absmax for e in inputs if e is not None and e.count and e.absmax == e.absmax),
        default=0.0,
    )
    where = f"the gradient of {op}" if slot >= 0 else op
    kinds = []
    if out is not None:
        for k, name in ((5, "NaN"), (4, "+Inf"), (0, "\u2212Inf")):
            if out.health[k]:
                kinds.append(f"{count(int(out.health[k]))} {name}")
    gave = f"{where} gave {', '.join(kinds)}" if kinds else f"{where} is not finite"
    if largest > limit**0.25:
        return f"overflow: {gave}; its inputs reach {number(largest)}, and {number(limit)} is the most its dtype holds"
    return f"{gave} from finite inputs (the largest is {number(largest)})"
