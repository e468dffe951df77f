"""Work that nobody needs: results that are not used, computed twice, too wide, or fetched one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from graphscope import units
from graphscope.analysis.rules.case import Case
from graphscope.analysis.rules.reach import several
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.analysis.rules.wires import Wires
from graphscope.trace import schema
from graphscope.trace.records import Floats

# Two of these with the same inputs need not give the same: they draw numbers, or differ by what is no
# structure (an index, a bound) and so not in the graph.
_OWN = frozenset(
    {
        "dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout", "rrelu", "bernoulli", "multinomial",
        "normal", "getitem", "select", "narrow", "index", "roll", "clamp", "clamp_between", "clamp_min", "clamp_max",
        "threshold", "addcdiv", "addcmul", "add_scaled", "sub_scaled", "put_zeros", "constant_pad_nd", "filled",
        "quantile", "addmm", "lerp", "to_host",
    }
)  # fmt: skip


def _work(case: Case, id: int) -> Floats | None:
    """Arithmetic operations of each node, in the graph's most common shapes."""
    sets = case.shape_sets(id)
    if not sets:
        return None
    costs = case.reader.costs(max(sets, key=lambda s: (sets[s], -s)))
    if costs is None or len(costs[0]) != len(case.wires(id)):
        return None
    return costs[0].astype(np.float64)


