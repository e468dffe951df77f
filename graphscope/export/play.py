"""The order in which a figure is played: one moment per drawn forward op, one per backward op.

A value is known from the moment its op ran; a gradient from the moment its last contribution arrived
(before that a part of the sum would stand there as if it were the gradient). Ops inside a shut scope
play as one: the scope's card says something new only when its last op ran.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from graphscope import units
from graphscope.errors import UsageError
from graphscope.trace import schema
from graphscope.view.visible import SCOPE

if TYPE_CHECKING:
    from graphscope.export.figure import Figure
    from graphscope.trace.records import Graph
    from graphscope.view.drawing import Drawing
    from graphscope.view.styles.scene import Scene
    from graphscope.view.visible import Node

START, FORWARD, BACKWARD = "start", "forward", "backward"
NUMBERED = ("math", "forward", "reverse")  # styles that call values without a name v1, v2, ...


@dataclass(frozen=True)
class Moment:
    """What is known once an op has run, and what of it is new.

    ``values`` and ``grads`` are value numbers (a forward node, or ``-1 - k`` for port ``k``); ``card`` is
    the id of the card where something is new.
    """

    phase: str
    says: str
    card: str
    values: frozenset[int]
    grads: frozenset[int]
    fresh: tuple[int, ...]
    nodes: tuple[int, ...] = ()

    def drawn(self, figure: Figure, asked: bool = True) -> Drawing:
        """The figure at this moment; without ``asked`` gradients stay hidden."""
        grads = self.grads if asked else frozenset[int]()
        return figure.frame(values=self.values, grads=grads, fresh=self.fresh)


def scene_of(figure: Figure, what: str) -> Scene:
    """What a figure can play.

    Raises: UsageError for a figure that is a drawing and no graph.
    """
    if figure.scene is None or figure.view is None:
        raise UsageError(
            f"{what}: this figure is a drawing and no graph, so it has no steps to play. "
            "Save it as .svg, .pdf or .png."
        )
    return figure.scene


def moments(figure: Figure, what: str = "cannot play this figure") -> list[Moment]:
    """Every moment of a figure, in the order in which its ops really ran.

    Raises: UsageError for a figure that is no graph, or has no op.
    """
    played = _Play(figure, scene_of(figure, what).graph)
    played.forward()
    played.backward()
    if not played.found:
        raise UsageError(f"{what}: no op of its graph is drawn.")
    return played.found


def naming(figure: Figure, room: int = 40) -> Callable[[int], str]:
    """What the figure itself calls a value: some styles number those that have no name of the user's."""
    scene = scene_of(figure, "cannot play this figure")
    graph, numbered = scene.graph, figure.options.style in NUMBERED

    def name(value: int) -> str:
        # of several leaves called "weight" the scene knows which one this is
        own = numbered or value < 0 and graph.port_name(-1 - value)
        return units.clip(scene.name(value) if own else graph.label(value), room)

    return name


def start(figure: Figure) -> Moment:
    """Before the first op: inputs and parameters are there, nothing else."""
    ports = frozenset(-1 - k for k in range(scene_of(figure, "cannot play").graph.n_ports))
    return Moment(START, "inputs and parameters", "", ports, frozenset(), ())


