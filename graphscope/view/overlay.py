"""Overlays: one colour per visible card, and the one legend that explains them.

Every overlay is a row of one table: what it reads from a card's numbers, and on which scale it is shown. A
scale's legend gives both ends with their unit; a set of names gives a colour for each. What is not finite
stands outside every scale, what is missing has no colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.errors import UsageError
from graphscope.view.palette import FAMILY_NAMES, Theme, mix, theme
from graphscope.view.structure import INPUT, OP, PARAM
from graphscope.view.visible import SCOPE

if TYPE_CHECKING:
    from graphscope.view.graphview import GraphView
    from graphscope.view.visible import Node

CUSTOM = "custom:"
"""Begins the name of an overlay that the program logged (``analysis.custom``)."""
MOSTLY_ZERO = 0.9  # share of zeros from which a tensor is called mostly zero
_KINDS = {PARAM: "parameter", INPUT: "input"}
_WORK = (OP, SCOPE, "grad")


@dataclass(frozen=True)
class Legend:
    """``kind`` is ``names`` (entries) or ``scale`` (colours from low to high, ``ends`` as text).

    ``tops`` are the cards at the two ends of a scale, as (id, label).
    """

    mode: str
    title: str
    kind: str
    scaling: str = ""
    entries: tuple[tuple[str, str], ...] = ()
    colours: tuple[str, ...] = ()
    ends: tuple[str, str] = ("", "")
    nonfinite: str = ""
    tops: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Overlay:
    """``fills`` holds a colour for every card that has one in this mode."""

    fills: Mapping[str, str]
    legend: Legend

    def to_json(self) -> dict[str, Any]:
        return {"fills": dict(self.fills), "legend": self.legend.to_json()}


@dataclass(frozen=True)
class Scale:
    """A number of the cards on a ramp: ``heat`` is one of the theme's scales, ``say`` writes its ends."""

    title: str
    key: str
    heat: str
    say: Callable[[float], str]
    logarithmic: bool = True
    work_only: bool = False
    """Only ops and scopes have it: zero is a number then, and not a missing one."""


@dataclass(frozen=True)
class Names:
    """A word for each card: ``words`` are (word, colour) in the order of the legend."""

    title: str
    word: Callable[[Node, Mapping[str, Any]], str | None]
    words: Callable[[Theme, set[str]], list[tuple[str, str]]] = field(
        default=lambda colours, used: [
            (word, colours.runs[k % len(colours.runs)]) for k, word in enumerate(sorted(used))
        ]
    )


def _health(node: Node, card: Mapping[str, Any]) -> str | None:
    if card.get("health", "ok") != "ok":
        return "NaN" if card["health"] == "nan" else "infinite"
    zeros = card.get("zeros")
    if zeros is None:
        return None
    return f"over {MOSTLY_ZERO:.0%} zeros" if zeros >= MOSTLY_ZERO else "finite"


def _health_words(colours: Theme, used: set[str]) -> list[tuple[str, str]]:
    told = {
        "finite": mix(colours.surface, colours.states["live"], 0.35),
        f"over {MOSTLY_ZERO:.0%} zeros": colours.states["paused"],
        "infinite": mix(colours.surface, colours.nonfinite, 0.6),
        "NaN": colours.nonfinite,
    }
    return [(word, colour) for word, colour in told.items() if word in used]


def _finding_words(colours: Theme, used: set[str]) -> list[tuple[str, str]]:
    told = {
        "error": colours.states["failed"], "warning": colours.states["paused"], "info": colours.value,
        "none": mix(colours.surface, colours.states["live"], 0.2),
    }  # fmt: skip
    return [(word, colour) for word, colour in told.items() if word in used]


TABLE: Mapping[str, Scale | Names] = {
    "time": Scale("share of step time", "share", "time", units.share, False, True),
    "memory": Scale("output size", "bytes", "memory", units.bytes_),
    "grad": Scale("gradient, rms", "grad_rms", "time", units.number),
    "forward": Scale("forward time", "fwd_ns", "time", units.ns, False, True),
    "backward": Scale("backward time", "bwd_ns", "time", units.ns, False, True),
    "update": Scale("update / parameter, rms per step", "update", "time", units.number),
    "health": Names("health of values and gradients", _health, _health_words),
    "device": Names("device", lambda node, card: card.get("device")),
    "findings": Names(
        "findings, worst of a card", lambda node, card: card.get("finding"), _finding_words
    ),
    "change": Scale("largest change of a value, relative", "change", "time", units.number),
}
OVERLAYS = ("family", *TABLE)


