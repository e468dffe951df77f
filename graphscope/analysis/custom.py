"""Overlays that a program made itself: numbers for nodes, logged with ``p.overlay(name, {node: number})``.

They are texts of the trace under ``overlay/<name>``, so that no format had to change: JSON with ``unit`` and
``nodes``. A node is named by its stable key (``net.fc1|matmul|0``), by the name of the value or parameter
(``h``, ``net.fc1.weight``), by its card (``n12``), or by its module, whose number then stands on all in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphscope.errors import UsageError
from graphscope.trace import schema

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader
    from graphscope.trace.records import Graph

PREFIX = "overlay/"


@dataclass(frozen=True)
class Custom:
    """The numbers of one overlay as they were at a step."""

    name: str
    unit: str
    step: int
    numbers: dict[str, float]


def text(numbers: Any, unit: str = "") -> str:
    """What the trace keeps of an overlay. Raises: UsageError when it is no dictionary of numbers."""
    try:
        nodes = {str(key): float(number) for key, number in dict(numbers).items()}
    except (TypeError, ValueError) as error:
        raise UsageError(
            "An overlay is a dictionary from nodes to numbers, as in p.overlay('saliency', "
            f"{{'net.fc1.weight': 0.3}}); {error}."
        ) from None
    # JSON has no NaN; a word stands for it.
    plain = {key: n if n == n and abs(n) != float("inf") else repr(n) for key, n in nodes.items()}
    return json.dumps({"unit": str(unit), "nodes": plain}, allow_nan=False)


def names(reader: TraceReader) -> list[str]:
    """The overlays of a run, in the order in which they were first logged."""
    return list(
        dict.fromkeys(tag[len(PREFIX) :] for tag, *_ in reader.texts() if tag.startswith(PREFIX))
    )


def at(reader: TraceReader, name: str, step: int) -> Custom | None:
    """An overlay as it was at a step: the newest up to then, else the first; None if there is none."""
    rows = sorted(reader.texts(PREFIX + name), key=lambda row: row[1])
    if not rows:
        return None
    row = next((row for row in reversed(rows) if row[1] <= step), rows[0])
    try:
        told = json.loads(row[2])
        numbers = {str(key): float(number) for key, number in told["nodes"].items()}
        return Custom(name, str(told.get("unit", "")), row[1], numbers)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # somebody logged another text under this tag


def by_value(graph: Graph, numbers: dict[str, float]) -> dict[int, float]:
    """The numbers by value of a graph (negative: a port)."""
    found: dict[int, float] = {}
    for k in range(graph.n_ports):
        for key in (f"p{k}", graph.port_path(k), graph.port_name(k)):
            if key in numbers:
                found[-1 - k] = numbers[key]
                break
    for i in range(graph.n):
        if graph.phase[i] > schema.FORWARD:
            continue  # a gradient is seen on the card of its op, an update on its parameter
        called = [graph.key(i), f"n{i}", graph.name(i) or ""]
        path = graph.scope_path(i)
        while path:
            called.append(path)
            path = path.rpartition(".")[0]
        named = next((name for name in called if name and name in numbers), None)
        if named is not None:
            found[i] = numbers[named]
    return found
