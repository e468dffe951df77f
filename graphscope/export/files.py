"""Writing a file so that it is either whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from graphscope.errors import UsageError


@contextmanager
def writing(path: Path | str, binary: bool = False) -> Iterator[IO[Any]]:
    """Open a neighbour of ``path`` that takes its place when the block ends without an error.

    Raises: UsageError when the folder does not exist; OSError when the disk refuses.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise UsageError(f"The folder {target.parent} does not exist; make it first.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", dir=target.parent)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}.") from error
    try:
        with os.fdopen(
            handle, "wb" if binary else "w", **({} if binary else {"encoding": "utf-8"})
        ) as out:  # type: ignore[call-overload]
            yield out
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current
