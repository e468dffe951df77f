"""Tensors in files: torch's own .pt/.pth files and safetensors, read and written."""

from graphscope.serialization.api import load, save
from graphscope.serialization.safe import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    safe_globals,
)
from graphscope.serialization.safetensors import load_file, save_file

__all__ = [
    "add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "load_file", "safe_globals",
    "save", "save_file",
]  # fmt: skip
