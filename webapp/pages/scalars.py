"""The Curves page: one card per scalar, the loss first, several runs on top of each other.

The script curves.js asks ``/api/curves`` for figures whenever there is news and hands them to the
charts with ``set_props``; the cards themselves are only replaced when the list of tags changes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2s
from typing import Any

from dash import html
from flask import Flask, request
from plotly.io.json import to_json_plotly

from graphscope.errors import GraphScopeError
from graphscope.trace.reader import TraceReader
from graphscope.units import number
from graphscope.view.figures import curves
from graphscope.view.palette import Theme, theme
from graphscope.webapp import ids
from graphscope.webapp.api import as_json
from graphscope.webapp.components.chart import chart
from graphscope.webapp.queries import scalars as query
from graphscope.webapp.queries.kept import Kept
from graphscope.webapp.runs import RunDirectory
from graphscope.webapp.theme import chart_layout

MOST_RUNS = 8  # more lines than this cannot be told apart
MOST_CARDS = 48


@dataclass(frozen=True)
class Wish:
    """What the page asked for."""

    runs: tuple[str, ...]
    find: str
    smooth: float
    log: bool
    axis: str
    look: Theme
    have: str

    @classmethod
    def from_request(cls) -> Wish:
        given = request.args
        others = [run for run in given.getlist("with") if run]
        runs = tuple(dict.fromkeys([given.get("run", ""), *others]))[:MOST_RUNS]
        axis = given.get("x", "step")
        return cls(
            runs=runs,
            find=given.get("find", "")[:200].casefold(),
            smooth=_weight(given.get("smooth", "")),
            log=given.get("log", "") == "1",
            axis=axis if axis in query.X_AXES else "step",
            look=theme("dark" if given.get("theme") == "dark" else "light"),
            have=given.get("have", ""),
        )


@dataclass(frozen=True)
class Found:
    """One run with all its curves."""

    place: int
    name: str
    start: int
    """When it began, in nanoseconds since 1970."""
    series: dict[str, query.Series]


def layout() -> Any:
    """A bar that curves.js fills, and the box of cards."""
    return html.Div(
        [
            html.Div(className="gs-curves-bar", role="toolbar", **{"aria-label": "Curves"}),
            html.Div(
                [
                    html.P(className="gs-curves-note", role="status"),
                    html.Div(id=ids.CURVES, className="gs-cards"),
                ],
                className="gs-curves-scroll",
                tabIndex="0",
                role="region",
                **{"aria-label": "Curves"},
            ),
        ],
        className="gs-curves",
        **{"data-gs": "curves"},
    )


def register(server: Flask, source: RunDirectory) -> None:
    """Add ``/api/curves``."""
    kept = Kept()
    server.add_url_rule(
        "/api/curves",
        "gs_curves",
        as_json(lambda: answer(source, Wish.from_request(), kept.series)),
    )


def answer(
    source: RunDirectory,
    wish: Wish,
    series: Callable[[TraceReader], dict[str, query.Series]] = query.series,
) -> dict[str, Any]:
    """The figures, and the cards too unless the page has them already (``have``).

    Raises: TraceError when the first run cannot be read; another run is left out and named.
    """
    found, problems = [], []
    for place, run in enumerate(wish.runs):
        try:
            reader = source.reader(run)
            found.append(Found(place, run, _start(reader.header()), series(reader)))
        except GraphScopeError as error:
            if place == 0:
                raise
            problems.append(str(error))
    known = dict.fromkeys(tag for run in found for tag in run.series)
    tags = [tag for tag in known if wish.find in tag.casefold()]
    tags.sort(key=lambda tag: (not query.is_loss(tag), tag.casefold()))
    hidden = max(0, len(tags) - MOST_CARDS)
    shared = chart_layout(wish.look.name)
    cards = [_card(tag, found, wish, shared) for tag in tags[:MOST_CARDS]]
    keys = blake2s(repr([(c["key"], len(wish.runs)) for c in cards]).encode()).hexdigest()[:16]
    out: dict[str, Any] = {"have": keys, "cards": cards, "hidden": hidden, "problems": problems}
    out["runs"] = [[run.name, curves.colour(wish.look, run.place)] for run in found]
    if keys != wish.have:
        boxes = [_box(tag, card) for tag, card in zip(tags, cards, strict=False)]
        out["children"] = json.loads(to_json_plotly(boxes))
    return out


def _card(tag: str, found: list[Found], wish: Wish, shared: dict[str, Any]) -> dict[str, Any]:
    mine = [run for run in found if tag in run.series]
    lines = [_curve(run, run.series[tag], wish) for run in mine]
    digits = 4 if query.is_loss(tag) else 3
    last = [
        [curves.colour(wish.look, run.place), number(float(run.series[tag][1][-1]), digits)]
        for run in mine
    ]
    figure = curves.figure(lines, wish.look, shared, wish.axis, wish.log)
    return {"key": _key(tag), "figure": figure, "last": last}


def _curve(run: Found, points: query.Series, wish: Wish) -> curves.Curve:
    """A run's points of one tag, thinned to what a screen can show."""
    steps, values, wall = points
    kept = query.keep(values, query.POINTS)
    smooth = query.smoothed(values, wish.smooth)[kept] if wish.smooth else values[:0]
    x = _x(wish.axis, run.start, steps, wall)
    wild = [(*_around(x, a, b), int(steps[a])) for a, b in query.wild(values)]
    return curves.Curve(
        run=run.name,
        place=run.place,
        x=x[kept].tolist(),
        y=_plain(values[kept]),
        steps=steps[kept].tolist(),
        smooth=_plain(smooth),
        wild=wild,
    )


def _x(axis: str, start: int, steps: Any, wall: Any) -> Any:
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


def _start(header: dict[str, str]) -> int:
    text = header.get("t0_unix_ns", "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _key(tag: str) -> str:
    """A short name for a card: tags may be anything, ids should not."""
    return blake2s(tag.encode("utf-8", "replace")).hexdigest()[:12]


def _box(tag: str, card: dict[str, Any]) -> Any:
    head = html.Header(
        [html.H2(tag if len(tag) <= 200 else tag[:197] + "...", title=tag[:400]), html.Div()]
    )
    return html.Article(
        [head, chart(ids.curve(card["key"]), card["figure"])],
        className="gs-curve gs-curve-loss" if query.is_loss(tag) else "gs-curve",
        key=card["key"],
        **{"data-curve": card["key"]},
    )


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return min(weight, 0.999) if weight > 0 else 0.0
