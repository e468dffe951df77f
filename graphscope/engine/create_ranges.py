"""New tensors of evenly spaced numbers and of indices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.create_filled import made, module, numpy_dtype, written
from graphscope.engine.device import place
from graphscope.engine.explain import at_line
from graphscope.engine.storage import strided
from graphscope.engine.tensor import Tensor
from graphscope.errors import RangeError


def _number(x: Any) -> Any:
    return x.item() if isinstance(x, (Tensor, np.generic)) else x


def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """start, start + step, ... below end; int64 for integers, else the default dtype."""
    if end is None:
        start, end = 0, start
    start, end, step = _number(start) or 0, _number(end), _number(step)
    if end is None:
        raise at_line(RangeError, "arange needs an end: arange(end), or arange(start, end, step)")
    if step == 0:
        raise at_line(RangeError, "arange: step is 0, so the end is never reached")
    if (end - start) * step < 0:
        raise at_line(
            RangeError,
            f"arange: from {start} to {end} with step {step} goes the wrong way; the step needs the other sign",
        )
    whole = all(isinstance(v, int) for v in (start, end, step))
    if dtype is None:
        dtype = out.dtype if out is not None else dtypes.int64 if whole else None
    kind = numpy_dtype(dtype)
    xp = module(place(device))
    if whole and kind.kind == "i":
        return written(xp.arange(start, end, step, dtype=kind), out, requires_grad)
    # Multiples of the step and not sums of it, in float64, as torch counts.
    a = xp.arange(math.ceil((end - start) / step)) * step + start
    return written(a.astype(kind), out, requires_grad)


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` values from start to end, both included."""
    a = _even(start, end, steps, numpy_dtype(dtype))
    return written(made(a, device)._a, out, requires_grad)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``base`` to the power of ``steps`` evenly spaced exponents from start to end."""
    kind = numpy_dtype(dtype)
    a = np.power(float(base), _even(start, end, steps, np.dtype(np.float64))).astype(kind)
    return written(made(a, device)._a, out, requires_grad)


def _even(start: Any, end: Any, steps: int, kind: Any) -> Any:
    start, end = _number(start), _number(end)
    if steps < 0:
        raise at_line(RangeError, f"the number of steps is {steps}; it cannot be negative")
    if steps == 1:
        return np.full((1,), start, kind)
    wide = kind if kind in (np.float32, np.float64) else np.dtype(np.float64)
    i = np.arange(steps, dtype=wide)
    step = wide.type((end - start) / max(steps - 1, 1))
    # Counted from both ends, so that the last value is exactly the end.
    a = np.where(i < steps // 2, start + step * i, end - step * (steps - 1 - i))
    return a.astype(kind)


def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = dtypes.int64, device: Any = None,
    layout: Any = strided,
) -> Tensor:  # fmt: skip
    """Rows and columns of the elements on and below a diagonal, shape (2, n)."""
    return made(np.stack(np.tril_indices(row, offset, col)).astype(numpy_dtype(dtype)), device)


def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = dtypes.int64, device: Any = None,
    layout: Any = strided,
) -> Tensor:  # fmt: skip
    """Rows and columns of the elements on and above a diagonal, shape (2, n)."""
    return made(np.stack(np.triu_indices(row, offset, col)).astype(numpy_dtype(dtype)), device)
