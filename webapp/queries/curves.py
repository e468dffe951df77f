"""The cards of the Curves page: which curves there are, in which group, and the figures that are asked for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2s
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope.units import clip, number
from graphscope.view.figures import curves
from graphscope.webapp.queries import scalars as query
from graphscope.webapp.queries import windows
from graphscope.webapp.queries.events import Event
from graphscope.webapp.queries.hparams import mean_band, value_text
from graphscope.webapp.theme import chart_layout

if TYPE_CHECKING:
    from graphscope.view.palette import Theme

MOST_RUNS = 100
MOST_CARDS = 240
FIRST = 8  # figures of a page that has not said what it shows
TOP, REST = "Pinned", "Other"


@dataclass(frozen=True)
class Wish:
    """What the page asked for."""

    runs: tuple[str, ...]
    find: str
    smooth: float
    log: bool
    axis: str
    look: Theme
    want: frozenset[str] | None = None
    """Keys of the cards that are on screen; None before the page knows."""
    pins: tuple[str, ...] = ()
    windows: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    calm: bool = False
    by: str = ""
    drawn: frozenset[str] | None = None
    """The runs that are drawn; the others keep their place and colour."""
    events: bool = True

    @property
    def alone(self) -> bool:
        """Whether one run is looked at: it has the colour of values."""
        return len(self.runs) == 1


@dataclass(frozen=True)
class Found:
    """One run with all its curves."""

    place: int
    name: str
    start: int
    """When it began, in nanoseconds since 1970."""
    series: dict[str, query.Series]
    hparams: Mapping[str, Any] = field(default_factory=dict)
    origin: tuple[int, str] | None = None
    """Step and op in which its numbers stopped being finite, where that is known."""


def cards(found: Sequence[Found], wish: Wish, events: Sequence[Event] = ()) -> dict[str, Any]:
    """``cards`` (all, with figures where asked for), ``groups`` in their order, and how many are ``hidden``."""
    tags = [tag for run in found for tag in run.series]
    known = [tag for tag in dict.fromkeys(tags) if wish.find in tag.casefold()]
    placed = grouped(known, frozenset(wish.pins))
    hidden = max(0, len(placed) - MOST_CARDS)
    shared = chart_layout(wish.look.name)
    drawn = [run for run in found if wish.drawn is None or run.name in wish.drawn]
    places = group_places(found, wish.by)
    out = []
    for k, (group, tag) in enumerate(placed[:MOST_CARDS]):
        card = key(tag)
        mine = [run for run in drawn if tag in run.series]
        told: dict[str, Any] = {
            "key": card,
            "tag": clip(tag, 400),
            "group": group,
            "loss": query.is_loss(tag),
            "last": _last(tag, mine, wish),
        }
        if k < FIRST if wish.want is None else card in wish.want:
            told["figure"] = _figure(tag, card, mine, wish, shared, events, places)
        out.append(told)
    groups = list(dict.fromkeys(card["group"] for card in out))
    return {"cards": out, "groups": groups, "hidden": hidden}


def one_loss(found: Sequence[Found]) -> tuple[list[Found], list[str]]:
    """Each run's loss under the name that the watched run, the first, has for it, and sentences about that.

    Who lays runs over each other wants their losses on one card, also where they were logged as ``loss`` here and
    ``loss/train`` there.
    """
    first = found[0].series if found else {}
    main = next((tag for tag in first if query.is_loss(tag)), None)
    out, said = [], []
    for run in found:
        own = next((t for t in run.series if query.is_loss(t) and t not in first), None)
        if main is None or own is None or main in run.series:
            out.append(run)
            continue
        rest = {tag: points for tag, points in run.series.items() if tag != own}
        out.append(replace(run, series={main: run.series[own], **rest}))
        said.append(
            f"The loss of {run.name}, which it calls {clip(own, 60)}, is drawn with {clip(main, 60)}."
        )
    return out, said[:3]


def grouped(tags: Sequence[str], pins: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    """``(group, tag)``: losses and pinned ones on top, then by prefix; who has no company is in the rest.

    >>> grouped(["b/y", "b/x", "lr", "loss"])
    [('Pinned', 'loss'), ('b', 'b/x'), ('b', 'b/y'), ('Other', 'lr')]
    """
    above = [tag for tag in tags if query.is_loss(tag) or key(tag) in pins]
    below = [tag for tag in tags if tag not in set(above)]
    count = Counter(_prefix(tag) for tag in below)
    named = {tag: _prefix(tag) if count[_prefix(tag)] > 1 else "" for tag in below}
    above.sort(key=lambda tag: (not query.is_loss(tag), tag.casefold()))
    below.sort(key=lambda tag: (not named[tag], named[tag].casefold(), tag.casefold()))
    return [(TOP, tag) for tag in above] + [(clip(named[t], 60) or REST, t) for t in below]


def _prefix(tag: str) -> str:
    return tag.split("/", 1)[0] if "/" in tag else ""


def key(tag: str) -> str:
    """A short name for a card: tags may be anything, ids should not."""
    return blake2s(tag.encode("utf-8", "replace")).hexdigest()[:12]


def _last(tag: str, mine: Sequence[Found], wish: Wish) -> list[list[str]]:
    digits = 4 if query.is_loss(tag) else 3
    if wish.by and len(mine) > 1:
        return []
    return [
        [
            curves.colour(wish.look, run.place, wish.alone),
            number(float(run.series[tag][1][-1]), digits),
        ]
        for run in mine[:4]
    ]


def _figure(
    tag: str,
    card: str,
    mine: Sequence[Found],
    wish: Wish,
    shared: dict[str, Any],
    events: Sequence[Event],
    places: Mapping[str, int],
) -> dict[str, Any]:
    window = wish.windows.get(card)
    limit = max(80, min(query.POINTS, 8 * query.POINTS // max(len(mine), 1)))
    if wish.by and len(mine) > 1:
        lines = _groups(tag, mine, wish, places)
    else:
        lines = [c for run in mine for c in _curves(run, tag, wish, window, limit)]
    view = _view([c.y for c in lines], wish.log) if wish.calm else None
    if view is not None:
        lines = [_with_peaks(c, view) for c in lines]
    marks = _marks(events, mine, wish) if wish.events else []
    return curves.figure(lines, wish.look, shared, wish.axis, wish.log, view, marks)


def _curves(
    run: Found,
    tag: str,
    wish: Wish,
    window: tuple[float, float] | None,
    limit: int,
) -> list[curves.Curve]:
    """A run's points of one tag, thinned to what a screen can show: one curve per part of a restarted run."""
    steps, values, wall = run.series[tag]
    x = x_of(wish.axis, run.start, steps, wall)
    since, op = run.origin if run.origin and query.is_loss(tag) else (0, "")
    out = []
    stretches = windows.parts(steps)
    for first, end in stretches:
        part, at = values[first:end], x[first:end]
        kept = windows.cut(at, part, limit, window)
        smooth = query.smoothed(part, wish.smooth)[kept] if wish.smooth else part[:0]
        wild = [(*_around(at, a, b), int(steps[first + a])) for a, b in query.wild(part)]
        bad = part[~np.isfinite(part)]
        out.append(
            curves.Curve(
                run=run.name,
                place=run.place,
                as_value=wish.alone,
                x=at[kept].tolist(),
                y=_plain(part[kept]),
                steps=steps[first:end][kept].tolist(),
                smooth=_plain(smooth),
                wild=wild,
                word=number(float(bad[0])) if len(bad) else "",
                origin=op if wild and wild[0][2] >= since else "",
                faded=end != stretches[-1][1],
            )
        )
    return out


