"""Which runs there are: the traces of one folder, or a single trace file.

A run is asked for by its name (the file's stem), never by a path, so a request can only reach
files that the folder lists.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graphscope.errors import TraceError
from graphscope.trace.format import SUFFIX
from graphscope.trace.reader import TraceReader

_Key = tuple[int, int]  # inode and creation: a file of the same name may be another run


class RunDirectory:
    """The runs under ``path``; looked up anew at each question, so new runs appear by themselves."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._readers: dict[str, tuple[_Key, TraceReader]] = {}
        self._kept: dict[str, tuple[object, Any]] = {}

    def files(self) -> dict[str, Path]:
        """Name to file, newest first (by the time of the last write)."""
        found = [self.path] if self.path.is_file() else list(self._listed())
        dated = []
        for file in found:
            try:
                dated.append((_written(file), file.stem, file))
            except OSError:  # gone in the meantime
                continue
        return {stem: file for _, stem, file in sorted(dated, reverse=True)}

    def _listed(self) -> list[Path]:
        if not self.path.is_dir():
            return []
        return [f for f in self.path.glob(f"*{SUFFIX}") if f.is_file()]

    def reader(self, run: str) -> TraceReader:
        """The (shared) reader of a run.

        Raises: TraceError when there is no such run, or its file cannot be read.
        """
        file = self.files().get(run)
        if file is None:
            with self._lock:
                self._readers.pop(run, None)
            name = run if len(run) <= 60 else run[:57] + "..."
            raise TraceError(f"There is no run {name!r}." if run else "There is no run yet.")
        try:
            facts = file.stat()
        except OSError as error:
            raise TraceError(f"The run {run!r} cannot be read: {error.strerror}.") from error
        key = (facts.st_ino, facts.st_dev)
        with self._lock:
            known = self._readers.get(run)
            if known is not None and known[0] == key:
                return known[1]
        # Outside the lock: opening a damaged file may take a while, and the others go on.
        reader = TraceReader(file)
        with self._lock:
            self._readers[run] = (key, reader)
        return reader

    def runs(self) -> list[dict[str, Any]]:
        """One entry per run for the run picker; a run that cannot be read says why."""
        return [self._entry(run) for run in self.files()]

    def once(self, run: str, key: object, make: Callable[[], Any]) -> Any:
        """What ``make`` gave for this run, made again only when the key is another."""
        with self._lock:
            known = self._kept.get(run)
        if known is not None and known[0] == key:
            return known[1]
        made = make()
        with self._lock:
            self._kept[run] = (key, made)
        return made

    def newest(self) -> str | None:
        """The run that was written last and can be read; a damaged one only if there is no other."""
        files = self.files()
        for run in files:
            try:
                self.reader(run)
            except TraceError:
                continue
            return run
        return next(iter(files), None)

    def _entry(self, run: str) -> dict[str, Any]:
        try:
            reader = self.reader(run)
            header = reader.header()
            revision = reader.revision()
        except TraceError as error:
            return {
                "run": run,
                "state": "damaged",
                "steps": 0,
                "created": None,
                "error": str(error),
            }
        last = revision["last_step"]
        return {
            "run": run,
            "state": revision["state"],
            "steps": 0 if last is None else int(last) + 1,
            "created": header.get("created"),
            "error": reader.damage,
        }


def _written(file: Path) -> float:
    """When a trace was last written; while it is recorded, its newest part is in the file beside it."""
    last = file.stat().st_mtime
    try:
        return max(last, Path(f"{file}-wal").stat().st_mtime)
    except OSError:
        return last
