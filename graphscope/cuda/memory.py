"""How much GPU memory is used. Without a GPU all of it is zero, as in torch's CPU build."""

from __future__ import annotations

from typing import Any

from graphscope.cuda._gpu import gpu, gpu_or_none
from graphscope.engine.backend import MemoryStats
from graphscope.units import bytes_

_NOTHING = MemoryStats(0, 0, 0, None)


def _stats(device: Any) -> MemoryStats:
    found = gpu_or_none(device)
    if found is None:
        return _NOTHING
    return found.memory_stats()  # type: ignore[no-any-return]


def memory_allocated(device: Any = None) -> int:
    """Bytes that tensors use now."""
    return _stats(device).used or 0


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that tensors have used since the start, or the last reset."""
    return _stats(device).peak or 0


def memory_reserved(device: Any = None) -> int:
    """Bytes that the pool holds from the GPU, used or not."""
    return _stats(device).reserved or 0


def max_memory_reserved(device: Any = None) -> int:
    """Bytes that the pool holds from the GPU: it gives none back by itself, so now is the most."""
    return _stats(device).reserved or 0


def reset_peak_memory_stats(device: Any = None) -> None:
    """Count ``max_memory_allocated`` from here."""
    gpu(device).reset_peak()


reset_max_memory_allocated = reset_peak_memory_stats


def empty_cache() -> None:
    """Give memory that no tensor uses back to the GPU."""
    found = gpu_or_none()
    if found is not None:
        found.free_all_blocks()


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Bytes of the GPU that are free, and all, counting every process."""
    free, total = gpu(device).memory_info()
    return free, total


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> None:
    """Refuse to hold more than this share of the GPU's memory."""
    found = gpu(device)
    found.set_limit(int(fraction * found.memory_info()[1]))


def memory_stats(device: Any = None) -> dict[str, int]:
    """The pool's numbers under torch's keys, as far as they are known."""
    s = _stats(device)
    return {
        "allocated_bytes.all.current": s.used or 0,
        "allocated_bytes.all.peak": s.peak or 0,
        "reserved_bytes.all.current": s.reserved or 0,
    }


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """The pool's numbers as three lines of text."""
    s = _stats(device)
    rows = (("in tensors", s.used), ("at the peak", s.peak), ("held by the pool", s.reserved))
    return "\n".join(f"{name:<18}{bytes_(n or 0)}" for name, n in rows)
