"""The careful loop of a backward: version checks, hooks, anomaly mode, dual numbers, chosen inputs.

A pass comes here when something happened that the fast loop does not look for (``versions.last``), or
when only the gradients of some tensors are wanted: then nodes that lead to none of them are left out.
"""

from __future__ import annotations

from time import perf_counter_ns as clock
from typing import Any

from graphscope.engine import anomaly, versions
from graphscope.engine.forward_mode import BETWEEN_KINDS, seeds_for_duals
from graphscope.engine.out_of_memory import failed
from graphscope.engine.saved import Packed, freed, rewrap
from graphscope.engine.tape import Node
from graphscope.engine.tensor import Tensor
from graphscope.errors import ShapeError


class Pass:
    """What one backward pass knows."""

    __slots__ = (
        "F", "rec", "retain", "create_graph", "targets", "leaf_at", "node_at", "caught", "needed", "due",
        "waiting", "mixed",
    )  # fmt: skip

    def __init__(
        self, rec: Any, retain: bool, create_graph: bool, targets: Any, caught: list[Any]
    ) -> None:
        self.rec, self.retain, self.create_graph = rec, retain, create_graph
        self.targets, self.caught = targets, caught
        self.leaf_at: dict[int, list[int]] = {}
        self.node_at: dict[Node, list[tuple[int, int]]] = {}
        for i, t in enumerate(targets or ()):
            if t._node is None:
                self.leaf_at.setdefault(id(t), []).append(i)
            else:
                self.node_at.setdefault(t._node, []).append((t._k, i))
        self.needed: set[Node] | None = None
        # leaves with hooks: how many contributions are still due, and their sum so far
        self.due: dict[int, int] = {}
        self.waiting: dict[int, list[Any]] = {}

    # ---------------------------------------------------------------- before the walk

    def begin(self, tensors: Any, seeds: Any, order: list[Node]) -> None:
        """A whole pass, from the roots and their gradients."""
        from graphscope.engine.backward import _namespace

        seeds = seeds_for_duals(seeds, self.targets)
        self.F = _namespace(seeds[0], self.create_graph)
        leaves = []
        for t, g in zip(tensors, seeds, strict=True):
            if t._node is not None:
                self._send((t._node, t._k), g, None)
            else:
                leaves.append((t, g))
                if self._waits(t):
                    self.due[id(t)] = self.due.get(id(t), 0) + 1
        self.run(order)
        for t, g in leaves:
            self._send(t, g, None)

    def run(self, order: list[Node]) -> None:
        """Visit the nodes, newest first; those with a gradient in ``.g`` pass it on."""
        # Arrays of two kinds, of two devices or dual numbers: each node's formulas need its own kernels.
        self.mixed = not self.create_graph and any(n.row.name in BETWEEN_KINDS for n in order)
        plain = not (self.mixed or self.create_graph or self.targets is not None)
        if plain and self._nothing_but_writes(order):
            self._go_on_fast(order)
            return
        if self.targets is not None:
            self.needed = self._leading_to_targets(order)
        for node in order:
            if self.needed is None or node in self.needed:
                for edge in node.edges:
                    if isinstance(edge, Tensor) and self._waits(edge):
                        self.due[id(edge)] = self.due.get(id(edge), 0) + 1
        for node in order:
            if self.needed is not None and node not in self.needed:
                node.g = None
                continue
            try:
                self._visit(node)
            except Exception as error:
                raise failed(node, error)  # noqa: B904 - it says itself what it comes from

    def _nothing_but_writes(self, order: list[Node]) -> bool:
        """Whether the fast loop can do the rest, once the versions are checked. It checks them."""
        if versions.last == versions.INFINITY:
            return False
        for node in order:
            saved = node.saved
            if node.hooks is not None or (
                saved is not None and any(type(a) is Packed for a in saved)
            ):
                return False
        for node in order:
            found = versions.stale(node)
            if found is not None:
                raise anomaly.overwritten(node, *found)
        return True

    def _go_on_fast(self, order: list[Node]) -> None:
        from graphscope.engine.backward import _walk

        pending = [
            (-node.seq, node) for node in order if node.g is not None
        ]  # newest first: a heap
        _walk(pending, self.F, self.rec, self.retain, -1)

    def _waits(self, leaf: Tensor) -> bool:
        return leaf._ext is not None and leaf._ext.held

    def _leading_to_targets(self, order: list[Node]) -> set[Node]:
        needed: set[Node] = set(self.node_at)
        for node in reversed(order):
            if node in needed:
                continue
            for edge in node.edges:
                if self._wanted(edge, needed):
                    needed.add(node)
                    break
        return needed

    def _wanted(self, edge: Any, needed: set[Node]) -> bool:
        if type(edge) is Node:
            return edge in needed
        if type(edge) is tuple:
            return edge[0] in needed
        return edge is not None and id(edge) in self.leaf_at

    # ---------------------------------------------------------------- one node

    def _visit(self, node: Node) -> None:
        g = node.g
        node.g = None
        if g is None:
            for edge in node.edges:
                if isinstance(edge, Tensor) and self._waits(edge):
                    self._arrived(edge)
            return
        hooks = node.hooks
        # Torch's order: a wanted tensor in the middle of the graph gets its gradient before hooks change
        # it, one at the end of the graph gets it after.
        ends = self.needed is not None and not any(self._wanted(e, self.needed) for e in node.edges)
        if not ends:
            self._catch(node, g)
        if hooks is not None:
            g = self._before(node, hooks, g)
        if ends:
            self._catch(node, g)
            return
        saved = node.saved
        if saved is None:
            raise freed(node)
        found = versions.stale(node)
        if found is not None:
            raise anomaly.overwritten(node, *found)
        if any(type(a) is Packed for a in saved):
            saved = tuple(a.array() if type(a) is Packed else a for a in saved)
        rec = self.rec
        if rec is not None and rec.values:
            rec.adjoint(node, g)
        if self.create_graph:
            saved = rewrap(node, saved)
        got = self._gradients(node, g, saved)
        if anomaly.enabled() and anomaly.check_nan_enabled():
            for n, (slot, name, edge, value) in enumerate(got):
                if edge is not None and value is not None:
                    anomaly.check_nan(node, n if slot < 0 else slot, name, value)
        if hooks is not None and hooks.post:
            got = self._after(node, hooks, got, g)
        for _, _, edge, value in got:
            self._send(edge, value, g)
        if not self.retain:
            node.saved = None

    def _catch(self, node: Node, g: Any) -> None:
        for k, i in self.node_at.get(node, ()):
            gk = g if node.nout == 1 else g[k]
            if gk is not None:
                self.caught[i] = gk

    def _gradients(self, node: Node, g: Any, saved: Any) -> list[tuple[int, str, Any, Any]]:
        """(slot, name, edge, gradient) for each input that a gradient is wanted of."""
        rec, params = self.rec, node.params
        F = self.F
        if self.mixed:
            from graphscope.engine.backward import _namespace

            F = _namespace(g if node.nout == 1 else next(x for x in g if x is not None), False)
        out: list[tuple[int, str, Any, Any]] = []
        if node.wants and node.wants[0].name == "*":
            w = node.wants[0]
            t0 = clock()
            extra = {p: params[p] for p in w.params}
            values = w.fn(F, g, *[saved[i] for i in w.take], **extra)
            for slot, (edge, value) in enumerate(zip(node.edges, values, strict=True)):
                if edge is None:
                    out.append((slot, "*", None, None))
                    continue
                if callable(value):  # einsum computes a gradient when it is asked for
                    value = value()
                if rec is not None and value is not None:
                    t1 = clock()
                    rec.grad(node, slot, value._a if self.create_graph else value, t0, t1)
                    t0 = t1
                out.append((slot, f"input {slot}", edge, value))
            return out
        shapes = node.shapes
        for w, edge in zip(node.wants, node.edges, strict=True):
            if self.needed is not None and not self._wanted(edge, self.needed):
                out.append((w.slot, w.name, None, None))
                continue
            t0 = clock()
            extra = {p: params[p] for p in w.params} if w.params else {}
            value = w.fn(F, g, *[saved[i] for i in w.take], **extra)
            if shapes is not None and value.shape != shapes[w.slot]:
                from graphscope.engine.backward import sum_to

                value = sum_to(value, shapes[w.slot])
            if rec is not None:
                rec.grad(
                    node, w.slot, value._a if self.create_graph else value, t0, clock(), value is g
                )
            out.append((w.slot, w.name, edge, value))
        return out

    def _send(self, edge: Any, value: Any, g: Any) -> None:
        if edge is None:
            return
        if isinstance(edge, Tensor):
            if self._waits(edge):
                self._arrived(edge, value)
            elif value is not None:
                self._leaf(edge, value, True)
        elif value is not None:
            node, k = edge if type(edge) is tuple else (edge, 0)
            if node.nout == 1:
                node.g = value if node.g is None else node.g + value
            else:
                if node.g is None:
                    node.g = [None] * node.nout
                node.g[k] = value if node.g[k] is None else node.g[k] + value

    # ---------------------------------------------------------------- leaves

    def _arrived(self, leaf: Tensor, value: Any = None) -> None:
        """One of the contributions to a leaf with hooks: the last one calls them with the sum."""
        key = id(leaf)
        left = self.due[key] = self.due[key] - 1
        if value is not None:
            have = self.waiting.get(key)
            self.waiting[key] = [value] if have is None else [have[0] + value]
        if left or key not in self.waiting:
            return
        total = self.waiting.pop(key)[0]
        hooks = leaf._ext
        for hook in list(hooks.tensor.values()):
            total = self._replaced(hook(self._tensor(total)), total)
        for hook in list(hooks.pre.values()):
            changed = hook((self._tensor(total),))
            if changed is not None:
                total = self._replaced(changed[0] if isinstance(changed, tuple) else changed, total)
        self._leaf(leaf, total, True)
        if self.targets is None:
            for hook in list(hooks.post.values()):
                hook((), (self._tensor(total),))
            for hook in list(hooks.accumulated.values()):
                hook(leaf)

    def _leaf(self, leaf: Tensor, value: Any, shared: bool) -> None:
        if self.targets is None:
            from graphscope.engine.backward import _accumulate

            _accumulate(leaf, value, self.create_graph, shared)
            return
        for i in self.leaf_at.get(id(leaf), ()):
            self.caught[i] = value if self.caught[i] is None else self.caught[i] + value

    # ---------------------------------------------------------------- hooks

    def _tensor(self, g: Any) -> Any:
        if g is None or isinstance(g, Tensor):
            return g
        from graphscope.engine.backward import _as_tensor

        return _as_tensor(g)

    def _replaced(self, new: Any, old: Any) -> Any:
        """What a hook returned in place of a gradient; None leaves the gradient as it is."""
        if new is None:
            return old
        if not isinstance(new, Tensor):
            raise TypeError(f"a gradient hook returns a tensor or None, not {type(new).__name__}")
        if tuple(new._a.shape) != tuple(old.shape):
            raise ShapeError(
                f"a hook returned a gradient of shape {tuple(new._a.shape)}, it got one of "
                f"{tuple(old.shape)}; they must be equal"
            )
        return new if self.create_graph else new._a

    def _before(self, node: Node, hooks: Any, g: Any) -> Any:
        several = node.nout != 1
        parts = list(g) if several else [g]
        for k, hook in list(hooks.outputs.values()):
            if parts[k] is not None:
                parts[k] = self._replaced(hook(self._tensor(parts[k])), parts[k])
        for hook in list(hooks.pre.values()):
            changed = hook(tuple(self._tensor(p) for p in parts))
            if changed is not None:
                given = changed if isinstance(changed, tuple) else (changed,)
                parts = [p if p is None else self._replaced(c, p) for c, p in zip(given, parts, strict=True)]  # fmt: skip
        for k, held in hooks.retain.items():
            t = held()
            if t is not None and parts[k] is not None:
                kept = self._tensor(parts[k])
                if t._grad is not None:
                    t._grad = t._grad + kept
                else:
                    t._grad = kept if self.create_graph else Tensor(kept._a.copy())
        return parts if several else parts[0]

    def _after(self, node: Node, hooks: Any, got: list[Any], g: Any) -> list[Any]:
        given = tuple(self._tensor(p) for p in (g if node.nout != 1 else [g]))
        for hook in list(hooks.post.values()):
            changed = hook(tuple(self._tensor(value) for _, _, _, value in got), given)
            if changed is not None:
                new = changed if isinstance(changed, tuple) else (changed,)
                got = [
                    (slot, name, edge, value if value is None else self._replaced(c, value))
                    for (slot, name, edge, value), c in zip(got, new, strict=True)
                ]
        return got
