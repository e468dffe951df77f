"""Pooling."""

from __future__ import annotations

from typing import Any

from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.nn.functional.common import _run, pair
from graphscope.ops import functions as fn
from graphscope.ops import pool

__all__ = ["max_pool2d", "avg_pool2d", "adaptive_avg_pool2d"]


def _pool(row: Any, input: Tensor, kernel_size: Any, stride: Any, padding: Any) -> Tensor:
    if input._a.ndim == 3:
        return fn.squeeze(_pool(row, fn.unsqueeze(input, 0), kernel_size, stride, padding), 0)
    kernel = pair(kernel_size)
    return _run(
        row, input, kernel=kernel, stride=kernel if stride is None else pair(stride),
        padding=pair(padding), size=input._a.shape[2:],
    )  # fmt: skip


def max_pool2d(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Tensor:
    """The largest element of each window; the stride is the window's size unless given."""
    return _pool(pool.max_pool2d, input, kernel_size, stride, padding)


def avg_pool2d(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Tensor:
    """The mean of each window (padding counts as zeros)."""
    return _pool(pool.avg_pool2d, input, kernel_size, stride, padding)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over as many windows as asked for; the image must divide evenly."""
    want = pair(output_size)
    h, w = input._a.shape[-2:]
    if h % want[0] or w % want[1]:
        raise UsageError(
            f"adaptive_avg_pool2d: {(h, w)} pixels do not divide into {want} equal windows; "
            "use avg_pool2d with a kernel size"
        )
    return avg_pool2d(input, (h // want[0], w // want[1]))
