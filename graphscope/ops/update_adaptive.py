"""Updates that scale each element's step by its own history: Adagrad, RMSprop, Adadelta, Adam's kin."""

from __future__ import annotations

from typing import Any

from graphscope.engine.op import Op
from graphscope.ops.samples import arrays
from graphscope.ops.update import HYPER, P, S, gradient, moments, scalars


def _adagrad(
    xp: Any, p: Any, g: Any, total: Any, *, lr: float, lr_decay: float = 0.0, eps: float,
    weight_decay: float = 0.0, maximize: bool = False, step: float,
) -> Any:  # fmt: skip
    """p <- p - lr g / (sqrt(sum of g^2) + eps).

    Source: Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization".
    """
    rate, small = scalars(p, lr / (1 + (step - 1) * lr_decay), eps)
    d = gradient(xp, p, g, weight_decay, maximize)
    t = xp.multiply(d, d, out=xp.empty_like(p))
    xp.add(total, t, out=total)
    xp.sqrt(total, out=t)
    xp.add(t, small, out=t)
    xp.divide(d, t, out=t)
    xp.multiply(t, rate, out=t)
    return xp.subtract(p, t, out=p)


def _rmsprop(
    xp: Any, p: Any, g: Any, square: Any, one: Any = None, two: Any = None, *, lr: float, alpha: float,
    eps: float, weight_decay: float = 0.0, momentum: float = 0.0, centered: bool = False,
    maximize: bool = False,
) -> Any:  # fmt: skip
    """p <- p - lr g / (sqrt(running mean of g^2) + eps), with momentum on the quotient if wanted.

    ``one`` and ``two`` are the running mean of g (if centered) and the momentum buffer, in this order.
    Source: Tieleman and Hinton, "Neural Networks for Machine Learning", lecture 6.5; centered:
    Graves, "Generating Sequences With Recurrent Neural Networks".
    """
    mean = one if centered else None
    buf = two if centered else one
    old, new, small, rate, kept = scalars(p, alpha, 1 - alpha, eps, lr, momentum)
    d = gradient(xp, p, g, weight_decay, maximize)
    t = xp.multiply(d, d, out=xp.empty_like(p))
    xp.multiply(t, new, out=t)
    xp.multiply(square, old, out=square)
    xp.add(square, t, out=square)
    if mean is None:
        xp.sqrt(square, out=t)
    else:
        xp.subtract(d, mean, out=t)
        xp.multiply(t, new, out=t)
        xp.add(mean, t, out=mean)
        xp.multiply(mean, mean, out=t)
        xp.subtract(square, t, out=t)
        xp.sqrt(t, out=t)
    xp.add(t, small, out=t)
    xp.divide(d, t, out=t)
    if buf is not None:
        xp.multiply(buf, kept, out=buf)
        xp.add(buf, t, out=buf)
        xp.multiply(buf, rate, out=t)
    else:
        xp.multiply(t, rate, out=t)
    return xp.subtract(p, t, out=p)


def _adadelta(
    xp: Any, p: Any, g: Any, square: Any, moved: Any, *, lr: float, rho: float, eps: float,
    weight_decay: float = 0.0, maximize: bool = False,
) -> Any:  # fmt: skip
    """p <- p - lr g rms(past moves) / rms(past gradients).

    Source: Zeiler, "ADADELTA: An Adaptive Learning Rate Method", algorithm 1.
    """
    old, new, small, rate = scalars(p, rho, 1 - rho, eps, lr)
    d = gradient(xp, p, g, weight_decay, maximize)
    t = xp.multiply(d, d, out=xp.empty_like(p))
    xp.multiply(t, new, out=t)
    xp.multiply(square, old, out=square)
    xp.add(square, t, out=square)
    xp.add(moved, small, out=t)
    below = xp.add(square, small, out=xp.empty_like(p))
    xp.divide(t, below, out=t)
    xp.sqrt(t, out=t)
    xp.multiply(t, d, out=t)  # the move
    xp.multiply(t, t, out=below)
    xp.multiply(below, new, out=below)
    xp.multiply(moved, old, out=moved)
    xp.add(moved, below, out=moved)
    xp.multiply(t, rate, out=t)
    return xp.subtract(p, t, out=p)


