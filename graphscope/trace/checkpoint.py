"""What was committed moves from the log into the file beside the writing: that waits for the disk.

SQLite would do it within a commit, as soon as the log has 4 MB. On a busy disk that takes as long as all the
writing of some seconds, and a program that is killed meanwhile loses those.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from pathlib import Path
from threading import Thread
from urllib.parse import quote

PAGES = 1_000  # in the log, from which on they are moved
MOST = 4_000  # from which on the writer does it itself: commits came so fast that the log never was empty
_FRAMES_AT, _MOVED_AT = (
    16,
    96,
)  # in the -shm file: how many pages the log has, and how many were moved
# Source: sqlite.org/walformat.html, "The WAL-Index Header"; numbers are in the machine's own order.


class Checkpoints:
    """Moves the log of a trace whenever it is long; ``look`` is called after each commit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread: Thread | None = None

    def look(self) -> None:
        """Begin to move the log where it is long and nobody does it yet."""
        thread = self._thread
        if (thread is None or not thread.is_alive()) and self._waiting() >= PAGES:
            self._thread = Thread(target=self._move, name="graphscope-checkpoint", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Return when nobody moves the log."""
        if self._thread is not None:
            self._thread.join()

    def _waiting(self) -> int:
        """Pages in the log that are not in the file."""
        try:
            if os.stat(f"{self.path}-wal").st_size < PAGES * 4096:
                return 0
            with open(f"{self.path}-shm", "rb") as file:
                head = file.read(_MOVED_AT + 4)
            frames, moved = (
                struct.unpack_from("=I", head, at)[0] for at in (_FRAMES_AT, _MOVED_AT)
            )
            return int(frames - moved)
        except (OSError, struct.error):  # there is no such file here: the writer does it itself
            return 0

    def _move(self) -> None:
        try:
            where = f"file:{quote(str(self.path.absolute()))}?mode=rw"  # never to be made anew
            db = sqlite3.connect(where, uri=True, isolation_level=None)
            try:
                db.execute("PRAGMA wal_checkpoint(PASSIVE)")  # waits for nobody, and nobody for it
            finally:
                db.close()
        except sqlite3.Error:
            pass  # the writer will say what is wrong with the file
