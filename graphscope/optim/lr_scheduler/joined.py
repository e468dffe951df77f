"""Schedules made of schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from graphscope.engine.explain import at_line
from graphscope.errors import UsageError, UsageTypeError
from graphscope.optim.lr_scheduler.base import LRScheduler, set_value
from graphscope.optim.optimizer import Optimizer


def _same(owner: str, schedulers: Sequence[Any], optimizer: Any) -> None:
    for i, scheduler in enumerate(schedulers):
        if not hasattr(scheduler, "optimizer"):
            raise at_line(
                UsageTypeError,
                f"{owner}: part {i} is {type(scheduler).__name__}, which has no optimizer and is no schedule",
            )
        if scheduler.optimizer is not optimizer:
            raise at_line(
                UsageError,
                f"{owner}: part {i}, {type(scheduler).__name__}, was made for another optimizer than the joined schedule; "
                "make all of them for one",
            )


class _Joined(LRScheduler):
    """A state dict holds those of the parts under "_schedulers"."""

    _schedulers: list[Any]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, with the parts' states."""
        hidden = ("optimizer", "_schedulers")
        state = {key: value for key, value in self.__dict__.items() if key not in hidden}
        state["_schedulers"] = [scheduler.state_dict() for scheduler in self._schedulers]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state, also of all parts."""
        self.__dict__.update({k: v for k, v in state_dict.items() if k != "_schedulers"})
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


class SequentialLR(_Joined):
    """One schedule after the other; milestones say at which epoch the next one takes over."""

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[Any],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        if not schedulers:
            raise at_line(UsageError, "SequentialLR: the list of schedulers is empty")
        _same("SequentialLR", schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise at_line(
                UsageError,
                f"SequentialLR: between {len(schedulers)} schedulers there are {len(schedulers) - 1} changes, and milestones "
                f"lists {len(milestones)}: {list(milestones)}",
            )
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        # Making the parts has stepped each of them once: begin again, and with the first only.
        for group in optimizer.param_groups:
            set_value(group, "lr", group["initial_lr"])
        for scheduler in schedulers:
            _back(scheduler)
        schedulers[0]._initial_step()
        self._last_lr = schedulers[0].get_last_lr()

    def recursive_undo(self, sched: Any = None) -> None:
        """Take back the first step of all parts, also of joined parts."""
        _back(self if sched is None else sched)

    def step(self) -> None:  # type: ignore[override]
        """Go on to the next epoch."""
        self.last_epoch += 1
        k = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[k]
        if k > 0 and self._milestones[k - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


def _back(scheduler: Any) -> None:
    if hasattr(scheduler, "_schedulers"):
        for part in scheduler._schedulers:
            _back(part)
    elif hasattr(scheduler, "last_epoch"):
        scheduler.last_epoch -= 1


class ChainedScheduler(_Joined):
    """All schedules at once: each changes the rate that the one before it left."""

    def __init__(self, schedulers: Sequence[Any], optimizer: Optimizer | None = None) -> None:
        if not schedulers:
            raise at_line(UsageError, "ChainedScheduler: the list of schedulers is empty")
        optimizer = optimizer or schedulers[0].optimizer
        _same("ChainedScheduler", schedulers, optimizer)
        self._schedulers = list(schedulers)
        self.optimizer = optimizer
        self._last_lr = [g["lr"] for g in self._schedulers[-1].optimizer.param_groups]

    def step(self) -> None:  # type: ignore[override]
        """Step every part."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = [g["lr"] for g in self._schedulers[-1].optimizer.param_groups]
