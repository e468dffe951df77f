"""Reads a pickle as data: a small stack machine that never imports and calls only what is allowed.

Python's own unpickler runs whatever callable a file names. This one knows the opcodes that make plain
values, asks ``Allowed`` for every name, and refuses the rest.
"""

from __future__ import annotations

import struct
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from pickle import decode_long
from typing import Any

from graphscope.errors import CheckpointError, GraphScopeError
from graphscope.serialization.safe import BOXES, Allowed, Named

_DAMAGE = (
    IndexError, KeyError, TypeError, ValueError, AttributeError, OverflowError, struct.error, MemoryError,
    AssertionError, RecursionError, ArithmeticError,
)  # fmt: skip


class Unpickler:
    """One pickle in ``data`` from ``at``; ``end`` is where it ended. find_storage: what a pointer means."""

    def __init__(
        self, data: bytes, allowed: Allowed, find_storage: Callable[[Any], Any], at: int = 0
    ) -> None:
        self.data, self.at, self.end = data, at, at
        self.allowed, self.find_storage = allowed, find_storage
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def load(self) -> Any:
        """The value. Raises: UnsafeFile, CheckpointError for a damaged file."""
        steps = _STEPS
        try:
            while True:
                code = self.data[self.at]
                self.at += 1
                if code == 0x2E:  # STOP
                    self.end = self.at
                    if len(self.stack) != 1 or self.marks:
                        raise CheckpointError(
                            f"{self.allowed.where} is damaged: its pickle ends early"
                        )
                    return _open(self.stack.pop())
                step = steps.get(code)
                if step is None:
                    raise CheckpointError(
                        f"{self.allowed.where} is damaged, or no file of tensors: opcode {code:#04x} at byte "
                        f"{self.at - 1} of its pickle is not one that data needs"
                    )
                step(self)
        except GraphScopeError:
            raise
        except _DAMAGE as error:
            raise CheckpointError(
                f"{self.allowed.where} is damaged: its pickle makes no sense at byte {self.at} "
                f"({type(error).__name__}: {str(error)[:200]})"
            ) from error

    # ---------------------------------------------------------------- bytes

    def take(self, n: int) -> bytes:
        """The next n bytes."""
        if n < 0 or self.at + n > len(self.data):
            raise ValueError("the data ends here")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, form: str) -> int:
        """The next little-endian integer."""
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def line(self) -> bytes:
        """Up to the end of the line."""
        end = self.data.index(b"\n", self.at)
        out = self.data[self.at : end]
        self.at = end + 1
        return out

    def push(self, value: Any) -> None:
        """Put a value on the stack."""
        self.stack.append(value)

    def items(self) -> list[Any]:
        """Everything since the last mark."""
        items = [_open(x) for x in self.stack]
        self.stack = self.marks.pop()
        return items

    def pop(self) -> Any:
        """The topmost value."""
        return _open(self.stack.pop())

    # ---------------------------------------------------------------- the interesting opcodes

    def mark(self) -> None:
        """Begin a group."""
        self.marks.append(self.stack)
        self.stack = []

    def put_items(self, pairs: list[Any]) -> None:
        """Items into the dict on top."""
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise TypeError("items for something that is no dict")
        if len(pairs) % 2:
            raise ValueError("a key without a value")
        # Never a __setitem__ that a class has overridden.
        put = OrderedDict.__setitem__ if isinstance(target, OrderedDict) else dict.__setitem__
        for k in range(0, len(pairs), 2):
            put(target, pairs[k], pairs[k + 1])

    def extend(self, values: list[Any]) -> None:
        """Values into the list on top."""
        target = self.stack[-1]
        if type(target) is not list:
            raise TypeError("values for something that is no list")
        target.extend(values)

    def add(self, values: list[Any]) -> None:
        """Values into the set on top."""
        target = self.stack[-1]
        if type(target) is not set:
            raise TypeError("values for something that is no set")
        target.update(values)

    def name(self, module: str, name: str) -> None:
        """A global."""
        self.push(self.allowed.find(module, name))

    def stack_name(self) -> None:
        """A global whose name lies on the stack."""
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise TypeError("a name that is no text")
        self.name(module, name)

    def reduce(self) -> None:
        """Call an allowed function."""
        args = self.stack.pop()
        call = self.stack.pop()
        if not isinstance(call, Named) or type(args) is not tuple:
            raise TypeError("a call of something that cannot be called")
        self.push(call.call(*args))

    def new(self) -> None:
        """A new object of an allowed class, still without its attributes."""
        args = self.stack.pop()
        cls = self.stack.pop()
        if isinstance(cls, Named) and cls.name in (
            "collections.OrderedDict",
            "collections.Counter",
        ):
            self.push(cls.call())
            return
        if not isinstance(cls, Named) or cls.cls is None or type(args) is not tuple:
            raise TypeError("a new object of something that is no allowed class")
        self.push(cls.cls.__new__(cls.cls, *args))

    def build(self) -> None:
        """Give the object on top its attributes."""
        state = self.pop()
        target = self.stack[-1]
        if isinstance(target, BOXES):
            target.set_state(state)
            return
        known = isinstance(target, (OrderedDict, defaultdict))
        if not known and not self._ours(target):
            raise TypeError(f"attributes for a {type(target).__name__}")
        if not known and hasattr(type(target), "__setstate__"):
            target.__setstate__(state)
            return
        if type(state) is not dict or not all(type(key) is str for key in state):
            raise TypeError("attributes that are no dict")
        target.__dict__.update(state)

    def _ours(self, target: Any) -> bool:
        """Whether the target is an instance of an allowed class; a class itself never is."""
        if isinstance(target, (type, Named)) or not hasattr(target, "__dict__"):
            return False
        found = self.allowed.find(type(target).__module__, type(target).__qualname__)
        return isinstance(found, Named) and found.cls is type(target)

    def pointer(self) -> None:
        """Something that is kept beside the pickle."""
        self.push(self.find_storage(self.pop()))

    def keep(self, k: int) -> None:
        """Remember the topmost value."""
        self.memo[k] = self.stack[-1]