def group_places(found: Sequence[Found], by: str) -> dict[str, int]:
    """The colour of each value of a hyper-parameter, the same on every card; nothing without one."""
    words = [value_text(run.hparams.get(by)) for run in found] if by else []
    return {word: place for place, word in enumerate(dict.fromkeys(words))}


def colours(found: Sequence[Found], wish: Wish) -> list[list[str]]:
    """``[run, colour]`` of all runs: its own, or that of its group."""
    places = group_places(found, wish.by) if len(found) > 1 else {}
    return [
        [
            run.name,
            curves.colour(
                wish.look,
                places.get(value_text(run.hparams.get(wish.by)), run.place),
                wish.alone,
            ),
        ]
        for run in found
    ]


def _groups(
    tag: str, mine: Sequence[Found], wish: Wish, places: Mapping[str, int]
) -> list[curves.Curve]:
    """Mean and band of the runs that have the same value of a hyper-parameter; the axis is the step."""
    by: dict[str, list[Found]] = {}
    for run in mine:
        by.setdefault(value_text(run.hparams.get(wish.by)), []).append(run)
    out = []
    for word, runs in by.items():
        grid, mean, low, high = mean_band([run.series[tag] for run in runs], query.POINTS)
        smooth = query.smoothed(mean, wish.smooth) if wish.smooth else mean
        x = grid.astype(float)
        if wish.axis != "step" and len(grid):
            steps, _, wall = runs[0].series[tag]
            x = np.interp(grid, steps, x_of(wish.axis, runs[0].start, steps, wall))
        out.append(
            curves.Curve(
                run=f"{wish.by} {word}, {len(runs)} run{'s' if len(runs) > 1 else ''}",
                place=places[word],
                x=x.tolist(),
                y=_plain(smooth),
                steps=grid.tolist(),
                band=(low.tolist(), high.tolist()),
            )
        )
    return out


