"""Random numbers: drawn on the host from one seeded generator, so that devices agree."""

from __future__ import annotations

from typing import Any

import numpy as np


class Generator:
    """A source of random numbers with a seed, as in torch (its numbers differ from torch's)."""

    def __init__(self, device: Any = "cpu") -> None:
        self.device = device
        self.manual_seed(np.random.SeedSequence().entropy % 2**63)  # type: ignore[operator]

    def manual_seed(self, seed: int) -> Generator:
        """Start again from ``seed``."""
        self._seed = int(seed)
        self.rng = np.random.default_rng(self._seed % 2**64)
        return self

    def initial_seed(self) -> int:
        """The seed that was set last."""
        return self._seed


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator."""
    return default_generator.manual_seed(seed)


def rng(generator: Generator | None = None) -> Any:
    """The numpy generator to draw from."""
    return (generator or default_generator).rng
