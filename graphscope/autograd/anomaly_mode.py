"""Find the op whose gradient went wrong: forward lines are noted, and NaN in a gradient raises."""

from __future__ import annotations

from typing import Any

from graphscope.engine import anomaly
from graphscope.engine.modes import _Decorates

__all__ = [
    "detect_anomaly",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "set_detect_anomaly",
]

is_anomaly_enabled = anomaly.enabled
is_anomaly_check_nan_enabled = anomaly.check_nan_enabled


class detect_anomaly(_Decorates):  # noqa: N801 - torch's name
    """Inside the ``with`` block an error in backward names the line of its forward op.

    check_nan: a gradient with NaN in it is such an error.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        self._before: list[tuple[bool, bool]] = []

    def _again(self) -> Any:
        return detect_anomaly(self.check_nan)

    def __enter__(self) -> None:
        self._before.append((anomaly.enabled(), anomaly.check_nan_enabled()))
        anomaly.switch(True, self.check_nan)

    def __exit__(self, *exc: object) -> None:
        anomaly.switch(*self._before.pop())


class set_detect_anomaly(_Decorates):  # noqa: N801 - torch's name
    """Switch anomaly mode on or off: a call or a context manager."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._mode = (mode, check_nan)
        self._before = (anomaly.enabled(), anomaly.check_nan_enabled())
        anomaly.switch(mode, check_nan)

    def _again(self) -> Any:
        return set_detect_anomaly(*self._mode)

    def __enter__(self) -> None:
        anomaly.switch(*self._mode)

    def __exit__(self, *exc: object) -> None:
        anomaly.switch(*self._before)
