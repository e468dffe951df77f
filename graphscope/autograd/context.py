"""What a Function's forward hands on to its backward."""

from __future__ import annotations

from typing import Any

from graphscope.engine.frames import user_line
from graphscope.engine.saved import Packed
from graphscope.engine.tensor import Tensor
from graphscope.errors import AutogradError, DTypeError


class FunctionCtx:
    """What forward hands on to backward: ``save_for_backward`` for tensors, attributes for the rest."""

    def __init__(self) -> None:
        self.needs_input_grad: tuple[bool, ...] = ()
        self._saved: tuple[Any, ...] = ()
        self._plain: tuple[int, ...] = ()
        self._dirty: tuple[int, ...] = ()
        self._materialize = True
        self._node: Any = None
        self.saved_for_forward: tuple[Any, ...] = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs or outputs for ``backward``, which finds them in ``saved_tensors``."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise DTypeError(
                    f"save_for_backward keeps tensors, not {type(t).__name__}; set other values as attributes: "
                    "ctx.name = value"
                )
        self._saved = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for ``jvp``, which finds them in ``saved_for_forward``."""
        self.saved_for_forward = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What ``save_for_backward`` kept. Raises: AutogradError after backward has freed it."""
        if self._node is None:  # no gradient is wanted
            return self._saved
        node = self._node()
        if node is None or node.saved is None:
            raise AutogradError(
                f"{'Function' if node is None else node.row.name}: saved_tensors are gone, an earlier backward freed them; call "
                f"that one with retain_graph=True. ({user_line(2)})"
            )
        return tuple(_given_back(x, node) for x in node.saved[0])

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """These outputs get no gradient (indices, masks)."""
        self._plain = tuple(id(t) for t in tensors)

    def mark_dirty(self, *tensors: Tensor) -> None:
        """These inputs were changed in place; those among the outputs are returned as they are."""
        self._dirty = tuple(id(t) for t in tensors)

    def set_materialize_grads(self, value: bool) -> None:
        """False: outputs without a gradient give None to ``backward`` and not zeros."""
        self._materialize = value


class OwnOutput:
    """A saved output, kept as an array: keeping the tensor would be a cycle through its node."""

    def __init__(self, array: Any, k: int) -> None:
        self.array = array
        self.k = k

    def tensor(self, node: Any) -> Tensor:
        """The output again, on its node."""
        out = Tensor(self.array, True, node)
        out._k = self.k
        return out


def kept(t: Tensor | None) -> Tensor | None:
    """A tensor as a node may keep it: an input that is written later would lead back to the node."""
    if t is None or t._node is None:
        return t
    out = Tensor(t._a, t._rg, t._node)
    out._k, out._name = t._k, t._name
    return out


def _given_back(x: Any, node: Any) -> Any:
    if isinstance(x, Packed):
        x = x.restored()
    return x.tensor(node) if isinstance(x, OwnOutput) else x
