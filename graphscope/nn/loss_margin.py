"""Losses with margins and distances, as modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.nn import functional as F
from graphscope.nn.loss import Loss, WeightedLoss

__all__ = [
    "CosineEmbeddingLoss", "HingeEmbeddingLoss", "MarginRankingLoss", "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss", "MultiMarginLoss", "SoftMarginLoss", "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]  # fmt: skip


class _Margin(Loss):
    _options: ClassVar[tuple[str, ...]] = ("margin", "reduction")

    def __init__(
        self, margin: float = 0.0, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.margin = margin


class HingeEmbeddingLoss(_Margin):
    """The input where the target is 1, max(0, margin - input) where it is -1."""

    _function = staticmethod(F.hinge_embedding_loss)

    def __init__(
        self, margin: float = 1.0, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(margin, size_average, reduce, reduction)


class MarginRankingLoss(_Margin):
    """How far two inputs are from the order that the target asks for."""

    _function = staticmethod(F.margin_ranking_loss)


class CosineEmbeddingLoss(_Margin):
    """1 - cos for pairs that belong together, max(0, cos - margin) for others."""

    _function = staticmethod(F.cosine_embedding_loss)


class SoftMarginLoss(Loss):
    """Logistic loss with targets -1 and 1."""

    _function = staticmethod(F.soft_margin_loss)


class MultiLabelMarginLoss(Loss):
    """Margin loss where each target row lists the right classes."""

    _function = staticmethod(F.multilabel_margin_loss)


class MultiLabelSoftMarginLoss(WeightedLoss):
    """Mean over classes of the cross entropy of each class's logit with 0 or 1."""

    _function = staticmethod(F.multilabel_soft_margin_loss)


class MultiMarginLoss(WeightedLoss):
    """Margin between the score of the right class and those of the others."""

    _function = staticmethod(F.multi_margin_loss)
    _options = ("p", "margin", "weight", "reduction")

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, size_average: Any = None,
        reduce: Any = None, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(weight, size_average, reduce, reduction)
        self.p, self.margin = p, margin
        if p not in (1, 2):
            raise at_line(UsageError, f"MultiMarginLoss: the power p={p} is neither 1 nor 2")
        if weight is not None and weight.dim() != 1:
            raise at_line(
                UsageError,
                f"MultiMarginLoss: the weight {tuple(weight.shape)} must be one row, a number per class",
            )


class _Triplet(Loss):
    def _set(self, margin: float, swap: bool) -> None:
        if margin <= 0:
            raise at_line(
                UsageError,
                f"{self._get_name()}: margin={margin} leaves no gap; give a number above 0",
            )
        self.margin, self.swap = margin, swap


class TripletMarginLoss(_Triplet):
    """max(0, margin + distance to the positive - distance to the negative)."""

    _function = staticmethod(F.triplet_margin_loss)
    _options = ("margin", "p", "eps", "swap", "reduction")

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, size_average: Any = None,
        reduce: Any = None, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self._set(margin, swap)
        self.p, self.eps = p, eps


class TripletMarginWithDistanceLoss(_Triplet):
    """The triplet loss with a distance of your own."""

    _function = staticmethod(F.triplet_margin_with_distance_loss)
    _options = ("distance_function", "margin", "swap", "reduction")

    def __init__(
        self, *, distance_function: Callable[[Tensor, Tensor], Tensor] | None = None, margin: float = 1.0,
        swap: bool = False, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(reduction=reduction)
        self._set(margin, swap)
        self.distance_function = distance_function or F.pairwise_distance
