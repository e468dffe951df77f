"""Convolution layers for signals (N, C, L) and images (N, C, H, W)."""

from __future__ import annotations

import math
from typing import Any

from graphscope.engine.create import empty
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError, UsageError
from graphscope.nn import functional as F
from graphscope.nn import init
from graphscope.nn.functional.common import error, several
from graphscope.nn.module import Module
from graphscope.nn.parameter import Parameter

__all__ = ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"]

_MODES = {"zeros", "reflect", "replicate", "circular"}


class _ConvNd(Module):
    """What all convolution layers share: sizes, weights, their first values and their text."""

    _dims = 2
    _transposed = False

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
        output_padding: Any, groups: int, bias: bool, padding_mode: str, device: Any, dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        if groups <= 0:
            raise error(UsageError, f"{self._get_name()}: groups={groups} must be at least 1")
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups:
                raise error(
                    UsageError,
                    f"{self._get_name()}: {name}={channels} cannot be cut into groups={groups} equal groups; choose a "
                    "multiple",
                )
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise error(
                UsageError,
                f"{self._get_name()}: there is no padding={padding!r}; write numbers, 'same' or 'valid'",
            )
        if padding_mode not in _MODES:
            raise error(
                UsageError,
                f"{self._get_name()}: there is no padding_mode={padding_mode!r}, only {', '.join(sorted(_MODES))}",
            )
        d = self._dims
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = several(kernel_size, d)
        self.stride = several(stride, d)
        self.padding = padding if isinstance(padding, str) else several(padding, d)
        self.dilation = several(dilation, d)
        self.transposed = self._transposed
        self.output_padding = several(output_padding, d)
        self.groups = groups
        self.padding_mode = padding_mode
        if padding == "same" and any(s != 1 for s in self.stride):
            raise error(
                UsageError,
                f"{self._get_name()}: a stride of {self.stride} makes the output smaller than the input, so padding='same' "
                "cannot hold; give the padding in numbers",
            )
        rows, columns = (in_channels, out_channels) if self._transposed else (out_channels, in_channels)  # fmt: skip
        shape = (rows, columns // groups, *self.kernel_size)
        self.weight = Parameter(empty(shape, dtype=dtype, device=device))
        self.bias: Any
        if bias:
            self.bias = Parameter(empty(out_channels, dtype=dtype, device=device))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values: uniform in +-1/sqrt(inputs of one output), as in torch."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        shape = self.weight._a.shape
        fan_in = shape[1] * math.prod(shape[2:])
        if self.bias is not None and fan_in:
            init.uniform_(self.bias, -1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))

    def _around(self, input: Tensor) -> tuple[Tensor, Any]:
        """The input with its border, where the border is not zeros, and the padding that is left."""
        if self.padding_mode == "zeros":
            return input, self.padding
        if self.padding == "same":
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            sides = [(t // 2, t - t // 2) for t in totals]
        elif self.padding == "valid":
            sides = [(0, 0)] * self._dims
        else:
            sides = [(int(p), int(p)) for p in self.padding]
        border = [x for side in reversed(sides) for x in side]
        return F.pad(input, border, mode=self.padding_mode), 0

    def extra_repr(self) -> str:
        """Sizes and what differs from the defaults, as torch shows them."""
        none = (0,) * self._dims
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != none:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self._dims:
            text += f", dilation={self.dilation}"
        if self.output_padding != none:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class _Conv(_ConvNd):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode,
            device, dtype,
        )  # fmt: skip


class Conv1d(_Conv):
    """Slides learned kernels over signals."""

    _dims = 1

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        own = self._parameters
        input, padding = self._around(input)
        return F.conv1d(
            input, own["weight"], own["bias"], self.stride, padding, self.dilation, self.groups
        )


class Conv2d(_Conv):
    """Slides learned kernels over images."""

    def forward(self, input: Tensor) -> Tensor:
        """Apply the layer."""
        own = self._parameters
        input, padding = self._around(input)
        return F.conv2d(
            input, own["weight"], own["bias"], self.stride, padding, self.dilation, self.groups
        )


class _ConvTranspose(_ConvNd):
    _transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1,
        padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if padding_mode != "zeros":
            raise error(
                UsageError,
                f"{type(self).__name__}: padding_mode={padding_mode!r} is for Conv1d and Conv2d; a transposed convolution "
                "cuts its border off, so leave it at 'zeros'",
            )
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def _output_padding(self, input: Tensor, output_size: Any) -> Any:
        """The output padding that gives ``output_size``."""
        if output_size is None:
            return self.output_padding
        d = self._dims
        want, have = tuple(output_size)[-d:], input._a.shape[-d:]
        out = []
        for k in range(d):
            least = (have[k] - 1) * self.stride[k] - 2 * self.padding[k]
            least += self.dilation[k] * (self.kernel_size[k] - 1) + 1
            if not least <= want[k] < least + self.stride[k]:
                raise error(
                    ShapeError,
                    f"{self._get_name()}: output_size={want} cannot be made of {tuple(have)}: in dimension {k} an input of "
                    f"{have[k]} gives {least} to {least + self.stride[k] - 1}",
                )
            out.append(want[k] - least)
        return tuple(out)


class ConvTranspose1d(_ConvTranspose):
    """Paints learned kernels into longer signals: the transpose of ``Conv1d``."""

    _dims = 1

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """Apply the layer; ``output_size`` chooses among the sizes that a stride leaves open."""
        own, extra = self._parameters, self._output_padding(input, output_size)
        return F.conv_transpose1d(
            input, own["weight"], own["bias"], self.stride, self.padding, extra, self.groups, self.dilation
        )  # fmt: skip


class ConvTranspose2d(_ConvTranspose):
    """Paints learned kernels into larger images: the transpose of ``Conv2d``."""

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """Apply the layer; ``output_size`` chooses among the sizes that a stride leaves open."""
        own, extra = self._parameters, self._output_padding(input, output_size)
        return F.conv_transpose2d(
            input, own["weight"], own["bias"], self.stride, self.padding, extra, self.groups, self.dilation
        )  # fmt: skip
