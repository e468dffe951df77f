"""CUDA as a library: whether it is there, and switches that do nothing here."""

from __future__ import annotations

from types import SimpleNamespace

from graphscope.cuda import is_available

matmul = SimpleNamespace(
    allow_tf32=False,
    allow_fp16_reduced_precision_reduction=True,
    allow_bf16_reduced_precision_reduction=True,
)


def is_built() -> bool:
    """Whether CUDA can be used; GraphScope needs no build for it, so this is ``is_available``."""
    return is_available()
