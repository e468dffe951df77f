"""Distances and angles between vectors, and losses made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError, UsageError
from graphscope.nn.functional.loss import reduced, reduction_name
from graphscope.ops import functions as fn

__all__ = [
    "cosine_embedding_loss", "cosine_similarity", "pairwise_distance", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]  # fmt: skip


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between vectors along ``dim``."""
    long1 = fn.clamp(fn.sqrt(fn.sum(fn.square(x1), dim, True)), min=eps)
    long2 = fn.clamp(fn.sqrt(fn.sum(fn.square(x2), dim, True)), min=eps)
    return fn.sum(fn.mul(fn.div(x1, long1), fn.div(x2, long2)), dim)


def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Any:
    """The p-norm of x1 - x2 + eps along the last dimension."""
    d: Any = fn.add(fn.sub(x1, x2), eps)
    if p == 2:
        return fn.sqrt(fn.sum(fn.square(d), -1, keepdim))
    size: Any = fn.abs(d)
    if p == 1:
        return fn.sum(size, -1, keepdim)
    if p == float("inf"):
        return fn.amax(size, -1, keepdim)
    if p == 0:
        return fn.sum(fn.to_dtype(fn.ne(d, 0), d.dtype), -1, keepdim)
    return fn.pow(fn.sum(fn.pow(size, p), -1, keepdim), 1 / p)


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """1 - cos where the target is 1, max(0, cos - margin) where it is -1."""
    how = reduction_name(reduction, size_average, reduce)
    n = target._a.ndim
    if n not in (0, 1):
        raise at_line(
            ShapeError,
            f"cosine_embedding_loss: the target {tuple(target._a.shape)} must hold one number, 1 or -1, for each pair: "
            "shape (N,), or () for a single pair",
        )
    if input1._a.ndim != n + 1 or input2._a.ndim != n + 1:
        raise at_line(
            ShapeError,
            f"cosine_embedding_loss: with a target {tuple(target._a.shape)} the inputs are {'(N, E)' if n else '(E,)'}; "
            f"here input1 is {tuple(input1._a.shape)} and input2 {tuple(input2._a.shape)}",
        )
    tiny = 1e-12
    product: Any = fn.sum(fn.mul(input1, input2), n)
    square1: Any = fn.add(fn.sum(fn.square(input1), n), tiny)
    square2: Any = fn.add(fn.sum(fn.square(input2), n), tiny)
    cos: Any = product / fn.sqrt(square1 * square2)
    far = fn.clamp(cos - margin, min=0)
    zero = fn.mul(cos.detach(), 0)
    each = fn.add(fn.where(fn.eq(target, 1), 1 - cos, zero), fn.where(fn.eq(target, -1), far, zero))
    return reduced(each, how)


def triplet_margin_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
    swap: bool = False, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, margin + distance to the positive - distance to the negative)."""
    how = reduction_name(reduction, size_average, reduce)

    def distance(a: Tensor, b: Tensor) -> Any:
        return pairwise_distance(a, b, p, eps)

    return triplet_margin_with_distance_loss(
        anchor, positive, negative, distance_function=distance, margin=margin, swap=swap, reduction=how
    )  # fmt: skip


def triplet_margin_with_distance_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None, margin: float = 1.0, swap: bool = False,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """The triplet loss with a distance of your own.

    Source: Balntas et al., "Learning shallow convolutional feature descriptors with triplet losses"
    (2016), also for ``swap``.
    """
    how = reduction_name(reduction)
    if margin <= 0:
        raise at_line(
            UsageError, f"triplet_margin_loss: margin={margin} leaves no gap; give a number above 0"
        )
    if not anchor._a.ndim == positive._a.ndim == negative._a.ndim:
        shapes = [tuple(t._a.shape) for t in (anchor, positive, negative)]
        raise at_line(
            ShapeError,
            "triplet_margin_loss: anchor {}, positive {} and negative {} differ in how many dimensions they "
            "have; give all three (N, E), or (E,)".format(*shapes),
        )
    distance = distance_function or pairwise_distance
    near: Any = distance(anchor, positive)
    far: Any = distance(anchor, negative)
    if swap:
        far = fn.minimum(far, distance(positive, negative))
    return reduced(fn.clamp(margin + near - far, min=0), how)
