"""Views in other shapes and orders, copies and casts: no arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.errors import ShapeError
from graphscope.ops.samples import arrays


def _free(*args: Any, **params: Any) -> int:
    return 0


def _reshape_rule(x: tuple[int, ...], *, shape: tuple[int, ...], was: Any = None) -> None:
    n = m = 1
    for s in x:
        n *= s
    for s in shape:
        m *= s
    wanted = list(shape)
    if wanted.count(-1) > 1:
        raise ShapeError(
            f"the shape {wanted} leaves several sizes open; write -1 for one of them at most"
        )
    if any(s < -1 for s in wanted):
        raise ShapeError(
            f"invalid shape dimension in {wanted}: sizes are >= 0, or -1 for one of them"
        )
    if n == 0 and -1 in wanted and m == 0:
        raise ShapeError(
            f"the -1 in {wanted} could stand for any size, as the tensor has no elements; write the size itself"
        )
    if (m if -1 not in wanted else n) != n:
        raise ShapeError(
            f"the shape {wanted} holds {m} elements and the tensor has {n}; choose sizes whose product is {n}, "
            "or write -1 for one of them"
        )
    if -1 in wanted and (m == 0 or n % -m):
        raise ShapeError(
            f"no size in the place of -1 makes {wanted} hold the {n} elements of the tensor: the product of the "
            f"other sizes is {-m}, and it must divide {n}"
        )


def _other_shape(name: str, doc: str, tex: str = "") -> Op:
    """One row for each of torch's names for it, so that a graph shows what the program says."""
    return Op(
        name, lambda xp, x, *, shape, was=None: x.reshape(shape),
        tex=tex or rf"\mathrm{{{{{name}}}}}({{x}})", family="shape", view=True, shape=_reshape_rule,
        values=("shape", "was"), jvp="multilinear",
        vjp=dict(x=lambda F, g, was: F.reshape(g, shape=was, was=g.shape)),
        samples=(arrays((3, 4), shape=(2, 6), was=(3, 4)), arrays((2, 3), shape=(6,), was=(2, 3)),
                 arrays((), shape=(1, 1), was=()), arrays((0, 3), shape=(3, 0), was=(0, 3))),
        errors=(((3, 4), dict(shape=(5, 2)), "holds 10 elements and the tensor has 12"),
                ((3, 4), dict(shape=(-1, -1)), "leaves several sizes open")),
        flops=_free, doc=doc,
    )  # fmt: skip


reshape = _other_shape("reshape", "The same elements in another shape.")
view = _other_shape("view", "The same memory in another shape.")
flatten = _other_shape("flatten", "Several dimensions joined into one.")
unflatten = _other_shape("unflatten", "One dimension split into several.")
squeeze = _other_shape("squeeze", "Without dimensions of size 1.")
unsqueeze = _other_shape("unsqueeze", "With a new dimension of size 1.")


def inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The order that undoes an order of dimensions."""
    out = [0] * len(axes)
    for i, a in enumerate(axes):
        out[a % len(axes)] = i
    return tuple(out)


def _other_order(name: str, tex: str, doc: str) -> Op:
    return Op(
        name, lambda xp, x, *, axes: x.transpose(axes), tex=tex, family="shape", view=True,
        jvp="multilinear", vjp=dict(x=lambda F, g, axes: F.transpose(g, axes=inverse(axes))),
        samples=(arrays((3, 4), axes=(1, 0)), arrays((2, 3, 4), axes=(2, 0, 1)), arrays((), axes=()),
                 arrays((0, 3), axes=(1, 0))),
        flops=_free, doc=doc,
    )  # fmt: skip


transpose = _other_order("transpose", r"{x}^T", "Two dimensions swapped.")
permute = _other_order("permute", r"\mathrm{{permute}}({x})", "Dimensions in another order.")


def _broadcast_vjp(F: Any, g: Any, was: Any) -> Any:
    from graphscope.engine.backward import sum_to

    return sum_to(g, was)


def _expand(xp: Any, x: Any, *, shape: Any, was: Any = None) -> Any:
    if xp is np and np.ndim(x) == 0:
        # The gradient of every loss begins here, and np.broadcast_to takes 10 us for it: the same view
        # with all strides zero, made directly.
        x = np.asarray(x)
        view: Any = np.ndarray(shape, x.dtype, x, 0, (0,) * len(shape))
        view.flags.writeable = False
        return view
    return xp.broadcast_to(x, shape)


def _expand_rule(x: tuple[int, ...], *, shape: tuple[int, ...], was: Any = None) -> Any:
    if len(shape) < len(x):
        raise ShapeError(
            f"{list(shape)} has {len(shape)} sizes for {len(x)} dimensions; give one for each, -1 where it stays"
        )
    lead = len(shape) - len(x)
    for i, s in enumerate(x):
        if s not in (1, shape[lead + i]):
            raise ShapeError(
                f"{list(x)} does not expand to {list(shape)}: the {s} of non-singleton dimension {lead + i} cannot "
                f"become {shape[lead + i]}, only sizes of 1 can grow. Use .repeat() to copy the others"
            )
    return tuple(shape)


def _expanded(name: str) -> Op:
    return Op(
        name, _expand, tex=r"\mathrm{{expand}}({x})", family="shape", view=True, values=("shape", "was"),
        shape=_expand_rule, jvp="multilinear", vjp=dict(x=_broadcast_vjp),
        samples=(arrays((3, 1), shape=(3, 4), was=(3, 1)), arrays((4,), shape=(2, 4), was=(4,)),
                 arrays((), shape=(2, 3), was=()), arrays((1, 3), shape=(0, 3), was=(1, 3))),
        errors=(((3, 2), dict(shape=(3, 4)), "cannot become 4"),
                ((3, 2), dict(shape=(2,)), "2 dimensions; give one for each")),
        flops=_free, doc="Repeat along dimensions of size 1, without a copy.",
    )  # fmt: skip


broadcast_to = _expanded("broadcast_to")
expand = _expanded("expand")

clone = Op(
    "clone", lambda xp, x: x.copy(), tex=r"{x}", family="other", vjp=dict(x=lambda F, g: g), jvp="multilinear",
    samples=(arrays((3, 4)), arrays(()), arrays((0,))), flops=_free, doc="A copy that gradients flow through.",
)  # fmt: skip

cast = Op(
    "cast", lambda xp, x, *, dtype: x.astype(dtype), tex=r"{x}", family="other", jvp="multilinear",
    # The engine hands back a gradient in the dtype of the output; the input may be narrower or wider.
    vjp=dict(x=lambda F, g, x: F.cast(g, dtype=str(x.dtype.name))),
    samples=(arrays((3, 4), dtype="float64"),), flops=_free, doc="Another dtype.",
)  # fmt: skip

view_dtype = Op(
    "view_dtype", lambda xp, x, *, dtype: x.view(dtype), tex=r"\mathrm{{bits}}({x})", family="other",
    view=True, samples=(arrays((3, 4), dtype="int64"),), flops=_free,
    doc="The same memory read as another dtype.",
)  # fmt: skip

ROWS = [
    reshape, view, flatten, unflatten, squeeze, unsqueeze, transpose, permute, broadcast_to, expand,
    clone, cast, view_dtype,
]  # fmt: skip
