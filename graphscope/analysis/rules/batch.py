"""Whether one example can see another: the batch's axis is followed from the data to the loss.

An axis is followed only through ops of which it is known what they do to it; at any other the rule has
nothing to say. A finding needs an op that mixes examples *and* a layer with parameters behind it, so that the
means of the loss itself, and what is made of them, are no findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphscope.analysis.rules.axis import GONE, SAME, TOGETHER, through
from graphscope.analysis.rules.case import Case
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.analysis.rules.wires import Wires
from graphscope.trace import schema

_GATHERS = frozenset(
    {"stack", "cat", "add", "mean", "sum"}
)  # one beside the other, or into one loss
_LOSSES = frozenset(
    {
        "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "l1_loss",
        "smooth_l1_loss",
    }
)  # fmt: skip


def leak(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """An op that computes one example's values from another's, in front of a layer with parameters."""
    for id in case.graphs():
        wires = case.wires(id)
        size = _batch_size(wires)
        if size is None or size < settings["batch"]:
            continue
        for i, why in _mixers(wires, size):
            layer = _layer_behind(wires, i)
            if layer is None:
                continue
            yield Hit(
                -1,
                f"{wires.ops[i]} {why}, and {wires.graph.scope_path(layer) or wires.ops[layer]} goes on with the result: "
                f"each of the {size} examples sees the others.",
                {"batch": size, "op": wires.ops[i], "layer": wires.ops[layer]}, id, (i, layer), wires.site(i),
                key=wires.graph.key(i),
            )  # fmt: skip
            break


def _batch_size(wires: Wires) -> int | None:
    """How many examples the loss is over: the extent of the first axis of what it compares."""
    for root in wires.roots:
        for i in sorted(wires.before(root), reverse=True):
            if i >= 0 and wires.ops[i] in _LOSSES:
                shape = wires.shape(wires.inputs(i)[0])
                if shape and len(shape) >= 1:
                    return shape[0]
    return None


def _mixers(wires: Wires, size: int) -> Iterator[tuple[int, str]]:
    """Ops that mix the axis of the batch, with what they do."""
    axis: dict[int, int] = {}
    single: dict[int, frozenset[int]] = {}  # values of single examples -> which
    reduced: dict[int, int] = {}  # sums over all examples -> the op that made them so
    for k in range(wires.graph.n_ports):
        shape = wires.shape(-1 - k)
        if wires.graph.port_kind(k) != "input" or not shape or shape[0] != size:
            continue
        if shape.count(size) > 1 and len(shape) > 2:
            continue  # which of them the batch is cannot be known
        axis[-1 - k] = 0
    for i in range(len(wires)):
        if not wires.is_forward(i):
            continue
        given = wires.inputs(i)
        before = next((reduced[v] for v in given if v in reduced), None)
        followed = [(k, v) for k, v in enumerate(given) if v in axis]
        if before is not None:
            if followed:
                yield (
                    before,
                    "works over the whole batch, and its result meets the single examples again",
                )
            elif wires.ops[i] in SAME | TOGETHER:
                reduced[i] = before
            continue
        apart = (
            wires.ops[i] == "unbind" and bool(wires.flags[i] & schema.EXTRA) and given[0] in single
        )
        alone = frozenset[int]().union(*(single[v] for v in given if v in single))
        if apart:
            single[i] = frozenset((i,))
            continue
        if alone:
            if len(alone) > 1 and wires.ops[i] not in _GATHERS:
                yield (
                    i,
                    "takes one example after the other along the axis of the batch and combines them",
                )
            single[i] = alone
            continue
        if wires.ops[i] == "unbind":
            whole = wires.shape(given[0]) or ()
            along = followed and axis[followed[0][1]] == wires.params(i).get("axis")
            # Of two axes it is one sequence, of which the loss is over the steps.
            if along and len(whole) > 2 and min(whole[:2]) > 1:
                single[i] = frozenset((i,))
            continue
        if not followed:
            continue
        to, mixes = through(wires, i, followed, axis)
        if mixes:
            yield i, mixes
        elif to == GONE:
            reduced[i] = i
        elif to is not None:
            axis[i] = to


def _layer_behind(wires: Wires, i: int) -> int | None:
    """The first op behind that has parameters of its own and gets a gradient."""
    parameters = {p.value for p in wires.parameters}
    for u in sorted(wires.after(i) & wires.differentiated):
        if any(wires.origin(v) in parameters for v in wires.inputs(u)):
            return u
    return None


RULES = (
    Rule(
        "cross-sample-leak", "One example sees the others of its batch", "warning", "structure",
        "What the model says of an example depends on what else is in the batch. Training looks good, and single "
        "examples, or another batch size, give something else.",
        "Work along the features (dim=-1), swap axes with transpose instead of reshape, and tell modules where the "
        "batch is (batch_first=True).",
        leak, {"batch": 2}, source="TheDeepChecker; Karpathy, a recipe for training neural networks",
        link="https://karpathy.github.io/2019/04/25/recipe/", about={"batch": "least number of examples"},
    ),
)  # fmt: skip
