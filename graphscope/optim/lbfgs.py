"""L-BFGS: a quasi-Newton method that keeps the curvature of the last moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphscope.engine.dispatch import call
from graphscope.engine.explain import at_line
from graphscope.engine.modes import enable_grad, no_grad
from graphscope.engine.tensor import Tensor
from graphscope.errors import RangeError, UsageError
from graphscope.ops.update import lbfgs_
from graphscope.optim.line_search import Point, strong_wolfe
from graphscope.optim.optimizer import Optimizer, Params, at_least_zero, functions_of


class LBFGS(Optimizer):
    """Full-batch descent along directions corrected by ``history_size`` past moves.

    ``step(closure)`` needs a closure that clears the gradients, computes the loss, calls backward and
    returns the loss; it is called up to ``max_eval`` times (1.25 max_iter if None). line_search_fn:
    None takes steps of length lr, "strong_wolfe" searches for a good length.

    Source: Nocedal and Wright, "Numerical Optimization", algorithm 7.4 (two-loop recursion). As in
    torch, the first step is scaled by the gradient's 1-norm and the initial curvature is (y s) / (y y).
    """

    def __init__(
        self, params: Params, lr: Any = 1, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        at_least_zero("LBFGS", lr)
        super().__init__(
            params,
            dict(
                lr=lr, max_iter=max_iter, max_eval=max_iter * 5 // 4 if max_eval is None else max_eval,
                tolerance_grad=tolerance_grad, tolerance_change=tolerance_change, history_size=history_size,
                line_search_fn=line_search_fn,
            ),
        )  # fmt: skip
        if len(self.param_groups) != 1:
            raise at_line(
                UsageError,
                f"LBFGS: {len(self.param_groups)} groups of parameters were given, but all parameters move along one "
                "direction with one rate; pass a single list",
            )
        self._params = self.param_groups[0]["params"]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Iterate up to ``max_iter`` times; returns the loss at the beginning."""
        if closure is None:
            raise at_line(
                UsageError,
                "LBFGS.step needs a closure that computes the loss again: optimizer.step(closure)",
            )
        self._params = self.param_groups[0]["params"]
        with no_grad():
            return _Run(self._params, self.param_groups[0], self.state, closure).go()


class _Run:
    """One ``step``: vectors over all parameters are plain flat arrays here."""

    def __init__(
        self, params: list[Tensor], group: dict[str, Any], states: Any, closure: Any
    ) -> None:
        self.params, self.group = params, group
        self.state = states[params[0]]
        self.xp = functions_of(params[0])
        self._closure = closure
        self.state.setdefault("func_evals", 0)
        self.state.setdefault("n_iter", 0)
        self.evals = 0

    def loss(self) -> Any:
        """Compute the loss and the gradients at the parameters as they are."""
        with enable_grad():
            loss = self._closure()
        self.evals += 1
        self.state["func_evals"] += 1
        return loss

    def gradient(self) -> Any:
        """The gradients of all parameters in one flat array."""
        parts = [
            self.xp.zeros(p._a.size, p._a.dtype) if p._grad is None else p._grad._a.reshape(-1)
            for p in self.params
        ]
        return self.xp.concatenate(parts)

    def move(self, t: float, d: Any) -> None:
        """All parameters by t along d."""
        at = 0
        for p in self.params:
            n = p._a.size
            call(lbfgs_, p, Tensor(d[at : at + n].reshape(p._a.shape)), t=t)
            at += n

    def go(self) -> Any:
        """Iterate; the first loss is what ``step`` returns."""
        group, state = self.group, self.state
        first = self.loss()
        value, g = float(first), self.gradient()
        if _largest(g) <= group["tolerance_grad"]:
            return first
        n = 0
        while n < group["max_iter"]:
            n += 1
            state["n_iter"] += 1
            d = self._direction(g)
            state["prev_flat_grad"] = Tensor(g)
            state["prev_loss"] = before = value
            t: float = group["lr"]
            if state["n_iter"] == 1:
                t = min(1.0, 1.0 / float(abs(g).sum())) * t
            slope = _dot(g, d)
            state["d"], state["t"] = Tensor(d), t
            if slope > -group["tolerance_change"]:
                break
            if group["line_search_fn"] is not None:
                t, value, g = self._search(t, d, value, g, slope)
                state["t"] = t
            else:
                self.move(float(t), d)
                if n != group["max_iter"]:
                    value, g = float(self.loss()), self.gradient()
            if (
                n == group["max_iter"]
                or self.evals >= group["max_eval"]
                or _largest(g) <= group["tolerance_grad"]
                or _largest(d) * abs(float(t)) <= group["tolerance_change"]
                or abs(value - before) < group["tolerance_change"]
            ):
                break
        return first

    def _direction(self, g: Any) -> Any:
        """The direction to go: minus the gradient, multiplied by the inverse curvature of past moves."""
        state = self.state
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return -g
        y = g - state["prev_flat_grad"]._a
        s = state["d"]._a * float(state["t"])
        curvature = _dot(y, s)
        dirs, moves, ro = state["old_dirs"], state["old_stps"], state["ro"]
        if curvature > 1e-10:
            if len(dirs) == self.group["history_size"]:
                for past in (dirs, moves, ro):
                    past.pop(0)
            dirs.append(Tensor(y))
            moves.append(Tensor(s))
            ro.append(Tensor(self.xp.asarray(1.0 / curvature, g.dtype)))
            state["H_diag"] = Tensor(self.xp.asarray(curvature / _dot(y, y), g.dtype))
        al = state.setdefault("al", [None] * self.group["history_size"])
        r = -g
        weights = [float(x) for x in ro]
        shares = [0.0] * len(dirs)
        for i in range(len(dirs) - 1, -1, -1):
            shares[i] = _dot(moves[i]._a, r) * weights[i]
            al[i] = Tensor(self.xp.asarray(shares[i], g.dtype))
            r -= dirs[i]._a * shares[i]
        r *= float(state["H_diag"])
        for i in range(len(dirs)):
            r += moves[i]._a * (shares[i] - _dot(dirs[i]._a, r) * weights[i])
        return r

    def _search(
        self, t: float, d: Any, value: float, g: Any, slope: float
    ) -> tuple[float, float, Any]:
        """A step length by line search; the parameters end there."""
        if self.group["line_search_fn"] != "strong_wolfe":
            raise at_line(
                RangeError,
                f"LBFGS: there is no line_search_fn={self.group['line_search_fn']!r}, only 'strong_wolfe' and None",
            )
        start = [Tensor(p._a.copy()) for p in self.params]

        def back() -> None:
            for p, x in zip(self.params, start, strict=True):
                p.copy_(x)  # type: ignore[attr-defined]

        def look(length: float) -> Point:
            self.move(length, d)
            f = float(self.loss())
            there = self.gradient()
            back()
            return Point(length, f, there, _dot(there, d))

        best = strong_wolfe(look, Point(0.0, value, g, slope), float(t), _largest(d))
        self.move(best.t, d)
        return best.t, best.f, best.g


def _dot(a: Any, b: Any) -> float:
    return float(np.dot(a, b)) if type(a) is np.ndarray else float((a * b).sum())


def _largest(a: Any) -> float:
    return float(abs(a).max()) if a.size else 0.0
