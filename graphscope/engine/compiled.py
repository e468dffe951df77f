"""Code of generated functions, kept beside Python's own: compiling them takes a quarter of an import otherwise.

The file lies in ``__pycache__`` next to ``straight`` and is as much to be trusted as what lies there. It is made again
where a text is new, and never missed: a folder that cannot be written costs the time of compiling.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import sys
from hashlib import sha256
from importlib.util import MAGIC_NUMBER, cache_from_source
from types import CodeType
from typing import Any


class Compiled:
    """Code by its text, from a file that goes with the module ``beside``."""

    def __init__(self, beside: str) -> None:
        self._known: dict[bytes, CodeType] = {}
        self._used: dict[bytes, CodeType] = {}
        self._new = False
        self.path: str | None = None
        with contextlib.suppress(NotImplementedError):  # Python keeps no compiled files here
            self.path = cache_from_source(beside).removesuffix(".pyc") + ".codes"
        self._load()

    def _load(self) -> None:
        if self.path is None:
            return
        try:
            with open(self.path, "rb") as file:
                digest, data = file.read(32), file.read()
            if sha256(data).digest() == digest:  # it may be cut off, or of two who wrote at once
                found = marshal.loads(data)
                self._known = found if isinstance(found, dict) else {}
        except (OSError, ValueError, EOFError, TypeError):
            return  # none there yet, or of another Python: it is made again

    def code(self, text: str, path: str) -> CodeType:
        """The text, compiled as of a file at ``path``."""
        key = sha256(MAGIC_NUMBER + f"{path}\n{text}".encode()).digest()
        found: Any = self._known.get(key)
        if found is None:
            found = compile(text, path, "exec")
            self._new = True
        self._used[key] = found
        return found  # type: ignore[no-any-return]

    def save(self) -> None:
        """Keep what was used, if something of it was new."""
        if not self._new or self.path is None or sys.dont_write_bytecode:
            return
        data = marshal.dumps(self._used)
        beside = f"{self.path}.{os.getpid()}"
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            with open(beside, "wb") as file:
                file.write(sha256(data).digest() + data)
            os.replace(beside, self.path)
        except OSError:
            with contextlib.suppress(OSError):
                os.remove(beside)