def _adamax(
    xp: Any, p: Any, g: Any, m: Any, largest: Any, *, lr: float, beta1: float, beta2: float, eps: float,
    weight_decay: float = 0.0, maximize: bool = False, step: float,
) -> Any:  # fmt: skip
    """p <- p - lr m' / u, with u the decayed largest absolute gradient.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", algorithm 2.
    """
    new1, old2, small, rate = scalars(p, 1 - beta1, beta2, eps, lr / (1 - beta1**step))
    d = gradient(xp, p, g, weight_decay, maximize)
    t = xp.subtract(d, m, out=xp.empty_like(p))
    xp.multiply(t, new1, out=t)
    xp.add(m, t, out=m)
    xp.absolute(d, out=t)
    xp.add(t, small, out=t)
    xp.multiply(largest, old2, out=largest)
    xp.maximum(largest, t, out=largest)
    xp.divide(m, largest, out=t)
    xp.multiply(t, rate, out=t)
    return xp.subtract(p, t, out=p)


def _nadam(
    xp: Any, p: Any, g: Any, m: Any, v: Any, *, lr: float, beta1: float, beta2: float, eps: float,
    weight_decay: float = 0.0, decoupled: bool = False, maximize: bool = False, step: float, mu: float,
    mu_next: float, product: float,
) -> Any:  # fmt: skip
    """Adam with Nesterov's look ahead: the step mixes the gradient and the next running mean.

    mu, mu_next and product are this step's momentum, the next one's, and the product of all so far.
    Source: Dozat, "Incorporating Nesterov Momentum into Adam", algorithm 2.
    """
    root = (1 - beta2**step) ** 0.5
    new1, new2, old2, small, of_g, of_m, shrink = scalars(
        p, 1 - beta1, 1 - beta2, beta2, eps * root, lr * root * (1 - mu) / (1 - product),
        lr * root * mu_next / (1 - product * mu_next), 1 - lr * weight_decay,
    )  # fmt: skip
    if weight_decay and decoupled:
        xp.multiply(p, shrink, out=p)
        weight_decay = 0.0
    d = gradient(xp, p, g, weight_decay, maximize)
    t = xp.empty_like(p)
    moments(xp, d, m, v, t, new1, new2, old2)
    below = xp.sqrt(v, out=xp.empty_like(p))
    xp.add(below, small, out=below)
    xp.divide(d, below, out=t)
    xp.multiply(t, of_g, out=t)
    xp.subtract(p, t, out=p)
    xp.divide(m, below, out=t)
    xp.multiply(t, of_m, out=t)
    return xp.subtract(p, t, out=p)


def _radam(
    xp: Any, p: Any, g: Any, m: Any, v: Any, *, lr: float, beta1: float, beta2: float, eps: float,
    weight_decay: float = 0.0, decoupled: bool = False, maximize: bool = False, step: float,
) -> Any:  # fmt: skip
    """Adam whose adaptive part waits until the variance of v can be estimated.

    Source: Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", algorithm 2.
    """
    longest = 2 / (1 - beta2) - 1
    decayed = beta2**step
    length = longest - 2 * step * decayed / (1 - decayed)
    rate = lr / (1 - beta1**step)
    if length > 5:
        top = (length - 4) * (length - 2) * longest
        rate *= (top / ((longest - 4) * (longest - 2) * length)) ** 0.5 * (1 - decayed) ** 0.5
    new1, new2, old2, small, rate, shrink = scalars(
        p, 1 - beta1, 1 - beta2, beta2, eps, rate, 1 - lr * weight_decay
    )
    if weight_decay and decoupled:
        xp.multiply(p, shrink, out=p)
        weight_decay = 0.0
    d = gradient(xp, p, g, weight_decay, maximize)
    t = xp.empty_like(p)
    moments(xp, d, m, v, t, new1, new2, old2)
    if length > 5:
        xp.sqrt(v, out=t)
        xp.add(t, small, out=t)
        xp.divide(m, t, out=t)
        xp.multiply(t, rate, out=t)
    else:
        xp.multiply(m, rate, out=t)
    return xp.subtract(p, t, out=p)


