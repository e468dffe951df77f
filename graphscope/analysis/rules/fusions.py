"""Rules about chains of small ops that one op would replace, and loops over single elements."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphscope import units
from graphscope.analysis.aggregate import pick
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.analysis.rules.wires import Wires
from graphscope.trace import schema

if TYPE_CHECKING:
    from graphscope.analysis.rules.case import Case
    from graphscope.trace.records import Floats

FEWEST, SAMPLE = 10, 40  # steps that medians are taken over
_OWN = "GraphScope's own: measured times of the ops that would go"
_SQUARES = frozenset({"square", "pow", "mul"})
_PRODUCTS = frozenset({"mm", "matmul"})


@dataclass(frozen=True)
class Chain:
    """Ops that one op would replace; the last is the one whose value stays."""

    what: str
    call: str
    nodes: tuple[int, ...]


def _only_user(w: Wires, i: int) -> int:
    """The one forward node that reads a value; -1 where there are several or none."""
    users = {u for u in w.users(i) if w.is_forward(u)}
    return users.pop() if len(users) == 1 else -1


def _op(w: Wires, i: int) -> str:
    return w.ops[i] if w.is_forward(i) else ""


def _is_parameter(w: Wires, v: int) -> bool:
    return v < 0 and w.graph.port_kind(-1 - v) == "parameter"


def _linear(w: Wires, i: int) -> Chain | None:
    """A product, then a bias that is a parameter."""
    if _op(w, i) not in _PRODUCTS:
        return None
    add = _only_user(w, i)
    if _op(w, add) not in ("add", "add_"):
        return None
    others = [v for v in w.inputs(add) if v != i]
    if not any(_is_parameter(w, w.origin(v)) and len(w.shape(v) or ()) <= 2 for v in others):
        return None
    return Chain(
        "a product and a bias",
        "nn.functional.linear(x, weight, bias) or torch.addmm(bias, x, w)",
        (i, add),
    )


def _softmax(w: Wires, i: int) -> Chain | None:
    """exp, its sum, and their quotient; the largest may have been taken off before."""
    if _op(w, i) != "exp":
        return None
    users = [u for u in w.users(i) if w.is_forward(u)]
    total = next((u for u in users if w.ops[u] == "sum"), -1)
    div = next((u for u in users if w.ops[u] in ("div", "div_")), -1)
    if total < 0 or div < 0 or len(set(users)) != 2 or _after_views(w, total) != div:
        return None
    before = w.inputs(i)[0]
    shifted = (before,) if _op(w, before) in ("sub", "sub_") and _only_user(w, before) == i else ()
    return Chain("a softmax by hand", "torch.softmax(x, dim=-1)", (*shifted, i, total, div))


def _after_views(w: Wires, i: int) -> int:
    at = _only_user(w, i)
    while at >= 0 and w.flags[at] & schema.VIEW:
        at = _only_user(w, at)
    return at


def _logsumexp(w: Wires, i: int) -> Chain | None:
    if _op(w, i) != "exp":
        return None
    total = _only_user(w, i)
    if _op(w, total) != "sum":
        return None
    log = _after_views(w, total)
    if _op(w, log) != "log":
        return None
    return Chain(
        "exp, sum and log",
        "torch.logsumexp(x, dim=-1), which does not overflow either",
        (i, total, log),
    )


def _difference_loss(w: Wires, i: int) -> Chain | None:
    """A difference, its square or size, and the mean or sum of that."""
    if _op(w, i) != "sub":
        return None
    a, b = ((w.shape(v) or ()) for v in w.inputs(i)[:2]) if len(w.inputs(i)) > 1 else ((), (1,))
    if a != b or not a:
        return None  # a broadcast difference is no such loss
    power = _only_user(w, i)
    op = _op(w, power)
    if op == "mul" and w.inputs(power) != [i, i]:
        return None
    if op == "pow" and not _is_two(w, power):
        return None
    end = _only_user(w, power)
    if op not in _SQUARES | {"abs"} or _op(w, end) not in ("mean", "sum") or w.shape(end) != ():
        return None
    name = "l1_loss" if op == "abs" else "mse_loss"
    reduction = ', reduction="sum"' if w.ops[end] == "sum" else ""
    what = "a mean absolute error by hand" if op == "abs" else "a squared error by hand"
    return Chain(what, f"nn.functional.{name}(prediction, target{reduction})", (i, power, end))


def _is_two(w: Wires, i: int) -> bool:
    return any(w.graph.port_const(-1 - v) in ("2", "2.0") for v in w.inputs(i) if v < 0)


def _addcmul(w: Wires, i: int) -> Chain | None:
    """A product of two tensors, then a third one of the same shape added."""
    shape = w.shape(i)
    if _op(w, i) != "mul" or not shape or any(w.shape(v) != shape for v in w.inputs(i)):
        return None
    add = _only_user(w, i)
    if (
        _op(w, add) != "add"
        or w.inputs(add) == [i, i]
        or any(w.shape(v) != shape for v in w.inputs(add))
    ):
        return None
    return Chain("a product and a sum of tensors", "torch.addcmul(c, a, b)", (i, add))


PATTERNS: tuple[Callable[[Wires, int], Chain | None], ...] = (
    _softmax, _logsumexp, _difference_loss, _linear, _addcmul,
)  # fmt: skip


def chains(w: Wires) -> list[Chain]:
    """Every chain of a graph; no op is in two of them."""
    found: list[Chain] = []
    taken: set[int] = set()
    for pattern in PATTERNS:
        for i in range(len(w)):
            chain = pattern(w, i) if w.is_forward(i) and i not in taken else None
            if chain is not None and not taken & set(chain.nodes):
                found.append(chain)
                taken |= set(chain.nodes)
    return found


def saving(w: Wires, nodes: tuple[int, ...], mean_ns: Floats, gap_ns: float) -> float:
    """Nanoseconds a step that one op in place of these would save: all but the slowest, forward and backward.

    What is left is taken to cost as much as the slowest of them; with each op that goes, so does the Python
    around it (``gap_ns``).
    """
    back = [[j for j, _ in w.graph.backward_of(i)] for i in nodes]
    forward = [float(mean_ns[i]) for i in nodes]
    backward = [float(sum(mean_ns[j] for j in js)) for js in back if js]
    saved = sum(forward) - max(forward) + (sum(backward) - max(backward) if backward else 0.0)
    return saved + gap_ns * (len(nodes) - 1)


def _timings(case: Case, graph: int) -> tuple[Floats, float, float] | None:
    """Time of each op, Python between two ops, and the step (ns): medians, taken again when there are twice as many."""
    held: dict[int, tuple[int, tuple[Floats, float, float] | None]] = case.keep("op times", dict)
    table = case.steps()
    mine = (table.graph == graph) & table.timed
    count = int(mine.sum())
    if graph not in held or count >= 2 * held[graph][0]:
        held[graph] = count, _measured(case, graph, mine) if count >= FEWEST else None
    return held[graph][1]


def _measured(case: Case, graph: int, mine: Any) -> tuple[Floats, float, float] | None:
    table, n = case.steps(), len(case.wires(graph))
    columns = case.reader.columns("dur_ns", pick(table, mine, SAMPLE))
    columns = columns[~np.isnan(columns).any(axis=1)]
    if len(columns) < FEWEST or not n:
        return None
    usual = np.median(columns, axis=0)
    wall = float(np.median(table.wall_ns[mine] - table.rec_ns[mine]))
    gap = max(wall - float(usual.sum()), 0.0) / n
    return usual, min(gap, 20_000.0), wall


def fusable(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    for graph in case.graphs():
        timed = _timings(case, graph)
        if timed is None:
            continue
        mean, gap, wall = timed
        known: dict[int, list[Chain]] = case.keep("chains", dict)
        w = case.wires(graph)
        if graph not in known:
            known[graph] = chains(w)
        groups: dict[tuple[str, str], list[Chain]] = {}
        for chain in known[graph]:
            site = w.site(chain.nodes[-1])
            groups.setdefault((chain.what, f"{site.file}:{site.line}" if site else ""), []).append(
                chain
            )
        for (name, place), same in groups.items():
            saved = sum(saving(w, chain.nodes, mean, gap) for chain in same)
            if saved < settings["share"] * wall:
                continue
            often = f", {len(same)} times a step" if len(same) > 1 else ""
            nodes = same[0].nodes
            yield Hit(
                case.last_step(graph),
                f"{name[0].upper()}{name[1:]} ({', '.join(w.ops[i] for i in nodes)}){often}: one op would save about "
                f"{units.ns(saved)} of {units.ns(wall)} a step ({units.share(saved / wall)}).",
                {"saving_ns": saved, "share": saved / wall, "times": len(same)}, graph, (nodes[-1], *nodes[:-1]),
                key=f"{name} {place}", fix=f"Write {same[0].call}",
            )  # fmt: skip


def element_loop(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """One line that runs the same op on a few elements again and again within a step."""
    known: dict[int, list[tuple[list[int], int]]] = case.keep("element loops", dict)
    for graph in case.graphs():
        w = case.wires(graph)
        if graph not in known:
            known[graph] = repeated(w, int(settings["times"]), int(settings["elements"]))
        timed = _timings(case, graph) if known[graph] else None
        if timed is None:
            continue
        mean, gap, wall = timed
        for nodes, times in known[graph]:
            back = [j for i in nodes for j, _ in w.graph.backward_of(i)]
            took = float(mean[nodes].sum() + mean[back].sum()) + gap * (len(nodes) + len(back))
            saved = took * (1 - 1 / times)
            if saved < settings["share"] * wall:
                continue
            line = w.site(nodes[0])
            yield Hit(
                case.last_step(graph),
                f"One line runs {len(nodes)} ops a step on at most {int(settings['elements'])} elements each, "
                f"{units.ns(took)} of {units.ns(wall)}; on whole tensors it would save about {units.ns(saved)} "
                f"({units.share(saved / wall)}).",
                {"ops": len(nodes), "took_ns": took, "saving_ns": saved}, graph, tuple(nodes[:8]), site=line,
                key=f"{line.file}:{line.line}" if line else str(nodes[0]),
            )  # fmt: skip


def repeated(w: Wires, times: int, elements: int) -> list[tuple[list[int], int]]:
    """Of each line that runs an op so often on so few elements: those nodes, and how often the commonest comes."""
    places: dict[tuple[int, str], list[int]] = {}
    sites = w.graph.site.tolist()
    for i, op in enumerate(w.ops):
        if w.phases[i] == schema.FORWARD and sites[i] >= 0:
            shape = w.shape(i)
            if shape is not None and math.prod(shape) <= elements:
                places.setdefault((sites[i], op), []).append(i)
    lines: dict[int, list[list[int]]] = {}
    for (site, _), nodes in places.items():
        if len(nodes) >= times:
            lines.setdefault(site, []).append(nodes)
    return [
        (sorted(i for nodes in of_line for i in nodes), max(len(nodes) for nodes in of_line))
        for of_line in lines.values()
    ]


RULES = (
    Rule(
        "fusable-ops", "Small ops that one op would replace", "info", "performance",
        "Each op costs a call, reads its inputs and writes a result; one op for the whole formula does that once, keeps "
        "less for backward, and is often more exact.",
        "Use the op that does it in one call.",
        fusable, {"share": 0.05}, 1, _OWN, "https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html", "run",
        about={"share": "of the step that would be saved"},
    ),
    Rule(
        "element-loop", "A Python loop over elements", "info", "performance",
        "An op on one element costs as much as an op on thousands: nearly all of this time is calling.",
        "Compute on whole tensors: x * y in place of [x[i] * y[i] for i in range(n)]; use masks (torch.where) in place "
        "of if.",
        element_loop, {"times": 16, "elements": 4, "share": 0.2}, 1, _OWN,
        "https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html", "run",
        about={"times": "that one op runs on one line in a step", "elements": "of its result at most",
               "share": "of the step that would be saved"},
    ),
)  # fmt: skip
