"""Looking into graphs: nodes, what they save, and hooks on saving."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any, NamedTuple

from graphscope.autograd.context import OwnOutput, kept
from graphscope.engine import anomaly, dispatch, versions
from graphscope.engine.explain import at_line
from graphscope.engine.hooks import accumulator
from graphscope.engine.modes import no_grad
from graphscope.engine.saved import Packed
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor
from graphscope.errors import AutogradError

__all__ = ["GradientEdge", "Node", "get_gradient_edge", "save_on_cpu", "saved_tensors_hooks"]


class GradientEdge(NamedTuple):
    """A place in a graph where a gradient flows: a node and which output of it."""

    node: Any
    output_nr: int


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge on which this tensor's gradient flows."""
    if not tensor._rg:
        raise at_line(
            AutogradError,
            f"get_gradient_edge: no gradient flows to a tensor {tuple(tensor._a.shape)} with requires_grad=False, so it has "
            "no edge",
        )
    if tensor._node is None:
        return GradientEdge(accumulator(tensor), 0)
    return GradientEdge(tensor._node, tensor._k)


class _Packer(anomaly.Noter):
    """Puts away what each new node saves, then tells the recorder, if one is on."""

    def __init__(
        self, inner: Any, pack: Callable[[Tensor], Any], unpack: Callable[[Any], Tensor]
    ) -> None:
        super().__init__(inner)
        self.pack, self.unpack, self.thread = pack, unpack, get_ident()

    def op(
        self, row: Any, params: Any, a: Any, b: Any, rest: Any, out: Any, t0: int, t1: int, node: Any
    ) -> None:  # fmt: skip
        """Put the saved values of ``node`` away."""
        if self.inner is not None:
            self.inner.op(row, params, a, b, rest, out, t0, t1, node)
        if node is None or node.saved is None or get_ident() != self.thread:
            return
        inner = dispatch.set_recorder(self.inner)  # what pack does is not packed
        try:
            with no_grad():
                if node.params and "call" in node.params:  # a Function of the user's
                    node.saved = (tuple(map(self._tensor, node.saved[0])), *node.saved[1:])
                else:
                    node.saved = tuple(map(self._array, node.saved))
        finally:
            dispatch.set_recorder(inner)
        versions.event(node.seq)

    def _array(self, a: Any) -> Any:
        if not hasattr(a, "dtype"):
            return a  # None, or a group of index arrays
        return Packed(self.pack(Tensor(a)), self.unpack, None)

    def _tensor(self, t: Any) -> Any:
        if t is None:
            return None
        if isinstance(t, OwnOutput):
            k = t.k
            return Packed(self.pack(Tensor(t.array)), self.unpack, lambda a: OwnOutput(a, k))
        node, rg, which = t._node, t._rg, t._k
        leaf = t if node is None and rg else None

        def again(a: Any) -> Any:
            if leaf is not None:
                return leaf
            out = Tensor(a, rg, node)
            out._k = which
            return out

        return Packed(self.pack(kept(t)), self.unpack, again)  # type: ignore[arg-type]


class saved_tensors_hooks:  # noqa: N801 - torch's name
    """Inside the ``with`` block, what graphs save goes through ``pack_hook``, and back by ``unpack_hook``."""

    def __init__(
        self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]
    ) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook
        self._stack: list[_Packer] = []

    def __enter__(self) -> saved_tensors_hooks:
        packer = _Packer(dispatch.recorder(), self.pack_hook, self.unpack_hook)
        dispatch.set_recorder(packer)
        self._stack.append(packer)
        return self

    def __exit__(self, *exc: object) -> None:
        anomaly.stop(self._stack.pop())


class save_on_cpu(saved_tensors_hooks):  # noqa: N801 - torch's name
    """Inside the ``with`` block, what graphs save waits in the host's memory."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(
            lambda t: (t.device, t.to("cpu")),  # type: ignore[attr-defined]
            lambda held: held[1].to(held[0]),
        )
