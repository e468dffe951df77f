"""Samples as one batch."""

from __future__ import annotations

import copy
import multiprocessing
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from graphscope.engine.dtype import FROM_NUMPY
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError, UsageError, UsageTypeError


def default_collate(batch: Any) -> Any:
    """Samples as one batch: tensors and arrays stacked, numbers as a tensor, containers by part.

    Texts stay lists. Raises: ShapeError naming the field whose shapes differ, UsageTypeError for kinds
    that make no batch (pass a collate_fn of your own).
    """
    return _collate(list(batch) if not isinstance(batch, (list, tuple)) else batch, "")


def _collate(batch: Sequence[Any], field: str) -> Any:
    if not batch:
        raise _error(
            UsageError, "default_collate: an empty batch; a batch sampler gave no sample numbers"
        )
    first = batch[0]
    if isinstance(first, Tensor):
        return _stacked(batch, field)
    if isinstance(first, np.ndarray):
        if first.dtype not in FROM_NUMPY:
            raise _error(
                UsageTypeError,
                f"default_collate: {_at(field)} is an array of {first.dtype}, of which there is no tensor; "
                "convert it in the dataset, or pass a collate_fn",
            )
        return Tensor(_stack([np.asarray(x) for x in batch], field))
    if isinstance(first, (bool, np.bool_)):
        return Tensor(np.array(batch, np.bool_))
    if isinstance(first, float) and not isinstance(first, np.generic):
        return Tensor(np.array(batch, np.float64))
    if isinstance(first, int):
        return Tensor(np.array(batch, np.int64))
    if isinstance(first, np.generic) and first.dtype in FROM_NUMPY:
        return Tensor(np.array(batch, first.dtype))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return _mapping(batch, field)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        parts = zip(first._fields, zip(*batch, strict=True), strict=True)
        return type(first)(*(_collate(part, f"{field}.{name}") for name, part in parts))
    if isinstance(first, Sequence):
        return _sequence(batch, field)
    raise _error(
        UsageTypeError,
        f"default_collate: {_at(field)} is {type(first).__name__}, of which no batch is made (but of tensors, arrays, "
        "numbers, texts, and lists or dictionaries of them). Convert it in the dataset, or pass a collate_fn",
    )


def _mapping(batch: Any, field: str) -> Any:
    first = batch[0]
    for i, x in enumerate(batch):
        missing = [key for key in first if key not in x]
        if missing:
            raise _error(
                _NoKey,
                f"default_collate: sample {i} of the batch has no {missing[0]!r} at {_at(field)}, the first has",
            )
    made = {key: _collate([x[key] for x in batch], f"{field}[{key!r}]") for key in first}
    if isinstance(first, MutableMapping) and type(first) is not dict:
        out = copy.copy(first)
        out.update(made)
        return out
    return made


def _error(kind: type[Exception], text: str) -> BaseException:
    """An exception with the line that asked for the batch; a worker has no line of the user's."""
    return kind(text) if multiprocessing.parent_process() else at_line(kind, text)


class _NoKey(UsageError, KeyError):
    """torch raises KeyError here."""

    __str__ = Exception.__str__


def _sequence(batch: Any, field: str) -> Any:
    first = batch[0]
    lengths = [len(x) for x in batch]
    if len(set(lengths)) > 1:
        raise _error(
            ShapeError,
            f"default_collate: {_at(field)} has different numbers of parts in the samples of a batch: "
            f"{sorted(set(lengths))[:4]}. Make them equal in the dataset, or pass a collate_fn",
        )
    parts = [_collate(part, f"{field}[{i}]") for i, part in enumerate(zip(*batch, strict=True))]
    if isinstance(first, (tuple, list)) and type(first) in (tuple, list):
        return parts  # a list also for tuples, as in torch
    if isinstance(first, MutableSequence):
        out = copy.copy(first)
        for i, part in enumerate(parts):
            out[i] = part
        return out
    try:
        return type(first)(parts)
    except TypeError:
        return parts  # a kind of sequence that is not made from a list, such as range


def _stacked(batch: Sequence[Tensor], field: str) -> Tensor:
    arrays = [x._a for x in batch]
    if all(type(a) is np.ndarray for a in arrays):
        return Tensor(_stack(arrays, field))
    from graphscope.ops.functions import stack

    return stack(list(batch))


def _stack(arrays: list[Any], field: str) -> Any:
    first = arrays[0]
    shape = first.shape
    for i, a in enumerate(arrays):
        if a.shape != shape:
            raise _error(
                ShapeError,
                f"default_collate: the samples of a batch have different shapes at {_at(field)}: "
                f"{first.shape} in sample 0 and {a.shape} in sample {i} of the batch. Make them equal in the "
                "dataset (crop, pad), or pass a collate_fn",
            )
    if not first.ndim or not first.size:
        return np.stack(arrays)
    return np.concatenate(arrays).reshape(len(arrays), *first.shape)  # a third of np.stack's time


def _at(field: str) -> str:
    return f"field {field}" if field else "the sample"


def default_convert(data: Any) -> Any:
    """Numpy arrays in a sample as tensors, everything else as it is (what ``batch_size=None`` uses)."""
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return Tensor(np.asarray(data)) if data.dtype in FROM_NUMPY else data
    return _through(data, default_convert)


def _through(data: Any, convert: Callable[[Any], Any]) -> Any:
    """The same container with its parts converted."""
    if isinstance(data, (str, bytes)):
        return data
    if isinstance(data, Mapping):
        made = {key: convert(value) for key, value in data.items()}
        if isinstance(data, MutableMapping) and type(data) is not dict:
            out = copy.copy(data)
            out.update(made)
            return out
        return made
    if isinstance(data, tuple):
        parts = [convert(value) for value in data]
        return type(data)(*parts) if hasattr(data, "_fields") else parts
    if isinstance(data, list):
        return [convert(value) for value in data]
    return data
