"""Live tensors, or a model and its input, as the scene of a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from graphscope.engine.tape import Node, next_seq
from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageError
from graphscope.record.capture import Captured, capture
from graphscope.record.derivatives import local_derivatives, tangents
from graphscope.record.statistics import describe, to_host


class Calls:
    """Which ops ran inside which module, by the tape's own count."""

    def __init__(self) -> None:
        self.spans: list[tuple[int, int, str]] = []
        self.outputs: dict[Node, Any] = {}
        self._open: list[tuple[int, str]] = []

    def enter(self, path: str) -> None:
        self._open.append((next_seq(), path))

    def leave(self, out: Any) -> None:
        for t in _tensors(out):
            if t._node is not None and t._node.nout == 1:
                self.outputs[t._node] = to_host(t._a)
        start, path = self._open.pop()
        self.spans.append((start, next_seq(), path))

    def scope_of(self, node: Node) -> str:
        """The innermost module that ``node`` ran in."""
        inside = [(start, path) for start, end, path in self.spans if start < node.seq < end]
        return max(inside)[1] if inside else ""


@contextmanager
def _watched(model: Any, calls: Calls) -> Iterator[None]:
    """Every call of a module is noted; buffers (running means) are put back afterwards."""
    handles = []
    kept = [(b, b._a.copy()) for b in model.buffers() if b is not None]
    for path, module in model.named_modules():
        enter: Callable[..., None] = lambda *_, path=path: calls.enter(path)  # noqa: E731
        handles.append(module.register_forward_pre_hook(enter))
        handles.append(
            module.register_forward_hook(lambda *call: calls.leave(call[-1]), always_call=True)
        )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for buffer, old in kept:
            buffer._a[...] = old


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [t for item in value for t in _tensors(item)]
    return []


def figure(what: tuple[Any, ...], frame: Any, asked: dict[str, Any]) -> Any:
    """The figure of tensors, or of ``(model, *inputs)``."""
    from graphscope import get_rng_state, set_rng_state
    from graphscope.export.figure import figure_of_scene
    from graphscope.nn.module import Module
    from graphscope.view.styles import Scene, options, style

    wrt = asked.pop("wrt", None)
    kinds: dict[str, str] = {}
    before = get_rng_state()
    try:
        if what and isinstance(what[0], Module):
            found, kinds = _of_model(what[0], what[1:], frame)
        else:
            found = capture(what, frame)
    finally:
        set_rng_state(before)  # dropout draws again, and the program must not notice
    for name in ("highlight", "path"):
        if name in asked and asked[name] is not None:
            asked[name] = _named(asked[name], found)
    opts = options(**asked)
    style(opts.style)
    scene = Scene(found.graph, found.trace, found.step, found.values, kinds=kinds)
    made = local_derivatives(found.found, found.arrays)
    scene.local = {key: describe(np.asarray(a), True) for key, a in made.items()}
    if opts.style == "forward":
        scene.seed = _seed(wrt, found, scene)
        moved = tangents(found.found, found.arrays, scene.seed)
        scene.tangents = {v: describe(np.ascontiguousarray(a), True) for v, a in moved.items()}
    elif wrt is not None:
        raise UsageError("wrt says whose tangent is 1, so it belongs to style='forward'")
    return figure_of_scene(scene, opts)


def _of_model(model: Any, inputs: tuple[Any, ...], frame: Any) -> tuple[Captured, dict[str, str]]:
    if not inputs:
        raise UsageError(
            f"draw: a {type(model).__name__} alone computes nothing; pass its input too: gs.draw(model, x)"
        )
    calls = Calls()
    with _watched(model, calls):
        out = model(*inputs)
    roots = tuple(t for t in _tensors(out) if t._node is not None)
    if not roots:
        raise UsageError(
            f"draw: what {type(model).__name__} returned has no graph. Some parameter or input must require grad, "
            "and the call must not be under no_grad"
        )
    owned = {id(b): ("buffer", path) for path, b in model.named_buffers()}
    owned |= {id(p): ("parameter", path) for path, p in model.named_parameters()}
    kinds = {path: type(module).__name__ for path, module in model.named_modules()}
    return capture(roots, frame, calls.scope_of, owned, calls.outputs), kinds


def _number(t: Tensor, found: Captured) -> str:
    node, ports = t._node, found.found._port_of
    if node is not None and node in found.found.place:
        return f"#{found.found.place[node]}"
    if id(t) in ports:
        return f"#{ports[id(t)]}"
    raise UsageError("draw: a tensor given in highlight or path is not part of the graph drawn")


def _named(given: Any, found: Captured) -> Any:
    """Tensors among names as value numbers, which every style understands."""
    if isinstance(given, Tensor):
        return (_number(given, found),)
    if isinstance(given, (tuple, list, set)):
        return tuple(_number(g, found) if isinstance(g, Tensor) else g for g in given)
    return given


def _seed(wrt: Any, found: Captured, scene: Any) -> int:
    leaves = [v for v in scene.leaves if (t := found.found.ports[-1 - v]) is not None and t._rg]
    if wrt is None:
        return int(leaves[0])
    text = _number(wrt, found) if isinstance(wrt, Tensor) else str(wrt)
    asked = scene.resolve(text) & set(leaves)
    if len(asked) != 1:
        names = ", ".join(scene.name(v) for v in leaves)
        raise UsageError(f"wrt={wrt!r} is no leaf that requires grad; there are {names}")
    return int(asked.pop())
