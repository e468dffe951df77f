"""Drawing -> PNG, from the same SVG, with the font file that the texts were measured with."""

from __future__ import annotations

from graphscope.errors import UsageError
from graphscope.export.svg import svg_text
from graphscope.view import text as fonts
from graphscope.view.drawing import Drawing

DPI = 192  # two pixels per px: sharp on screens and slides
LARGEST = 60_000_000  # pixels


def png_bytes(drawing: Drawing, dpi: float = DPI) -> bytes:
    """The figure as PNG; ``dpi=96`` gives one pixel per px.

    Raises:
        UsageError: the picture would be larger than 60 megapixels.
    """
    import resvg_py

    zoom = dpi / 96
    pixels = drawing.width * drawing.height * (drawing.scale * zoom) ** 2
    if not 0 < pixels <= LARGEST:
        raise UsageError(
            f"a PNG of this figure at dpi={dpi:g} would have {pixels / 1e6:,.0f} megapixels: the "
            f"limit is {LARGEST / 1e6:.0f}. Save it as .svg or .pdf, lower dpi, or close scopes."
        )
    # Without an explicit font file, and a family of that very name, the renderer drops all text.
    files = [str(fonts.font_file(False)), str(fonts.font_file(True))]
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg_text(drawing, font=fonts.FAMILY),
            skip_system_fonts=True,
            font_files=files,
            font_family=fonts.FAMILY,
            sans_serif_family=fonts.FAMILY,
            dpi=96,
            zoom=zoom,
        )
    )


def write(drawing: Drawing, path: str, **options: object) -> None:
    """Write the drawing to a ``.png`` file; takes ``dpi``."""
    dpi = options.get("dpi", DPI)
    if not isinstance(dpi, (int, float)) or dpi <= 0:
        raise UsageError(f"dpi={dpi!r} is no resolution: pass a positive number such as 192.")
    data = png_bytes(drawing, float(dpi))
    with open(path, "wb") as file:
        file.write(data)
