"""Rules about the loss over the steps: spikes, no progress, divergence, swings, a plateau."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from graphscope import units
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.analysis.rules.series import in_a_row, is_finite_now, losses, windows
from graphscope.trace.records import Floats

if TYPE_CHECKING:
    from graphscope.analysis.rules.case import Case

_SM = "Amazon SageMaker Debugger, built-in rules (LossNotDecreasing)"
_DC = "TheDeepChecker (Ben Braiek and Khomh, 2023)"
_AT = "AUTOTRAINER (Zhang et al., ICSE 2021)"
_ZC = "ZClip (Kumar et al., arXiv 2504.02507)"
_AT_ONCE = 1_024  # losses that are looked at together; from a possible spike on one by one


def _at(case: Case, num: int) -> tuple[int, tuple[int, ...]]:
    """The graph of a step and the node of its loss."""
    table = case.steps()
    if not len(table):
        return -1, ()
    place = min(int(np.searchsorted(table.num, num)), len(table) - 1)
    graph = int(table.graph[place])
    loss = case.wires(graph).loss
    return graph, () if loss is None else (loss,)


def at_loss(
    case: Case,
    num: int,
    detail: str,
    evidence: Mapping[str, object],
    key: str = "loss",
    update: bool = False,
) -> Hit:
    """A hit at the loss of a step. update: the step length is at fault, and the line is that of the update."""
    graph, nodes = _at(case, num)
    site = None
    if update and graph >= 0:
        wires = case.wires(graph)
        own = [u for p in wires.parameters for u in p.updates]
        site, nodes = wires.site(*own[:1]), (*nodes, *own[:8])
    return Hit(num, detail, evidence, graph, nodes, site, key=key)


def spike(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """The newest spike, and how many there were."""
    nums, loss = losses(case)
    follower: Spikes = case.keep("loss spikes", lambda: Spikes(settings))
    found = follower.tell(loss)
    if not found:
        return
    k, z, mean = found[-1]
    more = (
        ""
        if len(found) == 1
        else f" There were {len(found)} such steps, the first of them step {nums[found[0][0]]}."
    )
    yield at_loss(
        case, int(nums[k]),
        f"The loss jumped to {units.loss(loss[k])} at step {nums[k]}, where {units.loss(mean)} was to be expected "
        f"({units.number(z)} standard deviations of its logarithm).{more}",
        {"z": z, "loss": float(loss[k]), "average": mean, "steps": [int(nums[i]) for i, _, _ in found[-100:]]},
    )  # fmt: skip


class Spikes:
    """Forecasts the logarithm of a loss, told each loss once; a spike is far above its forecast.

    The logarithm, since a late small loss may scatter as it does; a forecast with a trend (Holt's double
    exponential smoothing), since early losses fall, and an average of them would lag behind.
    """

    def __init__(self, settings: Mapping[str, float]) -> None:
        self.settings = settings
        self.found: list[tuple[int, float, float]] = []
        """(position, z, forecast) of every spike."""
        self.seen = 0
        self._n, self._level, self._trend, self._var = 0, 0.0, 0.0, 0.0
        self._low, self._high = math.inf, -math.inf

    def tell(self, loss: Floats) -> list[tuple[int, float, float]]:
        """All losses so far; the new ones are looked at."""
        while self.seen < len(loss):
            values = loss[self.seen : self.seen + _AT_ONCE].tolist()
            usual = self._usual(values) if self._is_steady() else 0
            for value in values[usual:]:
                if value > 0:
                    self._one(value)
                self.seen += 1
        return self.found

    def _is_steady(self) -> bool:
        """Whether the weights of old and new change no more, and what is found is far above the least deviation."""
        told = self.settings
        weight = 1 - told["alpha"]
        return (
            self._n >= told["warm_up"]
            and self._n > 0
            and weight >= 1 / self._n
            and min(told["z"], told["floor"]) > 0
        )

    def _usual(self, values: list[float]) -> int:
        """Take in the values up to the first that may be a spike; how many they are.

        The same sums as in ``_one``, and no more than these: a run has a million steps.
        """
        level, trend, var = self._level, self._trend, self._var
        weight = 1 - self.settings["alpha"]
        # No error below this is that many deviations; a hair less, for what rounding does.
        bar = 0.999 * self.settings["z"] * self.settings["floor"]
        many = 0
        try:
            for x in map(math.log, values):
                forecast = level + trend
                error = x - forecast
                if not error <= bar:
                    break
                level = forecast + 0.2 * error
                trend += 0.02 * error
                var += weight * (error * error - var)
                many += 1
        except ValueError:
            pass  # no logarithm: it is not looked at
        if many:
            self._level, self._trend, self._var = level, trend, var
            self._low = min(self._low, min(values[:many]))
            self._high = max(self._high, max(values[:many]))
            self._n += many
            self.seen += many
        return many

    def _one(self, value: float) -> None:
        told, x, k = self.settings, math.log(value), self.seen
        if not self._n:
            self._level = x
        forecast = self._level + self._trend
        error = x - forecast
        if self._n >= told["warm_up"]:
            z = error / max(self._var**0.5, told["floor"])
            usual = math.exp(forecast)
            if z > told["z"] and value - usual > told["range"] * (self._high - self._low):
                self.found.append((k, z, usual))
                if len(self.found) > 3 and self.found[-4][0] == k - 3:
                    self._n = 0  # four in a row are no spike: this is what it is like from now on
                    self._trend = 0.0
                return
        self._n += 1
        self._level = forecast + 0.2 * error
        self._trend += 0.02 * error
        weight = max(1 - told["alpha"], 1 / self._n)
        self._var += weight * (error * error - self._var)
        self._low, self._high = min(self._low, value), max(self._high, value)


def flat(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    nums, loss = losses(case)
    size = int(settings["window"])
    means = windows(loss, size)
    if len(loss) < settings["steps"] or len(means) < 5 or not is_finite_now(case):
        return
    scale = max(abs(means[0]), 1e-12)
    best = (means[0] - means[1:]) / scale
    # Four in a row, and never before either: a training that has arrived stands still with good reason.
    if best.max() >= settings["drop"] or in_a_row(best < settings["drop"]) < settings["checks"]:
        return
    if means[0] < 0 or abs(means[0]) < 1e-6:
        return
    now = float(means[-1])
    yield at_loss(
        case, int(nums[-1]),
        f"The loss was {units.loss(means[0])} in the first {size} steps and is {units.loss(now)} in the last {size} of "
        f"{len(loss)}; in between it was never {units.share(settings['drop'])} lower.",
        {"first": float(means[0]), "last": now, "best": float(means.min()), "steps": len(loss)},
    )  # fmt: skip


def diverging(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    nums, loss = losses(case)
    found = None
    for size in (1, int(settings["window"])):
        found = found or diverged(windows(loss, size), int(settings["checks"]), settings["factor"])
        if found:
            end = len(loss) - (len(windows(loss, size)) - 1 - found[1]) * size - 1
            first, last, start, top = found
            _, now = losses(case)
            yield at_loss(
                case, int(nums[end]),
                f"The loss grew from {units.loss(start)} to {units.loss(top)} up to step {nums[end]}, by a factor of "
                f"{units.number(settings['factor'])} or more {last - first} times in a row"
                f"{' (averages of ' + str(size) + ' steps)' if size > 1 else ''}; it began at {units.loss(now[0])}.",
                {"from": start, "to": top, "began": float(now[0])}, update=True,
            )  # fmt: skip
            return


def diverged(x: Floats, checks: int, factor: float) -> tuple[int, int, float, float] | None:
    """(position before, last position, value before, last value) of the newest growth that ends above the start.

    >>> diverged(np.array([1.0, 0.5, 1, 2, 4, 8]), 4, 2)
    (1, 5, 0.5, 8.0)
    """
    if len(x) <= checks or not (x > 0).all():
        return None
    grows = x[1:] >= factor * x[:-1]
    # How many growths in a row end at each position, and the least value from there on.
    place = np.arange(len(x))
    broken = np.maximum.accumulate(np.where(np.concatenate([[True], ~grows]), place, 0))
    run = place - broken
    # What came down again by itself was a spike.
    least = np.minimum.accumulate(x[::-1])[::-1]
    at = np.flatnonzero((run >= checks) & (least > x[0]))
    if not len(at):
        return None
    k = int(at[-1])
    return k - int(run[k]), k, float(x[k - run[k]]), float(x[k])


def oscillating(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    nums, loss = losses(case)
    n = int(settings["window"])
    if len(loss) < n or not is_finite_now(case):
        return
    x = loss[-n:]
    found = swings(x)
    level = float(np.abs(x).mean())
    if found is None or not level:
        return
    changes, size = found
    if changes < settings["changes"] or size < settings["size"] * level or is_falling(x):
        return
    if level < settings["learnt"] * abs(float(loss[: max(n // 5, 1)].mean())):
        return
    yield at_loss(
        case, int(nums[-1]),
        f"The loss changed direction in {units.share(changes)} of the last {n} steps, with swings of "
        f"{units.loss(size)} around {units.loss(level)}, and did not fall (chance alone gives 67 %).",
        {"changes": changes, "swing": size, "level": level, "steps": n}, update=True,
    )  # fmt: skip


def swings(x: Floats) -> tuple[float, float] | None:
    """Share of steps that change direction, and the mean size of a step; None where nothing moves.

    >>> swings(np.array([1.0, 3, 1, 3, 1]))
    (1.0, 2.0)
    """
    moves = np.diff(x)
    moves = moves[moves != 0]
    if len(moves) < 2:
        return None
    return float((moves[1:] * moves[:-1] < 0).mean()), float(np.abs(moves).mean())


def is_falling(x: Floats) -> bool:
    """Whether the second half is lower than the first by more than a twentieth."""
    half = len(x) // 4 * 2  # as many ups as downs in both
    return bool(x[-half:].mean() < 0.95 * x[:half].mean())


def slow(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    nums, loss = losses(case)
    if len(loss) < settings["steps"] or not is_finite_now(case) or not (loss > 0).all():
        return
    n = len(loss)
    tenth = n // 10
    began, middle, now = (
        float(part.mean()) for part in (loss[:tenth], loss[n // 2 - tenth : n // 2], loss[-tenth:])
    )
    fell, late = (began - now) / began, (middle - now) / middle
    if (
        fell < settings["moved"]
        or late >= settings["gain"]
        or now < settings["high"] * began
        or late < -settings["gain"]
    ):
        return
    yield at_loss(
        case, int(nums[-1]),
        f"The loss fell from {units.loss(began)} to {units.loss(now)} in {n} steps, and only {units.share(late)} of it in "
        f"the second half.",
        {"first": began, "middle": middle, "last": now, "steps": n},
    )  # fmt: skip


RULES = (
    Rule(
        "loss-spike", "Loss spike", "warning", "training",
        "One step made the loss jump far above what was usual. Often one bad batch, or a learning rate at the edge of "
        "what the training bears.",
        "Look at the batch of this step; lower the learning rate, or clip: "
        "nn.utils.clip_grad_norm_(model.parameters(), 1.0).",
        spike, {"z": 6, "alpha": 0.97, "warm_up": 20, "range": 0.25, "floor": 0.1}, 1,
        _ZC + ", whose z of 2.5 clips; a finding asks for more", "https://arxiv.org/abs/2504.02507", "run",
        about={"z": "standard deviations of the logarithm above the forecast", "alpha": "weight of the past",
               "warm_up": "steps before the first", "range": "least jump, as a share of the range of the loss so far",
               "floor": "least standard deviation of the logarithm"},
    ),
    Rule(
        "loss-not-decreasing", "The loss does not decrease", "warning", "training",
        "Nothing is learnt: the learning rate is far too low or too high, the gradient does not reach the weights, or "
        "inputs and targets have nothing to do with each other.",
        "Try to fit one small batch first. If that fails it is the code (optimizer.step(), parameters, labels); else "
        "change the learning rate by ten.",
        flat, {"window": 10, "checks": 4, "drop": 0.05, "steps": 50}, 1, f"{_SM}; {_DC}",
        "https://docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html", "run",
        about={"window": "steps that are averaged", "checks": "averages in a row", "drop": "relative to the first average",
               "steps": "least number of steps"},
    ),
    Rule(
        "loss-diverging", "The loss diverges", "error", "training",
        "Each step makes it worse, and the next one is longer for it: soon the loss is infinite. The learning rate is too "
        "high.",
        "Divide the learning rate by ten, or clip gradients: nn.utils.clip_grad_norm_(model.parameters(), 1.0).",
        diverging, {"window": 10, "checks": 4, "factor": 2}, 1, _DC, "https://arxiv.org/abs/2204.00694", "run",
        about={"window": "steps that are averaged (single steps are looked at too)", "checks": "in a row",
               "factor": "growth from one to the next"},
    ),
    Rule(
        "loss-oscillating", "The loss swings up and down", "warning", "training",
        "Steps overshoot: they jump from one side of the valley to the other and do not go down it.",
        "Divide the learning rate by three, or use a larger batch or momentum.",
        oscillating, {"window": 50, "changes": 0.9, "size": 0.25, "learnt": 0.02}, 1,
        f"{_DC} asks for half of the steps, which noise does too", "https://distill.pub/2017/momentum/", "run",
        about={"window": "steps that are looked at", "changes": "share of them that change direction",
               "size": "mean swing as a share of the loss", "learnt": "silent below this share of the first loss"},
    ),
    Rule(
        "slow-convergence", "The loss hardly falls any more", "info", "training",
        "The second half of the training brought next to nothing, and the loss is still high: stop earlier, or change "
        "something.",
        "Try a higher learning rate, a schedule (optim.lr_scheduler.OneCycleLR), or a larger network.",
        slow, {"steps": 400, "gain": 0.01, "moved": 0.05, "high": 0.5}, 1, _AT,
        "https://dl.acm.org/doi/10.1109/ICSE43902.2021.00043", "run",
        about={"steps": "least number of steps", "gain": "of the second half", "moved": "share by which it fell at all",
               "high": "share of the first loss that is left"},
    ),
)  # fmt: skip
