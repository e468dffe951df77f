"""How fast this machine can copy and multiply, measured: what achieved rates are compared with.

Source of the picture: S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model
for multicore architectures", CACM 52(4), 2009. Measured and not looked up: a laptop on battery has other
ceilings than its data sheet.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

AGE = 30 * 86400.0  # seconds after which a measurement is taken again


@dataclass(frozen=True)
class Ceilings:
    """Rates of this process on this machine: its BLAS, its number of threads."""

    copy: float
    """Bytes a second that a copy reads and writes (64 MiB, larger than caches)."""
    gemm32: float
    """float32 operations a second in a 1024 x 1024 matrix product; a multiply-add counts 2."""
    gemm64: float
    """The same in float64."""
    threads: int
    measured: float
    """Unix seconds."""

    @property
    def ridge(self) -> float:
        """Operations per byte above which arithmetic and not memory is the limit (float32)."""
        return self.gemm32 / self.copy


def ceilings(again: bool = False, folder: Path | None = None) -> Ceilings:
    """This machine's ceilings: from the cache of at most 30 days, else measured (about half a second)."""
    path = (folder or cache_folder()) / "ceilings.json"
    key = machine()
    known = _load(path)
    found = known.get(key)
    if found is not None and not again:
        try:
            ready = Ceilings(**found)
            if 0 <= time.time() - ready.measured < AGE:
                return ready
        except TypeError:
            pass  # written by another version: measured again below
    fresh = measure()
    known[key] = asdict(fresh)
    _save(path, known)
    return fresh


def cache_folder() -> Path:
    """Where measurements are kept: ``$XDG_CACHE_HOME/graphscope`` or ``~/.cache/graphscope``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "graphscope"


def machine() -> str:
    """What a measurement is valid for: processor, numpy, and the number of BLAS threads."""
    parts = (platform.machine(), platform.processor(), os.cpu_count(), np.__version__, threads())
    return " ".join(str(p) for p in parts if p)


def threads() -> int:
    """The number of threads that numpy's matrix product uses in this process."""
    try:
        from threadpoolctl import threadpool_info

        counts = [
            pool["num_threads"] for pool in threadpool_info() if pool.get("user_api") == "blas"
        ]
        return int(max(counts, default=1))
    except ImportError:
        return int(os.environ.get("OPENBLAS_NUM_THREADS", os.cpu_count() or 1))


def measure(seconds: float = 0.12) -> Ceilings:
    """Measure now: each rate is the best of as many tries as fit into ``seconds``."""
    rng = np.random.default_rng(0)
    source = rng.random(1 << 23)  # 64 MiB
    target = np.empty_like(source)
    copy = _best(lambda: np.copyto(target, source), seconds)
    rates = []
    n = 1024
    for dtype in (np.float32, np.float64):
        a = rng.random((n, n)).astype(dtype)
        out = np.empty_like(a)
        took = _best(lambda a=a, out=out: np.matmul(a, a, out=out), seconds)  # type: ignore[misc]
        rates.append(2.0 * n**3 / took)
    return Ceilings(2 * source.nbytes / copy, rates[0], rates[1], threads(), time.time())


def _best(work: Callable[[], Any], seconds: float) -> float:
    work()  # pages, caches, threads
    best, end = float("inf"), time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        work()
        now = time.perf_counter()
        best = min(best, now - start)
        if now > end:
            return best


def _load(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # no cache, or a damaged one: it is measured again
    return data if isinstance(data, dict) else {}


def _save(path: Path, known: dict[str, Any]) -> None:
    """Write the cache; a machine where that is not allowed measures every time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(known, file, indent=1)
        os.replace(name, path)
    except OSError as error:
        print(f"graphscope: the ceilings could not be kept: {error}", file=sys.stderr)
