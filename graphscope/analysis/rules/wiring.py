"""Between the loss and the parameters: gradients that pile up, that never arrive, and that nobody uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from graphscope.analysis.rules.case import Case
from graphscope.analysis.rules.reach import (
    enough,
    is_optimizer,
    known_as,
    moves,
    several,
    trained_names,
    unreached,
)
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.analysis.rules.wires import Parameter, Wires
from graphscope.trace import schema
from graphscope.trace.records import StepTable

# Ops that write zeros (or other numbers) over a gradient.
_CLEARS = frozenset({"fill_", "copy_", "mul_", "setitem_", "index_put_", "uniform_", "normal_"})


# ---------------------------------------------------------------- gradients that pile up


def missing_zero_grad(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """backward, update, backward on one parameter, and nothing cleared its gradient in between."""
    table = case.steps()
    for id in case.graphs():
        wires = case.wires(id)
        known = {-1 - p.value: p for p in wires.parameters}
        for fact in case.facts(id, "carried"):
            num = int(fact["num"])
            before, after = (_wires_of(case, table, k) for k in (num - 1, num + 1))
            found = []
            for k, node in fact["ports"]:
                p = known.get(k)
                if p is None or (node >= 0 and wires.ops[node] in _CLEARS):
                    continue
                update = _updated(wires, before, p)
                if update is None or _cleared(wires, before, p):
                    continue
                if _used(wires, after, p):
                    found.append((p, update))
            if found:
                names = [p.name for p, _ in found]
                here = [(p, at) for p, at in found if at[0] is wires]
                site = found[0][1][0].site(found[0][1][1])
                yield Hit(
                    num,
                    f"In step {num} the gradient of {several(names)} was added to that of step {num - 1}, which an "
                    "update had used already: nothing cleared it in between.",
                    {"step": num, "parameters": names},
                    id,
                    (found[0][0].value, *(at[1] for _, at in here[:1])),
                    site,
                    key="",
                )
                break


def _wires_of(case: Case, table: StepTable, num: int) -> Wires | None:
    at = int(np.searchsorted(table.num, num))
    return case.wires(int(table.graph[at])) if at < len(table) and table.num[at] == num else None


def _updated(wires: Wires, before: Wires | None, p: Parameter) -> tuple[Wires, int] | None:
    """The update of a parameter between the last backward and this one: in this step or in the one before."""
    first = _first_backward(wires)
    for u in moves(wires, p):
        if u < first:
            return wires, u
    if before is None:
        return None
    other = next((q for q in before.parameters if _same(wires, p, before, q)), None)
    last = _last_backward(before)
    late = [] if other is None else [u for u in moves(before, other) if u > last]
    return (before, late[0]) if late else None


def _used(wires: Wires, after: Wires | None, p: Parameter) -> bool:
    """Whether an update goes along the sum: behind the backward, or before the next one."""
    if any(u > _last_backward(wires) for u in moves(wires, p)):
        return True
    other = None if after is None else next(
        (q for q in after.parameters if _same(wires, p, after, q)), None
    )  # fmt: skip
    if after is None or other is None:
        return False
    first = _first_backward(after)
    return any(u < first for u in moves(after, other)) and not _cleared(after, wires, other)


def _same(a: Wires, p: Parameter, b: Wires, q: Parameter) -> bool:
    return (
        (p.value == q.value)
        if a is b
        else (p.name == q.name and a.shape(p.value) == b.shape(q.value))
    )


def _cleared(wires: Wires, before: Wires | None, p: Parameter) -> bool:
    """Whether something of this shape, other than a parameter, was written over in between."""
    shape = wires.shape(p.value)
    stretches = [(wires, range(_first_backward(wires)))]
    if before is not None:
        stretches.append((before, range(_last_backward(before) + 1, len(before))))
    for w, nodes in stretches:
        parameters = {q.value for q in w.parameters}
        for i in nodes:
            if w.ops[i] in _CLEARS and w.origin(i) not in parameters and w.shape(i) == shape:
                return True
    return False


def _first_backward(wires: Wires) -> int:
    return next((i for i, ph in enumerate(wires.phases) if ph == schema.BACKWARD), len(wires))


def _last_backward(wires: Wires) -> int:
    n = len(wires)
    return next((i for i in range(n - 1, -1, -1) if wires.phases[i] == schema.BACKWARD), -1)


# ---------------------------------------------------------------- gradients that nobody uses


def not_in_optimizer(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """A parameter that gets gradients, and that neither an optimizer nor the program updates."""
    trained = trained_names(case)
    if trained is None or not enough(case):
        case.missed = "" if enough(case) else "too few training steps"
        return
    found: dict[str, tuple[int, Parameter]] = {}
    modules = False
    for id in case.graphs():
        wires = case.wires(id)
        if not any(moves(wires, p) for p in wires.parameters):
            continue  # gradients that are asked for, and no training
        for p in wires.parameters:
            owned = bool(wires.graph.scope_path(p.value))
            modules |= owned
            if p.grads and known_as(wires, p) not in trained:
                found[known_as(wires, p)] = (id, p)
    groups: dict[str, list[str]] = {}
    for name, (id, p) in found.items():
        wires = case.wires(id)
        owner = wires.graph.scope_path(p.value)
        if modules and not owner:
            continue  # an input whose gradient is asked for
        groups.setdefault(owner or name, []).append(name)
    for owner, names in groups.items():
        id, p = found[names[0]]
        yield Hit(
            -1,
            f"backward computes the gradient of {several(names)} in every step, and nothing updates "
            f"{'it' if len(names) == 1 else 'them'}: no optimizer has {'it' if len(names) == 1 else 'them'}.",
            {"parameters": names}, id, (p.value, *p.users[:1]), None,
            f"Give the optimizer all parameters, optimizer.add_param_group({{'params': [{names[0]}]}}), or say that it "
            f"is fixed: {names[0]}.requires_grad_(False).",
            owner,
        )  # fmt: skip


def in_two_groups(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """A parameter that two optimizers, or one of them twice, update in one step."""
    for id in case.graphs():
        wires = case.wires(id)
        by_value = {p.value: p for p in wires.parameters}
        for fact in case.facts(id, "program"):
            for k, path, where in fact["twice"]:
                p = by_value.get(-1 - int(k))
                if p is None or len([u for u in p.updates if is_optimizer(wires, u)]) < 2:
                    continue
                yield Hit(
                    -1,
                    f"{p.name} is updated {len(p.updates)} times in a step, by {several(list(where))}.",
                    {"parameter": p.name, "updates": len(p.updates), "groups": list(where)}, id,
                    (p.value, *p.updates), wires.site(*p.updates), "", path or p.name,
                )  # fmt: skip


RULES = (
    Rule(
        "missing-zero-grad", "Gradients are never cleared", "error", "structure",
        "backward() adds to .grad. Without clearing, each update moves along the sum of all gradients since the "
        "start: the steps grow, the loss rises or oscillates, and the learning rate means nothing.",
        "Clear the gradients before each backward: optimizer.zero_grad() (or w.grad = None for tensors of your own).",
        missing_zero_grad, source="Karpathy, most common neural net mistakes",
        link="https://docs.pytorch.org/tutorials/recipes/recipes/zeroing_out_gradients.html",
    ),
    Rule(
        "unreached-parameter", "A parameter that no gradient reaches", "error", "structure",
        "It requires a gradient and is never given one, so it stays as it was initialised: that part of the model "
        "does not learn.",
        "Remove what cuts the graph between the parameter and the loss.",
        unreached, source="reachability in the recorded graph",
        link="https://docs.pytorch.org/docs/stable/notes/autograd.html",
    ),
    Rule(
        "not-in-optimizer", "A parameter that nothing updates", "warning", "structure",
        "Its gradient is computed and thrown away; the parameter keeps its initial values.",
        "Give the optimizer all parameters of the model, or set requires_grad_(False).",
        not_in_optimizer, source="the recorded graph, and the groups of the optimizers",
        link="https://docs.pytorch.org/docs/stable/optim.html",
    ),
    Rule(
        "parameter-twice", "A parameter in two groups", "warning", "structure",
        "It takes two updates per step, with two learning rates and two states that do not know of each other.",
        "Leave it out of one of them.",
        in_two_groups, source="the recorded graph, and the groups of the optimizers",
        link="https://docs.pytorch.org/docs/stable/optim.html#per-parameter-options",
    ),
)  # fmt: skip
