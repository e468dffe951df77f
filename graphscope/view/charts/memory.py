"""The memory of one step over its time, with the peak, and who holds it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphscope import units
from graphscope.view import text as fonts
from graphscope.view.charts import axes as ax
from graphscope.view.charts.loss import thin
from graphscope.view.drawing import Drawing, Mark, Rect, label
from graphscope.view.palette import Theme, mix

FACTORS = {"B": 1.0, "KiB": 1024.0, "MiB": 2.0**20, "GiB": 2.0**30}
TIMES = {"ns": 1.0, "\u00b5s": 1e3, "ms": 1e6, "s": 1e9}
PANEL = 310.0
LARGEST = 7
STRIP = 18.0


@dataclass(frozen=True)
class Held:
    """One buffer (or one sum of small ones) that is alive at the peak."""

    name: str
    nbytes: int
    category: str


@dataclass(frozen=True)
class Stretch:
    """A phase of the step, in nanoseconds from its beginning."""

    phase: str
    begin: float
    end: float


def chart(
    times: Sequence[float],
    sizes: Sequence[float],
    wall: float,
    phases: Sequence[Stretch],
    holders: Sequence[Held],
    peak_at: str = "",
    look: str | Theme = "light",
    *,
    start: float = 0.0,
    title: str = "",
    subtitle: str = "",
    width: float = 900.0,
    height: float = 280.0,
    font: str = "normal",
) -> Drawing:
    """Bytes alive (``sizes``) from each of ``times`` on, and the buffers that make up the peak.

    ``start`` is what is alive when the step begins; ``holders`` come largest first.
    """
    s = ax.style(look, font)
    above = s.small + 14
    needs = above + height + STRIP * s.zoom + 8 + ax.foot_height(s)
    drawing, top = ax.page(s, width, needs, title, subtitle, "memory")
    top += above
    shown = [start, *sizes]
    unit = units.unit_of(shown, "bytes")
    highest = max(max(shown), 1.0)
    y = ax.Axis(0.0, highest * 1.08, top + height, top, f"memory alive ({unit})", FACTORS[unit])
    y.choose(s.small)
    side = max((fonts.width(t, s.small) for t in y.texts), default=0.0) + 10
    panel = PANEL * s.zoom
    word = units.unit_of([wall])
    x = ax.Axis(
        0.0, max(wall, 1.0), ax.MARGIN + side, width - ax.MARGIN - panel - 36,
        f"time since the step began ({word})", TIMES[word],
    ).choose(s.small)  # fmt: skip
    drawing.items += ax.upright(x, y, s)
    drawing.items += _curve(times, sizes, start, wall, x, y, s)
    foot = y.start + STRIP * s.zoom + 6
    drawing.items += _phases(phases, x, y.start + 3, s)
    drawing.items += ax.feet(x, foot, s)
    if sizes:
        k = max(range(len(sizes)), key=lambda i: sizes[i])
        drawing.items += _peak(times[k], sizes[k], peak_at, x, y, s)
    drawing.items += _column(
        holders, width - ax.MARGIN - panel, top - above, height + above, panel, s
    )
    return drawing


def _curve(
    times: Sequence[float], sizes: Sequence[float], start: float, wall: float,
    x: ax.Axis, y: ax.Axis, s: ax.Style,
) -> list[Mark]:  # fmt: skip
    steps = [(x.place(0.0), y.place(start))]
    for time, size in zip(times, sizes, strict=True):
        at, tall = x.place(time), y.place(size)
        steps += [(at, steps[-1][1]), (at, tall)]
    steps.append((x.place(wall), steps[-1][1]))
    if len(steps) > 4000:
        steps = thin(steps, 4000)
    ink = s.look.heat("memory", 0.7 if s.look.name != "dark" else 0.75)
    fill = mix(s.look.page, ink, 0.18)
    ground = [(steps[-1][0], y.start), (steps[0][0], y.start)]
    return [ax.area([*steps, *ground], fill), ax.line(steps, ink, 1.5)]


def _phases(phases: Sequence[Stretch], x: ax.Axis, y: float, s: ax.Style) -> list[Mark]:
    """A strip under the curve: which phase ran when."""
    marks: list[Mark] = []
    tall = STRIP * s.zoom - 4
    for phase in phases:
        left, right = x.place(phase.begin), x.place(phase.end)
        fill = s.look.phases[phase.phase]
        marks.append(Rect(left, y, max(right - left - 1, 0.6), tall, 2, fill))
        if fonts.width(phase.phase, s.small) + 8 <= right - left:
            marks.append(
                label((left + right) / 2, y + tall / 2 + s.small * 0.36, phase.phase, s.small,
                      s.look.on(fill), anchor="middle")
            )  # fmt: skip
    return marks


def _peak(time: float, size: float, at: str, x: ax.Axis, y: ax.Axis, s: ax.Style) -> list[Mark]:
    place, tall = x.place(time), y.place(size)
    ink = s.look.ink
    text = f"peak {units.bytes_(size)}" + (f", while {at} runs" if at else "")
    text = fonts.fit(text, s.small, x.stop - x.start - 16)
    marks: list[Mark] = [
        ax.line([(place, tall), (place, y.start)], ink, 1.0, (3, 3)),
        ax.dot(place, tall, 3.5, s.look.page, ink),
    ]
    right = place + 8 + fonts.width(text, s.small) + 8 < x.stop
    return marks + ax.boxed(
        place + (8 if right else -8), y.stop + s.small * 0.4, text, s, ink,
        "start" if right else "end", (x.start, x.stop),
    )  # fmt: skip


def _column(
    holders: Sequence[Held], x: float, y: float, tall: float, wide: float, s: ax.Style
) -> list[Mark]:
    """What the peak is made of: a stacked column, and a line of text for each of its parts."""
    marks: list[Mark] = [label(x, y + s.body, "alive at the peak", s.body, s.look.ink, bold=True)]
    total = sum(h.nbytes for h in holders)
    if not total:
        return [*marks, label(x, y + s.body + 22, "nothing was seen", s.small, s.look.ink3)]
    parts = list(holders[:LARGEST])
    rest = holders[LARGEST:]
    if len(rest) == 1:
        parts.append(rest[0])
    elif rest:
        parts.append(Held(f"{units.count(len(rest))} others", sum(h.nbytes for h in rest), ""))
    top, room = y + s.body + 14, tall - s.body - 14
    lines = 2 if len(parts) * 2 * (s.small + 4) <= room else 1
    slot = min(room / len(parts), lines * (s.small + 4) + 10)
    bar = 26.0 * s.zoom
    rows = spaced([part.nbytes / total * room for part in parts], top, room, slot)
    at = top
    for k, part in enumerate(parts):
        fill = s.look.heat("memory", 0.85 - 0.6 * k / max(len(parts) - 1, 1))
        if s.look.name == "dark":
            fill = s.look.heat("memory", 0.9 - 0.55 * k / max(len(parts) - 1, 1))
        size = part.nbytes / total * room
        marks.append(Rect(x, at, bar, max(size - 1, 0.5), 0, fill))
        text_y, middle = rows[k], at + size / 2
        marks.append(
            ax.line([(x + bar + 2, middle), (x + bar + 10, middle), (x + bar + 22, text_y), (x + bar + 28, text_y)],
                    s.look.ink3, 0.75)
        )  # fmt: skip
        left, free = x + bar + 34, wide - bar - 34
        size_text = units.bytes_(part.nbytes)
        number = label(
            x + wide,
            text_y + (s.small * 0.36 if lines == 1 else -3),
            size_text,
            s.small,
            s.look.ink2,
            anchor="end",
        )
        name = label(left, number.y, part.name, s.small, s.look.ink, room=free - number.width - 10)
        marks += [name, number]
        if lines == 2 and part.category:
            marks.append(
                label(left, text_y + s.small, part.category, s.small, s.look.ink3, room=free)
            )
        at += size
    return marks


def spaced(sizes: Sequence[float], top: float, room: float, slot: float) -> list[float]:
    """Heights for the texts of a stack: beside their parts, and at least ``slot`` apart.

    >>> spaced([50, 40, 5, 5], 0, 100, 20)
    [25.0, 50.0, 70.0, 90.0]
    """
    at, rows = top, list[float]()
    for size in sizes:
        wanted = max(at + size / 2, top + slot / 2)
        rows.append(max(wanted, rows[-1] + slot) if rows else wanted)
        at += size
    lowest = top + room - slot / 2
    for k in range(len(rows) - 1, -1, -1):
        rows[k] = float(min(rows[k], lowest))
        lowest = rows[k] - slot
    return rows
