"""The GPU without its maker's name, as in ``torch.accelerator``."""

from __future__ import annotations

from typing import Any

from graphscope.cuda import (
    current_device,
    device_count,
    empty_cache,
    is_available,
    max_memory_allocated,
    memory_allocated,
    memory_reserved,
    reset_peak_memory_stats,
    set_device,
    synchronize,
)
from graphscope.engine.device import device

__all__ = [
    "current_accelerator", "current_device_index", "device_count", "empty_cache", "is_available",
    "max_memory_allocated", "memory_allocated", "memory_reserved", "reset_peak_memory_stats",
    "set_device_index", "synchronize",
]  # fmt: skip


def current_accelerator(check_available: bool = False) -> Any:
    """``device('cuda')`` where there is a GPU, else None."""
    return device("cuda") if is_available() else None


current_device_index = current_device
set_device_index = set_device
