"""Reads torch's files: the zip format, and the plain pickles that torch wrote before 1.6."""

from __future__ import annotations

import struct
import sys
import zipfile
import zlib
from typing import Any

import numpy as np

from graphscope.errors import CheckpointError
from graphscope.serialization.safe import Allowed, StorageKind
from graphscope.serialization.storage import STORAGES, Storage, empty, placed, widen
from graphscope.serialization.unpickler import Unpickler

_MAGIC = 0x1950A86A20F9469CFC6C  # begins a legacy file
_BROKEN = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, NotImplementedError, EOFError, KeyError,
    ValueError, IndexError, OverflowError, RuntimeError, MemoryError, UnicodeDecodeError,
)  # fmt: skip


class ZipReader:
    """One torch zip file: the pickle, and storages that are read when the pickle points at them."""

    def __init__(self, file: Any, where: str, map_location: Any, path: str | None) -> None:
        self.file, self.where, self.map_location, self.path = file, where, map_location, path
        try:
            self.archive = zipfile.ZipFile(file)
            self.records = {info.filename: info for info in self.archive.infolist()}
        except _BROKEN as error:
            raise CheckpointError(
                f"{where} is damaged or cut off: it begins like a zip file, but its table of contents is not "
                f"there ({error})"
            ) from error
        found = [name for name in self.records if name.endswith("/data.pkl")]
        if len(found) != 1:
            code = any("/code/" in name for name in self.records)
            raise CheckpointError(
                f"{where} is a zip file, but not one that torch.save wrote: it has no data.pkl"
                if not code
                else f"{where} is a TorchScript program (torch.jit.save); only saved values can be loaded"
            )
        self.root = found[0][: -len("data.pkl")]
        if f"{self.root}constants.pkl" in self.records:
            raise CheckpointError(
                f"{where} is a TorchScript program (torch.jit.save); only saved values can be loaded"
            )
        self.storages: dict[str, Storage] = {}
        order = f"{self.root}byteorder"
        self.swap = order in self.records and self.read(order).strip() != sys.byteorder.encode()

    def load(self, modules: bool) -> Any:
        """The saved value."""
        data = self.read(f"{self.root}data.pkl")
        return Unpickler(data, Allowed(self.where, modules), self.storage).load()

    def read(self, name: str) -> bytes:
        """A record."""
        info = self.records[name]
        if info.file_size > 1 << 20 and info.file_size > 100 * info.compress_size:
            raise CheckpointError(
                f"{self.where}: its record {name!r} would be {info.file_size} bytes long when unpacked, a hundred "
                "times of what is there; refused"
            )
        try:
            return self.archive.read(info)
        except _BROKEN as error:
            raise CheckpointError(
                f"{self.where} is damaged: its record {name!r} cannot be read ({error})"
            ) from error

    def storage(self, pointer: Any) -> Storage:
        """The storage that a pointer in the pickle means."""
        kind, key, location, count = storage_pointer(pointer, self.where)
        found = self.storages.get(key)
        if found is not None:
            return found
        info = self.records.get(f"{self.root}data/{key}")
        raw = np.empty(0, np.uint16) if kind == "BFloat16Storage" else empty(kind, 0)
        if info is None or info.file_size != count * raw.itemsize:
            raise CheckpointError(
                f"{self.where} is damaged: storage {key!r} of {count} elements is "
                + ("not there" if info is None else f"{info.file_size} bytes long")
            )
        array = self._array(info, count, raw.dtype)
        if self.swap:
            array = array.byteswap()
        if kind == "BFloat16Storage":
            array = widen(array)
        found = self.storages[key] = placed(Storage(array, location), self.map_location)
        return found

    def _array(self, info: zipfile.ZipInfo, count: int, dtype: Any) -> Any:
        """A record as an array: read straight into its memory, or mapped."""
        nbytes = count * dtype.itemsize
        try:
            if info.compress_type != zipfile.ZIP_STORED:
                return np.frombuffer(bytearray(self.archive.read(info)), dtype, count)
            self.file.seek(info.header_offset)
            head = self.file.read(30)
            names, extra = struct.unpack("<HH", head[26:30])
            if head[:4] != b"PK\x03\x04" or info.compress_size != nbytes:
                raise zipfile.BadZipFile("its header does not fit")
            begin = info.header_offset + 30 + names + extra
            if self.path is not None and nbytes:
                mapped = np.memmap(self.path, np.uint8, "c", begin, (nbytes,))
                return mapped.view(np.ndarray).view(dtype)
            self.file.seek(0, 2)
            if begin + nbytes > self.file.tell():
                raise zipfile.BadZipFile("the file ends before it does")
            self.file.seek(begin)
            array = np.empty(count, dtype)
            if nbytes:
                fill(self.file, array)
            if zlib.crc32(array.data) != info.CRC:
                raise zipfile.BadZipFile("its checksum does not fit")
        except (*_BROKEN, OSError) as error:
            raise CheckpointError(
                f"{self.where} is damaged: its record {info.filename!r} cannot be read ({error})"
            ) from error
        return array


