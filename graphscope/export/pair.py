"""Two graphs side by side as a figure: two steps of a run, two runs, or two live graphs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.errors import UsageError
from graphscope.export.figure import Figure
from graphscope.trace.reader import TraceReader
from graphscope.view.encode import node_values
from graphscope.view.pair import Half, Side, pair
from graphscope.view.side_by_side import SHOW, paint

if TYPE_CHECKING:
    from graphscope.trace.records import Graph, Step, ValueStep

PARTS = ("name", "op", "shape", "value", "grad", "site")


@dataclass(frozen=True)
class RunSide:
    """One step of a recorded run."""

    graph: Graph
    reader: TraceReader
    step: Step
    values: ValueStep | None


def pair_of_scenes(
    a: Side,
    b: Side,
    names: tuple[str, str] = ("A", "B"),
    *,
    theme: str = "light",
    title: str = "",
    subtitle: str = "",
    show: Collection[str] | str | None = None,
    collapse: int | None = None,
    flat: bool | None = None,
    width: float | None = None,
    font: str = "normal",
    stacked: bool | None = None,
) -> Figure:
    """A figure of two graphs whose equal parts stand at equal places.

    Raises:
        UsageError: an unknown theme, font or part of a card, or a width that is not positive.
    """
    parts = SHOW if show is None else (show,) if isinstance(show, str) else tuple(show)
    strange = [part for part in parts if part not in PARTS]
    if strange:
        raise UsageError(
            f"cannot show {', '.join(map(repr, strange))} on a card: a card can show {', '.join(PARTS)}."
        )
    if width is not None and not width > 0:
        raise UsageError(f"width={width!r} is no width: pass a positive number of px, such as 800.")
    found = pair(a, b, collapse, flat)
    numbers = [_numbers(side, half) for side, half in zip((a, b), found.halves, strict=True)]
    if not any(side.values for side in (a, b)):
        parts = tuple(part for part in parts if part not in ("value", "grad"))
    drawing = paint(
        found,
        numbers,
        names,
        theme,
        title=title,
        subtitle=subtitle,
        show=parts,
        font=font,
        stacked=stacked,
    )
    if width is not None:
        drawing = replace(drawing, scale=width / drawing.width)
    return Figure(drawing, theme=theme)


def _numbers(side: Side, half: Half) -> dict[str, dict[str, Any]] | None:
    if side.step is None and side.values is None:
        return None
    return node_values(side.graph, side.step, side.values, half.view)


def pair_of_runs(
    first: TraceReader, step: int, second: TraceReader, other: int, *, kind: str = "train", **options: Any
) -> Figure:  # fmt: skip
    """Two steps of one run, or of two runs, side by side."""
    sides = []
    for reader, num in ((first, step), (second, other)):
        facts = reader.step(num, kind)
        values = reader.values(facts.num, kind)
        sides.append(RunSide(reader.graph(facts.graph), reader, facts, values))
    runs = [str(reader.header().get("run", "run")) for reader in (first, second)]
    same = first.path == second.path
    names = []
    for side, run in zip(sides, runs, strict=True):
        said = f"step {units.count(side.step.num)}"
        if side.step.loss is not None:
            said += f", loss {units.loss(side.step.loss)}"
        names.append(said if same else f"{run}, {said}")
    options.setdefault("names", tuple(names))
    options["title"] = options.get("title") or (runs[0] if same else " and ".join(runs))
    return pair_of_scenes(sides[0], sides[1], **options)