def grouped(all_moments: Sequence[Moment], most: int) -> list[Moment]:
    """At most ``most`` moments: neighbours of a phase are shown together where there are more."""
    if len(all_moments) <= most:
        return list(all_moments)
    size = -(-len(all_moments) // max(most - 1, 1))
    out: list[Moment] = []
    for phase in (FORWARD, BACKWARD):
        run = [m for m in all_moments if m.phase == phase]
        for at in range(0, len(run), size):
            part = run[at : at + size]
            fresh = tuple(dict.fromkeys(v for m in part for v in m.fresh))
            nodes = tuple(n for m in part for n in m.nodes)
            says = part[0].says if len(part) == 1 else f"{part[0].says}  \u2026  {part[-1].says}"
            last = part[-1]
            out.append(Moment(phase, says, last.card, last.values, last.grads, fresh, nodes))
    return out


class _Play:
    def __init__(self, figure: Figure, graph: Graph) -> None:
        self.graph = graph
        self._name = naming(figure)
        assert figure.view is not None
        self.cards = figure.view.nodes
        self.owner = {value: card for card in self.cards for value in card.members}
        self.owner |= {card.main: card for card in self.cards}
        self.phases = graph.phase.tolist()
        self.flags = graph.flags.tolist()
        self.values = {-1 - k for k in range(graph.n_ports)}
        self.grads: set[int] = set()
        self.found: list[Moment] = []
        self.sources = {
            (dst, position): src for dst, position, src in graph.edges.tolist()
        }  # what each argument of each op is

    def _add(
        self, phase: str, says: str, card: Node, fresh: Iterable[int], nodes: Iterable[int]
    ) -> None:
        known = frozenset(self.values), frozenset(self.grads)
        self.found.append(Moment(phase, says, card.id, *known, tuple(fresh), tuple(nodes)))

    # ---------------------------------------------------------------- forward

    def forward(self) -> None:
        graph = self.graph
        run = [
            i
            for i in range(graph.n)
            if self.phases[i] == schema.FORWARD and not self.flags[i] & schema.EXTRA
        ]
        last_of = {self.owner[i].id: i for i in run if i in self.owner}
        waiting: dict[str, list[int]] = {}
        for i in run:
            self.values.add(i)
            # the other outputs of an op that has several
            self.values |= {j for j in graph.users(i) if self.flags[j] & schema.EXTRA}
            card = self.owner.get(i)
            if card is None:
                continue
            waiting.setdefault(card.id, []).append(i)
            if card.kind == SCOPE and last_of[card.id] != i:
                continue
            self._add(FORWARD, self._said(card, i), card, (card.main,), waiting.pop(card.id))

    def _said(self, card: Node, i: int) -> str:
        if card.kind == SCOPE:
            return units.clip(
                f"{card.label} \u00d7{card.fold}" if card.fold > 1 else card.label, 60
            )
        name, op = self._name(i), self.graph.op_name(i)
        given = ", ".join(self._name(v) for v in self.graph.inputs(i)[:4])
        more = ", \u2026" if len(self.graph.inputs(i)) > 4 else ""
        call = f"{op}({given}{more})"
        return call if name == op else f"{name} = {call}"

    # ---------------------------------------------------------------- backward

    def backward(self) -> None:
        graph = self.graph
        twins, slots = graph.twin.tolist(), graph.slot.tolist()
        run = []
        for b in np.flatnonzero(graph.phase == schema.BACKWARD).tolist():
            target = self.sources.get((twins[b], slots[b]))
            if twins[b] >= 0 and target is not None:
                run.append((b, twins[b], target))
        if not run:
            return
        total = Counter(target for _, _, target in run)
        # where backward starts: the results that nobody hands a gradient to
        roots = {twin for _, twin, _ in run} - set(total)
        self.grads |= roots
        root = self._name(next(iter(sorted(roots)))) if len(roots) == 1 else "result"
        seen: Counter[int] = Counter()
        last_of = {self.owner[twin].id: b for b, twin, _ in run if twin in self.owner}
        waiting: dict[str, list[tuple[int, int]]] = {}
        for b, twin, target in run:
            seen[target] += 1
            if seen[target] == total[target]:
                self.grads.add(target)
            card = self.owner.get(twin)
            if card is None:
                continue
            waiting.setdefault(card.id, []).append((b, target))
            if card.kind == SCOPE and last_of[card.id] != b:
                continue
            ran = waiting.pop(card.id)
            if card.kind == SCOPE:
                says = f"backward through {self._said(card, twin)}"
            else:
                says = f"\u2202{root}/\u2202{self._name(target)} through {graph.op_name(twin)}"
                if total[target] > 1:
                    says += f" ({seen[target]} of {total[target]} parts)"
            reached = [to for to in (self.owner.get(t) for _, t in ran) if to is not None] or [card]
            fresh = tuple(dict.fromkeys(to.main for to in reached))
            self._add(BACKWARD, says, reached[-1], fresh, [n for n, _ in ran])


def in_theme(figure: Figure, name: str) -> Figure:
    """The same figure in a theme; a figure for paper counts as light."""
    if figure.theme == name or (name == "light" and figure.theme != "dark"):
        return figure
    from graphscope.export.figure import figure_of_scene

    assert figure.scene is not None
    return figure_of_scene(figure.scene, replace(figure.options, theme=name))
