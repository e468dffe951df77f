"""Overlays: one colour per visible card, and the one legend that explains them.

Family is a set of names; time, memory and gradient are scales whose legend gives both ends.
Non-finite values stand outside every scale, missing ones have no colour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.errors import UsageError
from graphscope.view.palette import FAMILY_NAMES, Theme, theme
from graphscope.view.structure import INPUT, OP, PARAM
from graphscope.view.visible import SCOPE

if TYPE_CHECKING:
    from graphscope.view.graphview import GraphView

OVERLAYS = ("family", "time", "memory", "grad")
_KINDS = {PARAM: "parameter", INPUT: "input"}
_TITLES = {
    "family": "operation family",
    "time": "share of step time",
    "memory": "output size",
    "grad": "gradient, rms",
}


@dataclass(frozen=True)
class Legend:
    """``kind`` is ``names`` (entries) or ``scale`` (colours from low to high, ``ends`` as text)."""

    mode: str
    title: str
    kind: str
    scaling: str = ""
    entries: tuple[tuple[str, str], ...] = ()
    colours: tuple[str, ...] = ()
    ends: tuple[str, str] = ("", "")
    nonfinite: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Overlay:
    """``fills`` holds a colour for every card that has one in this mode."""

    fills: Mapping[str, str]
    legend: Legend

    def to_json(self) -> dict[str, Any]:
        return {"fills": dict(self.fills), "legend": self.legend.to_json()}


def overlay(
    view: GraphView,
    values: Mapping[str, Mapping[str, Any]],
    mode: str = "family",
    look: str | Theme = "light",
) -> Overlay:
    """Colours of the cards for one overlay.

    Raises:
        UsageError: there is no overlay of that name.
    """
    colours = theme(look)
    if mode == "family":
        used = {node.family for node in view.nodes if node.kind in (OP, SCOPE)}
        # Parameters and inputs have a colour of their own unless ops of that family are there.
        names = dict(FAMILY_NAMES)
        for kind, family in ((PARAM, "other"), (INPUT, "data")):
            if any(node.kind == kind for node in view.nodes):
                names[family] = (
                    f"{_KINDS[kind]}, {names[family]}" if family in used else _KINDS[kind]
                )
                used.add(family)
        return Overlay(
            {node.id: colours.families[node.family] for node in view.nodes},
            Legend(
                mode,
                _TITLES[mode],
                "names",
                entries=tuple(
                    (colours.families[key], name) for key, name in names.items() if key in used
                ),
            ),
        )
    if mode not in OVERLAYS:
        raise UsageError(
            f"there is no overlay {mode!r}: nodes can be coloured by {', '.join(OVERLAYS)}. "
            "Pass color='time' to see where the step's time goes."
        )
    key = {"time": "share", "memory": "bytes", "grad": "grad_rms"}[mode]
    numbers = {
        node.id: float(number)
        for node in view.nodes
        if (number := values.get(node.id, {}).get(key)) is not None
        and (number > 0 if mode != "time" else node.kind in (OP, SCOPE))
    }
    logarithmic = mode != "time"
    low = min(numbers.values(), default=0.0) if logarithmic else 0.0
    high = max(numbers.values(), default=0.0)
    scale = "memory" if mode == "memory" else "time"
    fills = {
        id: colours.heat(scale, _fraction(number, low, high, logarithmic))
        for id, number in numbers.items()
    }
    for node in view.nodes:
        if mode == "grad" and values.get(node.id, {}).get("health", "ok") != "ok":
            fills[node.id] = colours.nonfinite
    writers: dict[str, Callable[[float], str]] = {
        "time": units.share,
        "memory": units.bytes_,
        "grad": units.number,
    }
    say = writers[mode]
    ends = (say(low), say(high)) if numbers else ("", "")
    return Overlay(
        fills,
        Legend(
            mode,
            _TITLES[mode],
            "scale",
            "log10" if logarithmic else "linear",
            colours=tuple(getattr(colours, scale)),
            ends=ends,
            nonfinite=colours.nonfinite,
        ),
    )


def _fraction(number: float, low: float, high: float, logarithmic: bool) -> float:
    if high <= low:
        return 0.5 if number else 0.0
    if not logarithmic:
        return number / high
    return math.log(number / low) / math.log(high / low)
