"""Random tensors, in torch's spelling. The numbers differ from torch's, their distributions do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.create import made, numpy_dtype, size_among, sizes, written
from graphscope.engine.create_like import full_like
from graphscope.engine.dispatch import call
from graphscope.engine.dtype import int64
from graphscope.engine.explain import at_line
from graphscope.engine.storage import strided
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, RangeError, ShapeError
from graphscope.ops import random as rows
from graphscope.ops.random import (
    Generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    rng,
    seed,
    set_rng_state,
)

__all__ = [
    "Generator", "bernoulli", "get_rng_state", "initial_seed", "manual_seed", "multinomial",
    "normal", "poisson", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like",
    "randperm", "seed", "set_rng_state",
]  # fmt: skip
METHODS = ["bernoulli", "multinomial"]

Draw = Callable[[Any, Any, Any], Any]  # numpy generator, shape, numpy dtype -> array


def unit(r: Any, shape: Any, kind: Any) -> Any:
    """Uniform in [0, 1) in a dtype, so that rounding never gives 1."""
    if kind == np.float16:
        return (r.integers(0, 2**11, shape) / 2**11).astype(kind)
    return r.random(shape, np.float64 if kind == np.float64 else np.float32)


def standard(r: Any, shape: Any, kind: Any) -> Any:
    return r.standard_normal(shape, np.float64 if kind == np.float64 else np.float32)


def exponential(r: Any, shape: Any, kind: Any) -> Any:
    return r.standard_exponential(shape, np.float64 if kind == np.float64 else np.float32)


def _drawn(
    draw: Draw, size: Any, generator: Any, out: Any, dtype: Any, device: Any, requires_grad: bool
) -> Tensor:
    kind = numpy_dtype(out.dtype if dtype is None and out is not None else dtype)
    if kind.kind != "f":
        raise at_line(
            DTypeError,
            f"rand and randn draw floating numbers, not {dtypes.of(dtype)}; whole ones come from randint",
        )
    a = np.asarray(draw(rng(generator), sizes(size), kind)).astype(kind, copy=False)
    return written(made(a, device)._a, out, requires_grad)


def _maker(name: str, draw: Draw, doc: str) -> Any:
    def make(
        *size: Any, generator: Generator | None = None, out: Tensor | None = None, dtype: Any = None,
        device: Any = None, requires_grad: bool = False, **rest: Any,
    ) -> Tensor:  # fmt: skip
        if rest:
            size = size_among(name, size, rest)
        return _drawn(draw, size, generator, out, dtype, device, requires_grad)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = doc
    return make


rand = _maker("rand", unit, "Uniform numbers in [0, 1).")
randn = _maker("randn", standard, "Standard normal numbers.")


def _like(make: Any, doc: str) -> Any:
    def like(
        input: Tensor, *, generator: Generator | None = None, dtype: Any = None, layout: Any = None,
        device: Any = None, requires_grad: bool = False, memory_format: Any = None,
    ) -> Tensor:  # fmt: skip
        return make(  # type: ignore[no-any-return]
            input._a.shape, generator=generator, dtype=dtype or input.dtype,
            device=input.device if device is None else device, requires_grad=requires_grad,
        )  # fmt: skip

    like.__name__ = like.__qualname__ = f"{make.__name__}_like"
    like.__doc__ = doc
    return like


rand_like = _like(rand, "Uniform numbers in [0, 1) with another tensor's shape, dtype and device.")
randn_like = _like(randn, "Standard normal numbers with another tensor's shape, dtype and device.")


def between(low: Any, high: Any, name: str) -> tuple[int, int]:
    if high is None:
        low, high = 0, low
    if low >= high:
        raise at_line(
            RangeError, f"{name}: from {low} up to, and without, {high} there is no whole number"
        )
    return int(low), int(high)


def randint(
    low: Any,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Whole numbers in [low, high): ``randint(high, size)`` or ``randint(low, high, size)``."""
    if size is None:
        high, size = None, high
    low, high = between(low, high, "randint")
    a = rng(generator).integers(low, high, sizes((size,)))
    a = np.asarray(a).astype(numpy_dtype(dtype or (out.dtype if out is not None else int64)))
    return written(made(a, device)._a, out, requires_grad)


