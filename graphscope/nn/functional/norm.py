"""Normalisation, with torch's signatures."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.half import in_float32
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.nn.functional.common import _run, error
from graphscope.ops import TABLE
from graphscope.ops import functions as fn

__all__ = [
    "batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm",
    "normalize",
]  # fmt: skip


def _channels(input: Tensor) -> tuple[int, ...]:
    """The shape in which one number per channel broadcasts."""
    shape = input._a.shape
    return (1, shape[1], *(1,) * (len(shape) - 2))


def _affine(input: Tensor, weight: Any, bias: Any, shape: Any) -> tuple[Any, ...]:
    if weight is None and bias is not None:
        from graphscope.engine.create import ones

        weight = ones(shape, dtype=input.dtype, device=input.device)
    return tuple(t for t in (weight, bias) if t is not None)


def _check_affine(name: str, channels: int, **given: Any) -> None:
    for what, t in given.items():
        if t is not None and t._a.size != channels:
            raise error(
                ShapeError,
                f"{name}: {what} has {t._a.size} elements for {channels} channels; each channel needs one. Was "
                f"the layer made for another number of channels?",
            )


def batch_norm(
    input: Tensor, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Each channel with mean 0 and variance 1: over the batch in training, else by running statistics.

    In training the running statistics, where given, are moved in place.
    """
    shape = input._a.shape
    if len(shape) < 2:
        raise error(
            ShapeError, f"batch_norm: the input needs a dimension of channels, it is {shape}"
        )
    c = shape[1]
    _check_affine(
        "batch_norm", c, weight=weight, bias=bias, running_mean=running_mean, running_var=running_var
    )  # fmt: skip
    wshape, extra = _channels(input), _affine(input, weight, bias, (c,))
    if not training:
        if running_mean is None or running_var is None:
            raise error(
                ShapeError,
                "batch_norm: without training the statistics come from running_mean and running_var, and one of "
                "them is None; pass both, or training=True",
            )
        return _run(
            TABLE["batch_norm_eval"], input, running_mean, running_var, *extra, eps=float(eps), wshape=wshape
        )  # fmt: skip
    if input._a.size // max(1, c) <= 1 and c:
        raise error(
            ShapeError,
            f"batch_norm: an input of {tuple(shape)} has a single value in each channel, whose variance is 0. "
            "Train with larger batches (drop_last=True drops a rest of one), or call .eval()",
        )
    axes = (0, *range(2, len(shape)))
    return _run(
        TABLE["batch_norm"], input, *extra, axes=axes, eps=float(eps), view=None, wshape=wshape,
        running=_running(running_mean, running_var), momentum=float(momentum),
    )  # fmt: skip


def _running(mean: Any, var: Any) -> Any:
    return None if mean is None or var is None else (mean._a, var._a)


def _normalized(input: Tensor, normalized_shape: Any, name: str) -> tuple[tuple[int, ...], Any]:
    """The normalised sizes and the dimensions that they are."""
    given = normalized_shape
    want = (int(given),) if isinstance(given, (int, np.integer)) else tuple(int(s) for s in given)
    have = input._a.shape
    if not want or tuple(have[len(have) - len(want) :]) != want:
        raise error(
            ShapeError,
            f"{name}: normalized_shape={want} is not how the input {tuple(have)} ends; make the layer with the last "
            "size, or sizes, of what it gets",
        )
    return want, tuple(range(len(have) - len(want), len(have)))


@in_float32
def layer_norm(
    input: Tensor, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Mean 0 and variance 1 over the last dimensions of each sample."""
    shape, axes = _normalized(input, normalized_shape, "layer_norm")
    for what, t in (("weight", weight), ("bias", bias)):
        if t is not None and tuple(t._a.shape) != shape:
            raise error(
                ShapeError,
                f"layer_norm: the {what} is {tuple(t._a.shape)}, it must have the normalized shape {shape}",
            )
    return _run(
        TABLE["layer_norm"], input, *_affine(input, weight, bias, shape), axes=axes, eps=float(eps), view=None, wshape=shape
    )  # fmt: skip


@in_float32
def group_norm(
    input: Tensor, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Mean 0 and variance 1 over each group of channels of each sample."""
    shape = input._a.shape
    if len(shape) < 2:
        raise error(
            ShapeError,
            f"group_norm: the input {tuple(shape)} lacks channels; it is (N, C) or (N, C, ...)",
        )
    n, c, *rest = shape
    if c % num_groups:
        raise error(
            ShapeError,
            f"group_norm: the {c} channels of an input {tuple(shape)} do not make num_groups={num_groups} groups of "
            "one size; choose a divisor",
        )
    _check_affine("group_norm", c, weight=weight, bias=bias)
    view = (n, num_groups, c // num_groups, *rest)
    return _run(
        TABLE["group_norm"], input, *_affine(input, weight, bias, (c,)), axes=tuple(range(2, len(view))),
        eps=float(eps), view=view, wshape=_channels(input),
    )  # fmt: skip


def instance_norm(
    input: Tensor, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Mean 0 and variance 1 over each channel of each sample, or by running statistics."""
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    shape = input._a.shape
    area = int(np.prod(shape[2:]))
    if area <= 1:
        raise error(
            ShapeError,
            f"instance_norm: an input of {tuple(shape)} has one element in each channel of a sample, whose "
            "variance is 0; give larger images, or leave the layer out",
        )
    _check_affine("instance_norm", shape[1], weight=weight, bias=bias)
    return _run(
        TABLE["instance_norm"], input, *_affine(input, weight, bias, (shape[1],)),
        axes=tuple(range(2, len(shape))), eps=float(eps), view=None, wshape=_channels(input),
        running=_running(running_mean, running_var), momentum=float(momentum),
    )  # fmt: skip


def rms_norm(
    input: Tensor, normalized_shape: Any, weight: Any = None, eps: float | None = None
) -> Tensor:
    """Divide by the root of the mean square over the last dimensions."""
    _, axes = _normalized(input, normalized_shape, "rms_norm")
    small = float(np.finfo(input._a.dtype).eps) if eps is None else float(eps)
    extra = () if weight is None else (weight,)
    return _run(TABLE["rms_norm"], input, *extra, axes=axes, eps=small)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Divide each channel by the activity of its ``size`` neighbours (AlexNet)."""
    if input._a.ndim < 3:
        raise error(
            ShapeError,
            f"local_response_norm: the input {tuple(input._a.shape)} is no batch of signals or images, such as "
            "(N, C, L) or (N, C, H, W)",
        )
    return _run(
        TABLE["local_response_norm"], input, size=int(size), alpha=float(alpha), beta=float(beta), k=float(k)
    )  # fmt: skip


def normalize(
    input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None
) -> Tensor:
    """input divided by its p-norm along ``dim``."""
    length = fn.clamp(fn.norm(input, p, dim, True), min=eps)
    got = fn.div(input, length)
    return got if out is None else out.copy_(got)
