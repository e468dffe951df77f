"""Rules about how a training begins: weights that are all alike or of the wrong size, and the first loss."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphscope import units
from graphscope.analysis.rules.anatomy import Layer, anatomy
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.analysis.rules.series import first, losses, recent, snapshots

if TYPE_CHECKING:
    from graphscope.analysis.rules.case import Case

_DC = "TheDeepChecker (Ben Braiek and Khomh, 2023)"
_NL = "NeuraLint (Nikanjam et al., 2021)"
_CS = "Stanford CS231n, sanity checks"
_SM = "Amazon SageMaker Debugger, built-in rules (PoorWeightInitialization)"


def symmetric(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """A hidden layer whose weights are all equal, and whose units are still equal after an update."""
    start = first(case)
    if start is None:
        return
    for layer in start.layers:
        w = start.values.get(layer.weight)
        if w is None or not layer.hidden or min(layer.shape) < 2 or w.std**2 > settings["variance"]:
            continue
        after = start.values.get(layer.update)
        g = start.grads.get(layer.weight)
        dead = g is not None and g.absmax == 0
        if not dead and (
            after is None or after.sample is None or not _units_equal(layer, after.sample)
        ):
            continue  # what lies behind it has told its units apart
        why = (
            "gets a gradient of exactly 0"
            if dead
            else "is still equal in all its units after the first update"
        )
        yield Hit(
            start.num, f"All {units.count(w.count)} elements of {layer.name} begin as {units.number(w.mean)}, and it {why}.",
            {"value": w.mean, "variance": w.std**2}, start.graph, (layer.node, layer.weight), key=layer.name,
            fix=f"Draw it at random: nn.init.kaiming_normal_({layer.name})",
        )  # fmt: skip


def _units_equal(layer: Layer, sample: NDArray[Any]) -> bool:
    """Whether all units have the same weights."""
    table = np.moveaxis(sample, layer.axis, 0)
    return bool(len(table) > 1 and np.allclose(table, table[:1], rtol=1e-6, atol=0))


def unfit(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    start = first(case)
    if start is None:
        return
    for layer in start.layers:
        w = start.values.get(layer.weight)
        if w is None or w.count < settings["elements"] or w.std**2 < 1e-12:
            continue
        if not layer.hidden or layer.activation < 0:
            continue  # what is right depends on what follows: gates, attention, the last layer
        op = start.anatomy.wires.ops[layer.activation]
        name, right = _right_variance(layer, op)
        # torch's own Linear and Conv begin with a variance of 1 / (3 fan_in): that is low for ReLU, and common.
        low = min(right, 1 / (3 * layer.fan_in)) / settings["ratio"]
        high = max(right, 1 / layer.fan_in) * settings["ratio"]
        variance = w.std**2
        if low <= variance <= high:
            continue
        word = "larger" if variance > high else "smaller"
        factor = variance / right if variance > high else right / variance
        call = "kaiming_normal_" if "He" in name else "xavier_normal_"
        yield Hit(
            start.num,
            f"{layer.name} begins with a variance of {units.number(variance)}, {units.number(factor)} times {word} than "
            f"the {units.number(right)} of {name} for {layer.fan_in} inputs in front of "
            f"{op}.",
            {"variance": variance, "right": right, "fan_in": layer.fan_in, "fan_out": layer.fan_out},
            start.graph, (layer.node, layer.weight), key=layer.name,
            fix=f"nn.init.{call}({layer.name}), or for a plain tensor: torch.randn(...) * {math.sqrt(right):.3g}",
        )  # fmt: skip


def _right_variance(layer: Layer, op: str) -> tuple[str, float]:
    if op == "tanh":
        return "Glorot's initialisation", 2 / (layer.fan_in + layer.fan_out)
    if op in ("sigmoid", "softsign"):
        return "LeCun's initialisation", 1 / layer.fan_in
    return "He's initialisation", 2 / layer.fan_in


def poor_start(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """Signals of very different size, or gradients of nearly none, in a training that does not get going."""
    nums, loss = losses(case)
    early = int(settings["steps"])
    seen = recent(case, "poor start", 4)
    for snap in snapshots(case):
        if snap.num < early:
            seen.append(snap)
    if len(loss) <= early or not seen or len(nums) == 0 or nums[0] > 0:
        return
    few = max(int(early // 4), 1)
    began, now = float(np.mean(loss[:few])), float(np.mean(loss[early - few : early]))
    if began <= 0 or (began - now) / began > settings["flat"]:
        return
    snap = seen[0]
    facts = [
        (x, f) for x in snap.layers if (f := snap.values.get(x.source)) is not None and f.std > 0
    ]
    narrow = [(x, g) for x in snap.layers if (g := snap.grads.get(x.weight)) is not None]
    if len(facts) < 3 or not narrow:
        return
    variances = [f.std**2 for _, f in facts]
    ratio = max(variances) / min(variances)
    layer, least = min(narrow, key=lambda pair: pair[1].spread())
    if ratio <= settings["ratio"] or least.spread() >= settings["spread"]:
        return
    small, _ = min(facts, key=lambda pair: pair[1].std)
    yield Hit(
        snap.num,
        f"The loss went from {units.loss(began)} to {units.loss(now)} in the first {early} steps, that is not at all; the "
        f"variances of what the layers read differ by a factor of {units.number(ratio)} (least at {small.name}), and "
        f"nine tenths of the gradient of {layer.name} lie within {units.number(least.spread())}.",
        {"ratio": ratio, "spread": least.spread(), "began": began, "now": now},
        snap.graph, (small.node, small.weight, layer.node), key="start",
    )  # fmt: skip


def first_loss(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """A fresh classifier knows nothing, so that each of K classes has probability 1/K: the loss is ln K."""
    nums, loss = losses(case)
    table = case.steps()
    if not len(nums) or nums[0] != 0:
        return
    graph = int(table.graph[0])
    if graph not in case.graphs():
        return
    body = anatomy(case, graph)
    if body.classifier is None:
        return
    node, scores, _ = body.classifier
    shape = body.wires.shape(scores)
    if body.wires.ops[node] != "cross_entropy" or not shape or len(shape) < 2 or shape[1] < 2:
        return
    if str(body.wires.params(node).get("reduction", "mean")) != "mean":
        return
    found = _loss_of(case, node, body.wires.loss, float(loss[0]))
    if found is None:
        return
    right = math.log(shape[1])
    if (found - right) / right < settings["above"]:
        return
    layer = next((x for x in reversed(body.layers) if x.node <= max(scores, 0)), None)
    yield Hit(
        0,
        f"The first loss is {units.loss(found)}; guessing among {shape[1]} classes gives ln {shape[1]} = "
        f"{units.loss(right)}. The network is sure of what it cannot know yet.",
        {"loss": found, "right": right, "classes": shape[1]}, graph,
        (node, *((layer.node, layer.weight) if layer else ())), key="first loss",
    )  # fmt: skip


def _loss_of(case: Case, node: int, root: int | None, told: float) -> float | None:
    """The cross entropy of step 0: the loss itself, or a part of it that was looked at."""
    if node == root:
        return told
    start = first(case)
    fact = None if start is None else start.values.get(node)
    return None if fact is None else fact.mean


RULES = (
    Rule(
        "symmetric-init", "Weights begin all equal", "error", "training",
        "Units with equal weights compute the same, get the same gradient, and stay equal for ever: the layer is as good "
        "as one unit.",
        "Draw weights at random (nn.init.kaiming_normal_); only biases may begin as 0.",
        symmetric, {"variance": 1e-8}, 1, f"{_DC}; {_NL} (ConstantInit)",
        "https://www.deeplearningbook.org/contents/optimization.html", "run",
        about={"variance": "of a weight, below which it counts as constant"},
    ),
    Rule(
        "unfit-init", "Initial weights do not fit the layer", "warning", "training",
        "The variance of the first weights decides whether signals and gradients keep their size from layer to layer. "
        "Too large, and they explode or saturate; too small, and they vanish.",
        "nn.init.kaiming_normal_ before ReLU, nn.init.xavier_normal_ before tanh and sigmoid.",
        unfit, {"ratio": 2.71, "elements": 64}, 1, _DC, "https://arxiv.org/abs/1502.01852", "run",
        about={"ratio": "of variances, from which on it does not fit", "elements": "least number of them in a weight"},
    ),
    Rule(
        "poor-start", "The training does not get going", "warning", "training",
        "The layers pass on signals of very different size, the gradients are next to nothing, and the loss stays where "
        "it was: the initialisation does not fit the network.",
        "nn.init.kaiming_normal_ before ReLU, nn.init.xavier_normal_ before tanh; or a normalisation between layers.",
        poor_start, {"ratio": 10, "spread": 1e-3, "steps": 20, "flat": 0.005}, 1, _SM,
        "https://docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html", "run",
        about={"ratio": "of the variances of what layers read", "spread": "95th less 5th percentile of a gradient",
               "steps": "of the beginning", "flat": "share by which the loss fell in them"},
    ),
    Rule(
        "first-loss", "The first loss is too high", "error", "training",
        "An untrained classifier should be unsure. A much higher loss means that its scores are far too large, or that "
        "scores and labels do not fit each other; the first steps are spent on undoing that.",
        "Begin with a smaller last layer (nn.init.normal_(head.weight, std=0.01)), normalise the inputs, and check that "
        "labels count from 0.",
        first_loss, {"above": 1.0}, 1, f"{_DC}; {_CS}", "https://cs231n.github.io/neural-networks-3/#sanitycheck", "run",
        about={"above": "(loss - ln K) / ln K from which on it is too high"},
    ),
)  # fmt: skip
