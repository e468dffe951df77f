"""Rates that fall by a rule of the epoch alone."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from typing import Any

from graphscope.engine.explain import at_line
from graphscope.errors import UsageError
from graphscope.optim.lr_scheduler.base import LRScheduler
from graphscope.optim.optimizer import Optimizer


class _Closed(LRScheduler):
    """A rule with a closed form: base rate times ``_share(epoch)``."""

    def _share(self, epoch: int) -> float:
        raise NotImplementedError

    def _get_closed_form_lr(self) -> list[Any]:
        share = self._share(self.last_epoch)
        return [lr * share for lr in self.base_lrs]


class StepLR(_Closed):
    """Multiply by gamma every ``step_size`` epochs."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Any]:
        due = self.last_epoch != 0 and self.last_epoch % self.step_size == 0
        return self._now(self.gamma if due else None)

    def _share(self, epoch: int) -> float:
        return float(self.gamma ** (epoch // self.step_size))


class MultiStepLR(_Closed):
    """Multiply by gamma at each of the milestones."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:  # fmt: skip
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Any]:
        times = self.milestones.get(self.last_epoch)
        return self._now(None if times is None else self.gamma**times)

    def _share(self, epoch: int) -> float:
        return float(self.gamma ** bisect_right(sorted(self.milestones.elements()), epoch))


class ConstantLR(_Closed):
    """The rate times ``factor`` for the first ``total_iters`` epochs."""

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:  # fmt: skip
        if not 0 <= factor <= 1:
            raise at_line(
                UsageError, f"ConstantLR: factor={factor} is no share of the rate; give 0 to 1"
            )
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Any]:
        if self.last_epoch == 0:
            return self._now(self.factor)
        return self._now(1.0 / self.factor if self.last_epoch == self.total_iters else None)

    def _share(self, epoch: int) -> float:
        return 1.0 if epoch >= self.total_iters else self.factor


class LinearLR(_Closed):
    """The factor of the rate goes in a line from ``start_factor`` to ``end_factor``."""

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0,
        total_iters: int = 5, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if not 0 < start_factor <= 1:
            raise at_line(
                UsageError,
                f"LinearLR: start_factor={start_factor} must be above 0, so that the rate can grow from it, and at most 1",
            )
        if not 0 <= end_factor <= 1:
            raise at_line(
                UsageError,
                f"LinearLR: end_factor={end_factor} is no share of the rate; give 0 to 1",
            )
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Any]:
        if self.last_epoch == 0:
            return self._now(self.start_factor)
        if self._is_initial or self.last_epoch > self.total_iters:
            return self._now()
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return self._now(1.0 + rise / before)

    def _share(self, epoch: int) -> float:
        rise = self.end_factor - self.start_factor
        return self.start_factor + rise * min(self.total_iters, epoch) / self.total_iters


class ExponentialLR(_Closed):
    """Multiply by gamma every epoch."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Any]:
        return self._now(None if self._is_initial or self.last_epoch == 0 else self.gamma)

    def _share(self, epoch: int) -> float:
        return float(self.gamma**epoch)


class PolynomialLR(_Closed):
    """The rate times (1 - epoch / total_iters) ** power, zero from ``total_iters`` on."""

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Any]:
        if self._is_initial or self.last_epoch == 0 or self.last_epoch > self.total_iters:
            return self._now()
        left = 1.0 - self.last_epoch / self.total_iters
        before = 1.0 - (self.last_epoch - 1) / self.total_iters
        return self._now((left / before) ** self.power)

    def _share(self, epoch: int) -> float:
        return float((1.0 - min(self.total_iters, epoch) / self.total_iters) ** self.power)
