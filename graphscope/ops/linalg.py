"""Matrix products."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops.samples import arrays


def _rule(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    if not a or not b:
        raise ShapeError(
            "a matrix product needs at least one dimension on each side; use * for scalars"
        )
    inner = b[-2] if len(b) > 1 else b[0]
    if a[-1] != inner:
        fix = ""
        if len(b) > 1 and a[-1] == b[-1]:
            fix = "; did you mean x @ y.T?" if len(b) == 2 else "; did you mean x @ y.mT?"
        elif len(a) > 1 and a[-2] == inner:
            fix = "; did you mean x.T @ y?" if len(a) == 2 else "; did you mean x.mT @ y?"
        raise ShapeError(f"{a} @ {b}: the inner sizes {a[-1]} and {inner} differ{fix}")
    for m, n in zip(a[-3::-1], b[-3::-1], strict=False):
        if m != n and 1 not in (m, n):
            raise ShapeError(
                f"{a} @ {b}: the batch sizes {m} and {n} differ; they must be equal or 1"
            )


def _mm(xp: Any, a: Any, b: Any) -> Any:
    # ndarray.dot takes 335 ns on small matrices where the matmul ufunc takes 806.
    return a.dot(b)


# The same without a Python frame.
_mm.numpy = np.ndarray.dot  # type: ignore[attr-defined]


mm = Op(
    "mm", _mm, tex=r"{a}\,{b}", family="linalg", shape=_rule,
    vjp=dict(a=lambda F, g, b: F.mm(g, b.mT), b=lambda F, g, a: F.mm(a.mT, g)),
    jvp="multilinear", flops=lambda a, b, **_: 2 * a.size * b.shape[-1],
    samples=(arrays((3, 4), (4, 5)), arrays((1, 2), (2, 1)), arrays((0, 3), (3, 2))),
    errors=(((3, 4), (5, 6), "the inner sizes 4 and 5 differ"),), doc="Product of two matrices.",
)  # fmt: skip


def _matmul(xp: Any, a: Any, b: Any) -> Any:
    if b.ndim == 2 and a.flags.c_contiguous and a.size:
        # One GEMM; the ufunc would make one for each batch element.
        return a.reshape(-1, a.shape[-1]).dot(b).reshape(*a.shape[:-1], b.shape[-1])
    return xp.matmul(a, b)


def _matmul_vjp_b(F: Any, g: Any, a: Any, b: Any) -> Any:
    if b.ndim == 2:
        k, n = b.shape
        m = prod(a.shape[:-1])
        left = F.reshape(a, shape=(m, k), was=tuple(a.shape))
        return F.mm(left.mT, F.reshape(g, shape=(m, n), was=tuple(g.shape)))
    return _fit(F.matmul(a.mT, g), b)


matmul = Op(
    "matmul", _matmul, tex=r"{a}\,{b}", family="linalg", shape=_rule,
    # Batch dimensions broadcast; the gradient of a broadcast one is summed back.
    vjp=dict(a=lambda F, g, a, b: _fit(F.matmul(g, b.mT), a), b=_matmul_vjp_b),
    jvp="multilinear", flops=lambda a, b, **_: 2 * a.size * b.shape[-1],
    samples=(
        arrays((2, 3, 4), (2, 4, 5)), arrays((2, 3, 4), (4, 5)), arrays((2, 1, 3, 4), (6, 4, 5)),
        arrays((2, 0, 4), (4, 5)), arrays((3, 4), (2, 4, 5)),
    ),
    errors=(
        ((2, 3, 4), (2, 5, 6), "the inner sizes 4 and 5 differ"),
        ((2, 3, 4), (3, 4, 6), "the batch sizes 2 and 3 differ"),
    ),
    doc="Batched product of matrices.",
)  # fmt: skip


def _fit(g: Any, like: Any) -> Any:
    from graphscope.engine.backward import sum_to

    return g if g.shape == like.shape else sum_to(g, tuple(like.shape))


def _same_length(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    if a != b or len(a) != 1:
        raise ShapeError(
            f"a dot product takes two vectors of one length, not {a} and {b}; use @ for matrices, or flatten()"
        )


dot = Op(
    "dot", lambda xp, a, b: a.dot(b), tex=r"{a}^T{b}", family="linalg", shape=_same_length,
    vjp=dict(a=lambda F, g, b: g * b, b=lambda F, g, a: g * a), jvp="multilinear",
    flops=lambda a, b, **_: 2 * a.size, samples=(arrays((4,), (4,)), arrays((0,), (0,))),
    errors=(((3,), (4,), "two vectors of one length"),), doc="Sum of the products of two vectors.",
)  # fmt: skip


def _outer(F: Any, a: Any, b: Any) -> Any:
    column = F.reshape(a, shape=(a.shape[0], 1), was=tuple(a.shape))
    return F.mm(column, F.reshape(b, shape=(1, b.shape[0]), was=tuple(b.shape)))


mv = Op(
    "mv", lambda xp, a, b: a.dot(b), tex=r"{a}\,{b}", family="linalg", shape=_rule,
    vjp=dict(a=lambda F, g, b: _outer(F, g, b), b=lambda F, g, a: F.mv(a.mT, g)), jvp="multilinear",
    flops=lambda a, b, **_: 2 * a.size, samples=(arrays((3, 4), (4,)), arrays((3, 0), (0,))),
    errors=(((3, 4), (3,), "the inner sizes 4 and 3 differ; did you mean x.T @ y?"),),
    doc="Product of a matrix and a vector.",
)  # fmt: skip


outer = Op(
    "outer", lambda xp, a, b: a[:, None] * b, tex=r"{a}\,{b}^T", family="linalg",
    vjp=dict(a=lambda F, g, b: F.mv(g, b), b=lambda F, g, a: F.mv(g.mT, a)), jvp="multilinear",
    flops=lambda a, b: a.size * b.size, samples=(arrays((3,), (4,)), arrays((0,), (2,))),
    doc="All products of the elements of two vectors.",
)  # fmt: skip


def _total(a: Any, b: Any) -> Any:
    """The sum of the products of a batch, as one product of the matrices side by side."""
    k, m, n = a.shape[0] * a.shape[2], a.shape[1], b.shape[2]
    return a.transpose(1, 0, 2).reshape(m, k).dot(b.reshape(k, n))


# Per name: the product, its result's shape, the gradients of its two factors, and samples' shapes.
_PRODUCTS: dict[str, Any] = {
    "addmm": (
        lambda xp, a, b: a.dot(b), lambda a, b: (a[0], b[1]),
        lambda F, g, b: F.mm(g, b.mT), lambda F, g, a: F.mm(a.mT, g), ((3, 5), (3, 4), (4, 5)),
    ),
    "baddbmm": (
        lambda xp, a, b: xp.matmul(a, b), lambda a, b: (*a[:2], b[2]),
        lambda F, g, b: F.matmul(g, b.mT), lambda F, g, a: F.matmul(a.mT, g), ((2, 3, 5), (2, 3, 4), (2, 4, 5)),
    ),
    "addbmm": (
        lambda xp, a, b: _total(a, b), lambda a, b: (a[1], b[2]),
        lambda F, g, b: F.matmul(g, b.mT), lambda F, g, a: F.matmul(a.mT, g), ((3, 5), (2, 3, 4), (2, 4, 5)),
    ),
    "addmv": (
        lambda xp, a, b: a.dot(b), lambda a, b: (a[0],),
        lambda F, g, b: F.outer(g, b), lambda F, g, a: F.mv(a.mT, g), ((3,), (3, 4), (4,)),
    ),
    "addr": (
        lambda xp, a, b: a[:, None] * b, lambda a, b: (a[0], b[0]),
        lambda F, g, b: F.mv(g, b), lambda F, g, a: F.mv(g.mT, a), ((3, 4), (3,), (4,)),
    ),
}  # fmt: skip


def _scaled(g: Any, by: Any) -> Any:
    return g if by == 1 else g * by


def _add_product(name: str) -> Op:
    """beta * c + alpha * (a @ b); beta of 0 ignores c, and the nan in it, as torch says."""
    product, shape_of, slope_a, slope_b, shapes = _PRODUCTS[name]

    def kernel(xp: Any, c: Any, a: Any, b: Any, *, alpha: Any = 1, beta: Any = 1) -> Any:
        out = product(xp, a, b)
        if alpha != 1:
            out *= out.dtype.type(alpha)
        if beta != 0:
            out += _scaled(c, c.dtype.type(beta))
        return out

    def rule(c: Any, a: Any, b: Any, **params: Any) -> None:
        if name != "addr":
            _rule(a, b)
        shape = shape_of(a, b)
        if len(c) > len(shape) or any(
            m not in (1, n) for m, n in zip(c[::-1], shape[::-1], strict=False)
        ):
            raise ShapeError(f"the added {c} does not broadcast to the product's shape {shape}")

    one = (1,) * len(shapes[0])
    return Op(
        name, kernel, tex=r"\beta {c} + \alpha {a}\,{b}", family="linalg", values=("alpha", "beta"), shape=rule,
        vjp=dict(
            c=lambda F, g, c, beta: _fit(_scaled(g, beta), c),
            a=lambda F, g, a, b, alpha: _fit(slope_a(F, _scaled(g, alpha), b), a),
            b=lambda F, g, a, b, alpha: _fit(slope_b(F, _scaled(g, alpha), a), b),
        ),
        flops=lambda c, a, b, **_: 2 * a.size * (b.shape[-1] if b.ndim > 1 else 1),
        samples=(arrays(*shapes, alpha=2, beta=0.5), arrays(one, *shapes[1:]), arrays((), *shapes[1:])),
        doc="A product, scaled, plus an array, scaled.",
    )  # fmt: skip


addmm, baddbmm, addbmm, addmv, addr = (
    _add_product(name) for name in ("addmm", "baddbmm", "addbmm", "addmv", "addr")
)

trace = Op(
    "trace", lambda xp, x, *, was=None: xp.trace(x), tex=r"\mathrm{{tr}}\,{x}", family="linalg", values=("was",),
    vjp=dict(x=lambda F, g, was: g * F.identity_like(g, n=was[0], m=was[1])), jvp="multilinear",
    flops=lambda x, **_: min(x.shape), samples=(arrays((3, 3), was=(3, 3)), arrays((2, 3), was=(2, 3))),
    doc="Sum of the diagonal.",
)  # fmt: skip


def _cross(xp: Any, a: Any, b: Any, *, axis: Any) -> Any:
    a, b = xp.moveaxis(a, axis, 0), xp.moveaxis(b, axis, 0)
    parts = [a[i] * b[j] - a[j] * b[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return xp.stack(parts, axis=axis)


cross = Op(
    "cross", _cross, tex=r"{a} \times {b}", family="linalg", jvp="multilinear",
    vjp=dict(
        a=lambda F, g, b, axis: F.cross(b, g, axis=axis), b=lambda F, g, a, axis: F.cross(g, a, axis=axis)
    ),
    samples=(arrays((2, 3), (2, 3), axis=1), arrays((3, 2), (3, 2), axis=0)),
    flops=lambda a, b, **_: 3 * a.size, doc="Vector product of three numbers along a dimension.",
)  # fmt: skip


def _linear(xp: Any, x: Any, w: Any, b: Any = None) -> Any:
    # More dimensions are more rows of one matrix: one product, however many there are.
    out = x.dot(w.mT) if x.ndim == 2 else x.reshape(_rows(x), x.shape[-1]).dot(w.mT)
    if b is not None:
        out += b
    return out if x.ndim == 2 else out.reshape(*x.shape[:-1], w.shape[0])


def _rows(x: Any) -> int:
    n = 1
    for s in x.shape[:-1]:
        n *= s
    return n


def _flat(F: Any, t: Any) -> Any:
    return t if t.ndim == 2 else F.reshape(t, shape=(_rows(t), t.shape[-1]), was=t.shape)


def _linear_x(F: Any, g: Any, w: Any) -> Any:
    got = F.mm(_flat(F, g), w)
    return got if g.ndim == 2 else F.reshape(got, shape=(*g.shape[:-1], w.shape[1]), was=got.shape)


def _linear_rule(
    x: tuple[int, ...], w: tuple[int, ...], b: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    if x[-1] != w[-1]:
        raise ShapeError(
            f"the layer takes {w[-1]} features, the input's last dimension has {x[-1]} (input {x}, weight {w})"
        )
    if b is not None and b != w[:1]:
        raise ShapeError(f"the bias must have {w[0]} elements, one per output; it is {tuple(b)}")
    return (*x[:-1], w[0])


linear = Op(
    "linear", _linear, tex=r"{x}\,{w}^T + {b}", family="linalg", shape=_linear_rule,
    vjp=dict(
        x=_linear_x,
        w=lambda F, g, x: F.mm(_flat(F, g).mT, _flat(F, x)),
        b=lambda F, g: F.sum(g, axis=tuple(range(g.ndim - 1)) if g.ndim != 2 else 0, keepdims=False, shape=g.shape),
    ),
    flops=lambda x, w, *b: 2 * x.size * w.shape[0],
    samples=(
        arrays((3, 4), (5, 4), (5,)), arrays((1, 2), (3, 2), (3,)), arrays((2, 3, 4), (5, 4), (5,)),
        arrays((4,), (5, 4), (5,)), arrays((2, 0, 4), (5, 4)), arrays((3, 4), (5, 4)),
    ),
    errors=(((3, 4), (5, 6), (5,), "features"), ((3, 4), (5, 4), (3,), "bias")),
    doc="x W^T + b over the last dimension.",
)  # fmt: skip

ROWS = [mm, matmul, dot, mv, outer, addmm, baddbmm, addbmm, addmv, addr, trace, cross, linear]
