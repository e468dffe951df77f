"""Rows that write into their first input. They run where no gradient is recorded."""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op


def _arithmetic(name: str, ufunc: str, sign: str) -> Op:
    def kernel(xp: Any, a: Any, b: Any) -> Any:
        # "same_kind" lets float64 be written into float32, as torch does, and refuses float into int.
        return getattr(xp, ufunc)(a, b, out=a, casting="same_kind")

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

ROWS = [add_, sub_, mul_, div_, fill_, copy_]
