"""Commands to a running program: rows that a dashboard leaves in the trace, and what became of them.

Whoever can write the file can leave a row, so nothing is believed: `check` is asked by the dashboard before a
row is written and by the program before it obeys. It returns plain numbers and texts, or says what is wrong.
"""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from graphscope.errors import TraceError, UsageError

NEW = "new"
LIMIT = 20_000  # characters of a command's data
TEXT = 1_000  # characters of a name or a condition
AT_ONCE = 64  # rows read in one go
STEPS = ("op", "module", "phase", "iteration")
PHASES = ("forward", "backward", "update")
LEVELS = ("off", "times", "values", "everything")


class Command(NamedTuple):
    """One row: ``data`` is the text as it stands in the file."""

    id: int
    time: float
    kind: str
    data: str


# ---------------------------------------------------------------- what a field may hold


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"must be a text, not {_short(value)}")
    if len(value) > TEXT:
        raise UsageError(f"has {len(value):,} characters; {TEXT:,} are allowed")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**53) < value < 2**53:
        raise UsageError(f"must be a whole number, not {_short(value)}")
    return value


def _count(value: Any) -> int:
    if _whole(value) < 1:
        raise UsageError(f"must be 1 or more, not {value}")
    return int(value)


def _place(value: Any) -> int:
    if _whole(value) < 0:
        raise UsageError(f"must not be below 0, but is {value}")
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError(f"must be a number, not {_short(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise UsageError("must be finite")
    return number


def _rate(value: Any) -> float:
    if _number(value) < 0:
        raise UsageError(f"must not be below 0, but is {value}")
    return float(value)


def _pace(value: Any) -> float:
    if not 0 <= _number(value) <= 60_000:
        raise UsageError("must be milliseconds between 0 and 60,000")
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"must be true or false, not {_short(value)}")
    return value


def _node(value: Any) -> int:
    """``n12`` or 12 is an op, ``p3`` or -4 a port."""
    if isinstance(value, str):
        kind, digits = value[:1], value[1:]
        if kind in ("n", "p") and digits.isascii() and digits.isdigit() and len(digits) < 10:
            return int(digits) if kind == "n" else -1 - int(digits)
        raise UsageError(f"must be a node such as n12 or p3, not {_short(value)}")
    return _whole(value)


def _one_of(*names: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if value not in names or not isinstance(value, str):
            raise UsageError(f"must be one of {', '.join(names)}; not {_short(value)}")
        return value

    return check


_BREAK: dict[str, Callable[[Any], Any]] = {
    "op": _text, "module": _text, "scope": _text, "site": _text, "step": _place, "graph_change": _flag,
    "condition": _text, "phase": _one_of(*PHASES), "once": _flag, "hits": _count,
}  # fmt: skip
# What each kind takes; a name that ends with "!" must be given.
FIELDS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "pause": {}, "resume": {}, "stop": {}, "here": {},
    "step": {"by": _one_of(*STEPS), "times": _count},
    "run_to": {"node!": _node},
    "slow": {"ms!": _pace},
    "break_add": _BREAK,
    "break_set": {"id!": _whole, "enabled!": _flag},
    "break_del": {"id!": _whole},
    "watch": {"node!": _node, "on": _flag},
    "open": {"node!": _node, "grad": _flag},
    "set_lr": {"group!": _place, "value!": _rate},
    "set": {"name!": _text, "value!": _number},
    "freeze": {"module!": _text},
    "unfreeze": {"module!": _text},
    "level": {"value!": _one_of(*LEVELS)},
}  # fmt: skip


def check(kind: Any, data: Any) -> dict[str, Any]:
    """The command's data as plain values.

    data: a mapping, or the JSON text of one. Raises: UsageError that says what is wrong, in one sentence.
    """
    if not isinstance(kind, str) or kind not in FIELDS:
        raise UsageError(f"there is no command {_short(kind)}; there are {', '.join(FIELDS)}")
    if isinstance(data, (str, bytes)):
        data = _parsed(kind, data)
    if not isinstance(data, Mapping):
        raise UsageError(f"{kind}: its data is no JSON object")
    fields = FIELDS[kind]
    known = {name.rstrip("!"): test for name, test in fields.items()}
    found = {}
    for name, value in data.items():
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes nothing"
            raise UsageError(f"{kind}: it has no field {_short(name)}; {takes}")
        if value is None:
            continue
        try:
            found[name] = known[name](value)
        except UsageError as problem:
            raise UsageError(f"{kind}: {name} {problem}") from None
    missing = [n[:-1] for n in fields if n.endswith("!") and n[:-1] not in found]
    if missing:
        raise UsageError(f"{kind}: {' and '.join(missing)} must be given")
    return found


