"""The tape: what backward needs of each op that ran, and no more."""

from __future__ import annotations

from itertools import count
from typing import Any

from graphscope.engine.numbered import UNNUMBERED, NumberedNode
from graphscope.engine.op import Plan

order = count(1)
next_seq = order.__next__


class Node(NumberedNode):
    """One op call that a gradient can flow through.

    saved: arrays by position (inputs..., out, aux), None where no gradient asks for them.
    edges: per wanted input a Node, ``(Node, k)`` for output k of an op with several outputs, or the
    leaf tensor. others: position, input, position, input... of the inputs that want no gradient, as
    weak references (0-d constants strongly), so that a drawing can name them and nothing is kept alive for it.
    An op's own output is kept as an array, never as a tensor: no reference cycle.
    """

    # No __init__: dispatch makes nodes by thousands, and filling the slots where the node is made takes
    # two thirds of the time. Everything else calls `make_node`.
    __slots__ = (
        "plan", "saved", "edges", "params", "shapes", "seq", "g", "others", "hooks", "nout",
        "__weakref__",
    )  # fmt: skip

    plan: Plan
    saved: Any
    edges: Any
    params: Any
    shapes: Any
    others: Any
    seq: int
    g: Any
    hooks: Any
    nout: int

    @property
    def row(self) -> Any:
        """The op."""
        return self.plan.row

    @property
    def wants(self) -> Any:
        """The gradients that this call can give."""
        return self.plan.wants

    def __repr__(self) -> str:
        return f"<{self.name()} #{self.seq}>"

    def name(self) -> str:
        """Torch's style of name, such as ``MulBackward0``."""
        if self.wants and self.wants[0].name == "*" and self.params and "call" in self.params:
            return f"{self.row.name}Backward"  # a Function of the user's
        from graphscope.engine.grad_names import grad_name

        return grad_name(self)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes that this one's gradients go to, with the number of their output."""
        from graphscope.engine.hooks import next_functions

        return next_functions(self)

    @property
    def metadata(self) -> dict[str, Any]:
        """A dictionary of the user's own."""
        from graphscope.engine.hooks import of_node

        return of_node(self).metadata

    def register_hook(self, fn: Any) -> Any:
        """Call ``fn(grad_inputs, grad_outputs)`` when this node's gradients were computed."""
        from graphscope.engine.hooks import of_node

        return of_node(self).add(of_node(self).post, fn)

    def register_prehook(self, fn: Any) -> Any:
        """Call ``fn(grad_outputs)`` before this node's gradients are computed."""
        from graphscope.engine.hooks import of_node

        return of_node(self).add(of_node(self).pre, fn)


def make_node(plan: Plan, saved: Any, edges: Any, params: Any, shapes: Any, others: Any) -> Node:
    """A node that is the newest from now on."""
    node = Node()
    node.plan = plan
    node.saved = saved
    node.edges = edges
    node.params = params
    node.shapes = shapes
    node.others = others
    node.seq = next_seq()
    node.g = None
    if UNNUMBERED:
        node.rid = 0
    node.hooks = None
    node.nout = 1
    return node
