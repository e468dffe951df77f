"""Numbers into cards: the texts, bars and health of every visible node for one step.

Positions never depend on anything in here, so a step forward sends only this. Colours of the
overlays are in ``view.overlay``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from graphscope import units
from graphscope.trace import schema
from graphscope.view.structure import OP
from graphscope.view.visible import SCOPE, Node

if TYPE_CHECKING:
    from graphscope.trace.records import Entry, Graph, Step, ValueStep
    from graphscope.view.graphview import GraphView

NOT_YET = "\u00b7"  # backward has not run
NOT_REACHED = units.MISSING  # backward ran and does not come by here
BINS = 12
BAR = 12  # px, height of the tallest histogram bar
_SEVERITY = {"ok": 0, "inf": 1, "nan": 2}


@dataclass(frozen=True)
class Reach:
    """Which values get a gradient in this graph, by structure, and whether backward ran at all."""

    ran: bool
    values: frozenset[int]
    coming: frozenset[int] = frozenset()
    """Of a step that is held: what the rest of its backward will reach."""


# By graph: a page asks for it with every step and every card.
_reached: WeakKeyDictionary[Graph, Reach] = WeakKeyDictionary()


def reach(graph: Graph, upto: int | None = None) -> Reach:
    """What backward reaches. ``upto``: only nodes before this one have run (a partial step)."""
    if upto is not None:
        return _reach(graph, upto)
    found = _reached.get(graph)
    if found is None:
        found = _reached[graph] = _reach(graph, None)
    return found


def held(graph: Graph, step: Step) -> Reach:
    """What backward has reached in a step that a debugger holds, and what it still will; the ops to come took no time."""
    ran = np.flatnonzero(step.dur_ns)
    so_far = reach(graph, int(ran[-1]) + 1 if len(ran) else 0)
    return Reach(so_far.ran, so_far.values, reach(graph).values - so_far.values)


def _reach(graph: Graph, upto: int | None) -> Reach:
    backward = np.flatnonzero(graph.phase == schema.BACKWARD)
    if upto is not None:
        backward = backward[backward < upto]
    if not len(backward):
        return Reach(False, frozenset())
    wanted = set(zip(graph.twin[backward].tolist(), graph.slot[backward].tolist(), strict=True))
    sources = {src for dst, position, src in graph.edges.tolist() if (dst, position) in wanted}
    # The value that backward starts from: the twin whose own output nobody hands a gradient to.
    twins = {twin for twin, _ in wanted if twin >= 0}
    return Reach(True, frozenset(sources | twins))


def node_values(
    graph: Graph,
    step: Step | None,
    values: ValueStep | None,
    view: GraphView,
    known: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, dict[str, Any]]:
    """What every visible card says: texts, 12-bin histograms, times, bytes, health.

    Shapes: ``vh`` and ``gh`` are 12 bar heights in px, empty when there is no histogram. Units: ns
    and bytes; ``share`` is the fraction of the step's wall time spent in the card, both directions.
    ``known`` is what ``numbers`` gave for these values, where somebody has it: only times are added then.
    """
    found = numbers(graph, step, values, view) if known is None else known
    failing = failed_node(graph, step)
    durations = step.dur_ns.tolist() if step is not None else []
    phases = graph.phase.tolist()
    wall = float(step.wall_ns) if step is not None and step.wall_ns > 0 else 0.0
    out = {}
    for node in view.nodes:
        card = {**found[node.id], **_times(node, durations, phases, wall)}
        if failing is not None and failing in node.members:
            card["failed"] = True
        out[node.id] = card
    return out


def numbers(
    graph: Graph, step: Step | None, values: ValueStep | None, view: GraphView
) -> dict[str, dict[str, Any]]:
    """The part of ``node_values`` that is the same for all whole steps that show the same values."""
    stopped = None
    if step is not None and step.status != "ok" and len(step.dur_ns) < graph.n:
        stopped = len(step.dur_ns)
    reached = reach(graph, stopped)
    if step is not None and step.status == "paused":
        reached = held(graph, step)
    out = {}
    for node in view.nodes:
        value = values.get(node.main, "v") if values is not None else None
        gradient = values.get(node.main, "g") if values is not None else None
        card: dict[str, Any] = {
            "v": value_text(value),
            "g": gradient_text(gradient, node.main, reached, values is not None),
            "vh": bars(value),
            "gh": bars(gradient),
            "bytes": _bytes(node, view),
            "grad_rms": _finite(gradient.rms) if gradient is not None else None,
            "health": _health(node, values),
        }
        if value is not None and value.count:
            card["zeros"] = round(float(value.health[2]) / value.count, 4)
        out[node.id] = card
    return out


def failed_node(graph: Graph, step: Step | None) -> int | None:
    """The op that raised in a failed step: the one marked so, else the last that was recorded."""
    if step is None or step.status != "failed" or not graph.n:
        return None
    marked = [i for i, flags in enumerate(graph.flags.tolist()) if flags & schema.FAILED]
    return marked[-1] if marked else graph.n - 1


def value_text(entry: Entry | None) -> str:
    """``mean ± std``; the number itself for a scalar; nothing when it was not taken.

    A tensor that is nowhere finite says so in a word instead of a mean of nothing.
    """
    if entry is None:
        return ""
    if entry.item is not None:
        return units.number(entry.item)
    return _broken(entry) or units.spread(entry.mean, entry.std)


def gradient_text(entry: Entry | None, main: int, reached: Reach, taken: bool) -> str:
    """The gradient's rms; ``·`` before backward, ``—`` where it does not come by."""
    if entry is not None:
        if entry.item is not None:
            return units.number(entry.item)
        return _broken(entry) or units.number(entry.rms)
    if main in reached.coming or not (reached.ran or reached.coming):
        return NOT_YET
    if main not in reached.values:
        return NOT_REACHED
    return ""  # it has one, but no statistics were taken of it


