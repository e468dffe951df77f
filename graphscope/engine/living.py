"""Objects of the program that somebody may want to ask about while they live."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

# Which tensors are trained, by whom: nothing else in a recorded step says it of one that is not.
optimizers: WeakSet[Any] = WeakSet()
