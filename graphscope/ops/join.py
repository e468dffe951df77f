"""Tensors joined along a dimension and cut along one, and the parts repeated."""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops.samples import arrays


def _free(*args: Any, **params: Any) -> int:
    return 0


def cut(ndim: int, axis: int, part: Any) -> tuple[Any, ...]:
    """The index that takes ``part`` of one dimension; an int too leaves a view and no bare number."""
    return ((slice(None),) * (axis % ndim) + (part,)) if isinstance(part, slice) else (
        (slice(None),) * (axis % ndim) + (part, Ellipsis)
    )  # fmt: skip


# ---------------------------------------------------------------- one part


def _narrow_grad(xp: Any, g: Any, *, axis: int, start: int, shape: Any) -> Any:
    out = xp.zeros(shape, g.dtype)
    out[cut(len(shape), axis, slice(start, start + g.shape[axis]))] = g
    return out


narrow = Op(
    "narrow", lambda xp, x, *, axis, start, length, was=None: x[cut(x.ndim, axis, slice(start, start + length))],
    tex=r"{x}[\cdot]", family="shape", view=True, values=("start", "was"), jvp="multilinear",
    vjp=dict(x=lambda F, g, axis, start, was: F.narrow_grad(g, axis=axis, start=start, shape=was)),
    samples=(arrays((3, 4), axis=1, start=1, length=2, was=(3, 4)), arrays((3, 2), axis=0, start=3, length=0, was=(3, 2))),
    flops=_free, doc="A stretch of one dimension: a view.",
)  # fmt: skip
narrow_grad = Op(
    "narrow_grad", _narrow_grad, tex=r"{g} \to 0", family="shape", values=("start", "shape"), jvp="multilinear",
    vjp=dict(g=lambda F, h, g, axis, start, shape: F.narrow(h, axis=axis, start=start, length=g.shape[axis], was=shape)),
    samples=(arrays((3, 2), axis=1, start=1, shape=(3, 4)),), flops=_free, doc="Zeros with g in a stretch.",
)  # fmt: skip


def _select_grad(xp: Any, g: Any, *, axis: int, index: int, shape: Any) -> Any:
    out = xp.zeros(shape, g.dtype)
    out[cut(len(shape), axis, index)] = g
    return out


select = Op(
    "select", lambda xp, x, *, axis, index, was=None: x[cut(x.ndim, axis, index)], tex=r"{x}[\cdot]",
    family="shape", view=True, values=("index", "was"), jvp="multilinear",
    vjp=dict(x=lambda F, g, axis, index, was: F.select_grad(g, axis=axis, index=index, shape=was)),
    samples=(arrays((3, 4), axis=1, index=-1, was=(3, 4)), arrays((3,), axis=0, index=1, was=(3,))),
    flops=_free, doc="One place of a dimension, which goes away: a view.",
)  # fmt: skip
select_grad = Op(
    "select_grad", _select_grad, tex=r"{g} \to 0", family="shape", values=("index", "shape"), jvp="multilinear",
    vjp=dict(g=lambda F, h, axis, index, shape: F.select(h, axis=axis, index=index, was=shape)),
    samples=(arrays((3,), axis=1, index=2, shape=(3, 4)),), flops=_free, doc="Zeros with g at one place.",
)  # fmt: skip

# ---------------------------------------------------------------- joining


def _cat_rule(*shapes: tuple[int, ...], axis: int = 0, sizes: Any = ()) -> None:
    first = shapes[0]
    for k, s in enumerate(shapes[1:], 1):
        if len(s) != len(first):
            raise ShapeError(
                f"tensor 0 has {len(first)} dimensions and tensor {k} has {len(s)}; give all the same number, with unsqueeze"
            )
        for d, (a, b) in enumerate(zip(first, s, strict=True)):
            if a != b and d != axis % len(first):
                raise ShapeError(
                    f"tensor {k} has size {b} in dimension {d}, and tensor 0 has {a}: only dimension {axis}, along "
                    "which they are joined, may differ. Cut or pad one, or join along another dim"
                )


def _cat_grad(F: Any, g: Any, axis: Any, sizes: Any) -> list[Any]:
    out, start = [], 0
    for n in sizes:
        out.append(F.narrow(g, axis=axis, start=start, length=n, was=tuple(g.shape)))
        start += n
    return out


