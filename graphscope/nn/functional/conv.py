"""Convolutions and their transposes, in one and two dimensions; unfold and fold."""

from __future__ import annotations

from typing import Any

from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, ShapeError, UsageError
from graphscope.nn.functional.common import _run, batched, error, several
from graphscope.nn.functional.padding import pad
from graphscope.ops import TABLE

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d", "unfold", "fold"]


def _same(
    input: Tensor, weight: Tensor, stride: Any, dilation: Any, padding: str
) -> tuple[Tensor, tuple[int, ...]]:
    d = weight._a.ndim - 2
    if padding == "valid":
        return input, (0,) * d
    if padding != "same":
        raise error(
            UsageError,
            f"conv{d}d: padding is a number, {d} of them, 'same' or 'valid', not {padding!r}",
        )
    if any(s != 1 for s in stride):
        raise error(ShapeError, f"conv{d}d: padding='same' needs stride 1, not {stride}")
    total = [dilation[k] * (weight._a.shape[2 + k] - 1) for k in range(d)]
    if any(t % 2 for t in total):
        # An even kernel has no middle: as in torch, the odd pixel is added after the end.
        input = pad(input, [x for t in reversed(total) for x in (0, t % 2)])
    return input, tuple(t // 2 for t in total)


def _check_dtypes(name: str, input: Tensor, weight: Tensor, bias: Any) -> None:
    have = input._a.dtype
    for what, t in (("weight", weight), ("bias", bias)):
        if t is not None and t._a.dtype != have:
            raise error(
                DTypeError,
                f"{name}: the input is {input.dtype}, the {what} is {t.dtype}. They need one dtype: convert the "
                "input with .to(dtype), or the layer with .double() or .float()",
            )


def _conv(
    d: int, input: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:  # fmt: skip
    _check_dtypes(f"conv{d}d", input, weight, bias)
    step, wide = several(stride, d), several(dilation, d)
    if isinstance(padding, str):
        input, border = _same(input, weight, step, wide, padding)
    else:
        border = several(padding, d)
    if any(s < 1 for s in step):
        raise error(ShapeError, f"conv{d}d: the stride must be positive, not {step}")
    if any(p < 0 for p in border):
        raise error(
            ShapeError, f"conv{d}d: padding={border} is negative; cut the input with F.pad instead"
        )
    row = TABLE[f"conv{d}d"]
    extra = () if bias is None else (bias,)
    out: Tensor = batched(input, d, lambda x: _run(
        row, x, weight, *extra, stride=step, padding=border, dilation=wide, groups=groups,
        size=x._a.shape[2:], kernel=weight._a.shape[2:]))  # fmt: skip
    return out


def conv1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Slide the kernels ``weight`` (O, C/groups, k) over the signals ``input`` (N, C, L)."""
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Slide the kernels ``weight`` (O, C/groups, kh, kw) over the images ``input`` (N, C, H, W)."""
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


def _conv_transpose(
    d: int, input: Tensor, weight: Tensor, bias: Any, stride: Any, padding: Any, output_padding: Any,
    groups: int, dilation: Any,
) -> Tensor:  # fmt: skip
    _check_dtypes(f"conv_transpose{d}d", input, weight, bias)
    step, border, wide = several(stride, d), several(padding, d), several(dilation, d)
    extra = several(output_padding, d)
    if any(e >= max(s, w) for e, s, w in zip(extra, step, wide, strict=True)):
        raise error(
            ShapeError,
            f"conv_transpose{d}d: output_padding={extra} is too large for stride={step} and dilation={wide}; in each "
            "dimension it stays below the larger of the two",
        )
    kernel = weight._a.shape[2:]
    inputs = () if bias is None else (bias,)

    def one(x: Tensor) -> Tensor:
        size = tuple(
            (x._a.shape[2 + k] - 1) * step[k] - 2 * border[k] + wide[k] * (kernel[k] - 1) + extra[k] + 1
            for k in range(min(d, x._a.ndim - 2))
        )  # fmt: skip
        return _run(
            TABLE[f"conv_transpose{d}d"], x, weight, *inputs, stride=step, padding=border,
            dilation=wide, groups=groups, size=size, kernel=kernel,
        )  # fmt: skip

    out: Tensor = batched(input, d, one)
    return out


def conv_transpose1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """Paint the kernels ``weight`` (C, O/groups, k) at each step of ``input`` (N, C, L)."""
    return _conv_transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)  # fmt: skip


def conv_transpose2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """Paint the kernels ``weight`` (C, O/groups, kh, kw) at each pixel of ``input`` (N, C, H, W)."""
    return _conv_transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)  # fmt: skip


def unfold(
    input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """All windows of the images as columns, (N, C * kh * kw, L)."""
    kernel = several(kernel_size, 2)
    out: Tensor = batched(input, 2, lambda x: _run(
        TABLE["im2col"], x, kernel=kernel, dilation=several(dilation, 2), padding=several(padding, 2),
        stride=several(stride, 2), size=x._a.shape[2:]))  # fmt: skip
    return out


def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:  # fmt: skip
    """Add columns (N, C * kh * kw, L) up into images of ``output_size``."""
    out: Tensor = batched(input, 1, lambda x: _run(
        TABLE["col2im"], x, size=several(output_size, 2), kernel=several(kernel_size, 2),
        dilation=several(dilation, 2), padding=several(padding, 2), stride=several(stride, 2)))  # fmt: skip
    return out
