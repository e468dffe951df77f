"""Stochastic gradient descent, plain and averaged."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import call
from graphscope.engine.explain import at_line
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.ops.update import sgd_
from graphscope.ops.update_other import asgd_
from graphscope.optim.optimizer import Optimizer, Params, at_least_zero, counter, filled_like, tick


class SGD(Optimizer):
    """p <- p - lr * gradient, with momentum if wanted; see ``ops.update`` for the formula.

    foreach and fused are taken for torch's sake; an update is one fused op anyway.
    """

    def __init__(
        self, params: Params, lr: Any = 1e-3, momentum: float = 0, dampening: float = 0,
        weight_decay: Any = 0, nesterov: bool = False, *, maximize: bool = False, foreach: Any = None,
        differentiable: bool = False, fused: Any = None,
    ) -> None:  # fmt: skip
        at_least_zero("SGD", lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise at_line(
                UsageError,
                f"SGD: nesterov=True looks ahead along the momentum, so it needs momentum > 0 and dampening=0; they are "
                f"{momentum} and {dampening}",
            )
        super().__init__(
            params,
            dict(
                lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
                nesterov=nesterov, maximize=maximize, foreach=foreach, differentiable=differentiable, fused=fused,
            ),
        )  # fmt: skip

    def _options(self, group: dict[str, Any]) -> Any:
        options = {"lr": float(group["lr"])}
        # What is off is left out: each word costs in every call.
        for name in ("momentum", "dampening", "weight_decay", "nesterov", "maximize"):
            if group[name]:
                options[name] = group[name]
        if isinstance(options.get("weight_decay"), Tensor):
            options["weight_decay"] = float(options["weight_decay"])
        return options

    def _keeps_state(self, group: dict[str, Any]) -> bool:
        return bool(group["momentum"])

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], options: Any) -> None:
        if "momentum" not in options:
            call(sgd_, p, g, **options)
            return
        buf = state.get("momentum_buffer")
        first = buf is None
        if first:
            buf = state["momentum_buffer"] = filled_like(p)
        call(sgd_, p, g, buf, **options, first=first)


class ASGD(Optimizer):
    """Descent that also keeps the average of its path, in the state's "ax"."""

    _needs_step = True

    def __init__(
        self, params: Params, lr: Any = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
        weight_decay: float = 0, foreach: Any = None, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        at_least_zero("ASGD", lr, weight_decay=weight_decay)
        super().__init__(
            params,
            dict(
                lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay, foreach=foreach,
                maximize=maximize, differentiable=differentiable, capturable=capturable,
            ),
        )  # fmt: skip

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], options: Any) -> None:
        if not state:
            state.update(
                step=counter(),
                eta=counter(float(options["lr"])),
                mu=counter(1.0),
                ax=filled_like(p),
            )
        eta, mu = state["eta"]._a, state["mu"]._a
        call(
            asgd_, p, g, state["ax"], lambd=options["lambd"], weight_decay=options["weight_decay"],
            eta=float(eta), mu=float(mu), maximize=options["maximize"],
        )  # fmt: skip
        step, lr = tick(state), float(options["lr"])
        eta[()] = lr / (1 + options["lambd"] * lr * step) ** options["alpha"]
        mu[()] = 1 / max(1, step - options["t0"])
