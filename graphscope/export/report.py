"""A run as one offline HTML page: what was found, curves, graph, time, memory, the lines that cost most.

Nothing in it runs but the player of the graph, which sits in a frame that may run its own script and nothing else;
nothing is loaded from anywhere. Pictures are data inside ``<img>``, where nothing in an SVG can run; every name that a
program chose is escaped. Made to be mailed: it opens from an attachment.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from textwrap import dedent

import numpy as np

from graphscope import units
from graphscope.analysis.aggregate import key_averages
from graphscope.analysis.doctor import Finding, findings
from graphscope.analysis.holders import step_memory
from graphscope.analysis.rates import with_rates
from graphscope.analysis.steps import steps as step_rows
from graphscope.errors import GraphScopeError
from graphscope.export import charts
from graphscope.export.figure import Figure, figure_of_run
from graphscope.export.files import writing
from graphscope.export.player.page import hash_of, player_script
from graphscope.export.player.page import page as player
from graphscope.export.report_page import PAGE, SORT, STYLE
from graphscope.trace.reader import TraceReader
from graphscope.view import text as fonts
from graphscope.view.palette import DARK, LIGHT, Theme

MOST_CURVES = 12
MOST_CARDS = 300
SEVERITIES = {"error": "Error", "warning": "Warning", "info": "Note"}
PARTS = {"python": "Python", "recorder": "recording"}  # as the dashboard calls them
ROWS = 25
AROUND = 2  # lines of code above and below
Cell = str | tuple[str, float]
"""A text, or a text and the number that it stands for: these stand at the right and sort as numbers."""
WORDS = {
    "finished": "Finished",
    "failed": "Failed",
    "live": "Still running",
    "stale": "No end was written",
}


def write(reader: TraceReader, target: Path, chosen: Sequence[int] | None = None) -> dict[str, int]:
    """Write the page; returns how many curves and findings it shows. ``chosen``: the last one's graph is shown."""
    step = chosen[-1] if chosen else -1
    text, counted = page(reader, step)
    with writing(target) as out:
        out.write(text)
    return counted


def page(reader: TraceReader, step: int = -1) -> tuple[str, dict[str, int]]:
    """The page as text, and what it shows."""
    found = findings(reader)
    tags = list(with_rates(reader))[:MOST_CURVES]
    parts = [_head(reader), _error(reader), _findings(reader, found)]
    parts += [_part("Curves", lambda: _curves(reader, tags))]
    if len(reader.steps()):
        parts += [
            _part("Where a step's time goes", lambda: _breakdown(reader)),
            _part("Graph", lambda: _graph(reader, step)),
            _part("Time line of a step", lambda: _picture(lambda t: charts.timeline(reader, step, theme=t), "time line")),
            _part("Ops", lambda: _averages(reader, "op")),
            _part("Source lines", lambda: _lines(reader)),
            _part("Memory", lambda: _memory(reader, step)),
        ]  # fmt: skip
    parts += [_part("About this run", lambda: _facts(reader))]
    text = PAGE.format(
        title=_t(charts.name_of(reader)), light=_variables(LIGHT), dark=_variables(DARK), style=STYLE,
        body="\n".join(p for p in parts if p), sort=SORT, scripts=_scripts(),
    )  # fmt: skip
    return text, {"curves": len(tags) or 1, "findings": len(found)}


def _scripts() -> str:
    """The two scripts that may run, by hash: the frame of the player inherits the policy of this page."""
    return " ".join(f"'{hash_of(text)}'" for text in (SORT, player_script()))


def _part(title: str, make: Callable[[], str]) -> str:
    """A section; what cannot be shown says why, and the rest of the page is there all the same."""
    try:
        inside = make()
    except (GraphScopeError, ValueError) as error:
        inside = f'<p class="quiet">Not shown: {_t(str(error))}</p>'
    return f"<section><h2>{_t(title)}</h2>{inside}</section>" if inside else ""


# ---------------------------------------------------------------- words


