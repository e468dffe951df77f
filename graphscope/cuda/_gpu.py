"""Which backend answers to ``cuda``: CuPy's, the pretend GPU, or none."""

from __future__ import annotations

from typing import Any

from graphscope.engine.backend import available, backend_of
from graphscope.engine.device import device as Device
from graphscope.errors import DeviceError


def gpu() -> Any:
    """The backend of the GPU. Raises: DeviceError that says what to install, if there is none."""
    return backend_of("cuda")


def gpu_or_none() -> Any:
    """The backend of the GPU, or None."""
    return gpu() if available("cuda") else None


def check(device: Any) -> None:
    """Raises: DeviceError unless ``device`` (None, an index, a name, a device) is the one GPU."""
    if device is None:
        return
    where = Device(device)
    if where.type != "cuda":
        raise DeviceError(f"graphscope.cuda is about CUDA devices, not about {where}")
    backend_of(where)
