"""Rates that fall along half a cosine.

Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts".
"""

from __future__ import annotations

import math
from typing import Any

from graphscope.engine.explain import at_line
from graphscope.errors import UsageError
from graphscope.optim.lr_scheduler.base import LRScheduler
from graphscope.optim.optimizer import Optimizer


class CosineAnnealingLR(LRScheduler):
    """From the base rate to ``eta_min`` in ``T_max`` epochs, and back in the next."""

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Any]:
        if self._is_initial or self.last_epoch == 0:
            return self._now()
        if self._step_count == 1:  # resumed: there is no rate of before to go on from
            return self._get_closed_form_lr()
        low, turn = self.eta_min, math.pi / self.T_max
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            rise = (1 - math.cos(turn)) / 2
            return [
                lr + (base - low) * rise
                for lr, base in zip(self._now(), self.base_lrs, strict=True)
            ]
        # By the ratio of neighbours, so that another scheduler may change the rate in between.
        ratio = (1 + math.cos(turn * self.last_epoch)) / (
            1 + math.cos(turn * (self.last_epoch - 1))
        )
        return [ratio * (lr - low) + low for lr in self._now()]

    def _get_closed_form_lr(self) -> list[Any]:
        share = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (base - self.eta_min) * share for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine in ``T_0`` epochs, then again, ``T_mult`` times longer each time.

    ``step(epoch)`` takes fractions: epoch + batch / batches.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:  # fmt: skip
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            if not isinstance(value, int) or value < 1:
                raise at_line(
                    UsageError,
                    f"CosineAnnealingWarmRestarts: {name}={value!r} must be a whole number from 1 on",
                )
        if not isinstance(eta_min, (float, int)):
            raise at_line(
                UsageError,
                f"CosineAnnealingWarmRestarts: eta_min={eta_min!r} is {type(eta_min).__name__}, a rate is a number",
            )
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Any]:
        share = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * share for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go on by one epoch, or to ``epoch``, which may be a fraction."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        elif epoch < 0:
            raise at_line(
                UsageError, f"CosineAnnealingWarmRestarts.step: epoch={epoch} lies before the start"
            )
        else:
            self._find(epoch)
        self.last_epoch = math.floor(epoch)
        self._set(self.get_lr)

    def _find(self, epoch: float) -> None:
        """Which restart an epoch belongs to, and how far in it is."""
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            restarts = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            begun = self.T_0 * (self.T_mult**restarts - 1) / (self.T_mult - 1)
            self.T_cur = epoch - begun
            self.T_i = self.T_0 * self.T_mult**restarts
