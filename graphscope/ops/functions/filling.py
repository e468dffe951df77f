"""Random numbers in place: ``x.uniform_(-1, 1)``."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.create import made
from graphscope.engine.dispatch import as_tensor, call
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, RangeError
from graphscope.ops import inplace, rebase
from graphscope.ops import random as rows
from graphscope.ops.functions.sampling import Draw, between, exponential, standard, unit
from graphscope.ops.random import rng

__all__: list[str] = []
METHODS = [
    "bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "normal_", "random_",
    "uniform_",
]  # fmt: skip


def _filled(name: str, input: Tensor, draw: Draw, generator: Any) -> Tensor:
    """Write drawn numbers into ``input``; draws in its dtype, or in float64 for whole numbers."""
    kind = input._a.dtype if input._a.dtype.kind == "f" else np.dtype(np.float64)
    a = np.asarray(draw(rng(generator), input._a.shape, kind)).astype(input._a.dtype, copy=False)
    drawn = made(a, input.device)
    if rebase.wants_graph(input, ()):
        rebase.check_target(input, name)
        return rebase.write_row(rows.FILLS[name], inplace.copied, input, drawn, was=a.shape)
    return call(rows.FILLS[name], input, drawn)


def _floating(name: str, input: Tensor) -> None:
    if input._a.dtype.kind != "f":
        raise at_line(DTypeError, f"{name} draws floating numbers, the tensor is {input.dtype}")


def uniform_(
    input: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Any = None
) -> Tensor:
    """Fill with uniform numbers in [from_, to)."""
    _floating("uniform_", input)
    if from_ > to:
        raise at_line(
            RangeError, f"uniform_: the range goes from {from_} to {to}, that is backwards"
        )

    def draw(r: Any, shape: Any, kind: Any) -> Any:
        return unit(r, shape, kind) * kind.type(to - from_) + kind.type(from_)

    return _filled("uniform", input, draw, generator)


def normal_(input: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with normal numbers."""
    _floating("normal_", input)
    if std < 0:
        raise at_line(
            RangeError, f"normal_: the standard deviation is {std}; it cannot be negative"
        )

    def draw(r: Any, shape: Any, kind: Any) -> Any:
        return standard(r, shape, kind) * kind.type(std) + kind.type(mean)

    return _filled("normal", input, draw, generator)


def log_normal_(
    input: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Any = None
) -> Tensor:
    """Fill with exponentials of normal numbers."""
    _floating("log_normal_", input)
    return _filled(
        "log_normal", input,
        lambda r, shape, kind: np.exp(standard(r, shape, kind) * kind.type(std) + kind.type(mean)),
        generator,
    )  # fmt: skip


def cauchy_(
    input: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None
) -> Tensor:
    """Fill with numbers of a Cauchy distribution."""
    _floating("cauchy_", input)
    return _filled(
        "cauchy", input, lambda r, shape, kind: median + sigma * r.standard_cauchy(shape), generator
    )


def exponential_(input: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with exponentially distributed numbers of a rate."""
    _floating("exponential_", input)
    return _filled(
        "exponential", input,
        lambda r, shape, kind: exponential(r, shape, kind) / kind.type(lambd), generator,
    )  # fmt: skip


def geometric_(input: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """Fill with the number of trials until the first success."""
    return _filled("geometric", input, lambda r, shape, kind: r.geometric(p, shape), generator)


def bernoulli_(input: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Fill with ones with a probability (a number, or a tensor of them), else with zeros."""
    p = as_tensor(p).detach()._host()
    return _filled("bernoulli", input, lambda r, shape, kind: r.random(shape) < p, generator)


def random_(input: Tensor, from_: Any = None, to: Any = None, *, generator: Any = None) -> Tensor:
    """Fill with whole numbers in [from_, to), in [0, from_), or in all that the dtype can count."""
    if from_ is None:
        kind = input._a.dtype
        digits = {2: 11, 4: 24, 8: 53}[kind.itemsize] if kind.kind == "f" else 0
        from_ = 2**digits + 1 if digits else 2 if kind.kind == "b" else np.iinfo(kind).max
    low, high = between(from_, to, "random_")
    return _filled("random", input, lambda r, shape, kind: r.integers(low, high, shape), generator)
