"""``noise = gs.tunable("noise", 0.1)``: a number that can be changed from the dashboard while a program runs."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from graphscope.errors import UsageError

ALL: dict[str, Tunable] = {}


class Tunable:
    """Counts as its current number wherever it is used; ``value`` is the number, as a plain float."""

    __array_ufunc__ = None  # numpy leaves the arithmetic to us
    is_live_number = True  # and so does the engine (dispatch._coerce_all)

    def __init__(self, name: str, value: float, low: float | None, high: float | None) -> None:
        self.name, self.low, self.high = name, low, high
        self.check(value)
        self.value = float(value)

    def check(self, value: float) -> None:
        """Raises: UsageError for a number outside of its range."""
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        if not low <= float(value) <= high:
            raise UsageError(
                f"{self.name} lies between {low:g} and {high:g}, so it cannot be {value}"
            )

    def facts(self) -> dict[str, Any]:
        """For the meta row ``control``."""
        return {"name": self.name, "value": self.value, "low": self.low, "high": self.high}

    def __call__(self) -> float:
        return self.value

    def __float__(self) -> float:
        return self.value

    def __int__(self) -> int:
        return int(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __repr__(self) -> str:
        return repr(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)

    def __hash__(self) -> int:
        return id(self)

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.value, digits)


def _forward(run: Callable[[Any, Any], Any]) -> Callable[[Tunable, Any], Any]:
    return lambda self, other: run(
        self.value, float(other) if isinstance(other, Tunable) else other
    )


def _alone(run: Callable[[Any], Any]) -> Callable[[Tunable], Any]:
    return lambda self: run(self.value)


def _reverse(run: Callable[[Any, Any], Any]) -> Callable[[Tunable, Any], Any]:
    return lambda self, other: run(other, self.value)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    _run = getattr(operator, _name)
    setattr(Tunable, f"__{_name}__", _forward(_run))
    setattr(Tunable, f"__r{_name}__", _reverse(_run))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Tunable, f"__{_name}__", _forward(getattr(operator, _name)))
for _name in ("neg", "pos", "abs"):
    setattr(Tunable, f"__{_name}__", _alone(getattr(operator, _name)))


def tunable(
    name: str, value: float, low: float | None = None, high: float | None = None
) -> Tunable:
    """A number that can be changed while the program runs (``profile(control=True)``).

    It counts as a number in arithmetic, with tensors too; what wants a plain float gets ``noise.value``. The
    same name gives the same number again, as it is now.

    Raises: UsageError for a value outside of ``low`` and ``high``.

    Example:
        >>> import graphscope as gs
        >>> noise = gs.tunable("noise", 0.5, low=0, high=1)
        >>> (gs.ones(2) * noise).tolist(), noise + 1
        ([0.5, 0.5], 1.5)
    """
    known = ALL.get(name)
    if known is None:
        known = ALL[str(name)] = Tunable(str(name), value, low, high)
    return known
