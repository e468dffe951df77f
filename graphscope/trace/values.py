"""The blob of a value step: statistics, histograms and small samples of many tensors.

The layout is a header line of JSON and then the columns of all entries one after the other, byte
plane by byte plane, compressed as one piece. Nothing is computed here: whoever records the values
reduces them where they live, on the host or on a device.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.errors import TraceError
from graphscope.trace import codec
from graphscope.trace.entries import Entries, Sampled
from graphscope.trace.records import HEALTH, HIST_BINS, STATS, Entry, Thumb

WHOLE = 64  # tensors of up to this many elements are kept whole
SIDE = 24  # else at most this many along an axis
_COLUMNS = (("<f4", len(STATS)), ("<u4", len(HEALTH)), ("<u2", HIST_BINS), ("<f4", 2))


def thumb_stride(shape: Sequence[int], whole: bool = False) -> list[int]:
    """The strides of the sample that is kept of a tensor of this shape.

    The last axes get most of the room, because they are what a picture shows as rows and columns.
    Small tensors, and watched ones (``whole``), are kept as they are.

    >>> thumb_stride((8, 8)), thumb_stride((128, 784)), thumb_stride((64, 32, 3, 3))
    ([1, 1], [6, 33], [16, 2, 1, 1])
    """
    if whole or math.prod(shape) <= WHOLE:
        return [1] * len(shape)
    room, strides = SIDE * SIDE, []
    for size in reversed(shape):
        allowed = max(1, min(SIDE, room))
        stride = max(1, -(-size // allowed))
        room //= max(1, -(-size // stride))
        strides.append(stride)
    return strides[::-1]


def thumb_index(shape: Sequence[int], whole: bool = False) -> tuple[slice, ...]:
    """The index that takes the sample out of a tensor: ``a[thumb_index(a.shape)]``."""
    return _sampling(tuple(shape), whole)[0]


@lru_cache(1024)  # a program's tensors have few shapes
def _sampling(shape: tuple[int, ...], whole: bool) -> tuple[tuple[slice, ...], list[int]]:
    strides = thumb_stride(shape, whole)
    return tuple(slice(None, None, stride) for stride in strides), strides


def thumbnail(array: NDArray[Any], whole: bool = False) -> Thumb:
    """The sample of a host array: a copy, since the program may write the array in place later."""
    index, strides = _sampling(array.shape, whole)
    sample = np.array(array[index], np.float32, order="C", copy=True)
    return Thumb(list(sample.shape), sample.reshape(-1), strides)


def encode(entries: Iterable[tuple[int, str, Entry]]) -> bytes:
    """The blob for ``(value, "v" or "g", entry)`` triples."""
    rows = list(entries)
    thumbs = [entry.thumb for _, _, entry in rows]
    header = {
        "v": [int(v) for v, _, _ in rows],
        "k": "".join(kind for _, kind, _ in rows),
        "t": [None if t is None else [list(t.shape), list(t.stride)] for t in thumbs],
    }
    columns: tuple[list[Any], ...] = (
        [entry.stats for _, _, entry in rows],
        [entry.health for _, _, entry in rows],
        [entry.hist for _, _, entry in rows],
        [(entry.lo, entry.hi) for _, _, entry in rows],
    )
    parts = [json.dumps(header, separators=(",", ":")).encode(), b"\n"]
    with np.errstate(over="ignore"):
        for column, (dtype, width) in zip(columns, _COLUMNS, strict=True):
            # Transposed: all means together, all minima together; neighbours look alike.
            table = np.asarray(column, dtype).reshape(len(rows), width).T
            parts.append(codec.shuffle(table))
        held = [thumb for thumb in thumbs if thumb is not None]
        if held:
            parts.append(codec.shuffle(_samples(held)))
    return codec.squeeze(b"".join(parts))


def _samples(thumbs: list[Thumb]) -> NDArray[np.float32]:
    """The numbers of these samples, exactly where one is the whole tensor.

    A strided sample only makes a picture: it keeps 12 of its 24 bits, which halves the file.
    """
    flat = np.concatenate([np.asarray(thumb.values, "<f4").reshape(-1) for thumb in thumbs])
    bits = flat.view("<u4")
    rounded = (bits + np.uint32(0x800)) & np.uint32(0xFFFFF000)
    # Not where rounding would leave the finite numbers, and never for NaN.
    keep = (bits & np.uint32(0x7FFFFFFF)) >= np.uint32(0x7F7FF000)
    at = 0
    for thumb in thumbs:
        end = at + thumb.values.size
        if max(thumb.stride, default=1) == 1:
            keep[at:end] = True
        at = end
    return np.where(keep, bits, rounded).astype("<u4").view("<f4")


def decode(blob: bytes) -> Entries:
    """The entries by ``(value, kind)``.

    Raises: TraceError when the blob is damaged.
    """
    try:
        return _decode(zlib.decompress(blob))
    except (zlib.error, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise TraceError(f"The recorded values of a step are damaged ({error}).") from error


def _decode(raw: bytes) -> Entries:
    head, _, body = raw.partition(b"\n")
    places, thumbs, size = _described(head)
    m, offset = len(thumbs), 0
    tables = []
    for dtype, width in _COLUMNS:
        end = offset + m * width * np.dtype(dtype).itemsize
        tables.append(codec.unshuffle(body[offset:end], dtype).reshape(width, m).T)
        offset = end
    samples = codec.unshuffle(body[offset:], "<f4")
    if samples.size < size:
        raise ValueError("a sample is cut off")
    return Entries(places, tables, thumbs, samples)


@lru_cache(4)  # a graph's steps nearly all have the same
def _described(head: bytes) -> tuple[dict[tuple[int, str], int], list[Sampled], int]:
    """The place of each entry, what its sample is like, and the numbers of all samples."""
    header = json.loads(head)
    values, kinds, shapes = header["v"], header["k"], header["t"]
    thumbs: list[Sampled] = []
    at = 0
    for j in range(len(values)):
        told = None
        if shapes[j] is not None:
            shape, stride = shapes[j]
            told = (list(shape), list(stride), at)
            size = math.prod(shape)
            if size < 0:
                raise ValueError("a sample is cut off")
            at += size
        thumbs.append(told)
    keys = zip(values, kinds, strict=True)
    return {(int(v), kind): place for place, (v, kind) in enumerate(keys)}, thumbs, at
