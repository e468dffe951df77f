"""Updates of parameters: one in-place row per optimizer, so that one update is one recorded op.

Inputs after the first are the gradient and the optimizer's state, which is written too. Hyperparameters
that a schedule may change are values and not structure: a new learning rate is not a new graph.
The other optimizers' rows are in ``update_adaptive`` and ``update_other``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.op import Op
from graphscope.ops.samples import arrays

_cache: dict[Any, tuple[Any, ...]] = {}


def scalars(like: Any, *values: float) -> Any:
    """The numbers as 0-d arrays of ``like``'s dtype, cached: beside one a numpy call costs half as much.

    Other backends get the plain numbers: a 0-d array of theirs would be a transfer.
    """
    if type(like) is not np.ndarray:
        return values
    key = (like.dtype.num, *values)
    found = _cache.get(key)
    if found is None:
        if len(_cache) > 512:
            _cache.clear()  # bias corrections are new numbers in every step
        found = _cache[key] = tuple(np.asarray(v, like.dtype) for v in values)
    return found


def gradient(xp: Any, p: Any, g: Any, weight_decay: float, maximize: bool) -> Any:
    """The gradient to go down: negated to go up, with L2 decay added. ``g`` itself is never written."""
    if weight_decay:
        (wd,) = scalars(p, weight_decay)
        d = xp.multiply(p, wd, out=xp.empty_like(p))
        return xp.subtract(d, g, out=d) if maximize else xp.add(d, g, out=d)
    return xp.negative(g, out=xp.empty_like(p)) if maximize else g


def _sgd(
    xp: Any, p: Any, g: Any, buf: Any = None, *, lr: float, momentum: float = 0.0, dampening: float = 0.0,
    weight_decay: float = 0.0, nesterov: bool = False, maximize: bool = False, first: bool = False,
) -> Any:  # fmt: skip
    """p <- p - lr d, with d the (decayed) gradient or its running sum.

    Source: torch.optim.SGD's algorithm box. Unlike Sutskever et al., lr multiplies the buffer and not
    the gradient; the first step copies the gradient into the buffer without dampening.
    """
    if buf is None and not weight_decay:
        (rate,) = scalars(p, -lr if maximize else lr)
        return xp.subtract(p, xp.multiply(g, rate, out=xp.empty_like(p)), out=p)
    d = gradient(xp, p, g, weight_decay, maximize)
    step = xp.empty_like(p) if d is g else d
    rate, kept, new = scalars(p, lr, momentum, 1 - dampening)
    if buf is not None:
        if first:
            buf[...] = d
        elif dampening:
            xp.multiply(buf, kept, out=buf)
            xp.add(buf, xp.multiply(d, new, out=xp.empty_like(p)), out=buf)
        else:
            xp.multiply(buf, kept, out=buf)
            xp.add(buf, d, out=buf)
        if nesterov:
            ahead = xp.multiply(buf, kept, out=xp.empty_like(p))
            d = xp.add(d, ahead, out=step)
        else:
            d = buf
    xp.multiply(d, rate, out=step)
    return xp.subtract(p, step, out=p)


def _adam(
    xp: Any, p: Any, g: Any, m: Any, v: Any, top: Any = None, *, lr: float, beta1: float, beta2: float,
    eps: float, weight_decay: float = 0.0, decoupled: bool = False, maximize: bool = False, step: float,
) -> Any:  # fmt: skip
    """p <- p - lr m' / (sqrt(v') + eps), with m' and v' the bias-corrected running moments.

    The bias corrections are folded into two numbers: lr m / b1 / (sqrt(v / b2) + eps) is
    (lr sqrt(b2) / b1) m / (sqrt(v) + eps sqrt(b2)), one pass over the memory less.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", algorithm 1 and section 2;
    decoupled weight decay: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", algorithm 2;
    ``top``: Reddi, Kale and Kumar, "On the Convergence of Adam and Beyond".
    """
    root = (1 - beta2**step) ** 0.5
    new1, new2, old2, small, rate, shrink = scalars(
        p, 1 - beta1, 1 - beta2, beta2, eps * root, lr * root / (1 - beta1**step), 1 - lr * weight_decay
    )  # fmt: skip
    if weight_decay and decoupled:
        xp.multiply(p, shrink, out=p)
        weight_decay = 0.0
    d = gradient(xp, p, g, weight_decay, maximize)
    t = xp.empty_like(p)
    moments(xp, d, m, v, t, new1, new2, old2)
    if top is not None:
        xp.maximum(top, v, out=top)
    xp.sqrt(v if top is None else top, out=t)
    xp.add(t, small, out=t)
    xp.divide(m, t, out=t)
    xp.multiply(t, rate, out=t)
    return xp.subtract(p, t, out=p)


def moments(xp: Any, d: Any, m: Any, v: Any, t: Any, new1: Any, new2: Any, old2: Any) -> None:
    """Move the running means of d and of d squared; ``t`` is scratch memory."""
    xp.subtract(d, m, out=t)
    xp.multiply(t, new1, out=t)
    xp.add(m, t, out=m)
    xp.multiply(d, d, out=t)
    xp.multiply(t, new2, out=t)
    xp.multiply(v, old2, out=v)
    xp.add(v, t, out=v)


def _lbfgs(xp: Any, p: Any, d: Any, *, t: float) -> Any:
    """p <- p + t d."""
    (length,) = scalars(p, t)
    return xp.add(p, xp.multiply(d, length, out=xp.empty_like(p)), out=p)


P, S = (3, 4), (0, 2)
HYPER = ("lr", "beta1", "beta2", "eps", "weight_decay", "step", "momentum")

sgd_ = Op(
    "sgd_", _sgd, tex=r"{p} \gets {p} - \eta\,{g}", writes=True, family="other",
    values=("lr", "momentum", "dampening", "weight_decay", "first"), flops=lambda p, *_, **__: 2 * p.size,
    samples=(
        arrays(P, P, lr=0.1), arrays(P, P, lr=0.1, weight_decay=0.1, maximize=True), arrays((), (), (), lr=0.1),
        arrays(P, P, P, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
        arrays(P, P, P, lr=0.1, momentum=0.9, dampening=0.2), arrays(S, S, S, lr=0.1, momentum=0.9, first=True),
    ),
    doc="One step of stochastic gradient descent, in place.",
)  # fmt: skip

_MOMENTS = dict(lr=0.1, beta1=0.9, beta2=0.99, eps=1e-8, step=3)
adam_ = Op(
    "adam_", _adam, tex=r"{p} \gets {p} - \eta\,\hat{{m}} / (\sqrt{{\hat{{v}}}} + \epsilon)", writes=True,
    family="other", values=HYPER, flops=lambda p, *_, **__: 12 * p.size,
    samples=(
        arrays(P, P, P, P, low=0.0, **_MOMENTS), arrays(P, P, P, P, P, low=0.1, weight_decay=0.1, **_MOMENTS),
        arrays(P, P, P, P, low=0.0, weight_decay=0.1, decoupled=True, maximize=True, **_MOMENTS),
        arrays((), (), (), (), low=0.0, **_MOMENTS), arrays(S, S, S, S, **_MOMENTS),
    ),
    doc="One step of Adam or AdamW, in place.",
)  # fmt: skip

lbfgs_ = Op(
    "lbfgs_", _lbfgs, tex=r"{p} \gets {p} + t\,{d}", writes=True, family="other", values=("t",),
    flops=lambda p, *_, **__: 2 * p.size, samples=(arrays(P, P, t=0.5), arrays((), (), t=0.5)),
    doc="A step along the direction that L-BFGS chose, in place.",
)  # fmt: skip

ROWS = [sgd_, adam_, lbfgs_]
