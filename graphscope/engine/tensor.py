"""The tensor: an array, whether a gradient is wanted, and where it came from.

What only looks at the array stands in ``tensor_facts``, what hands out values in ``tensor_values``, numpy,
DLPack, pickle and copy in ``bridges``. Operators and methods that are ops are attached by
``graphscope.ops.methods``, one explicit list.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphscope.engine.bridges import Bridges
from graphscope.engine.explain import at_line
from graphscope.engine.hooks import register_accumulated, register_hook, retain_grad
from graphscope.engine.memory import alias, base_of, set_data
from graphscope.engine.numbered import UNNUMBERED, NumberedValue
from graphscope.engine.size import Size as Size
from graphscope.engine.tensor_facts import Facts
from graphscope.engine.tensor_values import Values
from graphscope.engine.versions import version
from graphscope.errors import AutogradError, DTypeError

_backward: Any = None  # the module, which imports this one


class Tensor(Facts, Values, Bridges, NumberedValue):
    """An n-dimensional array with autograd, with torch's methods.

    Make one with ``graphscope.tensor``, ``zeros``, ``randn`` and the like.
    """

    # _a array, _rg requires_grad, _node tape node, _k which output of it, _grad, _name, _ext rare things (hooks), _of what it is a view of, _views of it (where set)
    __slots__ = (
        "_a", "_rg", "_node", "_k", "_grad", "_name", "_ext", "_of", "_views", "__weakref__",
    )  # fmt: skip
    _of: Any
    _views: Any
    __array_priority__ = 1000
    __hash__ = object.__hash__

    def __init__(self, a: Any, rg: bool = False, node: Any = None) -> None:
        self._a = a
        self._rg = rg
        self._node = node
        self._k = 0
        if UNNUMBERED:
            self._rid = 0
        self._grad: Any = None
        self._name: str | None = None
        self._ext: Any = None

    # ---------------------------------------------------------------- facts of autograd

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user and not by a recorded op."""
        return self._node is None

    @property
    def grad_fn(self) -> Any:
        """The tape node that made this tensor, or None for a leaf."""
        return self._node

    @property
    def name(self) -> str | None:
        """The name under which errors and traces show this tensor, if it has one."""
        return self._name

    @name.setter
    def name(self, value: str | None) -> None:
        self._name = value

    @property
    def requires_grad(self) -> bool:
        """Whether backward computes a gradient for this tensor."""
        return self._rg

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for a gradient (or not). Raises: DTypeError for integers, AutogradError for non-leaves."""
        if requires_grad and self._a.dtype.kind != "f":
            raise at_line(
                DTypeError,
                f"only floating tensors can require gradients, this one is {self.dtype.name}. "
                "Make it floating with .float()",
            )
        if not requires_grad and self._node is not None:
            raise at_line(
                AutogradError,
                "requires_grad can only be switched off on leaf tensors; use .detach() to cut this one "
                "out of the graph",
            )
        self._rg = bool(requires_grad)
        return self

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient, or None before backward."""
        grad: Tensor | None = self._grad
        return grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise at_line(
                    DTypeError,
                    f"grad takes a tensor (or None to clear it), not a {type(value).__name__}",
                )
            if tuple(value._a.shape) != tuple(self._a.shape):
                raise at_line(
                    AutogradError,
                    f"a gradient has its tensor's shape: {tuple(self._a.shape)}, not {tuple(value._a.shape)}",
                )
            if value._a.dtype != self._a.dtype:
                raise at_line(
                    AutogradError,
                    f"a gradient has its tensor's dtype: {self.dtype}, not {value.dtype}",
                )
        self._grad = value

    @property
    def data(self) -> Tensor:
        """The same memory without the graph; writes through it are not counted."""
        out = Tensor(alias(self._a))
        out._name = self._name
        return out

    @data.setter
    def data(self, value: Tensor) -> None:
        set_data(self, value)

    @property
    def _version(self) -> int:
        """How often this tensor's memory was written in place, through whichever tensor."""
        return version(self._a)

    @property
    def _base(self) -> Tensor | None:
        """The tensor that this one is a view of, or None."""
        base: Tensor | None = base_of(self)
        return base

    def _is_view(self) -> bool:
        """Whether this tensor shares the memory of another, its base."""
        return base_of(self) is not None

    @property
    def output_nr(self) -> int:
        """Which output of its ``grad_fn`` this tensor is."""
        return self._k if self._node is not None else 0

    @property
    def retains_grad(self) -> bool:
        """Whether ``retain_grad()`` keeps this non-leaf tensor's gradient."""
        hooks = None if self._node is None else self._node.hooks
        return hooks is not None and self._k in hooks.retain

    def detach(self) -> Tensor:
        """The same memory, cut off from the graph."""
        out = Tensor(self._a)
        out._rid = self._rid
        out._name = self._name
        return out

    def detach_(self) -> Tensor:
        """Cut this tensor off from the graph. Raises: AutogradError for a view."""
        if self._node is not None and base_of(self) is not None:
            raise at_line(
                AutogradError,
                "detach_: this tensor is a view, and its base would keep a history that the view has not; "
                "use detach()",
            )
        self._node, self._rg, self._k = None, False, 0
        return self

    # ---------------------------------------------------------------- gradients

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add d(self)/d(leaf) to ``.grad`` of every leaf that requires grad.

        gradient: d(loss)/d(self), of this tensor's shape; may be left out for one element.
        Raises: AutogradError if nothing here requires grad, or the graph was already freed.
        """
        global _backward
        if _backward is None:  # looked up once: an import statement costs as much as an op
            from graphscope.engine import backward as _backward
        if gradient is None and inputs is None and not create_graph:
            _backward.from_loss(self, bool(retain_graph))
        else:
            _backward.backward((self,), (gradient,), retain_graph, create_graph, inputs)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Any:
        """Call ``hook(grad)`` when this tensor's gradient is computed; a returned tensor replaces it."""
        return register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> Any:
        """Call ``hook(self)`` after a backward has added to ``.grad`` of this leaf."""
        return register_accumulated(self, hook)

    def retain_grad(self) -> None:
        """Keep ``.grad`` for this non-leaf tensor too."""
        retain_grad(self)
