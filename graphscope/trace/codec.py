"""Arrays to bytes and back, small.

Timings are noise in their low bytes and nearly constant in their high bytes. Stored byte plane by
byte plane, the high planes cost almost nothing under zlib. Begin times are stored as the gap since
the previous op ended, which is the time the interpreter took between two ops: a few bits less.
Where there is a C compiler, ``_codec.c`` makes these planes; ``planes_of`` says the same without one.
"""

from __future__ import annotations

import os
import sys
import zlib
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.trace.records import Ints, Longs

LEVEL = 1
LIMIT = 2**31 - 1
SHORT = 1 << 14  # bytes
NARROW = 1  # the first byte of what did not go through zlib, which begins with another one
VERSION = 2  # of what the compiled module offers; one that was left behind by an older version is not used


def _compiled() -> Any:
    """The compiled functions, or None twice."""
    # They run under Python's lock: a Python without one would switch it on again.
    if os.environ.get("GRAPHSCOPE_PURE") or not getattr(sys, "_is_gil_enabled", lambda: True)():
        return None, None
    try:
        found = import_module("graphscope.trace._codec")
    except ImportError:
        return None, None  # installed where there is no compiler
    return (found.planes, found.fold) if getattr(found, "VERSION", 0) == VERSION else (None, None)


_in_c, fold_in_c = _compiled()


def squeeze(data: bytes, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    """``data`` under zlib; ``zlib.decompress`` is the inverse.

    Making zlib's tables ready takes sixty microseconds at their usual size, ten times what a short text itself takes.
    """
    bits, memory = (13, 6) if len(data) <= SHORT else (15, 8)
    made = zlib.compressobj(LEVEL, zlib.DEFLATED, bits, memory, strategy)
    return made.compress(data) + made.flush()


def shuffle(array: NDArray[Any]) -> bytes:
    """The bytes of an array, plane by plane: all first bytes, then all second bytes."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(np.uint8).reshape(flat.size, flat.itemsize).T.tobytes()


def unshuffle(data: bytes, dtype: str) -> NDArray[Any]:
    """The inverse of ``shuffle``, one-dimensional and writable."""
    kind = np.dtype(dtype)
    planes = np.frombuffer(data, np.uint8).reshape(kind.itemsize, -1)
    return np.ascontiguousarray(planes.T).reshape(-1).view(kind)


def pack_times(begin_ns: Longs, dur_ns: Longs) -> tuple[bytes, int]:
    """The timing columns of one step, and the shift: units are ``1 << shift`` nanoseconds.

    >>> blob, shift = pack_times(np.array([5, 90]), np.array([70, 12]))
    >>> [a.tolist() for a in unpack_times(blob, shift)]
    [[5, 90], [70, 12]]
    """
    begin = np.asarray(begin_ns, np.int64).reshape(1, -1)
    return pack_many(begin, np.asarray(dur_ns, np.int64).reshape(1, -1))


def pack_many(begin: Longs, dur: Longs) -> tuple[bytes, int]:
    """The timing columns of many steps of one graph, ``[steps, nodes]`` each, in one blob.

    A step has few nodes and a training has many steps: together they cost a fifth of one by one, and
    what they have in common is stored once.
    """
    made = None if _in_c is None else _in_c(begin, dur, begin.shape[1])
    planes, shift = made or planes_of(begin, dur)
    if len(begin) == 1 and 0 < len(planes) <= SHORT:
        return _narrow(planes), shift
    # Noise and runs of zeros: looking for runs alone takes two thirds of the time, for a tenth more bytes.
    return squeeze(planes, zlib.Z_RLE), shift


def _narrow(planes: bytes) -> bytes:
    """What ``pack_many`` stores of one short step: the planes of both columns without the high ones that are zero.

    zlib would take off another fifth, and as long as all else that is done for a step that never comes again.
    """
    half = len(planes) // 2
    nodes = half // 4
    widths = [
        max(1, -(-len(column.rstrip(b"\0")) // nodes)) for column in (planes[:half], planes[half:])
    ]
    return (
        bytes((NARROW, *widths))
        + planes[: nodes * widths[0]]
        + planes[half : half + nodes * widths[1]]
    )


def _wide(blob: bytes) -> bytes:
    """The inverse of ``_narrow``. Raises: ValueError when these are no such bytes."""
    widths = blob[1:3]
    nodes, rest = divmod(len(blob) - 3, sum(widths) or 1)
    if rest or len(widths) != 2 or not all(0 < w <= 4 for w in widths):
        raise ValueError("it is not as long as it says")
    at = 3 + nodes * widths[0]
    return blob[3:at].ljust(4 * nodes, b"\0") + blob[at:].ljust(4 * nodes, b"\0")


def planes_of(begin: Longs, dur: Longs) -> tuple[bytes, int]:
    """The bytes that ``pack_many`` squeezes, and the shift."""
    dur = np.maximum(dur, 0)
    largest = max(int(np.abs(begin).max(initial=0)), int(dur.max(initial=0)))
    shift = max(0, (2 * largest).bit_length() - 31)
    if shift:
        begin, dur = begin >> shift, dur >> shift
    gap = begin.copy()
    gap[:, 1:] -= begin[:, :-1] + dur[:, :-1]
    # Zigzag: an op that began inside the one before has a negative gap.
    folded = (gap << 1) ^ (gap >> 63)
    both = np.stack((folded, dur)).astype("<u4")
    return both.view(np.uint8).reshape(2, -1, 4).transpose(0, 2, 1).tobytes(), shift


def unpack_times(blob: bytes, shift: int) -> tuple[Longs, Longs]:
    """Begin and duration of one step in nanoseconds; the inverse of ``pack_times``."""
    begin, dur = unpack_many(blob, shift, 1)
    return begin[0], dur[0]


def unpack_many(blob: bytes, shift: int, steps: int) -> tuple[Longs, Longs]:
    """Begin and duration, ``[steps, nodes]`` each; the inverse of ``pack_many``."""
    raw = _wide(blob) if blob[:1] == bytes((NARROW,)) else zlib.decompress(blob)
    half = len(raw) // 2
    folded = unshuffle(raw[:half], "<u4").astype(np.int64).reshape(steps, -1)
    dur = unshuffle(raw[half:], "<u4").astype(np.int64).reshape(steps, -1)
    gap = (folded >> 1) ^ -(folded & 1)
    # begin[i] = sum of all gaps up to i and of all durations before i.
    begin = np.cumsum(gap, axis=1) + np.cumsum(dur, axis=1) - dur
    return begin << shift, dur << shift


def pack(array: NDArray[Any], dtype: str) -> bytes:
    """One array, shuffled and compressed."""
    return squeeze(shuffle(np.asarray(array).astype(dtype, copy=False)))


def unpack(blob: bytes, dtype: str) -> NDArray[Any]:
    return unshuffle(zlib.decompress(blob), dtype)


def ints(blob: bytes, columns: int = 0) -> Ints:
    """A raw little-endian int32 blob as an array, two-dimensional when ``columns`` is given."""
    flat = np.frombuffer(blob, "<i4").astype(np.int32)
    return flat.reshape(-1, columns) if columns else flat


def raw(array: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(array, "<i4").tobytes()
