"""Everything that is known about the graph of a figure, live or recorded, before any style looks at it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from graphscope import units
from graphscope.errors import UsageError
from graphscope.trace import schema
from graphscope.view.encode import NOT_REACHED, NOT_YET, Reach, gradient_text, reach, value_text
from graphscope.view.source import Source
from graphscope.view.styles.options import Options
from graphscope.view.typeset import name_tex, number_tex

if TYPE_CHECKING:
    from graphscope.trace.records import Entry, Graph, Step, ValueStep
    from graphscope.trace.records import Lookup as Reader

_CONSTANT = schema.PORT_KINDS.index("constant")


@dataclass(eq=False)
class Scene:
    """A graph with its numbers.

    ``local`` holds d(output)/d(input) by (op, input position) where it is one number per element,
    ``tangents`` the derivative of each value in the direction ``seed``, ``kinds`` what a module is
    (``Conv2d``) by scope.
    """

    graph: Graph
    reader: Reader
    step: Step | None = None
    values: ValueStep | None = None
    local: Mapping[tuple[int, int], Entry] = field(default_factory=dict)
    tangents: Mapping[int, Entry] = field(default_factory=dict)
    seed: int | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def source(self) -> Source:
        return Source(self.graph, self.reader, self.step.specs if self.step is not None else None)

    @cached_property
    def forward(self) -> list[int]:
        """The forward ops in order."""
        made = self.graph.phase == schema.FORWARD
        made &= (self.graph.flags & schema.EXTRA) == 0
        return [int(i) for i in np.flatnonzero(made)]

    @cached_property
    def inputs(self) -> dict[int, list[int]]:
        """The inputs of each op by position, numbers given in the program included."""
        found: dict[int, list[int]] = {i: [] for i in range(self.graph.n)}
        order = np.lexsort((self.graph.edges[:, 1], self.graph.edges[:, 0]))
        for dst, _, src in self.graph.edges[order].tolist():
            found[dst].append(src)
        return found

    @cached_property
    def leaves(self) -> list[int]:
        """The tensors from outside that a forward op uses, in order of use; mere numbers are none."""
        used = dict.fromkeys(s for i in self.forward for s in self.inputs[i] if s < 0)
        return [s for s in used if not self.is_number(s)]

    @cached_property
    def users(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for i in self.forward:
            for s in self.inputs[i]:
                found.setdefault(s, []).append(i)
        return found

    @cached_property
    def outputs(self) -> list[int]:
        """The values that nobody uses."""
        return [i for i in self.forward if i not in self.users]

    @cached_property
    def reached(self) -> Reach:
        return reach(self.graph)

    def is_number(self, value: int) -> bool:
        """Whether a value is a mere number in the program, such as the 2 of ``2 * x``."""
        if value >= 0 or int(self.graph.ports[-1 - value, 1]) != _CONSTANT:
            return False
        return not self.source.shape(value) and self.graph.name(value) is None

    def wants(self, value: int) -> bool:
        """Whether a gradient flows to this value (before backward: whether it would)."""
        if self.reached.ran:
            return value in self.reached.values
        if value >= 0:
            return True
        return self.graph.port_kind(-1 - value) == "parameter"

    def known(self, value: int, kind: str) -> Entry | None:
        return self.values.get(value, kind) if self.values is not None else None

    @property
    def has_gradients(self) -> bool:
        return self.reached.ran

    def value_text(self, value: int, opts: Options) -> str:
        """The value as text; blank while a frame does not know it."""
        if opts.values is not None and value not in opts.values:
            return ""
        if self.is_number(value):
            return self.constant(value)
        return value_text(self.known(value, "v"))

    def grad_text(self, value: int, opts: Options) -> str:
        """The gradient; ``·`` before backward, ``—`` where it does not come by."""
        if opts.grads is not None and value not in opts.grads:
            return ""
        entry = self.known(value, "g")
        if entry is None and not self.wants(value):
            return NOT_REACHED if self.reached.ran else ""
        return gradient_text(entry, value, self.reached, self.values is not None)

    def pending(self, text: str) -> bool:
        return text == NOT_YET

    def local_text(self, op: int, slot: int) -> str:
        """The local derivative of an op by one input."""
        entry = self.local.get((op, slot))
        return value_text(entry) if entry is not None else ""

    def constant(self, value: int) -> str:
        """A mere number as the program has it, with a true minus."""
        text = self.graph.port_const(-1 - value) or "?"
        try:
            number = float(text)
        except ValueError:
            return text
        whole = number == int(number) if np.isfinite(number) else False
        shown = f"{int(number)}" if whole and abs(number) < 1e6 else units.number(number)
        return shown.replace("-", units.MINUS)

    def shape_text(self, value: int) -> str:
        shape = self.source.shape(value)
        return units.shape(shape) if shape is not None else ""

    def scalar(self, value: int) -> bool:
        """Whether a value is one single number."""
        shape = self.source.shape(value)
        return shape is not None and all(extent == 1 for extent in shape)

    @cached_property
    def all_scalar(self) -> bool:
        return all(self.scalar(v) for v in [*self.forward, *self.leaves])

    # ---------------------------------------------------------------- names

    @cached_property
    def numbered(self) -> dict[int, int]:
        """Values without a name of the user's are v1, v2, ... in order."""
        free = [i for i in self.forward if self.graph.name(i) is None]
        taken = {self.graph.name(v) for v in [*self.forward, *self.leaves]}
        found, k = {}, 0
        for i in free:
            k += 1
            while f"v{k}" in taken:
                k += 1
            found[i] = k
        return found

    @cached_property
    def _leaf_names(self) -> dict[int, str]:
        """``weight`` where one leaf is called so, ``fc1.weight`` where several are."""
        full: dict[int, str] = {}
        for at, value in enumerate(self.leaves, 1):
            name = self.graph.name(value)
            letter = "p" if self.graph.port_kind(-1 - value) == "parameter" else "u"
            full[value] = self.graph.port_path(-1 - value) if name else f"{letter}{at}"
        found = {}
        for value, name in full.items():
            parts = name.split(".")
            tails = [".".join(parts[-k:]) for k in range(1, len(parts) + 1)]
            others = [other for v, other in full.items() if v != value]
            unique = (
                t for t in tails if t and not any(o == t or o.endswith(f".{t}") for o in others)
            )
            found[value] = next(unique, name)
        return found

    def name(self, value: int) -> str:
        """The user's name of a value, else v1, v2 ..., a number, or what it is."""
        if self.is_number(value):
            return self.constant(value)
        if value in self.numbered:
            return f"v{self.numbered[value]}"
        if value in self._leaf_names:
            return self._leaf_names[value]
        return self.graph.name(value) or f"u{-value}"

    def tex(self, value: int) -> str:
        """The name as TeX."""
        if self.is_number(value):
            return number_tex(self.constant(value))
        return name_tex(self.name(value))

    # ---------------------------------------------------------------- asked for by name

    def resolve(self, wanted: str) -> set[int]:
        """The values that a name stands for: a variable, an op or a scope; ``#3`` is value 3.

        Raises: UsageError, with the nearest names there are.
        """
        if wanted.startswith("#") and wanted[1:].lstrip("-").isdigit():
            return {int(wanted[1:])}
        every = [*self.forward, *self.leaves]
        found = {v for v in every if wanted in (self.graph.name(v), self.name(v))}
        found = found or {i for i in self.forward if self.graph.op_name(i) == wanted}
        if not found:
            found = {i for i in every if _inside(self.graph.scope_path(i), wanted)}
        if not found:
            names = {self.name(v) for v in every} | {self.graph.op_name(i) for i in self.forward}
            names |= {self.graph.scope_path(i) for i in self.forward} - {""}
            near = difflib.get_close_matches(wanted, sorted(names), 3, 0.5) or sorted(names)[:6]
            raise UsageError(
                f"nothing in this graph is called {wanted!r}: no variable, no op, no scope. "
                f"Did you mean {', '.join(near)}?"
            )
        return found

    def marked(self, opts: Options) -> set[int]:
        """The values to be framed: highlighted ones and fresh ones of a frame."""
        found = set(opts.fresh)
        for name in opts.highlight:
            found |= self.resolve(name)
        return found


def _inside(path: str, scope: str) -> bool:
    return path == scope or path.startswith(f"{scope}.")
