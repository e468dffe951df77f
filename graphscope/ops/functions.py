"""Torch's functions in torch's spelling (dim, keepdim), on top of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.dispatch import as_tensor, binary, call, unary
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError
from graphscope.ops import arithmetic as ar
from graphscope.ops import compare as cm
from graphscope.ops import index as ix
from graphscope.ops import linalg as la
from graphscope.ops import pointwise as pw
from graphscope.ops import reduce as rd
from graphscope.ops import shape as sh
from graphscope.ops import softmax as sm

# ---------------------------------------------------------------- arithmetic


def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input + alpha * other."""
    return binary(ar.add, input, other if alpha == 1 else binary(ar.mul, other, alpha))


def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """input - alpha * other."""
    return binary(ar.sub, input, other if alpha == 1 else binary(ar.mul, other, alpha))


def mul(input: Any, other: Any) -> Tensor:
    """input * other."""
    return binary(ar.mul, input, other)


def div(input: Any, other: Any) -> Tensor:
    """input / other."""
    return binary(ar.div, input, other)


def pow(input: Any, exponent: Any) -> Tensor:  # noqa: A001
    """input ** exponent."""
    if type(exponent) in (int, float) and exponent == 2:
        return unary(ar.square, input)
    return binary(ar.pow, input, exponent)


def neg(input: Any) -> Tensor:
    """-input."""
    return unary(ar.neg, input)


def square(input: Any) -> Tensor:
    """input * input."""
    return unary(ar.square, input)


# ---------------------------------------------------------------- pointwise


def exp(input: Any) -> Tensor:
    """e ** input."""
    return unary(pw.exp, input)


def log(input: Any) -> Tensor:
    """Natural logarithm."""
    return unary(pw.log, input)


def sqrt(input: Any) -> Tensor:
    """Square root."""
    return unary(pw.sqrt, input)


def sin(input: Any) -> Tensor:
    """Sine."""
    return unary(pw.sin, input)


def cos(input: Any) -> Tensor:
    """Cosine."""
    return unary(pw.cos, input)


def tanh(input: Any) -> Tensor:
    """Hyperbolic tangent."""
    return unary(pw.tanh, input)


def sigmoid(input: Any) -> Tensor:
    """1 / (1 + exp(-input))."""
    return unary(pw.sigmoid, input)


def relu(input: Any) -> Tensor:
    """max(input, 0)."""
    return unary(pw.relu, input)


def softmax(input: Any, dim: int, dtype: Any = None) -> Tensor:
    """e^input normalised to sum 1 along ``dim``."""
    x = input if dtype is None else to_dtype(input, dtype)
    out: Tensor = call(sm.softmax, x, axis=dim)
    return out


def log_softmax(input: Any, dim: int, dtype: Any = None) -> Tensor:
    """The logarithm of softmax, without underflow."""
    x = input if dtype is None else to_dtype(input, dtype)
    out: Tensor = call(sm.log_softmax, x, axis=dim)
    return out


def abs(input: Any) -> Tensor:  # noqa: A001
    """Absolute value."""
    return unary(pw.abs, input)


def sign(input: Any) -> Tensor:
    """-1, 0 or 1."""
    return unary(pw.sign, input)


def clamp(input: Any, min: Any = None, max: Any = None) -> Tensor:  # noqa: A002
    """Limit to [min, max]; the limits are numbers or tensors."""
    if min is None and max is None:
        raise ShapeError("clamp: give min=, max= or both")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        out = input if min is None else binary(pw.maximum, input, min)
        return out if max is None else binary(pw.minimum, out, max)
    return call(pw.clamp, input, min=min, max=max)


clip = clamp


def maximum(input: Any, other: Any) -> Tensor:
    """The larger, element by element."""
    return binary(pw.maximum, input, other)


def minimum(input: Any, other: Any) -> Tensor:
    """The smaller, element by element."""
    return binary(pw.minimum, input, other)


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """input where condition is true, else other; with one argument the indices of true elements."""
    if input is None:
        return tuple(Tensor(i) for i in np.nonzero(condition._host()))
    return call(pw.where, condition, input, other)


def isnan(input: Any) -> Tensor:
    """Which elements are NaN."""
    return unary(cm.isnan, input)


def isfinite(input: Any) -> Tensor:
    """Which elements are finite."""
    return unary(cm.isfinite, input)


def eq(input: Any, other: Any) -> Tensor:
    """input == other."""
    return binary(cm.eq, input, other)


def ne(input: Any, other: Any) -> Tensor:
    """input != other."""
    return binary(cm.ne, input, other)


def lt(input: Any, other: Any) -> Tensor:
    """input < other."""
    return binary(cm.lt, input, other)


