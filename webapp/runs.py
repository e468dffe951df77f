"""Which runs there are: the traces of one folder, or a single trace file.

A run is asked for by its name (the file's stem), never by a path, so a request can only reach
files that the folder lists.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from graphscope import units
from graphscope.errors import TraceError
from graphscope.trace.format import SUFFIX
from graphscope.trace.reader import TraceReader
from graphscope.webapp.shared import Shared

LOOK = 0.5  # seconds after which a folder is listed again: its own time may be too coarse to tell
REST = 5.0  # the same, where its time lies so far back that it would have told
_Key = tuple[int, int]  # inode and creation: a file of the same name may be another run


class RunDirectory:
    """The runs under ``path``; looked up anew at each question, so new runs appear by themselves."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._readers: dict[str, tuple[_Key, TraceReader]] = {}
        self._kept: dict[str, tuple[object, Any]] = {}
        self._entries: dict[str, tuple[object, dict[str, Any]]] = {}
        self._names: tuple[float, int, tuple[str, ...]] = (-1e9, -1, ())
        self.shared = Shared()

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

    def reader(self, run: str, files: dict[str, Path] | None = None) -> TraceReader:
        """The (shared) reader of a run; who asks for many gives the ``files()`` once.

        Raises: TraceError when there is no such run, or its file cannot be read.
        """
        if files is None:
            same = self._known(run)
            if same is not None:
                return same
            files = self.files()
        file = files.get(run)
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

    def _known(self, run: str) -> TraceReader | None:
        """The reader of a run that was asked for before and whose file is still the same: the folder is not listed."""
        with self._lock:
            known = self._readers.get(run)
        if known is None:
            return None
        try:
            return known[1] if _identity(known[1].path) == known[0] else None
        except OSError:
            return None

    def names(self) -> tuple[str, ...]:
        """The names of ``files()``, A to Z: every tab asks at every poll, so they are listed anew only when
        the folder changed, or after a while."""
        try:
            changed = self.path.stat().st_mtime_ns
        except OSError:
            changed = -1
        then, seen, names = self._names
        fresh = abs(time.time() - changed / 1e9) < REST
        if changed != seen or time.monotonic() - then > (LOOK if fresh else REST):
            names = tuple(sorted(self.files()))
            self._names = (time.monotonic(), changed, names)
        return names

    def written(self, runs: Sequence[str]) -> int:
        """A number that changes when one of these runs was written to; it costs a look at their files, not in them."""
        known, found = set(self.names()), []
        for run in runs:
            try:
                file = self.path if self.path.is_file() else self.path / f"{run}{SUFFIX}"
                found.append(_stamp(file) if run in known else None)
            except OSError:  # gone in the meantime
                found.append(None)
        return hash(tuple(found)) & 0xFFFFFFFF

    def runs(self) -> list[dict[str, Any]]:
        """One entry per run for the run picker, newest first; a run that cannot be read says why.

        A file that did not change since it was last listed is not opened again.
        """
        listed, entries = [], {}
        for run, file in self.files().items():
            try:
                key: object = _stamp(file)
            except OSError:  # gone in the meantime
                continue
            known = self._entries.get(run)
            if known is None or known[0] != key or known[1]["state"] in ("live", "waiting"):
                known = (key, self._entry(run, file))
            entries[run] = known
            listed.append(known[1])
        self._entries = entries
        return listed

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

    def _entry(self, run: str, file: Path) -> dict[str, Any]:
        with self._lock:
            mine = self._readers.get(run)
        try:
            if mine is not None and mine[0] == _identity(file):
                return _facts(run, file, mine[1])
            # Opened for this list only: a hundred runs must not hold a hundred files open.
            with TraceReader(file) as reader:
                return _facts(run, file, reader)
        except (TraceError, OSError) as error:
            return {
                "run": run,
                "state": "damaged",
                "steps": 0,
                "created": None,
                "written": None,
                "loss": "",
                "error": str(error),
            }


def _facts(run: str, file: Path, reader: TraceReader) -> dict[str, Any]:
    header, revision = reader.header(), reader.revision()
    last, state = revision["last_step"], revision["state"]
    loss = reader.last_loss()
    return {
        "run": run,
        "state": "waiting" if state == "live" and revision["steps"] < 0 else state,
        "steps": 0 if last is None else int(last) + 1,
        "created": header.get("created"),
        "written": round(_written(file), 3),
        "loss": "" if loss is None else units.loss(loss),
        "error": reader.damage,
    }


def _identity(file: Path) -> _Key:
    facts = file.stat()
    return facts.st_ino, facts.st_dev


def _stamp(file: Path) -> object:
    """Changes with every write to a trace, also to the file beside it."""
    facts = file.stat()
    try:
        wal = Path(f"{file}-wal").stat()
        beside: object = (wal.st_mtime_ns, wal.st_size)
    except OSError:
        beside = None
    return facts.st_ino, facts.st_mtime_ns, facts.st_size, beside


def _written(file: Path) -> float:
    """When a trace was last written; while it is recorded, its newest part is in the file beside it."""
    last = file.stat().st_mtime
    try:
        return max(last, Path(f"{file}-wal").stat().st_mtime)
    except OSError:
        return last
