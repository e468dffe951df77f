"""Parts of the dashboard that are made when they are first needed, so that what is needed first is there first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Part(Generic[T]):
    """Something that is made once, by whoever asks first; the others wait."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: T | None = None

    @property
    def made(self) -> T | None:
        """The thing if it is there."""
        return self._made

    def get(self) -> T:
        """The thing. What its making raises is raised here, and the next one who asks tries again."""
        if self._made is None:
            with self._lock:
                if self._made is None:
                    self._made = self._make()
        return self._made
