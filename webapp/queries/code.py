"""Source text for the screen: its lines, the colours of its tokens, and which lines a block spans."""

from __future__ import annotations

import ast
import builtins
import io
import keyword
import token
import tokenize
import warnings
from collections.abc import Iterator
from typing import Any

LONGEST = 2000  # signs of a line that are shown
Mark = tuple[int, int, str]
_KINDS = {token.STRING: "s", token.NUMBER: "n", token.COMMENT: "c"}
_F_STRINGS = {
    getattr(token, name, -1) for name in ("FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")
}
_BUILTIN = frozenset(name for name in dir(builtins) if not name.startswith("_"))
# Signs that turn the direction of text can make code look like other code ("Trojan source", CVE-2021-42574).
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def lines_of(text: str) -> list[str]:
    """The lines as they are shown: no control signs, tabs as blanks, long ones cut.

    >>> lines_of("a = 1\\n\\tb\\x00")
    ['a = 1', '        b\ufffd']
    """
    return [_shown(line) for line in text.replace("\r\n", "\n").split("\n")]


def _shown(line: str) -> str:
    line = line.expandtabs(8)[:LONGEST]
    if line.isascii() and line.isprintable():
        return line
    return "".join(
        "\ufffd" if c in _TURNING or not (c.isprintable() or c == " ") else c for c in line
    )


def marks_of(text: str, name: str = "x.py") -> list[list[Mark]]:
    """Per line (first sign, length, class) of what is coloured: ``k`` keyword, ``d`` name that is defined or
    a decorator, ``b`` builtin, ``s`` string, ``n`` number, ``c`` comment.

    What is no Python is not coloured, and what does not parse only up to there.

    >>> marks_of("x = 1  # one")
    [[(4, 1, 'n'), (7, 5, 'c')]]
    """
    lines = text.replace("\r\n", "\n").expandtabs(8).split("\n")
    out: list[list[Mark]] = [[] for _ in lines]
    if not name.endswith((".py", ".pyw")):
        return out
    try:
        for kind, start, end in _tokens("\n".join(lines)):
            for row in range(start[0], min(end[0], len(lines)) + 1):
                first = start[1] if row == start[0] else 0
                last = end[1] if row == end[0] else len(lines[row - 1])
                last = min(last, LONGEST)
                if last > first:
                    out[row - 1].append((first, last - first, kind))
    except (tokenize.TokenError, SyntaxError, ValueError):
        pass  # half a file is still worth its colours
    return out


def _tokens(text: str) -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    before = ""
    for found in tokenize.generate_tokens(io.StringIO(text).readline):
        if found.string == "@" and before.strip():
            before = "*"  # a product, and no decorator: those begin a line
            continue
        kind = _KINDS.get(found.type, "s" if found.type in _F_STRINGS else "")
        if found.type == token.NAME:
            if keyword.iskeyword(found.string):
                kind = "k"
            elif before in ("def", "class", "@"):
                kind = "d"
            elif found.string in _BUILTIN and before != ".":
                kind = "b"
        if kind:
            yield kind, found.start, found.end
        before = found.string


def blocks_of(text: str, name: str = "x.py") -> list[tuple[int, int]]:
    """(first, last) line of every function, class, loop and branch: its head can say what its body costs.

    >>> blocks_of("def f():\\n    return 1\\n")
    [(1, 2)]
    """
    if not name.endswith((".py", ".pyw")):
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the user's invalid escapes are not ours to report
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    heads: tuple[Any, ...] = (
        ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.AsyncFor, ast.While, ast.With, ast.If,
    )  # fmt: skip
    found = {
        (node.lineno, node.end_lineno)
        for node in ast.walk(tree)
        if isinstance(node, heads) and node.end_lineno and node.end_lineno > node.lineno
    }
    return sorted(found)
