"""The lines of a picture: who is wired to whom, along which spline, how wide, and what backward does there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, overload

from graphscope.view.joining import Lines
from graphscope.view.level import Point
from graphscope.view.structure import OP
from graphscope.view.visible import Link, Node

if TYPE_CHECKING:
    from graphscope.trace.records import Graph


@dataclass(frozen=True)
class Edge:
    """A line: ``points`` is a cubic spline (first point, then triples); ``weight`` in px."""

    src: str
    dst: str
    points: tuple[Point, ...]
    weight: float
    shape: str
    tex: str = ""
    """What backward does along it: the local derivative, from target to source."""


class Edges(Sequence[Edge]):
    """The edges of a laid-out graph, made when somebody looks at one: a page takes thousands as columns."""

    def __init__(
        self, graph: Graph, nodes: dict[str, Node], links: list[Link], lines: Lines
    ) -> None:
        self.graph, self.nodes, self.links, self.lines = graph, nodes, links, lines

    def __len__(self) -> int:
        return len(self.links)

    @overload
    def __getitem__(self, k: int) -> Edge: ...
    @overload
    def __getitem__(self, k: slice) -> Sequence[Edge]: ...
    def __getitem__(self, k: int | slice) -> Edge | Sequence[Edge]:
        return self._made[k]

    def __iter__(self) -> Iterator[Edge]:
        return iter(self._made)

    @cached_property
    def _made(self) -> list[Edge]:
        told = zip(
            self.links, self.lines, self.weights(), self.shapes(), self.derivatives(), strict=True
        )
        return [
            Edge(link.src, link.dst, route, weight, shape, tex)
            for link, route, weight, shape, tex in told
        ]

    def weights(self) -> list[float]:
        known: dict[int, float] = {}
        out = []
        for link in self.links:
            weight = known.get(link.elements)
            if weight is None:
                weight = known[link.elements] = edge_weight(link.elements)
            out.append(weight)
        return out

    def shapes(self) -> list[str]:
        """The shape of what runs along each line, where the card that it leaves does not say it."""
        nodes = self.nodes
        return [link.shape if link.shape != nodes[link.src].shape else "" for link in self.links]

    def derivatives(self) -> list[str]:
        """TeX of the gradient that an op sends back along each line, where its dictionary entry tells it."""
        graph, nodes = self.graph, self.nodes
        ops = graph.op.tolist()
        known: dict[tuple[int, int], str] = {}  # by op and which of its inputs
        out = []
        for link in self.links:
            node = nodes[link.dst]
            main = node.main
            if node.kind != OP or not 0 <= main < graph.n:
                out.append("")
                continue
            text = ""
            for slot, value in enumerate(graph.inputs(main)):
                if value == link.value and not text:
                    key = ops[main], slot
                    if key not in known:
                        known[key] = _derivative(graph, main, slot)
                    text = known[key]
            out.append(text)
        return out


def _derivative(graph: Graph, main: int, slot: int) -> str:
    info = graph.op_info(main)
    name = info.inputs[slot] if 0 <= slot < len(info.inputs) else ""
    found = info.vjp_tex.get(name, "") if info.vjp_tex else ""
    return found.partition("=")[2].strip() or found


def edge_weight(elements: int) -> float:
    """Line width in px: grows with the logarithm of the tensor's size, 1.5 to 5."""
    width = 1.5 + 0.5 * math.log10(max(elements, 1) / 100)
    return round(min(max(width, 1.5), 5.0), 2)
