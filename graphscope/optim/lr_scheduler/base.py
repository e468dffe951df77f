"""What all schedulers share: they count epochs and set the groups' learning rates."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from graphscope.engine.explain import at_line
from graphscope.engine.modes import no_grad
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError, UsageTypeError
from graphscope.optim.optimizer import Optimizer
from graphscope.optim.state import rates_changed

TOO_EARLY = (
    "scheduler.step() ran before the first optimizer.step(), so no update used the first rate of the schedule. "
    "Call optimizer.step() first, then scheduler.step()."
)
OVERRIDDEN = (
    "optimizer.step was replaced after the scheduler was made, so it cannot be told whether it ran first. Make the "
    "scheduler after replacing it, and call it after optimizer.step()."
)
EPOCH = (
    "scheduler.step(epoch) jumps to an epoch, by the closed form where there is one. Schedulers count epochs "
    "themselves: call step() without an argument."
)
OUTSIDE = "get_lr() computes the next rates and is for step() to call; get_last_lr() gives those that are set."


class LRScheduler:
    """Sets the learning rates of an optimizer's groups; call ``step()`` after each epoch (or batch).

    A schedule of your own overrides ``get_lr``, which returns one rate per group for ``self.last_epoch``.
    last_epoch: -1 begins a schedule; a resumed one needs "initial_lr" in the groups.
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = _optimizer(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                lr = group["lr"]
                group.setdefault("initial_lr", copied(lr))
            elif "initial_lr" not in group:
                raise at_line(
                    KeyError,
                    f"{type(self).__name__}: with last_epoch={last_epoch} a schedule goes on, but group {i} of the optimizer "
                    'has no "initial_lr" to go on from; load the optimizer\'s state first, or leave last_epoch out',
                )
        self.base_lrs = values_of(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    # ---------------------------------------------------------------- state

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a schedule's state."""
        self.__dict__.update(state_dict)

    # ---------------------------------------------------------------- rates

    def get_last_lr(self) -> list[Any]:
        """The rates that the last step set, one per group."""
        return self._last_lr

    def get_lr(self) -> list[Any]:
        """The rates for ``last_epoch``, one per group; called by ``step``."""
        if not self._get_lr_called_within_step:
            warnings.warn(OUTSIDE, UserWarning, stacklevel=2)
        return self._rates()

    def _rates(self) -> list[Any]:
        raise NotImplementedError(f"{type(self).__name__} needs a get_lr()")

    def _now(self, factor: float | None = None) -> list[Any]:
        """The rates as they are, or multiplied by a factor."""
        now = values_of(self.optimizer, "lr")
        return now if factor is None else [lr * factor for lr in now]

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next epoch (or to ``epoch``) and set its rates."""
        if self._step_count == 1:
            self._check_order()
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _check_order(self) -> None:
        if not hasattr(self.optimizer.step, "hooked"):
            warnings.warn(OVERRIDDEN, UserWarning, stacklevel=3)
        elif not self.optimizer._opt_called:
            warnings.warn(TOO_EARLY, UserWarning, stacklevel=3)

    def _update_lr(self, epoch: int | None = None) -> None:
        rates: Callable[[], list[Any]] = self.get_lr
        if epoch is None:
            self.last_epoch += 1
        else:
            self.last_epoch = epoch
            rates = getattr(self, "_get_closed_form_lr", rates)
        self._set(rates)

    def _set(self, rates: Callable[[], list[Any]]) -> None:
        self._get_lr_called_within_step = True
        try:
            new = rates()
        finally:
            self._get_lr_called_within_step = False
        were = [group["lr"] for group in self.optimizer.param_groups]
        for group, lr in zip(self.optimizer.param_groups, new, strict=True):
            set_value(group, "lr", lr)
        rates_changed(self.optimizer, were)
        self._last_lr = values_of(self.optimizer, "lr")


_LRScheduler = LRScheduler  # torch's name of before 2.0, which programs still subclass


def _optimizer(optimizer: Any) -> Optimizer:
    if not isinstance(optimizer, Optimizer):
        raise at_line(
            UsageTypeError,
            f"a scheduler sets the rates of an optimizer, and {type(optimizer).__name__} is none",
        )
    return optimizer


def copied(value: Any) -> Any:
    """An option; a copy of it if it is a tensor."""
    return Tensor(value._a.copy()) if isinstance(value, Tensor) else value


def values_of(optimizer: Optimizer, key: str) -> list[Any]:
    """An option of all groups; tensors are copied."""
    found = [group[key] for group in optimizer.param_groups]
    return [copied(value) for value in found]


def set_value(group: dict[str, Any], key: str, value: Any) -> None:
    """Set an option, in place where it is a tensor."""
    if isinstance(group[key], Tensor):
        with no_grad():
            group[key].fill_(float(value))
    else:
        group[key] = value


def per_group(name: str, optimizer: Any, value: Any) -> list[Any]:
    """One value per group of a value or a list of them. Raises: UsageError for another length."""
    groups = _optimizer(optimizer).param_groups
    if not isinstance(value, (list, tuple)):
        return [value] * len(groups)
    if len(value) != len(groups):
        raise at_line(
            UsageError,
            f"{name} lists {len(value)} values for {len(groups)} groups of parameters; give one for each group, or a "
            "single number",
        )
    return list(value)


def cycle_momentum(
    optimizer: Optimizer, base: Any, largest: Any, begin: bool
) -> tuple[bool, list[Any], list[Any]]:
    """Prepare groups whose momentum follows a cycle: whether it is beta1, the lowest and the largest."""
    if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
        raise at_line(
            UsageError,
            f"cycle_momentum=True moves the momentum or beta1, and {type(optimizer).__name__} has neither; pass "
            "cycle_momentum=False",
        )
    use_beta1 = "betas" in optimizer.defaults
    lows = per_group("base_momentum", optimizer, base)
    highs = per_group("max_momentum", optimizer, largest)
    if begin:
        for low, high, group in zip(lows, highs, optimizer.param_groups, strict=True):
            set_momentum(group, use_beta1, high)
            group["max_momentum"] = high
            group["base_momentum"] = low
    return use_beta1, lows, highs


def set_momentum(group: dict[str, Any], use_beta1: bool, value: float) -> None:
    """Set a group's momentum, or Adam's beta1."""
    if use_beta1:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value
