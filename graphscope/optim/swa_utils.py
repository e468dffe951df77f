"""Averages of a model's weights over training, and the learning rate that goes with them.

Source: Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import numpy as np

from graphscope.engine.explain import at_line
from graphscope.engine.modes import no_grad
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageAssertion, UsageError
from graphscope.nn.module import Module
from graphscope.optim.lr_scheduler.base import LRScheduler, per_group
from graphscope.optim.optimizer import Optimizer

__all__ = [
    "AveragedModel", "SWALR", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn",
    "get_swa_multi_avg_fn", "update_bn",
]  # fmt: skip


def get_ema_avg_fn(decay: float = 0.999) -> Callable[..., Tensor]:
    """The moving average: decay times the old one, the rest from the model."""
    _check(decay)

    def moved(average: Any, new: Any, seen: Any) -> Tensor:
        return average * decay + new * (1 - decay)  # type: ignore[no-any-return]

    return moved


def get_swa_avg_fn() -> Callable[..., Tensor]:
    """The equal average of all models so far."""

    def moved(average: Any, new: Any, seen: Any) -> Tensor:
        return average + (new - average) / (seen + 1)  # type: ignore[no-any-return]

    return moved


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[..., None]:
    """The moving average of whole lists of parameters, in place."""
    return _on_lists(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Callable[..., None]:
    """The equal average of whole lists of parameters, in place."""
    return _on_lists(get_swa_avg_fn())


def _check(decay: float) -> None:
    if not 0 <= decay <= 1:
        raise at_line(
            UsageError, f"decay={decay} is no share of the old average to keep; give 0 to 1"
        )


def _on_lists(average: Callable[..., Tensor]) -> Callable[..., None]:
    def update(averages: Any, news: Any, seen: Any) -> None:
        with no_grad():
            for a, new in zip(averages, news, strict=True):
                a.copy_(average(a, new, seen))

    return update


class AveragedModel(Module):
    """A copy of a model that holds the average of its parameters: ``update_parameters(model)``.

    avg_fn: ``f(average, parameter, how_many)`` for one parameter; multi_avg_fn: the same for whole lists,
    in place. use_buffers: average the buffers too, else they are copied.
    """

    n_averaged: Tensor

    def __init__(
        self, model: Any, device: Any = None, avg_fn: Any = None, multi_avg_fn: Any = None,
        use_buffers: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise at_line(
                UsageAssertion, "AveragedModel: avg_fn and multi_avg_fn both say how; leave one out"
            )
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", Tensor(np.asarray(0, np.int64)))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model answers."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Any) -> None:
        """Take the model's parameters into the average."""
        mine, theirs = list(self.module.parameters()), list(model.parameters())
        if self.use_buffers:
            mine += list(self.module.buffers())
            theirs += list(model.buffers())
        with no_grad():
            current = [p.detach().to(a.device) for a, p in zip(mine, theirs, strict=True)]
            if self.n_averaged.item() == 0:
                for a, p in zip(mine, current, strict=True):
                    a.copy_(p)
            else:
                self._average(mine, current)
            if not self.use_buffers:
                for a, p in zip(self.module.buffers(), model.buffers(), strict=True):
                    a.copy_(p.detach().to(a.device))
            self.n_averaged.copy_(self.n_averaged + 1)  # type: ignore[attr-defined, operator]

    def _average(self, mine: list[Any], current: list[Any]) -> None:
        """Counts among the buffers are averaged too, and cut to whole numbers, as torch does."""
        seen = int(self.n_averaged.item())
        if self.multi_avg_fn is not None:
            self.multi_avg_fn(mine, current, seen)
            return
        average = self.avg_fn or get_swa_avg_fn()
        for a, p in zip(mine, current, strict=True):
            a.copy_(average(a.detach(), p, seen))


def update_bn(loader: Iterable[Any], model: Any, device: Any = None) -> None:
    """Compute the running statistics of batch norms anew, in one pass over the data without training."""
    norms = [m for m in model.modules() if getattr(m, "running_mean", None) is not None]
    if not norms:
        return
    before = [(m, m.momentum) for m in norms]
    was_training = model.training
    model.train()
    try:
        for m in norms:
            m.reset_running_stats()
            m.momentum = None  # an equal average of all batches
        with no_grad():
            for batch in loader:
                x = batch[0] if isinstance(batch, (list, tuple)) else batch
                model(x if device is None else x.to(device))
    finally:
        for m, momentum in before:
            m.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """From the present rate to ``swa_lr`` in ``anneal_epochs`` epochs, where it stays."""

    def __init__(
        self, optimizer: Optimizer, swa_lr: Any, anneal_epochs: int = 10, anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        for rate, group in zip(
            per_group("swa_lr", optimizer, swa_lr), optimizer.param_groups, strict=True
        ):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise at_line(
                UsageError,
                f"SWALR: there is no anneal_strategy={anneal_strategy!r}, only 'cos' and 'linear'",
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise at_line(
                UsageError,
                f"SWALR: anneal_epochs={anneal_epochs!r} is no number of epochs, a whole number from 0 on",
            )
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step: float) -> float:
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t

    def _rates(self) -> list[Any]:
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            goal, lr = group["swa_lr"], group["lr"]
            # Where the way began, from where it is: another scheduler may have moved the rate.
            begin = goal if before == 1 else (lr - before * goal) / (1 - before)
            rates.append(goal * now + begin * (1 - now))
        return rates
