"""``graphscope.draw(loss)``: the graph behind live tensors as a figure, without a recorder.

The tape keeps neither intermediate values nor gradients, so both are computed again (``record.replay``).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from graphscope import ops
from graphscope.engine.frames import locals_of, user_frame
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.record.memory_trace import MemoryTrace
from graphscope.record.replay import Replay
from graphscope.record.statistics import describe
from graphscope.trace import records, schema

_ndarray = np.ndarray


def _names(frame: Any, capture: Replay) -> dict[int, str]:
    named: dict[int, str] = {}
    while frame is not None:
        for name, held in locals_of(frame):
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
    found = Replay(roots, seen or {})
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
