"""TeX to outlines: formulas look the same in SVG, PDF and PNG, and need no TeX and no font there.

ziamath sets them (pure Python, 4 MB with the STIX font it brings). The other candidate, a plotting
library's mathtext, costs 50 MB and knows less of TeX. A formula that cannot be set is shown as text.
"""

from __future__ import annotations

import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import Any

from graphscope.view import mathline
from graphscope.view import text as fonts
from graphscope.view.drawing import Formula, Text, label
from graphscope.view.level import Point

Contour = mathline.Contour
UNIT = mathline.EM  # formulas are set once at this size, and scaled
LONGEST_NAME = 18
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[A-Za-z]")
_COMMAND = re.compile(r"\\([A-Za-z]+|.)", re.S)
# All that TikZ may hand to a TeX; a trace can come from anywhere.
_HARMLESS = frozenset(
    "frac sqrt bar dot hat tilde overline mathrm mathit mathbf mathbb mathcal text left right cdot odot times oplus "
    "otimes div pm mp partial nabla sum prod int infty max min exp log ln sin cos tan sinh cosh tanh arcsin arccos "
    "arctan det lim arg sigma alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi "
    "rho tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega leq geq neq "
    "le ge ne approx equiv sim in notin subset cup cap land lor neg to mapsto rightarrow leftarrow Rightarrow "
    "ldots cdots dots quad qquad operatorname ast star circ bullet top perp lfloor rfloor lceil rceil langle rangle "
    "gets mid vert Vert lVert rVert big Big bigl bigr displaystyle textstyle prime widehat mathrel colon".split()
) | {",", ";", ":", "!", " ", "_", "{", "}", "%", "#", "&", "$", "|"}  # fmt: skip


def harmless(tex: str) -> bool:
    """Whether TeX can be handed such a formula without a second thought."""
    rest = _COMMAND.sub("", tex)
    named = all(found in _HARMLESS for found in _COMMAND.findall(tex))
    depth = 0
    for char in rest:
        depth += (char == "{") - (char == "}")
        if depth < 0:
            return False
    return named and depth == 0 and not set(rest) & set("$%#&\\~") and "^^" not in rest


@lru_cache(maxsize=8192)
def _outline(tex: str) -> mathline.Outline | None:
    """Width, ascent, descent and glyphs at ``UNIT``; None where it cannot be set."""
    return mathline.line(tex, _set) or _set(tex)


