"""What a program writes in brackets, taken apart: a basic index, then index arrays.

Torch's rule, which differs from numpy's in one point: ints select first and are no index arrays, so
``x[0, :, [0, 1]]`` keeps the place of its dimensions. So every index is a basic one (a view) followed by
arrays on the view's dimensions, and each half is one row.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from graphscope.engine.bounds import outside
from graphscope.engine.dispatch import call, constant, weak_constant
from graphscope.engine.frames import user_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import DTypeError, IndexRangeError, ShapeError
from graphscope.ops import index as ix

_WHOLE = slice(None)
_ENDS = (int, type(None))


class Split(NamedTuple):
    """An index in two halves.

    basic: slices, ints, None and ``...`` as numpy takes them, or None if all is taken whole. template:
    for each dimension after that ``":"`` or ``"@k"`` (see ``ops.index``). arrays: the k-th index tensor.
    """

    basic: tuple[Any, ...] | None
    template: tuple[str, ...]
    arrays: list[Tensor]


def _fail(x: Any, rule: str) -> IndexRangeError:
    where = user_line(3)
    return IndexRangeError(f"{rule}. The tensor has shape {tuple(x.shape)}. ({where})")


def _is_simple(parts: tuple[Any, ...]) -> bool:
    """Whether numpy would take an index as torch does: no arrays, and no step."""
    for p in parts:
        kind = type(p)
        if kind is slice:
            if p.step is not None or not (type(p.start) in _ENDS and type(p.stop) in _ENDS):
                return False
        elif kind is not int and p is not None and p is not Ellipsis:
            return False
    return True


def _is_many(part: list[Any]) -> bool:
    """Whether torch takes a list as if it were a tuple: with slices, tensors or lists inside."""
    return len(part) < 32 and any(
        p is None or p is Ellipsis or isinstance(p, (slice, Tensor, list, tuple, range))
        for p in part
    )


def split(x: Any, index: Any) -> Split:
    """Take an index into the array ``x`` apart.

    Raises: IndexRangeError for what is no index, for too many, and for ints out of range.
    """
    kind = type(index)
    if kind is int or kind is slice:  # most indices are one int or one slice
        return Split((_basic(x, index, 0),), (), [])
    if kind is Tensor and x.ndim:  # or one index tensor
        a = index._a
        if a.dtype.kind == "i" and a.dtype.itemsize >= 4 and a.ndim and type(a) is type(x):
            return Split(None, ("@0",), [index])
    if kind is list and _is_many(index):
        index = tuple(index)
    parts = [_plain(x, p) for p in (index if isinstance(index, tuple) else (index,))]
    used = sum(map(_taken, parts))
    if used > x.ndim:
        if not x.ndim:
            raise _fail(x, "a 0-d tensor has no dimension to index, use .item()")
        raise _fail(x, f"too many indices: {used} for {x.ndim} dimensions")
    basic: list[Any] = []
    template: list[str] = []
    arrays: list[Tensor] = []
    dim, whole, spare = 0, True, x.ndim - used
    for p in parts:
        if p is Ellipsis:
            basic += [_WHOLE] * spare
            template += [":"] * spare
            dim, spare = dim + spare, 0
        elif isinstance(p, Tensor):
            n = p._a.ndim if p._a.dtype.kind == "b" else 1
            _check_mask(x, p, dim)
            template.append(f"@{len(arrays)}")
            arrays.append(p)
            basic += [_WHOLE] * n
            dim += n
        elif isinstance(p, bool):  # a new dimension of size 1 or 0
            template.append(f"@{len(arrays)}")
            arrays.append(_on_device_of(x, np.zeros(int(p), np.int64)))
            basic.append(None)
            whole = False
        else:
            p = _basic(x, p, dim)
            dim += p is not None
            whole = whole and type(p) is slice and p == _WHOLE
            basic.append(p)
            if type(p) is not int:
                template.append(":")
    if not arrays:
        return Split(tuple(basic), (), [])
    while template[-1] == ":":
        template.pop()
    return Split(None if whole else tuple(basic), tuple(template), arrays)


def _plain(x: Any, part: Any) -> Any:
    """A part of an index as a slice, int, bool, None, Ellipsis or an index tensor with dimensions."""
    kind = type(part)
    if kind is int or kind is slice or part is None or part is Ellipsis or kind is bool:
        return part
    if isinstance(part, (list, tuple, range, np.ndarray)):
        array = np.asarray(part)
        if array.size == 0 and not isinstance(part, np.ndarray):
            array = array.astype(np.int64)
        if array.dtype.kind == "f" and array.size and (array == array.astype(np.int64)).all():
            array = array.astype(np.int64)  # torch takes [1.0] too
        part = _on_device_of(x, array)
    if isinstance(part, Tensor):
        return _index_tensor(x, part)
    if isinstance(part, np.bool_):
        return bool(part)
    try:
        return operator.index(part)
    except TypeError:
        if kind is str:
            raise DTypeError(
                f"a tensor has no fields, so {part!r} is no index ({user_line(3)})"
            ) from None
        raise _fail(
            x, "only integers, slices (`:`), ellipsis (`...`), None and long or byte tensors are valid "
            f"indices (got {kind.__name__})",
        ) from None  # fmt: skip


def _index_tensor(x: Any, part: Tensor) -> Any:
    array = part._a
    kind, size = array.dtype.kind, array.dtype.itemsize
    if not array.ndim and kind in "iub":
        return int(part.item()) if kind == "i" else bool(part.item())
    if kind == "u":  # an old kind of mask
        return Tensor(array != 0)
    if kind not in "bi" or kind == "i" and size < 4:
        raise _fail(
            x, f"a tensor of {array.dtype} is no index: indices are whole numbers (int64, int32) and masks bool; convert "
            "it with .long(), or compare it to get a mask",
        )  # fmt: skip
    return part if type(array) is type(x) else _moved(x, part)


def _on_device_of(x: Any, array: Any) -> Tensor:
    return constant(array, array.dtype, x)


def _moved(x: Any, t: Tensor) -> Tensor:
    """An index that lies on another device, copied to where ``x`` is, as torch does for the host's."""
    from graphscope.engine.create import to_device

    return to_device(t, Tensor(x).device)


