"""Small numerical functions that torch documents as compositions, and number theory, in torch's spelling."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import as_tensor
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.ops import arithmetic as ar
from graphscope.ops.functions.arithmetic import div, mul, pow, sub
from graphscope.ops.functions.choice import clamp
from graphscope.ops.functions.joining import narrow, stack
from graphscope.ops.functions.linalg import matmul
from graphscope.ops.functions.making import of_two, one_dim
from graphscope.ops.functions.moments import cumsum, diff
from graphscope.ops.functions.pointwise import sqrt
from graphscope.ops.functions.reduce import mean, sum
from graphscope.ops.functions.shape import transpose, unsqueeze

__all__ = [
    "gcd", "lcm", "nextafter", "ldexp", "trapezoid", "trapz", "cumulative_trapezoid", "cov", "corrcoef",
    "vander", "conj", "real",
]  # fmt: skip
# Those that are methods of Tensor too.
METHODS = ["gcd", "lcm", "nextafter", "ldexp", "cov", "corrcoef", "conj", "sum_to_size"]
# Those whose method has an in-place twin with a trailing underscore.
INPLACE = ["gcd", "lcm", "nextafter", "ldexp"]

gcd, lcm, nextafter = of_two(ar.gcd), of_two(ar.lcm), of_two(ar.nextafter)


def ldexp(input: Any, other: Any) -> Tensor:
    """input * 2 ** other."""
    return mul(input, pow(2.0, other))


def _areas(y: Any, x: Any, dx: Any, dim: int) -> Tensor:
    y = as_tensor(y)
    d = one_dim("trapezoid", dim, y._a.ndim)
    n = y._a.shape[d]
    if n < 2:
        return narrow(y, d, 0, 0)
    pair = div(narrow(y, d, 1, n - 1) + narrow(y, d, 0, n - 1), 2)  # type: ignore[operator]
    if x is None:
        return mul(pair, 1.0 if dx is None else dx)
    width = diff(x, dim=-1 if x._a.ndim == 1 else dim)
    if x._a.ndim == 1 and y._a.ndim > 1:
        for _ in range(y._a.ndim - 1 - d):
            width = unsqueeze(width, -1)
    return mul(pair, width)


def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The area under the straight lines through the points (x, y) along a dimension."""
    return sum(_areas(y, x, dx, dim), dim)


trapz = trapezoid


def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The running area under the straight lines through the points (x, y)."""
    out: Tensor = cumsum(_areas(y, x, dx, dim), dim)
    return out


def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
    """The covariances of variables (rows) over observations (columns)."""
    if input._a.ndim > 2:
        raise at_line(
            ShapeError,
            f"cov: takes a matrix (variables, observations), not the shape {tuple(input._a.shape)}",
        )
    if fweights is not None or aweights is not None:
        raise at_line(
            ShapeError, "cov: weights of observations are not there yet; repeat or scale them first"
        )
    x = input if input._a.ndim == 2 else input.reshape(1, -1)
    n = x._a.shape[1]
    centred = sub(x, mean(x, 1, True))
    out = div(matmul(centred, transpose(centred, 0, 1)), max(n - correction, 0))
    return out if input._a.ndim == 2 else out.reshape(())  # type: ignore[attr-defined]


def corrcoef(input: Any) -> Tensor:
    """The correlations of variables (rows) over observations (columns), within [-1, 1]."""
    c = cov(input)
    if not c._a.ndim:
        return div(c, c)
    spread = sqrt(c.diagonal())  # type: ignore[attr-defined]
    return clamp(div(div(c, unsqueeze(spread, 1)), unsqueeze(spread, 0)), -1, 1)


def vander(x: Any, N: int | None = None, *, increasing: bool = False) -> Tensor:  # noqa: N803
    """The powers of a vector as columns, highest first (lowest with ``increasing``)."""
    if x._a.ndim != 1:
        raise at_line(
            ShapeError, f"vander: takes a vector, not the shape {tuple(x._a.shape)}; flatten() it"
        )
    n = x._a.shape[0] if N is None else N
    powers = range(n) if increasing else range(n - 1, -1, -1)
    return stack([pow(x, k) for k in powers], 1)


def sum_to_size(input: Any, *size: Any) -> Tensor:
    """Summed over the dimensions that broadcasting to this shape would have added or repeated."""
    from graphscope.engine.backward import sum_to
    from graphscope.ops.functions.shape import sizes_of

    want = sizes_of(size)
    have = tuple(input._a.shape)
    lead = len(have) - len(want)
    if lead < 0 or any(w not in (1, n) for w, n in zip(want, have[lead:], strict=True)):
        raise at_line(
            ShapeError,
            f"sum_to_size: {want} does not broadcast to {tuple(input._a.shape)}, so no sum leads back to it",
        )
    out: Tensor = sum_to(input, want)
    return out


def conj(input: Any) -> Tensor:
    """The input: it is real."""
    return as_tensor(input)


def real(input: Any) -> Tensor:
    """The input: it is real."""
    return as_tensor(input)