def _open(value: Any) -> Any:
    """What a value is for others: an array out of its box, a named type as that type."""
    if isinstance(value, BOXES):
        return value if not hasattr(value, "array") else value.array
    return value


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")


def _tuple(n: int) -> Callable[[Unpickler], None]:
    def step(u: Unpickler) -> None:
        values = tuple(_open(x) for x in u.stack[-n:])
        if len(values) < n:
            raise IndexError("too few values")
        u.stack[-n:] = [values]

    return step


def _int_line(u: Unpickler) -> None:
    text = u.line()
    u.push(
        {b"00": False, b"01": True}[text]
        if text in (b"00", b"01")
        else int(text[:400].rstrip(b"L"))
    )


def _pop(u: Unpickler) -> None:
    u.stack.pop() if u.stack else u.marks.pop()


def _dict(u: Unpickler) -> None:
    items = u.items()
    u.push({})
    u.put_items(items)


def _pair(u: Unpickler) -> None:
    value, key = u.pop(), u.pop()
    u.put_items([key, value])


def _appended(u: Unpickler) -> None:
    value = u.pop()
    u.extend([value])


_STEPS: dict[int, Callable[[Unpickler], Any]] = {
    0x80: lambda u: u.take(1),  # PROTO
    0x95: lambda u: u.take(8),  # FRAME
    ord("("): Unpickler.mark,
    ord("1"): Unpickler.items,
    ord("0"): _pop,
    ord("2"): lambda u: u.push(u.stack[-1]),
    ord("N"): lambda u: u.push(None),
    0x88: lambda u: u.push(True),
    0x89: lambda u: u.push(False),
    ord("I"): _int_line,
    ord("L"): _int_line,
    ord("J"): lambda u: u.push(u.number("<i")),
    ord("K"): lambda u: u.push(u.number("<B")),
    ord("M"): lambda u: u.push(u.number("<H")),
    0x8A: lambda u: u.push(decode_long(u.take(u.number("<B")))),
    0x8B: lambda u: u.push(decode_long(u.take(u.number("<i")))),
    ord("G"): lambda u: u.push(struct.unpack(">d", u.take(8))[0]),
    ord("F"): lambda u: u.push(float(u.line())),
    ord("T"): lambda u: u.push(u.take(u.number("<i")).decode("latin1")),  # texts of Python 2
    ord("U"): lambda u: u.push(u.take(u.number("<B")).decode("latin1")),
    ord("V"): lambda u: u.push(u.line().decode("raw-unicode-escape")),
    ord("X"): lambda u: u.push(_text(u.take(u.number("<I")))),
    0x8C: lambda u: u.push(_text(u.take(u.number("<B")))),
    0x8D: lambda u: u.push(_text(u.take(u.number("<Q")))),
    ord("B"): lambda u: u.push(u.take(u.number("<I"))),
    ord("C"): lambda u: u.push(u.take(u.number("<B"))),
    0x8E: lambda u: u.push(u.take(u.number("<Q"))),
    0x96: lambda u: u.push(bytearray(u.take(u.number("<Q")))),
    ord("]"): lambda u: u.push([]),
    ord("l"): lambda u: u.push(u.items()),
    ord("a"): _appended,
    ord("e"): lambda u: u.extend(u.items()),
    ord(")"): lambda u: u.push(()),
    ord("t"): lambda u: u.push(tuple(u.items())),
    0x85: _tuple(1),
    0x86: _tuple(2),
    0x87: _tuple(3),
    ord("}"): lambda u: u.push({}),
    ord("d"): _dict,
    ord("s"): _pair,
    ord("u"): lambda u: u.put_items(u.items()),
    0x8F: lambda u: u.push(set()),
    0x90: lambda u: u.add(u.items()),
    0x91: lambda u: u.push(frozenset(u.items())),
    ord("c"): lambda u: u.name(u.line().decode(), u.line().decode()),
    0x93: Unpickler.stack_name,
    ord("R"): Unpickler.reduce,
    ord("b"): Unpickler.build,
    0x81: Unpickler.new,
    ord("Q"): Unpickler.pointer,
    ord("q"): lambda u: u.keep(u.number("<B")),
    ord("r"): lambda u: u.keep(u.number("<I")),
    ord("p"): lambda u: u.keep(int(u.line())),
    0x94: lambda u: u.keep(len(u.memo)),
    ord("h"): lambda u: u.push(u.memo[u.number("<B")]),
    ord("j"): lambda u: u.push(u.memo[u.number("<I")]),
    ord("g"): lambda u: u.push(u.memo[int(u.line())]),
}
