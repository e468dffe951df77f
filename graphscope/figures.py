"""``graphscope.figures``: the charts of recorded runs, ready for slides and papers.

A run is the path of a trace file (or of a folder: then its newest run), a profile that has recorded, or
a reader. Every function returns a ``Figure`` that shows itself in a notebook and saves itself as SVG, PDF,
PNG or TikZ; all take ``theme``, ``title``, ``subtitle``, ``width`` and ``font``.

Example:
    >>> import graphscope as gs
    >>> gs.figures.loss.__name__
    'loss'
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from graphscope.errors import UsageError
from graphscope.export import charts
from graphscope.export.figure import Figure
from graphscope.trace.format import SUFFIX, newest
from graphscope.trace.reader import TraceReader

__all__ = ["loss", "memory", "ops", "overlay", "pair", "timeline"]


def loss(run: Any, *more: Any, **options: Any) -> Figure:
    """The loss over the steps, of one run or of several in one chart.

    ``log=True`` or ``False`` chooses the upright axis (default: by the values), ``tag`` another recorded
    number, ``kind="eval"`` the evaluation steps, ``height`` the plot's height.

    Raises:
        TraceError: no such run. UsageError: no such tag.
    """
    return charts.loss([open_run(r) for r in (run, *more)], **options)


def timeline(run: Any, step: int = -1, **options: Any) -> Figure:
    """One step (-1: the last) as lanes of data, forward, backward and update, by module and op.

    Raises:
        TraceError: no such run or step.
    """
    return charts.timeline(open_run(run), step, **options)


def memory(run: Any, step: int = -1, **options: Any) -> Figure:
    """The bytes alive through one step (-1: the last), with the peak and what holds it.

    Raises:
        TraceError: no such run or step.
    """
    return charts.memory(open_run(run), step, **options)


def ops(run: Any, **options: Any) -> Figure:
    """Time in a step by op, forward and backward, with the device's beside the host's where it took part.

    ``by`` sums by ``scope``, ``line``, ``phase`` or ``shape`` instead; ``most`` rows are shown (15).

    Raises:
        TraceError: no such run.
    """
    return charts.ops(open_run(run), **options)


def overlay(run: Any, step: int = -1, by: str = "time", **options: Any) -> Figure:
    """The graph of one step, its cards coloured by ``time``, ``memory`` or ``grad``, with a legend.

    Raises:
        TraceError: no such run or step. UsageError: no such overlay.
    """
    return charts.overlay(open_run(run), step, by, **options)


def pair(run: Any, step: int, other: Any, other_step: int | None = None, **options: Any) -> Figure:
    """Two steps side by side: ``pair(run, 3, 7)``, or of two runs ``pair(run_a, 3, run_b, 3)``.

    Equal parts stand at equal places; what only one has, or what differs, is marked. Options as in
    ``graphscope.draw_pair``.

    Raises:
        TraceError: no such run or step.
    """
    from graphscope.export.pair import pair_of_runs

    first = open_run(run)
    if other_step is None:
        return pair_of_runs(first, step, first, int(other), **options)
    return pair_of_runs(first, step, open_run(other), other_step, **options)


def open_run(run: Any) -> TraceReader:
    """A reader of what a caller may mean by a run.

    Raises:
        TraceError: it cannot be read. UsageError: it is no run at all.
    """
    if isinstance(run, TraceReader):
        return run
    if hasattr(run, "flush") and hasattr(run, "path"):  # a profile
        run.flush()
        if run.path is None:
            raise UsageError("this profile has recorded nothing yet: use it in a with block first.")
        return TraceReader(run.path)
    if not isinstance(run, (str, Path)):
        raise UsageError(
            f"a run is the path of a {SUFFIX} file, a folder of them, or a profile; not {type(run).__name__}."
        )
    path = Path(run)
    if path.is_dir():
        path = newest(path)
    elif not path.exists() and path.suffix != SUFFIX:
        path = Path(f"{path}{SUFFIX}")
    return TraceReader(path)
