"""Is there a GPU, which, and waiting for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from graphscope.cuda._gpu import check, gpu, gpu_or_none
from graphscope.engine.backend import BACKENDS
from graphscope.engine.device import device as Device
from graphscope.errors import DeviceError


def is_available() -> bool:
    """Whether tensors can be on a GPU here; never raises."""
    return gpu_or_none() is not None


def device_count() -> int:
    """How many GPUs can be used: one or none so far."""
    return 1 if is_available() else 0


def is_initialized() -> bool:
    """Whether the GPU was used already."""
    return any(b.name.startswith("cuda") for b in BACKENDS.values())


def init() -> None:
    """Start the GPU now and not at its first use."""
    gpu()


def current_device() -> int:
    """The number of the GPU that ``cuda`` means."""
    gpu()
    return 0


def set_device(device: Any) -> None:
    """Make ``cuda`` mean this GPU: there is one, so this only checks that it is the one."""
    gpu()
    check(device)


class device:  # noqa: N801 - torch's name
    """``with cuda.device(0):``, which checks that the GPU is there; None and -1 do nothing."""

    def __init__(self, device: Any) -> None:
        self.idx = device

    def __enter__(self) -> None:
        if self.idx is not None and self.idx != -1:
            set_device(self.idx)

    def __exit__(self, *exc: object) -> None:
        return None


def get_device_name(device: Any = None) -> str:
    """The name of the GPU."""
    check(device)
    return str(gpu().properties()["name"])


def get_device_properties(device: Any = None) -> SimpleNamespace:
    """name, total_memory, major, minor, multi_processor_count."""
    check(device)
    return SimpleNamespace(**gpu().properties())


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The compute capability as (major, minor)."""
    found = get_device_properties(device)
    return found.major, found.minor


def synchronize(device: Any = None) -> None:
    """Wait until the GPU has done all work."""
    check(device)
    gpu().synchronize()


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False: GraphScope has no bfloat16; use float16 or float32."""
    return False


def get_arch_list() -> list[str]:
    """Empty: CuPy compiles kernels for the GPU that is there."""
    return []


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """Raises: DeviceError, since there is one GPU at most."""
    raise DeviceError(
        f"can_device_access_peer({Device(device)}, {Device(peer_device)}): there is one GPU at most"
    )
