"""The doctor's rules, in the order in which their findings are listed."""

from __future__ import annotations

from graphscope.analysis.rules import (
    activations,
    batch,
    curves,
    data,
    evaluation,
    failures,
    fusions,
    gradients,
    init,
    layers,
    losses,
    memory,
    performance,
    waste,
    weights,
    wiring,
)  # fmt: skip
from graphscope.analysis.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    *failures.RULES, *wiring.RULES, *losses.RULES, *layers.RULES, *batch.RULES, *waste.RULES,
    *gradients.RULES, *curves.RULES, *evaluation.RULES, *init.RULES, *activations.RULES, *weights.RULES, *data.RULES,
    *performance.RULES, *fusions.RULES, *memory.RULES,
)  # fmt: skip
