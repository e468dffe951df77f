"""The error function and its kin, gamma, and their logarithms, in torch's spelling."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import call
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.ops import gamma as gm
from graphscope.ops import special as sp
from graphscope.ops.functions.making import of_one, of_two

_ROWS = [
    "erf", "erfc", "erfinv", "lgamma", "digamma", "sinc", "hypot", "xlogy",
]  # fmt: skip
__all__ = [*_ROWS, "logaddexp", "logaddexp2", "polygamma"]  # noqa: PLE0604
# Those that are methods of Tensor too.
METHODS = [*_ROWS, "logaddexp", "logaddexp2"]
# Those whose method has an in-place twin with a trailing underscore.
INPLACE = list(_ROWS)

erf, erfc, erfinv = of_one(sp.erf), of_one(sp.erfc), of_one(sp.erfinv)
lgamma, digamma, sinc = of_one(gm.lgamma), of_one(gm.digamma), of_one(sp.sinc)
hypot, xlogy = of_two(sp.hypot), of_two(sp.xlogy)
logaddexp, logaddexp2 = of_two(sp.logaddexp), of_two(sp.logaddexp2)


def polygamma(n: int, input: Any) -> Tensor:
    """The n-th derivative of digamma."""
    if n < 0:
        raise at_line(ShapeError, f"polygamma: n={n}; a derivative is taken 0 times or more")
    if n == 0:
        return digamma(input)
    if n == 1:
        out: Tensor = call(gm.trigamma, input)
        return out
    return call(gm.polygamma, input, n=int(n))
