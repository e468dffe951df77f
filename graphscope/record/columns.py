"""The keys of a graph as columns of integers: its digest, its description and its costs are made of these.

Most of a key comes up again and again: op, params, scope, phase, dtype and mask. Such a head gets a number, and
what follows from it alone is worked out once. What is left of a step of a thousand ops are three columns, on which
numpy works as a whole: a program whose graph is another in every step pays for what is new in it.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b
from operator import itemgetter
from threading import Lock
from typing import Any, NamedTuple

NONE, MANY = -1, -2  # a second input that is not there; more than two inputs
_head = itemgetter(0, 1, 4, 5, 6, 7)  # of an op: row, params, scope, phase, dtype, mask
_head_of_gradient = itemgetter(0, 2, 3)  # row, slot, dtype
_first, _second, _twin = itemgetter(2), itemgetter(3), itemgetter(1)


class Columns(NamedTuple):
    """The keys of a graph, column by column; the arrays hold 32-bit integers."""

    kinds: array[int]
    """The number of each node's head."""
    first: array[int]
    """An op's first input, a gradient's twin; NONE of a wait for data."""
    second: array[int]
    more: dict[int, tuple[int, ...]]
    """All inputs but the first of ops that have more than two."""

    def wires(self, i: int) -> tuple[int, ...]:
        """The inputs of an op."""
        second = self.second[i]
        if second == MANY:
            return (self.first[i], *self.more[i])
        return (self.first[i],) if second == NONE else (self.first[i], second)


class Kinds(dict[Any, int]):
    """Numbers the heads of keys: by op (6 parts), by gradient (3 parts), and the wait for data (1 part)."""

    def __init__(self) -> None:
        super().__init__()
        self.heads: list[Any] = []
        self.dtypes: list[Any] = []  # of the values; None: it makes none
        self.ops = bytearray()  # 1: the head of an op
        self._marks: list[bytes] = []  # of each head, the same one in every run
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

    def _number(self, head: Any) -> int:
        """Of a head with a slice among the params, which Python before 3.12 cannot look up."""
        try:
            return self[head]
        except TypeError:
            key = (head[0], repr(head[1]), *head[2:], "")
            return self[key] if key in self else self._add(key, head)

    def columns(self, keys: list[Any]) -> Columns:
        """The keys of a graph as columns."""
        kinds: list[int] = []
        first: list[int] = []
        second: list[int] = []
        more: dict[int, tuple[int, ...]] = {}
        lengths = bytes(map(len, keys))
        at, n = 0, len(keys)
        while at < n:  # a run of ops, then one of gradients, then one of ops that update
            same = lengths[at : at + 1]
            end = n - len(lengths[at:].lstrip(same))
            run = keys if end - at == n else keys[at:end]
            if same == b"\x08":
                try:
                    kinds += map(self.__getitem__, map(_head, run))
                except TypeError:
                    del kinds[at:]
                    kinds += map(self._number, map(_head, run))
                first += map(_first, run)
                others = [*map(_second, run)]
                if tuple in set(map(type, others)):
                    more |= {at + k: v for k, v in enumerate(others) if type(v) is tuple}
                    others = [MANY if type(v) is tuple else v for v in others]
                second += [NONE if v is None else v for v in others]
            else:
                if same == b"\x04":
                    kinds += map(self.__getitem__, map(_head_of_gradient, run))
                    first += map(_twin, run)
                else:
                    kinds += map(self.__getitem__, run)
                    first += [NONE] * (end - at)
                second += [NONE] * (end - at)
            at = end
        return Columns(array("i", kinds), array("i", first), array("i", second), more)

    def keys_of(self, columns: Columns) -> list[Any]:
        """The inverse of ``columns``."""
        heads = self.heads
        made: list[Any] = []
        for i, (kind, u, second) in enumerate(zip(*columns[:3], strict=True)):
            head = heads[kind]
            if len(head) == 6:
                v = None if second == NONE else columns.more[i] if second == MANY else second
                made.append((head[0], head[1], u, v, *head[2:]))
            elif len(head) == 3:
                made.append((head[0], u, head[1], head[2]))
            else:
                made.append(head)
        return made

    def digest(self, columns: Columns, *others: bytes | array[int]) -> str:
        """96 bits of the structure and of ``others``, the same ones in every run."""
        found = blake2b(b"".join(map(self._marks.__getitem__, columns.kinds)), digest_size=12)
        found.update(columns.first)
        found.update(columns.second)
        if columns.more:
            found.update(repr(columns.more).encode())
        for other in others:
            found.update(other)
        return found.hexdigest()


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
