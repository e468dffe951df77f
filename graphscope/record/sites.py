"""Source lines as integers: the first frame outside the package, cached by code object and position.

``f_lasti`` is read, not ``f_lineno``: finding the line number costs more than the rest together.
"""

from __future__ import annotations

from sys import _getframe
from types import CodeType, FrameType
from typing import Any

from graphscope.engine.frames import is_ours


class Sites:
    """Numbers the places in the user's program from which ops were called."""

    def __init__(self) -> None:
        # By id of the code object, whose hash is slow; the object is kept, so the id stays its own.
        self._codes: dict[int, dict[int, int] | None] = {}
        self._keep: list[CodeType] = []
        self._by_line: dict[tuple[str, int], int] = {}
        self.lines: list[tuple[str, int, str]] = []

    def here(self, depth: int) -> int:
        """The id of the user's place, ``depth`` frames up at least; -1 if there is none."""
        try:
            frame: FrameType | None = _getframe(depth)
        except ValueError:  # called from the very bottom of the stack
            return -1
        codes = self._codes
        while frame is not None:
            code = frame.f_code
            try:
                table = codes[id(code)]
            except KeyError:
                table = self._learn(code)
            if table is not None:
                found = table.get(frame.f_lasti)
                return self._new(frame, table) if found is None else found
            frame = frame.f_back
        return -1

    def is_ours(self, code: CodeType) -> bool:
        """Whether a code object belongs to the package; it is kept, so that it can be known by its address."""
        if id(code) not in self._codes:
            self._learn(code)
        return self._codes[id(code)] is None

    def at(self, frame: FrameType) -> int:
        """The id of the place at which a frame of the user's is."""
        code = frame.f_code
        table = self._codes[id(code)] if id(code) in self._codes else self._learn(code)
        assert table is not None
        found = table.get(frame.f_lasti)
        return self._new(frame, table) if found is None else found

    def _learn(self, code: CodeType) -> dict[int, int] | None:
        table: dict[int, int] | None = None if is_ours(code) else {}
        self._codes[id(code)] = table
        self._keep.append(code)
        return table

    def _new(self, frame: Any, table: dict[int, int]) -> int:
        code = frame.f_code
        key = (code.co_filename, frame.f_lineno)
        site = self._by_line.get(key)
        if site is None:
            site = self._by_line[key] = len(self.lines)
            self.lines.append((*key, code.co_name))
        table[frame.f_lasti] = site
        return site
