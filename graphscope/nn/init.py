"""Initial values of parameters, under torch's names. All write in place and record no gradient."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from graphscope.engine.create import to_device
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.engine.versions import wrote
from graphscope.errors import ShapeError, UsageError
from graphscope.ops.random import Generator, rng

_GAINS = {
    "linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "conv_transpose1d": 1.0,
    "conv_transpose2d": 1.0, "conv_transpose3d": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2),
    "selu": 3 / 4,
}  # fmt: skip


def _set(tensor: Tensor, values: Any) -> Tensor:
    # Not through dispatch: initial values are no step of the training, and are not recorded as one.
    values = np.asarray(values).astype(tensor._a.dtype, copy=False)
    tensor._a[...] = (
        values if isinstance(tensor._a, np.ndarray) else to_device(Tensor(values), tensor.device)._a
    )
    wrote(tensor._a, _INIT)
    return tensor


class _Init:
    """The name of these writes for version counters."""

    name, kernel = "nn.init", None


_INIT = _Init()


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


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Normal numbers, drawn again where they fall outside of [a, b] (both are values, not deviations)."""
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            f"trunc_normal_: mean={mean} lies more than two deviations (std={std}) outside of [{a}, {b}], so the "
            "values crowd at one end. The limits are values, not numbers of deviations.",
            stacklevel=2,
        )
    source = rng(generator)
    low, high = (0.5 * (1 + math.erf((x - mean) / (std * math.sqrt(2)))) for x in (a, b))
    values = source.standard_normal(tensor._a.shape, np.float64) * std + mean
    if (
        high - low < 1e-3
    ):  # next to nothing would be accepted: uniform there, which is near the truth
        return _set(tensor, source.uniform(a, b, tensor._a.shape))
    wrong = (values < a) | (values > b)
    while wrong.any():
        values[wrong] = source.standard_normal(int(wrong.sum())) * std + mean
        wrong = (values < a) | (values > b)
    return _set(tensor, values)


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
        raise at_line(ShapeError, f"eye_: {tuple(tensor._a.shape)} is no shape of a matrix")
    return _set(tensor, np.eye(*tensor._a.shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Convolution weights that hand each channel on: a one in the middle of its own kernel."""
    shape = tensor._a.shape
    if len(shape) not in (3, 4, 5):
        raise at_line(
            ShapeError,
            f"dirac_: {tuple(shape)} is no shape of a convolution's weight, (O, C, k), (O, C, kh, kw) or with one more",
        )
    if shape[0] % groups:
        raise at_line(
            ShapeError,
            f"dirac_: {shape[0]} output channels do not make groups={groups} equal groups",
        )
    per_group = shape[0] // groups
    values = np.zeros(shape)
    d = np.arange(min(per_group, shape[1]))
    middle = tuple(s // 2 for s in shape[2:])
    for group in range(groups):
        values[(group * per_group + d, d, *middle)] = 1
    return _set(tensor, values)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much to scale so that a nonlinearity keeps the variance.

    Source: He et al., "Delving Deep into Rectifiers", for relu and leaky_relu: sqrt(2 / (1 + slope**2)).
    """
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, (int, float))):
            raise at_line(
                UsageError, f"calculate_gain: the slope of leaky_relu is a number, not {param!r}"
            )
        slope = 0.01 if param is None else float(param)
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise at_line(
            UsageError,
            f"calculate_gain: no gain is known for nonlinearity={nonlinearity!r}; there are {', '.join(_GAINS)}, "
            "leaky_relu",
        )
    return _GAINS[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs and outputs each weight's unit has."""
    shape = tensor._a.shape
    if len(shape) < 2:
        raise at_line(
            ShapeError,
            f"initial values by inputs and outputs (fan in, fan out) are for weights (O, I, ...), and this tensor is "
            f"{tuple(shape)}; fill a bias with zeros_ or uniform_",
        )
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


_calculate_fan_in_and_fan_out = fans  # torch's own name, which programs use


def _nothing(tensor: Tensor) -> bool:
    if 0 not in tensor._a.shape:
        return False
    warnings.warn(
        f"a tensor {tuple(tensor._a.shape)} has no elements to give initial values to", stacklevel=3
    )
    return True


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode.lower() not in ("fan_in", "fan_out"):
        raise at_line(
            UsageError,
            f"there is no mode={mode!r}; 'fan_in' keeps the variance of outputs, 'fan_out' that of gradients",
        )
    fan = fans(tensor)[0 if mode.lower() == "fan_in" else 1]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Uniform numbers that keep the variance through layers of rectifiers (He et al.)."""
    if _nothing(tensor):
        return tensor
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """Normal numbers that keep the variance through layers of rectifiers (He et al.)."""
    if _nothing(tensor):
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


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Rows (or columns, if there are fewer of them) of length ``gain`` at right angles (Saxe et al., 2013)."""
    shape = tensor._a.shape
    if len(shape) < 2:
        raise at_line(
            ShapeError,
            f"orthogonal_: a tensor {tuple(shape)} has no rows; it needs a matrix or more",
        )
    if not tensor._a.size:
        return tensor
    rows, columns = shape[0], tensor._a.size // shape[0]
    flat = rng(generator).standard_normal((rows, columns))
    q, r = np.linalg.qr(flat.T if rows < columns else flat)
    q = q * np.sign(np.diag(r))  # without this the directions are not uniform
    return _set(tensor, (q.T if rows < columns else q).reshape(shape) * gain)


def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Tensor:
    """Normal numbers, with a share ``sparsity`` of zeros in each column (Martens, 2010)."""
    if tensor._a.ndim != 2:
        raise at_line(ShapeError, f"sparse_: {tuple(tensor._a.shape)} is no shape of a matrix")
    rows, columns = tensor._a.shape
    source = rng(generator)
    values = source.standard_normal((rows, columns)) * std
    order = source.random((rows, columns)).argsort(0)
    values[order < math.ceil(sparsity * rows)] = 0
    return _set(tensor, values)
