"""Dropout layers: active in training mode only."""

from __future__ import annotations

from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.nn import functional as F
from graphscope.nn.functional.common import error
from graphscope.nn.module import Module

__all__ = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]


class _Dropout(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise error(
                UsageError,
                f"{self._get_name()}: p={p} is no probability; give a number from 0 to 1",
            )
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Its probability, as torch shows it."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Zeroes elements with probability p while training; see ``functional.dropout``.

    Source: Hinton et al., "Improving neural networks by preventing co-adaptation", 2012.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """Zeroes whole channels of signals with probability p while training."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """Zeroes whole channels of images with probability p while training."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    """Zeroes whole channels of volumes with probability p while training."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout for SELU networks: it keeps mean and variance.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_Dropout):
    """Alpha dropout of whole channels."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
