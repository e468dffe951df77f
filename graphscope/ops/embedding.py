"""Rows of a table by number, sums of such rows, and the bilinear form."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.errors import DTypeError, ShapeError, UsageError
from graphscope.ops.accumulate import add_rows
from graphscope.ops.samples import arrays, made


class RangeError(UsageError, IndexError):
    """A number that is no row of the table; also an IndexError, which is what torch raises."""


def _check(xp: Any, w: Any, i: Any) -> None:
    if i.dtype.kind not in "iu":
        raise DTypeError(f"indices must be integers, they are {i.dtype}; convert them with .long()")
    if w.ndim != 2:
        raise ShapeError(f"the table must be a matrix (rows, features), its shape is {w.shape}")
    # On a GPU looking at the numbers would stop the device; there a wrong one wraps around.
    if i.size and not hasattr(xp, "cuda"):
        low, high = int(i.min()), int(i.max())
        if low < 0 or high >= w.shape[0]:
            bad = low if low < 0 else high
            raise RangeError(
                f"index {bad} has no row in the table: its rows are 0..{w.shape[0] - 1}. Make the table larger, or check the "
                "indices"
            )


def _embedding(
    xp: Any, w: Any, i: Any, *, padding: int = -1, by_freq: bool = False, rows: int | None = None
) -> Any:  # fmt: skip
    _check(xp, w, i)
    return xp.take(w, i, axis=0)


def _embedding_grad(
    xp: Any, g: Any, i: Any, *, rows: int, padding: int = -1, by_freq: bool = False
) -> Any:
    d = g.shape[-1]
    out = xp.zeros((rows, d), dtype=g.dtype)
    flat, values = i.reshape(-1), g.reshape(-1, d)
    if not flat.size:
        return out
    add_rows(xp, out, flat, values, fresh=True)
    if by_freq:
        counts = xp.bincount(flat, minlength=rows)
        out /= xp.maximum(counts, 1)[:, None].astype(g.dtype)
    if padding >= 0:
        out[padding] = 0
    return out


def _again(F: Any, h: Any, i: Any, rows: int, padding: int, by_freq: bool) -> Any:
    out = F.embedding(h, i, padding=padding, by_freq=by_freq, rows=rows)
    if padding >= 0:
        out = out * F.reshape(i != padding, shape=(*i.shape, 1), was=i.shape)
    if by_freq:
        raise NotImplementedError("scale_grad_by_freq has no second derivative here")
    return out


_TABLE = made(lambda r: (r.normal(size=(5, 3)), np.array([[1, 4], [1, 0]])), padding=-1, rows=5)
_BACK = tuple(
    made(lambda r: (r.normal(size=(2, 2, 3)), np.array([[1, 4], [1, 0]])), rows=5, padding=p)
    for p in (-1, 1)
)
embedding = Op(
    "embedding", _embedding, tex=r"{w}[{i}]", family="shape", values=("rows",),
    vjp=dict(w=lambda F, g, i, padding, by_freq, rows: F.embedding_grad(
        g, i, rows=rows, padding=padding, by_freq=by_freq)),
    samples=(_TABLE,), flops=lambda *a, **k: 0, doc="The rows of w with the numbers i.",
)  # fmt: skip
embedding_grad = Op(
    "embedding_grad", _embedding_grad, tex=r"{g} \to [{i}]", family="shape", values=("rows",),
    vjp=dict(g=lambda F, h, i, rows, padding, by_freq: _again(F, h, i, rows, padding, by_freq)),
    samples=_BACK, flops=lambda g, *a, **k: g.size, doc="The gradient of embedding: rows add up.",
)  # fmt: skip


def _bag(xp: Any, w: Any, i: Any, bag: Any, scale: Any, *, bags: int, padding: int = -1, rows: Any = None) -> Any:  # fmt: skip
    _check(xp, w, i)
    picked = xp.take(w, i, axis=0) * scale[:, None]
    return _embedding_grad(xp, picked, bag, rows=bags)


embedding_bag = Op(
    "embedding_bag", _bag, tex=r"\sum {w}[{i}]", family="reduce", values=("bags", "rows"),
    vjp=dict(
        w=lambda F, g, i, bag, scale, padding, rows: F.embedding_grad(
            F.embedding(g, bag, padding=-1, by_freq=False, rows=g.shape[0])
            * F.reshape(scale, shape=(*scale.shape, 1), was=scale.shape),
            i, rows=rows, padding=padding, by_freq=False),
        scale=lambda F, g, w, i, bag, rows: F.sum(
            F.embedding(g, bag, padding=-1, by_freq=False, rows=g.shape[0])
            * F.embedding(w, i, padding=-1, by_freq=False, rows=rows),
            axis=1, keepdims=False, shape=(*i.shape, w.shape[1])),
    ),
    samples=(made(lambda r: (r.normal(size=(5, 3)), np.array([1, 4, 1, 0]), np.array([0, 0, 1, 1]), r.normal(size=4)),
                  bags=3, rows=5),),
    doc="Weighted sums of rows of w: item i[k] goes into bag[k].",
)  # fmt: skip


def _bilinear(xp: Any, a: Any, c: Any, w: Any, b: Any = None) -> Any:
    o, m, n = w.shape
    if a.ndim != 2 or c.ndim != 2 or a.shape[1] != m or c.shape[1] != n or len(a) != len(c):
        raise ShapeError(
            f"the weights {w.shape} take {m} and {n} features for equally many samples; the inputs are "
            f"{a.shape} and {c.shape}"
        )
    mixed = a.dot(w.transpose(1, 0, 2).reshape(m, o * n)).reshape(-1, o, n)
    out = xp.matmul(mixed, c[:, :, None])[:, :, 0]
    return out if b is None else out + b


def _turned(F: Any, w: Any, axes: tuple[int, ...]) -> Any:
    return F.transpose(w, axes=axes)


def _form_grad(F: Any, g: Any, a: Any, c: Any) -> Any:
    (n, o), m = g.shape, a.shape[1]
    both = F.reshape(g, shape=(n, o, 1), was=g.shape) * F.reshape(a, shape=(n, 1, m), was=a.shape)
    flat = F.reshape(both, shape=(n, o * m), was=both.shape)
    got = F.mm(F.transpose(flat, axes=(1, 0)), c)
    return F.reshape(got, shape=(o, m, c.shape[1]), was=got.shape)


bilinear = Op(
    "bilinear", _bilinear, tex=r"{a}^T W {c}", family="linalg",
    vjp=dict(
        # The same form with its sides exchanged.
        a=lambda F, g, c, w: F.bilinear(g, c, _turned(F, w, (1, 0, 2))),
        c=lambda F, g, a, w: F.bilinear(g, a, _turned(F, w, (2, 0, 1))),
        w=lambda F, g, a, c: _form_grad(F, g, a, c),
        b=lambda F, g: F.sum(g, axis=0, keepdims=False, shape=g.shape),
    ),
    samples=(arrays((3, 2), (3, 4), (5, 2, 4), (5,)), arrays((2, 3), (2, 2), (1, 3, 2))),
    errors=(((3, 2), (3, 4), (5, 3, 4), "take 3 and 4 features"),),
    flops=lambda a, c, w, *r: 2 * len(a) * w.size, doc="a^T W c for each output and each sample.",
)  # fmt: skip

ROWS = [embedding, embedding_grad, embedding_bag, bilinear]
