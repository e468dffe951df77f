"""Run a lecture script with either library and hand over the tensors that its figures are drawn from."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import graphscope as gs

DECK = Path(__file__).resolve().parents[2] / "examples" / "lecture"
Told = list[dict[str, tuple[np.ndarray, np.ndarray | None]]]


def load(name: str, library: Any) -> Any:
    """The script as a module, its ``import graphscope`` bound to ``library``."""
    spec = importlib.util.spec_from_file_location(f"lecture_{name}", DECK / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Not mock.patch.dict: it would also forget what the script imports, and there would be two of it.
    before = sys.modules["graphscope"]
    sys.modules["graphscope"], sys.modules[spec.name] = library, module
    try:
        with mock.patch.object(sys, "path", [str(DECK), *sys.path]):
            spec.loader.exec_module(module)
    finally:
        sys.modules["graphscope"] = before
        for name in ("deck", spec.name):
            sys.modules.pop(name, None)
    return module


def _tensors(frame: Any, kind: type, told: Told) -> None:
    found = {}
    for name, held in frame.f_locals.items():
        if isinstance(held, kind):
            leaf = held.requires_grad and held.is_leaf
            grad = held.grad if leaf else None
            found[name] = (
                np.array(held.detach().numpy()), None if grad is None else np.array(grad.numpy()),
            )  # fmt: skip
    told.append(found)


def with_graphscope(name: str) -> tuple[dict[str, Any], Told, list[Any]]:
    """The script's figures, the tensors of the drawing frame at every draw, and what each draw gave."""
    told: Told = []
    drawn: list[Any] = []
    real = gs.draw

    def draw(*args: Any, **options: Any) -> Any:
        _tensors(sys._getframe(1), gs.Tensor, told)
        # drawn from the script's own frame, which names the leaves
        figure = real(*args, **options)
        drawn.append(figure)
        return figure

    face = types.ModuleType("graphscope")
    face.__getattr__ = lambda word: draw if word == "draw" else getattr(gs, word)  # type: ignore[method-assign]
    return load(name, face).figures("light"), told, drawn


def with_torch(name: str) -> Told:
    """The same with torch: same random numbers, same first weights; nothing is drawn."""
    import torch

    told: Told = []

    def randn(*shape: int, **options: Any) -> Any:
        return torch.tensor(gs.randn(*shape).numpy(), **options)

    def same(kind: str) -> Callable[..., Any]:
        def make(*args: Any, **options: Any) -> Any:
            ours, theirs = (
                getattr(gs.nn, kind)(*args, **options),
                getattr(torch.nn, kind)(*args, **options),
            )
            state = {k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()}
            theirs.load_state_dict(state)
            return theirs

        return make

    def draw(*args: Any, **options: Any) -> Any:
        if isinstance(args[0], torch.nn.Module):
            model, *inputs = args
            out = model(*inputs)
            told.append({"out": (out.detach().numpy(), None)})
        else:
            _tensors(sys._getframe(1), torch.Tensor, told)
        return mock.MagicMock()

    nn = types.SimpleNamespace(
        Module=torch.nn.Module, Sequential=torch.nn.Sequential, functional=torch.nn.functional,
        **{k: same(k) for k in ("Linear", "Conv2d")},
        **{k: getattr(torch.nn, k) for k in ("ReLU", "MaxPool2d", "AvgPool2d", "Flatten", "Dropout", "Sigmoid")},
    )  # fmt: skip
    own = {
        "randn": randn, "nn": nn, "manual_seed": gs.manual_seed, "draw": draw,
        "draw_pair": mock.MagicMock(), "figures": mock.MagicMock(), "profile": lambda *a, **k: nullcontext(),
    }  # fmt: skip
    face = types.ModuleType("graphscope")
    face.__getattr__ = lambda word: own[word] if word in own else getattr(torch, word)  # type: ignore[method-assign]
    load(name, face).figures("light")
    return told
