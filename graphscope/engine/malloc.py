"""Keep freed memory in the process: glibc otherwise hands big arrays back and faults them in again.

A fresh array above 128 KiB costs a page fault per 4 KiB (about 3,000 a step in a small convnet, half of its
time). Two calls of glibc's ``mallopt`` at import stop that; the process keeps the memory of its largest
step. ``GRAPHSCOPE_MALLOC=0`` in the environment leaves the allocator alone. Other C libraries: no effect.
Source: mallopt(3), M_TRIM_THRESHOLD and M_MMAP_THRESHOLD.
"""

from __future__ import annotations

import ctypes
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEEP = 1 << 30


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory; returns whether it was told."""
    if os.environ.get("GRAPHSCOPE_MALLOC") == "0" or not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _KEEP) and mallopt(_MMAP_THRESHOLD, _KEEP))
