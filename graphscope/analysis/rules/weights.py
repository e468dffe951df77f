"""Rules about weights and their updates: too fast, too slow, not at all, or of a strange kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from graphscope import units
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.analysis.rules.series import Snapshot, first, learning, logged, snapshots

if TYPE_CHECKING:
    from graphscope.analysis.rules.case import Case

_DC = "TheDeepChecker (Ben Braiek and Khomh, 2023)"
_CS = "Stanford CS231n, ratio of updates to weights"
_SM = "Amazon SageMaker Debugger, built-in rules (UnchangedTensor)"
_ADAMS = frozenset({"adam_", "nadam_", "radam_", "adamax_"})


def update_ratio(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """Means of the logarithm over the last checks, per weight."""
    seen: dict[str, list[float]] = case.keep("update ratios", dict)
    busy = learning(case) > settings["learnt"]
    for snap in snapshots(case):
        for layer in snap.layers:
            change = snap.change(layer)
            if change is None or change.ratio <= 0:
                continue
            table = seen.setdefault(layer.name, [])
            table.append(float(np.log10(change.ratio)))
            del table[: -int(settings["over"])]
            mean = float(np.mean(table))
            if snap.num < settings["after"]:
                continue  # weights that begin as zeros, and a warm-up
            if mean > settings["fast"]:
                word, fix = "large", "Lower the learning rate by ten"
            elif mean < settings["slow"] and busy:
                word, fix = "small", "Raise the learning rate by ten"
            else:
                continue
            yield Hit(
                snap.num,
                f"One update changes {layer.name} by {units.share(10**mean) if mean > -3 else units.number(10**mean)} "
                f"of its size (average of {len(table)} checks up to step {snap.num}); healthy is about 0.1 %, too "
                f"{word} is {units.number(10 ** settings['fast' if word == 'large' else 'slow'])}.",
                {"log10_ratio": mean, "checks": len(table)}, snap.graph,
                (layer.update, layer.weight, layer.node), key=f"{layer.name} {word}",
                fix=f"{fix}: optimizer.param_groups[0]['lr'] {'/' if word == 'large' else '*'}= 10",
            )  # fmt: skip


def frozen(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """A weight whose every statistic is the same as in the checks before, though an update writes it."""
    seen: dict[str, tuple[tuple[float, ...], int, int]] = case.keep("frozen weights", dict)
    arrived = learning(case) < settings["learnt"]
    for snap in snapshots(case):
        for layer in snap.layers:
            w = snap.values.get(layer.weight)
            if w is None or layer.update < 0 or w.std == 0:
                continue
            print_ = (w.mean, w.std, w.low, w.high, w.rms)
            before, since, checks = seen.get(layer.name, ((), snap.num, 0))
            same = len(before) == 5 and bool(
                np.allclose(print_, before, rtol=settings["rtol"], atol=settings["atol"])
            )
            change = snap.change(layer)
            still = change is None or change.ratio <= settings["rtol"]
            since, checks = (since, checks + 1) if same and still else (snap.num, 0)
            # Of the first one that was so, not of the last: what creeps is not frozen.
            seen[layer.name] = (before if same else print_, since, checks)
            if arrived or not checks or snap.num - since < settings["steps"]:
                continue
            g = snap.grads.get(layer.weight)
            why = (
                " its gradient is exactly 0"
                if g is not None and g.absmax == 0
                else " it does get a gradient"
            )
            yield Hit(
                snap.num,
                f"{layer.name} has not changed from step {since} to step {snap.num}, although it requires a gradient "
                f"and an update writes it;{why}.",
                {"since": since, "gradient": None if g is None else g.rms}, snap.graph,
                (layer.update, layer.weight, layer.node), key=layer.name,
            )  # fmt: skip


def pathology(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    sizes: dict[str, list[float]] = case.keep("weight sizes", dict)
    for snap in snapshots(case):
        for layer in snap.layers:
            w = snap.values.get(layer.weight)
            if w is None or w.count < settings["elements"]:
                continue
            table = sizes.setdefault(layer.name, [])
            table.append(w.rms)
            del table[:-5]
            doubled = len(table) == 5 and all(
                b >= 2 * a > 0 for a, b in zip(table, table[1:], strict=False)
            )
            tiny = 0.0 if w.sample is None else float((np.abs(w.sample) < settings["tiny"]).mean())
            if w.std == 0:
                continue  # constant: a matter of initialisation
            if tiny > settings["share"]:
                text = f"{units.share(tiny)} of {layer.name} are below {units.number(settings['tiny'])} in size"
            elif w.negative > settings["share"]:
                text = f"{units.share(w.negative)} of {layer.name} are negative"
            elif w.rms > settings["huge"]:
                text = f"{layer.name} has a root mean square of {units.number(w.rms)}"
            elif doubled:
                text = (
                    f"{layer.name} doubled in size four times in a row, from {units.number(table[0])} to "
                    f"{units.number(table[-1])} (root mean square)"
                )
            else:
                continue
            yield Hit(
                snap.num, f"{text} at step {snap.num}.",
                {"tiny": tiny, "negative": w.negative, "rms": w.rms, "sizes": list(table)},
                snap.graph, (layer.node, layer.weight), key=layer.name,
            )  # fmt: skip


def learning_rate(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """Adam's very first step moves every element by the learning rate, so that the step itself says it."""
    start = first(case)
    found = None if start is None else _from_first_step(start)
    told = [
        (value, int(step))
        for tag, curve in logged(case).items()
        if tag.lower().rsplit("/", 1)[-1] in ("lr", "learning_rate")
        for step, value in curve.items()
        if value > 0 and np.isfinite(value)
    ]
    graph = case.graphs()[-1] if case.graphs() else -1
    updates = [] if graph < 0 else [i for i, op in enumerate(case.wires(graph).ops) if op in _ADAMS]
    if not updates:
        return
    last = max(case.last_step(graph), 0)
    told += [
        (float(rate), last)
        for fact in case.facts(graph, "program")
        for name, _, _, rate in fact.get("rates", ())
        if name.lower() + "_" in _ADAMS | {"adamw_"} and rate > 0
    ]
    told += [
        (row.value, row.step)
        for group in case.rates.groups()
        if group.optimizer.lower() + "_" in _ADAMS | {"adamw_"}
        for row in group.rows
        if row.value > 0 and np.isfinite(row.value)
    ]
    (rate, at), how = (
        (max(told, key=lambda pair: pair[0]), "as the program says")
        if told
        else ((found or 0.0, last), "seen in the first update")
    )
    op = case.wires(graph).ops[updates[0]].strip("_").capitalize()
    if rate > settings["high"]:
        word, limit, fix = "above", settings["high"], "optim.Adam(model.parameters(), lr=1e-3)"
    elif told and rate < settings["low"]:
        word, limit, fix = "below", settings["low"], "optim.Adam(model.parameters(), lr=1e-3)"
    else:
        return
    yield Hit(
        min(at, last),
        f"The learning rate of {op} is {units.number(rate, 2)} ({how}), {word} {units.number(limit)}.",
        {"lr": rate}, graph, (updates[0],), key="lr", fix=f"Begin with Adam's usual rate: {fix}",
    )  # fmt: skip


