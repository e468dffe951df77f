"""Charts -> pgfplots: the numbers themselves as coordinates, for a paper that restyles its plots.

A ``.pgfplots`` file is one ``tikzpicture`` to ``\\input``; it needs ``\\usepackage{pgfplots}`` with
``\\pgfplotsset{compat=1.14}`` or newer. The same chart as ``.tikz`` looks like the SVG instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from graphscope.errors import UsageError
from graphscope.export.files import writing
from graphscope.export.tikz import escape
from graphscope.view.palette import theme

MOST = 5_000  # coordinates of one series: TeX's memory ends not far beyond


@dataclass(frozen=True)
class Series:
    """Points of one line, or lengths of bars. ``style`` is pgfplots' own: ``no marks, dashed``."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: str = ""
    style: str = "no marks"


@dataclass(frozen=True)
class Box:
    """A filled rectangle from (x0, y0) to (x1, y1) in the axes' own numbers."""

    x0: float
    y0: float
    x1: float
    y1: float
    colour: str


@dataclass(frozen=True)
class Plot:
    """What a chart shows, as numbers: axes with their names and units, and series."""

    xlabel: str
    ylabel: str
    series: Sequence[Series] = ()
    boxes: Sequence[Box] = ()
    title: str = ""
    rows: Sequence[str] = ()
    """Names of the rows of a level chart, top first; row k lies at y = -k."""
    options: Sequence[str] = field(default_factory=tuple)


def pgfplots_text(plot: Plot) -> str:
    """The chart as a ``tikzpicture`` with an ``axis``."""
    colours: dict[str, str] = {}
    options = [f"xlabel={{{escape(plot.xlabel)}}}", "width=12cm", "height=7cm", *plot.options]
    if plot.ylabel:
        options.append(f"ylabel={{{escape(plot.ylabel)}}}")
    if plot.title:
        options.append(f"title={{{escape(plot.title)}}}")
    if plot.rows:
        ticks = ",".join(str(-k) for k in range(len(plot.rows)))
        labels = ",".join(f"{{{escape(row)}}}" for row in plot.rows)
        options += [f"ytick={{{ticks}}}", f"yticklabels={{{labels}}}"]
    body: list[str] = []
    for box in plot.boxes:
        corners = (
            f"(axis cs:{_n(box.x0)},{_n(box.y0)}) rectangle (axis cs:{_n(box.x1)},{_n(box.y1)})"
        )
        body.append(rf"\fill[{_colour(box.colour, colours)}] {corners};")
    for series in plot.series:
        style = ",".join(x for x in (_colour(series.colour, colours), series.style) if x)
        points = " ".join(f"({_n(x)},{_n(y)})" for x, y in _finite(series.points))
        body.append(rf"\addplot[{style}] coordinates {{{points}}};")
        if series.name:
            body.append(rf"\addlegendentry{{{escape(series.name)}}}")
    defined = [rf"\definecolor{{{name}}}{{HTML}}{{{value[1:]}}}" for value, name in colours.items()]
    return "\n".join(
        [
            "% made by GraphScope; needs the package pgfplots",
            *defined,
            r"\begin{tikzpicture}",
            rf"\begin{{axis}}[{', '.join(options)}]",
            *body,
            r"\end{axis}",
            r"\end{tikzpicture}",
            "",
        ]
    )


def _colour(value: str, colours: dict[str, str]) -> str:
    if not value:
        return ""
    value = value.upper()
    return colours.setdefault(value, "gs" + "".join(chr(ord("a") + int(c, 16)) for c in value[1:]))


def _finite(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points that TeX can read, thinned evenly where there are too many (first and last stay)."""
    kept = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if len(kept) <= MOST:
        return kept
    step = (len(kept) - 1) / (MOST - 1)
    return [kept[round(k * step)] for k in range(MOST)]


def _n(value: float) -> str:
    return f"{value:.6g}"


# ---------------------------------------------------------------- the four charts


def of_curves(
    curves: Sequence[tuple[str, Sequence[float], Sequence[float]]], ylabel: str, title: str, look: str
) -> Plot:  # fmt: skip
    """Numbers over steps: (name, steps, values) of each run."""
    colours = theme(look)
    dashes = ("solid", "dashed", "dotted", "dash dot")
    series = [
        Series(
            name if len(curves) > 1 else "", list(zip(steps, values, strict=True)),
            colours.runs[k % len(colours.runs)] if k else colours.value, f"no marks, thick, {dashes[k % 4]}",
        )
        for k, (name, steps, values) in enumerate(curves)
    ]  # fmt: skip
    finite = [v for _, _, values in curves for v in values if math.isfinite(v)]
    log = bool(finite) and min(finite) > 0 and max(finite) > 100 * min(finite)
    return Plot("step", ylabel, series, title=title, options=("ymode=log",) if log else ("ymin=0",) if finite and min(finite) >= 0 else ())  # fmt: skip


def of_bars(
    rows: Sequence[tuple[str, Sequence[float]]], parts: Sequence[str], title: str, look: str
) -> Plot:
    """Nanoseconds per op and phase as stacked level bars."""
    colours = theme(look)
    series = []
    for k, part in enumerate(parts):
        points = [(row[k] / 1e3, -float(i)) for i, (_, row) in enumerate(rows)]
        if any(x for x, _ in points):
            series.append(
                Series(part, points, colours.phases[part], f"fill={_name(colours.phases[part])}")
            )
    options = (
        "xbar stacked",
        "bar width=8pt",
        "xmin=0",
        "legend style={at={(0.97,0.03)},anchor=south east}",
    )
    return Plot(
        "time in a step (\u00b5s)",
        "",
        series,
        title=title,
        rows=[name for name, _ in rows],
        options=options,
    )


def _name(value: str) -> str:
    return "gs" + "".join(chr(ord("a") + int(c, 16)) for c in value.upper()[1:])


def of_memory(times: Sequence[float], sizes: Sequence[float], title: str, look: str) -> Plot:
    """Bytes alive over the nanoseconds of a step."""
    points = [(t / 1e6, size / 2**20) for t, size in zip(times, sizes, strict=True)]
    line = Series("", points, theme(look).value, "no marks, thick, const plot")
    return Plot(
        "time since the step began (ms)",
        "memory alive (MiB)",
        [line],
        title=title,
        options=("ymin=0",),
    )


def of_lanes(
    lanes: Sequence[tuple[str, Sequence[tuple[float, float]]]], title: str, look: str
) -> Plot:
    """Intervals (nanoseconds) by phase: one row a phase."""
    colours = theme(look)
    boxes = [
        Box(begin / 1e6, -k - 0.3, end / 1e6, -k + 0.3, colours.phases[phase])
        for k, (phase, bars) in enumerate(lanes)
        for begin, end in bars
    ]
    last = max((end for _, bars in lanes for _, end in bars), default=1.0) / 1e6
    options = (f"ymin={-len(lanes) + 0.4}", "ymax=0.6", "xmin=0", f"xmax={_n(last)}")
    return Plot(
        "time since the step began (ms)", "", (), boxes, title, [p for p, _ in lanes], options
    )


def write(plot: Plot | None, path: str, **options: object) -> None:
    """Write a chart's numbers to a ``.pgfplots`` file. Raises: UsageError for what is no chart."""
    if plot is None:
        raise UsageError(
            f"cannot save this figure to {path!r}: pgfplots draws charts (gs.figures.loss, timeline, memory, ops). "
            "Save a graph as .tikz."
        )
    with writing(path) as file:
        file.write(pgfplots_text(plot))
