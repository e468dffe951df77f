"""Figures and files out of traces. One module per format; the list below is the whole registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphscope.export import animation, dot, mermaid, pdf, pgfplots, png, svg, tikz
from graphscope.export.player import page
from graphscope.view.drawing import Drawing


@dataclass(frozen=True)
class Exporter:
    """A format: its file suffix, what it is called, and what writes it.

    ``write(drawing, path, **options)`` for pictures; formats that lay out by themselves (``of="view"``)
    get the view, and the values on its cards, instead; those that play it (``of="figure"``) the figure; ``of="plot"`` a chart's numbers.
    """

    suffix: str
    name: str
    write: Callable[..., None]
    options: tuple[str, ...] = ()
    of: str = "drawing"


# Ordered as error messages and menus list them.
EXPORTERS: tuple[Exporter, ...] = (
    Exporter(".svg", "SVG", svg.write),
    Exporter(".pdf", "PDF", pdf.write),
    Exporter(".png", "PNG", png.write, ("dpi",)),
    Exporter(".tikz", "TikZ", tikz.write),
    Exporter(".tex", "TeX", tikz.write),
    Exporter(".pgfplots", "pgfplots", pgfplots.write, of="plot"),
    Exporter(".dot", "DOT", dot.write, of="view"),
    Exporter(".gv", "DOT", dot.write, of="view"),
    Exporter(".mmd", "Mermaid", mermaid.write, of="view"),
    Exporter(".mermaid", "Mermaid", mermaid.write, of="view"),
    Exporter(".html", "HTML", page.write, of="figure"),
    Exporter(".gif", "GIF", animation.write_pictures, animation.OPTIONS, of="figure"),
    Exporter(".apng", "APNG", animation.write_pictures, animation.OPTIONS, of="figure"),
    Exporter(".mp4", "MP4", animation.write_film, animation.OPTIONS, of="figure"),
)


def exporter_for(path: str) -> Exporter | None:
    """The exporter for a file name, by its suffix; None when there is none."""
    name = path.lower()
    return next((e for e in EXPORTERS if name.endswith(e.suffix)), None)


__all__ = ["EXPORTERS", "Drawing", "Exporter", "exporter_for"]
