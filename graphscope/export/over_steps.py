"""A figure that runs over training steps: one layout, the values and gradients of each recorded step."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from graphscope import units
from graphscope.errors import UsageError
from graphscope.export.figure import Figure, figure_of_run

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader

MOST = 200  # steps; evenly chosen where values of more were taken


def figure_over_steps(
    reader: TraceReader, steps: Collection[int] | None = None, kind: str = "train", **options: Any
) -> Figure:
    """The last of ``steps`` as a figure that remembers the others (default: all steps with values).

    Saved as ``.html`` it has a second scrubber for the training, as ``.gif``, ``.apng`` or ``.mp4`` it
    plays the training. Steps with another graph than the last are left out. Options are those of
    ``figure_of_run``.

    Raises: UsageError when values of fewer than two steps were taken.
    """
    taken = [n for n in reader.value_steps(kind) if steps is None or n in steps]
    facts = {n: reader.step(n, kind) for n in taken}
    if taken:
        graph = facts[taken[-1]].graph
        taken = [n for n in taken if facts[n].graph == graph]
    if len(taken) < 2:
        there = reader.value_steps(kind)
        known = "no values were recorded in this run"
        if there:
            where = f"from {there[0]} to {there[-1]}" if len(there) > 1 else str(there[0])
            known = f"of this run there are values of {len(there)}: {where}"
        raise UsageError(
            f"a figure over steps needs two steps with values in that range; {known}. "
            'Record with gs.profile(..., values="full") to have them of every step.'
        )
    chosen = _thinned(taken)
    figures = [figure_of_run(reader, n, kind, **options) for n in chosen]
    figure = figures[-1]
    figure.history = tuple(
        (n, _said(facts[n].loss), each) for n, each in zip(chosen, figures, strict=True)
    )
    return figure


def _thinned(steps: list[int]) -> list[int]:
    if len(steps) <= MOST:
        return steps
    last = len(steps) - 1
    return [steps[round(k * last / (MOST - 1))] for k in range(MOST)]


def _said(loss: float | None) -> str:
    return "" if loss is None else f"loss {units.loss(loss)}"
