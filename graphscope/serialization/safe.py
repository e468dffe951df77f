"""What a file may name: data, and classes that the program itself has declared safe."""

from __future__ import annotations

import collections
import re
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from graphscope.engine import dtype as dtypes
from graphscope.engine.device import device as Device
from graphscope.engine.tensor import Size, Tensor
from graphscope.errors import CheckpointError, UnsafeFile
from graphscope.nn.module import Module
from graphscope.nn.parameter import Parameter
from graphscope.serialization.storage import STORAGES, Storage

_declared: dict[str, Any] = {}


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Let files name these classes and functions: they are called with what a file says."""
    for item in safe_globals:
        value, name = item if isinstance(item, tuple) else (item, _name(item))
        _declared[name] = value


def get_safe_globals() -> list[Any]:
    """What was declared safe."""
    return list(_declared.values())


def clear_safe_globals() -> None:
    """Take all declarations back."""
    _declared.clear()


@contextmanager
def safe_globals(safe_globals: list[Any]) -> Iterator[None]:
    """Declare classes safe inside a ``with`` block only."""
    before = dict(_declared)
    add_safe_globals(safe_globals)
    try:
        yield
    finally:
        _declared.clear()
        _declared.update(before)


def _name(item: Any) -> str:
    return f"{item.__module__}.{item.__qualname__}"


# ---------------------------------------------------------------- the data of files


class StorageKind:
    """The name of a kind of storage, such as ``torch.FloatStorage``."""

    def __init__(self, name: str) -> None:
        self.name = name


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, rg: Any = False, *_: Any) -> Tensor:
    if not isinstance(storage, Storage):
        raise CheckpointError("a tensor without a storage")
    out = storage.view(offset, tuple(size), tuple(stride))
    if rg:
        out.requires_grad_()
    return out


def _tensor_v1(storage: Any, offset: Any, size: Any, stride: Any) -> Tensor:
    return _tensor(storage, offset, size, stride)


def _parameter(data: Any, rg: Any, *_: Any) -> Parameter:
    if not isinstance(data, Tensor):
        raise CheckpointError("a parameter without a tensor")
    return Parameter(data, bool(rg))


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise CheckpointError(f"bytes in the encoding {encoding!r}")
    return bytes(text.encode("latin1"))


def _bytearray(*given: Any) -> bytearray:
    if given and isinstance(given[0], str):
        return bytearray(_encode(*given))
    if given and not isinstance(given[0], (bytes, list)):
        raise CheckpointError("a bytearray of a number")  # its length would be the file's to choose
    return bytearray(*given)


_DTYPE_NAME = re.compile(r"[<>=|]?([biufc][0-9]{1,2}|[SU][0-9]{1,6}|\?)")


def _numpy_dtype(name: Any, *_: Any) -> Any:
    if not isinstance(name, str) or not _DTYPE_NAME.fullmatch(name):
        raise CheckpointError(f"a numpy dtype {name!r}")
    return _DTypeBox(np.dtype(name))


class _DTypeBox:
    """A numpy dtype while its state is still to come."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype

    def set_state(self, state: Any) -> None:
        """Only the byte order is taken."""
        if state[1] in ("<", ">", "|", "="):
            self.dtype = self.dtype.newbyteorder(state[1])


def _numpy_scalar(box: Any, raw: Any = None) -> Any:
    if not isinstance(box, _DTypeBox) or not isinstance(raw, bytes):
        raise CheckpointError("a numpy number without its dtype")
    return np.frombuffer(raw, box.dtype, 1)[0]


def _numpy_buffer(raw: Any, box: Any, shape: Any, order: Any) -> Any:
    if not isinstance(box, _DTypeBox):
        raise CheckpointError("a numpy array without its dtype")
    return np.frombuffer(bytes(raw), box.dtype).reshape(shape, order=order).copy(order="K")


class _ArrayBox:
    """A numpy array while its state is still to come."""

    def __init__(self, *_: Any) -> None:
        self.array = np.empty(0)

    def set_state(self, state: Any) -> None:
        """Shape, dtype, order and bytes."""
        _, shape, box, fortran, raw = state
        a = np.frombuffer(raw, box.dtype)
        self.array = a.reshape(shape, order="F" if fortran else "C").copy(order="K")


BOXES = (_DTypeBox, _ArrayBox)

