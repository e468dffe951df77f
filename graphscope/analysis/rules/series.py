"""Statistics of values and gradients over the steps in which they were taken, read once per round.

A ``Snapshot`` is one such step, cut down to what rules look at. None is made of a step with a number that is
not finite: no rule may speak then but the one about that number.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphscope.analysis.rules.anatomy import Anatomy, Layer, anatomy
from graphscope.errors import TraceError
from graphscope.trace.records import Entry, Floats, Longs, ValueStep

if TYPE_CHECKING:
    from graphscope.analysis.rules.case import Case

_HELD_OUT = {"val", "valid", "validation", "test", "eval", "dev", "heldout"}


@dataclass(slots=True)
class Fact:
    """One tensor in one step: moments and extremes, counts of signs, histogram, and its small sample."""

    count: int
    mean: float
    std: float
    low: float
    high: float
    rms: float
    absmax: float
    zero: float
    """Share of exact zeros."""
    negative: float
    hist: NDArray[Any]
    sample: NDArray[np.float32] | None
    exact: bool
    """The sample is the whole tensor, in full precision."""

    @property
    def norm(self) -> float:
        return float(self.rms * self.count**0.5)

    def spread(self) -> float:
        """95th less 5th percentile, to a bin of the histogram."""
        total = float(self.hist.sum())
        if not total:
            return 0.0
        below = np.cumsum(self.hist) / total
        low, high = np.searchsorted(below, (0.05, 0.95))
        return float((high - low) * (self.high - self.low) / len(self.hist))


@dataclass(frozen=True)
class Change:
    """What one update did to a parameter.

    ratio: mean size of the change over mean size of the value. The sample of a large tensor is rounded to 12
    bits, of both alike, so that the mean is still right where most differences round to 0.
    step: median size of the change. even: whether nearly all elements changed by the same size, as in the first
    step of Adam. exact: the last two are of numbers that are not rounded.
    """

    ratio: float
    step: float
    even: bool
    exact: bool


@dataclass
class Snapshot:
    """One step whose numbers are all finite."""

    num: int
    graph: int
    anatomy: Anatomy
    values: dict[int, Fact]
    grads: dict[int, Fact]
    _changes: dict[int, Change | None] = field(default_factory=dict)

    @property
    def layers(self) -> list[Layer]:
        return self.anatomy.layers

    def change(self, layer: Layer) -> Change | None:
        """What the update did to a layer's weight; None where the samples do not say."""
        if layer.weight not in self._changes:
            before, after = self.values.get(layer.weight), self.values.get(layer.update)
            self._changes[layer.weight] = _change(before, after)
        return self._changes[layer.weight]


def snapshots(case: Case, kind: str = "train") -> list[Snapshot]:
    """The steps whose values are new in this round, oldest first."""
    kept: dict[str, tuple[int, list[Snapshot]]] = case.keep("snapshots", dict)
    if kept.get(kind, (-1, []))[0] != case.round:
        kept[kind] = (case.round, list(_read(case, kind)))
    return kept[kind][1]


def first(case: Case) -> Snapshot | None:
    """Step 0 of the training, as it was initialised; None where it was not recorded with values."""
    held: list[Snapshot | None] = case.keep("first snapshot", list)
    if not held and case.value_steps():
        found = case.values(0) if case.value_steps()[0] == 0 else None
        held.append(None if found is None else _cut(found, anatomy(case, found.graph)))
    return held[0] if held else None


def recent(case: Case, name: str, most: int = 10) -> deque[Snapshot]:
    """The last few snapshots for a rule that looks at several at once; it adds them itself."""
    made: deque[Snapshot] = case.keep(("recent", name), lambda: deque(maxlen=most))
    return made


def losses(case: Case) -> tuple[Longs, Floats]:
    """Step numbers and losses of training up to the first loss that is not finite.

    Of several losses that take turns (a GAN's two) it is the one of most steps: they are no one curve.
    """
    held: dict[int, tuple[Longs, Floats]] = case.keep("losses", dict)
    if case.round not in held:
        held.clear()
        nums, loss = case.loss
        mine = _of_one_loss(case, nums)
        nums, loss = nums[mine], loss[mine]
        bad = np.flatnonzero(~np.isfinite(loss))
        stop = int(bad[0]) if len(bad) else len(loss)
        held[case.round] = nums[:stop], loss[:stop]
    return held[case.round]


def _of_one_loss(case: Case, nums: Longs) -> NDArray[np.bool_]:
    """Which of these steps have the loss that most have, by its op and line."""
    table = case.steps()
    graphs = table.graph[np.searchsorted(table.num, nums)]
    ids, n = np.unique(graphs, return_counts=True)
    if not 1 < len(ids) <= 12:  # of a graph that changes all the time, the loss is taken to be one
        return np.ones(len(nums), bool)
    known: dict[int, Any] = case.keep("loss of graph", dict)
    count: dict[Any, int] = {}
    for id, often in zip(ids.tolist(), n.tolist(), strict=True):
        if id not in known:
            wires = case.wires(id)
            known[id] = (
                None if wires.loss is None else (wires.ops[wires.loss], wires.site(wires.loss))
            )
        count[known[id]] = count.get(known[id], 0) + often
    most = max(count, key=lambda k: count[k])
    return np.isin(graphs, [id for id in ids.tolist() if known[id] == most])


