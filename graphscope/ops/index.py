"""Indexing rows. A basic index (slices, ints, None, ``...``) is a view; index arrays are inputs.

In a template the k-th index array stands as the text ``"@k"`` and a whole dimension as ``":"``, so the
template is structure and the arrays are data: a new batch of labels is not a new graph. What a program
writes in brackets becomes a basic index followed by a template in ``indexing_syntax``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine import bounds
from graphscope.engine.op import Op
from graphscope.ops.accumulate import add_rows
from graphscope.ops.samples import arrays, made

_ALL = slice(None)


def _free(*a: Any, **k: Any) -> int:
    return 0


# ---------------------------------------------------------------- views

getitem = Op(
    "getitem", lambda xp, x, *, index, was=None: x[index], tex=r"{x}[\cdot]", family="shape", view=True,
    # Where a slice begins is a value: a program that cuts its own batches repeats one graph.
    values=("index", "was"), jvp="multilinear",
    vjp=dict(x=lambda F, g, index, was: F.put_zeros(g, index=index, shape=was)),
    samples=(
        arrays((3, 4), index=(slice(1, 3), 2), was=(3, 4)),
        arrays((3, 4), index=(Ellipsis, None, slice(None, None, 2)), was=(3, 4)),
    ),
    flops=_free, doc="Basic indexing: a view.",
)  # fmt: skip


def _put_zeros(xp: Any, g: Any, *, index: Any, shape: Any) -> Any:
    out = xp.zeros(shape, g.dtype)
    out[index] = g
    return out


put_zeros = Op(
    "put_zeros", _put_zeros, tex=r"{g} \to 0", family="shape", values=("index", "shape"), jvp="multilinear",
    vjp=dict(g=lambda F, h, index, shape: F.getitem(h, index=index, was=shape)),
    samples=(arrays((2,), index=(slice(1, 3), 2), shape=(3, 4)),),
    flops=_free, doc="Zeros with g at an index: the gradient of indexing.",
)  # fmt: skip


# ---------------------------------------------------------------- index arrays


def fill(template: tuple[str, ...], at: Any) -> tuple[Any, ...]:
    """The template with the arrays put in, as numpy takes it."""
    return tuple(_ALL if t == ":" else at[int(t[1:])] for t in template)


def by_dimension(xp: Any, template: tuple[str, ...], at: Any) -> dict[int, Any]:
    """Integer arrays by the dimension that each indexes; a mask gives one for each of its own."""
    found: dict[int, Any] = {}
    dim = 0
    for t in template:
        if t == ":":
            dim += 1
            continue
        array = at[int(t[1:])]
        if array.dtype.kind == "b":
            parts = xp.nonzero(array)
        else:
            parts = (array,)
        for part in parts:
            found[dim] = part
            dim += 1
    return found


def _check(xp: Any, shape: tuple[int, ...], template: Any, at: Any) -> None:
    """Range checks where the device would wrap silently; numpy checks by itself."""
    dim = 0
    for t in template:
        array = None if t == ":" else at[int(t[1:])]
        if array is not None and array.dtype.kind == "b":
            dim += array.ndim
            continue
        if array is not None:
            bounds.check(array, shape[dim], dim, negative=True)
        dim += 1


def _index(xp: Any, x: Any, *at: Any, template: Any, was: Any = None) -> Any:
    if xp is not np:
        _check(xp, x.shape, template, at)
    if len(at) == 1:  # numpy's own way takes 2 times as long for an array, 6 times for a mask
        if at[0].dtype.kind != "b":
            return x.take(at[0], axis=len(template) - 1)
        if len(template) == 1:
            return _masked_rows(x, at[0]).take(xp.flatnonzero(at[0]), axis=0)
    return x[fill(template, at)]


def _masked_rows(x: Any, mask: Any) -> Any:
    """The dimensions that the mask covers joined to one."""
    return x.reshape(mask.size, *x.shape[mask.ndim :])


class _Places:
    """Where the indexed elements lie when the indexed dimensions are joined and come first."""

    def __init__(self, xp: Any, shape: tuple[int, ...], template: Any, at: Any) -> None:
        by_dim = by_dimension(xp, template, at)
        dims = sorted(by_dim)
        rest = [d for d in range(len(shape)) if d not in by_dim]
        flat: Any = 0
        for d in dims:
            i = by_dim[d]
            flat = flat * shape[d] + xp.where(i < 0, i + shape[d], i)
        self.flat = flat
        self.order = (*dims, *rest)
        self.shape = tuple(shape[d] for d in self.order)
        self.sizes = (
            int(np.prod([shape[d] for d in dims])),
            int(np.prod([shape[d] for d in rest])),
        )
        # Neighbouring index arrays leave their dimensions in place; else these come first.
        adjacent = dims[-1] - dims[0] == len(dims) - 1
        self.begin = dims[0] if adjacent else 0
        self.result = (
            *(shape[d] for d in rest[: self.begin]),
            *flat.shape,
            *(shape[d] for d in rest[self.begin :]),
        )

    def rows(self, xp: Any, values: Any) -> Any:
        """Values of the shape of the indexing's result, as one row for each place."""
        values = xp.broadcast_to(values, self.result)
        here = range(self.begin, self.begin + self.flat.ndim)
        other = [a for a in range(values.ndim) if a not in here]
        return values.transpose(*here, *other).reshape(self.flat.size, self.sizes[1])


