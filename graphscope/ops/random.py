"""Random numbers: drawn on the host from one seeded generator, so that devices agree.

The rows get the drawn numbers as an input, so that they are ordinary, repeatable ops; what draws and
checks stands in ``graphscope.ops.functions.sampling``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphscope.engine.device import device as Device
from graphscope.engine.op import Op
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.ops.samples import arrays

_MASK = 2**64 - 1


class Generator:
    """A source of random numbers with a seed, as in torch (its numbers differ from torch's)."""

    def __init__(self, device: Any = "cpu") -> None:
        self.device = Device(device)
        self.seed()

    def seed(self) -> int:
        """Start again from a seed of the system's; returns it."""
        entropy: Any = np.random.SeedSequence().entropy
        self.manual_seed(entropy % 2**63)
        return self._seed

    def manual_seed(self, seed: int) -> Generator:
        """Start again from ``seed``."""
        self._seed = int(seed)
        self.rng = np.random.default_rng(self._seed & _MASK)
        return self

    def initial_seed(self) -> int:
        """The seed that was set last."""
        return self._seed & _MASK

    def get_state(self) -> Tensor:
        """All that ``set_state`` needs to draw the same numbers again, as a tensor of bytes."""
        state: Any = self.rng.bit_generator.state
        inner = state["state"]
        parts = (
            self.initial_seed().to_bytes(8, "little"), inner["state"].to_bytes(16, "little"),
            inner["inc"].to_bytes(16, "little"), bytes([state["has_uint32"]]),
            state["uinteger"].to_bytes(4, "little"),
        )  # fmt: skip
        return Tensor(np.frombuffer(b"".join(parts), np.uint8).copy())

    def set_state(self, new_state: Tensor) -> Generator:
        """Go back to where ``get_state`` was called.

        Raises: UsageError for bytes that are no state of ours (torch's generator is another one).
        """
        raw = np.asarray(new_state._host()).astype(np.uint8).tobytes()
        if len(raw) != 45:
            raise UsageError(
                f"set_state takes the 45 bytes of get_state, these are {len(raw)}. A state of torch's generator "
                "cannot be used: GraphScope draws its own numbers"
            )
        self.manual_seed(int.from_bytes(raw[:8], "little"))
        self.rng.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {
                "state": int.from_bytes(raw[8:24], "little"),
                "inc": int.from_bytes(raw[24:40], "little"),
            },
            "has_uint32": raw[40],
            "uinteger": int.from_bytes(raw[41:], "little"),
        }
        return self

    def clone_state(self) -> Generator:
        """Another generator that goes on from here by itself."""
        return Generator(self.device).set_state(self.get_state())

    def __repr__(self) -> str:
        return f"<torch.Generator device={self.device} seed={self.initial_seed()}>"


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Seed the default generator, which all devices draw from."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator with a number of the system's; returns it."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default generator, as a tensor of bytes."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Set the state of the default generator."""
    default_generator.set_state(new_state)


def rng(generator: Generator | None = None) -> Any:
    """The numpy generator to draw from."""
    return (generator or default_generator).rng


# ---------------------------------------------------------------- rows


def _fill(xp: Any, x: Any, drawn: Any) -> Any:
    x[...] = drawn
    return x


def _filled(name: str, symbol: str, doc: str) -> Op:
    return Op(
        f"{name}_", _fill, tex=rf"{{x}} \gets {symbol}", writes=True, family="data",
        flops=lambda *a, **k: 0, doc=f"{doc}, in place.",
    )  # fmt: skip


FILLS = {
    name: _filled(name, symbol, doc)
    for name, symbol, doc in (
        ("uniform", r"\mathcal{{U}}", "Uniform numbers between two bounds"),
        ("normal", r"\mathcal{{N}}", "Normal numbers with a mean and a standard deviation"),
        ("log_normal", r"e^{{\mathcal{{N}}}}", "Exponentials of normal numbers"),
        ("cauchy", r"\mathrm{{Cauchy}}", "Numbers of a Cauchy distribution"),
        ("exponential", r"\mathrm{{Exp}}", "Exponentially distributed numbers"),
        ("geometric", r"\mathrm{{Geo}}", "Trials until the first success"),
        ("bernoulli", r"\mathcal{{B}}", "Ones with a probability, else zeros"),
        ("random", r"\mathrm{{random}}", "Whole numbers in a range"),
    )
}

normal = Op(
    "normal", lambda xp, mean, std, noise: mean + std * noise, tex=r"\mathcal{{N}}({mean}, {std}^2)",
    family="data", broadcast=True, flops=lambda *a, **k: 0,
    # The numbers are samples, no function of the mean: torch gives a gradient of zero.
    vjp=dict(mean=lambda F, g: g * 0, std=lambda F, g: g * 0),
    doc="Normal numbers with a mean and a standard deviation for each.",
)  # fmt: skip

bernoulli = Op(
    "bernoulli", lambda xp, p, noise: (noise < p).astype(p.dtype), tex=r"\mathcal{{B}}({p})",
    family="data", broadcast=True, vjp=dict(p=lambda F, g: g * 0), flops=lambda *a, **k: 0,
    samples=(arrays((3, 4), (3, 4), low=0.1),), doc="One with the given probability, else zero.",
)  # fmt: skip


def _multinomial(xp: Any, p: Any, noise: Any, *, num_samples: int, replacement: bool) -> Any:
    if not replacement:
        # The smallest of exponential times with these rates: the first comes from category i with probability
        # p[i], the next from the rest, and so on. Source: Efraimidis and Spirakis 2006, "Weighted random sampling".
        with np.errstate(divide="ignore"):
            times = noise / p
        return xp.argsort(times, axis=-1)[..., :num_samples]
    # One search for all rows: row r's distribution function runs from r to r + 1, in float64 so that a
    # thousand rows leave it enough digits.
    rows = p.reshape((-1, p.shape[-1]))
    below = xp.cumsum(rows, axis=1, dtype="float64")
    below = below / below[:, -1:]
    r = xp.arange(rows.shape[0]).reshape((-1, 1))
    at = xp.searchsorted(
        (below + r).ravel(), (noise.reshape((-1, num_samples)) + r).ravel(), side="right"
    )
    at = at.reshape((-1, num_samples)) - r * p.shape[-1]
    return xp.clip(at, 0, p.shape[-1] - 1).reshape((*p.shape[:-1], num_samples))


multinomial = Op(
    "multinomial", _multinomial, tex=r"\mathrm{{Mult}}({p})", family="data",
    flops=lambda *a, **k: 0,
    samples=(
        arrays((3, 4), (3, 2), low=0.1, high=0.9, num_samples=2, replacement=True),
        arrays((4,), (6,), low=0.1, high=0.9, num_samples=6, replacement=True),
        arrays((3, 4), (3, 4), low=0.1, num_samples=2, replacement=False),
    ),
    doc="Indices of categories, drawn by their weights.",
)  # fmt: skip

ROWS = [*FILLS.values(), normal, bernoulli, multinomial]
