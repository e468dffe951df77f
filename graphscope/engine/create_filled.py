"""New tensors: from data, or filled."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.device import CPU, place, same_place
from graphscope.engine.device import device as Device
from graphscope.engine.explain import at_line
from graphscope.engine.frames import user_line
from graphscope.engine.storage import strided
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, RangeError, ShapeError, UsageError, UsageTypeError


def made(a: Any, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of a host array, on the device and with the wish for a gradient that the user gave."""
    where = place(device)
    if where is not None:
        from graphscope.engine.backend import backend_of

        a = backend_of(where).asarray(a)
    return _wish(Tensor(a), requires_grad)


def _wish(t: Tensor, requires_grad: bool) -> Tensor:
    if requires_grad:
        t.requires_grad_()
    return t


def to_device(t: Tensor, where: Device) -> Tensor:
    """The values on another device, outside of any graph (the tensor itself if it is there already)."""
    if same_place(t.device, where):
        return t
    from graphscope.engine.backend import backend_of

    if hasattr(t._a, "primal"):  # a dual number: both parts move
        from graphscope.engine.forward_mode import on_backend

        return Tensor(on_backend(t._a, backend_of(where)))
    out = Tensor(backend_of(where).asarray(t._host()), False)
    if t._rg and t._node is None:
        out._rg = True
    out._name = t._name
    return out


# ---------------------------------------------------------------- from data


def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A new tensor with a copy of ``data`` (numbers, nested lists, arrays, tensors).

    Python floats become the default dtype, ints int64, bools bool. Raises: ShapeError for ragged lists,
    DTypeError for anything that is not a number.
    """
    if isinstance(data, Tensor) and device is None:
        device = data.device
    a = _array(data)
    if dtype is not None:
        kind = dtypes.of(dtype).np
        if kind.itemsize < 8:
            _fits(data, kind, "tensor")
        a = a.astype(kind)
    elif a.dtype == np.float64 and not _is_double(data):
        a = a.astype(dtypes.get_default_dtype().np)
    elif a.dtype not in dtypes.FROM_NUMPY:
        if a.dtype.kind != "u":
            raise DTypeError(
                f"tensor: a tensor holds numbers, and {str(data)[:60]!r} is {_kind_of(data)}. ({user_line(2)})"
            )
        a = a.astype(np.int64)
    return made(a, device, requires_grad)


def _array(data: Any) -> Any:
    if isinstance(data, Tensor):
        return data._host().copy()
    try:
        return np.array(data, order="C")
    except (DTypeError, RuntimeError):
        if not isinstance(data, (list, tuple)):
            raise
        # Tensors that want a gradient, or live on a GPU, do not turn into arrays by themselves.
        return np.array([_array(x) for x in data], order="C")
    except ValueError as error:
        raise ShapeError(
            f"tensor: the nested lists are ragged, so they have no shape; pad them to equal lengths. ({user_line(3)})"
        ) from error


def _is_double(data: Any) -> bool:
    """Whether float64 is meant: numpy's numbers and tensors carry it, Python's floats do not."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    if hasattr(data, "dtype"):
        return str(data.dtype).endswith("float64")
    return hasattr(data, "__array__")


def _kind_of(data: Any) -> str:
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    if isinstance(data, complex):
        return "complex, which GraphScope has not: keep real and imaginary part as two tensors"
    return f"of type {type(data).__name__}"


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor of ``data`` that shares its memory where it can."""
    if isinstance(data, np.ndarray):
        data = from_numpy(data)
    elif not isinstance(data, Tensor):
        return tensor(data, dtype=dtype, device=device)
    elif device is None:
        device = data.device
    if dtype is not None:
        data = data.to(dtypes.of(dtype))
    return data.to(place(device) or CPU)  # type: ignore[no-any-return]


def asarray(
    obj: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of anything: shared memory where that can be, a copy with ``copy=True``."""
    if copy:
        return tensor(obj, dtype=dtype, device=device, requires_grad=requires_grad)
    return _wish(as_tensor(obj, dtype, device).detach(), requires_grad)


def from_numpy(ndarray: Any) -> Tensor:
    """A tensor that shares the memory of a numpy array."""
    if not isinstance(ndarray, np.ndarray):
        raise at_line(
            DTypeError,
            f"from_numpy takes a numpy array, not {type(ndarray).__name__}; use tensor(...)",
        )
    if ndarray.dtype not in dtypes.FROM_NUMPY:
        names = ", ".join(d.name for d in dtypes.ALL)
        raise at_line(
            DTypeError,
            f"from_numpy: there is no dtype for {ndarray.dtype}; there are: {names}. Convert it with .astype(...)",
        )
    return Tensor(ndarray)


def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A tensor on the memory of a buffer (bytes, bytearray, memoryview)."""
    a = np.frombuffer(buffer, dtypes.of(dtype).np, count, offset)
    return _wish(Tensor(a), requires_grad)


def scalar_tensor(
    s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A 0-d tensor of one number, in the default dtype."""
    return full((), s, dtype=dtype or dtypes.get_default_dtype(), device=device,
                requires_grad=requires_grad)  # fmt: skip