_CALLS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor": _tensor_v1,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.Size": lambda values=(): Size(values),
    "torch.device": lambda *where: Device(*where),
    "collections.OrderedDict": lambda *items: collections.OrderedDict(*items),
    "collections.Counter": lambda *items: collections.Counter(*items),
    "builtins.set": lambda *items: set(*items),
    "builtins.frozenset": lambda *items: frozenset(*items),
    "builtins.complex": lambda *parts: complex(*parts),
    "builtins.bytearray": _bytearray,
    "builtins.bytes": lambda: b"",  # how protocol 2 spells empty ones
    "_codecs.encode": _encode,
    "numpy.dtype": _numpy_dtype,
    "numpy.core.multiarray.scalar": _numpy_scalar,
    "numpy._core.multiarray.scalar": _numpy_scalar,
    "numpy._core.numeric._frombuffer": _numpy_buffer,
    "numpy.core.multiarray._reconstruct": _ArrayBox,
    "numpy._core.multiarray._reconstruct": _ArrayBox,
}
_TYPES = (int, float, bool, str, bytes, list, dict, tuple, set, frozenset)
_VALUES: dict[str, Any] = {
    **{f"torch.{d.name}": d for d in vars(dtypes).values() if isinstance(d, dtypes.dtype)},
    **{f"torch.{name}": StorageKind(name) for name in (*STORAGES, "BFloat16Storage")},
    **{
        f"builtins.{kind.__name__}": kind
        for kind in _TYPES
        if f"builtins.{kind.__name__}" not in _CALLS
    },
    "numpy.ndarray": np.ndarray,
    "torch.Tensor": Tensor,
}


class Named:
    """A global of the file that may be called."""

    def __init__(self, name: str, call: Callable[..., Any], cls: type | None = None) -> None:
        self.name, self.call, self.cls = name, call, cls


class Allowed:
    """Looks names up for the unpickler; with ``modules`` also classes of modules that are imported already."""

    def __init__(self, where: str, modules: bool) -> None:
        self.where, self.modules = where, modules

    def find(self, module: str, name: str) -> Any:
        """The value of a name. Raises: UnsafeFile for what is neither data nor declared safe."""
        module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
        full = f"{module}.{name}"
        if full in _VALUES:
            return _VALUES[full]
        if full in _CALLS:
            return Named(full, _CALLS[full])
        if full == "collections.defaultdict":
            return Named(full, self._defaultdict)
        if full in _declared:
            value = _declared[full]
            return Named(full, value, value if isinstance(value, type) else None)
        if self.modules:
            found = self._imported(module, name)
            if isinstance(found, type) and issubclass(found, Module):
                return Named(full, _never, found)
            ours = ("graphscope.nn.functional", "graphscope.ops.functions")
            if isinstance(found, types.FunctionType) and module.startswith(ours):
                return (
                    found  # a layer may hold one, such as self.act = F.relu; nothing calls it here
                )
        if module in ("torch", "torch._utils") and (
            "Storage" in name or name.startswith("_rebuild")
        ):
            raise CheckpointError(
                f"{self.where} holds tensors of a kind that GraphScope does not have ({full}); convert them "
                "before saving: dense, of a dtype that numpy has"
            )
        raise UnsafeFile(self._refusal(full, module))

    def _imported(self, module: str, name: str) -> Any:
        """A name of a module that the program has imported: a file never makes us import one."""
        found: Any = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, part, None) if not part.startswith("__") else None
        return found

    def _refusal(self, full: str, module: str) -> str:
        text = f"{self.where} asks for {full}, which is not data, so it was refused; nothing of the file was run. "
        if module.startswith("torch.nn"):
            return text + (
                "It holds a whole module of PyTorch: save its state_dict() there, and load that here into the "
                "same model"
            )
        if self.modules:
            return text + (
                f"If it is a class of yours, import it before loading, or declare it: "
                f"graphscope.serialization.add_safe_globals([{full.rpartition('.')[2]}])"
            )
        return text + (
            "If you trust it: graphscope.serialization.add_safe_globals([...]) allows a class; "
            "load(..., weights_only=False) allows modules whose classes are imported"
        )

    @staticmethod
    def _defaultdict(factory: Any = None, *items: Any) -> Any:
        if isinstance(factory, Named):
            factory = {"builtins.set": set, "builtins.frozenset": frozenset}.get(factory.name)
        if factory is not None and factory not in (*_TYPES,):
            raise CheckpointError("a defaultdict of something unknown")
        return collections.defaultdict(factory, *items)


def _never(*_: Any) -> Any:
    raise CheckpointError("a module is put together from its attributes, and not called")
