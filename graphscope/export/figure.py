"""Figure: a drawn graph that shows itself in a notebook and saves itself as SVG, PDF or PNG."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.errors import UsageError
from graphscope.export import EXPORTERS, exporter_for
from graphscope.export.svg import svg_text
from graphscope.view.drawing import Drawing
from graphscope.view.encode import node_values
from graphscope.view.graphview import GraphView, ViewState, build
from graphscope.view.paint import SHOW, paint

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Step, ValueStep
    from graphscope.trace.records import Lookup as Reader

PARTS = ("name", "op", "shape", "value", "grad", "site")


class Figure:
    """A finished figure. A notebook shows it by itself; ``save`` writes it to a file.

    Example:
        >>> from graphscope.view.drawing import Drawing, Rect
        >>> figure = Figure(Drawing(40, 20, "#FFFFFF", items=[Rect(4, 4, 32, 12, fill="#1B5FC1")]))
        >>> figure.svg.startswith("<svg")
        True
    """

    def __init__(
        self,
        drawing: Drawing,
        view: GraphView | None = None,
        values: Mapping[str, Mapping[str, Any]] | None = None,
        theme: str = "light",
    ) -> None:
        self.drawing = drawing
        self.view = view
        self.values = values
        self.theme = theme

    @property
    def svg(self) -> str:
        """The figure as SVG text."""
        return svg_text(self.drawing)

    @property
    def width(self) -> float:
        return self.drawing.width * self.drawing.scale

    @property
    def height(self) -> float:
        return self.drawing.height * self.drawing.scale

    def save(self, path: str | os.PathLike[str], **options: Any) -> str:
        """Write the figure; the suffix says the format.

        ``.svg``, ``.pdf``, ``.png``; ``.tikz`` (a picture for LaTeX) and ``.tex`` (a document of it);
        ``.dot`` (Graphviz) and ``.mmd`` (Mermaid), which lay out by themselves.

        ``dpi=`` sets the resolution of a PNG (default 192). Returns the path.

        Raises:
            UsageError: unknown suffix or option, or the folder does not exist.
        """
        name = os.fspath(path)
        exporter = exporter_for(name)
        if exporter is None:
            known = ", ".join(e.suffix for e in EXPORTERS)
            suffix = os.path.splitext(name)[1]
            got = f"the suffix {suffix!r}" if suffix else "no suffix"
            raise UsageError(
                f"cannot save a figure to {name!r}: it has {got}, and a figure can be saved as "
                f"{known}. Try {os.path.splitext(name)[0] + '.svg'!r}."
            )
        unknown = sorted(set(options) - set(exporter.options))
        if unknown:
            takes = ", ".join(exporter.options) or "no options"
            raise UsageError(
                f"cannot save a figure to {name!r} with {', '.join(unknown)}: "
                f"{exporter.name} takes {takes}. Leave it out."
            )
        folder = os.path.dirname(os.path.abspath(name))
        if not os.path.isdir(folder):
            raise UsageError(
                f"cannot save a figure to {name!r}: the folder {folder!r} does not exist, and "
                "folders are not made silently. Create it first, e.g. with os.makedirs."
            )
        if exporter.of == "drawing":
            exporter.write(self.drawing, name, **options)
            return name
        if self.view is None:
            raise UsageError(
                f"cannot save this figure as {exporter.name}: it is a drawing and no graph. "
                f"Try {os.path.splitext(name)[0] + '.svg'!r}."
            )
        exporter.write(
            self.view,
            name,
            values=self.values,
            look=self.theme,
            title=self.drawing.title,
            **options,
        )
        return name

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        # In a notebook a wide figure shrinks to the cell instead of being cut.
        return f'<div style="max-width:100%;overflow:auto">{self.svg}</div>'

    def __repr__(self) -> str:
        return f"<Figure {self.drawing.title!r} {self.width:.0f}×{self.height:.0f}>"


def figure_of_graph(
    graph: Graph,
    reader_like: Reader,
    step: Step | None = None,
    values: ValueStep | None = None,
    theme: str = "light",
    title: str | None = None,
    show: Collection[str] = SHOW,
    width: float | None = None,
    *,
    opened: Collection[str] | None = None,
    color: str = "family",
    subtitle: str = "",
    legend: bool = True,
) -> Figure:
    """Draw a recorded graph.

    ``show`` picks what stands on the cards, from ``name, op, shape, value, grad, site``; ``opened``
    lists the scopes to open (default: as many as stay readable); ``color`` is ``family``, ``time``,
    ``memory`` or ``grad``; ``width`` scales the figure to that many px.

    Raises:
        UsageError: an unknown theme, overlay or part of a card, or a width that is not positive.
    """
    parts = [show] if isinstance(show, str) else list(show)
    strange = [part for part in parts if part not in PARTS]
    if strange:
        raise UsageError(
            f"cannot show {', '.join(map(repr, strange))} on a card: a card can show "
            f"{', '.join(PARTS)}. Pass for example show=('name', 'shape')."
        )
    if width is not None and not width > 0:
        raise UsageError(f"width={width!r} is no width: pass a positive number of px, such as 800.")
    state = ViewState(
        opened=None if opened is None else frozenset(opened), color=color, theme=theme
    )
    view = build(graph, reader_like, state, specs=step.specs if step is not None else None)
    if values is None:
        # No statistics were taken: rows of nothing but dashes would say less than the op's name.
        parts = [part for part in parts if part not in ("value", "grad")]
    numbers = node_values(graph, step, values, view) if step is not None or values else None
    drawing = paint(
        view,
        numbers,
        theme,
        title=title or "",
        subtitle=subtitle,
        show=parts,
        color=color,
        legend=legend,
    )
    if width is not None:
        drawing = replace(drawing, scale=width / drawing.width)
    return Figure(drawing, view, numbers, theme)


def figure_of_run(
    reader: TraceReader, step: int = -1, kind: str = "train", **options: Any
) -> Figure:
    """Draw one step of a recorded run (default: the last), with its values and gradients.

    Takes the options of ``figure_of_graph``. Values come from the nearest step at or before this
    one in which they were taken; the subtitle says which.
    """
    facts = reader.step(step, kind)
    values = reader.values(facts.num, kind)
    said = [f"step {units.number(facts.num)}"]
    if facts.loss is not None:
        said.append(f"loss {units.loss(facts.loss)}")
    said.append(units.ns(facts.wall_ns))
    if facts.status != "ok":
        said.append(facts.status)
    if values is not None and values.num != facts.num:
        said.append(f"values of step {units.number(values.num)}")
    options.setdefault("subtitle", "  \u00b7  ".join(said))
    options.setdefault("title", str(reader.header().get("run", "run")))
    return figure_of_graph(reader.graph(facts.graph), reader, facts, values, **options)
