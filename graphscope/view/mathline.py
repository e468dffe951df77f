"""Lines of plain mathematics put together from parts that were typeset once.

The formulas of a graph are hundreds of lines such as ``v_{17} = v_{16} \\cdot w``; setting each costs
milliseconds, setting their signs once and placing them costs microseconds. Whatever is not a row of names,
numbers and signs is left to the typesetter.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from graphscope.view.level import Point

Contour = tuple[Point, ...]
Glyphs = tuple[tuple[Contour, ...], ...]
Outline = tuple[float, float, float, Glyphs]

EM = 100.0
THIN, MEDIUM, THICK = 0.167 * EM, 0.28 * EM, 0.36 * EM
SUB_SIZE, SUB_DROP, SUB_GAP, SUP_RISE = 0.7, 0.21 * EM, 0.04 * EM, 0.36 * EM
SIDE = 0.04 * EM  # the air that a letter brings along on each side
LETTER = r"[A-Za-z]|\\(?:alpha|beta|gamma|delta|theta|lambda|mu|sigma|tau|phi|omega)(?:\{\})?(?![A-Za-z])"
_ATOM = re.compile(
    rf"""\s*(?:
      (?P<name>(?:\\(?:bar|dot)\{{(?:{LETTER})\}}|{LETTER}))(?:_\{{(?P<sub>\d+)\}})?
    | (?P<paren>\\left\(|\\right\)|\(|\))
    | (?P<word>\\overline\{{\\mathrm\{{[A-Za-z0-9.]*(?:\\_[A-Za-z0-9.]*)*\}}\}}|\\mathrm\{{[A-Za-z0-9.]*(?:\\_[A-Za-z0-9.]*)*\}}|\\(?:exp|ln|sin|cos|tanh|max|min)(?![A-Za-z]))
    | (?P<digits>\d+(?:\.\d+)?)
    | (?P<sign>\\mathrel\{{\+=\}}|=|\+|-|\\cdot(?![A-Za-z])|\\odot(?![A-Za-z])|/|\\geq(?![A-Za-z])|\\leq(?![A-Za-z])|>|<)
    | (?P<space>\\,|\\;|\\\s)
    )(?:\^(?:\{{(?P<sup>[^{{}}]*(?:\{{[^{{}}]*\}}[^{{}}]*)*)\}}|(?P<sup1>[0-9A-Z])))?(?![_^'])""",
    re.X,
)
RELATIONS = frozenset(("=", r"\mathrel{+=}", r"\geq", r"\leq", ">", "<"))


def line(tex: str, part: Callable[[str], Outline | None]) -> Outline | None:
    """The outline of a row of names, numbers and signs; None where it holds anything else.

    ``part`` typesets one name or sign, and remembers it.
    """
    x, up, down = 0.0, 0.0, 0.0
    glyphs: list[tuple[Contour, ...]] = []
    at, operand = 0, False
    while at < len(tex.rstrip()):
        found = _ATOM.match(tex, at)
        if found is None:
            return None
        at = found.end()
        if found["space"]:
            x += THIN if found["space"] == r"\," else THICK
            continue
        piece = _piece(found, part)
        if piece is None:
            return None
        wide, above, below, shapes = piece
        before = after = 0.0
        if found["sign"]:
            # A minus without anything before it is a sign of the number behind it.
            if operand and found["sign"] != "/":
                before = after = THICK if found["sign"] in RELATIONS else MEDIUM
            operand = False
        elif found["paren"]:
            before = after = SIDE
            operand = found["paren"].endswith(")")
        else:
            before = after = SIDE
            if found["word"] and "mathrm" not in found["word"]:
                after = THIN
            operand = True
        x += before
        glyphs += [tuple(_moved(c, x, 0.0, 1.0) for c in glyph) for glyph in shapes]
        x += wide
        up, down = max(up, above), max(down, below)
        raised = found["sup"] or found["sup1"]
        if raised:
            # After a tall base, such as a bracket, no higher: powers of one line stand in one row.
            power = line(raised, part)
            if power is None:
                return None
            glyphs += [tuple(_moved(c, x + SIDE, -SUP_RISE, SUB_SIZE) for c in g) for g in power[3]]
            x += SIDE + power[0] * SUB_SIZE
            up = max(up, SUP_RISE + power[1] * SUB_SIZE)
        x += after
    return (x, up, down, tuple(glyphs)) if glyphs else None


def _piece(found: re.Match[str], part: Callable[[str], Outline | None]) -> Outline | None:
    if found["digits"]:
        return _digits(found["digits"], part)
    core = part(found["name"] or found["word"] or found["sign"] or found["paren"][-1])
    if core is None or not found["sub"]:
        return core
    small = _digits(found["sub"], part)
    if small is None:
        return None
    wide, up, down, glyphs = core
    start = wide + SUB_GAP
    placed = tuple(tuple(_moved(c, start, SUB_DROP, SUB_SIZE) for c in glyph) for glyph in small[3])
    width = start + small[0] * SUB_SIZE
    return width, up, max(down, small[2] * SUB_SIZE + SUB_DROP), glyphs + placed


def _digits(text: str, part: Callable[[str], Outline | None]) -> Outline | None:
    """A number, digit by digit, all equally wide."""
    pair, single = part("00"), part("0")
    if pair is None or single is None:
        return None
    pitch = pair[0] - single[0]
    x, up, down = 0.0, 0.0, 0.0
    glyphs: list[tuple[Contour, ...]] = []
    for char in text:
        piece = part("." if char == "." else char)
        if piece is None:
            return None
        wide, above, below, shapes = piece
        room = pitch if char != "." else pitch / 2
        left = x + (room - wide) / 2
        glyphs += [tuple(_moved(c, left, 0.0, 1.0) for c in glyph) for glyph in shapes]
        x, up, down = x + room, max(up, above), max(down, below)
    return x, up, down, tuple(glyphs)


def _moved(contour: Contour, dx: float, dy: float, zoom: float) -> Contour:
    return tuple((a * zoom + dx, b * zoom + dy) for a, b in contour)
