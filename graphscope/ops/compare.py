"""Comparisons and logic: boolean results, no gradient."""

from __future__ import annotations

from graphscope.engine.op import Op
from graphscope.ops.samples import BROADCAST, NORMAL, made

_TEX = {"eq": "=", "ne": r"\neq", "lt": "<", "le": r"\leq", "gt": ">", "ge": r"\geq"}
_KERNEL = {
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
}


def _compare(name: str) -> Op:
    return Op(
        name, _KERNEL[name], inputs="a b", tex=rf"{{a}} {_TEX[name]} {{b}}", broadcast=True,
        samples=BROADCAST, family="other", doc=f"Element-wise a {name} b.",
    )  # fmt: skip


eq, ne, lt, le, gt, ge = (_compare(n) for n in ("eq", "ne", "lt", "le", "gt", "ge"))

_BOOLS = (made(lambda r: (r.random((3, 4)) > 0.5, r.random((4,)) > 0.5)),)


def _logic(name: str, kernel: str) -> Op:
    return Op(
        name, kernel, inputs="a b", tex=rf"\mathrm{{{{{name.split('_')[1]}}}}}({{a}}, {{b}})",
        broadcast=True, samples=_BOOLS, family="other", doc=f"Element-wise {name.replace('_', ' ')}.",
    )  # fmt: skip


bitwise_and = _logic("bitwise_and", "bitwise_and")
bitwise_or = _logic("bitwise_or", "bitwise_or")
bitwise_not = Op(
    "bitwise_not", "invert", inputs="x", tex=r"\lnot {x}", family="other",
    samples=(made(lambda r: (r.random((3, 4)) > 0.5,)),), doc="Element-wise not.",
)  # fmt: skip
isnan = Op("isnan", "isnan", inputs="x", family="other", samples=NORMAL, doc="Which are NaN.")
isfinite = Op(
    "isfinite", "isfinite", inputs="x", family="other", samples=NORMAL, doc="Which are finite."
)

ROWS = [eq, ne, lt, le, gt, ge, bitwise_and, bitwise_or, bitwise_not, isnan, isfinite]
