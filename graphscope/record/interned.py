"""What the integers of a noted step stand for, beside heads and lines: shapes with their dtype, and what is kept."""

from __future__ import annotations

from typing import Any

from graphscope.engine.straight import is_straight


class Specs(dict[Any, int]):
    """Numbers shapes with their dtype, ``(shape, dtype)``; dtype None: no value was made."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Any] = []

    def __missing__(self, spec: Any) -> int:
        found = self[spec] = len(self.all)
        self.all.append(spec)
        return found


class Keeps(dict[Any, int]):
    """Numbers which of their inputs and outputs nodes keep for a gradient; 0: nothing."""

    def __init__(self) -> None:
        super().__init__({(): 0})
        self.all: list[tuple[int, ...]] = [()]
        self._of_plan: dict[Any, int] = {}  # where that is always the same

    def __missing__(self, places: tuple[int, ...]) -> int:
        found = self[places] = len(self.all)
        self.all.append(places)
        return found

    def of(self, node: Any) -> int:
        """What a node keeps; it is asked for right after its op ran."""
        plan = node.plan
        found = self._of_plan.get(plan)
        if found is None:
            if node.saved is None:
                return 0
            found = self[tuple([k for k, a in enumerate(node.saved) if a is not None])]
            if is_straight(plan.row):  # no input may be left out
                self._of_plan[plan] = found
        return found
