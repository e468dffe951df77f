"""Whether the program that records a run is still there: asked of the operating system, no silence needed.

A program that is killed says nothing. Its heartbeat stops, but so does that of a program which is busy outside a
step; that its process is gone is certain, and known at once. The mark names a process on one machine, in one
process namespace, by its number and by when it began (numbers are given out again). Where this cannot be asked
(another machine, a shared folder, a system without /proc) nothing is claimed.
"""

from __future__ import annotations

import os
from functools import cache
from hashlib import blake2s
from pathlib import Path


def mark() -> str:
    """This process, for ``gone``; empty where the system has no /proc."""
    here, began = _machine(), _began(os.getpid())
    return f"{here}:{os.getpid()}:{began}" if here and began else ""


def gone(mark: str) -> bool:
    """Whether the marked process has certainly ended; False when that cannot be known from here."""
    machine, _, rest = mark.partition(":")
    pid, _, began = rest.partition(":")
    if not machine or machine != _machine() or not (pid.isascii() and pid.isdigit()):
        return False
    return _began(int(pid)) != began


@cache
def _machine() -> str:
    """Machine, start of it, and process namespace, as a hash: a trace tells nobody where it was made."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
    return blake2s(f"{boot} {space}".encode(), digest_size=8).hexdigest()


def _began(pid: int) -> str:
    """When a process began, in ticks since the machine did; empty when there is none or it has ended.

    Source: proc_pid_stat(5): field 3 is the state (Z and X have ended), field 22 the start.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()  # the name before may hold anything
    if len(fields) < 20 or fields[0] in "ZX":
        return ""
    return fields[19]
