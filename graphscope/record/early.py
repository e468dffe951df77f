"""The first steps of a run whose statistics are taken whatever the budget says.

A training of a second would otherwise have too few for anyone, or any rule of the doctor, to see a trend. What
they cost counts all the same: later ones wait until it is made up for.
"""

from __future__ import annotations

STEPS = (2, 5, 11, 23, 47, 95)  # and 0, which has them since its graph is new
MOST = 20_000_000  # nanoseconds: not where they cost more than that


class Early:
    """Which of these training steps are still to come."""

    __slots__ = ("left", "least")

    def __init__(self) -> None:
        self.left = [*STEPS]
        self.least = 0  # cost so far; of what a busy machine's clock says the smallest is nearest

    def due(self, num: int) -> bool:
        """Whether step ``num``, the next one, is one of them."""
        left = self.left
        while left and left[0] < num:
            del left[0]
        # The very first statistics cost several times what the next ones do: caches are cold.
        most = 5 * MOST if num == STEPS[0] else MOST
        return bool(left) and left[0] == num and self.least <= most

    def took(self, num: int, cost: int) -> None:
        """Statistics were taken in step ``num``, or in an evaluation before it."""
        self.least = min(self.least or cost, cost)
        if self.left and self.left[0] == num:
            del self.left[0]
