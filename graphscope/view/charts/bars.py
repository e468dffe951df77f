"""Time by op as level bars: forward, backward and update, and the device's time beside the host's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphscope import units
from graphscope.view import text as fonts
from graphscope.view.charts import axes as ax
from graphscope.view.drawing import Cluster, Drawing, Mark, Rect, label, moved
from graphscope.view.palette import Theme, mix

FACTORS = {"ns": 1.0, "\u00b5s": 1e3, "ms": 1e6, "s": 1e9}
NAMES = 220.0  # px for names, at most


@dataclass(frozen=True)
class Bar:
    """One op's time in a step, in nanoseconds. ``device`` is None where no device was used."""

    name: str
    forward: float
    backward: float = 0.0
    update: float = 0.0
    data: float = 0.0
    calls: int = 1
    device: float | None = None

    @property
    def total(self) -> float:
        return self.forward + self.backward + self.update + self.data


PARTS = ("forward", "backward", "update", "data")


def chart(
    bars: Sequence[Bar],
    look: str | Theme = "light",
    *,
    title: str = "",
    subtitle: str = "",
    of: str = "time in a step",
    most: int = 15,
    width: float = ax.WIDTH,
    font: str = "normal",
) -> Drawing:
    """A row per op, largest first; the ops beyond ``most`` are summed in the last row.

    Backward is hatched and update is framed only, so the parts are told apart without colours. Where a
    device took part, its time is a second bar under the host's.
    """
    s = ax.style(look, font)
    rows = _rows(bars, most)
    both = any(bar.device is not None for bar in rows)
    tall = (16.0 if not both else 26.0) * s.zoom
    pitch = tall + 10
    entries = _entries(rows, both, s)
    foot, foot_height = ax.legend(entries, s, ax.MARGIN, 0.0, width - 2 * ax.MARGIN)
    block = max(len(rows), 1) * pitch + 4
    needs = block + ax.foot_height(s) + 10 + foot_height
    drawing, top = ax.page(s, width, needs, title, subtitle, "ops")
    wide = max((fonts.width(bar.name, s.body) for bar in rows), default=0.0)
    wide = min(wide, NAMES * s.zoom)
    longest = max([bar.total for bar in rows] + [bar.device or 0.0 for bar in rows] + [1.0])
    unit = units.unit_of([longest])
    numbers = [units.ns(max(bar.total, 0.0), unit) for bar in rows]
    numbers += [units.ns(bar.device, unit) for bar in rows if bar.device is not None]
    after = max((fonts.width(t, s.small) for t in numbers), default=0.0) + 12
    x = ax.Axis(
        0.0,
        longest,
        ax.MARGIN + wide + 10,
        width - ax.MARGIN - after,
        f"{of} ({unit})",
        FACTORS[unit],
    ).choose(s.small)
    base = top + block
    drawing.items += [ax.line([(x.place(v), top), (x.place(v), base)], s.grid, 1.0) for v in x.at]
    for k, bar in enumerate(rows):
        drawing.items.append(_row(bar, k, x, top + k * pitch + 4, tall, wide, both, unit, s))
    drawing.items.append(ax.line([(x.start, base), (x.stop, base)], s.look.ink3, 1.0))
    drawing.items.append(ax.line([(x.start, top), (x.start, base)], s.look.ink3, 1.0))
    drawing.items += ax.feet(x, base, s)
    down = base + ax.foot_height(s) + 10
    drawing.items += [moved(mark, 0.0, down) for mark in foot]
    if not rows:
        drawing.items.append(
            label(ax.MARGIN, top + s.body, "no op has been timed", s.body, s.look.ink3)
        )
    return drawing


def _rows(bars: Sequence[Bar], most: int) -> list[Bar]:
    order = sorted(bars, key=lambda bar: (-max(bar.total, bar.device or 0.0), bar.name))
    if len(order) <= most:
        return order
    rest = order[most - 1 :]
    device = [bar.device for bar in rest if bar.device is not None]
    others = Bar(
        f"{len(rest)} more ops",
        sum(bar.forward for bar in rest),
        sum(bar.backward for bar in rest),
        sum(bar.update for bar in rest),
        sum(bar.data for bar in rest),
        sum(bar.calls for bar in rest),
        sum(device) if device else None,
    )
    return [*order[: most - 1], others]


def _fill(part: str, s: ax.Style) -> tuple[str, str, str]:
    """Fill, frame and hatching of a part; an empty text where there is none."""
    colour = s.look.phases[part]
    if part == "backward":
        return mix(s.look.page, colour, 0.55), "", colour
    if part == "update":
        return mix(s.look.page, colour, 0.12), colour, ""
    return colour, "", ""


def _entries(rows: Sequence[Bar], both: bool, s: ax.Style) -> list[tuple[ax.Sample, str]]:
    host = "host, " if both else ""
    entries = [
        (ax.swatch(*_fill(part, s)), f"{host}{part}")
        for part in PARTS
        if any(getattr(bar, part) for bar in rows)
    ]
    if both:
        entries.append((ax.swatch(s.look.families["data"]), "device"))
    return entries


def _row(
    bar: Bar, k: int, x: ax.Axis, y: float, tall: float, wide: float, both: bool, unit: str, s: ax.Style
) -> Cluster:  # fmt: skip
    half = (tall - 2) / 2 if both else tall
    middle = y + tall / 2 + s.body * 0.36
    size = min(s.small, half + 1)
    marks: list[Mark] = [
        label(x.start - 10, middle, bar.name, s.body, s.look.ink, room=wide, anchor="end")
    ]
    done, end = 0.0, x.start
    for part in PARTS:
        spent = getattr(bar, part)
        if not spent:
            continue
        fill, frame, ink = _fill(part, s)
        start, end = end, x.place(done + spent)
        done += spent
        room = max(end - start, 0.6)
        if frame and room > 2:
            marks.append(Rect(start + 0.5, y + 0.5, room - 1, half - 1, 0, fill, frame, 1.0))
        else:
            marks.append(Rect(start, y, room, half, 0, frame or fill))
        if ink:
            marks += ax.hatched(start, y, room, half, ink, 5.0)
    marks.append(
        label(end + 6, y + half / 2 + size * 0.36, units.ns(bar.total, unit), size, s.look.ink2)
    )
    if bar.device is not None:
        last = x.place(bar.device)
        colour = s.look.families["data"]
        marks.append(Rect(x.start, y + half + 2, max(last - x.start, 0.6), half, 0, colour))
        marks.append(
            label(last + 6, y + half * 1.5 + 2 + size * 0.36, units.ns(bar.device, unit), size, s.look.ink2)
        )  # fmt: skip
    told = [f"{fonts.clean(bar.name)}, {units.count(bar.calls)} calls a step"]
    told += [f"{part} {units.ns(getattr(bar, part))}" for part in PARTS if getattr(bar, part)]
    return Cluster(f"op-{k}", "\n".join(told), tuple(marks))
