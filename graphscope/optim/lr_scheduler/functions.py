"""Rates by functions of one's own."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from graphscope.engine.explain import at_line
from graphscope.errors import UsageError, UsageTypeError
from graphscope.optim.lr_scheduler.base import LRScheduler
from graphscope.optim.optimizer import Optimizer


class _ByFunction(LRScheduler):
    """One function of the epoch per group. A state dict holds objects' attributes, but no functions."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        self.optimizer = optimizer
        groups = len(optimizer.param_groups)
        if isinstance(lr_lambda, (list, tuple)):
            if len(lr_lambda) != groups:
                raise at_line(
                    UsageError,
                    f"{type(self).__name__}: {len(lr_lambda)} functions for {groups} groups of parameters; give one for "
                    "each, or a single one",
                )
            self.lr_lambdas: list[Callable[[int], float]] = list(lr_lambda)
        else:
            self.lr_lambdas = [lr_lambda] * groups
        for function in self.lr_lambdas:
            if not callable(function):
                raise at_line(
                    UsageTypeError,
                    f"{type(self).__name__}: lr_lambda is called with the epoch, and {type(function).__name__} cannot be "
                    "called",
                )
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and the functions; objects that are called give their attributes."""
        state = super().state_dict()
        del state["lr_lambdas"]
        state["lr_lambdas"] = [
            None if isinstance(f, types.FunctionType) else f.__dict__.copy()
            for f in self.lr_lambdas
        ]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; functions stay those that the scheduler was made with."""
        self.__dict__.update({k: v for k, v in state_dict.items() if k != "lr_lambdas"})
        for function, attributes in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if attributes is not None:
                function.__dict__.update(attributes)

    def _factors(self) -> list[float]:
        return [f(self.last_epoch) for f in self.lr_lambdas]


class LambdaLR(_ByFunction):
    """The base rate times a function of the epoch."""

    def _rates(self) -> list[Any]:
        return [lr * f for lr, f in zip(self.base_lrs, self._factors(), strict=True)]


class MultiplicativeLR(_ByFunction):
    """The rate of before times a function of the epoch."""

    def _rates(self) -> list[Any]:
        if self._is_initial:
            return self._now()
        return [lr * f for lr, f in zip(self._now(), self._factors(), strict=True)]
