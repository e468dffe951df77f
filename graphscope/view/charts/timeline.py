"""One step as lanes: when data, forward, backward and update ran, by module and by op."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphscope import units
from graphscope.view import text as fonts
from graphscope.view.charts import axes as ax
from graphscope.view.drawing import Cluster, Drawing, Mark, Rect, label
from graphscope.view.palette import Theme, mix

LANES = ("data", "forward", "backward", "update")
ROW = 20.0
LEAST = 0.6  # px: a shorter bar would vanish
NARROW = 0.75  # px: narrower bars, as close together, are drawn as one


@dataclass(frozen=True)
class Bar:
    """An interval in nanoseconds from the beginning of the step."""

    name: str
    begin: float
    end: float


@dataclass(frozen=True)
class Lane:
    """One phase: its modules, outermost first in each row, and its ops."""

    phase: str
    modules: Sequence[Bar]
    ops: Sequence[Bar]


def chart(
    lanes: Sequence[Lane],
    wall: float,
    look: str | Theme = "light",
    *,
    title: str = "",
    subtitle: str = "",
    width: float = 900.0,
    font: str = "normal",
) -> Drawing:
    """A lane per phase: modules named above their ops. What is white is Python between the ops.

    ``wall`` is the length of the step in nanoseconds.
    """
    s = ax.style(look, font)
    row = ROW * s.zoom
    used = [lane for lane in lanes if lane.ops]
    heights = [row * (2 if lane.modules else 1) + 14 for lane in used]
    tall = sum(heights) if used else row + 14
    needs = tall + 6 + ax.foot_height(s)
    drawing, top = ax.page(s, width, needs, title, subtitle, "timeline")
    names = [f"{lane.phase}" for lane in used]
    sums = [units.ns(sum(bar.end - bar.begin for bar in lane.ops)) for lane in used]
    wide = max(
        [fonts.width(t, s.body, True) for t in names]
        + [fonts.width(t, s.small) for t in sums]
        + [0.0]
    )
    unit = units.unit_of([wall])
    x = ax.Axis(
        0.0, max(wall, 1.0), ax.MARGIN + wide + 16, width - ax.MARGIN - 8,
        f"time since the step began ({unit})", FACTORS[unit],
    ).choose(s.small)  # fmt: skip
    foot = top + tall + 6
    grid = [ax.line([(x.place(v), top), (x.place(v), foot)], s.grid, 1.0) for v in x.at]
    drawing.items += grid
    y = top
    for lane, height, name, total in zip(used, heights, names, sums, strict=True):
        two = bool(lane.modules)
        middle = y + height / 2 - 3
        drawing.items.append(label(ax.MARGIN, middle, name, s.body, s.look.ink, bold=True))
        drawing.items.append(label(ax.MARGIN, middle + s.small + 3, total, s.small, s.look.ink2))
        drawing.items += _lane(lane, x, y + 4, row, two, s)
        y += height
        if lane is not used[-1]:
            drawing.items.append(ax.line([(ax.MARGIN, y), (x.stop, y)], s.look.line, 1.0))
    drawing.items.append(ax.line([(x.start, foot), (x.stop, foot)], s.look.ink3, 1.0))
    drawing.items += ax.feet(x, foot, s)
    if not used:
        drawing.items.append(
            label(x.start, top + s.body, "this step has no ops", s.body, s.look.ink3)
        )
    return drawing


FACTORS = {"ns": 1.0, "\u00b5s": 1e3, "ms": 1e6, "s": 1e9}


def _lane(
    lane: Lane, x: ax.Axis, y: float, row: float, two: bool, s: ax.Style
) -> list[Mark | Cluster]:
    fill = s.look.phases[lane.phase]
    items: list[Mark | Cluster] = []
    soft, edge = mix(s.look.page, fill, 0.2), mix(s.look.page, fill, 0.6)
    for k, bar in enumerate(together(lane.modules, x, "modules")):
        left, right = x.place(bar.begin), x.place(bar.end)
        box = Rect(left, y, max(right - left, LEAST), row - 2, 3, soft, edge)
        marks: list[Mark] = [box, *_word(bar.name, box, s, s.look.ink)]
        items.append(_told(f"{lane.phase}-m{k}", bar, marks))
    at = y + row if two else y
    for k, bar in enumerate(together(lane.ops, x, "ops")):
        left, right = x.place(bar.begin), x.place(bar.end)
        # A gap of page between neighbours, as long as there is room for it.
        wide = right - left - (0.8 if right - left > 3 else 0.0)
        box = Rect(left, at, max(wide, LEAST), row - 2, 2 if wide > 6 else 0, fill)
        items.append(
            _told(f"{lane.phase}-o{k}", bar, [box, *_word(bar.name, box, s, s.look.on(fill))])
        )
    return items


def together(bars: Sequence[Bar], x: ax.Axis, what: str) -> list[Bar]:
    """Neighbours too narrow to be seen apart as one bar: a step may have ten thousand ops."""
    out: list[Bar] = []
    count = 0  # how many the last one stands for; 0: it is wide enough by itself
    for bar in bars:
        narrow = x.place(bar.end) - x.place(bar.begin) < NARROW
        if narrow and count and x.place(bar.begin) - x.place(out[-1].end) < NARROW:
            count += 1
            out[-1] = Bar(f"{units.count(count)} {what}", out[-1].begin, bar.end)
        else:
            out.append(bar)
            count = int(narrow)
    return out


def _told(id: str, bar: Bar, marks: list[Mark]) -> Cluster:
    return Cluster(id, f"{fonts.clean(bar.name)}\n{units.ns(bar.end - bar.begin)}", tuple(marks))


def _word(name: str, box: Rect, s: ax.Style, ink: str) -> list[Mark]:
    """The name inside its bar, its last part where the whole is too long; nothing where that is too."""
    for text in dict.fromkeys((name, name.rpartition(".")[2])):
        if fonts.width(text, s.small) <= box.w - 8:
            at = box.y + box.h / 2 + s.small * 0.36
            return [label(box.x + box.w / 2, at, text, s.small, ink, anchor="middle")]
    return []
