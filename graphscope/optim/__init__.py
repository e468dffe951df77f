"""Optimizers, under torch's names."""

from graphscope.optim.adam import Adam, AdamW
from graphscope.optim.optimizer import Optimizer
from graphscope.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]
