"""Which line of the user's program is running: the innermost frame outside this package."""

from __future__ import annotations

import os
import sys
from inspect import CO_OPTIMIZED
from types import CodeType, FrameType
from typing import Any

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
# Examples and data sets in the package are programs like a user's; the engine is not.
_ours: dict[str, bool] = {}


def is_ours(code: CodeType) -> bool:
    """Whether a code object belongs to the package itself (cached by its file)."""
    name = code.co_filename
    found = _ours.get(name)
    if found is None:
        found = name.startswith(PACKAGE) and not name.startswith(PACKAGE + "cli" + os.sep)
        _ours[name] = found
    return found


def user_frame(depth: int = 1) -> FrameType | None:
    """The innermost frame outside the package, or None at the very top."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None and (_ours.get(frame.f_code.co_filename) or is_ours(frame.f_code)):
        frame = frame.f_back
    return frame


def locals_of(frame: FrameType) -> list[tuple[str, Any]]:
    """A frame's variables, without keeping what they hold alive.

    Before Python 3.13 the interpreter keeps the snapshot that ``f_locals`` of a function gives: a tensor in it would
    live until somebody asks again.
    """
    snapshot = frame.f_locals
    found = list(snapshot.items())
    if type(snapshot) is dict and frame.f_code.co_flags & CO_OPTIMIZED:
        snapshot.clear()
    return found


def user_line(depth: int = 1) -> str:
    """``train.py:31`` for the user's line that is running, or an empty text."""
    frame = user_frame(depth + 1)
    if frame is None:
        return ""
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
