"""Test inputs shared by the rows: each sample is ``(inputs, params)`` made from a seeded generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Sample = Callable[[Any], tuple[tuple[Any, ...], dict[str, Any]]]


def arrays(*shapes: tuple[int, ...], low: float = -2.0, high: float = 2.0, **params: Any) -> Sample:
    """Uniform float64 arrays of these shapes, with params for the op."""

    def make(rng: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return tuple(rng.uniform(low, high, s) for s in shapes), dict(params)

    return make


def made(function: Callable[[Any], tuple[Any, ...]], **params: Any) -> Sample:
    """Inputs from a function of the generator."""

    def make(rng: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return function(rng), dict(params)

    return make


NORMAL: Sequence[Sample] = (arrays((3, 4)), arrays((5,)), arrays(()), arrays((0, 3)))
POSITIVE: Sequence[Sample] = (
    arrays((3, 4), low=0.2, high=3.0),
    arrays((), low=0.2, high=3.0),
    arrays((2, 0), low=0.2, high=3.0),
)
BROADCAST: Sequence[Sample] = (
    arrays((3, 4), (3, 4)),
    arrays((3, 4), (4,)),
    arrays((3, 1), (1, 4)),
    arrays((2, 3, 4), (3, 1)),
    arrays((3, 4), ()),
    arrays((0, 4), (1, 4)),
)


def generator(name: str) -> Any:
    """A generator seeded by a text, so that a failure can be repeated."""
    return np.random.default_rng(abs(hash_text(name)))


def hash_text(text: str) -> int:
    """A stable hash (Python's own changes from run to run)."""
    value = 0
    for ch in text:
        value = (value * 131 + ord(ch)) & 0x7FFFFFFF
    return value
