"""The base of all optimizers: groups of parameters, their options and their state."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import count
from typing import Any

import numpy as np

from graphscope.engine import living
from graphscope.engine.dispatch import recorder
from graphscope.engine.dtype import get_default_dtype
from graphscope.engine.explain import at_line
from graphscope.engine.modes import enable_grad, no_grad
from graphscope.engine.tensor import Tensor
from graphscope.errors import AutogradError, UsageError, UsageTypeError
from graphscope.optim.hooks import HookMethods, hooked, register_optimizer_step_post_hook
from graphscope.optim.hooks import (
    register_optimizer_step_pre_hook as register_optimizer_step_pre_hook,
)
from graphscope.optim.state import StateMethods

__all__ = [
    "Optimizer", "Params", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook",
]  # fmt: skip

Params = Iterable[Any]
_made = count(1)


class Optimizer(HookMethods, StateMethods):
    """Updates parameters from their gradients.

    params: tensors, ``(name, tensor)`` pairs, or dicts with "params" and options of their own.
    An optimizer of your own either overrides ``step``, or writes ``_update`` for one parameter.
    """

    _made = 0  # its place among those that the program made
    _needs_step = False  # whether the state counts steps in a tensor, as most of torch's do

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise at_line(
                UsageTypeError,
                f"{type(self).__name__}: params is one tensor {tuple(params._a.shape)}; pass a list: [tensor]",
            )
        self._make_hook_tables()
        if defaults.get("differentiable"):
            raise at_line(
                UsageError,
                f"{type(self).__name__}: differentiable=True (a gradient through the update itself) is not "
                "there; leave it out, or write the update in tensor operations",
            )
        self.defaults = defaults
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise at_line(
                UsageError,
                f"{type(self).__name__}: there are no parameters to train. Does the model assign its layers to self, or "
                "was a generator used up before?",
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)
        self._made = next(_made)
        living.optimizers.add(self)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        step = cls.__dict__.get("step")
        if step is not None and not hasattr(step, "hooked"):
            cls.step = hooked(step)  # type: ignore[method-assign]

    # ---------------------------------------------------------------- groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Train more parameters, with options of their own. Raises: UsageError for what cannot be trained."""
        owner = type(self).__name__
        if not isinstance(param_group, dict):
            raise at_line(
                UsageTypeError,
                f'{owner}.add_param_group: a group is a dictionary with "params", not {type(param_group).__name__}',
            )
        given = param_group["params"]
        if isinstance(given, set):
            raise at_line(
                UsageTypeError,
                f"{owner}: the {len(given)} parameters are a set, whose order is another one in every run; use a list",
            )
        items = [given] if isinstance(given, Tensor) else list(given)
        named = [isinstance(p, tuple) for p in items]
        params = [p[1] if isinstance(p, tuple) else p for p in items]
        group = {**param_group, "params": params}
        if any(named):
            if not all(named):
                raise at_line(
                    UsageError,
                    f"{owner}: parameter {named.index(False)} has no name and others of its group have one; give all "
                    "of them as (name, tensor), or none",
                )
            group["param_names"] = [name for name, _ in items]
        self._check(params)
        if self.param_groups and ("param_names" in group) != (
            "param_names" in self.param_groups[0]
        ):
            has = "has names" if "param_names" in group else "has no names"
            raise at_line(
                UsageError,
                f"{owner}: group {len(self.param_groups)} {has}, unlike the groups before it; make them alike",
            )
        for key, value in self.defaults.items():
            group.setdefault(key, value)
        self.param_groups.append(group)

    def _check(self, params: list[Any]) -> None:
        owner = type(self).__name__
        known = {id(p) for group in self.param_groups for p in group["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise at_line(
                    UsageTypeError,
                    f"{owner}: parameter {i} is {type(p).__name__}, and only tensors can be trained",
                )
            if p._node is not None:
                raise at_line(
                    _NotALeaf,
                    f"{owner}: parameter {i} {tuple(p._a.shape)} is no leaf, {p._node.row.name!r} computed it; a new value "
                    "would be lost. Make it with requires_grad=True, or detach it: p.detach().requires_grad_()",
                )
            if id(p) in known:
                raise at_line(
                    UsageError,
                    f"{owner}: parameter {i} {tuple(p._a.shape)} of the new group is in an earlier group too, and would be "
                    "updated twice in a step; leave it out of one",
                )
        if len({id(p) for p in params}) != len(params):
            warnings.warn(
                f"{owner}: {len(params) - len({id(p) for p in params})} parameters come twice in their group, and each "
                "step updates them twice; remove the copies.",
                UserWarning,
                stacklevel=4,
            )

    # ---------------------------------------------------------------- a step

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or fill them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if p._grad is None:
                    continue
                if set_to_none:
                    p._grad = None
                else:
                    if p._grad._node is not None:
                        p._grad = p._grad.detach()
                    with no_grad():
                        p._grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; ``closure`` computes the loss again first."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                options = self._options(group)
                keeps = self._keeps_state(group)
                for p in group["params"]:
                    if p._grad is not None:
                        state = self.state[p] if keeps else {}
                        self._update(p, p._grad, state, options)
        return loss

    step = hooked(step)

    def _options(self, group: dict[str, Any]) -> Any:
        """The group's options, made ready once per step."""
        return group

    def _keeps_state(self, group: dict[str, Any]) -> bool:
        """Whether the parameters of a group have state at all."""
        return True

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], options: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} needs a step() of its own")

    # ---------------------------------------------------------------- looks and copies

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += ["", f"Parameter Group {i}"] if i else [f"Parameter Group {i}"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])

    def __getstate__(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in ("defaults", "state", "param_groups")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(deepcopy(state) if state is self.__dict__ else state)
        if "_optimizer_step_pre_hooks" not in self.__dict__:
            self._make_hook_tables()


class _NotALeaf(UsageError, AutogradError):
    """torch raises ValueError here; it is also a mistake about the graph."""


def check(owner: str, name: str, value: Any, good: bool, rule: str) -> None:
    """Raises: UsageError that states the rule, unless the value of an option is good."""
    if not good:
        raise at_line(UsageError, f"{owner}: {name}={value!r} {rule}")


def at_least_zero(owner: str, lr: Any, **values: float) -> None:
    """Raises: UsageError for a negative learning rate or a negative option among ``values``."""
    for name, value in {"lr": lr, **values}.items():
        check(owner, name, value, value >= 0, "is negative; it must be 0 or more")


def functions_of(p: Tensor) -> Any:
    """numpy, or what stands for it on the tensor's device."""
    if type(p._a) is np.ndarray:
        return np
    from graphscope.engine.backend import backend_of_type

    return backend_of_type(type(p._a)).xp


def filled_like(p: Tensor, value: float = 0.0) -> Tensor:
    """State of a parameter's shape, dtype, layout and device."""
    xp = functions_of(p)
    a = xp.zeros_like(p._a)
    if value:
        a += value
    made = Tensor(a)
    told = recorder()
    if told is not None:
        told.state_made(made)
    return made


def counter(value: float = 0.0) -> Tensor:
    """A number of the state as the 0-d tensor that torch keeps: float32, or float64 if that is the default."""
    wide = get_default_dtype().np == np.float64
    return Tensor(np.asarray(value, np.float64 if wide else np.float32))


def tick(state: dict[str, Any]) -> float:
    """Count one more step in the state's tensor; returns the count."""
    count = state["step"]._a
    now = float(count.item() + 1)
    count[()] = now
    return now