def unused_output(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """Forward ops whose results nobody reads: no op, no backward, no line of Python."""
    for id in case.graphs():
        wires, work = case.wires(id), _work(case, id)
        if work is None or not wires.roots or not case.facts(id, "program"):
            continue
        if case.counts().get(id, 0) < settings["steps"]:
            continue
        read = {int(row[0]) for fact in case.facts(id, "reads") for row in fact["values"]}
        held = _overwritten(case, wires)
        dead = _dead(wires, read, held)
        forward = sum(work[i] for i in range(len(wires)) if wires.is_forward(i))
        lost = sum(work[i] for i in dead)
        if not dead or lost < max(settings["share"] * forward, 1):
            continue
        ends = [i for i in dead if not wires.users(i)]
        shown = sorted(ends, key=lambda i: -sum(work[j] for j in wires.before(i) & dead if j >= 0))
        yield Hit(
            -1,
            f"{len(dead)} op{'s' if len(dead) > 1 else ''} of each step {'are' if len(dead) > 1 else 'is'} computed for "
            f"nothing: {several([wires.what(i) for i in shown])} {'are' if len(shown) > 1 else 'is'} never read. "
            f"That is {units.share(lost / forward)} of the forward pass.",
            {"ops": len(dead), "share": lost / forward}, id, (*shown, *sorted(dead - set(shown))),
            wires.site(shown[0]), key=wires.graph.key(shown[0]), severity="info" if dead & held else "",
        )  # fmt: skip


def _overwritten(case: Case, wires: Wires) -> set[int]:
    """Values that a variable holds until the next step gives it another one, as far as the trace can tell."""
    ports = set()
    for kind in ("train", "eval"):
        for id in case.graphs(kind):
            graph = case.graph(id)
            for k in range(graph.n_ports):
                if graph.port_kind(k) == "carried":
                    return set()  # something is used a step later, and it may be this
                ports.add(graph.port_name(k))
    # A function's frame may hold its variables of the step in which the recorder looked at them: of one step only.
    often = Counter(s.node for s in case.reader.survivors() if s.graph == wires.graph.id)
    stays = {node for node, steps in often.items() if steps > 1}
    plan = wires.graph.plan
    return {
        i for i in range(len(wires))
        if wires.is_forward(i) and int(plan[i]) == schema.SURVIVED and i not in stays
        and wires.graph.name(i) and wires.graph.name(i) not in ports
    }  # fmt: skip


def _dead(wires: Wires, read: set[int], held: set[int]) -> set[int]:
    plan = wires.graph.plan
    dead: set[int] = set()
    for i in range(len(wires) - 1, -1, -1):
        alive = (
            not wires.is_forward(i) or i in read or i in wires.differentiated or wires.flags[i] & schema.EXTRA
            or wires.writes(i) or (int(plan[i]) == schema.SURVIVED and i not in held)
        )  # fmt: skip
        if alive or any(u not in dead for u in wires.users(i)):
            continue
        dead.add(i)
    # A view of something that is read on is nothing that was computed.
    return {
        i for i in dead if not (wires.flags[i] & schema.VIEW and not (set(wires.inputs(i)) & dead))
    }


def computed_twice(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """Two forward ops with the same inputs, which are the same up to where they come from."""
    for id in case.graphs():
        wires, work = case.wires(id), _work(case, id)
        if work is None or case.counts().get(id, 0) < settings["steps"]:
            continue
        first: dict[object, int] = {}
        same: dict[int, int] = {}
        for i in range(len(wires)):
            given = wires.inputs(i)
            if not wires.is_forward(i) or not given or wires.writes(i) or wires.ops[i] in _OWN:
                continue
            if wires.flags[i] & schema.EXTRA:
                continue
            key = (wires.ops[i], wires.graph.params_text(i), wires.shape(i), wires.dtype(i),
                   tuple(same.get(v, v) for v in given))  # fmt: skip
            known = first.setdefault(key, i)
            if known != i:
                same[i] = known
        forward = sum(work[i] for i in range(len(wires)) if wires.is_forward(i))
        lost = sum(work[i] for i in same)
        if not same or lost < max(settings["share"] * forward, 1):
            continue
        big = max(same, key=lambda i: (work[i], -i))
        again, once = wires.site(big), wires.site(same[big])
        if again == once:  # one line of a module that ran twice: show who asked for it again
            readers = [u for u in range(big, len(wires)) if wires.is_forward(u) and u not in same
                       and any(v in same for v in wires.inputs(u))]  # fmt: skip
            again = wires.site(*readers[:1]) or again
        where = ""
        if again is not None and once is not None:
            where = (
                f", first at line {once.line}, again at line {again.line}"
                if again != once
                else f" at line {again.line}"
            )
        yield Hit(
            -1,
            f"{len(same)} op{'s' if len(same) > 1 else ''} of each step {'repeat' if len(same) > 1 else 'repeats'} what "
            f"was computed before, from the same values: the largest is {wires.what(big)}{where}. That is "
            f"{units.share(lost / forward)} of the forward pass.",
            {"ops": len(same), "share": lost / forward}, id, (big, same[big], *sorted(set(same) - {big})), again,
            key=wires.graph.key(big),
        )  # fmt: skip


def float64(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """A single precision model whose values become double precision on the way."""
    for id in case.graphs():
        wires = case.wires(id)
        kinds = {wires.dtype(p.value) for p in wires.parameters}
        if not kinds or "float64" in kinds:
            continue
        wide = [i for i in range(len(wires)) if wires.is_forward(i) and wires.dtype(i) == "float64"]
        if not wide:
            continue
        first = wide[0]
        given = [v for v in wires.inputs(first) if wires.dtype(v) == "float64"]
        source = (
            f"{wires.what(given[0])} is float64" if given else f"{wires.ops[first]} gives float64"
        )
        yield Hit(
            -1,
            f"{source}, and {len(wide)} op{'s' if len(wide) > 1 else ''} of each step compute{'' if len(wide) > 1 else 's'} "
            f"in double precision; the parameters are {several(sorted(kinds))}.",
            {"ops": len(wide), "parameters": sorted(kinds)}, id, (first, *given), wires.site(first),
            key=wires.graph.key(first),
        )  # fmt: skip


def host_copy(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """Values that are fetched from a device in every step: each time Python waits until it is done."""
    for id in case.graphs():
        wires = case.wires(id)
        steps = case.counts().get(id, 0)
        found = [i for i in range(len(wires)) if wires.ops[i] == "to_host"]
        if not found or steps < settings["steps"]:
            continue
        spent = float(np.nansum(case.reader.moments(id)["mean"][found]))
        table = case.steps()
        wall = float(table.wall_ns[table.graph == id].mean())
        share = spent / wall if wall else 0.0
        if len(found) < settings["reads"] and share < settings["share"]:
            continue
        lines = sorted({site.line for i in found if (site := wires.site(i)) is not None})
        yield Hit(
            case.last_step(id),
            f"Each step fetches {len(found)} value{'s' if len(found) > 1 else ''} from the device (line "
            f"{several([str(line) for line in lines])}) and waits {units.ns(spent)} for it, "
            f"{units.share(share)} of the step.",
            {"reads": len(found), "share": share, "wait_ns": spent}, id, tuple(found), wires.site(found[0]),
        )  # fmt: skip


def history(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """A value that is added to in every step and takes the graphs of all steps with it."""
    for id in case.graphs():
        wires = case.wires(id)
        if case.counts().get(id, 0) < settings["steps"]:
            continue
        for k in range(wires.graph.n_ports):
            if wires.graph.port_kind(k) != "carried":
                continue
            for i in wires.users(-1 - k):
                grows = (
                    wires.is_forward(i) and wires.ops[i] in ("add", "add_", "sub", "cat", "stack", "maximum", "logaddexp")
                    and wires.flags[i] & schema.WANTS_GRAD and i not in wires.differentiated
                    and (int(wires.graph.plan[i]) == schema.SURVIVED or wires.writes(i))
                    and any(v != -1 - k and _has_history(wires, v) for v in wires.inputs(i))
                )  # fmt: skip
                if not grows:
                    continue
                name = wires.graph.name(i) or wires.graph.name(-1 - k) or "the sum"
                yield Hit(
                    case.last_step(id),
                    f"{name} takes in a value of every step, and the graph behind it: after {case.counts()[id]} steps "
                    f"it hangs on the graphs of {case.counts()[id]} steps.",
                    {"steps": case.counts()[id]}, id, (i,), wires.site(i),
                    f"Add the number, not the tensor: {name} += loss.item(), or loss.detach().",
                    wires.graph.key(i),
                )  # fmt: skip
    yield from _kept(case, settings)


def _has_history(wires: Wires, v: int) -> bool:
    if v < 0:
        return wires.graph.port_kind(-1 - v) == "carried"
    return bool(wires.flags[v] & schema.WANTS_GRAD)


def _kept(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """Results with a history that are still there steps later, in step after step."""
    kept: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for s in case.reader.survivors():
        kept.setdefault((s.graph, s.node), []).append((s.step, s.nbytes))
    for (id, node), steps in sorted(kept.items()):
        if id not in case.graphs():
            continue
        wires = case.wires(id)
        size = max(nbytes for _, nbytes in steps)
        inner = not wires.graph.name(node) and bool(wires.graph.kept_for(node))
        if (
            len({step for step, _ in steps}) < settings["steps"]
            or size < settings["nbytes"]
            or not inner
        ):
            continue
        if not wires.is_forward(node) or not wires.flags[node] & schema.WANTS_GRAD:
            continue
        yield Hit(
            case.last_step(id),
            f"{wires.what(node)} ({units.bytes_(size)}) of {len(steps)} looked-at steps is still in memory steps later: "
            "something keeps a result together with the graph behind it.",
            {"steps": len(steps), "nbytes": size}, id, (node,), wires.site(node), key=wires.graph.key(node),
        )  # fmt: skip
        return


def changing(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """A program that computes another graph in nearly every step."""
    table = case.steps()
    last = table.graph[-int(settings["window"]) :]
    if len(last) < settings["steps"]:
        return
    turns = int(np.count_nonzero(np.diff(last)))
    kinds = len(set(last.tolist()))
    if kinds < settings["share"] * len(last):
        return
    id = case.graphs()[-1] if case.graphs() else int(last[-1])
    graph = case.graph(id)
    at = graph.diverged_at if 0 <= graph.diverged_at < graph.n else -1
    where = f" It parts from the one before at {case.wires(id).what(at)}." if at >= 0 else ""
    yield Hit(
        int(table.num[-1]), f"The last {len(last)} steps have {kinds} different graphs.{where}",
        {"graphs": kinds, "steps": len(last), "changes": turns}, id, (at,) if at >= 0 else (),
    )  # fmt: skip


RULES = (
    Rule(
        "kept-across-steps", "A tensor keeps the history of all steps", "warning", "memory",
        "A tensor that requires a gradient hangs on the graph that made it. Adding it up over steps keeps them all: "
        "memory grows and a later backward would walk through every one.",
        "Keep numbers (loss.item()) or loss.detach().",
        history, {"steps": 3, "nbytes": 1024}, source="the recorded graph and the deaths of its memory",
        link="https://docs.pytorch.org/docs/stable/notes/faq.html", on="run",
        about={"steps": "of the graph before it counts", "nbytes": "least size of a kept result"},
    ),
    Rule(
        "float64-by-accident", "Double precision by accident", "warning", "performance",
        "Twice the memory and half the speed (on most GPUs a thirtieth), for digits that the single precision "
        "parameters do not have.",
        "Convert the data once: torch.from_numpy(a).float(), or a.astype(np.float32).",
        float64, source="the recorded dtypes", link="https://docs.pytorch.org/docs/stable/tensor_attributes.html",
    ),
    Rule(
        "computed-twice", "The same thing is computed twice", "warning", "performance",
        "The second result equals the first; its time and memory (in training also those of its backward) are lost.",
        "Keep the first result in a variable and use it in both places.",
        computed_twice, {"share": 0.05, "steps": 3}, source="equal ops on equal inputs in the recorded graph",
        link="https://en.wikipedia.org/wiki/Common_subexpression_elimination",
        about={"share": "of the arithmetic of the forward pass", "steps": "of the graph before it counts"},
    ),
    Rule(
        "unused-output", "A result that nobody reads", "warning", "performance",
        "It is computed in every step, and no op, no gradient and no line of the program uses it.",
        "Leave it out, or compute it only where it is used.",
        unused_output, {"share": 0.05, "steps": 3}, source="reachability in the recorded graph",
        link="https://en.wikipedia.org/wiki/Dead-code_elimination",
        about={"share": "of the arithmetic of the forward pass", "steps": "of the graph before it counts"},
    ),
    Rule(
        "host-copy", "Values are fetched from the device in every step", "warning", "performance",
        "A device works behind Python's back; .item(), print or if on its values wait until it has caught up, and "
        "then it waits for Python.",
        "Keep the tensor (total += loss.detach()) and fetch it every 100 steps.",
        host_copy, {"steps": 5, "reads": 3, "share": 0.05}, source="the recorded copies",
        link="https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html#avoid-unnecessary-cpu-gpu-synchronization",
        on="run",
        about={"steps": "of the graph before it counts", "reads": "in a step that count at once",
               "share": "of the step that waiting takes, below that number"},
    ),
    Rule(
        "graph-changes", "Another graph in nearly every step", "info", "performance",
        "That is allowed. But nothing can be predicted then: recording costs more, and times of single ops cannot be "
        "compared between steps.",
        "If it is not meant: look for Python randomness, shapes or conditions at the op named above.",
        changing, {"steps": 10, "window": 50, "share": 0.5}, source="the digests of the graphs",
        link="https://docs.pytorch.org/docs/stable/torch.compiler_troubleshooting.html#recompilation", on="run",
        about={"steps": "before it counts", "window": "of the last steps", "share": "of them with a graph of its own"},
    ),
)  # fmt: skip
