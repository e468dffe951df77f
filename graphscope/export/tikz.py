"""Drawing -> TikZ: ``.tikz`` is a picture to ``\\input`` into a document, ``.tex`` a document of its own.

Texts are set in the document's own sans-serif font, and shrunk where that font is wider than the one that
measured them. Nothing of a name is ever read as TeX.
"""

from __future__ import annotations

import unicodedata

from graphscope.export.files import writing
from graphscope.view import text as fonts
from graphscope.view.drawing import Cluster, Drawing, Formula, Mark, Path, Polygon, Rect, Text
from graphscope.view.level import Point

UNIT = 0.75  # a px is 1/96 inch, TeX's bp is 1/72 inch
_SIGNS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#",
    "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}", "|": r"\ensuremath{|}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}", "-": r"{-}", "\u2212": r"\ensuremath{-}", "\u00d7": r"\ensuremath{\times}",
    "\u00b1": r"\ensuremath{\pm}", "\u00b7": r"\ensuremath{\cdot}", "\u2202": r"\ensuremath{\partial}",
    "\u00b5": r"\ensuremath{\mu}", "\u2026": r"\ldots{}", "\u2014": r"\textemdash{}", "\u2013": r"\textendash{}",
    "\u2192": r"\ensuremath{\rightarrow}", "\u2190": r"\ensuremath{\leftarrow}", "\u221e": r"\ensuremath{\infty}",
    "\u2207": r"\ensuremath{\nabla}", "\u2032": r"\ensuremath{'}", "\u00b0": r"\ensuremath{^\circ}",
}  # fmt: skip
# Capitals that look like Latin ones have no command of their own in TeX.
_LATIN = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧ", "ABEZHIKMNOPTX", strict=True)) | {"ο": "o"}
_GREEK = {"ε": "varepsilon", "φ": "varphi", "ϕ": "phi", "ς": "varsigma", "ϑ": "vartheta"}

