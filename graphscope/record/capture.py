"""``graphscope.draw(loss)``: the graph behind live tensors as a figure, without a recorder.

The tape keeps neither intermediate values nor gradients, so both are computed again here from the
leaves, on plain arrays, and shown only if they agree with what the program has: the drawn tensor's
own value and the leaves' ``.grad``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from graphscope import ops
from graphscope.engine import backward as bw
from graphscope.engine import dispatch
from graphscope.engine.frames import user_frame
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.record.memory_trace import MemoryTrace
from graphscope.record.statistics import describe, to_host
from graphscope.trace import records, schema

_ndarray = np.ndarray


class _Capture:
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


def _names(frame: Any, capture: _Capture) -> dict[int, str]:
    named: dict[int, str] = {}
    while frame is not None:
        for name, held in list(frame.f_locals.items()):
            if not isinstance(held, Tensor) or name.startswith("_"):
                continue
            if held._node is not None and held._node in capture.place:
                named.setdefault(capture.place[held._node], name)
            elif id(held) in capture._port_of:
                named.setdefault(capture._port_of[id(held)], name)
        if frame.f_code.co_name == "<module>":
            break
        frame = frame.f_back
    return named


class Captured(NamedTuple):
    """A graph of live tensors as a reader would give it; ``found`` and ``arrays`` are the live side of it."""

    graph: records.Graph
    step: records.Step
    values: records.ValueStep
    trace: MemoryTrace
    found: Any
    arrays: list[Any]


def capture(
    roots: tuple[Tensor, ...],
    frame: Any = None,
    scope_of: Callable[[Node], str] = lambda node: "",
    owned: dict[int, tuple[str, str]] | None = None,
    seen: dict[Node, Any] | None = None,
) -> Captured:
    """The graph behind ``roots``, named after the frame's variables.

    ``scope_of`` gives the module path in which an op ran, ``owned`` gives the kind and the path
    of a module's tensors by ``id``, ``seen`` outputs that are known.
    """
    for t in roots:
        if not isinstance(t, Tensor):
            raise UsageError(
                f"draw takes tensors, not {type(t).__name__}; a module is drawn with its input: gs.draw(model, x)"
            )
    if not any(t._node is not None for t in roots):
        raise UsageError(
            "draw: these tensors have no graph. Some input must require grad, and the computation must not run "
            "under no_grad"
        )
    trace = MemoryTrace()
    found = _Capture(roots, seen or {})
    values = found.values()
    gradients = found.gradients(values)
    named = _names(frame, found)
    n = len(found.nodes)
    nodes, edges = [], []
    for i, node in enumerate(found.nodes):
        text = (
            json.dumps({k: str(v) for k, v in node.params.items()})
            if node.params and node.row.name in ops.TABLE
            else ""
        )
        nodes.append([trace.op_id(node.row), schema.FORWARD, trace.intern(scope_of(node)), -1, -1, -1,
                      trace.intern(text) if text else -1, schema.WANTS_GRAD])  # fmt: skip
        edges += [[i, position, s] for position, s in enumerate(found.inputs[i])]
    backward = []
    for i in range(n - 1, -1, -1):
        for w in found.nodes[i].wants:
            backward.append([nodes[i][0], schema.BACKWARD, nodes[i][2], -1, i, w.slot, -1, 0])
    if gradients:
        nodes += backward
    ports = []
    for k, port in enumerate(found.ports):
        role, path = (owned or {}).get(id(port), ("", ""))
        name = path or named.get(-1 - k) or (port._name if port is not None else None)
        constant = port is not None and port._a.ndim == 0 and not port._rg and name is None
        role = role or (
            "parameter" if port is not None and port._rg else "constant" if constant else "input"
        )
        kind = schema.PORT_KINDS.index(role)
        const = trace.intern(f"{port._a.item():.7g}") if constant and port is not None else -1
        ports.append([trace.intern(name) if name else -1, kind, trace.intern(""), const])
    labels = [trace.intern(named[i]) if i in named else -1 for i in range(len(nodes))]
    graph = records.Graph(
        id=0, digest=f"draw{n}", kind="train", nodes=np.array(nodes, np.int32).reshape(-1, schema.NODE_COLUMNS),
        edges=np.array(edges, np.int32).reshape(-1, 3), ports=np.array(ports, np.int32).reshape(-1, 4),
        kept=np.empty((0, 2), np.int32), names=np.array(labels, np.int32),
        plan=np.full(len(nodes), -1, np.int32), parent=-1, diverged_at=-1, lookup=trace,
    )  # fmt: skip
    specs = [trace.spec_id(a) for a in values] + [-1] * (len(nodes) - n)
    specs += [trace.spec_id(None if t is None else t._a) for t in found.ports]
    zeros = np.zeros(len(nodes), np.int64)
    step = records.Step(
        id=0, kind="train", num=0, graph=0, shape_set=0, status="ok", t0_ns=0, wall_ns=0, rec_ns=0, loss=None,
        nonfinite=False, live0=0, note=None, timed_at=0, begin_ns=zeros, dur_ns=zeros, freed=graph.plan,
        dev_ns=None, specs=np.array(specs, np.int32),
    )  # fmt: skip
    entries = {}
    for v, a in [
        *enumerate(values),
        *((v, found.array(v, values)) for v in range(-len(found.ports), 0)),
    ]:
        if type(a) is _ndarray:
            entries[v, "v"] = describe(a, True)
    for v, g in gradients.items():
        entries[v, "g"] = describe(np.asarray(g), True)
    described = records.ValueStep(num=0, kind="train", graph=0, entries=entries)
    return Captured(graph, step, described, trace, found, values)


def draw(*what: Any, **options: Any) -> Any:
    """A figure of the graph behind tensors; it shows itself in a notebook, ``.save("x.svg")`` writes it.

    ``draw(loss)``, ``draw(loss, y_pred)``, or ``draw(model, x)``, which runs the model once and leaves it as it
    was. Leaves and results are named after the caller's variables. Drawn before ``backward()`` the figure says
    that there is no gradient yet.

    style: ``graph``, ``circuit``, ``modules``, ``math``, ``forward`` or ``reverse``.
    theme: ``light``, ``dark`` (projector) or ``print``. font: ``normal`` or ``large``.
    show: any of name, op, shape, value, grad, time, memory, local_grad. direction: ``down``, ``right``, ``up``.
    collapse: the depth to which modules are open, or a list of those that are shut.
    highlight: variables, ops or scopes to be framed. title, subtitle, width (px), legend.
    explain (circuit): a sentence for each kind of gate. path (math): two ends; the chain rule between them.
    wrt (forward): the leaf whose tangent is 1.

    Raises: UsageError for tensors without a graph and for options that there are not.

    Example:
        >>> import graphscope as gs
        >>> x = gs.tensor(2.0, requires_grad=True)
        >>> y = x * x + 1
        >>> gs.draw(y).svg.startswith("<svg")
        True
    """
    from graphscope.record.live import figure

    return figure(what, user_frame(2) or sys._getframe(1), options)
