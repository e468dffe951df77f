"""Whole tensors that were asked for while a program stood: files beside its trace, ``digits.open/7.npy``.

A number stands for the command that asked, so a page names a file by nothing but a number.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.errors import TraceError
from graphscope.trace.format import SUFFIX

LIMIT = 256 << 20  # bytes of one tensor
KEEP = 16  # tensors at once


def folder_of(trace: Path | str) -> Path:
    """Where the tensors of a trace lie."""
    path = Path(trace)
    return path.with_name(f"{path.name.removesuffix(SUFFIX)}.open")


def save(
    trace: Path | str, id: int, array: NDArray[Any], facts: dict[str, Any], before: Any = None
) -> None:
    """Put a tensor, and perhaps the one of the step before, beside the trace; the oldest ones go.

    Raises: TraceError when it is too large or cannot be written.
    """
    for a in (array, before):
        if a is not None and a.nbytes > LIMIT:
            raise TraceError(
                f"the tensor has {a.nbytes >> 20:,} MiB; up to {LIMIT >> 20} MiB are opened"
            )
    folder = folder_of(trace)
    try:
        folder.mkdir(exist_ok=True)
        for name, a in ((f"{id}.npy", array), (f"{id}.before.npy", before)):
            if a is not None:
                half = folder / f"{name}.part"
                with half.open("wb") as file:
                    np.save(file, a, allow_pickle=False)
                half.replace(folder / name)
        told = {
            **facts,
            "shape": list(array.shape),
            "dtype": str(array.dtype),
            "before": before is not None,
        }
        (folder / f"{id}.json").write_text(json.dumps(told), encoding="utf-8")
        numbers = sorted(int(p.stem) for p in folder.glob("*.json") if p.stem.isdigit())
        for old in numbers[:-KEEP]:
            for end in ("json", "npy", "before.npy"):
                (folder / f"{old}.{end}").unlink(missing_ok=True)
    except OSError as error:
        raise TraceError(
            f"the tensor cannot be written beside the trace: {error.strerror or error}"
        ) from error


def load(trace: Path | str, id: int, before: bool = False) -> tuple[NDArray[Any], dict[str, Any]]:
    """The tensor, read from the file as far as it is looked at, and what it is.

    Raises: TraceError when it is not there (any more), or damaged.
    """
    folder = folder_of(trace)
    name = f"{int(id)}.before.npy" if before else f"{int(id)}.npy"
    try:
        facts = json.loads((folder / f"{int(id)}.json").read_text(encoding="utf-8"))
        array = np.load(folder / name, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise TraceError(f"Tensor {id} is not open (any more); open it again.") from None
    except (OSError, ValueError, EOFError) as error:
        raise TraceError(f"The opened tensor {id} cannot be read: {error}.") from error
    if not isinstance(facts, dict) or not isinstance(array, np.ndarray):
        raise TraceError(f"The opened tensor {id} cannot be read.")
    return array, facts
