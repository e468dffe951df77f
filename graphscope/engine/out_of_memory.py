"""A device, or the machine, has no memory left: what asked for it, and who holds the rest.

Looked up only once that has happened, so it may take its milliseconds: all tensors and all of the tape are gone
through, as the garbage collector knows them.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from graphscope import units
from graphscope.engine.frames import user_line
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor
from graphscope.errors import NonFiniteError, OutOfMemory

MOST = 4  # holders that are named


def ran_out(error: BaseException | None) -> bool:
    """Whether an error says that there is no memory: ours, CuPy's or numpy's."""
    return (
        isinstance(error, (OutOfMemory, MemoryError)) or type(error).__name__ == "OutOfMemoryError"
    )


def worded(what: str, error: BaseException, where: str) -> BaseException:
    """The exception to raise: what asked for memory, what the device said, and who holds the rest.

    It stays a MemoryError where numpy raised one, and is an OutOfMemory where a device did.
    """
    on_host = isinstance(error, MemoryError) and type(error).__name__ != "OutOfMemoryError"
    if " Held: " in str(error):  # an op that a gradient is made of said so
        return type(error)(f"{what}: {error}")
    said = str(error).rstrip(".") or "there is no memory left"
    if not isinstance(error, OutOfMemory):  # ours says it
        said += "; use smaller batches, or drop tensors that still hold a graph"
    text = f"{what}: {said}.{holders(on_host)}" + (f" ({where})" if where else "")
    return MemoryError(text) if on_host else OutOfMemory(text)


# ---------------------------------------------------------------- who holds it


def holders(on_host: bool) -> str:
    """Who holds the memory of the host, or of devices, largest first, as a sentence; empty where nobody does."""
    sums: dict[str, list[int]] = {}
    seen: set[int] = set()
    for label, array in _arrays(gc.get_objects()):
        while getattr(array, "base", None) is not None and hasattr(array.base, "nbytes"):
            array = array.base
        if array is None or id(array) in seen or isinstance(array, np.ndarray) is not on_host:
            continue
        seen.add(id(array))
        size = int(getattr(array, "nbytes", 0))
        if size:
            known = sums.setdefault(label, [0, 0])
            known[0] += size
            known[1] += 1
    order = sorted(sums.items(), key=lambda item: (-item[1][0], item[0]))
    if not order:
        return ""
    words = [
        f"{units.bytes_(size)} in {label} ({units.count(n)})" for label, (size, n) in order[:MOST]
    ]
    if len(order) > MOST:
        rest = sum(size for _, (size, _) in order[MOST:])
        words.append(f"{units.bytes_(rest)} in others")
    return " Held: " + ", ".join(words) + "."


def _arrays(objects: list[Any]) -> Iterator[tuple[str, Any]]:
    """What tensors and the tape hold, with who it is: what says most of an array comes first."""
    tensors = [x for x in objects if issubclass(type(x), Tensor) and hasattr(x, "_a")]
    nodes = [x for x in objects if type(x) is Node]
    for x in tensors:
        if x._rg and x._node is None:
            yield "parameters", x._a
    for x in tensors:
        if x._grad is not None:
            yield "gradients", x._grad._a
    for x in _optimizers(objects):
        for state in list(x.state.values()):
            for value in list(state.values()) if isinstance(state, dict) else ():
                if isinstance(value, Tensor):
                    yield "states of optimizers", value._a
    for node in nodes:
        label = ""
        for array in _flat(getattr(node, "saved", None)):
            label = label or f"values kept for the backward of {_named(node)}"
            yield label, array
        for array in _flat(getattr(node, "g", None)):
            yield "gradients on their way", array
    for x in tensors:
        made = x._node
        yield (f"results of {_named(made)}" if made is not None else "other tensors"), x._a


def _optimizers(objects: list[Any]) -> list[Any]:
    """Those of a program that has any: they lie above the engine."""
    there = sys.modules.get("graphscope.optim.optimizer")
    if there is None:
        return []
    return [x for x in objects if issubclass(type(x), there.Optimizer) and hasattr(x, "state")]


def _named(node: Node) -> str:
    """An op with its line, where that was noted."""
    from graphscope.engine.anomaly import line_of

    line = line_of(node).split(": `")[0]
    return f"{node.row.name} at {line}" if line else str(node.row.name)


def _flat(saved: Any) -> Iterator[Any]:
    """The arrays among what a node keeps."""
    for value in saved if isinstance(saved, (tuple, list)) else (saved,):
        if isinstance(value, (tuple, list)):
            yield from _flat(value)
        elif isinstance(value, Tensor):
            yield value._a
        elif hasattr(value, "nbytes") and hasattr(value, "dtype"):
            yield value


# ---------------------------------------------------------------- in a backward


def failed(node: Node, error: Exception) -> Exception:
    """A gradient of ``node`` could not be computed: tell the recorder, and say what to raise.

    That is the error itself, but where there was no memory: then it names the op, what that was given, and the line
    of its forward.
    """
    from graphscope.engine import dispatch
    from graphscope.engine.anomaly import line_of

    if isinstance(error, NonFiniteError) or getattr(error, "said_of_gradient", False):
        return error
    raised: Any = error
    if ran_out(error):
        line = line_of(node)
        parts = (f"called in {line}" if line else "", _given(node))
        what = f"backward: the gradient of {node.row.name!r}"
        what += "".join(f", {part}" for part in parts if part)
        raised = worded(what, error, user_line(2))
        raised.__cause__ = error
    try:
        raised.said_of_gradient = True
    except AttributeError:
        pass
    tell = getattr(dispatch.recorder(), "gradient_failed", None)
    if tell is not None:
        tell(node, raised)
    return raised  # type: ignore[no-any-return]


def _given(node: Node) -> str:
    """What the op was given, as far as the tape knows."""
    row = node.row
    leaves = {
        w.slot: e for w, e in zip(node.wants, node.edges, strict=False) if isinstance(e, Tensor)
    }
    saved = node.saved if isinstance(node.saved, tuple) else ()
    words = []
    for i, name in enumerate(row.inputs if row.inputs != ("*",) else ()):
        array: Any = saved[i] if i < len(saved) else None
        leaf = leaves.get(i)
        if leaf is not None:
            name, array = leaf.name or name, leaf._a
        if hasattr(array, "shape"):
            words.append(f"{name} {tuple(array.shape)} {array.dtype}")
        elif node.shapes is not None and i < len(node.shapes):
            words.append(f"{name} {tuple(node.shapes[i])}")
    out: Any = saved[row.n] if len(saved) > row.n and not words else None
    if hasattr(out, "shape"):  # of some the result is all that is kept
        words.append(f"what gave {tuple(out.shape)} {out.dtype}")
    return f"of {', '.join(words)}" if words else ""