def randint_like(
    input: Tensor,
    low: Any,
    high: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Whole numbers in [low, high) with another tensor's shape, dtype and device."""
    low, high = between(low, high, "randint_like")
    return randint(
        low, high, input._a.shape, generator=generator, dtype=dtype or input.dtype,
        device=input.device if device is None else device, requires_grad=requires_grad,
    )  # fmt: skip


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: Any = int64,
    layout: Any = strided,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """The numbers 0..n-1 in a random order."""
    a = rng(generator).permutation(n).astype(numpy_dtype(dtype))
    return written(made(a, device)._a, out, requires_grad)


# ---------------------------------------------------------------- with parameters that are tensors


def _noise(draw: Draw, like: Tensor, shape: Any, generator: Any, kind: Any = None) -> Tensor:
    """Numbers from the host's generator, on the device of ``like``."""
    kind = kind or (like._a.dtype if like._a.dtype.kind == "f" else numpy_dtype(None))
    a = np.asarray(draw(rng(generator), shape, kind)).astype(kind, copy=False)
    return made(a, like.device)


def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None,
    out: Tensor | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    layout: Any = strided, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Normal numbers: a mean and a deviation for each (tensors), or one for all and a ``size``.

    Raises: RangeError for a negative deviation.
    """
    if not isinstance(std, Tensor) and std < 0:
        raise at_line(RangeError, f"normal: the standard deviation is {std}; it cannot be negative")
    like = mean if isinstance(mean, Tensor) else std
    if not isinstance(like, Tensor):
        if size is None:
            raise at_line(
                RangeError,
                "normal with numbers for mean and std needs a size: normal(0.0, 1.0, (3,))",
            )
        drawn = randn(size, generator=generator, dtype=dtype, device=device)._a
        drawn *= std
        drawn += mean
        return written(drawn, out, requires_grad)
    shape = np.broadcast_shapes(getattr(mean, "shape", ()), getattr(std, "shape", ()))
    got = call(rows.normal, mean, std, _noise(standard, like, shape, generator))
    return got if out is None else written(got._a, out, False)


def bernoulli(
    input: Tensor, p: Any = None, *, generator: Generator | None = None, out: Tensor | None = None
) -> Tensor:
    """One with a probability, else zero; the probabilities are ``input``, or ``p`` for all elements."""
    shape = input._a.shape
    if p is not None:
        input = full_like(input, p)
    _probable(input, "bernoulli")
    got = call(rows.bernoulli, input, _noise(unit, input, shape, generator))
    return got if out is None else written(got._a, out, False)


def _probable(p: Tensor, what: str) -> None:
    # Looking at values would make a GPU wait, so only the host checks them.
    if type(p._a) is np.ndarray and not ((p._a >= 0) & (p._a <= 1)).all():
        raise at_line(
            RangeError,
            f"{what}: probabilities lie in 0..1, these go from {p._a.min()} to {p._a.max()}; "
            "logits become probabilities with .sigmoid()",
        )


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *,
    generator: Generator | None = None, out: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Indices of categories drawn by the weights in the last dimension.

    Shapes: input (n,) or (m, n) -> (num_samples,) or (m, num_samples).
    """
    if input._a.ndim not in (1, 2) or input._a.dtype.kind != "f":
        raise at_line(
            ShapeError,
            f"multinomial: the weights are floating numbers of 1 or 2 dimensions, these are {input.dtype} of "
            f"shape {tuple(input._a.shape)}",
        )
    n = input._a.shape[-1]
    if num_samples <= 0 or not replacement and num_samples > n:
        raise at_line(
            RangeError,
            f"multinomial: {num_samples} samples of {n} categories cannot be drawn without replacement; "
            "pass replacement=True",
        )
    if type(input._a) is np.ndarray:
        _weighted(input._a, 1 if replacement else num_samples)
    last = num_samples if replacement else n
    noise = _noise(
        unit if replacement else exponential, input, (*input._a.shape[:-1], last), generator,
        np.dtype(np.float64) if replacement else None,
    )  # fmt: skip
    got = call(rows.multinomial, input, noise, num_samples=num_samples, replacement=replacement)
    return got if out is None else written(got._a, out, False)


def _weighted(p: Any, needed: int) -> None:
    if not np.isfinite(p).all() or (p < 0).any():
        raise at_line(RangeError, "multinomial: the weights contain inf, nan or a negative number")
    if p.size and np.count_nonzero(p, axis=-1).min() < needed:
        raise at_line(
            RangeError,
            f"multinomial: a row of the weights has fewer than {needed} categories above zero, as many as are "
            "to be drawn",
        )


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Counts with these rates."""
    rate = input.detach()._host()
    return made(np.asarray(rng(generator).poisson(rate)).astype(rate.dtype), input.device)
