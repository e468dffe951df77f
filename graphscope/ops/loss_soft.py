"""Cross entropy with probabilities of the classes as the target."""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops.loss import class_axis
from graphscope.ops.loss_pairs import reduced
from graphscope.ops.samples import made


def _along(w: Any, ndim: int) -> Any:
    return w.reshape((-1,) + (1,) * max(ndim - 2, 0))


def _rule(x: tuple[int, ...], target: tuple[int, ...], w: Any = None, **_: Any) -> None:
    if tuple(x) != tuple(target):
        raise ShapeError(
            f"a target of probabilities has the input's shape {tuple(x)}, this one is {tuple(target)}"
        )
    if w is not None and tuple(w) != (x[class_axis(x)],):
        raise ShapeError(
            f"weight must have one number for each of the {x[class_axis(x)]} classes; it is {tuple(w)}"
        )


def _spread(target: Any, w: Any, smoothing: float) -> Any:
    """What each log-probability is multiplied with."""
    if smoothing:
        target = target * (1 - smoothing) + smoothing / target.shape[class_axis(target.shape)]
    return target if w is None else target * _along(w, target.ndim)


def _log_softmax(xp: Any, x: Any, axis: int) -> Any:
    shifted = x - xp.max(x, axis=axis, keepdims=True) if x.size else x
    return shifted - xp.log(xp.add.reduce(xp.exp(shifted), axis=axis, keepdims=True))


def _soft(
    xp: Any, x: Any, target: Any, w: Any = None, *, reduction: str = "mean", smoothing: float = 0.0
) -> Any:
    _rule(x.shape, target.shape, None if w is None else w.shape)
    axis = class_axis(x.shape)
    each = -xp.add.reduce(_log_softmax(xp, x, axis) * _spread(target, w, smoothing), axis=axis)
    # Torch divides by the number of samples here, also with class weights.
    return reduced(xp, each, reduction)


def _share(F: Any, g: Any, x: Any, reduction: str) -> Any:
    axis = class_axis(x.shape)
    if reduction == "none":
        kept = tuple(1 if i == axis else s for i, s in enumerate(x.shape))
        return F.reshape(g, shape=kept, was=tuple(g.shape))
    n = 1
    if reduction == "mean":
        for i, s in enumerate(x.shape):
            n *= 1 if i == axis else s
    return g * (1 / (n or 1))


def _soft_x(F: Any, g: Any, x: Any, target: Any, w: Any, reduction: str, smoothing: float) -> Any:
    axis = class_axis(x.shape)
    u = _spread(target, w, smoothing)
    total = F.sum(u, axis=axis, keepdims=True, shape=tuple(u.shape))
    return _share(F, g, x, reduction) * (F.softmax(x, axis=axis) * total - u)


def _soft_target(F: Any, g: Any, x: Any, w: Any, reduction: str, smoothing: float) -> Any:
    d = _share(F, g, x, reduction) * F.log_softmax(x, axis=class_axis(x.shape)) * (smoothing - 1)
    return d if w is None else d * _along(w, x.ndim)


def _sample(*shape: int, weight: bool = False, **params: Any) -> Any:
    def make(rng: Any) -> tuple[Any, ...]:
        n = shape[class_axis(shape)]
        own = (rng.normal(size=shape), rng.uniform(size=shape))
        return (*own, rng.uniform(0.5, 2, n)) if weight else own

    return made(make, **params)


cross_entropy_soft = Op(
    "cross_entropy_soft", _soft, tex=r"-{target}^T\ln\mathrm{{softmax}}({x})", family="loss", shape=_rule,
    vjp=dict(x=_soft_x, target=_soft_target),
    samples=(
        _sample(3, 4, reduction="mean"), _sample(5, reduction="mean"),
        _sample(3, 4, reduction="none", weight=True, smoothing=0.2),
        _sample(2, 3, 4, reduction="sum", weight=True),
    ),
    flops=lambda x, *_, **__: 6 * x.size, doc="Cross entropy of logits with class probabilities.",
)  # fmt: skip

ROWS = [cross_entropy_soft]
