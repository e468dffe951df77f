"""Softmax, gates and the activation with a parameter, as modules."""

from __future__ import annotations

from typing import Any

from graphscope.engine.create import full
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.nn import functional as F
from graphscope.nn import init as starts
from graphscope.nn.applied import Applied
from graphscope.nn.functional.common import error
from graphscope.nn.module import Module
from graphscope.nn.parameter import Parameter

__all__ = ["GLU", "LogSoftmax", "PReLU", "Softmax", "Softmax2d", "Softmin"]


class _AlongDim(Applied):
    _options = ("dim", "_stacklevel")
    _shown = ("dim",)
    _stacklevel = 5  # where the warning about a missing dim finds the call of the module

    def __init__(self, dim: int | None = None) -> None:
        super().__init__(dim=dim)


class Softmax(_AlongDim):
    """exp(x) normalised to sum 1 along a dimension."""

    _function = staticmethod(F.softmax)


class LogSoftmax(_AlongDim):
    """The logarithm of softmax."""

    _function = staticmethod(F.log_softmax)


class Softmin(_AlongDim):
    """The softmax of -x."""

    _function = staticmethod(F.softmin)


class GLU(Applied):
    """The first half along a dimension times the sigmoid of the second."""

    _function = staticmethod(F.glu)
    _options = _shown = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        super().__init__(dim=dim)


class Softmax2d(Module):
    """softmax over the channels of each pixel of (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply the function. Raises: ShapeError for other numbers of dimensions."""
        if input._a.ndim not in (3, 4):
            raise error(
                ShapeError,
                f"Softmax2d: the input {tuple(input._a.shape)} is no image (C, H, W) and no batch (N, C, H, W)",
            )
        return F.softmax(input, -3, _stacklevel=5)


class PReLU(Module):
    """x where it is positive, else w * x with a learnt slope: one, or one for each channel."""

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(full((num_parameters,), float(init), dtype=dtype, device=device))

    def reset_parameters(self) -> None:
        """All slopes as they were at the start."""
        starts.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """Apply the function."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """How many slopes, as torch shows it."""
        return f"num_parameters={self.num_parameters}"