# ---------------------------------------------------------------- filled


def sizes(size: tuple[Any, ...]) -> tuple[int, ...]:
    """The shape in ``f(2, 3)``, ``f((2, 3))`` or ``f(tensor.shape)``.

    Raises: ShapeError for a negative size.
    """
    if len(size) == 1 and not hasattr(size[0], "__index__"):
        size = size[0]
    shape = tuple(map(index, size))
    if shape and min(shape) < 0:
        raise ShapeError(f"the shape {shape} has a negative size. ({user_line(3)})")
    return shape


def numpy_dtype(dtype: Any) -> Any:
    """numpy's dtype for a ``dtype=`` argument; None is the default dtype."""
    return dtypes.of(dtype).np if dtype is not None else dtypes.get_default_dtype().np


def module(where: Any) -> Any:
    """The array module of a device, where None is the cpu."""
    if where is None:
        return np
    from graphscope.engine.backend import backend_of

    return backend_of(where).xp


def written(a: Any, out: Tensor | None, requires_grad: bool) -> Tensor:
    """The new tensor, or ``out`` with its values."""
    if out is None:
        return _wish(Tensor(a), requires_grad)
    if tuple(out._a.shape) != tuple(a.shape):
        raise at_line(
            ShapeError,
            f"out= has shape {tuple(out._a.shape)}, the result {tuple(a.shape)}; make out in that shape",
        )
    return out.copy_(Tensor(a))  # type: ignore[attr-defined,no-any-return]


_NO_MEANING = {"layout", "pin_memory", "memory_format", "names"}


def size_among(name: str, size: tuple[Any, ...], rest: dict[str, Any]) -> tuple[Any, ...]:
    """The sizes, where they may be the keyword ``size``; what else is left over must be known to torch."""
    if "size" in rest:
        size = (rest.pop("size"),)
    unknown = rest.keys() - _NO_MEANING
    if unknown:
        raise at_line(UsageTypeError, f"{name}() has no argument {', '.join(sorted(unknown))}")
    return size


def _maker(name: str, doc: str) -> Any:
    on_host = getattr(np, name)

    def make(
        *size: Any, out: Tensor | None = None, dtype: Any = None, device: Any = None,
        requires_grad: bool = False, **rest: Any,
    ) -> Tensor:  # fmt: skip
        if rest:
            size = size_among(name, size, rest)
        if out is not None and dtype is None:
            dtype = out.dtype
        where = place(device)
        fill = on_host if where is None else getattr(module(where), name)
        return written(fill(sizes(size), numpy_dtype(dtype)), out, requires_grad)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = doc
    return make


zeros = _maker("zeros", "Zeros of a shape.")
ones = _maker("ones", "Ones of a shape.")
empty = _maker("empty", "Memory of a shape with whatever it held.")


def full(
    size: Any,
    fill_value: Any,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A shape filled with one value; its type decides the dtype."""
    if isinstance(fill_value, Tensor):
        dtype = dtype or fill_value.dtype
        fill_value = fill_value.item()
    if dtype is None:
        dtype = out.dtype if out is not None else dtypes.of(type(fill_value))
    kind = numpy_dtype(dtype)
    _fits(fill_value, kind, "full")
    a = module(place(device)).full(sizes((size,)), fill_value, kind)
    return written(a, out, requires_grad)


def _fits(values: Any, kind: Any, what: str) -> None:
    """Raises: RangeError for whole numbers that an integer dtype cannot hold."""
    if kind.kind in "iu" and isinstance(values, (int, list, tuple)):
        a = np.asarray(values)
        limits = np.iinfo(kind)
        # An unsigned dtype takes -1 as its highest number, as in torch.
        least = limits.min or -limits.max
        if a.dtype.kind in "iuO" and ((a > limits.max) | (a < least)).any():
            raise RangeError(
                f"{what}: {kind} holds {limits.min}..{limits.max}, and the values go from {a.min()} to {a.max()}. "
                f"({user_line(3)})"
            )


def eye(
    n: int,
    m: int | None = None,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The identity matrix, n x m."""
    a = module(place(device)).eye(n, m, dtype=numpy_dtype(dtype))
    return written(a, out, requires_grad)


def empty_strided(
    size: Any,
    stride: Any,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Memory of a shape whose elements lie at given strides (in elements)."""
    shape, steps = sizes((size,)), tuple(int(s) for s in stride)
    if len(shape) != len(steps) or any(s < 0 for s in steps):
        raise at_line(
            UsageError,
            f"empty_strided: stride needs one number >= 0 for each of {tuple(shape)}, not {steps}",
        )
    if place(device) is not None:
        raise at_line(
            UsageError, "empty_strided makes tensors on the cpu only; use empty(...) there"
        )
    kind = numpy_dtype(dtype)
    n = 1 + sum((s - 1) * step for s, step in zip(shape, steps, strict=True))
    base = np.empty(n if 0 not in shape else 0, kind)
    strides = tuple(s * kind.itemsize for s in steps)
    return _wish(Tensor(np.ndarray(shape, kind, base, 0, strides)), requires_grad)
