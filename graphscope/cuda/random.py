"""Random numbers for the GPU: they are drawn on the host, from the one generator of all devices."""

from __future__ import annotations

from typing import Any

from graphscope.cuda._gpu import gpu_or_none
from graphscope.engine.tensor import Tensor
from graphscope.ops.random import default_generator


def manual_seed(seed: int) -> None:
    """Seed the generator that all devices draw from; without a GPU nothing happens, as in torch."""
    if gpu_or_none() is not None:
        default_generator.manual_seed(seed)


manual_seed_all = manual_seed


def seed() -> None:
    """Seed the generator with a number of the system's; without a GPU nothing happens."""
    if gpu_or_none() is not None:
        default_generator.seed()


seed_all = seed


def initial_seed() -> int:
    """The seed of the generator."""
    return default_generator.initial_seed()


def get_rng_state(device: Any = "cuda") -> Tensor:
    """The state of the generator, as a tensor of bytes."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor, device: Any = "cuda") -> None:
    """Set the state of the generator."""
    default_generator.set_state(new_state)


def get_rng_state_all() -> list[Tensor]:
    """The generator's state, once for each GPU."""
    return [] if gpu_or_none() is None else [get_rng_state()]


def set_rng_state_all(new_states: Any) -> None:
    """Set the state of the generator from such a list."""
    for state in new_states:
        set_rng_state(state)
