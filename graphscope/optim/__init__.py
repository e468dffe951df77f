"""Optimizers, under torch's names."""

from graphscope.optim import lr_scheduler as lr_scheduler
from graphscope.optim import swa_utils as swa_utils
from graphscope.optim.adam import Adam, Adamax, AdamW, NAdam, RAdam
from graphscope.optim.adaptive import Adadelta, Adagrad, RMSprop, Rprop
from graphscope.optim.lbfgs import LBFGS
from graphscope.optim.optimizer import Optimizer
from graphscope.optim.sgd import ASGD, SGD

__all__ = [
    "ASGD", "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "Optimizer", "RAdam",
    "RMSprop", "Rprop", "lr_scheduler", "swa_utils",
]  # fmt: skip
