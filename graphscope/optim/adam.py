"""Adam and its relatives: AdamW, Adamax, NAdam, RAdam."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import call
from graphscope.engine.tensor import Tensor
from graphscope.ops.update import adam_
from graphscope.ops.update_adaptive import adamax_, nadam_, radam_
from graphscope.optim.optimizer import (
    Optimizer,
    Params,
    at_least_zero,
    check,
    counter,
    filled_like,
    tick,
)


def _check(owner: str, lr: Any, betas: Any, eps: float, **more: float) -> None:
    at_least_zero(owner, lr, eps=eps, **more)
    for i, beta in enumerate(betas):
        rule = "is no share of an average; it must be at least 0 and below 1"
        check(owner, f"betas[{i}]", beta, 0 <= beta < 1, rule)


class _Moments(Optimizer):
    """What the family shares: options by name and the two running moments."""

    _needs_step = True
    _second = "exp_avg_sq"

    def _options(self, group: dict[str, Any]) -> Any:
        beta1, beta2 = group["betas"]
        named = {
            "lr": float(group["lr"]),
            "beta1": float(beta1),
            "beta2": float(beta2),
            "eps": group["eps"],
            "weight_decay": group["weight_decay"],
            "maximize": group["maximize"],
        }
        if "decoupled_weight_decay" in group:
            named["decoupled"] = group["decoupled_weight_decay"]
        return named

    def _start(self, p: Tensor, state: dict[str, Any]) -> None:
        state["step"] = counter()
        state["exp_avg"] = filled_like(p)
        state[self._second] = filled_like(p)


class Adam(_Moments):
    """Steps scaled by running moments of the gradient; see ``ops.update`` for the formula.

    foreach, fused and capturable are taken for torch's sake; an update is one fused op.
    """

    _decoupled = False

    def __init__(
        self, params: Params, lr: Any = 1e-3, betas: tuple[Any, Any] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, amsgrad: bool = False, *, foreach: Any = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, fused: Any = None,
        decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        _check(type(self).__name__, lr, betas, eps, weight_decay=weight_decay)
        super().__init__(
            params,
            dict(
                lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize,
                foreach=foreach, capturable=capturable, differentiable=differentiable, fused=fused,
                decoupled_weight_decay=decoupled_weight_decay or self._decoupled,
            ),
        )  # fmt: skip

    def _options(self, group: dict[str, Any]) -> Any:
        return super()._options(group), group["amsgrad"]

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], options: Any) -> None:
        named, amsgrad = options
        if not state:
            self._start(p, state)
            if amsgrad:
                state["max_exp_avg_sq"] = filled_like(p)
        step = tick(state)
        if amsgrad:
            call(
                adam_, p, g, state["exp_avg"], state["exp_avg_sq"], state["max_exp_avg_sq"], **named, step=step
            )  # fmt: skip
        else:
            call(adam_, p, g, state["exp_avg"], state["exp_avg_sq"], **named, step=step)


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights themselves and does not enter the moments."""

    _decoupled = True

    def __init__(
        self, params: Params, lr: Any = 1e-3, betas: tuple[Any, Any] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False, foreach: Any = None,
        capturable: bool = False, differentiable: bool = False, fused: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
            capturable=capturable, differentiable=differentiable, fused=fused,
        )  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As in every optimizer; the decay stays decoupled whatever an older file says."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


class Adamax(_Moments):
    """Adam scaled by the largest gradient of the past instead of the second moment."""

    _second = "exp_inf"

    def __init__(
        self, params: Params, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, foreach: Any = None, *, maximize: bool = False,
        differentiable: bool = False, capturable: bool = False,
    ) -> None:  # fmt: skip
        _check("Adamax", lr, betas, eps, weight_decay=weight_decay)
        super().__init__(
            params,
            dict(
                lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, foreach=foreach, maximize=maximize,
                differentiable=differentiable, capturable=capturable,
            ),
        )  # fmt: skip

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], options: Any) -> None:
        if not state:
            self._start(p, state)
        call(adamax_, p, g, state["exp_avg"], state["exp_inf"], **options, step=tick(state))


class NAdam(_Moments):
    """Adam with Nesterov's momentum."""

    def __init__(
        self, params: Params, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
        foreach: Any = None, maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        _check("NAdam", lr, betas, eps, weight_decay=weight_decay, momentum_decay=momentum_decay)
        super().__init__(
            params,
            dict(
                lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
                decoupled_weight_decay=decoupled_weight_decay, maximize=maximize, foreach=foreach,
                capturable=capturable, differentiable=differentiable,
            ),
        )  # fmt: skip

    def _options(self, group: dict[str, Any]) -> Any:
        return super()._options(group), group["momentum_decay"]

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], options: Any) -> None:
        named, decay = options
        if not state:
            state["step"] = counter()
            state["mu_product"] = counter(1.0)
            state["exp_avg"] = filled_like(p)
            state["exp_avg_sq"] = filled_like(p)
        step = tick(state)
        # Dozat's schedule of the momentum: it rises to beta1 within some hundred steps.
        mu = named["beta1"] * (1 - 0.5 * 0.96 ** (step * decay))
        mu_next = named["beta1"] * (1 - 0.5 * 0.96 ** ((step + 1) * decay))
        product = state["mu_product"]._a
        product *= mu
        call(
            nadam_, p, g, state["exp_avg"], state["exp_avg_sq"], **named, step=step, mu=mu, mu_next=mu_next,
            product=float(product),
        )  # fmt: skip


class RAdam(_Moments):
    """Adam with the variance of its adaptive rate rectified."""

    def __init__(
        self, params: Params, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, decoupled_weight_decay: bool = False, *, foreach: Any = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        _check("RAdam", lr, betas, eps, weight_decay=weight_decay)
        super().__init__(
            params,
            dict(
                lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize, foreach=foreach,
                capturable=capturable, decoupled_weight_decay=decoupled_weight_decay, differentiable=differentiable,
            ),
        )  # fmt: skip

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], options: Any) -> None:
        if not state:
            self._start(p, state)
        call(radam_, p, g, state["exp_avg"], state["exp_avg_sq"], **options, step=tick(state))
