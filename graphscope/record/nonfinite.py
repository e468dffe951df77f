"""The moment a loss or a gradient stops being finite: which op made it so, found by computing the step again.

An ordinary step pays for one comparison of its loss and for a look at one small gradient. When that trips, the tape
is still there: every value (and gradient) of the step is computed once more from the leaves, and the search walks
from the number that is not finite back to the op that was given finite numbers only. What it finds is written down as
a finding; the statistics of all that was computed go into the trace, as in a step with values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from graphscope.analysis.trail import ranges
from graphscope.analysis.why import why
from graphscope.engine.follow import SPAN, is_finite
from graphscope.engine.frames import user_frame
from graphscope.engine.tensor import Tensor
from graphscope.errors import NonFiniteError
from graphscope.record.names import names_in_frame
from graphscope.record.statistics import describe, to_host
from graphscope.record.tables import PORT
from graphscope.trace.records import Entry

SEARCHES = 8  # in a run: each costs about as much as the step itself


class Origin(NamedTuple):
    """Where it began, in the numbers of the captured tape: an op, or a leaf (negative)."""

    at: int
    slot: int
    """Of the input whose gradient it was; -1: the value itself."""
    path: list[int]
    """From there on, value by value, to what was found broken."""


class Trap:
    """Watches one run.

    Of a run's steps the recorder keeps, where C can reach it: ``trap_root``, the loss of a backward that goes on;
    ``trap_armed``, false from what was found on until a loss is finite again; ``trap_leaf``, a weak reference to the
    leaf whose gradient is looked at in every step. Nothing more than that is done there while all is finite.
    """

    def __init__(self, values: bool, raising: bool) -> None:
        self.values = values
        self.raising = raising
        self.left = SEARCHES

    # ---------------------------------------------------------------- what a step pays

    def loss(self, recorder: Any, root: Tensor, finite: bool) -> None:
        """A backward begins. Raises: NonFiniteError if the run asked for it."""
        if not finite:
            recorder.trap_root = None
            if recorder.trap_armed:
                recorder.trap_armed = False
                self._report(recorder, root, None)
            return
        recorder.trap_armed = True
        recorder.trap_root = root

    def gradients(self, recorder: Any) -> None:
        """A backward ended. Raises: NonFiniteError if the run asked for it."""
        root, recorder.trap_root = recorder.trap_root, None
        if root is None or not recorder.trap_armed:
            return
        small = None if recorder.trap_leaf is None else recorder.trap_leaf()
        if small is None or small._grad is None:
            small = self._choose(recorder)
            if small is None:
                return
        if self.raising or recorder.values:
            broken = next((t for t in _leaves(recorder) if not _finite(to_host(t._grad._a))), None)
        else:
            g = small._grad._a
            fine = is_finite(g) if type(g) is np.ndarray else None
            if fine is None:
                fine = _finite(to_host(g))
            broken = None if fine else small
        if broken is not None:
            recorder.trap_armed = False
            self._report(recorder, root, broken)

    def _choose(self, recorder: Any) -> Tensor | None:
        found = min(_leaves(recorder), key=lambda t: t._a.size, default=None)
        # C looks at one gradient only.
        recorder.trap_leaf = None if found is None or self.raising else ref(found)
        return found

    # ---------------------------------------------------------------- the search

    def _report(self, recorder: Any, root: Tensor, leaf: Tensor | None) -> None:
        data: dict[str, Any]
        node = -1
        if self.left <= 0:
            data = {"why": "", "note": f"searched for the cause {SEARCHES} times before; not again"}
        else:
            self.left -= 1
            try:
                with np.errstate(all="ignore"):
                    node, data = self._search(recorder, root, leaf)
            except Exception as error:  # an op that cannot be run again must not end the recording
                data = {
                    "why": "",
                    "note": f"the search for the cause failed: {type(error).__name__}: {error}",
                }
        recorder.nonfinite = 1
        recorder.armed = None  # the step ends with what is found here
        what = "loss" if leaf is None else f"gradient of {_called(recorder, leaf) or 'a leaf'}"
        title = f"The {what} is not finite"
        kind = recorder.kind or "train"
        data |= {"what": what, "kind": kind}
        recorder.pump.notes.append(
            ("finding", recorder.num[kind], "nonfinite", "error", node, title, data)
        )
        if self.raising:
            origin = data.get("op")
            where = data.get("where")
            text = f"{title} in {kind} step {recorder.num[kind]}"
            if origin:
                text += f": it began in {origin}" + (f" ({where})" if where else "")
            if data["why"]:
                text += f". {data['why'][0].upper()}{data['why'][1:]}"
            raise NonFiniteError(text + ". (profile was told raise_on_nan=True.)")

    def _search(
        self, recorder: Any, root: Tensor, leaf: Tensor | None
    ) -> tuple[int, dict[str, Any]]:
        from graphscope.record.replay import Replay  # rarely needed

        tape = Replay((root,), {})
        values = tape.values()
        parts: dict[tuple[int, int], Any] = {}
        adjoints: dict[int, Any] = {}
        if leaf is None:
            origin = forward_origin(tape, values)
        else:
            adjoints = tape.gradients(values, parts)
            origin = backward_origin(tape, adjoints, parts, tape.port(leaf))
        if self.values and not recorder.values:
            recorder.entries += _entries(recorder, tape, values, adjoints)
        if origin is None:
            lost = sorted(
                {n.row.name for n, a in zip(tape.nodes, values, strict=True) if a is None}
            )
            because = f" ({', '.join(lost[:4])} cannot be run again)" if lost else ""
            return -1, {"why": "", "note": f"the op where it began was not found{because}"}
        return _place(recorder, tape, origin.at), _facts(
            recorder, tape, values, adjoints, parts, origin
        )


def forward_origin(tape: Any, values: list[Any]) -> Origin | None:
    """The earliest op on the way to the roots that was given finite numbers and gave others."""
    roots = [tape.place[t._node] for t in tape.roots if t._node is not None]
    via: dict[int, int] = {v: v for v in roots if _known_bad(tape, values, v)}
    waiting = list(via)
    sure: list[int] = []
    likely: list[int] = []
    while waiting:
        v = waiting.pop()
        if v < 0:
            sure.append(v)
            continue
        given = tape.inputs[v]
        # What could not be computed again (an input of it is gone) may have been broken: look behind it.
        suspects = [
            u for u in given if _known_bad(tape, values, u) or (u >= 0 and values[u] is None)
        ]
        if not suspects:
            known = all(tape.array(u, values) is not None for u in given) and values[v] is not None
            (sure if known else likely).append(v)
        for u in suspects:
            if u not in via:
                via[u] = v
                waiting.append(u)
    if not sure and not likely:
        return None
    at = min(sure or likely)  # leaves are negative: what came in broken was broken first
    path = [at]
    while via[path[-1]] != path[-1]:
        path.append(via[path[-1]])
    return Origin(at, -1, path)


def backward_origin(
    tape: Any, adjoints: dict[int, Any], parts: dict[tuple[int, int], Any], leaf: int
) -> Origin | None:
    """The op whose own gradient was finite and one of whose inputs' gradients is not; the first in the pass."""
    path, seen = [leaf], {leaf}
    waiting: list[tuple[int, list[int]]] = [(leaf, path)]
    best: Origin | None = None
    while waiting:
        v, so_far = waiting.pop()
        for i, slot in _made_by(tape, parts, v):
            if _finite(parts[i, slot]):
                continue
            if i in adjoints and _finite(adjoints[i]):
                if best is None or i > best.at:
                    best = Origin(i, slot, [i, *reversed(so_far)])
            elif i not in seen:
                seen.add(i)
                waiting.append((i, [*so_far, i]))
    return best


