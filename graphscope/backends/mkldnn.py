"""Torch's question for mkldnn; GraphScope leaves such things to numpy."""

from __future__ import annotations


def is_available() -> bool:
    """False: GraphScope does not call it itself."""
    return False
