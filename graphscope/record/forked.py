"""After a fork the child is not recorded: the file, and the thread that writes it, are the parent's."""

from __future__ import annotations

import ctypes
import os
from typing import Any

from graphscope.engine import dispatch


def let_go(profiles: list[Any]) -> None:
    """In the child: no recorder is on, and what was being recorded is not touched again.

    The connection is kept until the process ends: SQLite forbids to use it, and also to close it, after a fork.
    Source: https://sqlite.org/howtocorrupt.html, section 2.6.
    """
    dispatch.set_recorder(None)
    for profile in profiles:
        pump = profile._pump
        if pump is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(pump.writer._db))
        profile._pump = profile._recorder = None
    profiles.clear()


def watch(profiles: list[Any]) -> None:
    """Let go of these (those that run at that moment) in every child."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: let_go(profiles))
