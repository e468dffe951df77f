"""What no op tells and a rule of the doctor wants to know, noted in steps that are looked at.

Of a graph, once: the optimizers and their groups, which modules train and which are in evaluation, and the
parameters that the step did not use. Of a step: gradients that were there before its backward, and values
that Python read. Of a run: its learning rates (``record.rates``).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from graphscope.engine import living
from graphscope.engine.follow import SPAN
from graphscope.engine.frames import user_frame
from graphscope.record.names import PARAMETER
from graphscope.record.rates import Rates
from graphscope.record.tables import PORT

MOST_GRAPHS = 64  # of a program whose graph changes in every step
MOST_NAMES = 2000
OFTEN = 4  # steps of a graph in which gradients from before are noted


class Facts:
    """Notes of the running step, and what was told of each graph."""

    __slots__ = ("note", "reads", "carried", "times", "told", "described", "modes", "rates")

    def __init__(self, note: Callable[[tuple[Any, ...]], None]) -> None:
        self.note = note
        self.reads: dict[int, tuple[str, int]] = {}
        self.carried: dict[int, int] = {}
        self.times: dict[int, int] = {}
        self.told: dict[int, set[int]] = {}
        self.described = 0
        self.modes: Any = None
        self.rates = Rates(note)

    def read(self, i: int) -> None:
        """Python reads the numbers of value ``i`` of the running step."""
        if i not in self.reads and 0 <= i < PORT:
            frame = user_frame(4)
            where = ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)
            self.reads[i] = where

    def backward(
        self, base: int, is_op: Callable[[int], bool], port_items: list[Any], names: Any
    ) -> None:
        """A backward begins: in which modes were the modules, which parameters have a gradient already, and
        what wrote it last?

        is_op: whether a node of the step is no gradient. Of a parameter is noted -1: something before this step; else a
        node of it (which may have filled it with zeros).
        """
        self.rates.look(base)
        if self.modes is None and self.described < MOST_GRAPHS:
            self.modes = modes(names)
        for k, (there, _, port) in enumerate(port_items):
            if port[1] != PARAMETER:
                continue
            x = there()
            grad = None if x is None else x._grad
            if grad is None or not grad._rid:
                continue  # what was never seen being made may be anything
            i = grad._rid - base
            if i >> SPAN or i >= PORT:
                self.carried[k] = -1
            elif is_op(i):
                self.carried[k] = (
                    i  # made by a backward it would be a sum within the step, as is meant
                )

    def close(self, graph: Any, num: int, names: Any, port_items: list[Any]) -> None:
        """A step that was looked at, or whose graph is new, ends."""
        self.rates.close()
        if graph.seen == 1 and self.described < MOST_GRAPHS:
            self.described += 1
            # A step ends when the next one begins, and then the modes may be those of the next.
            now = modes(names) if self.modes is None else self.modes
            self._tell(graph, "program", program(names, port_items) | now)
        self.modes = None
        if self.carried:
            times = self.times[graph.id] = self.times.get(graph.id, 0) + 1
            if times <= OFTEN:
                pairs = sorted(self.carried.items())
                self._tell(graph, "carried", {"num": num, "ports": pairs})
            self.carried = {}
        if self.reads:
            told = self.told.setdefault(graph.id, set())
            new = {i: at for i, at in self.reads.items() if i not in told}
            if new:
                told.update(new)
                rows = [[i, *at] for i, at in sorted(new.items())]
                self._tell(graph, "reads", {"num": num, "values": rows})
            self.reads = {}

    def _tell(self, graph: Any, name: str, data: Any) -> None:
        self.note(("fact", graph.id, name, json.dumps(data)))


def program(names: Any, port_items: list[Any]) -> dict[str, Any]:
    """The parameters and optimizers that are there, as far as they can be known, against a step's ports."""
    ports: dict[int, int] = {}
    for k, item in enumerate(port_items):
        x = item[0]()
        if x is not None and item[2][1] == PARAMETER:
            ports.setdefault(id(x), k)
    paths: dict[int, str] = {}
    unused: list[str] = []
    for path, there in list(names.roots.items()):
        root = there()
        if root is None:
            continue
        for name, p in root.named_parameters():
            full = f"{path}.{name}"
            paths.setdefault(id(p), full)
            if p._rg and id(p) not in ports and len(unused) < MOST_NAMES and full not in unused:
                unused.append(full)
    groups: list[Any] = []
    rates: list[Any] = []
    seen: dict[int, list[str]] = {}
    sites = sorted(living.optimizers, key=id)
    for number, optimizer in enumerate(sites):
        for g, group in enumerate(optimizer.param_groups):
            of_group = [p for p in group["params"] if hasattr(p, "_rid")]
            rate = group.get("lr")
            if isinstance(
                rate, (int, float)
            ):  # not a tensor, whose numbers would have to be fetched
                rates.append([type(optimizer).__name__, number, g, float(rate)])
            groups.append(
                [
                    type(optimizer).__name__,
                    number,
                    g,
                    [ports[id(p)] for p in of_group if id(p) in ports],
                ]
            )
            for p in of_group:
                where = f"{type(optimizer).__name__} {number + 1}, group {g}"
                seen.setdefault(id(p), []).append(where)
    twice = [
        [ports.get(key, -1), paths.get(key, ""), where]
        for key, where in seen.items()
        if len(where) > 1 and (key in ports or key in paths)
    ]
    # Of what the step does not use, the names of those that an optimizer has all the same.
    idle = [name for key, name in paths.items() if key in seen and key not in ports]
    return {
        "unused": unused, "groups": groups, "rates": rates, "twice": twice,
        "idle": idle[:MOST_NAMES],
    }  # fmt: skip


def modes(names: Any) -> dict[str, Any]:
    """Which modules train: those that were called or watched, and below them those that do other things then."""
    roots: dict[str, bool] = {}
    layers: dict[str, list[Any]] = {}
    for path, there in list(names.roots.items()):
        root = there()
        if root is None:
            continue
        roots[path] = bool(root.training)
        for name, module in root.named_modules():
            if _differs(module) and len(layers) < MOST_NAMES:
                full = f"{path}.{name}" if name else path
                past = bool(getattr(module, "track_running_stats", True))
                layers[full] = [type(module).__name__, bool(module.training), past]
    return {"roots": roots, "layers": layers}


def _differs(module: Any) -> bool:
    """Whether a module does one thing in training and another in evaluation."""
    name = type(module).__name__
    return "Dropout" in name or "BatchNorm" in name or name == "RReLU"
