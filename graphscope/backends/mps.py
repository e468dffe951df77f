"""Apple's GPUs: not supported, so programs that ask fall back to the cpu."""

from __future__ import annotations


def is_available() -> bool:
    """False."""
    return False


def is_built() -> bool:
    """False."""
    return False
