"""Order: sort, topk, kthvalue, and places in sorted sequences.

Always stable, since devices' sorts are; of two outputs (values, indices) only values have a gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.ops.samples import made


def _order(xp: Any, x: Any, axis: int, descending: bool) -> Any:
    if not descending:
        return xp.argsort(x, axis=axis, kind="stable")
    # Sorted backwards on the reversed array, so that ties keep their order and nan comes first.
    n = x.shape[axis]
    return n - 1 - xp.flip(xp.argsort(xp.flip(x, axis), axis=axis, kind="stable"), axis)


def _sort(
    xp: Any, x: Any, *, axis: Any = -1, descending: Any = False, was: Any = None
) -> tuple[tuple[Any, Any], Any]:
    order = xp.ascontiguousarray(_order(xp, x, axis, descending))
    return (xp.take_along_axis(x, order, axis), order), order


def _back(F: Any, g: Any, aux: Any, axis: Any, was: Any) -> Any:
    return F.gather_grad(g[0], aux, axis=axis, shape=was)


def _flops(x: Any, **_: Any) -> int:
    n = int(x.size)
    return n * max(n, 2).bit_length()


_SORTED = (
    made(lambda r: (r.permutation(12).reshape(3, 4) * 1.0,), axis=1, descending=True, was=(3, 4)),
    made(lambda r: (r.permutation(6).reshape(3, 2) * 1.0,), axis=0, descending=False, was=(3, 2)),
)
sort = Op(
    "sort", _sort, tex=r"\mathrm{{sort}}({x})", family="reduce", values=("was",), multi=True, aux=True,
    vjp=dict(x=_back), samples=_SORTED, flops=_flops, doc="Sorted values and where they came from.",
)  # fmt: skip

argsort = Op(
    "argsort",
    lambda xp, x, *, axis=-1, descending=False: xp.ascontiguousarray(_order(xp, x, axis, descending)),
    tex=r"\mathrm{{argsort}}({x})", family="reduce", flops=_flops,
    samples=(made(lambda r: (r.normal(size=(3, 4)),), axis=1, descending=True),),
    doc="The indices that sort a dimension.",
)  # fmt: skip


def _topk(
    xp: Any, x: Any, *, k: Any, axis: Any = -1, largest: Any = True, was: Any = None
) -> tuple[tuple[Any, Any], Any]:
    n = x.shape[axis]
    if 0 < k < n:
        # A partition first: sorting all of 100,000 numbers for ten of them takes 20 times as long.
        part = xp.argpartition(x, n - k if largest else k - 1, axis=axis)
        few = xp.moveaxis(xp.moveaxis(part, axis, -1)[..., n - k :] if largest
                          else xp.moveaxis(part, axis, -1)[..., :k], -1, axis)  # fmt: skip
        few = xp.sort(few, axis=axis)  # so that ties come in the order of their places
        inner = _order(xp, xp.take_along_axis(x, few, axis), axis, largest)
        order = xp.take_along_axis(few, inner, axis)
    else:
        order = _order(xp, x, axis, largest)
        order = xp.moveaxis(xp.moveaxis(order, axis, -1)[..., :k], -1, axis)
    order = xp.ascontiguousarray(order)
    return (xp.take_along_axis(x, order, axis), order), order


topk = Op(
    "topk", _topk, tex=r"\mathrm{{top}}_k({x})", family="reduce", values=("was",), multi=True, aux=True,
    vjp=dict(x=_back),
    samples=(
        made(lambda r: (r.permutation(12).reshape(3, 4) * 1.0,), k=2, axis=1, largest=True, was=(3, 4)),
        made(lambda r: (r.permutation(6).reshape(3, 2) * 1.0,), k=3, axis=0, largest=False, was=(3, 2)),
    ),
    flops=lambda x, **_: x.size, doc="The k largest or smallest of a dimension and their indices.",
)  # fmt: skip


def _kthvalue(
    xp: Any, x: Any, *, k: Any, axis: Any = -1, keepdims: Any = False, was: Any = None
) -> tuple[tuple[Any, Any], Any]:
    order = xp.moveaxis(_order(xp, x, axis, False), axis, -1)[..., k - 1 : k]
    at = xp.ascontiguousarray(xp.moveaxis(order, -1, axis))
    values = xp.take_along_axis(x, at, axis)
    if keepdims:
        return (values, at), at
    return (xp.squeeze(values, axis), xp.squeeze(at, axis)), at


kthvalue = Op(
    "kthvalue", _kthvalue, tex=r"{x}_{{(k)}}", family="reduce", values=("was",), multi=True, aux=True,
    vjp=dict(
        x=lambda F, g, aux, axis, was: F.gather_grad(
            F.reshape(g[0], shape=tuple(aux.shape), was=tuple(g[0].shape)), aux, axis=axis, shape=was
        )
    ),
    samples=(made(lambda r: (r.permutation(12).reshape(3, 4) * 1.0,), k=2, axis=1, was=(3, 4)),),
    flops=_flops, doc="The k-th smallest of a dimension and its index.",
)  # fmt: skip


def _searchsorted(xp: Any, seq: Any, v: Any, *, right: Any = False) -> Any:
    if seq.ndim == 1:
        found = xp.searchsorted(seq, v.reshape(-1), side="right" if right else "left")
        return found.reshape(v.shape).astype(np.int64)
    # Many sequences at once: sort values and sequence together and count what of it came before. A
    # stable sort puts what stands first in front of its equals.
    n = v.shape[-1]
    both = xp.concatenate((seq, v) if right else (v, seq), axis=-1)
    order = xp.argsort(both, axis=-1, kind="stable")
    begin = seq.shape[-1] if right else 0
    mine = (order >= begin) & (order < begin + n)
    before = xp.cumsum(~mine, axis=-1)
    back = xp.argsort(order, axis=-1, kind="stable")[..., begin : begin + n]
    return xp.take_along_axis(before, back, -1).astype(np.int64)


searchsorted = Op(
    "searchsorted", _searchsorted, tex=r"\#\{{{seq} < {v}\}}", family="other",
    samples=(
        made(lambda r: (np.sort(r.normal(size=5)), r.normal(size=(2, 3))), right=False),
        made(lambda r: (np.sort(r.integers(0, 4, (2, 5)) * 1.0), r.integers(0, 4, (2, 3)) * 1.0), right=True),
    ),
    flops=lambda seq, v, **_: v.size * max(seq.shape[-1], 2).bit_length(),
    doc="Where each value would have to stand in a sorted sequence.",
)  # fmt: skip

isin = Op(
    "isin", lambda xp, a, b, *, invert=False: xp.isin(a, b, invert=invert), tex=r"{a} \in {b}", family="other",
    samples=(made(lambda r: (r.integers(0, 9, (3, 4)), r.integers(0, 9, 3)), invert=False),),
    doc="Whether each element is one of the others.",
)  # fmt: skip

ROWS = [sort, argsort, topk, kthvalue, searchsorted, isin]
