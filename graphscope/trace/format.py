"""Opening a trace file: is it one, is it whole, and is it of a version that we can read?

Every way in which a file can disappoint becomes one sentence in a ``TraceError``.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from graphscope.errors import TraceError
from graphscope.trace import schema
from graphscope.trace.salvage import intact

SUFFIX = ".gscope"
MAGIC = b"SQLite format 3\0"


def _steps_stand_alone(copy: sqlite3.Connection) -> None:
    copy.execute("ALTER TABLE steps ADD COLUMN looked INTEGER NOT NULL DEFAULT 1")
    copy.execute("ALTER TABLE steps ADD COLUMN held INTEGER NOT NULL DEFAULT 1")
    copy.execute("ALTER TABLE steps ADD COLUMN chunk INTEGER")
    copy.execute("ALTER TABLE steps ADD COLUMN place INTEGER")
    copy.execute("UPDATE steps SET chunk = id, place = 0 WHERE columns IS NOT NULL")
    for phase in (*schema.PHASES, "copy"):
        copy.execute(f"ALTER TABLE steps ADD COLUMN {phase}_ns INTEGER")
    for table in ("devices", "survivors", "alive"):
        copy.execute(re.findall(rf"CREATE TABLE {table} [^;]+;", schema.SQL)[0])
    copy.execute(
        "CREATE TABLE costs (shape_set INTEGER PRIMARY KEY, flops BLOB NOT NULL, traffic BLOB NOT NULL)"
    )
    copy.execute(
        "CREATE TABLE media (id INTEGER PRIMARY KEY, tag TEXT NOT NULL, step INTEGER NOT NULL,"
        " kind TEXT NOT NULL, data BLOB NOT NULL, wall_ns INTEGER NOT NULL)"
    )


# One function per format version that old files must be lifted from: ``MIGRATIONS[v]`` gives the
# statements that make a copy of a version ``v`` file (in memory) look like version ``v + 1``.
MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {
    1: _steps_stand_alone,
    # Columns that are squeezed say so themselves, and how.
    2: lambda copy: None,
    3: lambda copy: None,
}

# What SQLite raises on a damaged file. Its messages quote the file, so they may not be UTF-8.
SQL_ERRORS = (sqlite3.Error, UnicodeError)

_LATER = {
    "facts",
    "stretches",
}  # tables that a whole file of this format may lack, because it was written before them
_TABLES = frozenset(re.findall(r"CREATE TABLE (\w+)", schema.SQL)) - _LATER


def open_trace(path: Path | str) -> sqlite3.Connection:
    """A read-only connection to the trace at ``path``, checked.

    Raises: TraceError saying what is wrong with the file.
    """
    path = Path(path)
    _check_bytes(path)
    try:
        connection = _connect(path)
    except SQL_ERRORS as error:
        raise TraceError(f"{path} cannot be opened: {_say(error)}.") from error
    try:
        version = _check_tables(connection, path)
    except SQL_ERRORS as error:
        connection.close()
        raise TraceError(f"{path} is damaged: {_say(error)}.") from error
    except TraceError:
        connection.close()
        raise
    if version >= schema.ALIKE:
        if not is_salvaged(connection):
            return connection
        try:
            return intact(connection)
        except SQL_ERRORS as error:
            raise TraceError(f"{path} is damaged: {_say(error)}.") from error
        finally:
            connection.close()
    try:
        return _migrate(connection, version)
    except SQL_ERRORS as error:  # it is not of the format that it says
        raise TraceError(f"{path} is damaged: {_say(error)}.") from error


def is_trace(path: Path | str) -> bool:
    """Whether ``path`` opens as a trace (a damaged or foreign file does not)."""
    try:
        open_trace(path).close()
    except TraceError:
        return False
    return True


def newest(folder: Path | str) -> Path:
    """The trace in ``folder`` that was written to last.

    Raises: TraceError when there is none.
    """
    folder = Path(folder)
    found = [p for p in folder.glob(f"*{SUFFIX}") if p.is_file() and p.stat().st_size]
    if not found:
        raise TraceError(f"No run in {folder}: there is no {SUFFIX} file in this folder.")
    return max(found, key=_touched)


def find_run(text: Path | str) -> Path:
    """The trace file that a user means; ``runs/digits`` also finds ``runs/digits.gscope``, a folder its newest.

    Raises: TraceError when there is none.
    """
    path = Path(text)
    if path.is_dir():
        return newest(path)
    if not path.exists() and path.suffix != SUFFIX:
        named = Path(f"{path}{SUFFIX}")
        if named.is_file():
            return named
    if not path.exists():
        raise TraceError(f"{path} does not exist.")
    return path


def _touched(path: Path) -> float:
    wal = Path(f"{path}-wal")
    times = [path.stat().st_mtime]
    if wal.exists():
        times.append(wal.stat().st_mtime)
    return max(times)


def new_run_path(folder: Path | str, name: str) -> Path:
    """A fresh file for a run of this name: ``digits.gscope``, else ``digits-2.gscope``.

    The file is created empty in one atomic step, so that two programs that start together get two
    files. The name may be any text; only what is safe in a file name is used. Store the name
    itself under the key ``run`` in the meta table.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TraceError(f"Cannot make the folder {folder} for runs: {error}.") from error
    stem = safe_name(name)
    for k in range(1, 100_000):
        path = folder / f"{stem if k == 1 else f'{stem}-{k}'}{SUFFIX}"
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            continue
        except OSError as error:
            raise TraceError(f"Cannot create a run in {folder}: {error}.") from error
        return path
    raise TraceError(f"There are too many runs called {stem} in {folder}.")


