"""Updates that follow neither plain descent nor running moments: resilient and averaged descent."""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op
from graphscope.ops.samples import arrays
from graphscope.ops.update import P, S, gradient, scalars


def _rprop(
    xp: Any, p: Any, g: Any, prev: Any, size: Any, *, down: float, up: float, smallest: float,
    largest: float, maximize: bool = False,
) -> Any:  # fmt: skip
    """p <- p - sign(g) size, where size grows while the gradient keeps its sign and shrinks when it turns.

    Source: Riedmiller and Braun, "A Direct Adaptive Method for Faster Backpropagation Learning: The
    RPROP Algorithm"; an element whose gradient turned stands still for one step.
    """
    shrink, grow, low, high = scalars(p, down, up, smallest, largest)
    d = gradient(xp, p, g, 0.0, maximize)
    t = xp.multiply(d, prev, out=xp.empty_like(p))
    turned = xp.less(t, 0)
    kept = xp.greater(t, 0)
    size[...] = xp.where(turned, size * shrink, xp.where(kept, size * grow, size))
    xp.minimum(xp.maximum(size, low, out=size), high, out=size)
    prev[...] = xp.where(turned, 0, d)
    xp.multiply(xp.sign(prev, out=t), size, out=t)
    return xp.subtract(p, t, out=p)


def _asgd(
    xp: Any, p: Any, g: Any, average: Any, *, lambd: float, weight_decay: float = 0.0, eta: float,
    mu: float, maximize: bool = False,
) -> Any:  # fmt: skip
    """p <- p (1 - lambd eta) - eta g, and ``average`` moves to p by the share mu.

    Source: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging".
    """
    shrink, rate, share = scalars(p, 1 - lambd * eta, eta, mu)
    d = gradient(xp, p, g, weight_decay, maximize)
    t = xp.multiply(d, rate, out=xp.empty_like(p))
    xp.multiply(p, shrink, out=p)
    xp.subtract(p, t, out=p)
    if mu == 1:
        average[...] = p
    else:
        xp.subtract(p, average, out=t)
        xp.multiply(t, share, out=t)
        xp.add(average, t, out=average)
    return p


_SIZES = dict(down=0.5, up=1.2, smallest=1e-6, largest=50.0)
rprop_ = Op(
    "rprop_", _rprop, tex=r"{p} \gets {p} - \operatorname{{sign}}({g})\,{size}", writes=True, family="other",
    values=("down", "up", "smallest", "largest"), flops=lambda p, *_, **__: 8 * p.size,
    samples=(
        arrays(P, P, P, P, **_SIZES), arrays((), (), (), (), maximize=True, **_SIZES), arrays(S, S, S, S, **_SIZES),
    ),
    doc="One step of resilient backpropagation, in place.",
)  # fmt: skip
asgd_ = Op(
    "asgd_", _asgd, tex=r"{p} \gets {p} - \eta\,({g} + \lambda {p})", writes=True, family="other",
    values=("lambd", "weight_decay", "eta", "mu"), flops=lambda p, *_, **__: 7 * p.size,
    samples=(
        arrays(P, P, P, lambd=1e-4, eta=0.1, mu=1.0, weight_decay=0.1), arrays((), (), (), lambd=0.1, eta=0.1, mu=0.5),
    ),
    doc="One step of averaged stochastic gradient descent, in place.",
)  # fmt: skip

ROWS = [rprop_, asgd_]