def le(input: Any, other: Any) -> Tensor:
    """input <= other."""
    return binary(cm.le, input, other)


def gt(input: Any, other: Any) -> Tensor:
    """input > other."""
    return binary(cm.gt, input, other)


def ge(input: Any, other: Any) -> Tensor:
    """input >= other."""
    return binary(cm.ge, input, other)


def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """Whether all elements are close: |input - other| <= atol + rtol |other|."""
    return bool(np.allclose(as_tensor(input)._host(), as_tensor(other)._host(), rtol, atol))


def equal(input: Any, other: Any) -> bool:
    """Same shape and same elements."""
    return bool(np.array_equal(input._host(), other._host()))


# ---------------------------------------------------------------- reductions


def _axis(dim: Any) -> Any:
    return tuple(dim) if isinstance(dim, (list, tuple)) else dim


def sum(input: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:  # noqa: A001
    """Sum over all dimensions or some."""
    x = as_tensor(input)
    if dtype is not None:
        x = to_dtype(x, dtype)
    elif x._a.dtype.kind in "bu" or x._a.dtype.kind == "i" and x._a.dtype != np.int64:
        x = to_dtype(x, dtypes.int64)
    return call(rd.sum, x, axis=_axis(dim), keepdims=keepdim, shape=x._a.shape)


def mean(input: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """Mean over all dimensions or some. Raises: DTypeError for integers, as in torch."""
    x = as_tensor(input)
    if dtype is not None:
        x = to_dtype(x, dtype)
    if x._a.dtype.kind != "f":
        from graphscope.errors import DTypeError

        raise DTypeError(
            f"mean: the input is {x.dtype.name}; make it floating first: x.float().mean()"
        )
    return call(rd.mean, x, axis=_axis(dim), keepdims=keepdim, shape=x._a.shape)


def var(input: Any, dim: Any = None, keepdim: bool = False, correction: int = 1) -> Tensor:
    """Variance with Bessel's correction, as in torch."""
    centred = sub(input, mean(input, dim, True))
    n = rd.reduced_count(input._a.shape, _axis(dim)) - correction
    return div(sum(square(centred), dim, keepdim), float(n) if n > 0 else float("nan"))


def std(input: Any, dim: Any = None, keepdim: bool = False, correction: int = 1) -> Tensor:
    """Standard deviation with Bessel's correction, as in torch."""
    return sqrt(var(input, dim, keepdim, correction))


class max_result(NamedTuple):  # noqa: N801 - torch's name
    """Values and their indices."""

    values: Tensor
    indices: Tensor


def _extreme(row: Any, arg: Any, pair: Any, input: Any, dim: Any, keepdim: bool) -> Any:
    if dim is None:
        return call(row, input, axis=None, keepdims=False)
    if isinstance(dim, Tensor):
        return binary(pair, input, dim)
    indices = call(arg, input, axis=dim, keepdims=True)
    values = call(ix.gather, input, indices, axis=dim, was=input._a.shape)
    if not keepdim:
        indices, values = squeeze(indices, dim), squeeze(values, dim)
    return max_result(values, indices)


def max(input: Any, dim: Any = None, keepdim: bool = False) -> Any:  # noqa: A001
    """The largest element; with dim also its indices; with a tensor the element-wise maximum."""
    return _extreme(rd.amax, rd.argmax, pw.maximum, input, dim, keepdim)


def min(input: Any, dim: Any = None, keepdim: bool = False) -> Any:  # noqa: A001
    """The smallest element; with dim also its indices; with a tensor the element-wise minimum."""
    return _extreme(rd.amin, rd.argmin, pw.minimum, input, dim, keepdim)


def amax(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The largest element over dimensions."""
    return call(rd.amax, input, axis=_axis(dim), keepdims=keepdim)


def amin(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The smallest element over dimensions."""
    return call(rd.amin, input, axis=_axis(dim), keepdims=keepdim)


def argmax(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Index of the largest element."""
    return call(rd.argmax, input, axis=dim, keepdims=keepdim)


def argmin(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Index of the smallest element."""
    return call(rd.argmin, input, axis=dim, keepdims=keepdim)


def all(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:  # noqa: A001
    """Whether all elements are true."""
    return call(rd.all, input, axis=dim, keepdims=keepdim)


def any(input: Any, dim: Any = None, keepdim: bool = False) -> Tensor:  # noqa: A001
    """Whether any element is true."""
    return call(rd.any, input, axis=dim, keepdims=keepdim)


def norm(input: Any, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The 2-norm (p=2 or 'fro') over all or some dimensions."""
    if p not in (2, 2.0, "fro"):
        raise ShapeError(f"norm: p={p!r} is not there yet, only 2")
    return sqrt(sum(square(input), dim, keepdim))


# ---------------------------------------------------------------- shapes


def _sizes(shape: Sequence[Any]) -> tuple[int, ...]:
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = shape[0]
    return tuple(int(s) for s in shape)


def reshape(input: Any, *shape: Any) -> Tensor:
    """The same elements in another shape; one size may be -1."""
    return call(sh.reshape, input, shape=_sizes(shape), was=input._a.shape)


view = reshape


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join the dimensions start_dim..end_dim into one."""
    old = input._a.shape
    n = len(old) or 1
    a, b = start_dim % n, end_dim % n
    joined = 1
    for s in old[a : b + 1]:
        joined *= s
    return call(sh.reshape, input, shape=(*old[:a], joined, *old[b + 1 :]), was=old)


def squeeze(input: Any, dim: Any = None) -> Tensor:
    """Without the dimensions of size 1 (or only the one named)."""
    old = input._a.shape
    if dim is None:
        new = tuple(s for s in old if s != 1)
    else:
        d = dim % len(old)
        new = old if old[d] != 1 else old[:d] + old[d + 1 :]
    return call(sh.reshape, input, shape=new, was=old)


def unsqueeze(input: Any, dim: int) -> Tensor:
    """With a new dimension of size 1 at ``dim``."""
    old = input._a.shape
    d = dim % (len(old) + 1)
    return call(sh.reshape, input, shape=(*old[:d], 1, *old[d:]), was=old)


def transpose(input: Any, dim0: int, dim1: int) -> Tensor:
    """Two dimensions swapped."""
    axes = list(range(input._a.ndim))
    axes[dim0], axes[dim1] = axes[dim1], axes[dim0]
    return call(sh.transpose, input, axes=tuple(a % len(axes) for a in axes))


def t(input: Any) -> Tensor:
    """The transpose of a matrix."""
    if input._a.ndim > 2:
        raise ShapeError(f"t() takes at most 2 dimensions, the tensor has {input._a.ndim}; use .mT")
    return transpose(input, 0, 1) if input._a.ndim == 2 else input


def permute(input: Any, *dims: Any) -> Tensor:
    """Dimensions in another order."""
    n = input._a.ndim
    return call(sh.transpose, input, axes=tuple(d % n for d in _sizes(dims)))


def expand(input: Any, *sizes: Any) -> Tensor:
    """Repeat dimensions of size 1 without a copy; -1 keeps a size."""
    want = _sizes(sizes)
    old = input._a.shape
    lead = len(want) - len(old)
    full = tuple(old[i - lead] if s == -1 else s for i, s in enumerate(want))
    return call(sh.broadcast_to, input, shape=full, was=old)


broadcast_to = expand


def cat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Join along an existing dimension."""
    parts = [as_tensor(x) for x in tensors]
    axis = dim % max_ndim(parts)
    return call(sh.concatenate, *parts, axis=axis, sizes=tuple(x._a.shape[axis] for x in parts))


def max_ndim(parts: Sequence[Any]) -> int:
    """The largest number of dimensions among tensors, at least 1."""
    n = 1
    for x in parts:
        n = x._a.ndim if x._a.ndim > n else n
    return n


def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Join along a new dimension."""
    return cat([unsqueeze(as_tensor(x), dim) for x in tensors], dim)


def clone(input: Any) -> Tensor:
    """A copy that gradients flow through."""
    return unary(sh.clone, input)


def to_dtype(input: Any, dtype: Any) -> Tensor:
    """The tensor in another dtype (itself if it has it already)."""
    d = dtypes.of(dtype)
    return input if input._a.dtype == d.np else call(sh.cast, input, dtype=d.name)


# ---------------------------------------------------------------- products


def mm(input: Any, mat2: Any) -> Tensor:
    """Product of two matrices."""
    if input._a.ndim != 2 or mat2._a.ndim != 2:
        raise ShapeError(
            f"mm takes two matrices, not shapes {tuple(input._a.shape)} and {tuple(mat2._a.shape)}; "
            "use matmul (@) for batches and vectors"
        )
    return call(la.mm, input, mat2)


def matmul(input: Any, other: Any) -> Tensor:
    """Matrix product with torch's rules for vectors and batches."""
    a, b = as_tensor(input), as_tensor(other)
    na, nb = a._a.ndim, b._a.ndim
    if na == 2 and nb == 2:
        return call(la.mm, a, b)
    if na == 1 and nb == 1:
        if a._a.shape != b._a.shape:
            la._rule(a._a.shape, b._a.shape)
        return sum(mul(a, b))
    if na == 1:
        return squeeze(matmul(unsqueeze(a, 0), b), -2)
    if nb == 1:
        return squeeze(matmul(a, unsqueeze(b, 1)), -1)
    return call(la.matmul, a, b)


bmm = matmul
dot = matmul
mv = matmul