@lru_cache(maxsize=2048)
def _set(tex: str) -> mathline.Outline | None:
    """What ziamath makes of a formula; None where it cannot set it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ziamath: Any = import_module("ziamath")
            before, ziamath.config.svg2 = ziamath.config.svg2, False  # paths in place, no symbols
            try:
                known = tex.replace(r"\mathrel{+=}", "{+}{=}")  # it knows no \mathrel
                svg = ET.fromstring(ziamath.Latex(known, size=UNIT).svg())
            finally:
                ziamath.config.svg2 = before
    except Exception:  # whatever a formula from a strange trace provokes in a parser
        return None
    glyphs = [tuple(_contours(item)) for item in svg.iter()]
    found = tuple(glyph for glyph in glyphs if glyph)
    points = [point for glyph in found for contour in glyph for point in contour]
    if not points:
        return None
    left = min(x for x, _ in points)
    shifted = tuple(
        tuple(tuple((x - left, y) for x, y in contour) for contour in glyph) for glyph in found
    )
    right = max(x for x, _ in points)
    top, bottom = min(y for _, y in points), max(y for _, y in points)
    return right - left, max(-top, 0.0), max(bottom, 0.0), shifted


def _contours(item: ET.Element) -> Iterator[Contour]:
    kind = item.tag.rpartition("}")[2]
    if kind == "rect":
        x, y, w, h = (float(item.get(key, "0")) for key in ("x", "y", "width", "height"))
        corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)]
        points = [corners[0]]
        for corner in corners[1:]:
            points += _straight(points[-1], corner)
        yield tuple(points)
    elif kind == "path":
        yield from _path(item.get("d", ""))


def _path(d: str) -> Iterator[Contour]:
    """The closed pieces of a path of absolute M, L, H, V, Q, C and Z."""
    tokens = _NUMBER.findall(d)
    points: list[Point] = []
    at, k, command = (0.0, 0.0), 0, ""
    while k < len(tokens):
        if tokens[k].isalpha():
            command = tokens[k]
            k += 1
            if command in "Zz":
                continue
        need = {"M": 2, "L": 2, "Q": 4, "C": 6, "H": 1, "V": 1}[command]
        flat = [float(t) for t in tokens[k : k + need]]
        k += need
        if command == "M":
            if len(points) > 3:
                yield tuple(points)
            points = [(flat[0], flat[1])]
        elif command in "LHV":
            end = (at[0] if command == "V" else flat[0], at[1] if command == "H" else flat[-1])
            points += _straight(at, end)
        elif command == "Q":
            (qx, qy), end = (flat[0], flat[1]), (flat[2], flat[3])
            points.append((at[0] + 2 / 3 * (qx - at[0]), at[1] + 2 / 3 * (qy - at[1])))
            points.append((end[0] + 2 / 3 * (qx - end[0]), end[1] + 2 / 3 * (qy - end[1])))
            points.append(end)
        else:
            points += [(flat[0], flat[1]), (flat[2], flat[3]), (flat[4], flat[5])]
        at = points[-1]
    if len(points) > 3:
        yield tuple(points)


def _straight(a: Point, b: Point) -> list[Point]:
    dx, dy = (b[0] - a[0]) / 3, (b[1] - a[1]) / 3
    return [(a[0] + dx, a[1] + dy), (b[0] - dx, b[1] - dy), b]


def formula(
    x: float, y: float, tex: str, size: float, colour: str, *, anchor: str = "start",
    room: float = float("inf"),
) -> Formula | Text:  # fmt: skip
    """A typeset formula with its baseline at ``y``; wider than ``room`` it is set smaller."""
    found = _outline(tex)
    if found is None:
        where: Any = anchor
        return label(x, y, tex, size * 0.8, colour, anchor=where, room=room)
    zoom = size / UNIT
    if found[0] * zoom > room:
        zoom = room / found[0]
    wide = found[0] * zoom
    left = x - (wide if anchor == "end" else wide / 2 if anchor == "middle" else 0.0)
    glyphs = tuple(tuple(tuple((a * zoom, b * zoom) for a, b in c) for c in g) for g in found[3])
    return Formula(
        left, y, tex, zoom * UNIT, colour, wide, found[1] * zoom, found[2] * zoom, glyphs, harmless(tex)
    )  # fmt: skip


def title_mark(
    text: str, x: float, y: float, size: float, colour: str, room: float
) -> Formula | Text:
    """A title: text, or a formula between dollar signs."""
    if len(text) > 2 and text[0] == text[-1] == "$":
        return formula(x, y, text[1:-1], size * 1.2, colour, room=room)
    return label(x, y, text, size, colour, bold=True, room=room)


def measure(tex: str, size: float) -> tuple[float, float, float]:
    """Width, ascent and descent of a formula in px."""
    found = _outline(tex)
    if found is None:
        return fonts.width(fonts.clean(tex), size * 0.8), size * 0.7, size * 0.2
    zoom = size / UNIT
    return found[0] * zoom, found[1] * zoom, found[2] * zoom


def name_tex(name: str) -> str:
    r"""A variable's name as TeX: ``w1`` as ``w_{1}``, ``y_pred`` upright; nothing in it is a command."""
    name = fonts.clean(name)
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME // 2]}...{name[-LONGEST_NAME // 2 + 3 :]}"
    numbered = re.fullmatch(r"([A-Za-z\u03b1-\u03c9])_?(\d{1,4})", name)
    if numbered:
        return f"{_letters(numbered[1])}_{{{numbered[2]}}}"
    if len(name) == 1 and name.isalpha():
        return _letters(name)
    return rf"\mathrm{{{_letters(name)}}}"


_SIGNS = {"_": r"\_", "{": r"\{", "}": r"\}", "%": r"\%", "#": r"\#", "&": r"\&", "$": r"\$", "^": r"\hat{}",
          "\\": "/", "~": r"\sim{}", " ": r"\ ", "<": "{<}", ">": "{>}"}  # fmt: skip


def _letters(name: str) -> str:
    return "".join(_SIGNS.get(c) or (c if c.isascii() else _foreign(c)) for c in name)


def _foreign(char: str) -> str:
    word = fonts.spelled(char) if not fonts.covered(char) else ""
    command = f"\\{word}"
    return (
        f"{command}{{}}"
        if word and word in _HARMLESS
        else "".join(c for c in word if c.isalnum()) or "?"
    )


def number_tex(shown: str) -> str:
    """A number as ``units`` writes it, for a formula."""
    head, e, tail = shown.replace("\u2212", "-").partition("e")
    return f"{head} \\cdot 10^{{{tail}}}" if e and tail.lstrip("-").isdigit() else head