def bars(entry: Entry | None, count: int = BINS) -> list[int]:
    """The histogram as bar heights in px; empty for a scalar or where nothing is finite."""
    if entry is None or entry.count <= 1:
        return []
    hist = np.asarray(entry.hist, np.float64)
    if not hist.any():
        return []
    binned = hist.reshape(count, -1).sum(axis=1)
    heights = np.ceil(binned / binned.max() * BAR).astype(int)
    return [int(h) for h in heights]


def _broken(entry: Entry) -> str:
    health = entry.health
    if not health[1:4].any() and health.any():
        return "NaN" if health[5] else "+Inf" if health[4] else "\u2212Inf"
    return ""


def _finite(x: float) -> float | None:
    return float(x) if np.isfinite(x) else None


def _times(node: Node, durations: list[int], phases: list[int], wall: float) -> dict[str, Any]:
    """Forward and backward time of a card. Its strip: the parts of a closed scope, widest first."""
    forward = backward = 0
    n = len(durations)
    for member in node.members:
        if 0 <= member < n:
            if phases[member] == schema.BACKWARD:
                backward += durations[member]
            else:
                forward += durations[member]
    share = (forward + backward) / wall if wall else None
    strip: list[float] = []
    if node.kind == SCOPE and share:
        spent = [
            sum(durations[m] for m in card.members if 0 <= m < n) / wall
            for card in node.parts
            if card.kind == OP
        ]
        strip = [round(part, 5) for part in sorted(spent, reverse=True)[:8]]
    return {
        "fwd_ns": forward,
        "bwd_ns": backward,
        "share": None if share is None else round(min(share, 1.0), 6),
        "strip": strip,
    }


def _bytes(node: Node, view: GraphView) -> int:
    """Bytes of what the card makes going forward (a view makes nothing of its own)."""
    source = view.source
    mains = [card.main for card in node.parts] if node.kind == SCOPE else [node.main]
    total = 0
    for value in mains:
        if value >= 0 and source.graph.flags[value] & schema.VIEW:
            continue
        spec = source.spec(value)
        total += spec.nbytes if spec is not None else 0
    return total


def _health(node: Node, values: ValueStep | None) -> str:
    """The worst of the card's values and gradients: ``ok``, ``inf`` or ``nan``."""
    if values is None:
        return "ok"
    worst = "ok"
    mains: Sequence[int] = [card.main for card in node.parts] if node.kind == SCOPE else [node.main]
    for value in mains:
        for kind in ("v", "g"):
            entry = values.get(value, kind)
            if entry is not None and _SEVERITY[entry.health_word] > _SEVERITY[worst]:
                worst = entry.health_word
    return worst