def safe_name(name: str) -> str:
    """What of a run's name can stand in a file name on every system.

    >>> safe_name("lr=0.1 / <b>"), safe_name("../../etc"), safe_name("")
    ('lr=0.1-b', 'etc', 'run')
    """
    text = re.sub(r"[^\w.=+,@-]+", "-", name, flags=re.ASCII)
    return re.sub(r"-{2,}", "-", text).strip("-._ ")[:80] or "run"


def _check_bytes(path: Path) -> None:
    try:
        if not path.exists():
            raise TraceError(f"{path} does not exist.")
        if path.is_dir():
            raise TraceError(f"{path} is a folder, not a trace file.")
        with path.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise TraceError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # a NUL byte in the path
        raise TraceError(f"{path!r} is not a path: {error}.") from error
    if not head:
        if not Path(f"{path}-wal").exists():
            raise TraceError(f"{path} is empty: nothing has been recorded into it.")
    elif not head.startswith(MAGIC):
        raise TraceError(f"{path} is not a GraphScope trace: it is another kind of file.")
    elif len(head) < 100:
        raise TraceError(f"{path} is damaged: it is cut off after {len(head)} bytes.")


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}"
    problem: Exception | None = None
    # immutable: a file in a folder that we may not write to, where SQLite cannot put its -shm.
    # salvage: SQLite refuses a file that is shorter than it says, until it is told that the one
    # who asks knows what they do. Nothing can be written through a read-only connection.
    for mode, salvage in (("mode=ro", 0), ("mode=ro&immutable=1", 0), ("mode=ro&immutable=1", 1)):
        connection = sqlite3.connect(
            f"{uri}?{mode}", uri=True, timeout=5.0, isolation_level=None, check_same_thread=False
        )
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        try:
            if salvage:
                connection.execute("PRAGMA writable_schema=ON")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
            return connection
        except SQL_ERRORS as error:
            connection.close()
            problem = problem or error
            if "locked" in str(error):  # a busy file is whole: reading past its log would be wrong
                break
    assert problem is not None
    raise problem


def is_salvaged(connection: sqlite3.Connection) -> bool:
    """Whether this file is so damaged that only some of it can be read."""
    return bool(connection.execute("PRAGMA writable_schema").fetchone()[0])


def _say(error: Exception) -> str:
    return "its text is garbled" if isinstance(error, UnicodeError) else str(error)


def _check_tables(connection: sqlite3.Connection, path: Path) -> int:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    names = {name for (name,) in rows}
    if not names:
        raise TraceError(f"{path} is empty: nothing has been recorded into it.")
    if "meta" not in names:
        raise TraceError(f"{path} is not a GraphScope trace: it is some other SQLite database.")
    try:
        found = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
        version = int(found[0])
    except (TypeError, ValueError, sqlite3.OperationalError) as error:
        text = f"{path} is not a GraphScope trace: it has no format number."
        raise TraceError(text) from error
    if version > schema.FORMAT:
        raise TraceError(
            f"{path} was written by a newer GraphScope (format {version}; this one reads up to "
            f"{schema.FORMAT}): upgrade to open it."
        )
    if version < schema.FORMAT and version not in MIGRATIONS:
        raise TraceError(f"{path} has the unknown format {version}.")
    missing = _TABLES - names
    if version >= schema.ALIKE and missing:
        raise TraceError(f"{path} is damaged: its table {min(missing)} is gone.")
    return version


def _migrate(connection: sqlite3.Connection, version: int) -> sqlite3.Connection:
    """An up-to-date copy in memory: the file itself is never changed by reading it."""
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        connection.backup(copy)
        for step in range(version, schema.FORMAT):
            MIGRATIONS[step](copy)
    except BaseException:
        copy.close()
        raise
    finally:
        connection.close()
    return copy
