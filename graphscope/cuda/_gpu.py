"""Which backend answers to ``cuda``: CuPy's, the pretend GPU, or none."""

from __future__ import annotations

from typing import Any

from graphscope.engine.backend import available, backend_of
from graphscope.engine.device import device as Device
from graphscope.errors import DeviceError


def gpu(device: Any = None) -> Any:
    """The backend of a GPU: an index, a name, a device, or None for the current one.

    Raises: DeviceError that says what to install, if it is not there.
    """
    where = Device("cuda" if device is None else device)
    if where.type != "cuda":
        raise DeviceError(f"graphscope.cuda is about CUDA devices, not about {where}")
    return backend_of(where)


def gpu_or_none(device: Any = None) -> Any:
    """The backend of a GPU, or None if there is none at all."""
    return gpu(device) if available("cuda") else None
