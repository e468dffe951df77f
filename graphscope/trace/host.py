"""The kind of machine a run was made on: processor and number of cores, and nothing that names the machine.

Times are compared with what a machine can do; a trace that was sent by mail must not be measured against the
reader's own.
"""

from __future__ import annotations

import os
import platform
from functools import cache

_MOST = 4096  # bytes of /proc/cpuinfo that are read: the first processor's part


@cache
def host() -> str:
    """``AMD EPYC 7B13, x86_64, 2 cores``: the same text on the same kind of machine."""
    name = _processor() or platform.processor()
    cores = os.cpu_count() or 0
    parts = [name, platform.machine(), f"{cores} core{'s' * (cores != 1)}" if cores else ""]
    return ", ".join(dict.fromkeys(part for part in parts if part))


def _processor() -> str:
    """Linux's own name of the processor; empty elsewhere and on processors that have none there."""
    try:
        with open("/proc/cpuinfo", errors="replace") as file:
            text = file.read(_MOST)
    except OSError:
        return ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return " ".join(value.split())
    return ""
