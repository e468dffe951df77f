"""Losses as modules."""

from __future__ import annotations

from typing import Any, ClassVar

from graphscope.engine.tensor import Tensor
from graphscope.nn import functional as F
from graphscope.nn.applied import Applied
from graphscope.nn.functional.loss import reduction_name

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "GaussianNLLLoss", "HuberLoss", "KLDivLoss", "L1Loss",
    "MSELoss", "NLLLoss", "NLLLoss2d", "PoissonNLLLoss", "SmoothL1Loss",
]  # fmt: skip


class Loss(Applied):
    """A loss that is reduced to its 'mean' or 'sum', or not at all ('none').

    'elementwise_mean' and size_average/reduce, torch's spellings of old, are understood.
    """

    _options: ClassVar[tuple[str, ...]] = ("reduction",)

    def __init__(
        self, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
    ) -> None:
        batch = reduction == "batchmean" and size_average is None and reduce is None
        how = reduction if batch else reduction_name(reduction, size_average, reduce)
        super().__init__(reduction=how)


class WeightedLoss(Loss):
    """A loss with a weight for each class or element, which moves with the module."""

    weight: Any
    _options: ClassVar[tuple[str, ...]] = ("weight", "reduction")

    def __init__(
        self, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class MSELoss(Loss):
    """Squared differences."""

    _function = staticmethod(F.mse_loss)


class L1Loss(Loss):
    """Absolute differences."""

    _function = staticmethod(F.l1_loss)


class SmoothL1Loss(Loss):
    """Squares near zero, absolute differences elsewhere."""

    _function = staticmethod(F.smooth_l1_loss)
    _options = ("reduction", "beta")

    def __init__(
        self, size_average: Any = None, reduce: Any = None, reduction: str = "mean", beta: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.beta = beta


class HuberLoss(Loss):
    """Half squares near zero, lines of slope delta elsewhere."""

    _function = staticmethod(F.huber_loss)
    _options = ("reduction", "delta")

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta


class BCELoss(WeightedLoss):
    """Cross entropy of probabilities with 0 or 1."""

    _function = staticmethod(F.binary_cross_entropy)


class BCEWithLogitsLoss(WeightedLoss):
    """Cross entropy of logits with probabilities of one class."""

    pos_weight: Any
    _function = staticmethod(F.binary_cross_entropy_with_logits)
    _options = ("weight", "pos_weight", "reduction")

    def __init__(
        self, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)


class NLLLoss(WeightedLoss):
    """Minus the log-probability of the right class."""

    _function = staticmethod(F.nll_loss)
    _options = ("weight", "ignore_index", "reduction")

    def __init__(
        self, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100,
        reduce: Any = None, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index


class NLLLoss2d(NLLLoss):
    """The old name of NLLLoss for images."""


class CrossEntropyLoss(WeightedLoss):
    """Cross entropy of logits with class numbers, or with class probabilities."""

    _function = staticmethod(F.cross_entropy)
    _options = ("weight", "ignore_index", "reduction", "label_smoothing")

    def __init__(
        self, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100,
        reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing


class KLDivLoss(Loss):
    """Divergence of log-probabilities from probabilities."""

    _function = staticmethod(F.kl_div)
    _options = ("reduction", "log_target")

    def __init__(
        self, size_average: Any = None, reduce: Any = None, reduction: str = "mean", log_target: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target


class PoissonNLLLoss(Loss):
    """Minus the log-likelihood of counts."""

    _function = staticmethod(F.poisson_nll_loss)
    _options = ("log_input", "full", "eps", "reduction")

    def __init__(
        self, log_input: bool = True, full: bool = False, size_average: Any = None, eps: float = 1e-8,
        reduce: Any = None, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.log_input, self.full, self.eps = log_input, full, eps


class GaussianNLLLoss(Loss):
    """Minus the log-likelihood of a normal distribution with a predicted variance."""

    _function = staticmethod(F.gaussian_nll_loss)
    _options = ("full", "eps", "reduction")

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.full, self.eps = full, eps
