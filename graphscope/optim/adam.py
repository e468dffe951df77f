"""Adam, and AdamW with decoupled weight decay."""

from __future__ import annotations

from typing import Any

from graphscope.engine.create import zeros_like
from graphscope.engine.dispatch import call
from graphscope.engine.tensor import Tensor
from graphscope.ops.update import adam_
from graphscope.optim.optimizer import Optimizer, Params, check


class Adam(Optimizer):
    """Steps scaled by running moments of the gradient; see ``ops.update`` for the formula.

    foreach, fused, capturable and differentiable are taken for torch's sake; an update is one fused op.
    """

    _decoupled = False

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, amsgrad: bool = False, *, foreach: Any = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, fused: Any = None,
        decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        check(
            type(self).__name__, learning_rate=(lr, lr >= 0), epsilon=(eps, eps >= 0),
            beta_parameter_at_index_0=(betas[0], 0 <= betas[0] < 1),
            beta_parameter_at_index_1=(betas[1], 0 <= betas[1] < 1),
            weight_decay=(weight_decay, weight_decay >= 0),
        )  # fmt: skip
        super().__init__(
            params,
            dict(
                lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize,
                foreach=foreach, capturable=capturable, differentiable=differentiable, fused=fused,
                decoupled_weight_decay=decoupled_weight_decay or self._decoupled,
            ),
        )  # fmt: skip

    def _options(self, group: dict[str, Any]) -> Any:
        return {
            "lr": float(group["lr"]),
            "beta1": group["betas"][0],
            "beta2": group["betas"][1],
            "eps": group["eps"],
            "weight_decay": group["weight_decay"],
            "decoupled": group["decoupled_weight_decay"],
            "maximize": group["maximize"],
        }, group["amsgrad"]

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], options: Any) -> None:
        named, amsgrad = options
        if not state:
            state["step"] = 0
            state["exp_avg"] = zeros_like(p)
            state["exp_avg_sq"] = zeros_like(p)
            if amsgrad:
                state["max_exp_avg_sq"] = zeros_like(p)
        state["step"] += 1
        moments: tuple[Tensor, ...] = (state["exp_avg"], state["exp_avg_sq"])
        if amsgrad:
            moments = (*moments, state["max_exp_avg_sq"])
        call(adam_, p, g, *moments, **named, step=state["step"])


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights themselves and does not enter the moments."""

    _decoupled = True

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False, foreach: Any = None,
        capturable: bool = False, differentiable: bool = False, fused: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
            capturable=capturable, differentiable=differentiable, fused=fused,
        )  # fmt: skip
