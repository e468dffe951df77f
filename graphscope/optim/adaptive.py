"""Optimizers with a rate per element: Adagrad, RMSprop, Adadelta, Rprop."""

from __future__ import annotations

from typing import Any

from graphscope.engine.dispatch import call
from graphscope.engine.tensor import Tensor
from graphscope.ops.update_adaptive import adadelta_, adagrad_, rmsprop_
from graphscope.ops.update_other import rprop_
from graphscope.optim.optimizer import (
    Optimizer,
    Params,
    at_least_zero,
    check,
    counter,
    filled_like,
    tick,
)


class Adagrad(Optimizer):
    """Rates that fall with the sum of squared gradients."""

    _needs_step = True

    def __init__(
        self, params: Params, lr: Any = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: Any = None, *,
        maximize: bool = False, differentiable: bool = False, fused: Any = None,
    ) -> None:  # fmt: skip
        at_least_zero(
            "Adagrad", lr, lr_decay=lr_decay, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, eps=eps,
        )  # fmt: skip
        super().__init__(
            params,
            dict(
                lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay,
                initial_accumulator_value=initial_accumulator_value, foreach=foreach, maximize=maximize,
                differentiable=differentiable, fused=fused,
            ),
        )  # fmt: skip
        for group in self.param_groups:
            for p in group["params"]:
                self._start(p, self.state[p], group)

    def share_memory(self) -> None:
        """Taken for torch's sake: the state is ordinary memory, which forked processes inherit."""

    def _start(self, p: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["step"] = counter()
        state["sum"] = filled_like(p, group["initial_accumulator_value"])

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], group: Any) -> None:
        if not state:  # a group that was added later
            self._start(p, state, group)
        call(
            adagrad_, p, g, state["sum"], lr=float(group["lr"]), lr_decay=group["lr_decay"], eps=group["eps"],
            weight_decay=group["weight_decay"], maximize=group["maximize"], step=tick(state),
        )  # fmt: skip


class RMSprop(Optimizer):
    """Rates divided by the root of the running mean of squared gradients."""

    _needs_step = True

    def __init__(
        self, params: Params, lr: Any = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
        momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: Any = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        at_least_zero(
            "RMSprop", lr, eps=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha
        )
        super().__init__(
            params,
            dict(
                lr=lr, momentum=momentum, alpha=alpha, eps=eps, centered=centered, weight_decay=weight_decay,
                capturable=capturable, foreach=foreach, maximize=maximize, differentiable=differentiable,
            ),
        )  # fmt: skip

    def _options(self, group: dict[str, Any]) -> Any:
        names = ("alpha", "eps", "weight_decay", "momentum", "centered", "maximize")
        return {"lr": float(group["lr"]), **{name: group[name] for name in names}}

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], options: Any) -> None:
        if not state:
            state["step"] = counter()
            state["square_avg"] = filled_like(p)
            if options["momentum"] > 0:
                state["momentum_buffer"] = filled_like(p)
            if options["centered"]:
                state["grad_avg"] = filled_like(p)
        tick(state)
        inputs = [state["square_avg"]]
        if options["centered"]:
            inputs.append(state["grad_avg"])
        if options["momentum"] > 0:
            inputs.append(state["momentum_buffer"])
        call(rmsprop_, p, g, *inputs, **options)


class Adadelta(Optimizer):
    """Steps in the units of the parameters: past moves over past gradients."""

    _needs_step = True

    def __init__(
        self, params: Params, lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
        foreach: Any = None, *, capturable: bool = False, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check("Adadelta", "rho", rho, 0 <= rho <= 1, "is no share of an average; give 0 to 1")
        at_least_zero("Adadelta", lr, eps=eps, weight_decay=weight_decay)
        super().__init__(
            params,
            dict(
                lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize, capturable=capturable,
                foreach=foreach, differentiable=differentiable,
            ),
        )  # fmt: skip

    def _options(self, group: dict[str, Any]) -> Any:
        names = ("rho", "eps", "weight_decay", "maximize")
        return {"lr": float(group["lr"]), **{name: group[name] for name in names}}

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], options: Any) -> None:
        if not state:
            state["step"] = counter()
            state["square_avg"] = filled_like(p)
            state["acc_delta"] = filled_like(p)
        tick(state)
        call(adadelta_, p, g, state["square_avg"], state["acc_delta"], **options)


class Rprop(Optimizer):
    """Steps by the sign of the gradient alone; for whole batches, not for samples of them."""

    _needs_step = True

    def __init__(
        self, params: Params, lr: Any = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False, foreach: Any = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        at_least_zero("Rprop", lr)
        check(
            "Rprop", "etas", etas, 0 < etas[0] < 1 < etas[1],
            "is no pair of factors; the first shrinks steps (between 0 and 1), the second lets them grow (above 1)",
        )  # fmt: skip
        super().__init__(
            params,
            dict(
                lr=lr, etas=etas, step_sizes=step_sizes, foreach=foreach, maximize=maximize,
                differentiable=differentiable, capturable=capturable,
            ),
        )  # fmt: skip

    def _update(self, p: Tensor, g: Tensor, state: dict[str, Any], group: Any) -> None:
        if not state:
            state["step"] = counter()
            state["prev"] = filled_like(p)
            state["step_size"] = filled_like(p, float(group["lr"]))
        tick(state)
        (down, up), (smallest, largest) = group["etas"], group["step_sizes"]
        call(
            rprop_, p, g, state["prev"], state["step_size"], down=down, up=up, smallest=smallest,
            largest=largest, maximize=group["maximize"],
        )  # fmt: skip
