"""Rates that rise and fall, with the momentum going the other way.

Source: Smith, "Cyclical Learning Rates for Training Neural Networks"; Smith and Topin,
"Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates".
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

from graphscope.engine.explain import at_line
from graphscope.errors import UsageError
from graphscope.optim.lr_scheduler.base import (
    LRScheduler,
    cycle_momentum,
    per_group,
    set_momentum,
    set_value,
)
from graphscope.optim.optimizer import Optimizer

_MODES = ("triangular", "triangular2", "exp_range")


class CyclicLR(LRScheduler):
    """Triangles between ``base_lr`` and ``max_lr``; step it after every batch.

    mode: "triangular" keeps the height, "triangular2" halves it each cycle, "exp_range" multiplies it by
    gamma ** iteration. scale_fn: a height of your own, of the cycle or the iteration (scale_mode).
    """

    def __init__(
        self, optimizer: Optimizer, base_lr: Any, max_lr: Any, step_size_up: int = 2000,
        step_size_down: int | None = None, mode: str = "triangular", gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle",
        cycle_momentum: bool = True, base_momentum: Any = 0.8, max_momentum: Any = 0.9, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        base_lrs = per_group("base_lr", optimizer, base_lr)
        self.optimizer = optimizer
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups, strict=True):
                set_value(group, "lr", lr)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if mode not in _MODES and scale_fn is None:
            raise at_line(
                UsageError,
                f"CyclicLR: there is no mode={mode!r}; choose one of {', '.join(_MODES)}, or pass a scale_fn",
            )
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1, self.base_momentums, self.max_momentums = _cycled(
                optimizer, base_momentum, max_momentum, last_epoch == -1
            )
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """The height of the triangle at cycle or iteration x."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return float(1 / 2.0 ** (x - 1) if self.mode == "triangular2" else self.gamma**x)

    def _rates(self) -> list[Any]:
        turns = 1 + self.last_epoch / self.total_size
        cycle = math.floor(turns)
        x = turns - cycle
        height = (
            x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        ) * self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(
                self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True
            ):
                set_momentum(group, self.use_beta1, high - (high - low) * height)
        return [
            low + (high - low) * height
            for low, high in zip(self.base_lrs, self.max_lrs, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and a plain function as scale_fn."""
        state = super().state_dict()
        scale = state.pop("_scale_fn_custom")
        plain = scale is None or isinstance(scale, types.FunctionType)
        state["_scale_fn_custom"] = None if plain else scale.__dict__.copy()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a schedule's state; a scale_fn stays the one that the scheduler was made with."""
        attributes = state_dict.get("_scale_fn_custom")
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_scale_fn_custom"})
        if attributes is not None and self._scale_fn_custom is not None:
            self._scale_fn_custom.__dict__.update(attributes)


_cycled = cycle_momentum


class OneCycleLR(LRScheduler):
    """One rise to ``max_lr`` and one long fall, for ``total_steps`` batches; step it after every batch."""

    def __init__(
        self, optimizer: Optimizer, max_lr: Any, total_steps: int | None = None, epochs: int | None = None,
        steps_per_epoch: int | None = None, pct_start: float = 0.3, anneal_strategy: str = "cos",
        cycle_momentum: bool = True, base_momentum: Any = 0.85, max_momentum: Any = 0.95,
        div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        tops = per_group("max_lr", optimizer, max_lr)
        self.optimizer = optimizer
        self.total_steps = _total(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise at_line(
                UsageError,
                f"OneCycleLR: pct_start={pct_start!r} is the share of the steps that rise, a float from 0 to 1",
            )
        if anneal_strategy not in ("cos", "linear"):
            raise at_line(
                UsageError,
                f"OneCycleLR: there is no anneal_strategy={anneal_strategy!r}, only 'cos' and 'linear'",
            )
        rise, last = float(pct_start * self.total_steps) - 1, self.total_steps - 1
        high, low = "max_momentum", "base_momentum"
        self._schedule_phases = [_phase(rise, "initial_lr", "max_lr", high, low)]
        if three_phase:
            fall = float(2 * pct_start * self.total_steps) - 2
            self._schedule_phases.append(_phase(fall, "max_lr", "initial_lr", low, high))
            self._schedule_phases.append(_phase(last, "initial_lr", "min_lr", high, high))
        else:
            self._schedule_phases.append(_phase(last, "max_lr", "min_lr", low, high))
        self._anneal_func_type = anneal_strategy
        if last_epoch == -1:
            for top, group in zip(tops, optimizer.param_groups, strict=True):
                group["initial_lr"] = top / div_factor
                group["max_lr"] = top
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1, _, _ = _cycled(optimizer, base_momentum, max_momentum, last_epoch == -1)
        super().__init__(optimizer, last_epoch)

    def _between(self, start: float, end: float, share: float) -> float:
        if self._anneal_func_type == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)

    def _rates(self) -> list[Any]:
        at = self.last_epoch
        if at > self.total_steps:
            raise at_line(
                UsageError,
                f"OneCycleLR: step {at} of a cycle of total_steps={self.total_steps}; the cycle is over. Is step() called "
                "more often than once in a batch?",
            )
        begun = 0.0
        for phase in self._schedule_phases[:-1]:
            if at <= phase["end_step"]:
                break
            begun = phase["end_step"]
        else:
            phase = self._schedule_phases[-1]
        share = (at - begun) / (phase["end_step"] - begun)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[phase["start_lr"]], group[phase["end_lr"]], share))
            if self.cycle_momentum:
                start, end = group[phase["start_momentum"]], group[phase["end_momentum"]]
                set_momentum(group, self.use_beta1, self._between(start, end, share))
        return rates


def _phase(end: float, start_lr: str, end_lr: str, start: str, stop: str) -> dict[str, Any]:
    return dict(
        end_step=end, start_lr=start_lr, end_lr=end_lr, start_momentum=start, end_momentum=stop
    )


def _total(total: Any, epochs: Any, per_epoch: Any) -> int:
    if total is None and (epochs is None or per_epoch is None):
        raise at_line(
            UsageError,
            f"OneCycleLR: how long is the cycle? Pass total_steps, or epochs (here {epochs}) and steps_per_epoch (here "
            f"{per_epoch})",
        )
    given = (
        dict(total_steps=total)
        if total is not None
        else dict(epochs=epochs, steps_per_epoch=per_epoch)
    )
    product = 1
    for name, value in given.items():
        if not isinstance(value, int) or value <= 0:
            raise at_line(
                UsageError, f"OneCycleLR: {name}={value!r} must be a whole number from 1 on"
            )
        product *= value
    return product