def _view(columns: Sequence[Sequence[float | None]], log: bool) -> tuple[float, float] | None:
    found = [v for column in columns for v in column if v is not None]
    return windows.calm(np.array(found, np.float64), log)


def _with_peaks(curve: curves.Curve, view: tuple[float, float]) -> curves.Curve:
    y = np.array([math.nan if v is None else v for v in curve.y], np.float64)
    found = windows.peaks(y, *view)
    peaks = [(curve.x[at], float(y[at]), curve.steps[at], above) for at, above in found]
    return replace(curve, peaks=peaks)


def _marks(events: Sequence[Event], mine: Sequence[Found], wish: Wish) -> list[curves.Event]:
    """The events of the first run, where they lie on this axis."""
    if not events or not mine:
        return []
    if wish.axis == "step":
        return [curves.Event(float(step), step, kind, text) for step, kind, text in events]
    run = mine[0]
    steps, _, wall = max(run.series.values(), key=lambda s: len(s[0]))
    order = np.argsort(steps, kind="stable")
    x = x_of(wish.axis, run.start, steps, wall)
    at = np.interp([e[0] for e in events], steps[order], x[order]).tolist()
    return [curves.Event(p, s, k, t) for p, (s, k, t) in zip(at, events, strict=True)]


def x_of(axis: str, start: int, steps: Any, wall: Any) -> Any:
    if axis == "step":
        return steps.astype(float)
    if axis == "relative":
        return wall / 1e9
    # Plotly's dates are milliseconds since 1970 and know no zone: the local clock is meant.
    zone = datetime.fromtimestamp(start / 1e9).astimezone().utcoffset() or timedelta()
    return (start + wall) / 1e6 + zone.total_seconds() * 1e3


def _around(x: Any, first: int, last: int) -> tuple[float, float]:
    """From halfway to the point before, to halfway to the point behind."""
    before = (x[first] - x[first - 1]) / 2 if first else None
    behind = (x[last + 1] - x[last]) / 2 if last + 1 < len(x) else None
    left = before if before is not None else behind if behind is not None else 0.5
    right = behind if behind is not None else left
    return float(x[first] - left), float(x[last] + right)


def _plain(values: Any) -> list[float | None]:
    return [v if math.isfinite(v) else None for v in values.tolist()]
