"""``save`` and ``load``, with torch's signatures and torch's files."""

from __future__ import annotations

import io
import os
import pickle
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graphscope.errors import CheckpointError, UsageError
from graphscope.serialization.reader import LegacyReader, ZipReader
from graphscope.serialization.safetensors import read_safetensors, write_safetensors
from graphscope.serialization.writer import write


def save(
    obj: object, f: Any, pickle_module: Any = pickle, pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True, _disable_byteorder_record: bool = False,
) -> None:  # fmt: skip
    """Save tensors, and lists and dicts of them, in a file that PyTorch reads too.

    f: a path (``.safetensors`` writes that format) or a binary file. A path is written beside and then
    renamed: if anything fails, a full disk too, the old file is still there. Tensors that share memory
    share it in the file; a view saves the whole memory that it looks into (``.clone()`` it to save less).

    A whole module can be saved too, its class by name only: to load it, the same class must be imported,
    and ``weights_only=False`` given. A state_dict is the better file. PyTorch reads it only where GraphScope is installed.
    """
    if pickle_module is not pickle:
        raise UsageError("save: another pickle_module is not supported; the format is torch's own")
    if not _use_new_zipfile_serialization:
        raise UsageError(
            "save: the format of before torch 1.6 is read, but no longer written; leave out "
            "_use_new_zipfile_serialization"
        )
    if not isinstance(f, (str, os.PathLike)):
        if isinstance(f, io.TextIOBase) or not hasattr(f, "write"):
            raise UsageError("save: f must be a path, or a file opened with 'wb'")
        write(obj, f, "archive", pickle_protocol)
        return
    path = os.fspath(f)
    with atomic(path) as file:
        if path.endswith(".safetensors"):
            write_safetensors(obj, file)
        else:
            stem = os.path.splitext(os.path.basename(path))[0]
            write(obj, file, stem or "archive", pickle_protocol)


def load(
    f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None,
    mmap: bool | None = None, **pickle_load_args: Any,
) -> Any:  # fmt: skip
    """Load what ``save``, or PyTorch's, wrote: .pt and .pth files, old and new, and safetensors.

    map_location: where tensors go, as a device, a dict of devices or ``f(storage, location)``. mmap: read
    the numbers from the file when they are needed (writes stay in memory).

    Never runs code from a file: names in it that are not data raise UnsafeFile. weights_only=False also
    puts modules together, if their class is a Module that your program has imported. WARNING: their
    ``__setstate__``, and all methods later, are then used with whatever the file says; load whole
    modules from people you trust, and weights from everybody else.

    Raises: CheckpointError for a damaged, cut or foreign file, UnsafeFile, DeviceError.
    """
    if pickle_module is not None and pickle_module is not pickle:
        raise UsageError(
            "load: another pickle_module is not supported; nothing in a file is unpickled"
        )
    modules = weights_only is False
    if isinstance(f, (str, os.PathLike)):
        path = os.fspath(f)
        with open(path, "rb") as file:
            return _load(file, repr(path), map_location, modules, path if mmap else None)
    if mmap:
        raise UsageError("load: mmap=True needs a path, not an open file")
    if not hasattr(f, "read"):
        raise UsageError(f"load: expected a path or a binary file, not {type(f).__name__}")
    if not (hasattr(f, "seek") and hasattr(f, "tell")) or f.tell() != 0:
        f = io.BytesIO(f.read())
    return _load(f, "the file", map_location, modules, None)


def _load(file: Any, where: str, map_location: Any, modules: bool, path: str | None) -> Any:
    """By what the file begins with, not by its name."""
    head = file.read(9)
    if not isinstance(head, bytes):
        raise UsageError("load: the file was opened as text; open it with 'rb'")
    file.seek(0)
    if head[:2] == b"PK":
        return ZipReader(file, where, map_location, path).load(modules)
    if head[:1] == b"\x80":
        if path is not None:
            raise UsageError(f"{where} is a legacy file, which mmap=True cannot read")
        return LegacyReader(file.read(), where, map_location).load(modules)
    if head[8:9] == b"{":
        return read_safetensors(file, where, map_location)
    if not head:
        raise CheckpointError(f"{where} is empty; was it still being written?")
    raise CheckpointError(
        f"{where} is no file of tensors: it begins with {bytes(head[:4])!r}. There are torch's .pt and .pth "
        "files and safetensors"
    )


@contextmanager
def atomic(path: str) -> Iterator[Any]:
    """A file to write that takes the path's place only when all of it is there."""
    path = os.path.realpath(path)
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise CheckpointError(f"save: Parent directory {folder} does not exist.")
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        try:
            with open(
                path, "wb"
            ) as file:  # a device or a pipe, which nothing can take the place of
                yield file
        except OSError as error:
            raise CheckpointError(f"save: {path} could not be written ({error})") from error
        return
    beside = f"{path}.{os.getpid()}.part"
    try:
        with open(beside, "wb") as file:
            yield file
        if os.path.exists(path):
            os.chmod(beside, stat.S_IMODE(os.stat(path).st_mode))
        os.replace(beside, path)
    except OSError as error:
        raise CheckpointError(
            f"save: {path} could not be written ({error.strerror or error}); an old file of that name is as it was"
        ) from error
    finally:
        if os.path.exists(beside):
            os.remove(beside)
