"""Are indices inside their dimension? At once on the host; without waiting on a device.

numpy raises for an index that is too large, but lets negative ones count from the end where torch
refuses them (gather, index_select); CuPy and the pretend GPU wrap both silently. On a device the
answer stays there as a flag, and is read when the host waits for the device anyway.
"""

from __future__ import annotations

import os
from functools import reduce
from operator import or_
from typing import Any

import numpy as np

from graphscope.errors import IndexRangeError

# Flags on devices that nobody has read yet: (0-d bool array, words).
_unread: list[tuple[Any, str]] = []
# Some small kernels for each indexing op on a device; GRAPHSCOPE_CHECK_INDEX=0 saves them.
_ON = os.environ.get("GRAPHSCOPE_CHECK_INDEX", "1") != "0"


def outside(index: Any, dim: int, size: int, negative: bool) -> str:
    """Words for an index that its dimension does not have."""
    what = index if isinstance(index, str) else f"index {index}"
    if not size:
        return f"{what} lies outside of dimension {dim}, which is empty (size 0)"
    first = -size if negative else 0
    return (
        f"{what} lies outside of dimension {dim}, which has size {size}: take {first}..{size - 1}"
    )


def check(index: Any, size: int, dim: int, negative: bool = False) -> None:
    """Raise if an element of ``index`` is not in 0..size-1 (with ``negative`` not in -size..size-1).

    Raises: IndexRangeError; for arrays of a device at the next ``settle``.
    """
    if not index.size:
        return
    low = -size if negative else 0
    if isinstance(index, np.ndarray):
        if not negative and index.dtype == np.int64 and index.view(np.uint64).max() < size:
            return  # a negative number is a huge one here: one look instead of two
        least, most = index.min(), index.max()
        if least < low or most >= size:
            bad = int(most if most >= size else least)
            raise IndexRangeError(outside(bad, dim, size, negative))
    elif _ON:
        flag = (index.min() < low) | (index.max() >= size)
        _unread.append((flag, outside("an index", dim, size, negative)))
        if len(_unread) > 256:
            settle()


def settle() -> None:
    """Read the flags of earlier ops, all with one transfer. For where the host waits anyway.

    Raises: IndexRangeError for the first op that had an index out of range.
    """
    if not _unread:
        return
    flags, _unread[:] = list(_unread), []
    for kind in {type(flag) for flag, _ in flags}:
        mine = [(flag, words) for flag, words in flags if type(flag) is kind]
        if not bool(reduce(or_, [flag for flag, _ in mine])):
            continue
        for flag, words in mine:
            if bool(flag):
                raise IndexRangeError(
                    f"{words}, in an op that ran on the device before this line. Run the program on the cpu to see which"
                )