def fill(file: Any, array: Any) -> None:
    """Read bytes into an array until it is full. Raises: EOFError if the file ends before."""
    view = array.view(np.uint8).data
    if hasattr(file, "readinto"):
        got = 0
        while got < len(view):
            n = file.readinto(view[got:])
            if not n:
                raise EOFError("the file ends before it does")
            got += n
        return
    data = file.read(len(view))
    if len(data) != len(view):
        raise EOFError("the file ends before it does")
    view[:] = data


def storage_pointer(pointer: Any, where: str) -> tuple[str, str, str, int]:
    """Kind, key, location and length of a storage that a pickle points at."""
    if type(pointer) is not tuple or len(pointer) < 5 or pointer[0] != "storage":
        raise CheckpointError(f"{where} is damaged: it points at a {type(pointer).__name__}")
    _, kind, key, location, count = pointer[:5]
    if not isinstance(kind, StorageKind) or type(count) is not int or count < 0:
        raise CheckpointError(f"{where} is damaged: a storage of an unknown kind")
    return kind.name, str(key), str(location), count


class LegacyReader:
    """A file of before torch 1.6: five pickles one after the other, then the raw storages."""

    def __init__(self, data: bytes, where: str, map_location: Any) -> None:
        self.data, self.where, self.map_location = data, where, map_location
        self.at = 0
        self.storages: dict[str, Storage] = {}
        self.kinds: dict[str, str] = {}

    def _next(self, modules: bool = False) -> Any:
        unpickler = Unpickler(self.data, Allowed(self.where, modules), self.storage, self.at)
        value = unpickler.load()
        self.at = unpickler.end
        return value

    def load(self, modules: bool) -> Any:
        """The saved value."""
        if self._next() != _MAGIC:
            raise CheckpointError(f"{self.where} is a pickle, but not one that torch.save wrote")
        self._next()  # protocol version
        system = self._next()
        value = self._next(modules)
        keys = self._next()
        order = "<" if not isinstance(system, dict) or system.get("little_endian", True) else ">"
        if not isinstance(keys, list):
            raise CheckpointError(f"{self.where} is damaged: it has no list of storages")
        for key in keys:
            self._fill(str(key), order)
        return value

    def storage(self, pointer: Any) -> Storage:
        """The storage that a pointer in the pickle means; its numbers come later in the file."""
        kind, key, location, count = storage_pointer(pointer, self.where)
        if len(pointer) > 5 and pointer[5] is not None:
            raise CheckpointError(
                f"{self.where} uses views of storages, of torch before 0.4; save it anew"
            )
        if kind not in STORAGES:
            raise CheckpointError(
                f"{self.where} holds a {kind}, which a legacy file cannot give here"
            )
        found = self.storages.get(key)
        if found is None:
            array = empty(kind, 0)
            if count * array.itemsize > len(self.data):
                raise CheckpointError(
                    f"{self.where} is cut off: storage {key!r} is longer than the file"
                )
            array = empty(kind, count)
            array[...] = 0
            found = self.storages[key] = placed(Storage(array, location), self.map_location)
            if found.target.type != "cpu":
                raise CheckpointError(
                    f"{self.where} is a legacy file; load it with map_location='cpu' and move it afterwards"
                )
        return found

    def _fill(self, key: str, order: str) -> None:
        found = self.storages.get(key)
        if found is None:
            raise CheckpointError(f"{self.where} is damaged: an unknown storage {key!r}")
        array = found.array
        begin = self.at + 8
        if begin + array.nbytes > len(self.data):
            raise CheckpointError(f"{self.where} is cut off: storage {key!r} is not whole")
        (count,) = struct.unpack(order + "q", self.data[self.at : begin])
        if count != array.size:
            raise CheckpointError(f"{self.where} is damaged: storage {key!r} has {count} elements")
        raw = np.frombuffer(self.data, array.dtype.newbyteorder(order), count, begin)
        array[...] = raw
        self.at = begin + array.nbytes
