"""Helpers around training, under torch's names."""

from graphscope.utils import data as data
from graphscope.utils import tensorboard as tensorboard

__all__ = ["data", "tensorboard"]