def _parsed(kind: str, data: str | bytes) -> Any:
    if len(data) > LIMIT:
        raise UsageError(f"{kind}: its data has {len(data):,} characters; {LIMIT:,} are allowed")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError(f"{kind}: its data is no JSON object") from None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


# ---------------------------------------------------------------- in the file


def send(path: Path | str, kind: str, data: Mapping[str, Any] | None = None) -> int:
    """Leave a command in the trace at ``path``; returns its number.

    Raises: UsageError for a command that makes no sense, TraceError when the file cannot be written or its
    program takes no commands.
    """
    told = json.dumps(check(kind, data or {}))
    try:
        db = _open(Path(path))
        try:
            taken = db.execute("SELECT value FROM meta WHERE key = 'control'").fetchone()
            state = db.execute("SELECT value FROM meta WHERE key = 'state'").fetchone()
            if taken is None or (state is not None and state[0] != "running"):
                why = (
                    "it has ended" if taken is not None else "it was not started with control=True"
                )
                raise TraceError(f"The program of this run takes no commands: {why}.")
            sql = "INSERT INTO commands (time, kind, data, status) VALUES (?,?,?,?)"
            id = int(db.execute(sql, (time.time(), kind, told, NEW)).lastrowid or 0)
            if kind == "here":  # one row says that somebody looks, however long
                db.execute("DELETE FROM commands WHERE kind = 'here' AND id < ?", (id,))
            return id
        finally:
            db.close()
    except (sqlite3.Error, UnicodeError) as error:
        raise TraceError(f"The command cannot be written into {path}: {error}.") from error


def status(path: Path | str, id: int) -> str:
    """What became of a command: ``new``, ``done: ...`` or ``refused: ...``.

    Raises: TraceError when there is no such command.
    """
    try:
        db = _open(Path(path), "ro")
        try:
            row = db.execute("SELECT status FROM commands WHERE id = ?", (id,)).fetchone()
        finally:
            db.close()
    except (sqlite3.Error, UnicodeError, OverflowError) as error:
        raise TraceError(f"The command's state cannot be read: {error}.") from error
    if row is None:
        raise TraceError(f"This run has no command {id}.")
    return str(row[0])


def _open(path: Path, mode: str = "rw") -> sqlite3.Connection:
    """A connection to a file that exists: a deleted run is not made again."""
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    db = sqlite3.connect(uri, uri=True, timeout=2.0, isolation_level=None)
    db.text_factory = lambda text: text.decode(
        "utf-8", "replace"
    )  # a damaged file's may be anything
    return db


@contextmanager
def _reading() -> Iterator[None]:
    """What sqlite3 says of a garbled file quotes it, and may then be no text."""
    try:
        yield
    except UnicodeError as error:
        raise sqlite3.DatabaseError("the file is garbled") from error


def newest(db: sqlite3.Connection) -> int:
    """The number of the last command in the file."""
    with _reading():
        found = db.execute("SELECT max(id) FROM commands").fetchone()[0]
    return found if isinstance(found, int) else 0


def since(db: sqlite3.Connection, id: int) -> list[Command]:
    """The commands after ``id`` that wait for an answer, oldest first, a few at a time.

    Rows can be written by hand: whatever stands in them comes as text, cut off where it is too long.
    """
    with _reading():
        rows = db.execute(
            # As bytes: text that is no UTF-8 would make the whole question fail.
            "SELECT id, time, CAST(substr(kind, 1, 40) AS BLOB), CAST(substr(data, 1, ?) AS BLOB),"
            " CAST(substr(status, 1, 40) AS BLOB) FROM commands WHERE id > ? ORDER BY id LIMIT ?",
            (LIMIT + 1, id, AT_ONCE),
        ).fetchall()
    found = []
    for number, at, *given in rows:
        kind, data, told = (bytes(b or b"").decode("utf-8", "replace") for b in given)
        when = float(at) if isinstance(at, (int, float)) else 0.0
        found.append(Command(number, when, kind if told == NEW else "", data))
    return found
