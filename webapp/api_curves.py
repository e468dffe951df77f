"""The routes of the Curves page: the figures of its cards, the table of values, and what its other tabs ask for."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Flask, Response, jsonify, request

from graphscope.analysis.rates import Rates
from graphscope.errors import GraphScopeError, TraceError
from graphscope.trace.reader import TraceReader
from graphscope.view.palette import theme
from graphscope.webapp.api import as_json
from graphscope.webapp.components.chart import CONFIG
from graphscope.webapp.pages import logged
from graphscope.webapp.queries import curves as cards
from graphscope.webapp.queries import scalars as query
from graphscope.webapp.queries.curve_table import csv_text, rows_at
from graphscope.webapp.queries.curves import MOST_RUNS, Found, Wish
from graphscope.webapp.queries.events import events_of, origin_of
from graphscope.webapp.queries.hparams import differing, hparams_of
from graphscope.webapp.runs import RunDirectory
from graphscope.webapp.shared import revision_of

_KEY = re.compile(r"[0-9a-f]{12}")


def wish_of_request() -> Wish:
    """What the address asks for; nonsense is the default."""
    given = request.args
    others = [run for run in given.getlist("with") if run]
    runs = tuple(dict.fromkeys([given.get("run", ""), *others]))[:MOST_RUNS]
    axis = given.get("x", "step")
    want = given.get("want")
    drawn = frozenset(given.getlist("draw"))
    return Wish(
        runs=runs,
        find=given.get("find", "")[:200].casefold(),
        smooth=_weight(given.get("smooth", "")),
        log=given.get("log", "") == "1",
        axis=axis if axis in query.X_AXES else "step",
        look=theme("dark" if given.get("theme") == "dark" else "light"),
        want=None if want is None else frozenset(_KEY.findall(want)),
        pins=tuple(_KEY.findall(given.get("pins", ""))),
        windows=_windows(given.getlist("window")),
        calm=given.get("calm", "") == "1",
        by=given.get("group", "")[:200],
        drawn=drawn or None,
        events=given.get("events", "") != "0",
    )


def register(server: Flask, source: RunDirectory) -> None:
    """Add ``/api/curves``, ``/api/curve_table``, ``/api/curves.csv`` and the routes of the other tabs."""
    kept = source.shared.scalars

    def asked() -> dict[str, Any]:
        return answer(source, wish_of_request(), kept.series, kept.rates)

    def rows() -> dict[str, Any]:
        wish = wish_of_request()
        text = request.args.get("step", "")
        step = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
        found, problems = find_runs(source, wish, kept.series)
        drawn = [run for run in found if wish.drawn is None or run.name in wish.drawn]
        return {"rows": rows_at(drawn, step, wish.find), "problems": problems}

    def numbers() -> Any:
        wish = wish_of_request()
        try:
            found, _ = find_runs(source, wish, kept.series)
            drawn = [run for run in found if wish.drawn is None or run.name in wish.drawn]
            tag, text = csv_text(drawn, request.args.get("key", ""))
            if not tag:
                raise TraceError("There is no such curve.")
        except GraphScopeError as error:
            return jsonify({"error": str(error)}), 404
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", tag)[:60].strip("._") or "curve"
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Response(text, content_type="text/csv; charset=utf-8", headers=headers)

    server.add_url_rule("/api/curves", "gs_curves", as_json(asked))
    server.add_url_rule("/api/curve_table", "gs_curve_table", as_json(rows))
    server.add_url_rule("/api/curves.csv", "gs_curves_csv", numbers)
    logged.register(server, source)


def find_runs(
    source: RunDirectory, wish: Wish, series: Callable[[TraceReader], dict[str, query.Series]]
) -> tuple[list[Found], list[str]]:
    """The runs that can be read, and sentences about the others.

    Raises: TraceError when the first run cannot be read.
    """
    found, problems, files = [], [], source.files()
    for place, run in enumerate(wish.runs):
        try:
            reader = source.reader(run, files)
            hparams = hparams_of(reader) if len(wish.runs) > 1 else {}
            found.append(Found(place, run, _start(reader.header()), series(reader), hparams))
        except GraphScopeError as error:
            if place == 0:
                raise
            problems.append(str(error))
    found, said = cards.one_loss(found)
    return found, [*problems, *said]


def answer(
    source: RunDirectory,
    wish: Wish,
    series: Callable[[TraceReader], dict[str, query.Series]] = query.series,
    rates: Callable[[TraceReader], Rates] | None = None,
) -> dict[str, Any]:
    """The cards, and figures for those that are on screen (``want``).

    Raises: TraceError when the first run cannot be read; another run is left out and named.
    """
    found, problems = find_runs(source, wish, series)
    reader, doctors = source.reader(wish.runs[0]), source.shared.doctors
    # Without waiting for the rules: their counter is part of the page's news.
    doctors.nudge(reader, revision_of(reader))
    told = doctors.known(reader).found
    seen = rates(reader) if rates else None
    events = events_of(reader, found[0].series, told, seen) if wish.events else []
    found[0] = replace(found[0], origin=origin_of(reader, told))
    return cards.cards(found, wish, events) | {
        "problems": problems,
        "runs": cards.colours(found, wish),
        "hparams": differing([run.hparams for run in found]),
        "events": [[step, kind, text] for step, kind, text in events],
        "config": CONFIG,
    }


def _start(header: dict[str, str]) -> int:
    text = header.get("t0_unix_ns", "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _windows(texts: list[str]) -> dict[str, tuple[float, float]]:
    """``key:from:to`` each; what is no window is left out."""
    found = {}
    for text in texts[: cards.MOST_CARDS]:
        name, _, ends = text.partition(":")
        low, _, high = ends.partition(":")
        try:
            span = float(low), float(high)
        except ValueError:
            continue
        if (
            _KEY.fullmatch(name)
            and math.isfinite(span[0])
            and math.isfinite(span[1])
            and span[0] < span[1]
        ):
            found[name] = span
    return found


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return min(weight, 0.999) if weight > 0 else 0.0
