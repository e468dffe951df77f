"""Rules about gradients: too small, too large, or suddenly other than they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from graphscope import units
from graphscope.analysis.rules.anatomy import Layer
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.analysis.rules.series import Fact, Snapshot, learning, snapshots

if TYPE_CHECKING:
    from graphscope.analysis.rules.case import Case

_SM = "Amazon SageMaker Debugger, built-in rules (VanishingGradient 1e-7)"
_AT = "AUTOTRAINER (Zhang et al., ICSE 2021)"
_DC = "TheDeepChecker (Ben Braiek and Khomh, 2023)"
_ZC = "ZClip (Kumar et al., arXiv 2504.02507)"

KEPT = 200  # norms of a layer that are remembered


def _graded(snap: Snapshot) -> list[tuple[Layer, Fact]]:
    """The layers whose weight got a gradient in this step that was looked at."""
    return [(layer, g) for layer in snap.layers if (g := snap.grads.get(layer.weight)) is not None]


def _path(snap: Snapshot, layer: Layer) -> tuple[int, ...]:
    loss = snap.anatomy.wires.loss
    nodes = (layer.node, layer.weight, *((layer.activation,) if layer.activation >= 0 else ()))
    return nodes if loss is None else (*nodes, loss)


def vanishing(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    if learning(case) < settings["learnt"]:
        return
    for snap in snapshots(case):
        for layer, g in _graded(snap):
            # Exactly nothing is another fault: dead units, or a path that was cut.
            if 0 < g.rms < settings["rms"]:
                yield Hit(
                    snap.num,
                    f"The gradient of {layer.name} is {units.number(g.rms)} (root mean square) at step {snap.num}; "
                    f"below {units.number(settings['rms'])} it moves nothing in float32.",
                    {"rms": g.rms, "max": g.absmax, "norm": g.norm},
                    snap.graph, _path(snap, layer), key=layer.name,
                )  # fmt: skip


def across_depth(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    if learning(case) < settings["learnt"]:
        return
    for snap in snapshots(case):
        graded = _graded(snap)
        if len(graded) < settings["layers"]:
            continue
        (first, a), (last, b) = graded[0], graded[-1]
        if not b.norm or not a.norm:
            continue
        if a.norm / b.norm < settings["ratio"] and a.norm < settings["norm"]:
            yield Hit(
                snap.num,
                f"At step {snap.num} the gradient of the first layer, {first.name}, has norm {units.number(a.norm)}, "
                f"that of the last, {last.name}, {units.number(b.norm)}: {units.number(b.norm / a.norm)} times as "
                f"much over {len(graded)} layers{_squashed(snap)}.",
                {"first": a.norm, "last": b.norm, "ratio": a.norm / b.norm, "layers": len(graded)},
                snap.graph, (*_path(snap, first), last.node), key="depth", fix=_depth_fix(snap),
            )  # fmt: skip


def _squashed(snap: Snapshot) -> str:
    names = {snap.anatomy.wires.ops[i] for i in snap.anatomy.activations}
    if "sigmoid" in names:
        return " (each sigmoid passes on a quarter of its gradient at most)"
    return ""


def _depth_fix(snap: Snapshot) -> str:
    names = [snap.anatomy.wires.ops[i] for i in snap.anatomy.activations]
    for name, module in (("sigmoid", "nn.Sigmoid()"), ("tanh", "nn.Tanh()")):
        if name in names:
            return f"Use nn.ReLU() in place of {module} between the layers, or put nn.BatchNorm1d(n) before each."
    return ""


def exploding(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    norms: dict[str, list[float]] = case.keep("gradient norms", dict)
    steps = int(settings["checks"])
    # A summed loss has huge gradients and may be right: its learning rate is as small.
    falls = learning(case) < settings["learnt"]
    for snap in snapshots(case):
        for layer, g in _graded(snap):
            seen = norms.setdefault(layer.name, [])
            seen.append(g.norm)
            del seen[:-KEPT]
            last = seen[-steps - 1 :]
            grows = len(seen) >= 2 * steps and all(
                b >= settings["factor"] * a > 0 for a, b in zip(last, last[1:], strict=False)
            )
            # What a layer that began as zeros goes through at first is no explosion.
            far = g.norm > max(settings["norm"], settings["over"] * float(np.median(seen)))
            if g.rms > settings["rms"] and not falls:
                why = f"is {units.number(g.rms)} (root mean square), above {units.number(settings['rms'])}"
            elif grows and far:
                why = (
                    f"grew from norm {units.number(last[0])} to {units.number(last[-1])}, by a factor of "
                    f"{units.number(settings['factor'])} or more {steps} times in a row"
                )
            else:
                continue
            yield Hit(
                snap.num, f"The gradient of {layer.name} {why}, at step {snap.num}.",
                {"rms": g.rms, "norm": g.norm, "norms": list(last)}, snap.graph, _path(snap, layer), key=layer.name,
            )  # fmt: skip


def exploding_depth(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    for snap in snapshots(case):
        graded = _graded(snap)
        if len(graded) < settings["layers"]:
            continue
        (first, a), (last, b) = graded[0], graded[-1]
        if b.norm and a.norm > settings["norm"] and a.norm / b.norm > settings["ratio"]:
            yield Hit(
                snap.num,
                f"At step {snap.num} the gradient of the first layer, {first.name}, has norm {units.number(a.norm)}: "
                f"{units.number(a.norm / b.norm)} times that of the last, {last.name} ({units.number(b.norm)}).",
                {"first": a.norm, "last": b.norm, "ratio": a.norm / b.norm},
                snap.graph, (*_path(snap, first), last.node), key="depth",
            )  # fmt: skip


def spike(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """Mean and spread of the logarithm, averaged exponentially: norms scatter by factors, not by amounts."""
    state: dict[str, list[float]] = case.keep("gradient spikes", dict)
    alpha = settings["alpha"]
    for snap in snapshots(case):
        graded = _graded(snap)
        total = float(np.sqrt(sum(g.norm**2 for _, g in graded)))
        if not total:
            continue
        x = float(np.log(total))
        n, mean, var = state.get("all", [0.0, x, 0.0])
        sigma = max(var**0.5, settings["floor"])
        z = (x - mean) / sigma
        if n >= settings["warm_up"] and z > settings["z"] and x - mean > np.log(settings["factor"]):
            layer, worst = max(graded, key=lambda pair: pair[1].norm)
            yield Hit(
                snap.num,
                f"The norm of all gradients jumped to {units.number(total)} at step {snap.num}, "
                f"{units.number(np.exp(x - mean))} times its average ({units.number(z)} standard deviations of its "
                f"logarithm); most of it is {layer.name} ({units.number(worst.norm)}).",
                {"norm": total, "z": z, "average": float(np.exp(mean))},
                snap.graph, _path(snap, layer), key="all",
            )  # fmt: skip
            continue  # a spike is not what the next ones are compared with
        weight = max(1 - alpha, 1 / (n + 1))
        state["all"] = [
            n + 1,
            mean + weight * (x - mean),
            (1 - weight) * (var + weight * (x - mean) ** 2),
        ]


RULES = (
    Rule(
        "vanishing-gradient", "Vanishing gradient", "error", "training",
        "A gradient this small changes no weight: the layer does not learn, however long the training runs.",
        "Use ReLU-like activations, normalisation (nn.BatchNorm1d, nn.LayerNorm) or skip connections, and an "
        "initialisation that fits (nn.init.kaiming_normal_).",
        vanishing, {"rms": 1e-7, "learnt": 0.1}, 3, _SM,
        "https://docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html", "values",
        about={"rms": "root mean square of a weight's gradient below which it counts as vanished",
               "learnt": "silent once the loss is below this share of what it began with"},
    ),
    Rule(
        "vanishing-with-depth", "Gradient vanishes on its way to the first layer", "error", "training",
        "Each layer passes on only a part of its gradient. The last layers learn, the first ones stay as they were "
        "initialised, and the network cannot use its depth.",
        "Use ReLU-like activations, normalisation between the layers, or skip connections (x + block(x)).",
        across_depth, {"ratio": 1e-3, "norm": 1e-4, "layers": 3, "learnt": 0.1}, 3, _AT,
        "https://proceedings.mlr.press/v9/glorot10a.html", "values",
        about={"ratio": "norm of the first layer's gradient over that of the last", "norm": "and its norm itself",
               "layers": "least number of layers", "learnt": "silent below this share of the first loss"},
    ),
    Rule(
        "exploding-gradient", "Exploding gradient", "error", "training",
        "Updates become larger than the weights they change; the loss jumps and soon is NaN.",
        "Clip before the step: nn.utils.clip_grad_norm_(model.parameters(), 1.0); or lower the learning rate.",
        exploding, {"rms": 1e6, "factor": 2, "checks": 4, "norm": 1.0, "over": 10, "learnt": 0.9}, 1, _DC,
        "https://proceedings.mlr.press/v28/pascanu13.html", "values",
        about={"rms": "root mean square above which it counts at once", "factor": "growth from check to check",
               "checks": "that many times in a row", "norm": "least norm for growth to count",
               "over": "and how many medians of all checks so far",
               "learnt": "a size alone is no fault where the loss is below this share of the first one"},
    ),
    Rule(
        "exploding-with-depth", "Gradient grows on its way to the first layer", "warning", "training",
        "The first layers are changed far more than the last ones; one learning rate cannot fit both.",
        "Scale the initial weights down (nn.init.kaiming_normal_), normalise between layers, or clip gradients.",
        exploding_depth, {"ratio": 70, "norm": 10, "layers": 3}, 3, _AT,
        "https://proceedings.mlr.press/v9/glorot10a.html", "values",
        about={"ratio": "norm of the first layer's gradient over that of the last", "norm": "and its norm itself",
               "layers": "least number of layers"},
    ),
    Rule(
        "gradient-spike", "Gradient spike", "warning", "training",
        "One batch has a gradient far outside of what was usual: a bad example, a wrong label, or a step too long. "
        "One such update can undo much of what was learnt.",
        "Look at the batch of this step; clip gradients: nn.utils.clip_grad_norm_(model.parameters(), 1.0).",
        spike, {"z": 6, "alpha": 0.97, "warm_up": 20, "factor": 5, "floor": 0.1}, 1,
        _ZC + ", whose z of 2.5 clips; a finding asks for more", "https://arxiv.org/abs/2504.02507", "values",
        about={"z": "standard deviations of the logarithm above its average", "alpha": "weight of the past",
               "warm_up": "checks before the first", "factor": "least jump over the average",
               "floor": "least standard deviation of the logarithm"},
    ),
)  # fmt: skip
