"""A step's tape once more: every value, and every gradient, computed again from the leaves on plain arrays.

The tape keeps neither, so a drawing and the search for what was not finite compute them here. They are taken only if
they agree with what the program has: the roots' own values and the leaves' ``.grad``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from graphscope import ops
from graphscope.engine import backward as bw
from graphscope.engine import dispatch
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor
from graphscope.record.statistics import to_host

_ndarray = np.ndarray


class Replay:
    """Nodes in forward order, ports, and every array that is known or can be computed again."""

    def __init__(self, roots: tuple[Tensor, ...], seen: dict[Node, Any]) -> None:
        self.roots, self.seen = roots, seen
        newest_first = bw._collect([t._node for t in roots if t._node is not None])
        self.nodes = newest_first[::-1]
        self.place = {node: i for i, node in enumerate(self.nodes)}
        self.ports: list[Tensor | None] = []
        self._port_of: dict[int, int] = {}
        self._hosted: dict[int, Any] = {}
        self.inputs = [self._inputs_of(node) for node in self.nodes]
        for t in roots:
            if t._node is None:
                self.port(t)

    def port(self, t: Tensor | None) -> int:
        """The value number (-1, -2, ...) of a tensor from outside; None is one that died."""
        if t is None:
            self.ports.append(None)
            return -len(self.ports)
        found = self._port_of.get(id(t))
        if found is None:
            self.ports.append(t)  # held, so that the id stays its own
            found = self._port_of[id(t)] = -len(self.ports)
        return found

    def _source(self, edge: Any) -> int:
        if isinstance(edge, tuple):
            edge = edge[0]
        return self.place[edge] if isinstance(edge, Node) else self.port(edge)

    def _inputs_of(self, node: Node) -> list[int]:
        found: dict[int, int] = {}
        if node.row.inputs == ("*",) or (node.wants and node.wants[0].name == "*"):
            for i, edge in enumerate(node.edges):
                if edge is not None:
                    found[i] = self._source(edge)
        else:
            for w, edge in zip(node.wants, node.edges, strict=True):
                found[w.slot] = self._source(edge)
        flat = list(node.others or ())
        if flat and isinstance(flat[0], tuple):
            flat = [v for pair in flat for v in pair]
        for position, held in zip(flat[0::2], flat[1::2], strict=True):
            found[position] = self.port(held() if isinstance(held, ref) else held)
        return [found[i] for i in sorted(found)]

    # ---------------------------------------------------------------- values again

    def values(self) -> list[Any]:
        """The output of every node, computed again; None where it cannot be or does not agree."""
        out: list[Any] = []
        self.aux: list[Any] = []
        kept = self.kept()
        for i, (node, sources) in enumerate(zip(self.nodes, self.inputs, strict=True)):
            arrays = [self.array(s, out) for s in sources]
            result, aux = kept.get(i), self.kept_aux(node)
            if result is not None and (aux is not None or not node.row.aux):
                pass
            elif "dropout" in node.row.name or node.row.name == "rrelu":
                pass  # it would draw anew
            elif (
                all(type(a) is _ndarray for a in arrays)
                and node.nout == 1
                and node.row.name in ops.TABLE
            ):
                kernel: Callable[..., Any] = dispatch.bind(node.row, _ndarray)
                result = kernel(*arrays, **_copied(node.params or {}))
                if node.row.aux:
                    result, aux = result
                result = np.asarray(result)
            out.append(result)
            self.aux.append(aux)
        for t in self.roots:
            if t._node is not None:
                got, own = out[self.place[t._node]], to_host(t._a)
                if got is None:
                    out[self.place[t._node]] = own
                elif not _agree(got, own, exactly=own is t._a):
                    # A leaf has changed since (an optimizer's step): only what is at hand is true.
                    out = [None] * len(out)
                    out[self.place[t._node]] = own
                    self.aux = [None] * len(out)
                    break
        return out

    def kept(self) -> dict[int, Any]:
        """What the tape still holds of the ops' outputs, or a module was seen to return: no need to guess."""
        found = {self.place[node]: a for node, a in self.seen.items() if node in self.place}
        for i, node in enumerate(self.nodes):
            n, saved = node.row.n, node.saved
            if (
                not isinstance(saved, tuple)
                or len(saved) != n + 2
                or node.row.tail
                or node.row.inputs == ("*",)
            ):
                continue
            sources = zip(self.inputs[i], saved[:n], strict=False)
            for value, a in ((i, saved[n]), *sources):
                if not hasattr(a, "dtype"):
                    continue
                if value < 0:  # its tensor may be gone
                    self._hosted.setdefault(value, to_host(a))
                elif self.nodes[value].nout == 1:
                    found.setdefault(value, to_host(a))
        return found

    def kept_aux(self, node: Node) -> Any:
        saved = node.saved
        held = saved[-1] if isinstance(saved, tuple) and len(saved) == node.row.n + 2 else None
        return to_host(held) if hasattr(held, "dtype") else None

    def array(self, source: int, values: list[Any]) -> Any:
        """The array of a value number, if it is known."""
        if source >= 0:
            return values[source]
        t = self.ports[-1 - source]
        if source not in self._hosted:
            if t is None:
                return None
            self._hosted[source] = to_host(
                t._a
            )  # what lives on another device is computed again here
        return self._hosted[source]

    def gradients(
        self, values: list[Any], parts: dict[tuple[int, int], Any] | None = None
    ) -> dict[int, Any]:
        """d(roots)/d(value) by value number: after backward only, and only if it agrees with .grad.

        parts: takes what each op (number, position of its input) added; then nothing is compared with .grad.
        """
        leaves = [(k, t) for k, t in enumerate(self.ports) if t is not None and t._rg]
        if not any(t._grad is not None for _, t in leaves):
            return {}
        told = {-1 - k: to_host(t._grad._a) for k, t in leaves if t._grad is not None}
        found: dict[int, Any] = {}
        for t in self.roots:
            if t._node is None or t._a.size != 1:
                return told
            found[self.place[t._node]] = np.ones_like(to_host(t._a))
        for i in range(len(self.nodes) - 1, -1, -1):
            node, g = self.nodes[i], found.get(i)
            if g is None:
                continue
            if values[i] is None or node.nout != 1 or node.row.inputs == ("*",):
                return told
            saved = node.row.grouped([self.array(s, values) for s in self.inputs[i]])
            saved += [None] * (node.row.n - len(saved)) + [values[i], self.aux[i]]
            by_slot = dict(zip(range(len(self.inputs[i])), self.inputs[i], strict=True))
            for w in node.wants:
                if any(saved[j] is None for j in w.take):
                    return told
                params = {p: node.params[p] for p in w.params}
                got = w.fn(ops.NUMPY, g, *[saved[j] for j in w.take], **params)
                if node.shapes is not None and got.shape != node.shapes[w.slot]:
                    got = bw.sum_to(got, node.shapes[w.slot])
                v = by_slot[w.slot]
                if parts is not None:
                    parts[i, w.slot] = got
                found[v] = got if v not in found else found[v] + got
        agree = parts is not None or all(
            v in found and np.allclose(found[v], g, rtol=1e-4, atol=1e-6) for v, g in told.items()
        )
        return found if agree else told


def _agree(again: Any, own: Any, exactly: bool) -> bool:
    """Whether a value computed again is the program's; another device rounds in its own way."""
    floats = own.dtype.kind == "f"
    if exactly or not floats:
        return bool(np.array_equal(again, own, equal_nan=floats))
    return again.shape == own.shape and bool(np.allclose(again, own, 1e-3, 1e-5, equal_nan=True))


def _copied(params: dict[str, Any]) -> dict[str, Any]:
    """Parameters for running an op again: what it keeps (running means) is a copy, and stays as it was."""

    def copy(value: Any) -> Any:
        if type(value) in (tuple, list):
            return type(value)(copy(v) for v in value)
        if isinstance(value, Tensor):
            return Tensor(to_host(value._a).copy())
        return (
            to_host(value).copy() if hasattr(value, "dtype") and hasattr(value, "copy") else value
        )

    return {name: copy(value) for name, value in params.items()}