def _put_add(xp: Any, g: Any, *at: Any, template: Any, shape: Any) -> Any:
    if template == ("@0",) and at[0].dtype.kind == "b":
        out = xp.zeros(shape, g.dtype)
        _masked_rows(out, at[0])[xp.flatnonzero(at[0])] = g  # a mask never hits a place twice
        return out
    places = _Places(xp, shape, template, at)
    out = xp.zeros(places.shape, g.dtype)
    rows = out.reshape(places.sizes)
    add_rows(xp, rows, places.flat.reshape(-1), places.rows(xp, g), fresh=True)
    if places.order == tuple(range(len(shape))):
        return out
    return out.transpose(tuple(places.order.index(d) for d in range(len(shape))))


_INDEXED = (
    made(lambda r: (r.normal(size=(4, 3)), np.array([0, 2, 2])), template=("@0",), was=(4, 3)),
    made(lambda r: (r.normal(size=(4, 3)), r.random((4, 3)) > 0.5), template=("@0",), was=(4, 3)),
    made(lambda r: (r.normal(size=(4, 3)), np.array([0, -2, 2]), np.array([[1], [0]])),
         template=("@0", "@1"), was=(4, 3)),
    made(lambda r: (r.normal(size=(4, 2, 3)), np.array([0, 1]), np.array([[1], [0]])),
         template=("@0", ":", "@1"), was=(4, 2, 3)),
    made(lambda r: (r.normal(size=(2, 4, 3)), np.array([3, 3])), template=(":", "@0"), was=(2, 4, 3)),
)  # fmt: skip

index = Op(
    "index", _index, tex=r"{x}[{at}]", family="shape", values=("was",), jvp="multilinear",
    vjp=dict(x=lambda F, g, at, template, was: F.put_add(g, *at, template=template, shape=was)),
    samples=_INDEXED, flops=_free, doc="Indexing by arrays of integers and masks, any number of them.",
)  # fmt: skip

put_add = Op(
    "put_add", _put_add, tex=r"{g} \to [{at}]", family="shape", values=("shape",), jvp="multilinear",
    vjp=dict(g=lambda F, h, at, template, shape: F.index(h, *at, template=template, was=shape)),
    samples=(
        made(lambda r: (r.normal(size=(3, 3)), np.array([0, 2, 2])), template=("@0",), shape=(4, 3)),
        made(lambda r: (r.normal(size=(3,)), np.array([0, 2, 2]), np.array([1, 0, 0])),
             template=("@0", "@1"), shape=(4, 3)),
    ),
    flops=lambda g, *at, **_: g.size, doc="Zeros with g added at index arrays: the gradient of index.",
)  # fmt: skip


# ---------------------------------------------------------------- writing


