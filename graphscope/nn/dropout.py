"""Dropout layers: active in training mode only."""

from __future__ import annotations

from graphscope.errors import UsageError
from graphscope.nn import functional as F
from graphscope.nn.applied import Applied
from graphscope.nn.functional.common import error

__all__ = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]


class _Dropout(Applied):
    _options = ("p", "training", "inplace")
    _shown = ("p", "inplace")

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__(p=p, inplace=inplace)
        if not 0 <= p <= 1:
            raise error(
                UsageError,
                f"{self._get_name()}: p={p} is no probability; give a number from 0 to 1",
            )


class Dropout(_Dropout):
    """Zeroes elements with probability p while training; see ``functional.dropout``.

    Source: Hinton et al., "Improving neural networks by preventing co-adaptation", 2012.
    """

    _function = staticmethod(F.dropout)


class Dropout1d(_Dropout):
    """Zeroes whole channels of signals with probability p while training."""

    _function = staticmethod(F.dropout1d)


class Dropout2d(_Dropout):
    """Zeroes whole channels of images with probability p while training."""

    _function = staticmethod(F.dropout2d)


class Dropout3d(_Dropout):
    """Zeroes whole channels of volumes with probability p while training."""

    _function = staticmethod(F.dropout3d)


class AlphaDropout(_Dropout):
    """Dropout for SELU networks: it keeps mean and variance.

    Source: Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """

    _function = staticmethod(F.alpha_dropout)


class FeatureAlphaDropout(_Dropout):
    """Alpha dropout of whole channels."""

    _function = staticmethod(F.feature_alpha_dropout)