def _row(name: str, kernel: Any, tex: str, cost: int, samples: Any, doc: str) -> Op:
    return Op(
        name, kernel, tex=tex, writes=True, family="other", samples=samples, doc=doc,
        values=(*HYPER, "lr_decay", "alpha", "rho", "mu", "mu_next", "product"),
        flops=lambda p, *_, **__: cost * p.size,
    )  # fmt: skip


_ADAM = dict(lr=0.1, beta1=0.9, beta2=0.99, eps=1e-8)
_RMS = dict(lr=0.1, alpha=0.9, eps=1e-8)
adagrad_ = _row(
    "adagrad_", _adagrad, r"{p} \gets {p} - \eta\,{g} / (\sqrt{{{total}}} + \epsilon)", 7,
    (
        arrays(P, P, P, low=0.1, lr=0.1, lr_decay=0.1, eps=1e-10, step=3, weight_decay=0.1),
        arrays((), (), (), low=0.1, lr=0.1, eps=1e-10, step=1, maximize=True),
    ),
    "One step of Adagrad, in place.",
)  # fmt: skip
rmsprop_ = _row(
    "rmsprop_", _rmsprop, r"{p} \gets {p} - \eta\,{g} / (\sqrt{{{square}}} + \epsilon)", 9,
    (
        arrays(P, P, P, low=0.1, **_RMS), arrays(P, P, P, P, low=0.1, momentum=0.9, weight_decay=0.1, **_RMS),
        arrays((), (), (), low=0.1, **_RMS), arrays(S, S, S, S, S, momentum=0.9, centered=True, **_RMS),
    ),
    "One step of RMSprop, in place.",
)  # fmt: skip
adadelta_ = _row(
    "adadelta_", _adadelta,
    r"{p} \gets {p} - \eta\,{g} \sqrt{{({moved} + \epsilon) / ({square} + \epsilon)}}", 15,
    (
        arrays(P, P, P, P, low=0.1, lr=0.5, rho=0.9, eps=1e-6, weight_decay=0.1),
        arrays((), (), (), (), low=0.1, lr=0.5, rho=0.9, eps=1e-6),
    ),
    "One step of Adadelta, in place.",
)  # fmt: skip
adamax_ = _row(
    "adamax_", _adamax, r"{p} \gets {p} - \eta\,\hat{{m}} / {largest}", 10,
    (arrays(P, P, P, P, low=0.1, step=3, **_ADAM), arrays((), (), (), (), low=0.1, step=1, **_ADAM)),
    "One step of Adamax, in place.",
)  # fmt: skip
nadam_ = _row(
    "nadam_", _nadam, r"{p} \gets {p} - \eta\,(\bar{{\mu}}\,{g} + \mu\,{m}) / (\sqrt{{\hat{{v}}}} + \epsilon)", 15,
    (
        arrays(P, P, P, P, low=0.1, step=3, mu=0.5, mu_next=0.6, product=0.4, weight_decay=0.1, **_ADAM),
        arrays((), (), (), (), low=0.1, step=1, mu=0.5, mu_next=0.6, product=0.4, decoupled=True, weight_decay=0.1, **_ADAM),
    ),
    "One step of NAdam, in place.",
)  # fmt: skip
radam_ = _row(
    "radam_", _radam, r"{p} \gets {p} - \eta\,r\,\hat{{m}} / (\sqrt{{\hat{{v}}}} + \epsilon)", 12,
    (
        arrays(P, P, P, P, low=0.1, step=2, weight_decay=0.1, **_ADAM), arrays(P, P, P, P, low=0.1, step=9, **_ADAM),
        arrays((), (), (), (), low=0.1, step=9, decoupled=True, weight_decay=0.1, **_ADAM),
    ),
    "One step of RAdam, in place.",
)  # fmt: skip

ROWS = [adagrad_, rmsprop_, adadelta_, adamax_, nadam_, radam_]
