"""One node card as marks: value row, name row, gradient row, share strip.

|  0.331 ± 0.492       ▂▅▇▅▂    value, blue, with its histogram
|  relu                64×32    name (and op), shape
|  ∂ 8.70e−4           ▁▇▅▂▁    gradient, orange; the ∂ still reads in greyscale
|  ▬▬▬▬▬▭▭▭▭▭▭▭                 share of the step's time
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from graphscope import units
from graphscope.view import text as fonts
from graphscope.view.drawing import Cluster, Mark, Rect, cross, hatch, label
from graphscope.view.palette import Theme, mix
from graphscope.view.pattern import bar
from graphscope.view.structure import OP, PARAM
from graphscope.view.typeset import formula
from graphscope.view.visible import SCOPE, Node

BAR = 4.0
RADIUS, PARAM_RADIUS = 6.0, 18.0
SMALL, NAME = 11.0, 13.0
HIST_WIDTH, HIST_HEIGHT = 40.0, 12.0
HIST_LEAST, HIST_GAP = 18.0, 6.0
STACK = 4.0  # how far the card edge behind a folded card stands out


def card(
    node: Node,
    values: Mapping[str, Any],
    theme: Theme,
    show: Collection[str],
    fill: str | None = None,
    sign: str = "",
    marked: bool = False,
) -> Cluster:
    """The marks of a node.

    ``sign`` is TeX for the place of the shape, in graphs of plain numbers; ``marked`` draws a frame.

    ``fill`` is an overlay's colour, ``""`` where the overlay knows nothing of this node; None gives
    the family's tint.
    """
    family = theme.families[node.family]
    # Parameters are shaded on paper too, where nothing else is.
    tint = (
        mix(theme.surface, theme.ink, 0.07)
        if theme.patterns and node.kind == PARAM
        else theme.tinted(family)
    )
    back = tint if fill is None else fill or theme.surface
    ink, ink2 = (theme.on(back), theme.on(back)) if fill else (theme.ink, theme.ink2)
    radius = PARAM_RADIUS if node.kind == PARAM else RADIUS
    health = values.get("health", "ok") if values else "ok"
    failed = bool(values.get("failed")) if values else False
    border = theme.line
    if health != "ok":
        border = theme.nonfinite
    if failed:
        border = theme.states["failed"]
    marks: list[Mark] = []
    if marked:
        around = (node.x - 4, node.y - 4, node.w + 8, node.h + 8)
        marks.append(Rect(*around, radius + 4, "", theme.focus, 2.5))
    if node.fold > 1:
        marks.append(
            Rect(node.x + STACK, node.y + STACK, node.w, node.h, radius, theme.surface, theme.line)
        )
    stroke = (0.75 if theme.patterns else 1.0) if border == theme.line else 2.0
    dash = (2.0, 2.0) if fill == "" else ()
    marks.append(Rect(node.x, node.y, node.w, node.h, radius, back, border, stroke, dash))
    marks += bar(node.x, node.y, BAR, node.h, radius, node.family, theme)
    left = node.x + (16.0 if node.kind == PARAM else 12.0)
    right = node.x + node.w - (14.0 if node.kind == PARAM else 10.0)
    blue = ink if fill else theme.value
    orange = ink if fill else theme.gradient
    if values and ("value" in show or "grad" in show):
        if "value" in show:
            marks += _numbers(
                values.get("v", ""), values.get("vh", ()), left, right, node.y + 16, blue, back
            )
        if "grad" in show and values.get("g"):
            marks += _numbers(
                f"\u2202 {values['g']}",
                values.get("gh", ()),
                left,
                right,
                node.y + 59,
                orange,
                back,
            )
        if sign:
            tex = formula(right, node.y + 38, sign, 14, ink2, anchor="end", room=(right - left) / 2)
            marks.append(tex)
            marks += _name(
                node, left, right - tex.width - 6, node.y + 38, ink, ink2, {*show} - {"shape", "op"}
            )
        else:
            marks += _name(node, left, right, node.y + 38, ink, ink2, show)
        facts = _facts(values, show)
        if facts:
            marks.append(label(left, node.y + 77, facts, SMALL, ink2, room=right - left))
    else:
        told = node.op != node.label and "op" in show and node.kind in (OP, SCOPE)
        below = [node.op] if told else []
        below += [node.site] if node.site and "site" in show else []
        below += [facts] if (facts := _facts(values, show)) else []
        middle = node.y + node.h / 2 + 5
        marks += _name(node, left, right, middle - (9 if below else 0), ink, ink2, show, False)
        if below:
            line = "  ".join(below)
            marks.append(label(left, middle + 10, line, SMALL, ink2, room=right - left, mono=True))
    if values and values.get("share") is not None and node.kind in (OP, SCOPE):
        marks += _strip(node, values, theme, left, right, back)
    if node.fold > 1:
        marks += _pill(node, theme)
    if health != "ok":
        marks += hatch(node.x + node.w - 10, node.y - 6, 16, theme.nonfinite, theme.surface)
    elif failed:
        marks += cross(node.x + node.w - 10, node.y - 6, 16, border, theme.surface)
    return Cluster(node.id, _tooltip(node, values), tuple(marks))


def _facts(values: Mapping[str, Any], show: Collection[str]) -> str:
    """Time (forward + backward) and memory as text, where they were asked for and are known."""
    parts = []
    if "time" in show and values:
        spent = [units.ns(values[key]) for key in ("fwd_ns", "bwd_ns") if values.get(key)]
        parts += ["+".join(spent)] if spent else []
    if "memory" in show and values and values.get("bytes"):
        parts.append(units.bytes_(values["bytes"]))
    return "  ".join(parts)


def _numbers(
    text: str,
    heights: Sequence[int],
    left: float,
    right: float,
    baseline: float,
    colour: str,
    back: str,
) -> list[Mark]:
    """A number at the left and its histogram at the right; a long number gets the room it needs."""
    marks: list[Mark] = []
    free = right - left
    if text:
        number = label(left, baseline, text, SMALL, colour, room=free, mono=True)
        marks.append(number)
        free -= number.width + HIST_GAP
    wide = min(HIST_WIDTH, free)
    if heights and wide >= HIST_LEAST:
        pitch = wide / len(heights)
        soft, floor = mix(back, colour, 0.75), baseline + 1
        for k, height in enumerate(heights):
            if height:
                tall = height * HIST_HEIGHT / 12
                marks.append(
                    Rect(right - wide + k * pitch, floor - tall, pitch - 0.7, tall, 0.0, soft)
                )
        marks.append(Rect(right - wide, floor, wide - 0.7, 0.6, 0.0, mix(back, colour, 0.4)))
    return marks


def _name(
    node: Node,
    left: float,
    right: float,
    baseline: float,
    ink: str,
    ink2: str,
    show: Collection[str],
    with_op: bool = True,
) -> list[Mark]:
    """Name in bold, the op behind it where there is room, the shape at the right."""
    marks: list[Mark] = []
    room = right - left
    if "shape" in show and node.shape:
        shape = label(
            right, baseline, node.shape, SMALL, ink2, room=room * 0.55, anchor="end", mono=True
        )
        marks.append(shape)
        room -= shape.width + 10
    name = node.label if "name" in show else node.op
    # A name is worth more than its size: it is set smaller before anything of it is left out.
    fits = (s for s in (NAME, 12.0, 11.0) if fonts.width(fonts.clean(name), s, True) <= room)
    title = label(left, baseline, name, next(fits, NAME), ink, room=room, bold=True)
    marks.append(title)
    if with_op and "op" in show and node.kind in (OP, SCOPE) and node.op != node.label:
        spare = room - title.width - 7
        if fonts.width(node.op, SMALL) <= spare:
            marks.append(label(left + title.width + 7, baseline, node.op, SMALL, ink2))
    return marks


def _strip(
    node: Node, values: Mapping[str, Any], theme: Theme, left: float, right: float, back: str
) -> list[Mark]:
    """Share of the step: the length says it, the heat repeats it. A closed scope shows its parts."""
    y, wide = node.y + node.h - 6, right - left
    marks: list[Mark] = [Rect(left, y, wide, 3, 1.5, mix(back, theme.ink3, 0.18))]
    parts = values.get("strip") or [values["share"]]
    x = left
    for part in parts:
        length = min(part, 1.0) * wide
        if length >= 0.5:
            heat = theme.heat("time", 0.4 + 0.6 * min(part, 1.0))
            gap = 0.8 if len(parts) > 1 and length > 2 else 0.0
            marks.append(Rect(x, y, min(length, right - x) - gap, 3, min(1.5, length / 2), heat))
            x += length
    return marks


def _pill(node: Node, theme: Theme) -> list[Mark]:
    text = f"\u00d7{node.fold}"
    wide = fonts.width(text, SMALL, True) + 14
    x, y = node.x + node.w - wide + 8, node.y - 9
    return [
        Rect(x, y, wide, 18, 9, theme.ink),
        label(x + wide / 2, y + 13, text, SMALL, theme.surface, anchor="middle", bold=True),
    ]


def _tooltip(node: Node, values: Mapping[str, Any]) -> str:
    """What a pointer resting on the card is told: the facts in words, exact where cards are short."""
    lines = [node.label if node.op == node.label else f"{node.label} ({node.op})"]
    if node.scope:
        lines.append(node.scope)
    if node.shape:
        lines.append(f"shape {node.shape}")
    if values:
        if values.get("v"):
            lines.append(f"value {values['v']}")
        if values.get("g"):
            lines.append(f"gradient {values['g']}")
        spent = values.get("fwd_ns", 0) + values.get("bwd_ns", 0)
        if spent:
            lines.append(
                f"forward {units.ns(values['fwd_ns'])}, backward {units.ns(values['bwd_ns'])}"
            )
        if values.get("health", "ok") != "ok":
            lines.append("not finite")
    if node.site:
        lines.append(node.site)
    return "\n".join(fonts.clean(line) for line in lines)
