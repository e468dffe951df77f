"""Pooling layers."""

from __future__ import annotations

from typing import Any, ClassVar

from graphscope.nn import functional as F
from graphscope.nn.applied import Applied
from graphscope.nn.functional.common import several

__all__ = [
    "MaxPool1d", "MaxPool2d", "MaxUnpool2d", "AvgPool1d", "AvgPool2d", "LPPool1d", "LPPool2d",
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
]  # fmt: skip

_WINDOW = ("kernel_size", "stride", "padding")


class _Windows(Applied):
    """Windows of a size, a stride (their size unless given) and a border."""

    _options: ClassVar[tuple[str, ...]] = _WINDOW
    _shown: ClassVar[tuple[str, ...]] = _WINDOW

    def __init__(self, kernel_size: Any, stride: Any, padding: Any, **options: Any) -> None:
        step = kernel_size if stride is None else stride
        super().__init__(kernel_size=kernel_size, stride=step, padding=padding, **options)


class _MaxPool(_Windows):
    _options = (*_WINDOW, "dilation", "ceil_mode", "return_indices")
    _shown = (*_WINDOW, "dilation", "ceil_mode")

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        return_indices: bool = False, ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        own = dict(dilation=dilation, return_indices=return_indices, ceil_mode=ceil_mode)
        super().__init__(kernel_size, stride, padding, **own)


class MaxPool1d(_MaxPool):
    """The largest element of each window of signals."""

    _function = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool):
    """The largest element of each window."""

    _function = staticmethod(F.max_pool2d)


class MaxUnpool2d(_Windows):
    """Puts pooled values back at their places."""

    _function = staticmethod(F.max_unpool2d)

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        size = several(kernel_size, 2)
        super().__init__(size, size if stride is None else several(stride, 2), several(padding, 2))


class AvgPool1d(_Windows):
    """The mean of each window of signals."""

    _function = staticmethod(F.avg_pool1d)
    _options = (*_WINDOW, "ceil_mode", "count_include_pad")

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        size = several(kernel_size, 1)
        step = size if stride is None else several(stride, 1)
        own = dict(ceil_mode=ceil_mode, count_include_pad=count_include_pad)
        super().__init__(size, step, several(padding, 1), **own)


class AvgPool2d(_Windows):
    """The mean of each window."""

    _function = staticmethod(F.avg_pool2d)
    _options = (*_WINDOW, "ceil_mode", "count_include_pad", "divisor_override")

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            kernel_size, stride, padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad,
            divisor_override=divisor_override,
        )  # fmt: skip


class _LPPool(Applied):
    _options = _shown = ("norm_type", "kernel_size", "stride", "ceil_mode")

    def __init__(
        self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> None:
        own = dict(norm_type=norm_type, kernel_size=kernel_size, stride=stride, ceil_mode=ceil_mode)
        super().__init__(**own)


class LPPool1d(_LPPool):
    """The p-norm of each window of signals."""

    _function = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPool):
    """The p-norm of each window."""

    _function = staticmethod(F.lp_pool2d)


class _Adaptive(Applied):
    _options: ClassVar[tuple[str, ...]] = ("output_size",)
    _shown = ("output_size",)

    def __init__(self, output_size: Any) -> None:
        super().__init__(output_size=output_size)


class AdaptiveAvgPool1d(_Adaptive):
    """Means over as many windows of the signal as asked for."""

    _function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_Adaptive):
    """Means over as many windows as asked for."""

    _function = staticmethod(F.adaptive_avg_pool2d)


class _AdaptiveMax(_Adaptive):
    _options = ("output_size", "return_indices")

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices


class AdaptiveMaxPool1d(_AdaptiveMax):
    """The largest elements of as many windows of the signal as asked for."""

    _function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMax):
    """The largest elements of as many windows as asked for."""

    _function = staticmethod(F.adaptive_max_pool2d)
