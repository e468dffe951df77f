"""Activation functions as modules."""

from __future__ import annotations

from typing import ClassVar

from graphscope.engine.dispatch import unary
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageAssertion
from graphscope.nn import functional as F
from graphscope.nn.applied import Applied
from graphscope.nn.functional.common import error
from graphscope.nn.module import Module
from graphscope.ops import pointwise as pw

__all__ = [
    "CELU", "ELU", "GELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU",
    "LogSigmoid", "Mish", "RReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid",
    "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
]  # fmt: skip


class Inplace(Applied):
    """An activation that may overwrite its input; the repr tells only if it does."""

    _options: ClassVar[tuple[str, ...]] = ("inplace",)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)

    def extra_repr(self) -> str:
        """The options, as torch shows them."""
        told = super().extra_repr()
        if not self.inplace:
            return told
        return f"{told}, inplace=True" if told else "inplace=True"


class ReLU(Inplace):
    """max(x, 0)."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply the function."""
        if self.inplace:
            return F.relu(input, True)
        out: Tensor = unary(pw.relu, input)
        return out


class Tanh(Module):
    """Hyperbolic tangent."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply the function."""
        out: Tensor = unary(pw.tanh, input)
        return out


class Sigmoid(Module):
    """1 / (1 + exp(-x))."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply the function."""
        out: Tensor = unary(pw.sigmoid, input)
        return out


class LeakyReLU(Inplace):
    """x where it is positive, else negative_slope * x."""

    _function = staticmethod(F.leaky_relu)
    _options = ("negative_slope", "inplace")
    _shown = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope


class _Alpha(Inplace):
    _options = ("alpha", "inplace")
    _shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha


class ELU(_Alpha):
    """x where it is positive, else alpha * (exp(x) - 1)."""

    _function = staticmethod(F.elu)


class CELU(_Alpha):
    """An elu that is smooth for every alpha."""

    _function = staticmethod(F.celu)


class SELU(Inplace):
    """The elu that keeps mean 0 and variance 1."""

    _function = staticmethod(F.selu)


class SiLU(Inplace):
    """x * sigmoid(x)."""

    _function = staticmethod(F.silu)


class Mish(Inplace):
    """x * tanh(softplus(x))."""

    _function = staticmethod(F.mish)


class _Silent(Applied):
    """An activation whose repr does not tell that it overwrites its input."""

    _options = ("inplace",)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class Hardsigmoid(_Silent):
    """A sigmoid of three straight pieces."""

    _function = staticmethod(F.hardsigmoid)


class Hardswish(_Silent):
    """x * hardsigmoid(x)."""

    _function = staticmethod(F.hardswish)


class Threshold(Inplace):
    """x where it is above a threshold, else a value."""

    _function = staticmethod(F.threshold)
    _options = ("threshold", "value", "inplace")
    _shown = ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold, self.value = threshold, value


class RReLU(Inplace):
    """A leaky relu with random slopes while training."""

    _function = staticmethod(F.rrelu)
    _options = ("lower", "upper", "training", "inplace")
    _shown = ("lower", "upper")

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.lower, self.upper = lower, upper


class Hardtanh(Inplace):
    """x limited to [min_val, max_val]."""

    _function = staticmethod(F.hardtanh)
    _options = ("min_val", "max_val", "inplace")
    _shown: ClassVar[tuple[str, ...]] = ("min_val", "max_val")

    def __init__(
        self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False, min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__(inplace)
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        if not self.max_val > self.min_val:
            raise error(
                UsageAssertion,
                f"Hardtanh: nothing lies between min_val={self.min_val} and max_val={self.max_val}; the second "
                "is the larger",
            )


class ReLU6(Hardtanh):
    """x limited to [0, 6]."""

    _shown = ()

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)


class GELU(Applied):
    """x times the normal distribution function of it."""

    _function = staticmethod(F.gelu)
    _options = _shown = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__(approximate=approximate)


class _Plain(Applied):
    def __init__(self) -> None:
        super().__init__()


class Softsign(_Plain):
    """x / (1 + |x|)."""

    _function = staticmethod(F.softsign)


class Tanhshrink(_Plain):
    """x - tanh(x)."""

    _function = staticmethod(F.tanhshrink)


class LogSigmoid(_Plain):
    """The logarithm of the sigmoid."""

    _function = staticmethod(F.logsigmoid)


class Softplus(Applied):
    """ln(1 + exp(beta x)) / beta."""

    _function = staticmethod(F.softplus)
    _options = _shown = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__(beta=beta, threshold=threshold)


class _Shrink(Applied):
    _options = ("lambd",)

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__(lambd=lambd)

    def extra_repr(self) -> str:
        """The limit, as torch shows it."""
        return str(self.lambd)


class Hardshrink(_Shrink):
    """x, but 0 where |x| is at most lambd."""

    _function = staticmethod(F.hardshrink)


class Softshrink(_Shrink):
    """x moved towards 0 by lambd."""

    _function = staticmethod(F.softshrink)
