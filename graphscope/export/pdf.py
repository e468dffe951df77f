"""Drawing -> PDF: vectors, real text in an embedded font, one page in the size of the figure."""

from __future__ import annotations

from typing import Any

from graphscope.view import text as fonts
from graphscope.view.drawing import Drawing, Formula, Mark, Path, Polygon, Rect, Text

# A px is 1/96 inch and a PDF unit is 1/72 inch: figures are as large as on screen.
UNIT = 72 / 96
_REGULAR, _BOLD = "GraphScopeSans", "GraphScopeSans-Bold"


def write(drawing: Drawing, path: str, **options: object) -> None:
    """Write the drawing to a ``.pdf`` file."""
    from reportlab.pdfgen.canvas import Canvas

    _register()
    unit = UNIT * drawing.scale
    size = (drawing.width * unit, drawing.height * unit)
    # invariant: no dates and random ids, so equal figures are equal files.
    canvas = Canvas(path, pagesize=size, pageCompression=1, invariant=1)
    canvas.setTitle(fonts.spelled(fonts.clean(drawing.title)))
    canvas.setCreator("GraphScope")
    # PDF counts upwards: flip once here and again for each text, so all marks keep y downwards.
    canvas.translate(0, size[1])
    canvas.scale(unit, -unit)
    canvas.setFillColor(drawing.background)
    canvas.rect(0, 0, drawing.width, drawing.height, stroke=0, fill=1)
    canvas.setLineCap(0)
    for mark in drawing.marks():
        _mark(canvas, mark)
    canvas.showPage()
    canvas.save()


def _register() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    known = pdfmetrics.getRegisteredFontNames()
    for name, bold in ((_REGULAR, False), (_BOLD, True)):
        if name not in known:
            pdfmetrics.registerFont(TTFont(name, str(fonts.font_file(bold))))


def _mark(canvas: Any, mark: Mark) -> None:
    if isinstance(mark, Text):
        _text(canvas, mark)
        return
    if isinstance(mark, Formula):
        _formula(canvas, mark)
        return
    if isinstance(mark, Polygon):
        canvas.setFillColor(mark.fill)
        path = canvas.beginPath()
        path.moveTo(*mark.points[0])
        for point in mark.points[1:]:
            path.lineTo(*point)
        path.close()
        canvas.drawPath(path, stroke=0, fill=1)
        return
    stroke, fill = int(bool(mark.stroke)), int(bool(mark.fill))
    if fill:
        canvas.setFillColor(mark.fill)
    if stroke:
        canvas.setStrokeColor(mark.stroke)
        canvas.setLineWidth(mark.width)
        canvas.setDash(*([list(mark.dash)] if mark.dash else [[]]))
    if isinstance(mark, Rect):
        radius = min(mark.radius, mark.w / 2, mark.h / 2)
        if radius > 0:
            canvas.roundRect(mark.x, mark.y, mark.w, mark.h, radius, stroke=stroke, fill=fill)
        else:
            canvas.rect(mark.x, mark.y, mark.w, mark.h, stroke=stroke, fill=fill)
        return
    assert isinstance(mark, Path)
    path = canvas.beginPath()
    path.moveTo(*mark.points[0])
    for k in range(1, len(mark.points) - 2, 3):
        (ax, ay), (bx, by), (cx, cy) = mark.points[k : k + 3]
        path.curveTo(ax, ay, bx, by, cx, cy)
    if fill:
        path.close()
    canvas.drawPath(path, stroke=stroke, fill=fill)


def _formula(canvas: Any, mark: Formula) -> None:
    """Outlines, over an unseen text of the TeX that can be selected and searched for."""
    shown = fonts.spelled(fonts.clean(mark.tex))
    wide = fonts.width(shown, mark.size)
    if shown and wide:
        canvas.saveState()
        canvas.translate(mark.x, mark.y)
        canvas.scale(1, -1)
        hidden = canvas.beginText(0, 0)
        hidden.setFont(_REGULAR, mark.size)
        hidden.setHorizScale(100 * mark.width / wide)
        hidden.setTextRenderMode(3)
        hidden.textOut(shown)
        canvas.drawText(hidden)
        canvas.restoreState()
    canvas.setFillColor(mark.colour)
    path = canvas.beginPath()
    for glyph in mark.glyphs:
        for contour in glyph:
            points = [(x + mark.x, y + mark.y) for x, y in contour]
            path.moveTo(*points[0])
            for k in range(1, len(points) - 2, 3):
                (ax, ay), (bx, by), (cx, cy) = points[k : k + 3]
                path.curveTo(ax, ay, bx, by, cx, cy)
            path.close()
    canvas.drawPath(path, stroke=0, fill=1, fillMode=1)  # non-zero, as in SVG


def _text(canvas: Any, mark: Text) -> None:
    shown = fonts.spelled(mark.text)
    if not shown:
        return
    name = _BOLD if mark.bold else _REGULAR
    canvas.saveState()
    canvas.translate(mark.x, mark.y)
    canvas.scale(1, -1)
    canvas.setFillColor(mark.colour)
    canvas.setFont(name, mark.size)
    draw = {
        "start": canvas.drawString,
        "middle": canvas.drawCentredString,
        "end": canvas.drawRightString,
    }[mark.anchor]
    draw(0, 0, shown)
    canvas.restoreState()