cat = Op(
    "cat", lambda xp, *args, axis=0, sizes=(): xp.concatenate(args, axis=axis),
    tex=r"\mathrm{{cat}}", family="shape", values=("sizes",), vjp={"*": _cat_grad}, shape=_cat_rule,
    samples=(arrays((2, 3), (1, 3), axis=0, sizes=(2, 1)), arrays((2, 1), (2, 2), axis=1, sizes=(1, 2)),
             arrays((0, 3), (2, 3), axis=0, sizes=(0, 2))),
    errors=(((2, 3), (3, 2), dict(axis=0), "only dimension 0, along"),),
    flops=_free, doc="Join along an existing dimension.",
)  # fmt: skip


def _stack_rule(*shapes: tuple[int, ...], axis: int = 0, count: int = 0) -> None:
    for k, s in enumerate(shapes):
        if s != shapes[0]:
            raise ShapeError(
                f"tensor {k} is {list(s)} and tensor 0 is {list(shapes[0])}; all need one shape. Use cat to join "
                "along a dimension that they have"
            )


stack = Op(
    "stack", lambda xp, *args, axis=0, count=0: xp.stack(args, axis=axis), tex=r"\mathrm{{stack}}",
    family="shape", values=("count",), shape=_stack_rule,
    vjp={"*": lambda F, g, axis, count: [
        F.select(g, axis=axis, index=k, was=tuple(g.shape)) for k in range(count)]},
    samples=(arrays((2, 3), (2, 3), axis=0, count=2), arrays((2,), (2,), (2,), axis=1, count=3),
             arrays((), (), axis=0, count=2), arrays((0, 2), (0, 2), axis=1, count=2)),
    errors=(((2,), (3,), dict(axis=0, count=2), "all need one shape"),),
    flops=_free, doc="Join along a new dimension.",
)  # fmt: skip


def _block_diag(xp: Any, *args: Any, shapes: Any) -> Any:
    rows, columns = (sum(s[d] for s in shapes) for d in (0, 1))
    out = xp.zeros((rows, columns), args[0].dtype)
    i = j = 0
    for a, (m, n) in zip(args, shapes, strict=True):
        out[i : i + m, j : j + n] = a
        i, j = i + m, j + n
    return out


def _block_diag_grad(F: Any, g: Any, shapes: Any) -> list[Any]:
    out, i, j = [], 0, 0
    for m, n in shapes:
        rows = F.narrow(g, axis=0, start=i, length=m, was=tuple(g.shape))
        out.append(F.narrow(rows, axis=1, start=j, length=n, was=tuple(rows.shape)))
        i, j = i + m, j + n
    return out


block_diag = Op(
    "block_diag", _block_diag, tex=r"\mathrm{{blockdiag}}", family="shape", vjp={"*": _block_diag_grad},
    samples=(arrays((2, 3), (1, 2), shapes=((2, 3), (1, 2))),), flops=_free,
    doc="A matrix with the given ones along its diagonal.",
)  # fmt: skip

# ---------------------------------------------------------------- cutting into several


def _listed(g: Any) -> list[Any]:
    return g if isinstance(g, list) else [g]


def _split(xp: Any, x: Any, *, axis: int, sizes: Any) -> Any:
    out, start = [], 0
    for n in sizes:
        out.append(x[cut(x.ndim, axis, slice(start, start + n))])
        start += n
    return out


def _split_vjp(F: Any, g: Any, axis: int, sizes: Any) -> Any:
    parts = _listed(g)
    if all(p is not None for p in parts):
        return F.cat(*parts, axis=axis, sizes=sizes)
    some = next(p for p in parts if p is not None)
    shape = list(some.shape)
    shape[axis] = sum(sizes)
    total, start = None, 0
    for p, n in zip(parts, sizes, strict=True):
        if p is not None:
            p = F.narrow_grad(p, axis=axis, start=start, shape=tuple(shape))
            total = p if total is None else total + p
        start += n
    return total


