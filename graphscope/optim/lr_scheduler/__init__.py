"""Learning rates that change while training goes on, under torch's names."""

from graphscope.optim.lr_scheduler.base import LRScheduler, _LRScheduler
from graphscope.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from graphscope.optim.lr_scheduler.cycles import CyclicLR, OneCycleLR
from graphscope.optim.lr_scheduler.decay import (
    ConstantLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from graphscope.optim.lr_scheduler.functions import LambdaLR, MultiplicativeLR
from graphscope.optim.lr_scheduler.joined import ChainedScheduler, SequentialLR
from graphscope.optim.lr_scheduler.plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR",
    "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "OneCycleLR",
    "PolynomialLR", "ReduceLROnPlateau", "SequentialLR", "StepLR", "_LRScheduler",
]  # fmt: skip
