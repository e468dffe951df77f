"""Which line of the user's program is running: the innermost frame outside this package."""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType

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


def user_line(depth: int = 1) -> str:
    """``train.py:31`` for the user's line that is running, or an empty text."""
    frame = user_frame(depth + 1)
    if frame is None:
        return ""
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
