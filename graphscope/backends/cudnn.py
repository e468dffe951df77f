"""cuDNN is not used: convolutions are matrix products of our own. The switches can be set and do nothing."""

from __future__ import annotations

enabled = True
benchmark = False
benchmark_limit = 10
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """False: GraphScope does not use cuDNN."""
    return False


def version() -> None:
    """None: there is no cuDNN."""
    return None
