"""The language in which a breakpoint says when: ``norm(grad) > 10``, ``any nan``, ``update/weight < 1e-4``.

    condition  = both ("or" both)*            both  = not ("and" not)*
    not        = "not" not | "(" condition ")" | "any" kind ["in" tensor] | sum (compare sum)?
    compare    = < <= > >= == !=              sum   = term (("+"|"-") term)*
    term       = factor (("*"|"/") factor)*   factor = "-" factor | "(" sum ")" | number | scalar
               | function "(" tensor ")" | tensor
    kind       = nan | inf | nonfinite        tensor = value | grad | weight | update
    function   = norm rms mean std min max absmax item size zeros nan inf
    scalar     = loss | step

A tensor's name by itself stands for its norm, so ``update/weight`` is the ratio of the norms. What an op does
not have (the gradient while the forward pass runs) makes a comparison neither true nor false; ``not`` leaves
that so, ``or`` and ``and`` take what they know. Nothing is ever given to eval.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphscope.errors import UsageError

LENGTH = 1_000
DEPTH = 50
TENSORS = ("value", "grad", "weight", "update")
FUNCTIONS = ("norm", "rms", "mean", "std", "min", "max", "absmax", "item", "size", "zeros", "nan", "inf")  # fmt: skip
SCALARS = ("loss", "step")
KINDS = ("nan", "inf", "nonfinite")
_WORDS = {*TENSORS, *FUNCTIONS, *SCALARS, *KINDS, "any", "in", "and", "or", "not"}
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<sign><=|>=|==|!=|[<>()+\-*/]))",
    re.ASCII,
)
Number = float | None
Truth = bool | None
# asks(function, tensor) -> the statistic, None where the tensor is not there; scalars: function "" and a name.
Asks = Callable[[str, str], Number]


class ConditionError(UsageError):
    """A condition that cannot be read; the text shows the place with a caret."""


class Token(NamedTuple):
    """A piece of the text and where it begins."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Condition:
    """A condition that was read; ``holds(asks)`` decides it."""

    text: str
    tensors: frozenset[str]
    """The tensors that it asks about."""
    scalars: frozenset[str]
    _root: Any

    def holds(self, asks: Asks) -> bool:
        """Whether it is certainly true with what ``asks`` knows."""
        return self._root(asks) is True


def parse(text: str) -> Condition:
    """Read a condition.

    Raises: ConditionError with the text, a caret under the place, and the rule.

    Example:
        >>> found = parse("norm(grad) > 10 or any nan")
        >>> sorted(found.tensors)
        ['grad', 'value']
        >>> found.holds(lambda function, name: {"norm": 12.0}.get(function))
        True
    """
    if len(text) > LENGTH:
        raise ConditionError(
            f"a condition of {len(text):,} characters is too long; {LENGTH:,} are allowed"
        )
    return _Reader(text).whole()


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            while at < end and text[at].isspace():
                at += 1
            raise _wrong(text, at, f"{text[at]!r} means nothing here")
        kind = match.lastgroup or ""
        found.append(Token(kind, match[kind], match.start(kind)))
        at = match.end()
    return [*found, Token("end", "", len(text))]


def _wrong(text: str, at: int, why: str) -> ConditionError:
    """The message, with the line and a caret; of a long line only the part around the place."""
    first = max(0, at - 50)
    line = re.sub(r"[^ -~\u00a0-\uffff]", " ", text[first : first + 90])
    dots = "..." if first else ""
    return ConditionError(f"{why}\n  {dots}{line}\n  {' ' * (len(dots) + at - first)}^")


