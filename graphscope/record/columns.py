"""The keys of a graph as columns of integers: its digest, its description and its costs are made of these.

Most of a key comes up again and again: op, params, scope, phase, dtype and mask. Such a head gets a number, and
what follows from it alone is worked out once. What is left of a step of a thousand ops are four columns, on which
numpy works as a whole: a program whose graph is another in every step pays for what is new in it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphscope.trace.records import Ints

NONE, MANY = -1, -2  # a second input that is not there; more than two inputs
KIND, FIRST, SECOND, LINE = range(4)
WIDTH = 4
_BYTES = 4 * WIDTH  # of a node


class Columns(NamedTuple):
    """The keys of a graph without what is the same in many of them."""

    rows: bytes
    """int32[n, 4]: the number of each node's head; an op's first input, a gradient's twin, NONE of a wait for data;
    the second input; the source line."""
    more: dict[int, tuple[int, ...]]
    """All inputs but the first of ops that have more than two."""

    @property
    def n(self) -> int:
        """How many nodes there are."""
        return len(self.rows) // _BYTES

    @property
    def table(self) -> Ints:
        """The rows as an array."""
        return np.frombuffer(self.rows, np.int32).reshape(-1, WIDTH)

    @property
    def kinds(self) -> Ints:
        """The number of each node's head."""
        return self.table[:, KIND]

    @property
    def lines(self) -> list[int]:
        """The source line of each node; -1: none."""
        return self.table[:, LINE].tolist()  # type: ignore[no-any-return]

    def row(self, i: int) -> tuple[int, int, Any, int]:
        """Head, first, and second (None, a number or all others) of node ``i``, and its line."""
        kind, first, second, line = memoryview(self.rows)[_BYTES * i : _BYTES * (i + 1)].cast("i")
        return kind, first, whole(self.more, i, second), line

    def wires(self, i: int) -> tuple[int, ...]:
        """The inputs of an op."""
        _, first, second, _ = self.row(i)
        if second is None:
            return (first,)
        return (first, *second) if type(second) is tuple else (first, second)


def whole(more: dict[int, tuple[int, ...]], i: int, second: int) -> Any:
    """The second part of node ``i``'s key, of the number that stands for it."""
    return None if second == NONE else more[i] if second == MANY else second


class Kinds(dict[Any, int]):
    """Numbers the heads of keys: by op (6 parts), by gradient (3 parts), and the wait for data (1 part)."""

    def __init__(self) -> None:
        super().__init__()
        self.heads: list[Any] = []
        self.dtypes: list[Any] = []  # of the values; None: it makes none
        self.ops = bytearray()  # 1: the head of an op
        self._marks: list[bytes] = []  # of each head, the same one in every run
        self._mark_table: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._lock = Lock()

    def __missing__(self, head: Any) -> int:
        return self._add(head, head)

    def _add(self, key: Any, head: Any) -> int:
        with self._lock:
            number = len(self.heads)
            self._marks.append(_mark(head))
            self.dtypes.append(head[4] if len(head) == 6 else head[2] if len(head) == 3 else None)
            self.ops.append(len(head) == 6)
            self.heads.append(head)
            self[key] = number
        return number

    def number(self, head: Any) -> int:
        """Of any head: one with a slice among the params, Python before 3.12 cannot look up."""
        try:
            return self[head]
        except TypeError:
            key = (head[0], repr(head[1]), *head[2:], "")
            return self[key] if key in self else self._add(key, head)

    def columns(self, keys: Sequence[Any], lines: Sequence[int] | None = None) -> Columns:
        """Keys as columns. lines: of each node (default: none)."""
        rows = array("i")
        more: dict[int, tuple[int, ...]] = {}
        for i, key in enumerate(keys):
            head, first, second = split(key)
            if type(second) is tuple:
                more[i] = second
            rows.append(self.number(head))
            rows.append(first)
            rows.append(MANY if type(second) is tuple else NONE if second is None else second)
            rows.append(-1 if lines is None else lines[i])
        return Columns(rows.tobytes(), more)

    def key(self, kind: int, first: int, second: Any) -> Any:
        """A key of its parts: ``(row, params, first, second, scope, phase, dtype, mask)`` of an op, ``(row, twin,
        slot, dtype)`` of a gradient, ``("data",)``."""
        head = self.heads[kind]
        if len(head) == 6:
            return (head[0], head[1], first, second, *head[2:])
        return (head[0], first, head[1], head[2]) if len(head) == 3 else head

    def keys_of(self, columns: Columns) -> list[Any]:
        """The inverse of ``columns``."""
        more = columns.more
        return [
            self.key(kind, first, whole(more, i, second))
            for i, (kind, first, second, _) in enumerate(columns.table.tolist())
        ]

    def digest(self, columns: Columns, others: bytes = b"") -> str:
        """96 bits of the structure and of ``others``, the same ones in every run."""
        known = self._mark_table
        if len(known) < len(self._marks):
            known = self._mark_table = np.frombuffer(b"".join(self._marks), np.uint64)
        kinds, first, second, lines = np.ascontiguousarray(columns.table.T)
        found = blake2b(known[kinds].tobytes(), digest_size=12)
        found.update(first.tobytes())
        found.update(second.tobytes())
        if columns.more:
            found.update(repr(columns.more).encode())
        found.update(lines.tobytes())
        found.update(others)
        return found.hexdigest()


def split(key: Any) -> tuple[Any, int, Any]:
    """Head, first and second of a key."""
    if len(key) == 8:
        return (*key[:2], *key[4:]), key[2], key[3]
    return ((key[0], *key[2:]), key[1], None) if len(key) == 4 else (key, NONE, None)


def _mark(head: Any) -> bytes:
    if len(head) == 6:
        row, params, scope, phase, dtype, mask = head
        text = f"{row.name}{params}{scope},{phase},{_letter(dtype)}{mask}"
    elif len(head) == 3:
        row, slot, dtype = head
        text = f"{row.name} {slot}{_letter(dtype)}"
    else:
        text = f"{head}"
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()


def _letter(dtype: Any) -> str:
    """A dtype of numpy by its letter; of a device's array by its name, which has the device."""
    return dtype.char if type(dtype).__module__ == "numpy.dtypes" else repr(dtype)
