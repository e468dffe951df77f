"""Keeps a copy of every value and gradient that a function computes, to compare two ways to run it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphscope.engine import dispatch
from graphscope.engine.frames import user_line
from graphscope.record.statistics import to_host

ELSEWHERE = frozenset({"to_device"})  # moves between devices: what they carry is compared anyway


@dataclass
class Kept:
    """One value ("v") or gradient ("g") on the host, and what made it."""

    key: str
    label: str
    what: str
    line: str
    array: Any
    module: str = ""


class Keeper:
    """An observer of the engine that copies what it is told about. With ``keeper:`` it listens.

    fn: what is called; if it is a module, values and parameters have the names that they have in it.
    """

    values = True

    def __init__(self, fn: Any = None) -> None:
        named = hasattr(fn, "named_modules")
        self._paths = {id(m): path for path, m in fn.named_modules()} if named else {}
        self._leaves = {id(p): path for path, p in fn.named_parameters()} if named else {}
        self._inside = [""]
        self.kept: list[Kept] = []
        self._count: dict[str, int] = {}
        self._nodes: dict[int, tuple[Any, str, str, str, str]] = {}
        self._before: Any = None
        self.problem: Exception | None = None

    def __enter__(self) -> Keeper:
        self._before = dispatch.set_recorder(self)
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        dispatch.set_recorder(self._before)
        if self.problem is not None and error is None:
            raise self.problem

    def _keep(self, name: str, what: str, line: str, label: str, array: Any) -> str:
        k = self._count[name] = self._count.get(name, -1) + 1
        key = f"{name}|{k}"
        module = self._inside[-1] if what == "v" else ""
        self.kept.append(Kept(key, label, what, line, np.array(to_host(array)), module))
        return key

    def enter(self, module: Any) -> None:
        """A module's forward starts."""
        self._inside.append(self._paths.get(id(module), self._inside[-1]))

    def leave(self, named: bool = False) -> None:
        """It ended."""
        if not named:
            self._inside.pop()

    def op(
        self,
        row: Any,
        params: Any,
        a: Any,
        b: Any,
        rest: Any,
        out: Any,
        t0: int,
        t1: int,
        node: Any,
    ) -> None:
        """An op ran."""
        if row.name in ELSEWHERE:
            return
        line = user_line(2)
        outs = out if type(out) is tuple else (out,)
        keys = [self._keep(row.name, "v", line, row.name, x._a) for x in outs]
        if node is not None:  # held, so that its id stays its own
            self._nodes[id(node)] = (node, keys[0], row.name, line, self._inside[-1])

    def adjoint(self, node: Any, g: Any) -> None:
        """The whole gradient of a node's output."""
        found = self._nodes.get(id(node))
        if found is None:
            return
        _, key, name, line, module = found
        parts = g if isinstance(g, list) else [g]
        for k, part in enumerate(parts):
            if part is not None:
                array = part._a if hasattr(part, "_a") else part
                copy = np.array(to_host(array))
                self.kept.append(Kept(f"{key}|g{k}", name, "g", line, copy, module))

    def leaf(self, tensor: Any, g: Any) -> None:
        """A leaf's gradient was accumulated."""
        name = self._leaves.get(id(tensor)) or tensor._name or "a leaf"
        self._keep(f"leaf {name}", "g", "", name, g)

    def stopped(self, error: Exception) -> None:
        """A bug in here must not be silent: what was kept is not all."""
        self.problem = error

    def nothing(self, *told: Any) -> None:
        """What is not needed here."""

    grad = backward_begin = backward_end = failed = enter_name = data = nothing
    state_made = rates_changed = nothing