class _Reader:
    """Recursive descent over the tokens; each method reads one rule and gives a function of ``asks``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.k = 0
        self.depth = 0
        self.tensors: set[str] = set()
        self.scalars: set[str] = set()

    # ---------------------------------------------------------------- tokens

    @property
    def now(self) -> Token:
        return self.tokens[self.k]

    def takes(self, *texts: str) -> Token | None:
        token = self.now
        if token.kind != "end" and token.text in texts:
            self.k += 1
            return token
        return None

    def needs(self, text: str, why: str) -> None:
        if self.takes(text) is None:
            raise self.wrong(f"{why}: {text!r} is missing")

    def wrong(self, why: str, at: int | None = None) -> ConditionError:
        return _wrong(self.text, self.now.at if at is None else at, why)

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEPTH:
            raise self.wrong(f"it is nested more than {DEPTH} deep")

    # ---------------------------------------------------------------- truth

    def whole(self) -> Condition:
        if self.now.kind == "end":
            raise self.wrong("the condition is empty; try: norm(grad) > 10")
        root = self.either()
        if self.now.kind != "end":
            raise self.wrong(f"{self.now.text!r} is not expected after a complete condition")
        return Condition(self.text, frozenset(self.tensors), frozenset(self.scalars), root)

    def either(self) -> Callable[[Asks], Truth]:
        parts = [self.both()]
        while self.takes("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda asks: _any([p(asks) for p in parts])

    def both(self) -> Callable[[Asks], Truth]:
        parts = [self.negated()]
        while self.takes("and"):
            parts.append(self.negated())
        return parts[0] if len(parts) == 1 else lambda asks: _all([p(asks) for p in parts])

    def negated(self) -> Callable[[Asks], Truth]:
        if self.takes("not"):
            self.deeper()
            inner = self.negated()
            self.depth -= 1
            return lambda asks: None if (t := inner(asks)) is None else not t
        if self.takes("any"):
            return self.any_of()
        if self.now.text == "(" and self.is_condition():
            self.takes("(")
            self.deeper()
            inner = self.either()
            self.depth -= 1
            self.needs(")", "a parenthesis is open")
            return inner
        return self.comparison()

    def is_condition(self) -> bool:
        """Whether the parenthesis here holds something that is true or false, and not a number."""
        level = 0
        for token in self.tokens[self.k :]:
            level += (token.text == "(") - (token.text == ")")
            if token.text in ("<", "<=", ">", ">=", "==", "!=", "and", "or", "not", "any"):
                return True
            if level == 0:
                return False
        return False

    def any_of(self) -> Callable[[Asks], Truth]:
        token = self.takes(*KINDS)
        if token is None:
            raise self.wrong(f"after 'any' comes one of {', '.join(KINDS)}")
        names = [self.tensor()] if self.takes("in") else ["value", "grad"]
        self.tensors.update(names)
        kinds = ("nan", "inf") if token.text == "nonfinite" else (token.text,)

        def holds(asks: Asks) -> Truth:
            counts = [asks(kind, name) for name in names for kind in kinds]
            known = [c for c in counts if c is not None]
            return any(c > 0 for c in known) if known else None

        return holds

    def comparison(self) -> Callable[[Asks], Truth]:
        begins = self.now.at
        left = self.sum()
        sign = self.takes("<", "<=", ">", ">=", "==", "!=")
        if sign is None:
            raise self.wrong("a number is no condition; compare it, as in norm(grad) > 10", begins)
        right = self.sum()
        if self.now.text in ("<", "<=", ">", ">=", "==", "!="):
            raise self.wrong("only two numbers are compared at a time; join two comparisons by and")
        test = _COMPARE[sign.text]

        def holds(asks: Asks) -> Truth:
            a, b = left(asks), right(asks)
            return None if a is None or b is None else test(a, b)

        return holds

    # ---------------------------------------------------------------- numbers

    def sum(self) -> Callable[[Asks], Number]:
        total = self.term()
        while sign := self.takes("+", "-"):
            total = _joined(total, self.term(), sign.text)
        return total

    def term(self) -> Callable[[Asks], Number]:
        total = self.factor()
        while sign := self.takes("*", "/"):
            total = _joined(total, self.factor(), sign.text)
        return total

    def factor(self) -> Callable[[Asks], Number]:
        token = self.now
        if self.takes("-"):
            self.deeper()
            inner = self.factor()
            self.depth -= 1
            return lambda asks: None if (x := inner(asks)) is None else -x
        if self.takes("("):
            self.deeper()
            inner = self.sum()
            self.depth -= 1
            self.needs(")", "a parenthesis is open")
            return inner
        if token.kind == "number":
            self.k += 1
            number = float(token.text)
            return lambda asks: number
        if token.text in SCALARS:
            self.k += 1
            self.scalars.add(token.text)
            return lambda asks: asks("", token.text)
        if token.text in FUNCTIONS:
            return self.statistic()
        if token.text in TENSORS:
            name = self.tensor()
            return lambda asks: asks("norm", name)
        raise self.unknown(token)

    def statistic(self) -> Callable[[Asks], Number]:
        function = self.now.text
        self.k += 1
        if self.takes("(") is None:
            raise self.wrong(f"{function} is asked of a tensor, as in {function}(grad)")
        name = self.tensor()
        self.needs(")", f"{function}(... is open")
        return lambda asks: asks(function, name)

    def tensor(self) -> str:
        token = self.takes(*TENSORS)
        if token is None:
            raise self.wrong(f"a tensor is one of {', '.join(TENSORS)}")
        self.tensors.add(token.text)
        return token.text

    def unknown(self, token: Token) -> ConditionError:
        if token.kind == "end":
            return self.wrong("something is missing at the end")
        if token.kind != "word" or token.text in _WORDS:
            return self.wrong(f"a number or a tensor belongs here, not {token.text!r}")
        import difflib

        near = difflib.get_close_matches(token.text, sorted(_WORDS), 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return self.wrong(f"{token.text[:40]!r} is unknown{hint}")


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b, "==": lambda a, b: a == b, "!=": lambda a, b: a != b,
}  # fmt: skip


def _joined(
    left: Callable[[Asks], Number], right: Callable[[Asks], Number], sign: str
) -> Callable[[Asks], Number]:
    def value(asks: Asks) -> Number:
        a, b = left(asks), right(asks)
        if a is None or b is None:
            return None
        try:
            return (
                a + b if sign == "+" else a - b if sign == "-" else a * b if sign == "*" else a / b
            )
        except ZeroDivisionError:
            return math.nan if a == 0 or a != a else math.copysign(math.inf, a)
        except OverflowError:
            return math.inf

    return value


def _any(truths: list[Truth]) -> Truth:
    return True if True in truths else None if None in truths else False


def _all(truths: list[Truth]) -> Truth:
    return False if False in truths else None if None in truths else True
