"""Dropout: the mask is drawn inside the op and kept for its gradient as one byte per element."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.ops.samples import arrays, made

# E[selu] = 0 and E[selu^2] = 1 hold with this floor, -scale * alpha of SELU (Klambauer et al. 2017).
ALPHA = 1.7580993408473766


def _draw(xp: Any, shape: tuple[int, ...], p: float, rng: Any) -> Any:
    """A mask that is true with probability 1 - p; drawn on the host, so that devices agree."""
    source = np.random.default_rng(rng) if isinstance(rng, int) else rng
    return xp.asarray(source.random(shape, np.float32) >= p)


def _mask_shape(x: Any, lead: int | None) -> tuple[int, ...]:
    return tuple(x.shape) if lead is None else (*x.shape[:lead], *(1,) * (x.ndim - lead))


def _dropout(xp: Any, x: Any, *, p: float, rng: Any, lead: Any = None) -> Any:
    keep = _draw(xp, _mask_shape(x, lead), p, rng)
    return _scaled(xp, x, keep, p=p), keep


def _scaled(xp: Any, x: Any, keep: Any, *, p: float) -> Any:
    out = x * keep
    out *= x.dtype.type(1 / (1 - p) if p < 1 else 0)
    return out


def _affine(p: float) -> tuple[float, float]:
    """Factor and shift that give mean 0 and variance 1 back after dropping to the floor."""
    if p == 1:
        return 0.0, 0.0
    a = 1 / ((1 - p) * (1 + p * ALPHA * ALPHA)) ** 0.5
    return a, a * p * ALPHA


def _alpha(xp: Any, x: Any, *, p: float, rng: Any, lead: Any = None) -> Any:
    keep = _draw(xp, _mask_shape(x, lead), p, rng)
    a, shift = _affine(p)
    out = xp.where(keep, x, x.dtype.type(-ALPHA))
    out *= x.dtype.type(a)
    out += x.dtype.type(shift)
    return out, keep


def _alpha_scaled(xp: Any, g: Any, keep: Any, *, p: float) -> Any:
    return g * keep * g.dtype.type(_affine(p)[0])


_SAMPLES = (
    arrays((3, 4), p=0.4, rng=7), arrays((3, 4), p=0.0, rng=7), arrays((), p=0.5, rng=3),
    arrays((0, 2), p=0.5, rng=3),
)  # fmt: skip
_PLANES = (arrays((3, 4, 2), p=0.4, rng=5, lead=2),)
_KEPT = (made(lambda r: (r.normal(size=(3, 4)), r.random((3, 4)) > 0.5), p=0.5),)


def _row(name: str, kernel: Any, grad: str, samples: Any, doc: str) -> Op:
    return Op(
        name, kernel, tex=r"\mathrm{{drop}}({x})", aux=True, values=("rng",), samples=samples,
        vjp=dict(x=lambda F, g, aux, p: getattr(F, grad)(g, aux, p=p)), doc=doc,
    )  # fmt: skip


def _grad(name: str, kernel: Any, of: str) -> Op:
    return Op(
        name, kernel, tex=r"{g} \odot m" if "g" in kernel.__code__.co_varnames else r"{x} \odot m",
        vjp={kernel.__code__.co_varnames[1]: lambda F, h, keep, p: getattr(F, name)(h, keep, p=p)},
        samples=_KEPT, doc=f"The gradient of {of}: it passes where the mask does.",
    )  # fmt: skip


ROWS = [
    _row("dropout", _dropout, "dropout_grad", _SAMPLES, "Zero with probability p, else divide by 1 - p."),
    _row("feature_dropout", _dropout, "dropout_grad", _PLANES, "Dropout of whole channels."),
    _row("alpha_dropout", _alpha, "alpha_dropout_grad", _SAMPLES, "Dropout that keeps mean and variance after SELU."),
    _row("feature_alpha_dropout", _alpha, "alpha_dropout_grad", _PLANES, "Alpha dropout of whole channels."),
    _grad("dropout_grad", _scaled, "dropout"),
    _grad("alpha_dropout_grad", _alpha_scaled, "alpha dropout"),
]  # fmt: skip
