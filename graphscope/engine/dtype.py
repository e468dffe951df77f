"""Torch's dtypes, their numpy counterparts, and torch's rules of type promotion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from graphscope.errors import DTypeError


class dtype:  # noqa: N801 - torch's name
    """A tensor's element type, such as ``graphscope.float32``."""

    __slots__ = ("name", "np", "is_floating_point", "is_complex", "is_signed", "itemsize", "rank")
    np: Any

    def __init__(self, name: str, np_dtype: Any, rank: int) -> None:
        self.name = name
        self.np = np.dtype(np_dtype)
        self.is_floating_point = self.np.kind == "f"
        self.is_complex = False
        self.is_signed = self.np.kind in "fi"
        self.itemsize = self.np.itemsize
        self.rank = rank

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return of, (self.name,)


class absent(dtype):  # noqa: N801 - a kind of dtype
    """A dtype of torch that numpy has not: it can be named and compared, and not be used."""

    __slots__ = ("instead",)

    def __init__(self, name: str, itemsize: int, instead: str) -> None:
        self.name, self.itemsize, self.instead = name, itemsize, instead
        self.is_complex = name.startswith("complex")
        self.is_floating_point = name.startswith("bfloat")
        self.is_signed = not name.startswith("uint")
        self.rank = -1

    @property
    def np(self) -> Any:
        """Raises: DTypeError, always."""
        raise DTypeError(f"torch.{self.name} is not available in GraphScope; {self.instead}")


bool_ = dtype("bool", np.bool_, 0)
uint8 = dtype("uint8", np.uint8, 1)
int8 = dtype("int8", np.int8, 1)
int16 = dtype("int16", np.int16, 2)
int32 = dtype("int32", np.int32, 3)
int64 = dtype("int64", np.int64, 4)
float16 = dtype("float16", np.float16, 5)
float32 = dtype("float32", np.float32, 6)
float64 = dtype("float64", np.float64, 7)

_SMALL = "numpy has no such type. Use torch.float16 for the memory, or torch.float32 for the range"
_PAIRS = "its tensors are real. Keep the real and the imaginary part as two tensors of {}"
bfloat16 = absent("bfloat16", 2, _SMALL)
complex64 = absent("complex64", 8, _PAIRS.format("torch.float32"))
complex128 = absent("complex128", 16, _PAIRS.format("torch.float64"))

_WIDE = "its use is rare. Use torch.int64, or torch.uint8 for bytes"
uint16, uint32, uint64 = (absent(f"uint{n}", n // 8, _WIDE) for n in (16, 32, 64))

ALL = (bool_, uint8, int8, int16, int32, int64, float16, float32, float64)
ABSENT = (bfloat16, complex64, complex128, uint16, uint32, uint64)
FROM_NUMPY: dict[Any, dtype] = {d.np: d for d in ALL}
_BY_NAME = {d.name: d for d in (*ALL, *ABSENT)} | {"float": float32, "double": float64}
_BY_NAME |= {"half": float16, "long": int64, "int": int32, "short": int16}

_default = float32


def of(value: Any) -> dtype:
    """The dtype meant by a dtype, a name, a numpy dtype or a Python type.

    Raises: DTypeError for anything else.
    """
    if isinstance(value, dtype):
        return value
    if isinstance(value, str):
        value = value.removeprefix("torch.")
        if value in _BY_NAME:
            return _BY_NAME[value]
    if value is float:
        return _default
    if value is int:
        return int64
    if value is bool:
        return bool_
    if value is complex:
        return complex64
    try:
        return FROM_NUMPY[np.dtype(value)]
    except (TypeError, KeyError):
        names = ", ".join(d.name for d in ALL)
        raise DTypeError(f"{value!r} is no dtype of GraphScope; there are: {names}") from None


def get_default_dtype() -> dtype:
    """The dtype that Python floats become (torch.float32 unless it was set)."""
    return _default


def set_default_dtype(d: Any, /) -> None:
    """Make Python floats become ``d``, which must be a floating dtype.

    Raises: DTypeError for any other.
    """
    global _default
    chosen = of(d)
    if not chosen.is_floating_point:
        raise DTypeError(f"the default dtype must be floating, {chosen} is not")
    chosen.np  # noqa: B018 - raises for those that are absent
    _default = chosen
    from graphscope.engine import dispatch

    dispatch._constants.clear()  # a Python float beside integers was of the old default dtype


def promote(a: Any, a_dim: int, b: Any, b_dim: int) -> Any:
    """The numpy dtype of ``a op b`` under torch's rules.

    Category order is bool < integer < floating. Within one category a tensor with dimensions wins
    over a 0-d tensor; across categories the higher category decides.
    Source: torch docs, "Tensor Attributes", type promotion.
    """
    if a == b:
        return a
    ca, cb = _category(a), _category(b)
    if ca != cb:
        return a if ca > cb else b
    if (a_dim == 0) != (b_dim == 0):
        return b if a_dim == 0 else a
    return np.promote_types(a, b)


def promote_all(operands: Iterable[tuple[Any, int]]) -> Any:
    """``promote`` for any number of operands, each its numpy dtype and number of dimensions.

    Not a chain of pairs: tensors with dimensions are joined first, then the 0-d ones, then the two
    results meet.
    """
    flat: Any = None
    point: Any = None
    for d, dim in operands:
        if dim:
            flat = d if flat is None else promote(flat, 1, d, 1)
        else:
            point = d if point is None else promote(point, 1, d, 1)
    if flat is None or point is None:
        return point if flat is None else flat
    return promote(flat, 1, point, 0)


def _category(d: Any) -> int:
    return {"b": 0, "u": 1, "i": 1, "f": 2}[d.kind]
