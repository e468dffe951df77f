"""Ports whose memory the step itself made: an optimizer's state comes about in its first update, by no op."""

from __future__ import annotations

import json
from math import prod
from typing import Any
from weakref import ref


class Births:
    """Of the running step."""

    __slots__ = ("fresh", "ports")

    def __init__(self) -> None:
        self.fresh: dict[int, Any] = {}  # by id
        self.ports: dict[int, int] = {}

    def begin(self) -> None:
        """A step begins."""
        if self.fresh:
            self.fresh = {}
            self.ports = {}

    def made(self, x: Any) -> None:
        """An optimizer made this tensor."""
        self.fresh[id(x)] = ref(x)

    def enters(self, x: Any, port: int, node: int) -> None:
        """A tensor comes in by a port; ``node`` is the first that uses it."""
        there = self.fresh.get(id(x))
        if there is not None and there() is x:
            self.ports[port] = node

    def told(self, num: int, kind: str) -> str:
        """What the trace says of it."""
        return json.dumps({"num": num, "kind": kind, "ports": sorted(self.ports.items())})

    def before(self, shapes: list[Any], ports: list[Any]) -> int:
        """Bytes of all other ports: those were there when the step began."""
        return sum(
            prod(shape) * port[3].itemsize
            for k, (shape, port) in enumerate(zip(shapes, ports, strict=True))
            if k not in self.ports
        )