def _write(xp: Any, x: Any, v: Any, at: Any, template: Any, accumulate: bool) -> Any:
    if (
        accumulate or xp is not np
    ):  # numpy checks what it writes, but not places that were counted out here
        _check(xp, x.shape, template, at)
    if not accumulate:
        if template == ("@0",) and at[0].dtype.kind == "b" and x.flags.c_contiguous:
            # Writing through the mask itself takes 6 times as long where it is irregular.
            _masked_rows(x, at[0])[xp.flatnonzero(at[0])] = v
        elif xp is not np and any(a.dtype.kind == "b" for a in at):
            by_dim = by_dimension(xp, template, at)
            x[tuple(by_dim.get(d, _ALL) for d in range(x.ndim))] = v
        else:
            x[fill(template, at)] = v
        return x
    places = _Places(xp, x.shape, template, at)
    if places.order == tuple(range(x.ndim)) and x.flags.c_contiguous:
        add_rows(
            xp, x.reshape(places.sizes), places.flat.reshape(-1),
            xp.ascontiguousarray(places.rows(xp, v)),
        )  # fmt: skip
    else:
        x += _put_add(xp, xp.broadcast_to(v, places.result), *at, template=template, shape=x.shape)
    return x


def _index_put(
    xp: Any, x: Any, v: Any, *at: Any, template: Any, accumulate: Any = False, was: Any = None
) -> Any:
    return _write(xp, x.copy(), v, at, template, accumulate)


def _kept(F: Any, g: Any, at: Any, template: Any, accumulate: Any) -> Any:
    if accumulate is True:
        return g
    return F.index_put(g, F.zero(g), *at, template=template, accumulate=False, was=())


def _sum_to(g: Any, shape: Any) -> Any:
    from graphscope.engine.backward import sum_to

    return g if tuple(g.shape) == tuple(shape) else sum_to(g, tuple(shape))


index_put = Op(
    "index_put", _index_put, tex=r"{x}[{at}] \gets {v}", family="shape", values=("was",),
    vjp=dict(
        x=_kept,
        v=lambda F, g, at, template, was: _sum_to(F.index(g, *at, template=template, was=tuple(g.shape)), was),
    ),
    samples=(
        made(lambda r: (r.normal(size=(4, 3)), r.normal(size=(2, 3)), np.array([0, 2])),
             template=("@0",), accumulate=False, was=(2, 3)),
        made(lambda r: (r.normal(size=(4, 3)), r.normal(size=(3,)), np.array([0, 2, 2])),
             template=("@0",), accumulate=True, was=(3,)),
        made(lambda r: (r.normal(size=(4, 3)), r.normal(size=()), r.random((4, 3)) > 0.5),
             template=("@0",), accumulate=False, was=()),
        made(lambda r: (r.normal(size=(2, 4)), r.normal(size=(2, 3)), np.array([1, 1, 0])),
             template=(":", "@0"), accumulate=True, was=(2, 3)),
    ),
    flops=_free, doc="A copy of x with v at index arrays; accumulate: v is added there.",
)  # fmt: skip

index_put_ = Op(
    "index_put_", lambda xp, x, v, *at, template, accumulate=False: _write(xp, x, v, at, template, accumulate),
    tex=r"{x}[{at}] \gets {v}", family="shape", writes=True, flops=_free,
    doc="Write at index arrays, in place; accumulate: v is added there.",
)  # fmt: skip


def _set_(xp: Any, x: Any, v: Any, *, template: Any) -> Any:
    x[template] = v
    return x


setitem_ = Op(
    "setitem_", _set_, tex=r"{x}[\cdot] \gets {v}", family="shape", writes=True, values=("template",),
    flops=_free, doc="Write at a basic index, in place.",
)  # fmt: skip

setitem = Op(
    "setitem", lambda xp, x, v, *, template, was=None: _set_(xp, x.copy(), v, template=template),
    tex=r"{x}[\cdot] \gets {v}", family="shape", values=("template", "was"),
    vjp=dict(
        x=lambda F, g, template: F.setitem(g, F.zero(g), template=template, was=()),
        v=lambda F, g, template, was: _sum_to(F.getitem(g, index=template, was=tuple(g.shape)), was),
    ),
    samples=(
        arrays((3, 4), (2,), template=(slice(1, 3), 2), was=(2,)),
        arrays((3, 4), (), template=(0,), was=()),
    ),
    flops=_free, doc="A copy of x with v at a basic index; used where x is part of a graph.",
)  # fmt: skip

zero = Op(
    "zero",
    lambda xp, x: xp.zeros((), x.dtype),
    tex="0",
    family="other",
    doc="A 0-d zero of x's dtype.",
)

ROWS = [getitem, put_zeros, index, put_add, index_put, index_put_, setitem_, setitem, zero]
