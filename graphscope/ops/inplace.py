"""Rows that write into their first input, and what they do seen as functions, for gradients."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import bind
from graphscope.engine.op import Op
from graphscope.engine.versions import owner
from graphscope.errors import AutogradError
from graphscope.ops.index import getitem
from graphscope.ops.samples import arrays
from graphscope.ops.shape import transpose


def _arithmetic(name: str, ufunc: str, sign: str) -> Op:
    def kernel(xp: Any, a: Any, b: Any) -> Any:
        # "same_kind" lets float64 be written into float32, as torch does, and refuses float into int.
        return getattr(xp, ufunc)(a, b, out=a, casting="same_kind")

    # The same for numpy, whose own casting rule is this one: a function that is called with ``a`` once more.
    kernel.into = ufunc  # type: ignore[attr-defined]
    return Op(
        f"{name}_", kernel, tex=rf"{{a}} \gets {{a}} {sign} {{b}}", writes=True,
        doc=f"In-place {name}.",
    )  # fmt: skip


add_ = _arithmetic("add", "add", "+")
sub_ = _arithmetic("sub", "subtract", "-")
mul_ = _arithmetic("mul", "multiply", r"\odot")
div_ = _arithmetic("div", "true_divide", "/")


def _fill(xp: Any, x: Any, *, value: Any) -> Any:
    x.fill(value)
    return x


fill_ = Op(
    "fill_", _fill, tex=r"{x} \gets c", writes=True, values=("value",), family="other",
    doc="Fill with one value, in place.",
)  # fmt: skip


def _copy(xp: Any, x: Any, src: Any) -> Any:
    x[...] = src
    return x


copy_ = Op(
    "copy_", _copy, tex=r"{x} \gets {src}", writes=True, family="other", doc="Copy into, in place."
)

# What the writing rows do, seen as functions: the nodes of a graph in which something is written.
filled = Op(
    "filled", lambda xp, x, *, value: xp.full_like(x, value), tex=r"c", family="other", values=("value",),
    vjp=dict(x=lambda F, g: F.filled(g, value=0)), jvp=None,
    samples=(arrays((3, 4), value=2.5), arrays((), value=0.0)),
    flops=lambda *a, **k: 0, doc="One value in the shape of x, which the result does not depend on.",
)  # fmt: skip


def _sum_to(g: Any, shape: Any) -> Any:
    from graphscope.engine.backward import sum_to

    return g if tuple(g.shape) == tuple(shape) else sum_to(g, tuple(shape))


def _copied(xp: Any, x: Any, src: Any, *, was: Any = None) -> Any:
    out = xp.empty_like(x)
    out[...] = src
    return out


copied = Op(
    "copied", _copied, tex=r"{src}", family="other", values=("was",),
    vjp=dict(
        x=lambda F, g: F.filled(g, value=0),
        src=lambda F, g, was: _sum_to(g, was),
    ),
    samples=(arrays((3, 4), (3, 4), was=(3, 4)), arrays((3, 4), (4,), was=(4,))),
    flops=lambda *a, **k: 0, doc="The source in the shape of x: what copy_ leaves in x.",
)  # fmt: skip


def _region(xp: Any, x: Any, path: Any) -> Any:
    """The view of ``x`` that the view ops of ``path`` lead to."""
    kind = type(x)
    for row, params in path:
        x = (row.kern.get(kind) or bind(row, kind))(x, **params)
    return x


def _view_write(xp: Any, base: Any, value: Any, *, path: Any, was: Any = None) -> Any:
    # "K" keeps the order of dimensions in memory, so that what was a view of base is one of the copy.
    out = base.copy(order="K")
    region = _region(xp, out, path)
    if region.size and owner(region) is not owner(out):
        raise AutogradError("a view of the base is a copy of its copy, so the base has no gradient")
    region[...] = value
    return out


def _region_of(F: Any, g: Any, path: Any, was: Any) -> Any:
    for row, params in path:
        g = getattr(F, row.name)(g, **params)
    return _sum_to(g, was)


view_write = Op(
    "view_write", _view_write, tex=r"{base} \gets {value}", family="other", values=("path", "was"),
    vjp=dict(
        base=lambda F, g, path: F.view_write(g, F.zero(g), path=path, was=()),
        value=_region_of,
    ),
    samples=(
        arrays((3, 4), (2,), path=((getitem, dict(index=(slice(1, 3), 2), was=(3, 4))),), was=(2,)),
        arrays((3, 4), (2, 3), path=((transpose, dict(axes=(1, 0))),
               (getitem, dict(index=(slice(0, 2),), was=(4, 3)))), was=(2, 3)),
    ),
    flops=lambda *a, **k: 0, doc="A copy of base with a value at the place of one of its views.",
)  # fmt: skip

ROWS = [add_, sub_, mul_, div_, fill_, copy_, filled, copied, view_write]
