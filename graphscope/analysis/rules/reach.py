"""Parameters that no gradient reaches: what the loss is not computed from, or is cut off from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphscope.analysis.rules.broken import Break, broken_edge
from graphscope.analysis.rules.case import Case
from graphscope.analysis.rules.rule import Hit
from graphscope.analysis.rules.wires import Parameter, Wires

_FEW = 3  # training steps that must have been seen before an absence counts
OPTIMIZERS = frozenset(
    {
        "sgd_", "adam_", "lbfgs_", "adagrad_", "rmsprop_", "adadelta_", "adamax_", "nadam_", "radam_", "rprop_",
        "asgd_",
    }
)  # fmt: skip
# How a program moves a parameter by hand; other ops in place (copy_, normal_) set it anew.
_BY_HAND = frozenset({"add_", "sub_", "mul_", "div_"})


def several(names: list[str], most: int = 4) -> str:
    """``a, b and c``, or ``a, b, c and 9 more``."""
    if len(names) <= 1:
        return "".join(names)
    if len(names) <= most:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def is_optimizer(wires: Wires, i: int) -> bool:
    """Whether a node is the update of an optimizer, which has seen a gradient."""
    return wires.ops[i] in OPTIMIZERS


def moves(wires: Wires, p: Parameter) -> list[int]:
    """The nodes that update a parameter, by an optimizer or by hand."""
    return [u for u in p.updates if wires.ops[u] in OPTIMIZERS or wires.ops[u] in _BY_HAND]


def unreached(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """A parameter that requires a gradient, and to which no backward of the run came."""
    if not enough(case):
        case.missed = f"fewer than {_FEW} training steps"
        return
    uses: dict[str, list[tuple[int, Parameter]]] = {}
    reached: set[str] = set()
    used: set[str] = set()
    modules = False
    for id in case.graphs():
        wires = case.wires(id)
        for p in wires.parameters:
            name = known_as(wires, p)
            used.add(name)
            modules |= bool(wires.graph.scope_path(p.value))
            # An optimizer passes over what has no gradient; backwards through an earlier step's graph have
            # no forward op in this one.
            if p.grads or any(is_optimizer(wires, u) for u in p.updates):
                reached.add(name)
            elif p.users and wires.roots:
                uses.setdefault(name, []).append((id, p))
    trained = trained_names(case)
    # One finding for all parameters of a module that are cut off in one place.
    groups: dict[tuple[str, int, Break, str], list[tuple[str, Parameter]]] = {}
    for name, places in uses.items():
        if name in reached:
            continue
        id, p = places[-1]
        wires = case.wires(id)
        owner = wires.graph.scope_path(p.value)
        known = (
            trained is not None and name in trained
        )  # where nothing is trained, nothing is missed
        if modules and not owner and not known:
            continue  # an input whose gradient is asked for
        cut = broken_edge(case, wires, p)
        if cut is not None:
            key = (owner or name, id, cut, "error" if known else "info")
            groups.setdefault(key, []).append((name, p))
    for (owner, id, cut, severity), of in groups.items():
        names = [name for name, _ in of]
        yield Hit(
            -1, cut.say(several(names), len(names)), {"parameters": names, "cause": cut.cause}, id,
            (of[0][1].value, *cut.nodes), cut.site, cut.fix, owner, severity=severity,
        )  # fmt: skip
    yield from _unused(case, used | reached, trained)


def _unused(case: Case, used: set[str], trained: set[str] | None) -> Iterator[Hit]:
    """Parameters of modules that no training step called, or only under no_grad."""
    idle: dict[str, list[str]] = {}
    frozen: dict[tuple[str, str], list[str]] = {}
    at = -1
    apart = _in_no_grad(case)
    # A module of which no step uses anything, and that no optimizer has, is not what is trained.
    roots = {name.partition(".")[0] for name in used}
    for id in case.graphs():
        if not case.wires(id).roots:
            continue
        for fact in case.facts(id, "program"):
            for name in fact["unused"]:
                owner = name.rpartition(".")[0]
                if name in used or not (name in (trained or ()) or name.partition(".")[0] in roots):
                    continue
                at = id
                if name not in apart:
                    idle.setdefault(owner, []).append(name)
                    continue
                known = trained is not None and name in trained
                frozen.setdefault((owner, "error" if known else "info"), []).append(name)
    for (owner, severity), of in frozen.items():
        names = sorted(set(of))
        graph, p = apart[names[0]]
        many = len(names) > 1
        yield Hit(
            -1,
            f"{several(names)} require{'' if many else 's'} a gradient and get{'' if many else 's'} none: "
            f"{case.wires(graph).what(p.users[0])} runs under no_grad beside each training step, and what it makes is "
            "plain data for the loss.",
            {"parameters": names, "cause": "no_grad"}, graph, (p.value, *p.users[:1]), None,
            "Take the line out of the no_grad block, or say that the parameters are fixed: requires_grad_(False).",
            owner, severity=severity,
        )  # fmt: skip
    for owner, of in idle.items():
        names = sorted(set(of))
        partly = any(name.rpartition(".")[0] == owner for name in used)
        yield Hit(
            -1,
            f"No training step has used {several(names)}: {'other parameters of' if partly else 'the forward of'} {owner} "
            f"{'are' if partly else 'is never called'}.",
            {"parameters": names}, at, (), None,
            f"Use {owner} in forward(), or delete it from __init__.", owner, severity="warning",
        )  # fmt: skip


def _in_no_grad(case: Case) -> dict[str, tuple[int, Parameter]]:
    """Parameters that are used where no gradient is wanted, about as often as there are training steps."""
    found: dict[str, tuple[int, Parameter]] = {}
    often = 0.5 * len(case.steps())
    counts = case.counts("eval")
    for id in case.graphs("eval"):
        if counts.get(id, 0) >= often:
            wires = case.wires(id)
            found.update({p.name: (id, p) for p in wires.parameters if p.users})
    return found


def known_as(wires: Wires, p: Parameter) -> str:
    """A name that is the same in every graph, as far as there is one."""
    return p.name if p.name != "parameter" else f"parameter {wires.shape(p.value)}"


def enough(case: Case) -> bool:
    """Whether so much was seen that what did not happen counts as missing."""
    return len(case.steps()) >= _FEW or case.over


def trained_names(case: Case) -> set[str] | None:
    """Names of the parameters that some optimizer has or some op updates; None when nothing is updated."""
    names: set[str] = set()
    for id in case.graphs():
        wires = case.wires(id)
        by_value = {p.value: p for p in wires.parameters}
        names.update(known_as(wires, p) for p in wires.parameters if moves(wires, p))
        for fact in case.facts(id, "program"):
            names.update(fact.get("idle", ()))
            for group in fact["groups"]:
                found = (by_value.get(-1 - int(k)) for k in group[3])
                names.update(known_as(wires, p) for p in found if p is not None)
    return names or None
