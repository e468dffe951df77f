"""Version counters: who wrote into which memory, and does a gradient still need what stood there?

Nothing is counted on tensors. A write stores its place in the order of all nodes (``next_seq``) for the
owner of the memory, so that views, ``detach()`` and the base share it, and in one number, ``last``. A
backward compares ``last`` with its oldest node and looks closer only if something happened since.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any
from weakref import ref

from graphscope.engine.frames import user_frame
from graphscope.engine.tape import Node, next_seq

INFINITY = float("inf")
last: float = 0
"""The newest event that a backward must look at: a write, a hook; infinity while one always must."""
_held = 0


class Write:
    """The newest write into one piece of memory, and how many there were."""

    __slots__ = ("seq", "count", "row", "frame", "memory")

    def __init__(self, memory: Any) -> None:
        self.memory = memory  # a weak reference: when the memory dies, so does this entry
        self.count = 0
        self.seq = 0
        self.row: Any = None
        self.frame: tuple[Any, int] | None = None


_written: dict[int, Write] = {}
_quiet: dict[Any, bool] = {}


def event(seq: int) -> None:
    """A backward that reaches nodes as old as ``seq`` must look closer."""
    global last
    if seq > last:
        last = seq


def hold() -> None:
    """Every backward must look closer until ``release()``."""
    global last, _held
    _held += 1
    last = INFINITY


def release() -> None:
    """Ends one ``hold()``."""
    global last, _held
    _held -= 1
    if not _held:
        last = next_seq()


def owner(a: Any) -> Any:
    """The array that owns the memory of ``a``: all views of one memory have the same."""
    held = getattr(a, "primal", a)  # a dual number's memory is that of its value
    while True:
        base = held.base
        if base is None or not hasattr(base, "dtype"):
            return held
        held = base


def wrote(a: Any, row: Any) -> None:
    """The op ``row`` has just written into ``a``."""
    held = owner(a)
    key = id(held)
    found = _written.get(key)
    if found is None:
        found = _written[key] = Write(ref(held, partial(_forget, key)))
    found.count += 1
    found.row = row
    found.seq = next_seq()
    event(found.seq)
    quiet = _quiet.get(row)
    if quiet is None:
        # Optimizers write every parameter in every step; their line helps nobody.
        module = getattr(row.kernel, "__module__", None) or ""
        quiet = _quiet[row] = module.startswith("graphscope.ops.update")
    frame = None if quiet else user_frame(2)
    found.frame = None if frame is None else (frame.f_code, frame.f_lasti)


def _forget(key: int, _: Any) -> None:
    _written.pop(key, None)


def version(a: Any) -> int:
    """How often the memory of ``a`` was written in place."""
    found = _written.get(id(owner(a)))
    return 0 if found is None else found.count


def newest_write(a: Any) -> Write | None:
    """The newest write into the memory of ``a``, if there was one."""
    return _written.get(id(owner(a)))


# ---------------------------------------------------------------- views


def register_view(base: Any, view: Any) -> None:
    """``view`` (a tensor of a graph) looks into ``base``: it gets a new history when base is written."""
    try:
        table = base._views
    except AttributeError:
        base._views = [ref(view)]
        return
    table.append(ref(view))
    if len(table) & 63 == 0:  # a base that lives long forgets views that died
        table[:] = [r for r in table if r() is not None]


# ---------------------------------------------------------------- the check


def stale(node: Node) -> tuple[int, Any, Write] | None:
    """Position, array and write of the first saved value of ``node`` that was overwritten since."""
    seq = node.seq
    saved = node.saved
    if saved is None:
        return None
    for i, a in enumerate(saved):
        if a is None:
            continue
        parts = a if type(a) is tuple else (a,)
        for part in parts:
            array = getattr(part, "_a", getattr(part, "array", part))
            if not hasattr(array, "base"):
                continue
            found = _written.get(id(owner(array)))
            if found is not None and found.seq > seq:
                return i, array, found
    return None


def place(frame: tuple[Any, int] | None) -> str:
    """``train.py:31, in step: `h += 1` `` for a code object and a position in it."""
    if frame is None:
        return ""
    code, lasti = frame
    line = code.co_firstlineno
    for start, end, number in code.co_lines():
        if start <= lasti < end and number is not None:
            line = number
            break
    return place_of_line(code.co_filename, line)


def place_of_line(filename: str, line: int) -> str:
    """``train.py:31: `h += 1` `` for a line of a file."""
    import linecache

    text = linecache.getline(filename, line).strip()
    where = f"{os.path.basename(filename)}:{line}"
    return f"{where}: `{text}`" if text else where
