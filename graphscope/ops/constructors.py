"""``Tensor(3, 4)``, ``Tensor([1, 2])``, ``LongTensor(...)``: torch's old constructors, as the public face of Tensor.

The engine makes its tensors with ``engine.tensor.Tensor(array)``, which must stay as cheap as can be. So the
class that users see is a subclass that is never instantiated: calling it makes an engine tensor from the
user's arguments, ``isinstance`` asks for engine tensors, and what is put on it is put on the engine's class.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.create import empty, tensor
from graphscope.engine.size import Size
from graphscope.engine.tensor import Tensor as EngineTensor
from graphscope.errors import DTypeError


class _Face(type):
    """The class of ``Tensor`` and ``FloatTensor`` as users see them."""

    tensor_dtype: dtypes.dtype | None
    tensor_device: str | None

    def __call__(cls, *args: Any, device: Any = None, **kwargs: Any) -> Any:
        made = _old_constructor(cls, args, device or cls.tensor_device)
        if "tensor_dtype" in cls.__dict__:
            return made
        create: Any = object.__new__
        out = create(cls)  # a subclass of the user's
        EngineTensor.__init__(out, made._a)
        return out

    def __instancecheck__(cls, x: Any) -> bool:
        if cls is Tensor:
            return isinstance(x, EngineTensor)
        if "tensor_dtype" not in cls.__dict__:
            return type.__instancecheck__(cls, x)
        if not isinstance(x, EngineTensor):
            return False
        kind, where = cls.tensor_dtype, cls.tensor_device
        return kind is None or x.dtype is kind and x.device.type == (where or "cpu")

    def __subclasscheck__(cls, kind: Any) -> bool:
        if cls.__dict__.get("tensor_dtype", 0) is None:
            return issubclass(kind, EngineTensor)
        return type.__subclasscheck__(cls, kind)

    def __setattr__(cls, name: str, value: Any) -> None:
        if cls.__dict__.get("tensor_dtype", 0) is None:
            setattr(EngineTensor, name, value)
        else:
            type.__setattr__(cls, name, value)


def _old_constructor(cls: Any, args: Any, device: Any) -> EngineTensor:
    kind = cls.tensor_dtype or dtypes.get_default_dtype()
    if len(args) == 1 and not isinstance(args[0], (int, np.integer, Size)):
        data = args[0]
        if isinstance(data, EngineTensor):
            if cls.tensor_dtype is not None and data.dtype is not kind:
                raise DTypeError(
                    f"{cls.__name__} of a tensor of {data.dtype}: this constructor does not convert; use .to({kind})"
                )
            return data if data._rg else EngineTensor(data._a)
        if not isinstance(data, (list, tuple, np.ndarray, range)):
            raise DTypeError(
                f"{cls.__name__}(...) takes sizes or a sequence, not a {type(data).__name__}; "
                "a tensor of one number is tensor(...)"
            )
        return tensor(data, dtype=kind, device=device)
    made: EngineTensor = empty(*(args or (0,)), dtype=kind, device=device)
    return made


class Tensor(EngineTensor, metaclass=_Face):
    """An n-dimensional array with autograd. ``Tensor(2, 3)`` has these sizes, ``Tensor([2, 3])`` these values.

    Prefer ``tensor(...)``, which keeps the type of its data.
    """

    __slots__ = ()
    tensor_dtype = None
    tensor_device = None


Tensor.__module__ = EngineTensor.__module__


class _VariableFace(_Face):
    def __call__(cls, *args: Any, requires_grad: bool = False, **old: Any) -> Any:
        (data,) = args
        return data.detach().requires_grad_() if requires_grad else data


class Variable(EngineTensor, metaclass=_VariableFace):
    """A tensor, by its name of before torch 0.4: ``Variable(x)`` is ``x``; volatile has no meaning any more."""

    __slots__ = ()
    tensor_dtype = None
    tensor_device = None


def _typed(name: str, kind: dtypes.dtype, where: str | None = None) -> Any:
    body = dict(__slots__=(), tensor_dtype=kind, tensor_device=where)
    body["__doc__"] = f"Tensors of {kind}{f' on {where}' if where else ''}, by the old name."
    return _Face(name, (EngineTensor,), body)


FloatTensor = _typed("FloatTensor", dtypes.float32)
DoubleTensor = _typed("DoubleTensor", dtypes.float64)
HalfTensor = _typed("HalfTensor", dtypes.float16)
ByteTensor = _typed("ByteTensor", dtypes.uint8)
CharTensor = _typed("CharTensor", dtypes.int8)
ShortTensor = _typed("ShortTensor", dtypes.int16)
IntTensor = _typed("IntTensor", dtypes.int32)
LongTensor = _typed("LongTensor", dtypes.int64)
BoolTensor = _typed("BoolTensor", dtypes.bool_)
TYPED = {
    t.__name__: t
    for t in (
        FloatTensor, DoubleTensor, HalfTensor, ByteTensor, CharTensor, ShortTensor, IntTensor,
        LongTensor, BoolTensor,
    )
}  # fmt: skip
ON_CUDA = {name: _typed(name, t.tensor_dtype, "cuda") for name, t in TYPED.items()}


def set_default_tensor_type(t: Any, /) -> None:
    """Make Python floats become the dtype of a floating tensor type, such as ``"torch.DoubleTensor"``."""
    if isinstance(t, str):
        t = TYPED.get(t.rpartition(".")[2])
    dtypes.set_default_dtype(getattr(t, "tensor_dtype", t))
