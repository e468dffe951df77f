"""Python numbers in formulas as 0-d arrays that are kept: numpy takes half of the time for those."""

from __future__ import annotations

from typing import Any

import numpy as np

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
_kept32: dict[float, Any] = {}
_kept64: dict[float, Any] = {}


def scalar(value: float, like: Any) -> Any:
    """``value`` in the dtype of the numpy array ``like``; unchanged beside anything else.

    Example:
        >>> scalar(2, np.ones(3, np.float32)).dtype
        dtype('float32')
    """
    if type(like) is not np.ndarray:
        return value
    dtype = like.dtype
    if dtype is _FLOAT32:
        kept = _kept32
    elif dtype is _FLOAT64:
        kept = _kept64
    else:
        return dtype.type(value) if dtype.kind == "f" else value
    found = kept.get(value)
    if found is None:
        found = np.array(value, dtype)
        found.flags.writeable = False
        if value and value == value and len(kept) < 4096:
            kept[value] = found  # neither a NaN nor zero, since 0.0 == -0.0
    return found


_zero32, _zero64 = np.zeros((), np.float32), np.zeros((), np.float64)
_zero32.flags.writeable = _zero64.flags.writeable = False


def zero(like: Any) -> Any:
    """0 beside an array, as ``scalar`` does it."""
    if type(like) is np.ndarray:
        dtype = like.dtype
        if dtype is _FLOAT32:
            return _zero32
        if dtype is _FLOAT64:
            return _zero64
    return 0