def _head(reader: TraceReader) -> str:
    header, table = reader.header(), reader.steps()
    state = reader.state(header)
    said = [WORDS.get(state, state)]
    if len(table):
        took = float(table.t0_ns[-1] + table.wall_ns[-1] - table.t0_ns[0])
        said.append(f"{units.count(len(table))} steps in {units.ns(took)}")
        said.append(f"{units.ns(float(np.median(table.wall_ns)))} a step")
        finite = np.isfinite(table.loss)
        if finite.any():
            best = int(np.where(finite, table.loss, np.inf).argmin())
            said.append(
                f"least loss {units.loss(float(table.loss[best]))} at step {units.count(int(table.num[best]))}"
            )
        if table.wall_ns.sum() > 0:
            said.append(
                f"recording took {units.share(float(table.rec_ns.sum() / table.wall_ns.sum()))}"
            )
    else:
        said.append("no training step was recorded")
    dots = charts.DOT.join(said)
    return f'<header><h1>{_t(charts.name_of(reader))}</h1><p class="{_t(state)}">{_t(dots)}</p></header>'


def _error(reader: TraceReader) -> str:
    header = reader.header()
    error = header.get("error")
    if not error:
        return ""
    where = header.get("error_file")
    line = f"{Path(where).name}:{header.get('error_line', '?')}" if where else ""
    code = _code(reader, where, int(header.get("error_line", "0") or 0)) if where else ""
    return (
        f'<section class="failed"><h2>The program ended with an exception</h2><p>{_t(error)}</p>'
        f'<p class="mono">{_t(line)}</p>{code}</section>'
    )


def _findings(reader: TraceReader, found: Sequence[Finding]) -> str:
    if not found:
        return '<section><h2>Findings</h2><p class="quiet">No rule found anything.</p></section>'
    cards = []
    for one in found:
        when = ""
        if one.first_step >= 0:
            span = units.count(one.first_step)
            if one.last_step != one.first_step:
                span += f" to {units.count(one.last_step)}"
            when = f"step {span}"
        where = f"{Path(one.site.file).name}:{one.site.line}" if one.site else ""
        code = _code(reader, one.site.file, one.site.line) if one.site else ""
        cards.append(
            f'<article class="{_t(one.severity)}"><h3>{_t(SEVERITIES.get(one.severity, one.severity))}: {_t(one.title)}</h3>'
            f"<p>{_t(one.detail)}</p>{code}<p>{_t(one.means)}</p><p><b>To do:</b> {_t(one.fix)}</p>"
            f'<p class="quiet">{_t(charts.DOT.join(x for x in (when, where) if x))}</p></article>'
        )
    return f"<section><h2>Findings</h2>{''.join(cards)}</section>"


def _code(reader: TraceReader, file: str | None, line: int) -> str:
    text = reader.source(file) if file else None
    if text is None or line < 1:
        return ""
    lines = text.splitlines()
    first = max(1, line - AROUND)
    # Without the indentation that all of them share: on a phone it would take half of the width.
    shown = dedent("\n".join(lines[first - 1 : line + AROUND])).split("\n")
    rows = [
        f'<span class="{"here" if n == line else ""}"><i>{n}</i>{_t(row[:200])}</span>'
        for n, row in enumerate(shown, first)
    ]
    return f'<pre class="code">{"".join(rows)}</pre>'


# ---------------------------------------------------------------- pictures


def _picture(draw: Callable[[str], Figure], alt: str) -> str:
    light, dark = draw("light"), draw("dark")
    name = _t(alt)
    return (
        f'<picture tabindex="0"><source media="(prefers-color-scheme: dark)" srcset="{_data(dark)}">'
        f'<img src="{_data(light)}" width="{light.width:.0f}" height="{light.height:.0f}" alt="{name}"></picture>'
    )


def _data(figure: Figure) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(figure.svg.encode()).decode()


def _curves(reader: TraceReader, tags: Sequence[str]) -> str:
    drawn = []
    logged = any("loss" in tag.casefold() for tag in tags)
    if not logged and (np.isfinite(reader.steps().loss).any() or not tags):
        drawn.append(_picture(lambda t: charts.loss([reader], theme=t, title="loss"), "loss"))
    for tag in tags:
        drawn.append(_curve(reader, tag))
    rest = len(with_rates(reader)) - len(tags)
    more = (
        f'<p class="quiet">{units.count(rest)} more curves are in the run.</p>' if rest > 0 else ""
    )
    return f'<div class="grid">{"".join(drawn)}</div>{more}'


def _curve(reader: TraceReader, tag: str) -> str:
    return _picture(lambda t: charts.loss([reader], tag=tag, theme=t, title=tag), tag)