def overlay(
    view: GraphView,
    values: Mapping[str, Mapping[str, Any]],
    mode: str = "family",
    look: str | Theme = "light",
    unit: str = "",
) -> Overlay:
    """Colours of the cards for one overlay; ``custom:name`` shows numbers that the program logged.

    Raises:
        UsageError: there is no overlay of that name.
    """
    colours = theme(look)
    if mode == "family":
        return _families(view, colours)
    if mode.startswith(CUSTOM):

        def say(number: float) -> str:
            return f"{units.number(number)} {unit}".strip()

        name = units.clip(mode[len(CUSTOM) :], 60)
        return _signed(view, values, mode, colours, name + (f" ({unit})" if unit else ""), say)
    row = TABLE.get(mode)
    if row is None:
        raise UsageError(
            f"there is no overlay {mode!r}: nodes can be coloured by {', '.join(OVERLAYS)}. "
            "Pass color='time' to see where the step's time goes."
        )
    if isinstance(row, Names):
        return _named(view, values, mode, colours, row)
    return _scaled(view, values, mode, colours, row)


def _families(view: GraphView, colours: Theme) -> Overlay:
    used = {node.family for node in view.nodes if node.kind in _WORK}
    # Parameters and inputs have a colour of their own unless ops of that family are there.
    names = dict(FAMILY_NAMES)
    for kind, family in ((PARAM, "other"), (INPUT, "data")):
        if any(node.kind == kind for node in view.nodes):
            names[family] = f"{_KINDS[kind]}, {names[family]}" if family in used else _KINDS[kind]
            used.add(family)
    entries = tuple((colours.families[key], name) for key, name in names.items() if key in used)
    return Overlay(
        {node.id: colours.families[node.family] for node in view.nodes},
        Legend("family", "operation family", "names", entries=entries),
    )


def _named(
    view: GraphView, values: Mapping[str, Mapping[str, Any]], mode: str, colours: Theme, row: Names
) -> Overlay:
    found = {
        node.id: word
        for node in view.nodes
        if (word := row.word(node, values.get(node.id, {}))) is not None
    }
    words = row.words(colours, set(found.values()))
    by_word = dict(words)
    entries = tuple((colour, units.clip(word, 60)) for word, colour in words)
    return Overlay(
        {id: by_word[word] for id, word in found.items() if word in by_word},
        Legend(mode, row.title, "names", entries=entries, nonfinite=colours.nonfinite),
    )


def _scaled(
    view: GraphView, values: Mapping[str, Mapping[str, Any]], mode: str, colours: Theme, row: Scale
) -> Overlay:
    numbers = {
        node.id: float(number)
        for node in view.nodes
        if (number := values.get(node.id, {}).get(row.key)) is not None
        and (node.kind in _WORK if row.work_only else number > 0)
    }
    low = min(numbers.values(), default=0.0) if row.logarithmic else 0.0
    high = max(numbers.values(), default=0.0)
    fills = {
        id: colours.heat(row.heat, _fraction(number, low, high, row.logarithmic))
        for id, number in numbers.items()
    }
    for node in view.nodes:
        if mode == "grad" and values.get(node.id, {}).get("health", "ok") != "ok":
            fills[node.id] = colours.nonfinite
    return Overlay(
        fills,
        Legend(
            mode, row.title, "scale", "log10" if row.logarithmic else "linear",
            colours=tuple(getattr(colours, row.heat)),
            ends=(row.say(low), row.say(high)) if numbers else ("", ""),
            nonfinite=colours.nonfinite, tops=_tops(view, numbers),
        ),
    )  # fmt: skip


def _signed(
    view: GraphView, values: Mapping[str, Mapping[str, Any]], mode: str, colours: Theme, title: str,
    say: Callable[[float], str],
) -> Overlay:  # fmt: skip
    """Numbers of any sign: from the least to the largest, or around zero where both signs occur."""
    numbers = {
        node.id: float(number)
        for node in view.nodes
        if (number := values.get(node.id, {}).get("custom")) is not None and math.isfinite(number)
    }
    low, high = min(numbers.values(), default=0.0), max(numbers.values(), default=0.0)
    heat = "memory"
    if low < 0 < high:
        high = max(-low, high)
        low, heat = -high, "signed"
    wide = high - low
    return Overlay(
        {id: colours.heat(heat, (n - low) / wide if wide else 0.5) for id, n in numbers.items()},
        Legend(
            mode, title, "scale", "linear", colours=tuple(getattr(colours, heat)),
            ends=(say(low), say(high)) if numbers else ("", ""), nonfinite=colours.nonfinite,
            tops=_tops(view, numbers),
        ),
    )  # fmt: skip


def _tops(view: GraphView, numbers: Mapping[str, float]) -> tuple[tuple[str, str], ...]:
    """The cards with the least and with the largest number, so that a legend can lead to them."""
    if not numbers:
        return ()
    names = {node.id: node.label for node in view.nodes}
    found = (min(numbers, key=numbers.__getitem__), max(numbers, key=numbers.__getitem__))
    return tuple((id, units.clip(names[id], 40)) for id in found)


def _fraction(number: float, low: float, high: float, logarithmic: bool) -> float:
    if high <= low:
        return 0.5 if number else 0.0
    if not logarithmic:
        return number / high
    return math.log(number / low) / math.log(high / low)
