"""The safetensors format: a table of names, dtypes, shapes and places in JSON, then the raw numbers.

Read and written here directly: the format is these three facts, and a dependency would add a compiled
package for sixty lines. The test extra brings the reference implementation to compare with.
Source: the format's specification in the README of huggingface/safetensors.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from graphscope.engine.create import to_device
from graphscope.engine.device import device as Device
from graphscope.engine.tensor import Tensor
from graphscope.errors import CheckpointError, UsageError
from graphscope.serialization.reader import fill
from graphscope.serialization.storage import widen

KINDS = {
    "F64": "f8", "F32": "f4", "F16": "f2", "BF16": "u2", "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1",
    "U8": "u1", "BOOL": "?",
}  # fmt: skip
_OF_DTYPE = {np.dtype(k).str: name for name, k in KINDS.items() if name != "BF16"}
_MOST = 100_000_000  # bytes of a table, as in the reference implementation


def write_safetensors(tensors: Any, file: Any, metadata: dict[str, str] | None = None) -> None:
    """Write a flat dict of tensors. Raises: UsageError for anything else."""
    if not isinstance(tensors, dict):
        raise UsageError(
            f"safetensors files hold a dict of names and tensors, not {type(tensors).__name__}; "
            "save a state_dict(), or use the ending .pt"
        )
    for name, t in tensors.items():
        if not isinstance(name, str) or not isinstance(t, Tensor):
            raise UsageError(
                f"safetensors files hold a flat dict of names and tensors; {name!r} is a {type(t).__name__}. "
                "Save model.state_dict() alone, or use the ending .pt for everything else"
            )
    # Wide numbers first: then each begins at a multiple of its size.
    order = sorted(tensors.items(), key=lambda item: (-item[1]._a.itemsize, item[0]))
    table: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    at, arrays = 0, []
    for name, t in order:
        a = t._host()
        a = np.ascontiguousarray(a, a.dtype.newbyteorder("<")).reshape(a.shape)
        kind = _OF_DTYPE[a.dtype.str]
        table[name] = dict(dtype=kind, shape=list(a.shape), data_offsets=[at, at + a.nbytes])
        at += a.nbytes
        arrays.append(a)
    head = json.dumps(table, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    file.write(len(head).to_bytes(8, "little"))
    file.write(head)
    for a in arrays:
        if a.size:
            file.write(a.reshape(-1).data.cast("B"))


def read_safetensors(file: Any, where: str, map_location: Any = None) -> dict[str, Tensor]:
    """The tensors of an open file, by name. Raises: CheckpointError for a damaged one."""
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(_MOST, size - 8):
        raise CheckpointError(
            f"{where} is cut off or no safetensors file: its table would be {length} bytes long"
        )
    try:
        table = json.loads(file.read(length))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{where} is damaged: its table is no JSON ({error})") from error
    if not isinstance(table, dict):
        raise CheckpointError(f"{where} is damaged: its table is no dict")
    table.pop("__metadata__", None)
    begin = 8 + length
    where_to = None if map_location is None or callable(map_location) else map_location
    if isinstance(where_to, dict):
        where_to = where_to.get("cpu")
    target = None if where_to is None else Device(where_to)
    out = {}
    for name, entry in _in_order(table, where, size - begin):
        a = _read(file, begin, entry)
        out[name] = Tensor(a) if target is None else to_device(Tensor(a), target)
    return {name: out[name] for name in table}


def _in_order(table: dict[str, Any], where: str, total: int) -> list[tuple[str, Any]]:
    """The entries by place, checked: each as long as its shape, and together the whole file."""
    entries = []
    for name, entry in table.items():
        try:
            kind, shape = entry["dtype"], entry["shape"]
            first, last = entry["data_offsets"]
            numbers = [first, last, *shape]
            count = 1
            for n in shape:
                count *= n
        except (TypeError, KeyError, ValueError) as error:
            raise CheckpointError(f"{where} is damaged: the entry {name!r} of its table") from error
        if kind not in KINDS:
            raise CheckpointError(
                f"{where}: {name!r} has dtype {kind!r}, which GraphScope does not have; there are "
                f"{', '.join(KINDS)}"
            )
        whole = all(type(n) is int and 0 <= n < 1 << 62 for n in numbers)
        if not whole or last - first != count * np.dtype(KINDS[kind]).itemsize:
            raise CheckpointError(
                f"{where} is damaged: {name!r} has shape {shape} and lies at {first}"
            )
        entries.append((first, last, name, (kind, shape, first)))
    entries.sort(key=lambda e: e[:3])
    at = 0
    for first, last, name, _ in entries:
        if first != at:
            raise CheckpointError(f"{where} is damaged: {name!r} begins at {first} and not at {at}")
        at = last
    if at != total:
        raise CheckpointError(
            f"{where} is damaged or cut off: its tensors take {at} bytes, and {total} are there"
        )
    return [(name, entry) for _, _, name, entry in entries]


def _read(file: Any, begin: int, entry: Any) -> Any:
    kind, shape, first = entry
    a = np.empty(shape, np.dtype(KINDS[kind]).newbyteorder("<"))
    if a.size:
        file.seek(begin + first)
        fill(file, a.reshape(-1))
    if kind == "BF16":
        a = widen(a)
    return a if a.dtype.isnative else a.astype(a.dtype.newbyteorder("="))


def save_file(
    tensors: dict[str, Tensor], filename: Any, metadata: dict[str, str] | None = None
) -> None:
    """Write a dict of tensors as a safetensors file."""
    from graphscope.serialization.api import atomic

    with atomic(os.fspath(filename)) as file:
        write_safetensors(tensors, file, metadata)


def load_file(filename: Any, device: Any = "cpu") -> dict[str, Tensor]:
    """The tensors of a safetensors file."""
    with open(filename, "rb") as file:
        return read_safetensors(file, str(filename), device)
