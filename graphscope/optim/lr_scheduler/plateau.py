"""A rate that falls when a measured number stops getting better."""

from __future__ import annotations

import warnings
from math import inf
from typing import Any

from graphscope.engine.explain import at_line
from graphscope.errors import RangeError, UsageError
from graphscope.optim.lr_scheduler.base import EPOCH, LRScheduler, _optimizer, set_value, values_of
from graphscope.optim.optimizer import Optimizer
from graphscope.optim.state import rates_changed


class ReduceLROnPlateau(LRScheduler):
    """Multiply by ``factor`` after more than ``patience`` epochs without progress: ``step(val_loss)``.

    threshold: what counts as progress, as a share ("rel") or a difference ("abs"). cooldown: epochs
    to wait after a cut. eps: cuts that change the rate by less are left out.
    """

    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
        threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0, min_lr: Any = 0,
        eps: float = 1e-8,
    ) -> None:  # fmt: skip
        if factor >= 1.0:
            raise at_line(
                UsageError,
                f"ReduceLROnPlateau: factor={factor} does not reduce the rate; give a number below 1",
            )
        self.factor = factor
        self.optimizer = _optimizer(optimizer)
        groups = len(optimizer.param_groups)
        if isinstance(min_lr, (list, tuple)):
            if len(min_lr) != groups:
                raise at_line(
                    UsageError,
                    f"ReduceLROnPlateau: min_lr lists {len(min_lr)} rates for {groups} groups of parameters",
                )
            self.default_min_lr = None
            self.min_lrs = list(min_lr)
        else:
            self.default_min_lr = min_lr
            self.min_lrs = [min_lr] * groups
        self.patience = patience
        self.cooldown = cooldown
        self.eps = eps
        self.last_epoch = 0
        self._last_lr = values_of(optimizer, "lr")
        self._init_is_better(mode, threshold, threshold_mode)
        self._reset()

    def _init_is_better(self, mode: str, threshold: float, threshold_mode: str) -> None:
        if mode not in ("min", "max"):
            raise at_line(
                UsageError,
                f"ReduceLROnPlateau: there is no mode={mode!r}; 'min' is for losses, 'max' for accuracies",
            )
        if threshold_mode not in ("rel", "abs"):
            raise at_line(
                UsageError,
                f"ReduceLROnPlateau: there is no threshold_mode={threshold_mode!r}, only 'rel' and 'abs'",
            )
        self.mode_worse = inf if mode == "min" else -inf
        self.mode = mode
        self.threshold = threshold
        self.threshold_mode = threshold_mode

    def _reset(self) -> None:
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    @property
    def in_cooldown(self) -> bool:
        """Whether the schedule waits after a cut."""
        return self.cooldown_counter > 0

    def is_better(self, a: float, best: float) -> bool:
        """Whether ``a`` is progress over ``best``."""
        step = -self.threshold if self.mode == "min" else self.threshold
        # Not best + step * best: the first best is infinite.
        bound = best * (1 + step) if self.threshold_mode == "rel" else best + step
        return a < bound if self.mode == "min" else a > bound

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Tell the schedule this epoch's number."""
        current = float(metrics)
        if epoch is None:
            epoch = self.last_epoch + 1
        else:
            warnings.warn(EPOCH, UserWarning, stacklevel=2)
        self.last_epoch = epoch
        if self.is_better(current, self.best):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce_lr(epoch)
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = values_of(self.optimizer, "lr")

    def _reduce_lr(self, epoch: int) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise at_line(
                    RangeError,
                    f"ReduceLROnPlateau: the optimizer has {len(groups)} groups of parameters now, and min_lr was given for "
                    f"{len(self.min_lrs)}; a single min_lr holds for groups that come later too",
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        were = [group["lr"] for group in groups]
        for low, group in zip(self.min_lrs, groups, strict=True):
            old = float(group["lr"])
            new = max(old * self.factor, low)
            if old - new > self.eps:
                set_value(group, "lr", new)
        rates_changed(self.optimizer, were)
