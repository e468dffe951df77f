"""Data parallelism under torch's name, on the one device that there is."""

from __future__ import annotations

from typing import Any

from graphscope.nn.module import Module

__all__ = ["DataParallel"]


class DataParallel(Module):
    """A model whose batches torch would split over several GPUs; here all of it runs where the model is.

    Programs that wrap their model run, and their state dicts have torch's ``module.`` before each key.
    """

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids = device_ids
        self.output_device = output_device
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """What the model gives."""
        return self.module(*inputs, **kwargs)
