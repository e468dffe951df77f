"""Rules about what hidden units put out: nothing, always the same end of their range, or a strange scale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphscope import units
from graphscope.analysis.rules.anatomy import RECTIFIERS
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.analysis.rules.series import Fact, recent, snapshots

if TYPE_CHECKING:
    from graphscope.analysis.rules.case import Case

_DC = "TheDeepChecker (Ben Braiek and Khomh, 2023)"
_SM = "Amazon SageMaker Debugger, built-in rules (DeadRelu, PoorWeightInitialization)"


def per_unit(sample: NDArray[Any]) -> NDArray[Any]:
    """A sample as ``[units, observations]``: the unit is the channel of an image, else the last axis.

    >>> per_unit(np.zeros((8, 3))).shape, per_unit(np.zeros((2, 5, 4, 4))).shape
    ((3, 8), (5, 32))
    """
    if sample.ndim >= 4 or sample.ndim == 3:
        axis = 1 if sample.ndim >= 4 else sample.ndim - 1
    else:
        axis = sample.ndim - 1
    moved = np.moveaxis(sample, axis, 0) if sample.ndim else sample.reshape(1, 1)
    return moved.reshape(moved.shape[0], -1)


def is_rectified(op: str, fact: Fact) -> bool:
    """Whether what an op gave is cut off at 0: clamps and maxima do it only with the right bound."""
    return op == "relu" or (op in RECTIFIERS and fact.low == 0)


def dead(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """Counts over the last ten checks: one batch may well leave units out that others use."""
    seen = recent(case, "dead units")
    for snap in snapshots(case):
        seen.append(snap)
        wires = snap.anatomy.wires
        for i in snap.anatomy.activations:
            facts = [
                s.values[i]
                for s in seen
                if s.graph == snap.graph
                and i in s.values
                and is_rectified(wires.ops[i], s.values[i])
            ]
            if len(facts) < settings["checks"] or facts[-1] is not snap.values.get(i):
                continue
            found = _dead_share(facts, settings)
            if found is None:
                continue
            share, looked, samples, whole = found
            if whole:
                part = "All" if share == 1 else f"All but {units.share(1 - share)}"
                text = f"{part} of what {wires.what(i)} put out was exactly 0"
            else:
                text = (
                    f"{round(share * looked)} of {looked} units of {wires.what(i)} that were looked at put out 0 in more "
                    f"than {units.share(1 - settings['active'])} of {units.count(samples)} observations"
                )
            layer = next((x for x in snap.layers if x.activation == i), None)
            nodes = (i,) if layer is None else (i, layer.node, layer.weight)
            yield Hit(
                snap.num, f"{text}, over {len(facts)} checks up to step {snap.num}.",
                {"dead": share, "units": looked, "observations": samples, "checks": len(facts)},
                snap.graph, nodes, key=wires.graph.key(i),
            )  # fmt: skip


def _dead_share(
    facts: list[Fact], settings: Mapping[str, float]
) -> tuple[float, int, int, bool] | None:
    """(share, units, observations each, whether of the whole layer) where too many are dead."""
    shapes = {f.sample.shape[-1] for f in facts if f.sample is not None and f.sample.ndim >= 2}
    if len(shapes) == 1:
        tables = [per_unit(f.sample) for f in facts if f.sample is not None and f.sample.ndim >= 2]
        if len({len(t) for t in tables}) == 1:
            joined = np.concatenate(tables, axis=1)
            if joined.shape[1] >= settings["observations"] and len(joined) >= settings["sampled"]:
                # A batch that is the same every time says no more than one of it: still a dead unit.
                active = (joined > 0).mean(axis=1)
                share = float((active < settings["active"]).mean())
                if share > settings["units"]:
                    return share, len(joined), joined.shape[1], False
                return None
    zero = float(np.mean([f.zero for f in facts]))
    n = sum(f.count for f in facts)
    if zero > 1 - settings["active"] and n >= settings["observations"]:
        return zero, 0, n, True
    return None


def saturated(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    for snap in snapshots(case):
        wires = snap.anatomy.wires
        for i in snap.anatomy.activations:
            op, fact = wires.ops[i], snap.values.get(i)
            if op not in ("sigmoid", "tanh") or fact is None or fact.count < settings["elements"]:
                continue
            share, rho = _saturation(fact, op, settings["rho"])
            if share <= settings["units"]:
                continue
            layer = next((x for x in snap.layers if x.activation == i), None)
            nodes = (i,) if layer is None else (i, layer.node, layer.weight)
            yield Hit(
                snap.num,
                f"{units.share(share)} of the units of {wires.what(i)} are saturated at step {snap.num}: on average they "
                f"lie {units.share(rho)} of the way to the ends of their range, where the slope of {op} is nearly 0.",
                {"units": share, "rho": rho, "low": fact.low, "high": fact.high},
                snap.graph, nodes, key=wires.graph.key(i),
            )  # fmt: skip


def _saturation(fact: Fact, op: str, limit: float) -> tuple[float, float]:
    """Share of saturated units, and the mean distance from the middle of the range (1: at its ends)."""
    if fact.sample is not None and fact.sample.ndim >= 2:
        table = per_unit(fact.sample).astype(float)
        size = np.abs(2 * table - 1 if op == "sigmoid" else table).mean(axis=1)
        return float((size > limit).mean()), float(size.mean())
    middles = fact.low + (np.arange(len(fact.hist)) + 0.5) * (fact.high - fact.low) / len(fact.hist)
    weights = fact.hist / max(float(fact.hist.sum()), 1.0)
    rho = float((np.abs(2 * middles - 1 if op == "sigmoid" else middles) * weights).sum())
    return float(rho > limit), rho


def scale(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    for snap in snapshots(case):
        for layer in snap.layers:
            fact = snap.values.get(layer.node)
            # The last layer has the scale of the targets, whatever that is.
            if fact is None or not layer.hidden or fact.count < settings["elements"]:
                continue
            if fact.std > 0 and (fact.std < settings["low"] or fact.std > settings["high"]):
                word = "small" if fact.std < settings["low"] else "large"
                yield Hit(
                    snap.num,
                    f"What {layer.name} makes has a standard deviation of {units.number(fact.std)} at step {snap.num}, "
                    f"far too {word} for the layers behind it (about 1 is right; the limits are "
                    f"{units.number(settings['low'])} and {units.number(settings['high'])}).",
                    {"std": fact.std, "mean": fact.mean}, snap.graph, (layer.node, layer.weight), key=layer.name,
                )  # fmt: skip


RULES = (
    Rule(
        "dead-relu", "Dead ReLU units", "warning", "training",
        "A unit that puts out 0 for every example gets a gradient of exactly 0: it never learns again, and the layer is "
        "as if it were narrower.",
        "Lower the learning rate, begin with smaller or zero biases, initialise with nn.init.kaiming_normal_, or use "
        "nn.LeakyReLU().",
        dead, {"active": 0.01, "units": 0.5, "checks": 3, "observations": 30, "sampled": 4}, 1, f"{_SM}; {_DC}",
        "https://docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html", "values",
        about={"active": "a unit is dead if a smaller share of its outputs is above 0", "units": "share of dead units",
               "checks": "least number of checks that are counted together", "observations": "least number per unit",
               "sampled": "least number of units in the sample; else all outputs must be 0"},
    ),
    Rule(
        "saturated", "Saturated sigmoid or tanh", "warning", "training",
        "Near the ends of its range the slope of a sigmoid or tanh is almost 0: the layers before it get no gradient.",
        "Scale the initial weights or the inputs down, put nn.BatchNorm1d(n) before the activation, or use nn.ReLU().",
        saturated, {"rho": 0.85, "units": 0.5, "elements": 50}, 3, _DC, "https://proceedings.mlr.press/v9/glorot10a.html",
        "values",
        about={"rho": "mean distance of a unit from the middle of its range, 1 being the ends",
               "units": "share of units above it", "elements": "least number of outputs"},
    ),
    Rule(
        "activation-scale", "Activations of a strange scale", "info", "training",
        "Layers work best when what they pass on has a standard deviation near 1. What is far smaller or larger shrinks "
        "or grows on through the layers, and the gradients with it.",
        "Initialise for the activation (nn.init.kaiming_normal_ for ReLU, nn.init.xavier_normal_ for tanh), normalise "
        "the inputs, or put a normalisation between layers.",
        scale, {"low": 0.03, "high": 33.0, "elements": 50}, 3,
        f"{_DC}: outside of 0.5 to 2; PyTorch's own defaults are, so that the limits here are ten times as wide",
        "https://proceedings.mlr.press/v9/glorot10a.html", "values",
        about={"low": "least standard deviation of a hidden layer's output", "high": "and the largest",
               "elements": "least number of outputs"},
    ),
)  # fmt: skip