def _made_by(tape: Any, parts: dict[tuple[int, int], Any], v: int) -> Iterator[tuple[int, int]]:
    for i, slot in parts:
        if slot < len(tape.inputs[i]) and tape.inputs[i][slot] == v:
            yield i, slot


def _known_bad(tape: Any, values: list[Any], v: int) -> bool:
    a = tape.array(v, values)
    return a is not None and not _finite(a)


def _finite(a: Any) -> bool:
    a = np.asarray(a)
    return a.dtype.kind not in "fc" or bool(np.isfinite(a).all())


def _leaves(recorder: Any) -> Iterator[Tensor]:
    for item in recorder.port_items:
        t = item[0]()
        if t is not None and item[1] and t._grad is not None:
            yield t


# ---------------------------------------------------------------- in the numbers of the recorded step


def _place(recorder: Any, tape: Any, v: int) -> int:
    """The value's number in the step that is being recorded; -1 << 20 stands for one that is not in it."""
    port = None if v >= 0 else tape.ports[-1 - v]
    if v < 0 and port is None:  # the tensor is gone; the op that took it knows its number
        k = _wire(recorder, tape, v)
    else:
        k = (port._rid if port is not None else tape.nodes[v].rid) - recorder.base
    if k >> SPAN:
        return -(1 << 20)
    return int(k if k < PORT else PORT - 1 - k)


