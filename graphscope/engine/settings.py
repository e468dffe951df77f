"""Torch's process-wide settings: threads for linear algebra, determinism, precision of products."""

from __future__ import annotations

from typing import Any

from graphscope.errors import UsageError


def _blas() -> list[Any]:
    from threadpoolctl import threadpool_info

    return [pool for pool in threadpool_info() if pool["user_api"] == "blas"]


def get_num_threads() -> int:
    """Threads that numpy's linear algebra uses; everything else runs on one."""
    return max((pool["num_threads"] for pool in _blas()), default=1)


def set_num_threads(num: int, /) -> None:
    """Let numpy's linear algebra use this many threads.

    Raises: UsageError unless it is a positive whole number.
    """
    from threadpoolctl import threadpool_limits

    if not isinstance(num, int) or num < 1:
        raise UsageError(f"set_num_threads takes a positive whole number, not {num!r}")
    threadpool_limits(limits=num, user_api="blas")


def get_num_interop_threads() -> int:
    """1: ops run one after the other."""
    return 1


def set_num_interop_threads(num: int, /) -> None:
    """Accepted and without effect: ops run one after the other."""


_deterministic = [False, False]
_precision = ["highest"]


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remember the wish. On the cpu every op is deterministic anyway; on a GPU sums at repeated indices are not."""
    _deterministic[:] = [bool(mode), bool(mode and warn_only)]


def are_deterministic_algorithms_enabled() -> bool:
    """What ``use_deterministic_algorithms`` was told."""
    return _deterministic[0]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether it was told ``warn_only``."""
    return _deterministic[1]


def set_float32_matmul_precision(precision: str) -> None:
    """Remember "highest", "high" or "medium"; products are computed in full float32 always."""
    if precision not in ("highest", "high", "medium"):
        raise UsageError(f"the precision is 'highest', 'high' or 'medium', not {precision!r}")
    _precision[0] = precision


def get_float32_matmul_precision() -> str:
    """What ``set_float32_matmul_precision`` was told."""
    return _precision[0]


def set_flush_denormal(mode: bool, /) -> bool:
    """False: numpy cannot be told to flush denormal numbers to zero."""
    return False
