"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from graphscope.engine.create import zeros_like
from graphscope.engine.dispatch import call
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.ops.update import sgd_
from graphscope.optim.optimizer import Optimizer, Params, check


class SGD(Optimizer):
    """p <- p - lr * gradient, with momentum if wanted; see ``ops.update`` for the formula.

    foreach, fused and differentiable are taken for torch's sake; an update is one fused op anyway.
    """

    def __init__(
        self, params: Params, lr: float = 1e-3, momentum: float = 0, dampening: float = 0,
        weight_decay: float = 0, nesterov: bool = False, *, maximize: bool = False, foreach: Any = None,
        differentiable: bool = False, fused: Any = None,
    ) -> None:  # fmt: skip
        check(
            "SGD", learning_rate=(lr, lr >= 0), momentum=(momentum, momentum >= 0),
            weight_decay=(weight_decay, weight_decay >= 0),
        )  # fmt: skip
        if nesterov and (momentum <= 0 or dampening != 0):
            raise UsageError("SGD: Nesterov momentum requires a momentum and zero dampening")
        super().__init__(
            params,
            dict(
                lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
                nesterov=nesterov, maximize=maximize, foreach=foreach, differentiable=differentiable, fused=fused,
            ),
        )  # fmt: skip

    def _options(self, group: dict[str, Any]) -> Any:
        return {
            "lr": float(group["lr"]),
            "momentum": group["momentum"],
            "dampening": group["dampening"],
            "weight_decay": group["weight_decay"],
            "nesterov": group["nesterov"],
            "maximize": group["maximize"],
        }

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], options: Any) -> None:
        if not options["momentum"]:
            call(sgd_, p, g, **options, first=False)
            return
        buf = state.get("momentum_buffer")
        first = buf is None
        if first:
            buf = state["momentum_buffer"] = zeros_like(p)
        call(sgd_, p, g, buf, **options, first=first)
