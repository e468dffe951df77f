"""Rules about the data that goes in: its scale, and how often each class comes up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphscope import units
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.analysis.rules.series import Fact, snapshots

if TYPE_CHECKING:
    from graphscope.analysis.rules.case import Case
    from graphscope.trace.records import Floats

_DC = "TheDeepChecker (Ben Braiek and Khomh, 2023)"
_SM = "Amazon SageMaker Debugger, built-in rules (NotNormalizedData, ClassImbalance)"
_UM = "UMLAUT (Schoop et al., CHI 2021)"


def unnormalised(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    for snap in snapshots(case):
        for v, layer in snap.anatomy.inputs:
            fact = snap.values.get(v)
            if fact is None or fact.count < settings["elements"]:
                continue
            why = strange_scale(fact, settings)
            if not why:
                continue
            name = snap.anatomy.wires.what(v)
            yield Hit(
                snap.num,
                f"The data that {layer.name} reads ({name}) {why}: mean {units.number(fact.mean)}, standard deviation "
                f"{units.number(fact.std)}, from {units.number(fact.low)} to {units.number(fact.high)} at step {snap.num}.",
                {"mean": fact.mean, "std": fact.std, "low": fact.low, "high": fact.high},
                snap.graph, (layer.node, v), key=name, fix=_fix(fact, name),
            )  # fmt: skip


def strange_scale(fact: Fact, settings: Mapping[str, float]) -> str:
    """What is wrong with the scale of data; an empty text where nothing is."""
    if fact.std == 0:
        return "is the same number everywhere"
    limit = 1 + settings["slack"]
    if -limit <= fact.low and fact.high <= limit:
        return ""
    centred = abs(fact.mean) <= settings["mean"] * max(1.0, fact.std)
    if centred and settings["low"] <= fact.std <= settings["high"]:
        return ""
    if fact.absmax < settings["size"] and fact.std <= settings["high"]:
        return ""  # off by a little is no fault of weight
    return "is not normalised"


def _fix(fact: Fact, name: str) -> str:
    if fact.std == 0:
        return "Check where it comes from: constant data says nothing about the targets."
    word = name if name.isidentifier() else "x"
    if fact.low >= 0 and fact.high <= 255:
        top = 16 if fact.high <= 16 else 255
        return f"{word} = {word} / {top}.0, or {word} = ({word} - {word}.mean()) / {word}.std()"
    return f"{word} = ({word} - mean) / std, with both taken over the training data"


@dataclass
class _Labels:
    """How often each class was seen so far, and the batch before."""

    counts: Floats
    last: bytes = b""


def imbalance(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """Counts labels over the checks, from their histogram: exact up to 24 classes, and silent above."""
    table: dict[int, _Labels] = case.keep("labels", dict)
    for snap in snapshots(case):
        body = snap.anatomy
        if body.classifier is None:
            continue
        node, scores, labels = body.classifier
        shape, fact = body.wires.shape(scores), snap.values.get(labels)
        if fact is None or not shape or len(shape) < 2:
            continue
        classes = shape[1]
        counts = label_counts(fact, classes)
        if counts is None:
            continue
        held = table.setdefault(classes, _Labels(np.zeros(classes)))
        seen = counts.tobytes()
        # One batch again and again is one batch.
        if seen != held.last:
            held.counts += counts
        held.last = seen
        total = float(held.counts.sum())
        if total < max(settings["labels"], settings["each"] * classes):
            continue
        most, least = int(held.counts.argmax()), int(held.counts.argmin())
        a, b = float(held.counts[most]), float(held.counts[least])
        if a <= settings["ratio"] * max(b, 1.0):
            continue
        yield Hit(
            snap.num,
            f"Of {units.count(total)} labels seen up to step {snap.num}, class {most} has {units.count(a)} "
            f"({units.share(a / total)}) and class {least} {units.count(b)}: more than "
            f"{units.number(settings['ratio'])} times as many.",
            {"counts": held.counts.tolist(), "most": most, "least": least}, snap.graph, (node, labels), key="labels",
            fix=f"Weight the classes, nn.CrossEntropyLoss(weight=w) with one weight for each of the {classes}, or draw "
            "rare ones more often: DataLoader(data, sampler=WeightedRandomSampler(weights, len(data))).",
        )  # fmt: skip


def label_counts(fact: Fact, classes: int) -> Floats | None:
    """How often each class is in a tensor of labels; None where its histogram cannot say.

    A histogram over at most 24 neighbouring whole numbers has no two of them in one bin.
    """
    low, high, bins = fact.low, fact.high, len(fact.hist)
    if low != int(low) or high != int(high) or low < 0 or high >= classes or high - low >= bins:
        return None
    counts = np.zeros(classes)
    if high == low:
        counts[int(low)] = fact.count
        return counts
    for c in range(int(low), int(high) + 1):
        place = min(int((c - low) * (bins / (high - low))), bins - 1)  # as record.statistics counts
        counts[c] = fact.hist[place]
    whole = float(counts.sum())
    return counts * (fact.count / whole) if whole else None


RULES = (
    Rule(
        "unnormalised-input", "Input is not normalised", "warning", "training",
        "Large or lopsided inputs make large activations and gradients that all point the same way: the training is slow "
        "and bears only small learning rates.",
        "Bring it to mean 0 and standard deviation 1, or into [0, 1].",
        unnormalised, {"elements": 100, "mean": 0.5, "low": 0.3, "high": 3.0, "size": 5.0, "slack": 0.05}, 1,
        f"{_DC}; {_SM}; {_UM} (mean 0 and deviation 1 within 0.01; wider here)",
        "https://cs231n.github.io/neural-networks-2/#datapre", "values",
        about={"elements": "least number of them", "mean": "largest mean, in standard deviations (at least 1)",
               "low": "least standard deviation", "high": "and the largest",
               "size": "below this size of its largest element it is let pass",
               "slack": "by which [-1, 1] may be exceeded"},
    ),
    Rule(
        "class-imbalance", "Some classes are rare", "warning", "training",
        "The network learns to say the frequent class: that alone makes the loss small, and the rare ones are never got "
        "right.",
        "nn.CrossEntropyLoss(weight=...), or a WeightedRandomSampler.",
        imbalance, {"ratio": 10, "labels": 500, "each": 50}, 1, f"{_SM}; {_DC}",
        "https://docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html", "values",
        about={"ratio": "count of the most over that of the least frequent class", "labels": "least number of labels",
               "each": "and for each class"},
    ),
)  # fmt: skip
