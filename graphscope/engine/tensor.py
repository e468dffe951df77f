"""The tensor: an array, whether a gradient is wanted, and where it came from.

Operators and methods that are ops are attached by ``graphscope.ops.methods``, one explicit list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.device import CPU, device
from graphscope.errors import AutogradError, DTypeError

ndarray = np.ndarray


class Size(tuple):  # type: ignore[type-arg]
    """A tensor's shape; a tuple with torch's repr and ``numel``."""

    __slots__ = ()

    def numel(self) -> int:
        """Number of elements."""
        n = 1
        for s in self:
            n *= s
        return n

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"


class Tensor:
    """An n-dimensional array with autograd, with torch's methods.

    Make one with ``graphscope.tensor``, ``zeros``, ``randn`` and the like.
    """

    # _a array, _rg requires_grad, _node tape node, _k which output of it, _rid the recorder's number,
    # _grad, _name, _ext rare things (hooks)
    __slots__ = ("_a", "_rg", "_node", "_k", "_rid", "_grad", "_name", "_ext", "__weakref__")
    __array_priority__ = 1000
    __hash__ = object.__hash__

    def __init__(self, a: Any, rg: bool = False, node: Any = None) -> None:
        self._a = a
        self._rg = rg
        self._node = node
        self._k = 0
        self._rid = -1
        self._grad: Any = None
        self._name: str | None = None
        self._ext: Any = None

    # ---------------------------------------------------------------- facts

    @property
    def shape(self) -> Size:
        """The size of each dimension."""
        return Size(self._a.shape)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        return Size(self._a.shape) if dim is None else self._a.shape[dim]

    def dim(self) -> int:
        """Number of dimensions."""
        return int(self._a.ndim)

    ndimension = dim

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return int(self._a.ndim)

    def numel(self) -> int:
        """Number of elements."""
        return int(self._a.size)

    nelement = numel

    def element_size(self) -> int:
        """Bytes of one element."""
        return int(self._a.itemsize)

    @property
    def dtype(self) -> dtypes.dtype:
        """The element type."""
        return dtypes.FROM_NUMPY[self._a.dtype]

    @property
    def device(self) -> device:
        """Where the tensor lives."""
        if type(self._a) is ndarray:
            return CPU
        from graphscope.engine.backend import backend_of_type

        return device(backend_of_type(type(self._a)).name)

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
            raise DTypeError(
                f"only floating tensors can require gradients, this one is {self.dtype.name}. "
                "Make it floating with .float()"
            )
        if not requires_grad and self._node is not None:
            raise AutogradError(
                "requires_grad can only be switched off on leaf tensors; use .detach() to cut this one "
                "out of the graph"
            )
        self._rg = requires_grad
        return self

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient, or None before backward."""
        grad: Tensor | None = self._grad
        return grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and tuple(value._a.shape) != tuple(self._a.shape):
            raise AutogradError(
                f"a gradient has its tensor's shape: {tuple(self._a.shape)}, not {tuple(value._a.shape)}"
            )
        self._grad = value

    @property
    def data(self) -> Tensor:
        """The same memory without the graph."""
        out = Tensor(self._a)
        out._name = self._name
        return out

    @data.setter
    def data(self, value: Tensor) -> None:
        self._a = value._a

    # ---------------------------------------------------------------- out of the engine

    def numpy(self) -> Any:
        """The numpy array that shares this tensor's memory.

        Raises: AutogradError if a gradient is wanted (use ``.detach().numpy()``).
        """
        if self._rg:
            raise AutogradError(
                "numpy() on a tensor that requires grad would leave the graph silently; "
                "use tensor.detach().numpy()"
            )
        return self._host()

    def _host(self) -> Any:
        if type(self._a) is ndarray:
            return self._a
        from graphscope.engine.backend import backend_of_type

        return backend_of_type(type(self._a)).to_host(self._a)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        a = self.numpy()
        return a if dtype is None else a.astype(dtype)

    def item(self) -> Any:
        """The value of a tensor with one element as a Python number.

        Raises: ShapeError... as ValueError when there is not exactly one element.
        """
        a = self._a
        if a.size != 1:
            from graphscope.errors import ShapeError

            raise ShapeError(
                f"item() needs a tensor with one element, this one has shape {tuple(a.shape)}; "
                "use .tolist(), or reduce it first (.mean(), .sum())"
            )
        return self._host().item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self._host().tolist()

    def detach(self) -> Tensor:
        """The same memory, cut off from the graph."""
        out = Tensor(self._a)
        out._rid = self._rid
        out._name = self._name
        return out

    def detach_(self) -> Tensor:
        """Cut this tensor off from the graph."""
        self._node, self._rg = None, False
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self._node is not None:
            raise AutogradError("only leaf tensors can be deep-copied; use .detach().clone()")
        out = type(self).__new__(type(self))
        Tensor.__init__(out, self._a.copy(), self._rg)
        out._name = self._name
        if self._grad is not None:
            out._grad = self._grad.__deepcopy__(memo)
        memo[id(self)] = out
        return out

    def __reduce__(self) -> Any:
        return _rebuild, (type(self), self._host(), self._rg, self._name)

    def __len__(self) -> int:
        if not self._a.shape:
            raise TypeError("len() of a 0-d tensor")
        return int(self._a.shape[0])

    def __iter__(self) -> Iterator[Tensor]:
        if not self._a.shape:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(self._a.shape[0]))  # type: ignore[index]

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self._a.dtype.kind not in "iub" or self._a.size != 1:
            raise TypeError("only an integer tensor with one element can be an index")
        return int(self.item())

    def __format__(self, spec: str) -> str:
        if self._a.ndim == 0 and spec:
            return format(self.item(), spec)
        return object.__format__(self, spec) if spec else repr(self)

    def __repr__(self) -> str:
        from graphscope.engine.printing import tensor_repr

        return tensor_repr(self)

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
        from graphscope.engine.backward import backward

        backward((self,), (gradient,), retain_graph, create_graph, inputs)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Any:
        """Call ``hook(grad)`` when this tensor's gradient is computed; a returned tensor replaces it."""
        from graphscope.engine.backward import register_hook

        return register_hook(self, hook)

    def retain_grad(self) -> None:
        """Keep ``.grad`` for this non-leaf tensor too."""
        if self._node is None:
            return

        def keep(grad: Tensor) -> None:
            self._grad = grad if self._grad is None else self._grad + grad

        self.register_hook(keep)


def _rebuild(cls: type[Tensor], array: Any, rg: bool, name: str | None) -> Tensor:
    out: Tensor = cls.__new__(cls)
    Tensor.__init__(out, array, rg)
    out._name = name
    return out
