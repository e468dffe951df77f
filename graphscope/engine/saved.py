"""What nodes keep for their gradients: put away, found again, and hung on the graph for a second derivative."""

from __future__ import annotations

from typing import Any

from graphscope.engine import anomaly
from graphscope.engine.frames import user_line
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor
from graphscope.errors import AutogradError


class Packed:
    """A saved value that ``saved_tensors_hooks`` has put away."""

    __slots__ = ("held", "unpack", "like")

    def __init__(self, held: Any, unpack: Any, like: Any) -> None:
        self.held, self.unpack = held, unpack
        self.like = like  # for a Function's tensor: how to hang the values on the graph again

    def array(self) -> Any:
        """The array again, for an op of the engine."""
        got = self.unpack(self.held)
        if not isinstance(got, Tensor):
            raise TypeError(
                f"the unpack hook of saved_tensors_hooks returns a tensor, not {type(got).__name__}"
            )
        return got._a

    def restored(self) -> Any:
        """What a Function saved, with the values that come out of the unpack hook."""
        return self.like(self.array())


def freed(node: Node) -> AutogradError:
    """The error for a second backward through the same graph."""
    line = anomaly.line_of(node)
    return AutogradError(
        f"backward: the graph of {node.row.name!r}{f' (computed in {line})' if line else ''} is gone: an earlier "
        f"backward freed it, and this is a second time. Call the first one with retain_graph=True, or compute "
        f"the loss again. ({user_line(4)})"
    )


def rewrap(node: Node, saved: Any) -> list[Any]:
    """Saved arrays as tensors that hang on the graph where they came from."""
    variadic = node.row.inputs == ("*",)
    by_slot = (
        dict(enumerate(node.edges))
        if variadic
        else {w.slot: e for w, e in zip(node.wants, node.edges, strict=False)}
    )
    n = len(saved) - 2
    out: list[Any] = []
    for i, a in enumerate(saved):
        if a is None:
            out.append(None)
        elif isinstance(a, tuple):
            # Several outputs hang on this node; a tail of indices wants no gradient.
            edges = {k: (node, k) for k in range(len(a))} if i == n else by_slot if variadic else {}
            out.append(tuple(_hung(x, edges.get(k)) for k, x in enumerate(a)))
        elif i < n:
            out.append(_hung(a, by_slot.get(i)))
        elif i == n and node.nout == 1:
            out.append(Tensor(a, True, node))
        else:
            out.append(Tensor(a))
    return out


def _hung(a: Any, edge: Any) -> Any:
    if isinstance(a, Tensor) or not hasattr(a, "dtype"):
        return a  # what a Function kept
    if edge is None:
        return Tensor(a)
    if isinstance(edge, Tensor):
        return edge
    source, k = edge if isinstance(edge, tuple) else (edge, 0)
    t = Tensor(a, True, source)
    t._k = k
    return t
