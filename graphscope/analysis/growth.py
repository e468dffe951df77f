"""Whether steps leave more memory behind than they find, and which lines made what stays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.analysis.holders import line_of, what
from graphscope.analysis.spans import module_of
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader

_OF_PHASE = {schema.BACKWARD: "gradient", schema.UPDATE: "optimizer state"}
OFTEN = 3  # what is made once or twice, as an optimizer's state in the first steps, is no leak


@dataclass
class Leak:
    """Memory that an op makes in every step and that is not let go."""

    line: str
    op: str
    module: str
    category: str
    per_step: float
    """Bytes that one step leaves behind."""
    steps: int
    """In how many of the steps that were looked at."""


@dataclass
class Growth:
    """Whether steps leave more behind than they found: bytes at the start of the first and last steps seen."""

    first_step: int
    last_step: int
    first: int
    last: int
    per_step: float
    grows: bool
    leaks: list[Leak] = field(default_factory=list)
    """What stays, largest first; only where memory grows."""


def growth(
    reader: TraceReader,
    kind: str = "train",
    sample: int = 200,
    known: tuple[NDArray[Any], NDArray[Any]] | None = None,
) -> Growth | None:
    """Memory at the start of steps, over the run; None when fewer than eight steps say.

    It *grows* when the slope of a straight line through the samples explains more than 95 % of their variance,
    and a step adds at least one byte in ten thousand. known: the steps and what was alive as they began, where
    the caller has them.
    """
    if known is None:
        table = reader.steps(kind)
        known = table.num, table.live0
    nums, live = known
    some = np.linspace(0, len(nums) - 1, min(sample, len(nums))).astype(int)
    points = [(int(nums[k]), int(live[k])) for k in np.unique(some) if live[k]]
    if len(points) < 8:
        return None
    points = points[2:]  # optimizers make their state in the first steps
    x, y = (np.array(column, float) for column in zip(*points, strict=True))
    slope, start = np.polyfit(x, y, 1)
    spread = float(((y - y.mean()) ** 2).sum())
    left = float(((y - slope * x - start) ** 2).sum())
    grows = spread > 0 and left < 0.05 * spread and slope > max(y[0], 1) * 1e-4
    suspects = leaks(reader, kind) if grows else []
    return Growth(int(x[0]), int(x[-1]), int(y[0]), int(y[-1]), float(slope), bool(grows), suspects)


def leaks(reader: TraceReader, kind: str = "train", often: int = OFTEN) -> list[Leak]:
    """What ops left behind in three steps (``often``) or more, and what was still there later, largest first.

    Steps between those that were looked at are taken to be like them.
    """
    made: dict[tuple[str, str, str, str], dict[int, int]] = {}
    for step, node, nbytes, _, id in reader.survivors(kind):
        graph = reader.graph(id)
        category = _OF_PHASE.get(int(graph.phase[node]), "activation")
        key = (line_of(graph, node), what(graph, node), module_of(graph, node), category)
        of_step = made.setdefault(key, {})
        of_step[step] = of_step.get(step, 0) + nbytes
    found = [
        Leak(line, op, module, category, sum(sizes.values()) / len(sizes), len(sizes))
        for (line, op, module, category), sizes in made.items()
        if len(sizes) >= often
    ]
    return sorted(found, key=lambda leak: (-leak.per_step, leak.line))
