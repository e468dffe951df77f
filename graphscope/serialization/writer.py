"""Values as torch's zip format: a pickle of protocol 2 whose tensors point at records of raw memory."""

from __future__ import annotations

import io
import pickle
import sys
import zipfile
import zlib
from collections import OrderedDict
from typing import Any

from graphscope.engine import dtype as dtypes
from graphscope.engine.device import device as Device
from graphscope.engine.dtype import dtype as DType
from graphscope.engine.tensor import Size, Tensor
from graphscope.errors import CheckpointError, DTypeError
from graphscope.nn.parameter import Parameter
from graphscope.serialization.storage import OF_DTYPE, owner_of, place_in

ALIGN = 64  # torch can map a file whose records begin at multiples of this
_EPOCH = (1980, 1, 1, 0, 0, 0)  # equal values make equal files


class Global:
    """A name of torch's, written as it is, whether or not torch is there."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __call__(self, *args: Any) -> Any:  # what pickle calls must be callable
        raise TypeError(f"{self.module}.{self.name} is only a name here")


def _known(module: str, *names: str) -> dict[str, Global]:
    return {name: Global(module, name) for name in names}


_DTYPES = [d.name for d in vars(dtypes).values() if isinstance(d, DType)]
_TORCH = _known("torch", "Size", "device", *_DTYPES, *OF_DTYPE.values())
_UTILS = _known("torch._utils", "_rebuild_tensor_v2", "_rebuild_parameter")


class Pickler(pickle._Pickler):
    """Python's own pickler, with tensors, sizes, dtypes and devices under torch's names."""

    dispatch = pickle._Pickler.dispatch.copy()

    def __init__(self, file: Any, protocol: int) -> None:
        super().__init__(file, protocol)
        self.storages: list[Any] = []
        self._numbers: dict[Any, tuple[int, Any]] = {}

    def save_name(self, value: Global) -> None:
        """Write the name itself; pickle would look it up first."""
        self.write(f"c{value.module}\n{value.name}\n".encode())  # type: ignore[attr-defined]
        self.memoize(value)  # type: ignore[attr-defined]

    dispatch[Global] = save_name  # type: ignore[assignment]

    def persistent_id(self, obj: Any) -> Any:
        """Storages are kept beside the pickle."""
        if not isinstance(obj, _Place):
            return None
        kind = _TORCH[OF_DTYPE[str(obj.flat.dtype)]]
        return ("storage", kind, str(obj.number), obj.location, int(obj.flat.size))

    def reducer_override(self, obj: Any) -> Any:
        """How a value of ours is put together again, in torch's words."""
        if isinstance(obj, Tensor):
            return self._tensor(obj)
        kind = type(obj)
        if kind is Size:
            return _TORCH["Size"], (tuple(obj),)
        if isinstance(obj, OrderedDict) and kind.__module__.startswith("graphscope."):
            return OrderedDict, (), obj.__dict__.copy() or None, None, iter(obj.items())
        if kind is Device:
            where: tuple[Any, ...] = (obj.type,) if obj.index is None else (obj.type, obj.index)
            return _TORCH["device"], where
        if hasattr(obj, "_modules") and "_gs_scope" in getattr(obj, "__dict__", ()):
            state = {k: v for k, v in obj.__dict__.items() if k != "_gs_scope"}  # the recorder's
            made = obj.__reduce_ex__(2)
            return (*made[:2], state)
        return NotImplemented

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        """A dtype is a bare name in torch's files."""
        if type(obj) is DType:
            obj = _TORCH[obj.name]
        super().save(obj, save_persistent_id)  # type: ignore[misc]

    def _tensor(self, t: Tensor) -> Any:
        if isinstance(t, Parameter):
            plain = t.detach()
            return _UTILS["_rebuild_parameter"], (plain, t._rg, OrderedDict())
        host = t._host()
        if str(host.dtype) not in OF_DTYPE:
            raise DTypeError(f"save: a tensor of {host.dtype} has no place in torch's format")
        flat, offset, strides = place_in(host)
        where = t.device
        location = "cpu" if where.type != "cuda" else f"cuda:{where.index or 0}"
        place = self._place(flat, owner_of(host), location)
        args: tuple[Any, ...] = (place, offset, tuple(host.shape), strides, t._rg, OrderedDict())
        return _UTILS["_rebuild_tensor_v2"], args

    def _place(self, flat: Any, owner: Any, location: str) -> _Place:
        # By address, size and dtype: two arrays over the same memory are one storage.
        key = (flat.__array_interface__["data"][0], flat.size, flat.dtype.str)
        if not flat.size:
            key = (id(owner), 0, flat.dtype.str)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = (len(self.storages), owner)
            self.storages.append(flat)
        return _Place(flat, found[0], location)


class _Place:
    """A storage as the pickle mentions it."""

    def __init__(self, flat: Any, number: int, location: str) -> None:
        self.flat, self.number, self.location = flat, number, location


def write(value: Any, file: Any, name: str, protocol: int = 2) -> None:
    """Write a value as a torch file into an open binary file."""
    body = io.BytesIO()
    pickler = Pickler(body, protocol)
    try:
        pickler.dump(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise CheckpointError(
            f"save: this value cannot be saved: {error}. Save a state dict (tensors, numbers, texts, lists, "
            "dicts) or a module whose class stands at the top of a file"
        ) from error
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        put = _Records(archive, name).put
        put("data.pkl", body.getbuffer())
        put(".format_version", b"1")
        put(".storage_alignment", str(ALIGN).encode())
        put("byteorder", sys.byteorder.encode())
        checksum = 0
        for number, flat in enumerate(pickler.storages):
            raw = memoryview(flat).cast("B") if flat.size else b""
            checksum = zlib.crc32(str(len(raw)).encode(), checksum)
            put(f"data/{number}", raw)
        put("version", b"3\n")
        put(".data/serialization_id", f"{zlib.crc32(body.getbuffer(), checksum):040d}".encode())


class _Records:
    """Records of an archive, each beginning at a multiple of 64 bytes."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.archive, self.name = archive, name

    def put(self, record: str, data: Any) -> None:
        """Add a record."""
        info = zipfile.ZipInfo(f"{self.name}/{record}", _EPOCH)
        info.file_size = len(data)
        at = self.archive.start_dir
        head = 30 + len(info.filename.encode()) + (20 if len(data) >= 1 << 31 else 0)
        pad = -(at + head + 4) % ALIGN
        info.extra = b"FB" + pad.to_bytes(2, "little") + b"Z" * pad
        with self.archive.open(info, "w", force_zip64=len(data) >= 1 << 31) as out:
            out.write(data)
