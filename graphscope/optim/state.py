"""An optimizer's state as a dict of plain values and tensors, laid out as torch does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from graphscope.engine import dispatch
from graphscope.engine.create import to_device
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError


class StateMethods:
    """``state_dict`` and ``load_state_dict``; parameters are numbered through all groups."""

    state: defaultdict[Any, dict[str, Any]]
    param_groups: list[dict[str, Any]]
    defaults: dict[str, Any]
    _needs_step: bool

    def state_dict(self) -> dict[str, Any]:
        """State and options, with numbers in place of parameters; the tensors are the live ones."""
        for hook in self._optimizer_state_dict_pre_hooks.values():  # type: ignore[attr-defined]
            hook(self)
        number: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                number.setdefault(id(p), len(number))
            packed = {k: v for k, v in group.items() if k != "params"}
            packed["params"] = [number[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {
            number[id(p)] if isinstance(p, Tensor) else p: value for p, value in self.state.items()
        }
        out: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():  # type: ignore[attr-defined]
            changed = hook(self, out)
            if changed is not None:
                out = changed
        return out

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over state and options; tensors are copied to the parameters' dtype and device.

        Raises: UsageError if the groups differ in number or size.
        """
        given = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():  # type: ignore[attr-defined]
            changed = hook(self, given)
            if changed is not None:
                given = changed
        saved = deepcopy(given["param_groups"])
        self._fits(saved)
        by_number: dict[int, Any] = {}
        groups = []
        for group, other in zip(self.param_groups, saved, strict=True):
            by_number.update(zip(other["params"], group["params"], strict=True))
            if "param_names" in group:
                other.setdefault("param_names", group["param_names"])
            for key, value in self.defaults.items():
                other.setdefault(key, value)  # options that an older file does not know
            groups.append({**other, "params": group["params"]})
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for number, value in given["state"].items():
            p = by_number.get(number)
            state[number if p is None else p] = deepcopy(value) if p is None else _like(p, value)
        if self._needs_step:
            for value in state.values():
                if isinstance(value.get("step"), (int, float)):  # files of before torch 1.12
                    value["step"] = Tensor(np.asarray(float(value["step"]), np.float32))
        self.param_groups = groups
        self.state = state
        rates_changed(self)
        for hook in self._optimizer_load_state_dict_post_hooks.values():  # type: ignore[attr-defined]
            hook(self)

    def _fits(self, saved: list[dict[str, Any]]) -> None:
        mine = [len(group["params"]) for group in self.param_groups]
        theirs = [len(group["params"]) for group in saved]
        if len(mine) != len(theirs):
            raise at_line(
                UsageError,
                f"{type(self).__name__}.load_state_dict: the state is of {len(theirs)} groups of parameters, this optimizer "
                f"has {len(mine)}; add the same groups in the same order as when it was saved",
            )
        if mine != theirs:
            raise at_line(
                UsageError,
                f"{type(self).__name__}.load_state_dict: the groups of the state have {theirs} parameters, those of this "
                f"optimizer {mine}; was the model another one?",
            )


def rates_changed(optimizer: Any, were: Sequence[Any] = ()) -> None:
    """Have it noted, where a run is recorded, that learning rates of the groups may be others from here on.

    were: what they were just before.
    """
    recorder = dispatch.recorder()
    if recorder is not None:
        recorder.rates_changed(optimizer, were)


def _like(p: Tensor, value: Any, key: str | None = None) -> Any:
    """The state of one parameter, its tensors copied to p's dtype and device; counts stay as they are."""
    if isinstance(value, Tensor):
        host = value._host()
        if key == "step":
            return Tensor(host.copy())
        kind = p.dtype.np if p._a.dtype.kind == "f" else host.dtype
        return to_device(Tensor(host.astype(kind)), p.device)
    if isinstance(value, dict):
        return {k: _like(p, v, k) for k, v in value.items()}
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return deepcopy(value)
    return type(value)(_like(p, v) for v in value)  # type: ignore[call-arg]
