"""Torch's question for mkl; GraphScope leaves such things to numpy."""

from __future__ import annotations


def is_available() -> bool:
    """False: GraphScope does not call it itself."""
    return False
