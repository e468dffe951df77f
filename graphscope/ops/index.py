"""Indexing. An index is a template of slices, ints, None and ``...``; arrays in it are inputs.

In a template the k-th array index stands as the text ``"@k"``, so that the template is structure and
the arrays are data: a new batch of labels is not a new graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.ops.samples import arrays, made


def fill(template: tuple[Any, ...], parts: tuple[Any, ...]) -> tuple[Any, ...]:
    """The template with the arrays put in."""
    return tuple(parts[int(t[1:])] if isinstance(t, str) else t for t in template)


getitem = Op(
    "getitem", lambda xp, x, *, index, was=None: x[index], tex=r"{x}[\cdot]", family="shape", view=True,
    # Where a slice begins is a value: a program that cuts its own batches repeats one graph.
    values=("index", "was"),
    vjp=dict(x=lambda F, g, index, was: F.put_zeros(g, index=index, shape=was)),
    samples=(
        arrays((3, 4), index=(slice(1, 3), 2), was=(3, 4)),
        arrays((3, 4), index=(Ellipsis, None, slice(None, None, -1)), was=(3, 4)),
    ),
    flops=lambda *a, **k: 0, doc="Basic indexing: a view.",
)  # fmt: skip


def _put_zeros(xp: Any, g: Any, *, index: Any, shape: Any) -> Any:
    out = xp.zeros(shape, g.dtype)
    out[index] = g
    return out


put_zeros = Op(
    "put_zeros", _put_zeros, tex=r"{g} \to 0", family="shape", values=("index", "shape"),
    vjp=dict(g=lambda F, h, index, shape: F.getitem(h, index=index, was=shape)),
    samples=(arrays((2,), index=(slice(1, 3), 2), shape=(3, 4)),),
    flops=lambda *a, **k: 0, doc="Zeros with g at an index: the gradient of indexing.",
)  # fmt: skip


def _take(xp: Any, x: Any, i: Any, j: Any = None, *, template: Any, was: Any = None) -> Any:
    return x[fill(template, (i, j))]


def _scatter(xp: Any, g: Any, i: Any, j: Any = None, *, template: Any, shape: Any) -> Any:
    out = xp.zeros(shape, g.dtype)
    parts = fill(template, (i, j))
    if i.dtype.kind == "b":
        out[parts] = g
    else:
        xp.add.at(out, parts, g)  # duplicate indices accumulate
    return out


take = Op(
    "take", lambda xp, x, i, *, template, was=None: _take(xp, x, i, template=template), family="shape", values=("was",),
    tex=r"{x}[{i}]",
    vjp=dict(x=lambda F, g, i, template, was: F.scatter(g, i, template=template, shape=was)),
    samples=(
        made(lambda r: (r.normal(size=(4, 3)), np.array([0, 2, 2])), template=("@0",), was=(4, 3)),
        made(lambda r: (r.normal(size=(4, 3)), r.random((4, 3)) > 0.5), template=("@0",), was=(4, 3)),
    ),
    flops=lambda *a, **k: 0, doc="Indexing by one array or mask.",
)  # fmt: skip
scatter = Op(
    "scatter", lambda xp, g, i, *, template, shape: _scatter(xp, g, i, template=template, shape=shape),
    tex=r"{g} \to [{i}]", family="shape", values=("shape",),
    vjp=dict(g=lambda F, h, i, template, shape: F.take(h, i, template=template, was=shape)),
    samples=(
        made(lambda r: (r.normal(size=(3, 3)), np.array([0, 2, 2])), template=("@0",), shape=(4, 3)),
    ),
    flops=lambda *a, **k: 0, doc="Zeros with g added at indices: the gradient of take.",
)  # fmt: skip
take2 = Op(
    "take2", lambda xp, x, i, j, *, template, was=None: _take(xp, x, i, j, template=template),
    tex=r"{x}[{i}, {j}]", family="shape", values=("was",),
    vjp=dict(x=lambda F, g, i, j, template, was: F.scatter2(g, i, j, template=template, shape=was)),
    samples=(
        made(lambda r: (r.normal(size=(4, 3)), np.array([0, 2, 2]), np.array([1, 0, 0])),
             template=("@0", "@1"), was=(4, 3)),
    ),
    flops=lambda *a, **k: 0, doc="Indexing by two arrays.",
)  # fmt: skip
scatter2 = Op(
    "scatter2",
    lambda xp, g, i, j, *, template, shape: _scatter(xp, g, i, j, template=template, shape=shape),
    tex=r"{g} \to [{i}, {j}]", family="shape", values=("shape",),
    vjp=dict(g=lambda F, h, i, j, template, shape: F.take2(h, i, j, template=template, was=shape)),
    samples=(
        made(lambda r: (r.normal(size=(3,)), np.array([0, 2, 2]), np.array([1, 0, 0])),
             template=("@0", "@1"), shape=(4, 3)),
    ),
    flops=lambda *a, **k: 0, doc="Zeros with g added at two index arrays.",
)  # fmt: skip


def _setitem(xp: Any, x: Any, v: Any, *parts: Any, template: Any) -> Any:
    x[fill(template, parts)] = v
    return x


# Writing rows: the first input is changed in place and is the output.
setitem_ = Op(
    "setitem_", lambda xp, x, v, *, template: _setitem(xp, x, v, template=template),
    tex=r"{x}[\cdot] \gets {v}", family="shape", writes=True, values=("template",), flops=lambda *a, **k: 0,
    doc="Write at an index, in place.",
)  # fmt: skip
setitem_at_ = Op(
    "setitem_at_", lambda xp, x, v, i, *, template: _setitem(xp, x, v, i, template=template),
    tex=r"{x}[{i}] \gets {v}", family="shape", writes=True, values=("template",), flops=lambda *a, **k: 0,
    doc="Write at an array index or mask, in place.",
)  # fmt: skip


def _set_vjp_v(F: Any, g: Any, v: Any, template: Any) -> Any:
    from graphscope.engine.backward import sum_to

    return sum_to(F.getitem(g, index=template, was=tuple(g.shape)), tuple(v.shape))


def _set(xp: Any, x: Any, v: Any, *, template: Any) -> Any:
    x = x.copy()
    x[template] = v
    return x


setitem = Op(
    "setitem", _set, tex=r"{x}[\cdot] \gets {v}", family="shape",
    vjp=dict(x=lambda F, g, template: F.setitem(g, F.zero(g), template=template), v=_set_vjp_v),
    samples=(arrays((3, 4), (2,), template=(slice(1, 3), 2)), arrays((3, 4), (), template=(0,))),
    flops=lambda *a, **k: 0, doc="A copy of x with v at an index; used where x is part of a graph.",
)  # fmt: skip

zero = Op(
    "zero", lambda xp, x: xp.zeros((), x.dtype), family="other", doc="A 0-d zero of x's dtype."
)


def _gather(xp: Any, x: Any, i: Any, *, axis: Any, was: Any = None) -> Any:
    return xp.take_along_axis(x, i, axis)


def _gather_back(xp: Any, g: Any, i: Any, *, axis: Any, shape: Any) -> Any:
    out = xp.zeros(shape, g.dtype)
    where = list(np.ogrid[tuple(slice(n) for n in i.shape)])
    where[axis] = i
    xp.add.at(out, tuple(where), g)
    return out


_LABELS = made(lambda r: (r.normal(size=(3, 4)), np.array([[1], [0], [3]])), axis=1, was=(3, 4))
gather = Op(
    "gather", _gather, tex=r"{x}[{i}]", family="shape", values=("was",),
    vjp=dict(x=lambda F, g, i, axis, was: F.gather_grad(g, i, axis=axis, shape=was)),
    samples=(_LABELS,), flops=lambda *a, **k: 0, doc="One element per index along a dimension.",
)  # fmt: skip
gather_grad = Op(
    "gather_grad", _gather_back, tex=r"{g} \to [{i}]", family="shape", values=("shape",),
    vjp=dict(g=lambda F, h, i, axis, shape: F.gather(h, i, axis=axis, was=shape)),
    samples=(made(lambda r: (r.normal(size=(3, 1)), np.array([[1], [0], [3]])), axis=1, shape=(3, 4)),),
    flops=lambda *a, **k: 0, doc="The gradient of gather.",
)  # fmt: skip

ROWS = [
    getitem, put_zeros, take, scatter, take2, scatter2, setitem_, setitem_at_, setitem, zero, gather,
    gather_grad,
]  # fmt: skip
