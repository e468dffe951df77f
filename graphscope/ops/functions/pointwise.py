"""Functions of one element, in torch's spelling."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import call
from graphscope.engine.tensor import Tensor
from graphscope.ops import pointwise as pw
from graphscope.ops import softmax as sm
from graphscope.ops.functions.making import of_one, of_two, one_dim
from graphscope.ops.functions.shape import to_dtype

# Written out, so that type checkers see the names.
__all__ = [
    "logit", "relu", "softmax", "log_softmax",
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "sin", "cos", "tan", "asin", "arcsin",
    "acos", "arccos", "atan", "arctan", "atan2", "arctan2", "sinh", "cosh", "tanh", "asinh", "arcsinh", "acosh",
    "arccosh", "atanh", "arctanh", "sigmoid", "deg2rad", "rad2deg",
]  # fmt: skip
_ROWS = __all__[4:]
# Those that are methods of Tensor too.
METHODS = list(__all__)
# Those whose method has an in-place twin with a trailing underscore.
INPLACE = [*_ROWS, "logit", "relu"]

exp, exp2, expm1 = of_one(pw.exp), of_one(pw.exp2), of_one(pw.expm1)
log, log2, log10, log1p = of_one(pw.log), of_one(pw.log2), of_one(pw.log10), of_one(pw.log1p)
sqrt, rsqrt = of_one(pw.sqrt), of_one(pw.rsqrt)
sin, cos, tan = of_one(pw.sin), of_one(pw.cos), of_one(pw.tan)
asin = arcsin = of_one(pw.asin)
acos = arccos = of_one(pw.acos)
atan = arctan = of_one(pw.atan)
atan2 = arctan2 = of_two(pw.atan2)
sinh, cosh, tanh = of_one(pw.sinh), of_one(pw.cosh), of_one(pw.tanh)
asinh = arcsinh = of_one(pw.asinh)
acosh = arccosh = of_one(pw.acosh)
atanh = arctanh = of_one(pw.atanh)
sigmoid, relu = of_one(pw.sigmoid), of_one(pw.relu)
deg2rad, rad2deg = of_one(pw.deg2rad), of_one(pw.rad2deg)


def logit(input: Any, eps: float | None = None) -> Tensor:
    """log(input / (1 - input)); eps limits the input to [eps, 1 - eps] first."""
    out: Tensor = call(pw.logit, input, eps=eps)
    return out


def softmax(input: Any, dim: int, dtype: Any = None) -> Tensor:
    """e^input normalised to sum 1 along ``dim``."""
    x = input if dtype is None else to_dtype(input, dtype)
    out: Tensor = call(sm.softmax, x, axis=one_dim("softmax", dim, x._a.ndim))
    return out


def log_softmax(input: Any, dim: int, dtype: Any = None) -> Tensor:
    """The logarithm of softmax, without underflow."""
    x = input if dtype is None else to_dtype(input, dtype)
    out: Tensor = call(sm.log_softmax, x, axis=one_dim("log_softmax", dim, x._a.ndim))
    return out
