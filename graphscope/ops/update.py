"""Updates of parameters: one in-place row per optimizer, so that one update is one recorded op.

Inputs after the first are the gradient and the optimizer's state, which is written too. Hyperparameters
that a schedule may change are values and not structure: a new learning rate is not a new graph.
"""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op
from graphscope.ops.samples import arrays


def _sgd(
    xp: Any, p: Any, g: Any, buf: Any = None, *, lr: float, momentum: float = 0.0, dampening: float = 0.0,
    weight_decay: float = 0.0, nesterov: bool = False, maximize: bool = False, first: bool = False,
) -> Any:  # fmt: skip
    """p <- p - lr d, with d the (decayed) gradient or its running sum.

    Source: torch.optim.SGD's algorithm box. Unlike Sutskever et al., lr multiplies the buffer and not
    the gradient; the first step copies the gradient into the buffer without dampening.
    """
    step = xp.empty_like(p)
    d = g
    if maximize:
        d = -d
    if weight_decay:
        d = xp.add(xp.multiply(p, weight_decay, out=step), d, out=step)
    if buf is not None:
        if first:
            buf[...] = d
        else:
            xp.multiply(buf, momentum, out=buf)
            xp.add(buf, d if not dampening else d * (1 - dampening), out=buf)
        # With nesterov d is needed once more, and it may live in ``step``: so no reuse here.
        d = d + buf * momentum if nesterov else buf
    xp.multiply(d, lr, out=step)
    return xp.subtract(p, step, out=p)


def _adam(
    xp: Any, p: Any, g: Any, m: Any, v: Any, top: Any = None, *, lr: float, beta1: float, beta2: float,
    eps: float, weight_decay: float = 0.0, decoupled: bool = False, maximize: bool = False, step: int,
) -> Any:  # fmt: skip
    """p <- p - lr m' / (sqrt(v') + eps), with m' and v' the bias-corrected running moments.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", algorithm 1; decoupled weight
    decay: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", algorithm 2. The order of
    operations is torch's, so trajectories agree to rounding.
    """
    t = xp.empty_like(p)
    if maximize:
        g = -g
    if weight_decay:
        if decoupled:
            xp.multiply(p, 1 - lr * weight_decay, out=p)
        else:
            g = g + weight_decay * p
    xp.subtract(g, m, out=t)
    xp.multiply(t, 1 - beta1, out=t)
    xp.add(m, t, out=m)
    xp.multiply(g, g, out=t)
    xp.multiply(t, 1 - beta2, out=t)
    xp.multiply(v, beta2, out=v)
    xp.add(v, t, out=v)
    if top is not None:
        xp.maximum(top, v, out=top)
    xp.sqrt(v if top is None else top, out=t)
    # With b = 1 - beta ** step: (lr / b1) m / (sqrt(v) / sqrt(b2) + eps).
    xp.multiply(t, (1 - beta2**step) ** -0.5, out=t)
    xp.add(t, eps, out=t)
    xp.divide(m, t, out=t)
    xp.multiply(t, lr / (1 - beta1**step), out=t)
    return xp.subtract(p, t, out=p)


sgd_ = Op(
    "sgd_", _sgd, tex=r"{p} \gets {p} - \eta\,{g}", writes=True, family="other",
    values=("lr", "momentum", "dampening", "weight_decay", "first"), flops=lambda p, *_, **__: 2 * p.size,
    samples=(arrays((3, 4), (3, 4), lr=0.1), arrays((3, 4), (3, 4), (3, 4), lr=0.1, momentum=0.9, nesterov=True)),
    doc="One step of stochastic gradient descent, in place.",
)  # fmt: skip

adam_ = Op(
    "adam_", _adam, tex=r"{p} \gets {p} - \eta\,\hat{{m}} / (\sqrt{{\hat{{v}}}} + \epsilon)", writes=True,
    family="other", values=("lr", "beta1", "beta2", "eps", "weight_decay", "step"),
    flops=lambda p, *_, **__: 13 * p.size,
    samples=(
        arrays((3, 4), (3, 4), (3, 4), (3, 4), low=0.0, lr=0.1, beta1=0.9, beta2=0.99, eps=1e-8, step=3),
    ),
    doc="One step of Adam or AdamW, in place.",
)  # fmt: skip

ROWS = [sgd_, adam_]
