"""Attention in four boxes: heads apart, scores, weights, weighted values; and heads together again.

Scores, weights and values are products and a softmax, each with the gradient that costs least; what
backward keeps is the weights and what went into the products (Vaswani et al., 2017).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops.samples import arrays, made


def _split(xp: Any, x: Any, *, parts: int, heads: int) -> tuple[Any, ...]:
    n, length, width = x.shape
    cut = x.reshape(n, length, parts, heads, width // (parts * heads)).transpose(2, 0, 3, 1, 4)
    return tuple(cut[k] for k in range(parts))


def _merge(xp: Any, *args: Any, heads: int = 0) -> Any:
    n, h, length, d = args[0].shape
    if len(args) == 1:
        return args[0].transpose(0, 2, 1, 3).reshape(n, length, h * d)
    out = xp.empty((n, length, len(args), h, d), args[0].dtype)
    for k, a in enumerate(args):
        out[:, :, k] = a.transpose(0, 2, 1, 3)
    return out.reshape(n, length, len(args) * h * d)


def _split_vjp(F: Any, g: Any, x: Any, parts: int, heads: int) -> Any:
    given = g if isinstance(g, list) else [g]
    if any(p is None for p in given):
        one = F.split_heads(x, parts=parts, heads=heads)
        given = [0 * o if p is None else p for p, o in zip(given, one, strict=True)]
    return F.merge_heads(*given, heads=heads)


def _merge_vjp(F: Any, g: Any, args: Any, heads: int) -> Any:
    return F.split_heads(g, parts=len(args), heads=args[0].shape[1])


split_heads = Op(
    "split_heads", _split, tex=r"\mathrm{{heads}}({x})", family="shape", view=True, multi=True,
    vjp=dict(x=_split_vjp), samples=(arrays((2, 3, 12), parts=3, heads=2), arrays((2, 3, 4), parts=1, heads=2)),
    flops=lambda *a, **k: 0,
    doc="(batch, length, parts * width) to parts of (batch, heads, length, width of a head): views.",
)  # fmt: skip
merge_heads = Op(
    "merge_heads", _merge, tex=r"\mathrm{{merge}}", family="shape", vjp={"*": _merge_vjp},
    samples=(arrays((2, 2, 3, 4), heads=2), arrays((2, 2, 3, 4), (2, 2, 3, 4), heads=2)),
    flops=lambda *a, **k: 0, doc="The inverse of split_heads.",
)  # fmt: skip


def _scores(xp: Any, q: Any, k: Any, *, scale: float) -> Any:
    out = xp.matmul(q, k.mT)
    out *= scale
    return out


def _scores_rule(q: tuple[int, ...], k: tuple[int, ...], **_: Any) -> None:
    if len(q) < 2 or len(k) < 2:
        raise ShapeError(f"queries and keys are (..., length, width), they are {q} and {k}")
    if q[-1] != k[-1]:
        raise ShapeError(
            f"queries and keys need one width, they have {q[-1]} and {k[-1]} (query {q}, key {k})"
        )


def _product_flops(q: Any, k: Any, **_: Any) -> int:
    return int(2 * q.size * k.shape[-2])


def _fit(g: Any, like: Any) -> Any:
    from graphscope.engine.backward import sum_to

    return g if tuple(g.shape) == tuple(like.shape) else sum_to(g, tuple(like.shape))


attention_scores = Op(
    "attention_scores", _scores, tex=r"{q}{k}^T / \sqrt{{d}}", family="linalg", shape=_scores_rule,
    vjp=dict(
        q=lambda F, g, q, k, scale: _fit(F.matmul(g, k) * scale, q),
        k=lambda F, g, q, k, scale: _fit(F.matmul(g.mT, q) * scale, k),
    ),
    samples=(arrays((2, 3, 4), (2, 5, 4), scale=0.5), arrays((2, 2, 3, 4), (1, 5, 4), scale=0.5),
             arrays((3, 4), (5, 4), scale=1.0)),
    errors=(((2, 3, 4), (2, 5, 6), dict(scale=1.0), "queries and keys need one width"),),
    flops=_product_flops, doc="How well each query fits each key.",
)  # fmt: skip


def _weights(xp: Any, x: Any, mask: Any = None, *, safe: bool = False) -> Any:
    if not x.size:
        return x.copy()
    if mask is not None:
        x = x + mask
    top = xp.max(x, axis=-1, keepdims=True)
    if safe and mask is not None:
        top = xp.maximum(top, xp.finfo(x.dtype).min)  # a row where everything is masked gives zeros
    out = x - top
    xp.exp(out, out=out)
    total = xp.add.reduce(out, axis=-1, keepdims=True)
    if safe and mask is not None:
        total += total == 0
    out /= total
    return out


def _weights_grad(xp: Any, g: Any, p: Any) -> Any:
    out = g * p
    out -= p * xp.add.reduce(out, axis=-1, keepdims=True)
    return out


def _dot(F: Any, a: Any, b: Any) -> Any:
    product = a * b
    return F.sum(product, axis=-1, keepdims=True, shape=tuple(product.shape))


attention_weights_grad = Op(
    "attention_weights_grad", _weights_grad, tex=r"{p} \odot ({g} - \langle {g}, {p} \rangle)",
    vjp=dict(
        g=lambda F, h, p: F.attention_weights_grad(h, p),
        p=lambda F, h, g, p: h * (g - _dot(F, g, p)) - g * _dot(F, h, p),
    ),
    samples=(arrays((2, 3, 4), (2, 3, 4)),), flops=lambda g, p: 4 * g.size,
    doc="The gradient of a softmax with result p.",
)  # fmt: skip


def _mask_rule(x: tuple[int, ...], mask: tuple[int, ...] = (), **_: Any) -> None:
    want = x[len(x) - len(mask) :]
    if len(mask) > len(x) or any(m not in (1, s) for m, s in zip(mask, want, strict=True)):
        raise ShapeError(
            f"the mask {mask} does not broadcast to the scores {x} (..., queries, keys)"
        )


attention_weights = Op(
    "attention_weights", _weights, tex=r"\mathrm{{softmax}}({x})", shape=_mask_rule,
    vjp=dict(
        x=lambda F, g, out: F.attention_weights_grad(g, out),
        mask=lambda F, g, mask, out: _fit(F.attention_weights_grad(g, out), mask),
    ),
    samples=(
        arrays((2, 3, 4), safe=True), arrays((2, 3, 4), (3, 4), safe=True), arrays((0, 3, 4), safe=False),
        made(lambda r: (r.normal(size=(2, 3, 4)), np.where(np.tri(3, 4) > 0, 0, -1e30)), safe=True),
    ),
    errors=(((2, 3, 4), (3, 5), "does not broadcast"),),
    flops=lambda x, *_, **__: 5 * x.size,
    doc="The softmax of scores over the keys, after adding a mask (safe: zeros where all is masked).",
)  # fmt: skip


def _values(xp: Any, p: Any, v: Any) -> Any:
    if xp is not np or p.ndim != 4 or v.ndim != 4 or p.shape[:2] != v.shape[:2] or not p.size:
        return xp.matmul(p, v)
    # Written with the heads innermost, so that merging them costs no copy.
    n, h, length, _ = p.shape
    out = xp.empty((n, length, h, v.shape[-1]), p.dtype).transpose(0, 2, 1, 3)
    return xp.matmul(p, v, out=out)


def _values_rule(p: tuple[int, ...], v: tuple[int, ...]) -> None:
    if p[-1] != v[-2]:
        raise ShapeError(f"there are weights for {p[-1]} keys and {v[-2]} values ({p} and {v})")


attention_values = Op(
    "attention_values", _values, tex=r"{p}\,{v}", family="linalg", shape=_values_rule,
    vjp=dict(
        p=lambda F, g, p, v: _fit(F.matmul(g, v.mT), p),
        v=lambda F, g, p, v: _fit(F.matmul(p.mT, g), v),
    ),
    samples=(arrays((2, 2, 3, 4), (2, 2, 4, 5)), arrays((2, 3, 4), (4, 5))),
    errors=(((2, 3, 4), (2, 5, 6), "there are weights for 4 keys"),),
    flops=lambda p, v: 2 * p.size * v.shape[-1], doc="The values, mixed by the weights.",
)  # fmt: skip

ROWS = [
    split_heads, merge_heads, attention_scores, attention_weights, attention_weights_grad, attention_values
]  # fmt: skip
