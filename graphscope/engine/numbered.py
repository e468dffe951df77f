"""What carries a recorder's number: the bases of tensors and of tape nodes.

A recorder numbers what a step makes, so that it knows an op's inputs again. Numbers are written for every op, and
where there is a C compiler they are plain integers in the object (``_follow.c``): then making one takes no memory, and
comparing two touches nothing else. 0: no number; that is what a new object has.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

VERSION = 7  # of what the compiled module offers; one that was left behind by an older version is not used


def _compiled() -> Any:
    """The compiled module, or None."""
    if os.environ.get("GRAPHSCOPE_PURE"):
        return None
    # It runs under Python's lock: a Python without one would switch it on again.
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return None
    try:
        found = import_module("graphscope.engine._follow")
    except ImportError:
        return None  # installed where there is no compiler
    return found if getattr(found, "VERSION", 0) == VERSION else None


compiled = _compiled()
if TYPE_CHECKING or compiled is None:

    class NumberedValue:
        """A tensor's base: ``_rid`` is the recorder's number."""

        __slots__ = ("_rid",)
        _rid: int

    class NumberedNode:
        """A tape node's base: ``rid`` is the recorder's number of its first output."""

        __slots__ = ("rid",)
        rid: int
else:
    NumberedValue, NumberedNode = compiled.NumberedValue, compiled.NumberedNode
# Lines that generated code needs where a new object has no number by itself.
UNNUMBERED = compiled is None
