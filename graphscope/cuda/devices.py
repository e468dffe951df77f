"""Is there a GPU, which, and waiting for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from graphscope.cuda._gpu import gpu, gpu_or_none
from graphscope.engine.backend import BACKENDS, pretended_gpus
from graphscope.engine.device import current_gpu
from graphscope.engine.device import device as Device
from graphscope.errors import DeviceError


def is_available() -> bool:
    """Whether tensors can be on a GPU here; never raises."""
    return gpu_or_none() is not None


def device_count() -> int:
    """How many GPUs can be used: with CuPy one so far."""
    return pretended_gpus() or (1 if is_available() else 0)


def is_initialized() -> bool:
    """Whether the GPU was used already."""
    return any(b.name.startswith("cuda") for b in BACKENDS.values())


def init() -> None:
    """Start the GPU now and not at its first use."""
    gpu()


def current_device() -> int:
    """The number of the GPU that ``cuda`` means."""
    gpu()
    return current_gpu.get()


def set_device(device: Any) -> None:
    """Make ``cuda`` mean this GPU, in this thread."""
    current_gpu.set(_index(device))


def _index(device: Any) -> int:
    """The number of a GPU that is there."""
    return int(gpu(device).name.partition(":")[2])


class device:  # noqa: N801 - torch's name
    """``with cuda.device(1):`` makes ``cuda`` mean that GPU; None and -1 change nothing."""

    def __init__(self, device: Any) -> None:
        self.idx = device
        self._before: list[int] = []

    def __enter__(self) -> None:
        self._before.append(current_gpu.get())
        if self.idx is not None and self.idx != -1:
            set_device(self.idx)

    def __exit__(self, *exc: object) -> None:
        current_gpu.set(self._before.pop())


def get_device_name(device: Any = None) -> str:
    """The name of the GPU."""
    return str(gpu(device).properties()["name"])


def get_device_properties(device: Any = None) -> SimpleNamespace:
    """name, total_memory, major, minor, multi_processor_count."""
    return SimpleNamespace(**gpu(device).properties())


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The compute capability as (major, minor)."""
    found = get_device_properties(device)
    return found.major, found.minor


def synchronize(device: Any = None) -> None:
    """Wait until the GPU has done all work."""
    gpu(device).synchronize()


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False: GraphScope has no bfloat16; use float16 or float32."""
    return False


def get_arch_list() -> list[str]:
    """Empty: CuPy compiles kernels for the GPU that is there."""
    return []


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """Raises: DeviceError, since GPUs do not reach each other's memory in GraphScope."""
    raise DeviceError(
        f"can_device_access_peer({Device(device)}, {Device(peer_device)}): GPUs do not reach each other's memory in GraphScope"
    )
