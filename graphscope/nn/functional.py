"""Layers as functions, under torch's names: ``import graphscope.nn.functional as F``."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.dispatch import call, unary
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError, UsageError
from graphscope.nn.losses import (
    binary_cross_entropy as binary_cross_entropy,
)
from graphscope.nn.losses import (
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
)
from graphscope.nn.losses import cross_entropy as cross_entropy
from graphscope.nn.losses import l1_loss as l1_loss
from graphscope.nn.losses import mse_loss as mse_loss
from graphscope.nn.losses import nll_loss as nll_loss
from graphscope.nn.losses import reduction_name as reduction_name
from graphscope.nn.losses import smooth_l1_loss as smooth_l1_loss
from graphscope.nn.losses import softplus as softplus
from graphscope.ops import conv as cv
from graphscope.ops import functions as fn
from graphscope.ops import linalg, pool
from graphscope.ops import pointwise as pw
from graphscope.ops.functions import sigmoid as sigmoid
from graphscope.ops.functions import tanh as tanh

Pair = tuple[int, int]


def _run(row: Any, *inputs: Any, **params: Any) -> Tensor:
    out: Tensor = call(row, *inputs, **params)
    return out


def pair(value: Any) -> Pair:
    """One int for both directions, or two."""
    if isinstance(value, (tuple, list)):
        if len(value) == 1:
            return (int(value[0]), int(value[0]))
        return (int(value[0]), int(value[1]))
    return (int(value), int(value))


# ---------------------------------------------------------------- layers


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias over the last dimension."""
    n = input._a.ndim
    if n == 2:
        if bias is not None:
            return _run(linalg.linear, input, weight, bias)
        return fn.mm(input, fn.t(weight))
    if n == 0:
        raise ShapeError("linear: the input is a single number; it needs at least one dimension")
    lead = input._a.shape[:-1]
    flat = linear(fn.reshape(input, -1, input._a.shape[-1]), weight, bias)
    return fn.reshape(flat, *lead, weight._a.shape[0])


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


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability p and scale the others by 1 / (1 - p), while training."""
    if not 0 <= p <= 1:
        raise UsageError(f"dropout: p is a probability, between 0 and 1, not {p}")
    if not training or p == 0:
        return input
    from graphscope.engine.create import to_device
    from graphscope.ops.random import rng

    keep = rng().random(input._a.shape, np.float32) >= p
    mask = Tensor(
        (keep / max(1 - p, 1e-38)).astype(input._a.dtype)
        if p < 1
        else np.zeros_like(keep, input._a.dtype)
    )
    return fn.mul(input, to_device(mask, input.device))


def embedding(input: Tensor, weight: Any) -> Tensor:
    """The rows of ``weight`` with the numbers in ``input``."""
    out: Tensor = weight[input]
    return out


# ---------------------------------------------------------------- functions of one element


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(input, 0)."""
    out: Tensor = unary(pw.relu, input)
    return out


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """input where it is positive, else negative_slope * input."""
    out: Tensor = fn.where(input > 0, input, input * negative_slope)
    return out


def softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """e^input normalised to sum 1 along ``dim``."""
    return fn.softmax(input, _dim(dim), dtype)


def log_softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """The logarithm of softmax, without underflow."""
    return fn.log_softmax(input, _dim(dim), dtype)


def _dim(dim: int | None) -> int:
    if dim is None:
        raise UsageError("softmax: say along which dimension: dim=1 for a batch of class scores")
    return dim


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Class numbers as rows of 0 and 1."""
    a = tensor._host()
    n = int(a.max()) + 1 if num_classes < 0 else num_classes
    if a.size and (a.min() < 0 or a.max() >= n):
        raise UsageError(f"one_hot: the class numbers must be in 0..{n - 1}")
    return Tensor((a[..., None] == np.arange(n)).astype(np.int64))


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """input divided by its 2-norm along ``dim``."""
    return fn.div(input, fn.clamp(fn.norm(input, p, dim, True), min=eps))


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float = 0.0) -> Tensor:
    """Zeros around the last dimensions; ``pad`` counts (left, right) from the last one on."""
    if mode != "constant" or value != 0:
        raise UsageError(
            f"pad: only mode='constant' with value 0 is there, not {mode!r} with {value}"
        )
    shape = list(input._a.shape)
    where = [slice(None)] * len(shape)
    for k in range(len(pad) // 2):
        left, right = pad[2 * k], pad[2 * k + 1]
        where[-1 - k] = slice(left, left + shape[-1 - k])
        shape[-1 - k] += left + right
    from graphscope.ops.index import put_zeros

    return _run(put_zeros, input, index=tuple(where), shape=tuple(shape))