def _graph(reader: TraceReader, step: int) -> str:
    figure = figure_of_run(reader, step)
    view = figure.view
    if view is not None and len(view.nodes) > MOST_CARDS:
        figure = figure_of_run(reader, step, collapse=1)
    frame = escape(player(figure), quote=True)
    return (
        f'<iframe sandbox="allow-scripts" title="Graph" srcdoc="{frame}"></iframe>'
        '<p class="quiet">Play, click a card, hide the gradients: the figure runs by itself, offline.</p>'
    )


# ---------------------------------------------------------------- tables


def _breakdown(reader: TraceReader) -> str:
    rows = step_rows(reader)
    total = float(rows.column("wall").sum()) or 1.0
    names = ("data", "forward", "backward", "update", "copies", "python", "recorder")
    spent = {n: float(np.nansum(rows.column(n))) for n in names}
    bars = "".join(
        f'<i class="{n}" style="width:{100 * s / total:.3f}%" title="{n}"></i>'
        for n, s in spent.items()
        if s > 0
    )
    table = _table(
        ["part", "in all", "a step", "share"],
        [[PARTS.get(n, n), (units.ns(s), s), (units.ns(s / len(rows)), s), (units.share(s / total), s)]
         for n, s in spent.items() if s > 0],
    )  # fmt: skip
    for n in names:  # each row with the colour of its piece of the bar
        word = PARTS.get(n, n)
        table = table.replace(f"<td>{word}</td>", f'<td><i class="dot {n}"></i>{word}</td>', 1)
    return f'<div class="bar">{bars}</div>{table}'


def _averages(reader: TraceReader, by: str) -> str:
    found = key_averages(reader, by)
    rows: list[list[Cell]] = []
    for row in found.sorted("self" if by == "scope" else "total")[:ROWS]:
        rows.append([
            row.key, (units.count(row.calls), row.calls), (units.ns(row.total), row.total), (units.ns(row.mean), row.mean),
            (units.share(row.share), row.share),
        ])  # fmt: skip
    return _table([by, "calls", "total", "mean", "share of steps"], rows)


def _lines(reader: TraceReader) -> str:
    return _averages(reader, "line")


def _memory(reader: TraceReader, step: int) -> str:
    chart = _picture(lambda t: charts.memory(reader, step, theme=t), "memory")
    held = step_memory(reader, step)
    rows: list[list[Cell]] = [
        [h.label, (units.bytes_(h.nbytes), h.nbytes), h.shape, h.category, h.line, h.why]
        for h in list(held)[:ROWS]
    ]  # fmt: skip
    return chart + _table(["value", "bytes", "shape", "what", "line", "why it is alive"], rows)


def _facts(reader: TraceReader) -> str:
    hidden = {"traceback", "heartbeat", "control", "process"}
    rows: list[list[Cell]] = [
        [key, value[:300]] for key, value in sorted(reader.header().items()) if key not in hidden
    ]
    return (
        "<details><summary>Everything that the trace says of itself</summary>"
        + _table(["", ""], rows)
        + "</details>"
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    first = rows[0] if rows else [""] * len(heads)
    top = "".join(
        f'<th{_right(cell)}><button type="button">{_t(h)}</button></th>' if h else "<th></th>"
        for h, cell in zip(heads, first, strict=True)
    )
    body = "".join("<tr>" + "".join(_cell(c) for c in row) + "</tr>" for row in rows)
    return (
        f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return f"<td>{_t(cell)}</td>"
    return f'<td class="n" data-n="{cell[1]!r}">{_t(cell[0])}</td>'


def _right(cell: object) -> str:
    return "" if isinstance(cell, str) else ' class="n"'


def _t(text: str) -> str:
    return escape("\n".join(fonts.clean(line) for line in str(text).splitlines()))


def _variables(look: Theme) -> str:
    names = ("page", "surface", "line", "ink", "ink2", "ink3", "focus", "value", "gradient")
    found = [f"--{name}:{getattr(look, name)}" for name in names]
    found += [f"--{n}:{look.states[s]}" for n, s in (("failed", "failed"), ("warning", "paused"))]
    found += [f"--{n}:{c}" for n, c in look.phases.items()]
    return ";".join(found)
