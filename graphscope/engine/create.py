"""New tensors: from data, filled, or random."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.device import device as Device
from graphscope.engine.frames import user_line
from graphscope.engine.tensor import Size, Tensor
from graphscope.errors import DTypeError, ShapeError


def _place(a: Any, device: Any, requires_grad: bool) -> Tensor:
    t = Tensor(a)
    if device is not None:
        where = Device(device)
        if where.type != "cpu":
            t = to_device(t, where)
    if requires_grad:
        t.requires_grad_()
    return t


def to_device(t: Tensor, where: Device) -> Tensor:
    """The tensor on another device (itself if it is there already)."""
    here = t.device
    if here.type == where.type and (here.index or 0) == (where.index or 0):
        return t
    from graphscope.engine.backend import backend_of

    out = Tensor(backend_of(where).asarray(t._host()), False)
    if t._rg and t._node is None:
        out._rg = True
    out._name = t._name
    return out


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A new tensor with a copy of ``data`` (numbers, nested lists, arrays, tensors).

    Python floats become the default dtype, ints int64, bools bool. Raises: ShapeError for ragged lists,
    DTypeError for anything that is not a number.
    """
    if isinstance(data, Tensor):
        data = data._host()
    if isinstance(data, (list, tuple)) and any(isinstance(x, Tensor) for x in data):
        data = [x._host() if isinstance(x, Tensor) else x for x in data]
    try:
        a = np.array(data)
    except ValueError as error:
        raise ShapeError(
            f"tensor: the nested lists are ragged, so they have no shape; pad them to equal lengths. ({user_line(2)})"
        ) from error
    if dtype is not None:
        a = a.astype(dtypes.of(dtype).np)
    elif a.dtype == np.float64 and not isinstance(data, (np.ndarray, np.generic)):
        a = a.astype(dtypes.get_default_dtype().np)
    elif a.dtype not in dtypes.FROM_NUMPY:
        if a.dtype.kind == "u":
            a = a.astype(np.int64)
        else:
            raise DTypeError(f"tensor: cannot make a tensor of {a.dtype} data ({str(data)[:60]!r})")
    return _place(np.ascontiguousarray(a) if a.ndim else a, device, requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor of ``data`` that shares its memory where it can."""
    if isinstance(data, Tensor):
        return data.to(dtype) if dtype is not None else data  # type: ignore[attr-defined]
    if isinstance(data, np.ndarray) and dtype is None and device is None:
        return from_numpy(data)
    return tensor(data, dtype=dtype, device=device)


def from_numpy(a: Any) -> Tensor:
    """A tensor that shares the memory of a numpy array."""
    if not isinstance(a, np.ndarray):
        raise DTypeError(f"from_numpy takes a numpy array, not {type(a).__name__}; use tensor(...)")
    if a.dtype not in dtypes.FROM_NUMPY:
        raise DTypeError(f"from_numpy: there is no dtype for {a.dtype}")
    return Tensor(a)


def _shape(size: tuple[Any, ...]) -> Size:
    if len(size) == 1 and not isinstance(size[0], (int, np.integer)):
        size = tuple(size[0])
    return Size(int(s) for s in size)


def _np(dtype: Any) -> Any:
    return dtypes.of(dtype).np if dtype is not None else dtypes.get_default_dtype().np


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of a shape."""
    return _place(np.zeros(_shape(size), _np(dtype)), device, requires_grad)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of a shape."""
    return _place(np.ones(_shape(size), _np(dtype)), device, requires_grad)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Memory of a shape with whatever it held."""
    return _place(np.empty(_shape(size), _np(dtype)), device, requires_grad)


def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A shape filled with one value."""
    if dtype is None:
        dtype = dtypes.of(type(fill_value))
    return _place(np.full(_shape((size,)), fill_value, _np(dtype)), device, requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The identity matrix."""
    return _place(np.eye(n, m, dtype=_np(dtype)), device, False)


def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, ... below end; int64 for integers."""
    if end is None:
        start, end = 0, start
    if dtype is None:
        whole = all(isinstance(v, (int, np.integer)) for v in (start, end, step))
        dtype = dtypes.int64 if whole else dtypes.get_default_dtype()
    return _place(np.arange(start, end, step).astype(_np(dtype)), device, requires_grad)


def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` values from start to end, both included."""
    return _place(np.linspace(start, end, steps).astype(_np(dtype)), device, requires_grad)


def _random(
    draw: Any, size: Any, generator: Any, dtype: Any, device: Any, requires_grad: bool
) -> Tensor:
    from graphscope.ops.random import rng

    want = _np(dtype)
    a = np.asarray(draw(rng(generator), _shape(size), want))
    return _place(a.astype(want, copy=False), device, requires_grad)


def randn(
    *size: Any,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Standard normal numbers."""

    def draw(r: Any, s: Any, d: Any) -> Any:
        return r.standard_normal(s, np.float64 if d == np.float64 else np.float32)

    return _random(draw, size, generator, dtype, device, requires_grad)


def rand(
    *size: Any,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform numbers in [0, 1)."""

    def draw(r: Any, s: Any, d: Any) -> Any:
        return r.random(s, np.float64 if d == np.float64 else np.float32)

    return _random(draw, size, generator, dtype, device, requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
) -> Tensor:
    """Integers in [low, high)."""
    if size is None:
        low, high, size = 0, low, high
    return _random(
        lambda r, s, d: r.integers(low, high, s),
        (size,),
        generator,
        dtype or dtypes.int64,
        device,
        False,
    )


def randperm(n: int, *, generator: Any = None) -> Tensor:
    """A random order of 0..n-1."""
    from graphscope.ops.random import rng

    return Tensor(rng(generator).permutation(n))


def _like(make: Any) -> Any:
    def like(
        input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Tensor:
        where = input.device if device is None else device
        return make(  # type: ignore[no-any-return]
            tuple(input._a.shape),
            dtype=dtype or input.dtype,
            device=where,
            requires_grad=requires_grad,
        )

    like.__doc__ = f"``{make.__name__}`` with another tensor's shape, dtype and device."
    return like


zeros_like = _like(zeros)
ones_like = _like(ones)
empty_like = _like(empty)
randn_like = _like(randn)
rand_like = _like(rand)


def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None) -> Tensor:
    """``full`` with another tensor's shape and dtype."""
    return full(tuple(input._a.shape), fill_value, dtype=dtype or input.dtype)
