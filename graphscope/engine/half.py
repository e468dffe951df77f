"""float16 where its range or precision is too small on the way: computed in float32, as torch does."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from graphscope.engine.tensor import Tensor

_F = TypeVar("_F", bound=Callable[..., Any])


def in_float32(function: _F) -> _F:
    """The function, which for float16 works in float32 and gives float16: squares of 300 do not fit into it."""

    @wraps(function)
    def run(input: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(input, "_a", _NoTensor).dtype.char != "e":
            return function(input, *args, **kwargs)
        wide = [_cast(x, "e", np.float32) for x in (input, *args)]
        out = function(*wide, **{k: _cast(v, "e", np.float32) for k, v in kwargs.items()})
        if isinstance(out, tuple):
            return tuple(_cast(x, "f", np.float16) for x in out)
        return _cast(out, "f", np.float16)

    return run  # type: ignore[return-value]


class _NoTensor:
    dtype = np.dtype(np.float32)


def _cast(x: Any, char: str, dtype: Any) -> Any:
    if not isinstance(x, Tensor) or x._a.dtype.char != char:
        return x
    from graphscope.engine.dispatch import cast

    return cast(x, dtype)
