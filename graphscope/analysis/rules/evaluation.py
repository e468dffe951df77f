"""Training loss beside the loss on held-out data, wherever a program leaves them: curves, or evaluation steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphscope.analysis.rules.series import losses
from graphscope.trace import schema
from graphscope.trace.records import Floats, Longs

if TYPE_CHECKING:
    from graphscope.analysis.rules.case import Case

_HELD_OUT = ("val", "valid", "validation", "test", "eval", "dev", "heldout")


@dataclass
class Curves:
    """At each evaluation: the training step, the training loss there (averaged), and the held-out loss."""

    name: str
    steps: Longs
    train: Floats
    val: Floats


def curves(case: Case) -> Curves | None:
    """Both losses at every evaluation; None where one of them is not recorded."""
    held: dict[int, Curves | None] = case.keep("curves", dict)
    if case.round not in held:
        held.clear()
        held[case.round] = _curves(case)
    return held[case.round]


def _curves(case: Case) -> Curves | None:
    nums, loss = losses(case)
    if len(loss) < 10:
        return None
    found = _logged(case) or _evaluated(case)
    if found is None:
        return None
    name, steps, val = found
    good = np.isfinite(val) & (steps >= nums[0])
    steps, val = steps[good], val[good]
    if len(val) < 2:
        return None
    # The training loss of the steps since the evaluation before.
    ends = np.searchsorted(nums, steps, side="right")
    starts = np.concatenate([[0], ends[:-1]])
    sums = np.concatenate([[0.0], np.cumsum(loss)])
    width = np.maximum(ends - starts, 1)
    starts = ends - width
    train = (sums[ends] - sums[np.maximum(starts, 0)]) / width
    return Curves(name, steps, train, val)


def _logged(case: Case) -> tuple[str, Longs, Floats] | None:
    """The longest curve whose tag says both that it is a loss and of held-out data."""
    best: tuple[str, Longs, Floats] | None = None
    for tag, (steps, values, _) in case.reader.scalars().items():
        words = set(
            tag.lower()
            .replace("-", "/")
            .replace("_", "/")
            .replace(".", "/")
            .replace(" ", "/")
            .split("/")
        )
        if (
            "loss" in words
            and words & set(_HELD_OUT)
            and (best is None or len(steps) > len(best[1]))
        ):
            best = (tag, steps, values)
    if best is None or len(best[1]) < 2 or not (np.diff(best[1]) > 0).all():
        return None
    return best


def _evaluated(case: Case) -> tuple[str, Longs, Floats] | None:
    """The losses computed in evaluation steps, of those whose values were taken; batches of one pass averaged."""
    train = case.steps()
    table = case.steps("eval")
    known: dict[int, float] = case.keep("evaluation losses", dict)
    for num in case.fresh_values("eval"):
        found = case.values(num, "eval")
        if found is None or found.num != num:
            continue
        wires = case.wires(found.graph)
        at = [i for i, op in enumerate(wires.ops) if _is_loss(case, found.graph, i)]
        entry = found.get(at[-1]) if at else None
        if entry is not None and entry.item is not None:
            known[num] = entry.item
    if not known:
        return None
    ids = dict(zip(table.num.tolist(), table.id.tolist(), strict=True))
    sums: dict[int, list[float]] = {}
    for num, value in known.items():
        before = int(np.searchsorted(train.id, ids.get(num, -1))) - 1
        if before >= 0:
            sums.setdefault(int(train.num[before]), []).append(value)
    steps = sorted(sums)
    return (
        "evaluation steps",
        np.array(steps, np.int64),
        np.array([np.mean(sums[s]) for s in steps]),
    )


def _is_loss(case: Case, graph: int, i: int) -> bool:
    wires = case.wires(graph)
    return (
        wires.phases[i] == schema.FORWARD
        and wires.graph.op_info(i).family == "loss"
        and wires.shape(i) == ()
    )
