"""An op's gradient as a formula, found by running its vjp on symbols instead of numbers."""

from __future__ import annotations

from typing import Any

from graphscope.record.known_formulas import KNOWN

_cache: dict[Any, dict[str, str]] = {}
_TIGHT, _PRODUCT, _SUM, _LOOSE = 3, 2, 1, 0


class Symbol:
    """A piece of TeX that knows how tightly it binds."""

    __array_priority__ = 2000

    def __init__(self, tex: str, binds: int = _TIGHT) -> None:
        self.tex, self.binds = tex, binds

    def at(self, level: int) -> str:
        """The TeX, in brackets where it binds less tightly than ``level``."""
        return self.tex if self.binds >= level else rf"\left({self.tex}\right)"

    def __getattr__(self, name: str) -> Any:
        if name == "mT":
            return Symbol(self.at(_TIGHT) + "^T")
        if name in ("shape", "dtype", "ndim"):
            return _Unknown()
        raise AttributeError(name)


class _Unknown:
    """A shape or dtype of something that has none: any question to it gives itself."""

    name = "dtype"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __iter__(self) -> Any:
        # Without this Python would iterate by __getitem__, for ever.
        raise TypeError("an unknown shape has no sizes")


def _sym(x: Any) -> Symbol:
    return x if isinstance(x, Symbol) else Symbol(f"{x}")


def _infix(op: str, level: int, flip: bool = False) -> Any:
    def method(self: Symbol, other: Any) -> Symbol:
        a, b = (_sym(other), self) if flip else (self, _sym(other))
        return Symbol(f"{a.at(level)} {op} {b.at(level + (op in '-/'))}", level)

    return method


for _name, _op, _level in (
    ("add", "+", _SUM), ("sub", "-", _SUM), ("mul", r"\odot", _PRODUCT), ("truediv", "/", _PRODUCT),
    ("matmul", r"\,", _PRODUCT), ("gt", ">", _LOOSE), ("ge", r"\geq", _LOOSE), ("lt", "<", _LOOSE),
    ("le", r"\leq", _LOOSE), ("eq", "=", _LOOSE), ("and", r"\land", _LOOSE),
):  # fmt: skip
    setattr(Symbol, f"__{_name}__", _infix(_op, _level))
    setattr(Symbol, f"__r{_name}__", _infix(_op, _level, True))
setattr(Symbol, "__pow__", lambda self, n: Symbol(f"{self.at(_TIGHT)}^{{{_sym(n).tex}}}"))  # noqa: B010
setattr(Symbol, "__neg__", lambda self: Symbol(f"-{self.at(_PRODUCT)}", _SUM))  # noqa: B010


class _Formulas:
    """``F`` for symbols: a row's own formula with the symbols put in."""

    def __getattr__(self, name: str) -> Any:
        from graphscope.ops import TABLE

        row = TABLE.get(name)
        if row is None:
            raise AttributeError(name)

        def write(*args: Any, **params: Any) -> Symbol:
            if name in ("reshape", "broadcast_to", "cast", "getitem"):
                return _sym(args[0])
            filled = {k: _sym(a).at(_TIGHT) for k, a in zip(row.inputs, args, strict=False)}
            return Symbol(row.tex.format(**filled), _PRODUCT if row.family == "linalg" else _SUM)

        return write


def gradient_formulas(row: Any) -> dict[str, str]:
    r"""For each input that has a gradient, the TeX of that gradient; ``\bar{y}`` is the incoming one.

    A formula that branches on shapes has no closed form; it is left out.
    """
    if row in _cache:
        return _cache[row]
    found: dict[str, str] = {}
    known = KNOWN.get(row.name, {})
    for w in row.wants:
        if w.name == "*":
            continue
        if w.name in known:
            found[w.name] = rf"\bar{{{w.name}}} = {known[w.name]}"
            continue
        symbols = row.grouped([Symbol(k) for k in row.inputs]) + [Symbol("y"), Symbol("m")]
        try:
            made = w.fn(
                _Formulas(),
                Symbol(r"\bar{y}"),
                *[symbols[i] for i in w.take],
                **{p: Symbol(p) for p in w.params},
            )
        except (TypeError, KeyError, AttributeError, ValueError, IndexError):
            continue
        found[w.name] = rf"\bar{{{w.name}}} = {_sym(made).tex}"
    _cache[row] = found
    return found