def _wire(recorder: Any, tape: Any, v: int) -> int:
    for node, given in zip(tape.nodes, tape.inputs, strict=True):
        i = node.rid - recorder.base
        if v in given and not i >> SPAN and i < recorder.i:
            _, _, first, rest = recorder.key(i)[:4]
            wires = (first, *rest) if isinstance(rest, tuple) else (first, rest)
            return int(wires[given.index(v)])
    return -1


def _called(recorder: Any, t: Tensor) -> str | None:
    """A parameter's name, or the user's variable that holds the tensor."""
    if t._name is not None:
        return t._name
    k = t._rid - recorder.base
    if k >> SPAN:
        return None
    place = int(k if k < PORT else PORT - 1 - k)
    return names_in_frame(user_frame(2), recorder.base, PORT).get(place)


def _entries(
    recorder: Any, tape: Any, values: list[Any], adjoints: dict[int, Any]
) -> list[tuple[int, str, Entry]]:
    out = []
    for v in [*range(len(values)), *range(-len(tape.ports), 0)]:
        place = _place(recorder, tape, v)
        if place == -(1 << 20):
            continue
        a, g = tape.array(v, values), adjoints.get(v)
        if type(a) is np.ndarray:
            out.append((place, "v", describe(a, a.size <= 4096)))
        if g is not None:
            out.append((place, "g", describe(np.asarray(g), False)))
    return out


def _facts(
    recorder: Any, tape: Any, values: list[Any], adjoints: Any, parts: Any, origin: Origin
) -> dict[str, Any]:
    at, slot = origin.at, origin.slot
    path = [_place(recorder, tape, v) for v in origin.path]
    facts: dict[str, Any] = {"path": [p for p in path if p != -(1 << 20)]}
    if at < 0:
        port = tape.ports[-1 - at]
        held = describe(tape.array(at, values), False)
        learnt = port is not None and port._rg
        given = "the parameter" if learnt else "the input"
        name = None if port is None else _called(recorder, port)
        then = ": an update before this step made it so" if learnt else ": look at the data"
        return facts | {
            "phase": "given", "op": f"{given} {name}" if name else given, "inputs": [ranges(held)],
            "why": f"{given} was not finite when the step began{then}",
        }  # fmt: skip
    node = tape.nodes[at]
    stats = [
        None if a is None else describe(a, False)
        for a in (tape.array(u, values) for u in tape.inputs[at])
    ]
    result = values[at] if slot < 0 else parts[at, slot]
    out = describe(np.asarray(result), False)
    line = recorder.line_of(node)
    facts |= {
        "phase": "forward" if slot < 0 else "backward", "op": node.row.name, "slot": slot,
        "inputs": [None if e is None else ranges(e) for e in stats], "output": ranges(out),
        "why": why(node.row.name, stats, out, np.asarray(result).dtype.name, slot),
    }  # fmt: skip
    if slot >= 0:
        facts["incoming"] = ranges(describe(np.asarray(adjoints[at]), False))
    if line is not None:
        facts["where"] = f"{line[0]}:{line[1]}"
    return facts
