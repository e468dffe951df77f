"""Functions of the user's that a backward calls: on a tensor's gradient, on a node, on a leaf.

The fast loop of a backward knows nothing of hooks. Setting one is an event (``versions.event``) that
sends the passes which can meet it to the careful loop.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any
from weakref import ref

from graphscope.engine import versions
from graphscope.engine.explain import at_line
from graphscope.engine.tape import Node
from graphscope.errors import AutogradError

_keys = count()


class RemovableHandle:
    """Takes a hook off again with ``remove()``, or at the end of a ``with`` block."""

    def __init__(
        self, table: dict[int, Any], key: int, then: Callable[[], None] | None = None
    ) -> None:
        self._table, self.id, self._then = table, key, then

    def remove(self) -> None:
        """Take the hook off; a second call does nothing."""
        if self._table.pop(self.id, None) is not None and self._then is not None:
            self._then()

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def _add(
    table: dict[int, Any], hook: Any, then: Callable[[], None] | None = None
) -> RemovableHandle:
    key = next(_keys)
    table[key] = hook
    return RemovableHandle(table, key, then)


class NodeHooks:
    """What hangs on a node: hooks of its outputs, hooks of its own, tensors that keep their gradient."""

    __slots__ = ("outputs", "pre", "post", "retain", "metadata", "line")

    def __init__(self) -> None:
        self.outputs: dict[int, Any] = {}  # (k, hook): called with the gradient of output k
        self.pre: dict[int, Any] = {}
        self.post: dict[int, Any] = {}
        self.retain: dict[int, Any] = {}  # k -> weak reference of the tensor: no cycle
        self.metadata: dict[str, Any] = {}

    def add(self, table: dict[int, Any], hook: Any) -> RemovableHandle:
        """Put a hook into one of the tables."""
        return _add(table, hook)


def of_node(node: Node) -> NodeHooks:
    """The hooks of a node, made on first use."""
    found: NodeHooks | None = node.hooks
    if found is None:
        found = node.hooks = NodeHooks()
    versions.event(node.seq)
    return found


class LeafHooks:
    """What hangs on a leaf. While there is a hook in here, backward passes are careful ones."""

    __slots__ = ("tensor", "accumulated", "pre", "post", "node", "held")

    def __init__(self) -> None:
        self.tensor: dict[int, Any] = {}
        self.accumulated: dict[int, Any] = {}
        self.pre: dict[int, Any] = {}
        self.post: dict[int, Any] = {}
        self.node: Any = None
        self.held = False

    def add(self, table: dict[int, Any], hook: Any) -> RemovableHandle:
        """Put a hook into one of the tables."""
        if not self.held:
            self.held = True
            versions.hold()
        return _add(table, hook, self._removed)

    def _removed(self) -> None:
        if self.held and not (self.tensor or self.accumulated or self.pre or self.post):
            self.held = False
            versions.release()

    def __del__(self) -> None:
        if self.held:
            versions.release()


def of_leaf(leaf: Any) -> LeafHooks:
    """The hooks of a leaf tensor, made on first use."""
    found: LeafHooks | None = leaf._ext
    if found is None:
        found = leaf._ext = LeafHooks()
    return found


class AccumulateGrad:
    """The end of a graph as torch shows it: the node that adds a gradient to a leaf's ``.grad``."""

    __slots__ = ("variable", "__weakref__")
    next_functions: tuple[Any, ...] = ()

    def __init__(self, variable: Any) -> None:
        self.variable = variable

    def name(self) -> str:
        """Torch's name of it."""
        return "torch::autograd::AccumulateGrad"

    def register_hook(self, fn: Any) -> RemovableHandle:
        """Call ``fn(grad_inputs, grad_outputs)`` after the gradient was added; grad_inputs is empty."""
        hooks = of_leaf(self.variable)
        return hooks.add(hooks.post, fn)

    def register_prehook(self, fn: Any) -> RemovableHandle:
        """Call ``fn(grad_outputs)`` before the gradient is added."""
        hooks = of_leaf(self.variable)
        return hooks.add(hooks.pre, fn)

    def __repr__(self) -> str:
        return f"<AccumulateGrad of {tuple(self.variable._a.shape)}>"


def accumulator(leaf: Any) -> AccumulateGrad:
    """The one AccumulateGrad of a leaf."""
    hooks = of_leaf(leaf)
    found: AccumulateGrad | None = None if hooks.node is None else hooks.node()
    if found is None:
        found = AccumulateGrad(leaf)
        hooks.node = ref(found)
    return found


def next_functions(node: Node) -> tuple[tuple[Any, int], ...]:
    """Where the gradients of a node's inputs go, (None, 0) for inputs that want none."""
    if node.row.inputs == ("*",) or (node.wants and node.wants[0].name == "*"):
        slots = dict(enumerate(node.edges))
    else:
        slots = {w.slot: e for w, e in zip(node.wants, node.edges, strict=False)}
    others = node.others or ()
    n = max([*slots, *others[0::2]], default=-1) + 1
    out: list[tuple[Any, int]] = []
    for i in range(n):
        edge = slots.get(i)
        if edge is None:
            out.append((None, 0))
        elif type(edge) is Node:
            out.append((edge, 0))
        elif type(edge) is tuple:
            out.append(edge)
        else:
            out.append((accumulator(edge), 0))
    return tuple(out)


# ---------------------------------------------------------------- hooks of tensors


def register_hook(t: Any, hook: Callable[[Any], Any]) -> RemovableHandle:
    """See ``Tensor.register_hook``."""
    if not t._rg:
        raise at_line(
            AutogradError,
            f"register_hook: this tensor of shape {tuple(t._a.shape)} does not require grad, so no gradient "
            "will come. Call requires_grad_() on it first",
        )
    if t._node is None:
        hooks = of_leaf(t)
        return hooks.add(hooks.tensor, hook)
    on_node = of_node(t._node)
    return on_node.add(on_node.outputs, (t._k, hook))


def register_accumulated(t: Any, hook: Callable[[Any], None]) -> RemovableHandle:
    """See ``Tensor.register_post_accumulate_grad_hook``."""
    if not t._rg or t._node is not None:
        raise at_line(
            AutogradError,
            "register_post_accumulate_grad_hook: only leaf tensors that require grad accumulate one",
        )
    hooks = of_leaf(t)
    return hooks.add(hooks.accumulated, hook)


def retain_grad(t: Any) -> None:
    """See ``Tensor.retain_grad``."""
    if not t._rg:
        raise at_line(
            AutogradError,
            f"retain_grad: this tensor of shape {tuple(t._a.shape)} does not require grad, so there is no "
            "gradient to keep",
        )
    if t._node is not None:
        of_node(t._node).retain[t._k] = ref(t)
