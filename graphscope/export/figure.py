"""Figure: a drawn graph that shows itself in a notebook and saves itself as SVG, PDF or PNG."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.errors import UsageError
from graphscope.export import EXPORTERS, exporter_for
from graphscope.export.svg import svg_text
from graphscope.view.drawing import Drawing
from graphscope.view.graphview import GraphView
from graphscope.view.styles import Options, Scene, options, style
from graphscope.view.styles.graph import numbers

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph, Step, ValueStep
    from graphscope.trace.records import Lookup as Reader


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
        scene: Scene | None = None,
        options: Options | None = None,
    ) -> None:
        self.drawing = drawing
        self.view = view
        self.values = values
        self.theme = theme
        self.scene = scene
        self.options = options or Options(theme=theme)
        # (number, what to say, figure) of training steps, see ``export.over_steps``
        self.history: tuple[tuple[int, str, Figure], ...] = ()
        self.plot: Any = None  # the numbers of a chart, see ``export.pgfplots``

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

    def frame(
        self,
        values: Collection[int] | None = None,
        grads: Collection[int] | None = None,
        fresh: Collection[int] = (),
    ) -> Drawing:
        """The same picture in which only some numbers are known yet: a frame of an animation.

        ``values`` and ``grads`` are the value numbers (a forward node, or ``-1 - k`` for port ``k``) whose
        value or gradient is there, None for all; ``fresh`` ones are framed. Boxes stay where they are.

        Raises:
            UsageError: the figure is a drawing and no graph.
        """
        if self.scene is None:
            raise UsageError(
                "this figure is a drawing and no graph, so it has no frames. Draw a tensor with gs.draw(loss)."
            )
        opts = replace(
            self.options,
            values=None if values is None else frozenset(values),
            grads=None if grads is None else frozenset(grads),
            fresh=frozenset(fresh),
        )
        return _sized(style(opts.style).draw(self.scene, opts), opts)

    def save(self, path: str | os.PathLike[str], **options: Any) -> str:
        """Write the figure; the suffix says the format.

        ``.svg``, ``.pdf``, ``.png``; ``.tikz`` (a picture for LaTeX) and ``.tex`` (a document of it); charts also
        as ``.pgfplots`` (their numbers, for LaTeX);
        ``.dot`` (Graphviz) and ``.mmd`` (Mermaid), which lay out by themselves. Those that play, forward and
        then backward: ``.html`` (one offline page with a quiz), ``.gif``, ``.apng``, ``.mp4`` (by ffmpeg).

        ``dpi=`` sets the resolution of a PNG (default 192) or film, ``seconds=`` the time of a frame of a
        film, ``captions=False`` leaves out the line below it. Returns the path.

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
        if exporter.of in ("figure", "plot"):
            exporter.write(self if exporter.of == "figure" else self.plot, name, **options)
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

    def steps(
        self,
        folder: str | os.PathLike[str],
        name: str = "step",
        formats: str | Sequence[str] = ("svg", "pdf"),
        **options: Any,
    ) -> list[str]:
        """Write numbered frames, one per forward op and one per backward op, in the order in which they ran.

        What is new is framed, what is not known yet is blank, and nothing moves. ``formats`` are of svg, pdf,
        png, tikz. Beside ``name-001.svg`` and so on stand ``name.tex`` (overlays for Beamer: of pdf, png or
        tikz), ``name.html`` (a section for reveal.js: of svg or png) and ``name.steps.json``, the list of it
        all, by which a later call takes away its older frames. ``captions=True`` writes below each frame
        what ran; ``dpi=`` is for png. Returns the paths of the frames.

        Raises:
            UsageError: an unknown format, a name that is no file name, or no folder to make the folder in.
        """
        from graphscope.export.steps import write_steps

        return write_steps(self, folder, name, formats, **options)

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        # In a notebook a wide figure shrinks to the cell instead of being cut.
        return f'<div style="max-width:100%;overflow:auto">{self.svg}</div>'

    def __repr__(self) -> str:
        return f"<Figure {self.drawing.title!r} {self.width:.0f}×{self.height:.0f}>"


def figure_of_scene(scene: Scene, opts: Options) -> Figure:
    """Draw a scene in the style that the options ask for."""
    chosen = style(opts.style)
    drawing = _sized(chosen.draw(scene, opts), opts)
    view = chosen.view(scene, opts)
    return Figure(drawing, view, numbers(scene, opts, view), opts.theme, scene, opts)


def _sized(drawing: Drawing, opts: Options) -> Drawing:
    return drawing if opts.width is None else replace(drawing, scale=opts.width / drawing.width)


def figure_of_graph(
    graph: Graph,
    reader_like: Reader,
    step: Step | None = None,
    values: ValueStep | None = None,
    theme: str = "light",
    **asked: Any,
) -> Figure:
    """Draw a recorded graph; ``asked`` are the options of ``graphscope.draw``.

    Further ones: ``opened`` lists the scopes to open (default: as many as stay readable), ``color`` is
    ``family``, ``time``, ``memory`` or ``grad``.

    Raises:
        UsageError: an option, style, theme, overlay or part of a card that there is not.
    """
    return figure_of_scene(Scene(graph, reader_like, step, values), options(theme=theme, **asked))


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
