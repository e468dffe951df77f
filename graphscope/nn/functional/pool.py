"""Pooling, with torch's options."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import call
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.nn.functional.common import _run, batched, error, several
from graphscope.ops import TABLE
from graphscope.ops import functions as fn

__all__ = [
    "max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d", "lp_pool1d", "lp_pool2d", "max_unpool2d",
    "max_pool1d_with_indices", "max_pool2d_with_indices", "adaptive_avg_pool1d", "adaptive_avg_pool2d",
    "adaptive_max_pool1d", "adaptive_max_pool2d",
]  # fmt: skip


def _max_pool(
    d: int, input: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool,
    return_indices: bool,
) -> Any:  # fmt: skip
    kernel = several(kernel_size, d)
    step = kernel if stride is None or stride in ((), []) else several(stride, d)
    row = TABLE[f"max_pool{d}d_with_indices" if return_indices else f"max_pool{d}d"]
    return batched(input, d, lambda x: call(
        row, x, kernel=kernel, stride=step, padding=several(padding, d), dilation=several(dilation, d),
        ceil_mode=bool(ceil_mode), size=x._a.shape[2:]))  # fmt: skip


def max_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest element of each window of signals (N, C, L)."""
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest element of each window; the stride is the window's size unless given."""
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool1d_with_indices(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """``max_pool1d`` with the winners' places."""
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool2d_with_indices(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """``max_pool2d`` with the winners' places in their images."""
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:  # fmt: skip
    """Put pooled values back at their places; everything else is zero."""
    k, p = several(kernel_size, 2), several(padding, 2)
    s = k if stride is None else several(stride, 2)
    if output_size is None:
        h, w = ((input._a.shape[i - 2] - 1) * s[i] - 2 * p[i] + k[i] for i in (0, 1))
    else:
        h, w = tuple(output_size)[-2:]
    return _run(TABLE["max_unpool2d"], input, indices, size=(int(h), int(w)))


def _avg_pool(
    d: int, input: Tensor, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Tensor:  # fmt: skip
    kernel = several(kernel_size, d)
    step = kernel if stride is None or stride in ((), []) else several(stride, d)
    if divisor_override == 0:
        raise error(UsageError, "avg_pool2d: divisor_override must not be zero")
    out: Tensor = batched(input, d, lambda x: _run(
        TABLE[f"avg_pool{d}d"], x, kernel=kernel, stride=step, padding=several(padding, d),
        ceil_mode=bool(ceil_mode), count_include_pad=bool(count_include_pad),
        divisor_override=divisor_override, size=x._a.shape[2:]))  # fmt: skip
    return out


def avg_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window of signals (N, C, L)."""
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window; padding counts as zeros unless count_include_pad is false."""
    return _avg_pool(
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _lp_pool(d: int, input: Tensor, norm_type: float, kernel_size: Any, stride: Any, ceil: bool) -> Tensor:  # fmt: skip
    kernel = several(kernel_size, d)
    area = 1
    for k in kernel:
        area *= k
    mean = _avg_pool(d, fn.pow(input, norm_type), kernel, stride, 0, ceil, True, None)
    # As torch: the sign keeps odd norms of negative sums from becoming nan.
    total = fn.mul(fn.mul(fn.sign(mean), fn.relu(fn.abs(mean))), area)
    return fn.pow(total, 1.0 / norm_type)


def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """The p-norm of each window of signals."""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """The p-norm of each window."""
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def _wanted(output_size: Any, have: tuple[int, ...]) -> tuple[int, ...]:
    """The output size, where None means as many as there are."""
    d = len(have)
    want = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * d
    return tuple(h if w is None else int(w) for w, h in zip(want, have, strict=True))


def _adaptive_avg(d: int, input: Tensor, output_size: Any) -> Tensor:
    out: Tensor = batched(input, d, lambda x: _run(
        TABLE[f"adaptive_avg_pool{d}d"], x, out_size=_wanted(output_size, x._a.shape[2:]),
        size=x._a.shape[2:]))  # fmt: skip
    return out


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Means over as many windows as asked for."""
    return _adaptive_avg(1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over as many windows as asked for; they differ by a pixel where they do not divide evenly."""
    return _adaptive_avg(2, input, output_size)


def _adaptive_max(d: int, input: Tensor, output_size: Any, return_indices: bool) -> Any:
    def one(x: Tensor) -> Any:
        have = x._a.shape[2:]
        return call(
            TABLE[f"adaptive_max_pool{d}d"], x, out_size=_wanted(output_size, have), size=have
        )

    values, indices = batched(input, d, one)
    return (values, indices) if return_indices else values


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of as many windows as asked for."""
    return _adaptive_max(1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of as many windows as asked for."""
    return _adaptive_max(2, input, output_size, return_indices)
