"""Initial values of parameters, under torch's names. All write in place and record no gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphscope.engine.create import to_device
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError, UsageError
from graphscope.ops.random import Generator, rng

_GAINS = {
    "linear": 1.0,
    "conv2d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}


def _set(tensor: Tensor, values: Any) -> Tensor:
    # Not through dispatch: initial values are no step of the training, and are not recorded as one.
    values = np.asarray(values).astype(tensor._a.dtype, copy=False)
    tensor._a[...] = (
        values if isinstance(tensor._a, np.ndarray) else to_device(Tensor(values), tensor.device)._a
    )
    return tensor


def _draw(tensor: Tensor) -> Any:
    return np.float64 if tensor._a.dtype == np.float64 else np.float32


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Uniform numbers in [a, b)."""
    values = rng(generator).random(tensor._a.shape, _draw(tensor))
    return _set(tensor, values * (b - a) + a)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Normal numbers of a mean and a standard deviation."""
    return _set(tensor, rng(generator).standard_normal(tensor._a.shape, _draw(tensor)) * std + mean)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """One value everywhere."""
    return _set(tensor, np.full(tensor._a.shape, val))


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return constant_(tensor, 1.0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix."""
    if tensor._a.ndim != 2:
        raise ShapeError(f"eye_ needs a matrix, not shape {tuple(tensor._a.shape)}")
    return _set(tensor, np.eye(*tensor._a.shape))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much to scale so that a nonlinearity keeps the variance.

    Source: He et al., "Delving Deep into Rectifiers", for relu and leaky_relu: sqrt(2 / (1 + slope**2)).
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else float(param)
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise UsageError(
            f"no gain is known for {nonlinearity!r}; there are: {', '.join(_GAINS)}, leaky_relu"
        )
    return _GAINS[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs and outputs each weight's unit has."""
    shape = tensor._a.shape
    if len(shape) < 2:
        raise ShapeError(
            f"fan in and fan out need at least 2 dimensions; the shape is {tuple(shape)}"
        )
    field = 1
    for s in shape[2:]:
        field *= s
    return shape[1] * field, shape[0] * field


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise UsageError(f"mode is 'fan_in' or 'fan_out', not {mode!r}")
    fan = fans(tensor)[0 if mode == "fan_in" else 1]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Uniform numbers that keep the variance through layers of rectifiers (He et al.)."""
    if 0 in tensor._a.shape:
        return tensor
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Normal numbers that keep the variance through layers of rectifiers (He et al.)."""
    if 0 in tensor._a.shape:
        return tensor
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Uniform numbers that keep the variance forward and backward (Glorot and Bengio)."""
    bound = gain * math.sqrt(6 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal numbers that keep the variance forward and backward (Glorot and Bengio)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))), generator)
