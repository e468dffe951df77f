"""The base of all optimizers: groups of parameters, their options and their state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from graphscope.engine.modes import enable_grad, no_grad
from graphscope.engine.tensor import Tensor
from graphscope.errors import AutogradError, UsageError
from graphscope.ops.functions import clone


class Optimizer:
    """Updates parameters from their gradients; subclasses write ``_update`` for one parameter.

    params: tensors, ``(name, tensor)`` pairs, or dicts with "params" and options of their own.
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise UsageError(
                f"{type(self).__name__}: params is one tensor; pass a list of tensors: [tensor]"
            )
        self.defaults = defaults
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise UsageError(
                f"{type(self).__name__} got an empty parameter list; was model.parameters() used up before?"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Train more parameters, with options of their own. Raises: UsageError for what cannot be trained."""
        given = param_group["params"]
        params: list[Tensor] = [
            p[1] if isinstance(p, tuple) else p
            for p in ([given] if isinstance(given, Tensor) else given)
        ]
        known = {id(p) for group in self.param_groups for p in group["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise UsageError(
                    f"{type(self).__name__} updates tensors; parameter {i} is {type(p).__name__}"
                )
            if p._node is not None:
                raise AutogradError(
                    f"{type(self).__name__}: parameter {i} of shape {tuple(p._a.shape)} was computed by "
                    f"{p._node.row.name!r}; only leaf tensors can be optimized. Make it with requires_grad=True, "
                    "or detach it: p.detach().requires_grad_()"
                )
            if id(p) in known:
                raise UsageError(
                    f"{type(self).__name__}: some parameters appear in more than one group"
                )
        self.param_groups.append({**param_group, "params": params, **self._missing(param_group)})

    def _missing(self, group: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in self.defaults.items() if key not in group}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or fill them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if p._grad is None:
                    continue
                if set_to_none:
                    p._grad = None
                else:
                    p._grad = p._grad.detach()
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
                for p in group["params"]:
                    if p._grad is not None:
                        self._update(p, p._grad, self.state[p], options)
        return loss

    def _options(self, group: dict[str, Any]) -> Any:
        """The group's options, made ready once per step."""
        return group

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], options: Any) -> None:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """State and options, with numbers in place of parameters."""
        number: dict[int, int] = {}
        for group in self.param_groups:
            for p in group["params"]:
                number[id(p)] = len(number)
        groups = [
            {
                **{k: v for k, v in group.items() if k != "params"},
                "params": [number[id(p)] for p in group["params"]],
            }
            for group in self.param_groups
        ]
        return {"state": {number[id(p)]: s for p, s in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over state and options. Raises: UsageError if the groups differ in number or size."""
        saved = state_dict["param_groups"]
        sizes = [len(group["params"]) for group in self.param_groups]
        if sizes != [len(group["params"]) for group in saved]:
            raise UsageError(
                f"load_state_dict: this optimizer has parameter groups of sizes {sizes}, the state dict "
                f"{[len(group['params']) for group in saved]}"
            )
        by_number: dict[int, Any] = {}
        for group, other in zip(self.param_groups, saved, strict=True):
            by_number.update(zip(other["params"], group["params"], strict=True))
            group.update({k: v for k, v in other.items() if k != "params"})
        self.state = defaultdict(dict)
        for number, state in state_dict["state"].items():
            self.state[by_number[number]] = {k: _copied(v) for k, v in state.items()}

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


def _copied(value: Any) -> Any:
    return clone(value) if isinstance(value, Tensor) else value


def check(owner: str, **limits: tuple[Any, bool]) -> None:
    """Raises UsageError for the first option whose condition is false."""
    for name, (value, good) in limits.items():
        if not good:
            raise UsageError(f"{owner}: Invalid {name} value: {value}")


Params = Iterable[Any]
