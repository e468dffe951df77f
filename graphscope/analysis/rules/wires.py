"""What follows from the structure of one graph: its parameters, the roots of its backward, what reaches what."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from graphscope.trace import schema
from graphscope.trace.records import Graph, Ints, Site, Spec

if TYPE_CHECKING:
    from graphscope.trace.reader import TraceReader


@dataclass(frozen=True)
class Parameter:
    """A tensor that requires a gradient and comes from before the step.

    value: its number (a negative port). users: the forward nodes that read it. grads: the backward nodes
    that make its gradient, one per use. updates: the nodes that write it in place.
    """

    value: int
    name: str
    users: tuple[int, ...]
    grads: tuple[int, ...]
    updates: tuple[int, ...]


class Wires:
    """One graph, and what its structure says. Values are numbered as in ``Graph``: ports are negative."""

    def __init__(self, reader: TraceReader, graph: Graph, specs: Ints | None) -> None:
        self.reader = reader
        self.graph = graph
        self.specs = specs
        self.phases: list[int] = graph.phase.tolist()
        self.flags: list[int] = graph.flags.tolist()
        self.ops: list[str] = _names(graph)
        self._params: dict[int, dict[str, Any]] = {}

    def __len__(self) -> int:
        return self.graph.n

    # ---------------------------------------------------------------- one value

    def spec(self, v: int) -> Spec | None:
        """Shape, dtype and size of a value (in the most common shapes); None where none is known."""
        if self.specs is None:
            return None
        place = v if v >= 0 else self.graph.n - 1 - v
        id = int(self.specs[place]) if place < len(self.specs) else -1
        return self.reader.spec(id) if id >= 0 else None

    def shape(self, v: int) -> tuple[int, ...] | None:
        spec = self.spec(v)
        return None if spec is None else spec.shape

    def dtype(self, v: int) -> str:
        spec = self.spec(v)
        return "" if spec is None else spec.dtype

    def params(self, i: int) -> dict[str, Any]:
        """An op's parameters; tuples are texts such as ``"(1, 1)"``."""
        if i not in self._params:
            text = self.graph.params_text(i)
            found = json.loads(text) if text else {}
            self._params[i] = found if isinstance(found, dict) else {}
        return self._params[i]

    def inputs(self, i: int) -> list[int]:
        return self.graph.inputs(i)

    def users(self, v: int, phase: int | None = None) -> list[int]:
        """The nodes that read a value; of one phase if asked."""
        found = self.graph.users(v)
        return found if phase is None else [u for u in found if self.phases[u] == phase]

    def is_forward(self, i: int) -> bool:
        return i >= 0 and self.phases[i] == schema.FORWARD

    def writes(self, i: int) -> bool:
        """Whether a node writes its first input in place: the value that it makes is the same tensor."""
        return i >= 0 and bool(self.flags[i] & schema.INPLACE) and bool(self.inputs(i))

    def origin(self, v: int) -> int:
        """The tensor that a value was before ops wrote it in place: a parameter's port, mostly."""
        while self.writes(v):
            v = self.inputs(v)[0]
        return v

    def versions(self, v: int) -> list[int]:
        """A value, and the values that it became by being written in place."""
        found = [v]
        for one in found:
            found += [u for u in self.users(one) if self.writes(u) and self.inputs(u)[0] == one]
        return found

    def site(self, *values: int) -> Site | None:
        """The line of the first of these nodes that has one; a gradient's is that of its forward op."""
        for v in values:
            if v < 0:
                continue
            twin = int(self.graph.twin[v])
            found = self.graph.site_of(v) or (self.graph.site_of(twin) if twin >= 0 else None)
            if found is not None:
                return found
        return None

    def what(self, v: int) -> str:
        """A value in words: the user's name for it, or its op, with its module."""
        graph = self.graph
        if v < 0:
            return graph.port_path(-1 - v)
        name, path = graph.name(v), graph.scope_path(v)
        return name or (f"{self.ops[v]} in {path}" if path else self.ops[v])

    # ---------------------------------------------------------------- the whole

    @cached_property
    def parameters(self) -> list[Parameter]:
        """Every tensor from before the step that requires a gradient."""
        found = []
        for k in range(self.graph.n_ports):
            if self.graph.port_kind(k) != "parameter":
                continue
            value = -1 - k
            versions = self.versions(value)
            reads = sorted({u for v in versions for u in self.users(v)})
            updates = [u for u in reads if self.writes(u) and self.inputs(u)[0] in versions]
            users = [u for u in reads if self.is_forward(u) and u not in updates]
            grads = [
                node
                for u in users
                for node, slot in self.graph.backward_of(u)
                if slot < len(self.inputs(u)) and self.inputs(u)[slot] in versions
            ]
            found.append(
                Parameter(
                    value, self.graph.port_path(k), tuple(users), tuple(grads), tuple(updates)
                )
            )
        return found

    @cached_property
    def differentiated(self) -> set[int]:
        """The forward nodes that a backward went through."""
        return {
            int(t) for t in self.graph.twin.tolist() if t >= 0 and self.phases[t] == schema.FORWARD
        }

    @cached_property
    def slots(self) -> set[tuple[int, int]]:
        """(forward node, position of an input) for which a gradient was computed."""
        twins, slots = self.graph.twin.tolist(), self.graph.slot.tolist()
        return {(t, s) for t, s in zip(twins, slots, strict=True) if t >= 0}

    @cached_property
    def roots(self) -> list[int]:
        """The forward nodes where a backward began: the losses, in program order."""
        found = []
        for i in sorted(self.differentiated):
            if not any(
                (u, s) in self.slots
                for u in self.users(i)
                if self.is_forward(u)
                for s, v in enumerate(self.inputs(u))
                if v == i
            ):
                found.append(i)
        return found

    @cached_property
    def loss(self) -> int | None:
        """The node of the step's loss: the root of its last backward; None without a backward."""
        return self.roots[-1] if self.roots else None

    @cached_property
    def to_loss(self) -> set[int]:
        """All values (ports too) that a loss is computed from, whether or not gradients flow there."""
        return self.before(*self.roots)

    def before(self, *values: int) -> set[int]:
        """These values and all that they are computed from, within the step."""
        found: set[int] = set()
        todo = list(values)
        while todo:
            v = todo.pop()
            if v in found:
                continue
            found.add(v)
            if v >= 0:
                todo += self.inputs(v)
        return found

    def after(self, *values: int) -> set[int]:
        """All forward nodes that are computed from these values."""
        found: set[int] = set()
        todo = [u for v in values for u in self.users(v)]
        while todo:
            i = todo.pop()
            if i in found or self.phases[i] != schema.FORWARD:
                continue
            found.add(i)
            todo += self.users(i)
        return found


def _names(graph: Graph) -> list[str]:
    known: dict[int, str] = {}
    out = []
    for i, op in enumerate(graph.op.tolist()):
        if op not in known:
            known[op] = graph.op_name(i)
        out.append(known[op])
    return out
