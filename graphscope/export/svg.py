"""Drawing -> SVG: selectable text, escaped, no script, no link, no outside resource."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from graphscope.view import text as fonts
from graphscope.view.drawing import Cluster, Drawing, Formula, Mark, Path, Polygon, Rect, Text
from graphscope.view.level import Point


def svg_text(drawing: Drawing, *, font: str | None = None) -> str:
    """The figure as one SVG document.

    ``font`` names the only family to use; then texts are spelled with what that font has (this is
    how PNG is made). Without it a browser picks the first family of a list that it knows.
    """
    w, h = _n(drawing.width), _n(drawing.height)
    shown_w, shown_h = _n(drawing.width * drawing.scale), _n(drawing.height * drawing.scale)
    sans = quoteattr(font or fonts.SANS_STACK)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{shown_w}" height="{shown_h}" '
        f'viewBox="0 0 {w} {h}" role="img" font-family={sans}>',
        f"<title>{escape(fonts.clean(drawing.title))}</title>",
        f'<rect width="{w}" height="{h}" fill="{drawing.background}"/>',
    ]
    for item in drawing.items:
        if isinstance(item, Cluster):
            out.append(f"<g id={quoteattr(_id(item.id))}><title>{escape(item.title)}</title>")
            out += [_mark(mark, font) for mark in item.marks]
            out.append("</g>")
        else:
            out.append(_mark(item, font))
    out.append("</svg>\n")
    return "\n".join(out)


def _mark(mark: Mark, font: str | None) -> str:
    if isinstance(mark, Rect):
        radius = f' rx="{_n(min(mark.radius, mark.w / 2, mark.h / 2))}"' if mark.radius else ""
        return (
            f'<rect x="{_n(mark.x)}" y="{_n(mark.y)}" width="{_n(mark.w)}" height="{_n(mark.h)}"'
            f"{radius}{_paint(mark.fill, mark.stroke, mark.width, mark.dash)}/>"
        )
    if isinstance(mark, Text):
        return _text(mark, font)
    if isinstance(mark, Path):
        first, rest = mark.points[0], mark.points[1:]
        curves = " ".join(_point(p) for p in rest)
        close = "Z" if mark.fill else ""
        return (
            f'<path d="M{_point(first)} C{curves}{close}"'
            f"{_paint(mark.fill, mark.stroke, mark.width, mark.dash)}/>"
        )
    if isinstance(mark, Formula):
        return _formula(mark, font)
    assert isinstance(mark, Polygon)
    return f'<polygon points="{" ".join(_point(p) for p in mark.points)}" fill="{mark.fill}"/>'


def _text(mark: Text, font: str | None) -> str:
    shown = fonts.spelled(mark.text) if font else mark.text
    family = "" if font or not mark.mono else f" font-family={quoteattr(fonts.MONO_STACK)}"
    anchor = "" if mark.anchor == "start" else f' text-anchor="{mark.anchor}"'
    # 600 for browsers; a renderer with one bold file knows only 700.
    weight = f' font-weight="{700 if font else 600}"' if mark.bold else ""
    return (
        f'<text x="{_n(mark.x)}" y="{_n(mark.y)}" font-size="{_n(mark.size)}" fill="{mark.colour}"'
        f'{family}{anchor}{weight} xml:space="preserve">{escape(shown)}</text>'
    )


def _formula(mark: Formula, font: str | None) -> str:
    """Outlines, under an unseen text of the TeX: a formula can be selected, copied and read aloud."""
    pieces = [
        f"M{_at(c[0], mark)} C{' '.join(_at(p, mark) for p in c[1:])}Z"
        for glyph in mark.glyphs
        for c in glyph
        if len(c) > 3
    ]
    outline = f'<path d="{"".join(pieces)}" fill="{mark.colour}"/>'
    if font:
        return outline
    said = fonts.clean(mark.tex)
    return (
        f'<g role="img" aria-label={quoteattr(said)}>{outline}<text x="{_n(mark.x)}" y="{_n(mark.y)}" '
        f'font-size="{_n(mark.size)}" textLength="{_n(mark.width)}" lengthAdjust="spacingAndGlyphs" '
        f'opacity="0" xml:space="preserve">{escape(said)}</text></g>'
    )


def _at(point: Point, mark: Formula) -> str:
    return _point((point[0] + mark.x, point[1] + mark.y))


def _paint(fill: str, stroke: str, width: float, dash: tuple[float, ...]) -> str:
    parts = f' fill="{fill or "none"}"'
    if stroke:
        parts += f' stroke="{stroke}" stroke-width="{_n(width)}"'
        if dash:
            parts += f' stroke-dasharray="{" ".join(_n(d) for d in dash)}"'
    return parts


def _point(point: Point) -> str:
    return f"{_n(point[0])},{_n(point[1])}"


def _n(value: float) -> str:
    """A coordinate with at most two decimals and no trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _id(text: str) -> str:
    """An id that is valid and unique in a page: scope paths may hold anything."""
    return "gs-" + "".join(c if c.isascii() and c.isalnum() else f"-{ord(c):x}-" for c in text)


def write(drawing: Drawing, path: str, **options: object) -> None:
    """Write the drawing to an ``.svg`` file."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(svg_text(drawing))
