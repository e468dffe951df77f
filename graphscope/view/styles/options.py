"""What a figure was asked to be: checked once, and then the same object for every style."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from graphscope.errors import UsageError
from graphscope.view.palette import theme
from graphscope.view.visible import AllBut

PARTS = ("name", "op", "shape", "value", "grad", "time", "memory", "local_grad", "site")
DIRECTIONS = ("down", "right", "up")
FONTS = {"normal": 1.0, "large": 1.35}


@dataclass(frozen=True)
class Options:
    """The options of ``graphscope.draw``; None leaves a choice to the style.

    ``values`` and ``grads`` are the value numbers whose number is known (None: all of them) and
    ``fresh`` those that have just become so: this is how a frame of an animation is made.
    """

    style: str = "graph"
    theme: str = "light"
    show: tuple[str, ...] | None = None
    collapse: int | tuple[str, ...] | None = None
    opened: frozenset[str] | AllBut | None = None
    direction: str | None = None
    highlight: tuple[str, ...] = ()
    title: str = ""
    subtitle: str = ""
    width: float | None = None
    font: str = "normal"
    explain: bool = False
    path: tuple[str, str] | None = None
    color: str = "family"
    legend: bool = True
    values: frozenset[int] | None = None
    grads: frozenset[int] | None = None
    fresh: frozenset[int] = frozenset()

    @property
    def large(self) -> float:
        """By how much texts are enlarged."""
        return FONTS[self.font]

    def parts(self, default: Collection[str]) -> tuple[str, ...]:
        """What is shown: what was asked for, else the style's own choice."""
        return tuple(default) if self.show is None else self.show


def options(
    *, show: Any = None, collapse: Any = None, opened: Any = None, highlight: Any = (), path: Any = None,
    width: Any = None, font: str = "normal", direction: str | None = None, title: str | None = "",
    **rest: Any,
) -> Options:  # fmt: skip
    """Options from what a user wrote. Raises: UsageError with the choices there are."""
    known = sorted(set(Options.__dataclass_fields__) - {"values", "grads", "fresh"})
    strange = sorted(set(rest) - set(known))
    if strange:
        raise UsageError(
            f"draw knows no option {', '.join(map(repr, strange))}; there are {', '.join(known)}."
        )
    if show is not None:
        show = _texts(show, "show", "('name', 'shape')")
        odd = [part for part in show if part not in PARTS]
        if odd:
            raise UsageError(
                f"cannot show {', '.join(map(repr, odd))} on a card: a card can show "
                f"{', '.join(PARTS)}. Pass for example show=('name', 'shape')."
            )
    if collapse is not None and not isinstance(collapse, int):
        collapse = _texts(collapse, "collapse", "1 or ['encoder']")
    elif isinstance(collapse, int) and collapse < 0:
        raise UsageError(
            f"collapse={collapse} is no depth: 0 shows every module shut, 1 opens the outermost"
        )
    if width is not None and not (isinstance(width, (int, float)) and 0 < width <= 20_000):
        raise UsageError(f"width={width!r} is no width: pass a positive number of px, such as 800.")
    if font not in FONTS:
        raise UsageError(f"there is no font={font!r}: a font is {' or '.join(FONTS)}.")
    if direction is not None and direction not in DIRECTIONS:
        raise UsageError(
            f"direction={direction!r} is none; a graph can run {', '.join(DIRECTIONS)}."
        )
    if path is not None and not (isinstance(path, (tuple, list)) and len(path) == 2):
        raise UsageError(
            f"path={path!r} is no path: pass the two ends, such as path=('x', 'loss')."
        )
    theme(rest.get("theme", "light"))
    return Options(
        show=show, collapse=collapse,
        opened=opened if opened is None or isinstance(opened, AllBut) else frozenset(opened),
        highlight=_texts(highlight, "highlight", "['w1', 'relu']"), width=width, font=font, direction=direction,
        title=title or "", path=None if path is None else (str(path[0]), str(path[1])), **rest,
    )  # fmt: skip


def _texts(given: Any, name: str, example: str) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, Iterable):
        raise UsageError(
            f"{name}={given!r} is neither a name nor a list of names: pass for example {name}={example}."
        )
    return tuple(str(item) for item in given)
