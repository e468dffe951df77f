"""Helpers around training, under torch's names."""

from graphscope.utils import data as data

__all__ = ["data"]
