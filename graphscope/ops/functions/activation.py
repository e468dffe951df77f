"""The activation functions that torch has beside its arithmetic, in torch's spelling."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.create import to_device
from graphscope.engine.dispatch import as_tensor, call
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import RangeError, ShapeError
from graphscope.ops import activation as act
from graphscope.ops.functions.shape import reshape
from graphscope.ops.random import Generator, rng
from graphscope.ops.rebase import in_place

__all__ = ["selu", "celu", "prelu", "rrelu", "hardshrink", "threshold"]
# Those that are methods of Tensor too.
METHODS = ["prelu", "hardshrink"]

_ALPHA, _SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def selu(input: Any, inplace: bool = False) -> Tensor:
    """The elu whose alpha and scale keep mean 0 and variance 1 (Klambauer et al., 2017)."""
    return apply(act.elu, input, inplace=inplace, alpha=_ALPHA, scale=_SCALE, speed=1.0)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """max(0, x) + min(0, alpha (exp(x / alpha) - 1)) (Barron, 2017)."""
    if alpha == 0:
        raise at_line(RangeError, "celu: alpha=0: the function divides by it; use another")
    return apply(act.elu, input, inplace=inplace, alpha=float(alpha), scale=1.0, speed=1 / alpha)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """input where it is positive, else weight * input; one weight, or one for each channel."""
    n, shape = weight._a.size, input._a.shape
    if weight._a.ndim > 1:
        raise at_line(
            ShapeError, f"prelu: the weight is one number or a row of them, not {weight._a.ndim}-d"
        )
    if n != 1:
        channels = shape[1] if len(shape) > 1 else 1
        if n != channels:
            raise at_line(
                ShapeError,
                f"prelu: {n} weights for {channels} channels (input {tuple(shape)}): give one weight, or "
                "one for each element of dimension 1",
            )
        weight = reshape(weight, (-1,) + (1,) * (len(shape) - 2))
    elif not shape:
        weight = reshape(weight, ())
    out: Tensor = call(act.prelu, input, weight)
    return out


def rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False,
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """A leaky relu with a random slope for each element while training, their mean otherwise."""
    if lower > upper:
        raise at_line(RangeError, f"rrelu: lower {lower} is above upper {upper}")
    if not training:
        return apply(act.leaky_relu, input, inplace=inplace, slope=(lower + upper) / 2)
    slopes = rng(generator).uniform(lower, upper, input._a.shape)
    host = Tensor(np.asarray(slopes, input._a.dtype))
    return apply(act.rrelu, input, to_device(host, input.device), inplace=inplace)


def hardshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """input, but 0 where its absolute value is at most lambd."""
    out: Tensor = call(act.hardshrink, as_tensor(input), lambd=float(lambd))
    return out


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """input where it is above the threshold, else value."""
    return apply(act.threshold, input, inplace=inplace, threshold=threshold, value=value)


def apply(row: Any, input: Any, *others: Tensor, inplace: bool = False, **params: Any) -> Tensor:
    """Run a row; with inplace the input becomes its result (its memory and its place in the graph).

    Raises: AutogradError for writing into a leaf that wants a gradient.
    """
    if not inplace:
        out: Tensor = call(row, input, *others, **params)
        return out
    return in_place(f"{row.name}_", lambda t: apply(row, t, *others, **params))(input)
