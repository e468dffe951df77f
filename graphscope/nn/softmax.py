"""Softmax, gates and the activation with a parameter, as modules."""

from __future__ import annotations

from typing import Any

from graphscope.engine.create import full
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.nn import functional as F
from graphscope.nn import init as starts
from graphscope.nn.activation import Shown
from graphscope.nn.functional.common import error
from graphscope.nn.module import Module
from graphscope.nn.parameter import Parameter

__all__ = ["GLU", "LogSoftmax", "PReLU", "Softmax", "Softmax2d", "Softmin"]


class Softmax(Shown):
    """exp(x) normalised to sum 1 along a dimension."""

    _shown = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Apply the function."""
        return F.softmax(input, self.dim, _stacklevel=5)


class LogSoftmax(Shown):
    """The logarithm of softmax."""

    _shown = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Apply the function."""
        return F.log_softmax(input, self.dim, _stacklevel=5)


class Softmin(Shown):
    """The softmax of -x."""

    _shown = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Apply the function."""
        return F.softmin(input, self.dim, _stacklevel=5)


class GLU(Shown):
    """The first half along a dimension times the sigmoid of the second."""

    _shown = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Apply the function."""
        return F.glu(input, self.dim)


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
