"""One tensor in numbers: moments, health, histogram, and a sample small enough to keep.

Where there is a C compiler, ``_numbers.c`` goes through the elements; ``in_numpy`` says the same without one.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from graphscope.engine.backend import backend_of_type
from graphscope.engine.numbered import compiled
from graphscope.trace.records import HIST_BINS, Entry
from graphscope.trace.values import thumbnail

# Above this many elements an evenly strided sample stands for the tensor: the cost stays bounded,
# and the budget of a few per cent is kept by taking values less often rather than by much less detail.
EXACT = 1 << 18
_HIST = 1 << 13
TINY = 1e-30  # a sum of squares below which float32 lost some of them: the smallest it has whole is 1e-38
_NAN = float("nan")


def to_host(a: Any) -> Any:
    """A numpy array of a host array, a numpy scalar or a device's array."""
    if type(a) is np.ndarray:
        return a
    if isinstance(a, np.generic):
        return np.asarray(a)
    return backend_of_type(type(a)).to_host(a)


VERSION = 1  # of what the compiled module offers; one that was left behind by an older version is not used


def _compiled() -> Any:
    """The compiled function, or None."""
    if compiled is None:  # GRAPHSCOPE_PURE, or no compiler
        return None
    try:
        found = import_module("graphscope.record._numbers")
    except ImportError:
        return None
    return found.numbers if getattr(found, "VERSION", 0) == VERSION else None


numbers = _compiled()


def describe(a: Any, thumb: bool, whole: bool = False) -> Entry:
    """The statistics of a host array.

    count, mean, std, min, max, rms and absmax are over the finite elements; the health counts
    (-inf, negative, zero, positive, +inf, nan) cover all elements looked at.
    """
    size = a.size
    kept = thumbnail(a, whole) if thumb or size <= 64 else None
    if size == 0:
        stats = np.array([0, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN], np.float32)
        return Entry(stats, np.zeros(6, np.uint32), np.zeros(HIST_BINS, np.uint16), 0.0, 0.0, kept)
    made = None if numbers is None or size > EXACT else numbers(a, size)
    if made is None:
        flat = sample(a)
        made = None if numbers is None else numbers(flat, size)
        if made is None:
            return in_numpy(flat.reshape(-1), size, kept)
    raw, low, high = made
    return Entry(
        np.frombuffer(raw, np.float32, 8), np.frombuffer(raw, np.uint32, 6, 32),
        np.frombuffer(raw, np.uint16, HIST_BINS, 56), low, high, kept,
    )  # fmt: skip


def sample(a: Any) -> Any:
    """The elements that are looked at, as floats: contiguous, or along one axis."""
    if a.size <= EXACT:
        flat = a if a.flags.c_contiguous else a.ravel("K")  # any order will do
    else:
        flat = (
            a.reshape(-1)
            if a.flags.c_contiguous
            else a[tuple(slice(None, None, 2) for _ in a.shape)].reshape(-1)
        )
        if flat.size > EXACT:
            flat = flat[:: -(-flat.size // EXACT)]
    kind = flat.dtype
    if kind.kind != "f" or kind.itemsize == 2 or not kind.isnative:
        flat = flat.astype(
            np.float32 if kind.kind != "f" or kind.itemsize == 2 else kind.newbyteorder("=")
        )
    return flat


def in_numpy(flat: Any, size: int, kept: Any = None) -> Entry:
    """The statistics of these elements of a tensor that has ``size`` in all."""
    item = float(flat[0]) if size == 1 else _NAN
    with np.errstate(over="ignore", invalid="ignore"):  # looked into below
        total = float(np.dot(flat, flat))
    health = [0, 0, 0, 0, 0, 0]
    if not np.isfinite(total):  # some element is not finite, or the square overflows
        wide = flat.astype(np.float64)
        health[5] = int(np.count_nonzero(np.isnan(wide)))
        health[0] = int(np.count_nonzero(wide == -np.inf))
        health[4] = int(np.count_nonzero(wide == np.inf))
        flat = wide[np.isfinite(wide)]
        total = float(np.dot(flat, flat))
    elif total < TINY:
        flat = flat.astype(np.float64)
        total = float(np.dot(flat, flat))
    n = flat.size
    if n == 0:
        stats = np.array([size, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, item], np.float32)
        return Entry(
            stats, np.array(health, np.uint32), np.zeros(HIST_BINS, np.uint16), 0.0, 0.0, kept
        )
    low, high = float(flat.min()), float(flat.max())
    mean = float(flat.sum(dtype=np.float64 if n < 4096 else None)) / n
    nonzero = int(np.count_nonzero(flat))
    health[1] = int(np.count_nonzero(flat < 0)) if low < 0 else 0
    health[2] = n - nonzero
    health[3] = nonzero - health[1]
    variance = max(total / n - mean * mean, 0.0)
    if variance < 1e-6 * mean * mean:  # cancellation: take the second pass
        variance = float(np.mean(np.square(flat - mean, dtype=np.float64)))
    with np.errstate(over="ignore"):
        stats = np.array(
            [size, mean, variance**0.5, low, high, (total / n) ** 0.5, max(-low, high), item],
            np.float32,
        )
    hist, lo, hi = histogram(flat, low, high)
    return Entry(stats, np.array(health, np.uint32), hist, lo, hi, kept)


def histogram(flat: Any, low: float, high: float) -> tuple[Any, float, float]:
    """Counts in ``HIST_BINS`` equal bins over [low, high]; scaled down where they exceed 16 bits."""
    if flat.size > _HIST:
        flat = flat[:: -(-flat.size // _HIST)]
    if not high > low:
        one = np.zeros(HIST_BINS, np.uint16)
        one[HIST_BINS // 2] = min(flat.size, 65535)
        return one, low, high
    # Arithmetic and bincount take a fifth of the time of np.histogram. float64, since high - low may
    # overflow a float32.
    scaled = (flat.astype(np.float64) - low) * (HIST_BINS / (high - low))
    counts = np.bincount(np.minimum(scaled.astype(np.int64), HIST_BINS - 1), minlength=HIST_BINS)
    return np.minimum(counts, 65535).astype(np.uint16), low, high


def from_buckets(
    low: float, high: float, n: float, total: float, squares: float, limits: Any, counts: Any
) -> Entry:
    """The statistics of numbers that were counted elsewhere: ``counts[k]`` of them lie below ``limits[k]``.

    Each bucket is put where its middle lies; which numbers are negative or zero follows from that.
    """
    mean = total / n if n else _NAN
    rms = (squares / n) ** 0.5 if n else _NAN
    std = max(squares / n - mean * mean, 0.0) ** 0.5 if n else _NAN
    lower = np.concatenate([[low], limits[:-1]])
    middle = (np.clip(lower, low, high) + np.clip(limits, low, high)) / 2
    width = high - low
    place = (
        ((middle - low) * (HIST_BINS / width)).astype(np.int64)
        if width > 0
        else np.zeros(len(counts), np.int64)
    )
    hist = np.bincount(np.clip(place, 0, HIST_BINS - 1), counts, HIST_BINS)
    if hist.max(initial=0) > 65535:
        hist = hist * (65535 / hist.max())
    health = [
        0,
        counts[middle < 0].sum(),
        counts[middle == 0].sum(),
        counts[middle > 0].sum(),
        0,
        0,
    ]
    stats = [n, mean, std, low, high, rms, max(-low, high), _NAN]
    return Entry(
        np.array(stats, np.float32),
        np.array(health, np.uint32),
        hist.astype(np.uint16),
        low,
        high,
        None,
    )