def _from_first_step(snap: Snapshot) -> float | None:
    """The median change of the first update, where nearly all elements changed by as much."""
    wires = snap.anatomy.wires
    changes = [
        snap.change(x) for x in snap.layers if x.update >= 0 and wires.ops[x.update] in _ADAMS
    ]
    good = [c.step for c in changes if c is not None and c.even]
    return float(np.median(good)) if good else None


RULES = (
    Rule(
        "update-ratio", "Updates too large or too small for the weights", "warning", "training",
        "An update of about a thousandth of the weight is healthy. Far more, and the weights jump about; far less, and "
        "the training stands still.",
        "Change the learning rate.",
        update_ratio, {"fast": -1, "slow": -4, "over": 10, "after": 10, "learnt": 0.5}, 3, f"{_DC}; {_CS}",
        "https://cs231n.github.io/neural-networks-3/#ratio", "values",
        about={"fast": "log10 of the ratio above which it is too large", "slow": "and below which too small",
               "over": "checks that are averaged", "after": "the first step that is judged", "learnt": "small updates are no fault below this share of the first loss"},
    ),
    Rule(
        "frozen-weights", "Weights do not change", "warning", "training",
        "The optimizer updates this weight and it stays what it was: its gradient is 0, or the learning rate is, or so "
        "small that adding it changes no float32.",
        "Check the learning rate, what lies between this layer and the loss (dead ReLU, a saturated unit), and that the "
        "gradient is not zeroed before optimizer.step().",
        frozen, {"rtol": 1e-5, "atol": 1e-8, "steps": 3, "learnt": 0.1}, 3, _SM,
        "https://docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-rules.html", "values",
        about={"rtol": "relative difference that counts as none", "atol": "and the absolute one",
               "steps": "least number of training steps between the first and the last check",
               "learnt": "silent below this share of the first loss: what has arrived may stand still"},
    ),
    Rule(
        "weight-pathology", "Strange weights", "warning", "training",
        "Weights that are nearly all zero, nearly all of one sign, huge, or that double again and again do not come from "
        "a training that works.",
        "Look at weight decay and learning rate, and at how this layer is initialised.",
        pathology, {"share": 0.95, "tiny": 1e-5, "huge": 1e8, "elements": 50}, 3, _DC,
        "https://arxiv.org/abs/2204.00694", "values",
        about={"share": "of the elements", "tiny": "size below which an element counts as 0",
               "huge": "root mean square", "elements": "least number of them"},
    ),
    Rule(
        "learning-rate", "Learning rate out of range", "warning", "training",
        "Adam moves every weight by about the learning rate in every step, whatever the gradient. Rates above 0.01 "
        "rarely converge, below 1e-7 they do not arrive.",
        "Begin with lr=1e-3.",
        learning_rate, {"high": 0.0101, "low": 1e-7}, 1, "UMLAUT (Schoop et al., CHI 2021)",
        "https://dl.acm.org/doi/10.1145/3411764.3445538", "run",
        about={"high": "above it", "low": "below it (only where the rate is logged as lr)"},
    ),
)  # fmt: skip
