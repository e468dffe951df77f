"""Matrix products."""

from __future__ import annotations

from typing import Any

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
            fix = " Did you mean a @ b.mT?"
        elif len(a) > 1 and a[-2] == inner:
            fix = " Did you mean a.mT @ b?"
        raise ShapeError(
            f"inner sizes differ: a {a} @ b {b} needs a[-1] == b[-2]; got {a[-1]} and {inner}.{fix}"
        )


def _mm(xp: Any, a: Any, b: Any) -> Any:
    # ndarray.dot takes 335 ns on small matrices where the matmul ufunc takes 806.
    return a.dot(b)


mm = Op(
    "mm", _mm, tex=r"{a}\,{b}", family="linalg", shape=_rule,
    vjp=dict(a=lambda F, g, b: F.mm(g, b.mT), b=lambda F, g, a: F.mm(a.mT, g)),
    jvp="multilinear", flops=lambda a, b, **_: 2 * a.size * b.shape[-1],
    samples=(arrays((3, 4), (4, 5)), arrays((1, 2), (2, 1)), arrays((0, 3), (3, 2))),
    errors=(((3, 4), (5, 6), "inner sizes differ"),), doc="Product of two matrices.",
)  # fmt: skip

matmul = Op(
    "matmul", "matmul", inputs="a b", tex=r"{a}\,{b}", family="linalg", shape=_rule,
    # Batch dimensions broadcast; the gradient of a broadcast one is summed back.
    vjp=dict(a=lambda F, g, a, b: _fit(g @ b.mT, a), b=lambda F, g, a, b: _fit(a.mT @ g, b)),
    jvp="multilinear", flops=lambda a, b, **_: 2 * a.size * b.shape[-1],
    samples=(arrays((2, 3, 4), (2, 4, 5)), arrays((2, 3, 4), (4, 5)), arrays((2, 1, 3, 4), (6, 4, 5))),
    errors=(((2, 3, 4), (2, 5, 6), "inner sizes differ"),), doc="Batched product of matrices.",
)  # fmt: skip


def _fit(g: Any, like: Any) -> Any:
    from graphscope.engine.backward import sum_to

    return g if g.shape == like.shape else sum_to(g, tuple(like.shape))


def _linear(xp: Any, x: Any, w: Any, b: Any) -> Any:
    out = x.dot(w.mT)
    out += b
    return out


def _linear_rule(x: tuple[int, ...], w: tuple[int, ...], b: tuple[int, ...]) -> None:
    if x[-1] != w[-1]:
        raise ShapeError(
            f"the layer takes {w[-1]} features, the input's last dimension has {x[-1]} (input {x}, weight {w})"
        )


linear = Op(
    "linear", _linear, tex=r"{x}\,{w}^T + {b}", family="linalg", shape=_linear_rule,
    vjp=dict(
        x=lambda F, g, w: F.mm(g, w),
        w=lambda F, g, x: F.mm(g.mT, x),
        b=lambda F, g: F.sum(g, axis=0, keepdims=False, shape=g.shape),
    ),
    flops=lambda x, w, b: 2 * x.size * w.shape[0],
    samples=(arrays((3, 4), (5, 4), (5,)), arrays((1, 2), (3, 2), (3,))),
    errors=(((3, 4), (5, 6), (5,), "features"),), doc="x W^T + b for a matrix x.",
)  # fmt: skip

ROWS = [mm, matmul, linear]