def _taken(part: Any) -> int:
    """How many dimensions of the tensor a part takes."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    if isinstance(part, Tensor) and part._a.dtype.kind == "b":
        return int(part._a.ndim)
    return 1


def _basic(x: Any, part: Any, dim: int) -> Any:
    if type(part) is slice:
        step = part.step
        if step is not None and operator.index(step) <= 0:
            raise ShapeError(
                f"a slice with step {step}: steps are 1 or more; use flip() to go backwards. ({user_line(3)})"
            )
        if type(part.start) is Tensor or type(part.stop) is Tensor:
            part = slice(
                *(v if v is None else operator.index(v) for v in (part.start, part.stop, step))
            )
    if type(part) is int:
        if not x.ndim:
            raise _fail(x, "a 0-d tensor has no dimension to index, use .item()")
        size = x.shape[dim]
        if not -size <= part < size:
            raise _fail(x, outside(part, dim, size, True))
    return part


def _check_mask(x: Any, mask: Tensor, dim: int) -> None:
    if mask._a.dtype.kind != "b":
        return
    for k, n in enumerate(mask._a.shape):
        if n != x.shape[dim + k]:
            raise _fail(
                x, f"a mask of shape {list(mask._a.shape)} does not fit {list(x.shape)}: its dimension {k} has size {n}, and "
                f"dimension {dim + k} of the tensor has {x.shape[dim + k]}",
            )  # fmt: skip


# ---------------------------------------------------------------- reading and writing


def getitem(x: Tensor, index: Any) -> Tensor:
    """``x[index]``: a view for a basic index, a copy where index tensors or masks take part."""
    simple = (index,) if type(index) is not tuple else index
    if _is_simple(simple):
        try:
            return call(ix.getitem, x, index=simple, was=x._a.shape)
        except IndexRangeError:
            split(x._a, index)  # knows better words, and a second ``...``
    basic, template, arrays = split(x._a, index)
    if basic is not None:
        x = call(ix.getitem, x, index=basic, was=x._a.shape)
    if arrays:
        return call(ix.index, x, *arrays, template=template, was=x._a.shape)
    return x


def value_for(x: Tensor, value: Any) -> Tensor:
    """What is assigned into ``x``, as a tensor of its dtype and device."""
    if not isinstance(value, Tensor):
        if type(value) is float and x._a.dtype.kind == "f":
            return weak_constant(value, x._a)
        return constant(value, x._a.dtype, x._a)
    if value._a.dtype != x._a.dtype:
        from graphscope.ops.functions.shape import to_dtype

        value = to_dtype(value, x.dtype)
    return value if type(value._a) is type(x._a) else _moved(x._a, value)


def write(x: Tensor, index: Any, value: Tensor) -> None:
    """``x[index] = value`` into x's memory; nothing is recorded for gradients."""
    basic, template, arrays = split(x._a, index)
    if not arrays:
        if value._a.ndim:
            value = _fitting(value, x._a[basic].shape)
        call(ix.setitem_, x, value, template=basic)
        return
    view = x if basic is None else call(ix.getitem, x, index=basic, was=x._a.shape)
    call(ix.index_put_, view, value, *arrays, template=template)


def _fitting(value: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The value without extra leading dimensions of size 1, which torch and numpy forgive."""
    extra = value._a.ndim - len(shape)
    if extra > 0 and value._a.shape[:extra] == (1,) * extra:
        from graphscope.ops.functions.shape import reshape

        return reshape(value, value._a.shape[extra:])
    return value
