"""Where a program ended by an exception: the user's line and the traceback, for the trace."""

from __future__ import annotations

import sysconfig
import traceback
from typing import Any

from graphscope.engine.frames import is_ours

# Python's own modules and installed packages: a program's own line is above them.
_LIBRARIES = tuple({sysconfig.get_path(k) for k in ("stdlib", "purelib", "platlib")}) + ("<frozen",)
LONGEST = 20_000  # characters of a traceback that are kept


def facts_of(error: BaseException) -> dict[str, Any]:
    """``error_file``, ``error_line``, ``error_func`` of the deepest frame of the program itself, and ``traceback``."""
    facts: dict[str, Any] = {}
    for frame, line in traceback.walk_tb(error.__traceback__):
        code = frame.f_code
        if not is_ours(code) and not code.co_filename.startswith(_LIBRARIES):
            facts = {"error_file": code.co_filename, "error_line": line, "error_func": code.co_name}
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    if len(text) > LONGEST:  # the first call and the last ones say most
        text = text[: LONGEST // 4] + "\n  ...\n" + text[-LONGEST * 3 // 4 :]
    return facts | {"traceback": text}