# geometry makes the page as large as the figure; the class "standalone" is not in every TeX installation.
_PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{textcomp,tikz,amsmath}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage[paperwidth=%sbp,paperheight=%sbp,margin=0pt]{geometry}
\pagestyle{empty}\parindent=0pt\topskip=0pt
\begin{document}%%
"""
_FIT = (
    r"\providecommand\gsfit[2]{\sbox0{#2}\ifdim\wd0>#1\relax\resizebox{#1}{!}{\usebox0}"
    r"\else\usebox0\fi}"
)


def escape(text: str) -> str:
    """Text for TeX: every special sign as a command, other signs by their names or spelled out."""
    return "".join(_char(c) for c in fonts.clean(text))


def _char(char: str) -> str:
    if char in _SIGNS:
        return _SIGNS[char]
    if char.isascii():
        return char
    if char in _LATIN:
        return rf"\ensuremath{{{_LATIN[char]}}}"
    name = unicodedata.name(char, "")
    if name.startswith("GREEK") and " LETTER " in name and " WITH " not in name:
        letter = _GREEK.get(char) or name.rpartition("LETTER ")[2].lower()
        if "CAPITAL" in name:
            letter = letter.capitalize()
        letter = {"lamda": "lambda", "Lamda": "Lambda"}.get(letter, letter)
        if letter.isalpha():
            return rf"\ensuremath{{\{letter}}}"
    low = unicodedata.normalize("NFKD", char)
    if len(low) == 1 and low.isdigit() and "SUBSCRIPT" in name:
        return rf"\ensuremath{{_{{{low}}}}}"
    if len(low) == 1 and low.isdigit() and "SUPERSCRIPT" in name:
        return rf"\ensuremath{{^{{{low}}}}}"
    return "".join(_SIGNS.get(c, c) if c.isascii() else "?" for c in fonts.spelled(char))


def tikz_text(drawing: Drawing, document: bool = False) -> str:
    """The figure as one ``tikzpicture``, or as a document that pdflatex turns into one page."""
    unit = UNIT * drawing.scale
    colours: dict[str, str] = {}
    body = [_mark(mark, colours, unit) for mark in _flat(drawing)]
    background = _colour(drawing.background, colours)
    lines = [
        f"% {_comment(drawing.title)} (made by GraphScope; needs the package tikz)",
        *(rf"\definecolor{{{name}}}{{HTML}}{{{value[1:]}}}" for value, name in colours.items()),
        _FIT,
        # y counts downwards, as in every other format
        rf"\begin{{tikzpicture}}[x={_n(unit)}bp,y=-{_n(unit)}bp,every node/.style={{inner sep=0pt,outer sep=0pt}}]",
        rf"\fill[{background}] (0,0) rectangle ({_n(drawing.width)},{_n(drawing.height)});",
        rf"\useasboundingbox (0,0) rectangle ({_n(drawing.width)},{_n(drawing.height)});",
        *(line for line in body if line),
        r"\end{tikzpicture}",
        "",
    ]
    text = "\n".join(lines)
    if not document:
        return text
    # a hair more than the figure, or rounding would break it onto a second page
    sides = (_n(drawing.width * unit), _n(drawing.height * unit + 0.1))
    return f"{_PREAMBLE % sides}{text}\\end{{document}}\n"


def _flat(drawing: Drawing) -> list[Mark]:
    marks: list[Mark] = []
    for item in drawing.items:
        marks += item.marks if isinstance(item, Cluster) else [item]
    return marks


def _comment(text: str) -> str:
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in fonts.clean(text))[:100]


def _colour(value: str, colours: dict[str, str]) -> str:
    """The name under which a colour is defined."""
    value = value.upper()
    if value not in colours:
        colours[value] = "gs" + "".join(chr(ord("a") + int(c, 16)) for c in value[1:])
    return colours[value]


def _mark(mark: Mark, colours: dict[str, str], unit: float) -> str:
    if isinstance(mark, Text):
        return _text(mark, colours, unit)
    if isinstance(mark, Formula):
        return _formula(mark, colours, unit)
    if isinstance(mark, Polygon):
        points = " -- ".join(_point(p) for p in mark.points)
        return rf"\fill[{_colour(mark.fill, colours)}] {points} -- cycle;"
    style = []
    if mark.fill:
        style.append(f"fill={_colour(mark.fill, colours)}")
    if mark.stroke:
        style += [f"draw={_colour(mark.stroke, colours)}", f"line width={_n(mark.width * unit)}bp"]
        if mark.dash:
            on = " ".join(
                f"{'on' if k % 2 == 0 else 'off'} {_n(d * unit)}bp" for k, d in enumerate(mark.dash)
            )
            style.append(f"dash pattern={on}")
    if not style:
        return ""
    if isinstance(mark, Rect):
        radius = min(mark.radius, mark.w / 2, mark.h / 2)
        if radius > 0:
            style.append(f"rounded corners={_n(radius * unit)}bp")
        corners = (
            f"{_point((mark.x, mark.y))} rectangle {_point((mark.x + mark.w, mark.y + mark.h))}"
        )
        return rf"\path[{','.join(style)}] {corners};"
    assert isinstance(mark, Path)
    curve = _point(mark.points[0])
    for k in range(1, len(mark.points) - 2, 3):
        a, b, c = mark.points[k : k + 3]
        curve += f" .. controls {_point(a)} and {_point(b)} .. {_point(c)}"
    return rf"\path[{','.join(style)}] {curve}{' -- cycle' if mark.fill else ''};"


def _formula(mark: Formula, colours: dict[str, str], unit: float) -> str:
    """TeX sets its own mathematics; what holds any other command than typesetting ones goes as outlines."""
    if mark.plain and mark.tex.isascii():
        size = _n(mark.size * unit)
        font = rf"\fontsize{{{size}bp}}{{{size}bp}}\selectfont"
        # TeX's font is another one, and counts the air around a sign: only what is much wider is shrunk.
        room = mark.width * 1.08 + 0.3 * mark.size
        body = rf"\gsfit{{{_n(room * unit)}bp}}{{$\displaystyle {mark.tex}$}}"
        small = mark.width < 2.5 * mark.size
        place = _point((mark.x + mark.width / 2 if small else mark.x, mark.y))
        anchor = "base" if small else "base west"
        colour = _colour(mark.colour, colours)
        return rf"\node[anchor={anchor},text={colour},font={font}] at {place} {{{body}}};"
    pieces = []
    for contour in (c for glyph in mark.glyphs for c in glyph):
        points = [_point((x + mark.x, y + mark.y)) for x, y in contour]
        curve = points[0]
        for k in range(1, len(points) - 2, 3):
            curve += f" .. controls {points[k]} and {points[k + 1]} .. {points[k + 2]}"
        pieces.append(f"{curve} -- cycle")
    return (
        rf"\path[fill={_colour(mark.colour, colours)},nonzero rule] {' '.join(pieces)};"
        if pieces
        else ""
    )


_ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}


def _text(mark: Text, colours: dict[str, str], unit: float) -> str:
    shown = escape(mark.text)
    if not shown:
        return ""
    size = _n(mark.size * unit)
    face = (r"\ttfamily" if mark.mono else r"\sffamily") + (r"\bfseries" if mark.bold else "")
    font = rf"\fontsize{{{size}bp}}{{{size}bp}}{face}\selectfont"
    room = mark.width or fonts.width(mark.text, mark.size, mark.bold, mark.mono)
    return (
        rf"\node[anchor={_ANCHORS[mark.anchor]},text={_colour(mark.colour, colours)},font={font}] at "
        rf"{_point((mark.x, mark.y))} {{\gsfit{{{_n(room * unit)}bp}}{{{shown}}}}};"
    )


def _point(point: Point) -> str:
    return f"({_n(point[0])},{_n(point[1])})"


def _n(value: float) -> str:
    """At most two decimals and no trailing zeros; TeX knows no exponents."""
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"


def write(drawing: Drawing, path: str, **options: object) -> None:
    """Write the drawing to a ``.tikz`` file (a picture) or a ``.tex`` file (a document)."""
    with writing(path) as file:
        file.write(tikz_text(drawing, document=str(path).lower().endswith(".tex")))
