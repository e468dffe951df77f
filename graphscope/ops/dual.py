"""In and out of dual numbers (forward mode). The gradients are explained in ``engine.forward_mode``."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dual_array import dual, parts
from graphscope.engine.forward_mode import lift, make, tangent_of, value_of
from graphscope.engine.op import Op


def _nothing(*a: Any, **k: Any) -> int:
    return 0


make_dual = Op(
    "make_dual", lambda xp, primal, tangent: dual(primal, tangent), tex=r"{primal} + \epsilon {tangent}",
    family="other", flops=_nothing,
    vjp=dict(
        primal=lambda F, g: F.dual_tangent(g),
        tangent=lambda F, g: F.dual_primal(g),
    ),
    doc="A dual number of a value and a tangent.",
)  # fmt: skip

dual_lift = Op(
    "dual_lift", lambda xp, x: dual(x, None), tex=r"{x} + \epsilon 0", family="other", flops=_nothing,
    vjp=dict(x=lambda F, g: F.dual_tangent(g)), doc="A dual number whose tangent is zero.",
)  # fmt: skip

dual_primal = Op(
    "dual_primal", lambda xp, x: parts(x)[0], tex=r"{x}", family="other", flops=_nothing,
    vjp=dict(x=lambda F, g: F.make_dual(F.filled(g, value=0), g)), doc="The value of a dual number.",
)  # fmt: skip

dual_tangent = Op(
    "dual_tangent", lambda xp, x: parts(x)[1], tex=r"\dot{{{x}}}", family="other", flops=_nothing,
    vjp=dict(x=lambda F, g: F.make_dual(g, F.filled(g, value=0))), doc="The tangent of a dual number.",
)  # fmt: skip

# On tensors these rows have ways of their own: what comes out is no array of the inputs' kind.
WAYS = {"make_dual": make, "dual_lift": lift, "dual_primal": value_of, "dual_tangent": tangent_of}
ROWS = [make_dual, dual_lift, dual_primal, dual_tangent]