def logged(case: Case) -> dict[str, dict[int, float]]:
    """Curves that the program logged, step by step, of tags that name a held-out loss or a learning rate."""
    table: dict[str, dict[int, float]] = case.keep("logged", dict)
    read: list[int] = case.keep("logged up to", lambda: [-1, 0])  # round, id
    if read[0] != case.round:
        since, last = read[1], int(case.reader.revision()["scalars"])
        if last > since and _may_tell(case):
            # A row that came in between is read twice, into the same place.
            for tag, (steps, values, _) in case.reader.scalars(since=max(since, 0)).items():
                if _tells(tag):
                    table.setdefault(tag, {}).update(
                        zip(steps.tolist(), values.tolist(), strict=True)
                    )
        read[:] = [case.round, max(last, since)]
    return table


def is_held_out(tag: str) -> bool:
    """Whether a tag says both that it is a loss and of held-out data.

    >>> is_held_out("val/loss"), is_held_out("loss")
    (True, False)
    """
    said = words(tag)
    return "loss" in said and bool(said & _HELD_OUT)


def _may_tell(case: Case) -> bool:
    """Whether any curve is worth reading all that was logged."""
    try:
        return any(map(_tells, case.reader.tags()))
    except TraceError:
        return True  # the numbers may be whole where the index is not


def _tells(tag: str) -> bool:
    return is_held_out(tag) or bool(words(tag) & {"lr", "learning"})


def words(tag: str) -> set[str]:
    """The parts of a tag.

    >>> sorted(words("Loss/val_set"))
    ['loss', 'set', 'val']
    """
    return set(re.split(r"[^a-z0-9]+", tag.lower()))


def is_finite_now(case: Case) -> bool:
    """Whether the newest loss is a number; rules about the present are silent otherwise."""
    _, loss = case.loss
    return not len(loss) or bool(np.isfinite(loss[-1]))


def windows(x: Floats, size: int) -> Floats:
    """Means over stretches of ``size``, the last ones whole.

    >>> windows(np.array([9.0, 1, 3, 5, 7]), 2)
    array([2., 6.])
    """
    n = len(x) // size
    return (
        np.asarray(x[len(x) - n * size :], float).reshape(n, size).mean(axis=1)
        if n
        else np.zeros(0)
    )


def in_a_row(bad: Any) -> int:
    """How many of the last ones are true.

    >>> in_a_row([True, False, True, True])
    2
    """
    table = np.asarray(bad, bool)
    held = np.flatnonzero(~table)
    return int(len(table) - 1 - held[-1]) if len(held) else len(table)


def learning(case: Case) -> float:
    """The mean of the newest losses as a share of that of the first ones; 1 where nothing is known.

    Rules about gradients ask it: small ones are no fault where the loss has come down.
    """
    held: dict[int, float] = case.keep("learning", dict)
    if case.round not in held:
        held.clear()
        _, loss = losses(case)
        few = max(1, min(10, len(loss) // 4))
        start, now = (
            float(np.mean(part)) if len(part) else 0.0 for part in (loss[:few], loss[-few:])
        )
        held[case.round] = now / start if start > 0 and now >= 0 else 1.0
    return held[case.round]


def _read(case: Case, kind: str) -> Iterator[Snapshot]:
    table = case.steps(kind)
    broken = set(table.num[table.nonfinite | np.isinf(table.loss)].tolist())
    for num in case.fresh_values(kind):
        if num in broken:
            continue
        found = case.values(num, kind)
        if found is None or found.num != num:
            continue
        body = anatomy(case, found.graph)
        snapshot = _cut(found, body)
        if snapshot is not None:
            yield snapshot


def _cut(found: ValueStep, body: Anatomy) -> Snapshot | None:
    """The facts that rules look at; None when a number is not finite."""
    values: dict[int, Fact] = {}
    grads: dict[int, Fact] = {}
    wanted = body.wanted
    for (v, kind), entry in found.unusual():
        health = entry.health
        # -inf among values may be a mask; NaN, or an infinite gradient or parameter, never is.
        if health[5] or ((health[0] or health[4]) and (kind == "g" or v < 0)):
            return None
    for v, kind in found:
        if v in wanted and (entry := found.entries[v, kind]).count:
            (values if kind == "v" else grads)[v] = _fact(entry)
    return Snapshot(found.num, found.graph, body, values, grads)


def _fact(entry: Entry) -> Fact:
    stats, health = entry.stats.tolist(), entry.health.tolist()
    seen = max(sum(health), 1)
    sample, exact = None, False
    if entry.thumb is not None:
        sample = entry.thumb.array().copy()
        exact = all(stride == 1 for stride in entry.thumb.stride)
    count, mean, std, low, high, rms, absmax = stats[:7]
    zero, negative = health[2] / seen, health[1] / seen
    hist = entry.hist.copy()  # a row of a table of all entries, which would stay alive with it
    return Fact(int(count), mean, std, low, high, rms, absmax, zero, negative, hist, sample, exact)


def _change(before: Fact | None, after: Fact | None) -> Change | None:
    if before is None or after is None or before.sample is None or after.sample is None:
        return None
    if before.sample.shape != after.sample.shape or not before.rms:
        return None
    moved = np.abs(after.sample.astype(float) - before.sample)
    size = float(np.abs(before.sample).mean())
    if not size:
        return None
    exact = before.exact and after.exact
    middle = float(np.median(moved))
    low, high = np.percentile(moved, (20, 80))
    even = bool(middle > 0 and high - low < 0.05 * middle)
    return Change(float(moved.mean()) / size, middle, even, exact)
