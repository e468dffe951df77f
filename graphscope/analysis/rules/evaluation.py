"""Overfitting: training loss beside that on held-out data, wherever a program leaves it (curves, evaluation steps)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphscope import units
from graphscope.analysis.rules.curves import at_loss
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.analysis.rules.series import in_a_row, is_held_out, logged, losses
from graphscope.trace import schema
from graphscope.trace.records import Floats, Longs

if TYPE_CHECKING:
    from graphscope.analysis.rules.case import Case

_SM = "Amazon SageMaker Debugger, built-in rules (Overfit)"


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
    found = [
        (tag, curve) for tag, curve in logged(case).items() if is_held_out(tag) and len(curve) > 1
    ]
    if not found:
        return None
    tag, curve = max(found, key=lambda one: len(one[1]))
    steps = sorted(curve)
    return tag, np.array(steps, np.int64), np.array([curve[step] for step in steps], float)


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


def overfit(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    both: Curves | None = curves(case)
    if both is None or len(both.val) < settings["evaluations"]:
        return
    bad, best = overfits(both.train, both.val, settings["worse"], settings["better"])
    if in_a_row(bad) < settings["checks"]:
        return
    now, then = both.train[-1], both.train[best]
    yield at_loss(
        case, min(int(both.steps[-1]), int(case.steps().num[-1])),
        f"The loss on held-out data ({both.name}) was {units.loss(both.val[best])} at step {both.steps[best]} and is "
        f"{units.loss(both.val[-1])} now, {units.share(both.val[-1] / both.val[best] - 1)} higher, while on the training "
        f"data it fell from {units.loss(then)} to {units.loss(now)}.",
        {"best": float(both.val[best]), "best_step": int(both.steps[best]), "val": float(both.val[-1]), "train": float(now)},
        key=both.name,
    )  # fmt: skip


def overfits(train: Floats, val: Floats, worse: float, better: float) -> tuple[list[bool], int]:
    """At which evaluations held-out loss is ``worse`` times its best while the training loss went on falling.

    >>> overfits(np.array([1.0, 0.5, 0.3]), np.array([1.0, 0.8, 1.0]), 1.15, 0.9)
    ([False, False, True], 1)
    """
    bad, best = [], 0
    for k in range(len(val)):
        if val[k] < val[best]:
            best = k
        bad.append(bool(val[k] > worse * val[best] > 0 and train[k] < better * train[best]))
    return bad, best


RULES = (
    Rule(
        "overfitting", "Overfitting", "warning", "training",
        "The network learns the training examples by heart: it gets better on them and worse on others.",
        "Stop at the best step, or use more data, augmentation, dropout, weight decay (weight_decay=1e-2) or a smaller "
        "network.",
        overfit, {"worse": 1.15, "better": 0.9, "checks": 3, "evaluations": 5}, 1, f"nnscope; {_SM}",
        "https://docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html", "run",
        about={"worse": "held-out loss as a multiple of its best", "better": "training loss as a share of what it was then",
               "checks": "evaluations in a row", "evaluations": "least number of them"},
    ),
)  # fmt: skip