split = Op(
    "split", _split, tex=r"\mathrm{{split}}({x})", family="shape", view=True, multi=True, vjp=dict(x=_split_vjp),
    jvp="multilinear",
    samples=(arrays((5, 2), axis=0, sizes=(2, 3)), arrays((2, 3), axis=1, sizes=(3,)), arrays((3, 0), axis=0, sizes=(1, 2))),
    flops=_free, doc="Several stretches of a dimension: views.",
)  # fmt: skip


def _unbind_vjp(F: Any, g: Any, axis: int) -> Any:
    parts = _listed(g)
    if all(p is not None for p in parts):
        return F.stack(*parts, axis=axis, count=len(parts))
    some = next(p for p in parts if p is not None)
    shape = list(some.shape)
    shape.insert(axis, len(parts))
    total = None
    for k, p in enumerate(parts):
        if p is not None:
            p = F.select_grad(p, axis=axis, index=k, shape=tuple(shape))
            total = p if total is None else total + p
    return total


unbind = Op(
    "unbind", lambda xp, x, *, axis: [x[cut(x.ndim, axis, k)] for k in range(x.shape[axis])],
    tex=r"\mathrm{{unbind}}({x})", family="shape", view=True, multi=True, vjp=dict(x=_unbind_vjp), jvp="multilinear",
    samples=(arrays((3, 2), axis=0), arrays((2, 3), axis=1), arrays((1, 2), axis=0), arrays((2,), axis=0)),
    flops=_free, doc="Each place of a dimension: views.",
)  # fmt: skip

# ---------------------------------------------------------------- repeating


def _repeat_vjp(F: Any, g: Any, sizes: Any, was: Any) -> Any:
    lead = len(sizes) - len(was)
    old = (1,) * lead + tuple(was)
    pairs = tuple(v for r, s in zip(sizes, old, strict=True) for v in (r, s))
    g = F.reshape(g, shape=pairs, was=tuple(g.shape))
    g = F.sum(g, axis=tuple(range(0, len(pairs), 2)), keepdims=False, shape=pairs)
    return F.reshape(g, shape=tuple(was), was=old)


repeat = Op(
    "repeat", lambda xp, x, *, sizes, was=None: xp.tile(x, sizes) if sizes else x.copy(),
    tex=r"\mathrm{{repeat}}({x})", family="shape", values=("was",), vjp=dict(x=_repeat_vjp), jvp="multilinear",
    samples=(arrays((2, 3), sizes=(2, 1), was=(2, 3)), arrays((3,), sizes=(2, 2), was=(3,)), arrays((), sizes=(3,), was=()),
             arrays((2,), sizes=(0,), was=(2,)), arrays((), sizes=(), was=())),
    flops=_free, doc="The whole repeated along each dimension: a copy.",
)  # fmt: skip


def _picks(xp: Any, x: Any, i: Any, *, axis: int, was: Any = None) -> Any:
    return xp.take(x, i, axis=axis)


def _picks_grad(xp: Any, g: Any, i: Any, *, axis: int, shape: Any) -> Any:
    out = xp.zeros(shape, g.dtype)
    xp.add.at(out, (slice(None),) * axis + (i,), g)
    return out


def _whole(r: Any) -> Any:
    return (r.normal(size=(3, 2)), [0, 0, 2])


repeat_interleave = Op(
    "repeat_interleave", _picks, tex=r"\mathrm{{repeat}}({x})", family="shape", values=("was",), jvp="multilinear",
    vjp=dict(x=lambda F, g, i, axis, was: F.repeat_interleave_grad(g, i, axis=axis, shape=was)),
    samples=(lambda r: (_whole(r), dict(axis=0, was=(3, 2))),), flops=_free,
    doc="Each place of a dimension repeated: x at the places i.",
)  # fmt: skip
repeat_interleave_grad = Op(
    "repeat_interleave_grad", _picks_grad, tex=r"{g} \to [{i}]", family="shape", values=("shape",),
    vjp=dict(g=lambda F, h, i, axis, shape: F.repeat_interleave(h, i, axis=axis, was=shape)),
    samples=(lambda r: (_whole(r), dict(axis=0, shape=(4, 2))),), doc="The gradient of repeat_interleave.",
)  # fmt: skip

ROWS = [
    narrow, narrow_grad, select, select_grad, cat, stack, block_diag, split, unbind, repeat,
    repeat_interleave, repeat_interleave_grad,
]  # fmt: skip
