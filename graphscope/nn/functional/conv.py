"""Convolutions."""

from __future__ import annotations

from typing import Any

from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.nn.functional.common import Pair, _run, pair
from graphscope.ops import conv as cv
from graphscope.ops import functions as fn

__all__ = ["conv2d"]


def _same(weight: Tensor, stride: Pair, dilation: Pair, padding: str) -> Pair:
    if padding == "valid":
        return (0, 0)
    if padding != "same":
        raise UsageError(f"conv2d: padding is a number, a pair, 'same' or 'valid', not {padding!r}")
    total = [dilation[k] * (weight._a.shape[2 + k] - 1) for k in (0, 1)]
    if stride != (1, 1) or total[0] % 2 or total[1] % 2:
        raise UsageError(
            "conv2d: padding='same' needs stride 1 and an odd kernel; give padding as numbers"
        )
    return (total[0] // 2, total[1] // 2)


def conv2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Slide the kernels ``weight`` (O, C/groups, kh, kw) over the images ``input`` (N, C, H, W)."""
    if input._a.ndim == 3:
        return fn.squeeze(
            conv2d(fn.unsqueeze(input, 0), weight, bias, stride, padding, dilation, groups), 0
        )
    step, wide = pair(stride), pair(dilation)
    border = _same(weight, step, wide, padding) if isinstance(padding, str) else pair(padding)
    inputs = (input, weight) if bias is None else (input, weight, bias)
    return _run(
        cv.conv2d, *inputs, stride=step, padding=border, dilation=wide, groups=groups,
        size=input._a.shape[2:], kernel=weight._a.shape[2:],
    )  # fmt: skip
