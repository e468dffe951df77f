"""Layers that put a border around their input."""

from __future__ import annotations

from typing import Any

from graphscope.engine.tensor import Tensor
from graphscope.nn import functional as F
from graphscope.nn.functional.common import several
from graphscope.nn.module import Module

__all__ = [
    "ZeroPad1d", "ZeroPad2d", "ConstantPad1d", "ConstantPad2d", "ReflectionPad1d", "ReflectionPad2d",
    "ReplicationPad1d", "ReplicationPad2d", "CircularPad1d", "CircularPad2d",
]  # fmt: skip


class _Pad(Module):
    _dims = 2
    _mode = "constant"

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = several(padding, 2 * self._dims)

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        """The border, as torch shows it."""
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """Border and value, as torch shows them."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """A border of one value: (left, right)."""

    _dims = 1


class ConstantPad2d(_ConstantPad):
    """A border of one value: (left, right, top, bottom)."""


class ZeroPad1d(ConstantPad1d):
    """A border of zeros: (left, right)."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    extra_repr = _Pad.extra_repr


class ZeroPad2d(ConstantPad2d):
    """A border of zeros: (left, right, top, bottom)."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    extra_repr = _Pad.extra_repr


class ReflectionPad1d(_Pad):
    """A border that mirrors what lies inside."""

    _dims, _mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """A border that mirrors what lies inside."""

    _mode = "reflect"


class ReplicationPad1d(_Pad):
    """A border that repeats the outermost elements."""

    _dims, _mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """A border that repeats the outermost pixels."""

    _mode = "replicate"


class CircularPad1d(_Pad):
    """A border from the opposite end."""

    _dims, _mode = 1, "circular"


class CircularPad2d(_Pad):
    """A border from the opposite side."""

    _mode = "circular"
