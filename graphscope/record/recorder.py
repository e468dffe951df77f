"""The recorder: told once per op, it compares the step with the one it predicts and stores numbers.

Nothing is described twice: a step is compared op by op with the last graph, and only one that differs is
turned into a graph. Values of a step are numbered by position; what comes from before it enters through
ports. There are two ways to be told:

- On track. The step before had this graph. The straight path of an op compares itself with the entry of
  the graph in place (``record.track``): same op, same inputs wanted and connected, same scope and phase.
  Then shape and dtype follow from those of the ports, which are checked, and two clock readings are all
  that is stored. An op that differs calls ``op``, which leaves the track at that very op.
- Noted. The first steps of a graph, every 16th and later every 64th of it or fewer, those with statistics, and what follows
  after the track was left: each op is written down as integers (``engine.note``), which are compared with those of the
  graph, and its shape, its source line and the death of its memory are noted. Lines and deaths of the steps in between
  are those of the graph. Where nothing is out of the ordinary that is done in C, and nothing here is called.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from threading import get_ident
from time import perf_counter_ns as clock
from typing import Any, TypeVar
from weakref import ref

import numpy as np

from graphscope.engine.dispatch import broken
from graphscope.engine.frames import user_frame
from graphscope.errors import NonFiniteError
from graphscope.record.columns import NONE
from graphscope.record.names import port_of
from graphscope.record.statistics import describe, to_host
from graphscope.record.step import BACKWARD, SPAN, UPDATE, StepLife
from graphscope.record.tables import PORT

_F = TypeVar("_F", bound=Callable[..., Any])
WATCHED = 1 << 16  # elements of a tensor that is kept whole because somebody watches it


def fenced(method: _F) -> _F:
    """A bug in here stops the recording with one warning, never the program. (``op`` is fenced by callers.)"""

    @wraps(method)
    def guarded(self: Any, *args: Any, **options: Any) -> Any:
        try:
            return method(self, *args, **options)
        except NonFiniteError:  # asked for
            raise
        except Exception as error:
            broken(self, error)

    return guarded  # type: ignore[return-value]


class Recorder(StepLife):
    """Listens to the engine (``dispatch.Observer``) and feeds the writer thread."""

    __slots__ = ()
    ends_in_c = True

    # ---------------------------------------------------------------- events

    def op(
        self,
        row: Any,
        params: Any,
        a: Any,
        b: Any,
        rest: Any,
        out: Any,
        t0: int,
        t1: int,
        node: Any,
        dtype: Any = None,
    ) -> None:
        """A forward or update op ran: its inputs are ``a``, ``b`` (or None) and ``rest``.

        dtype: what stands for the dtype of the result (or of each) where it is on a device.
        """
        if get_ident() != self.thread:
            self.foreign += 1
            return
        t2 = clock() if self.extra else 0
        if self.unsettled and not (self.after and row.writes):
            self._settle(row, node, t0)
        if self.told is not None:
            if self._follows(row, params, a, b, rest, out, t0, t1, node, dtype):
                return
            self._leave_track()
        base = self.base
        u = a._rid - base
        if u >> SPAN:
            u = self._port(a)
        v = None
        if b is not None:
            v = b._rid - base
            if v >> SPAN:
                v = self._port(b)
            if rest:
                v = (
                    v,
                    *[self._port(x) if (x._rid - base) >> SPAN else x._rid - base for x in rest],
                )
        if type(out) is tuple:
            self._several(row, params, u, v, out, t0, t1, node, dtype)
            return
        i = self.i
        made = out._a
        mask = 0 if node is None else node.plan.mask
        kind = dtype or made.dtype
        owner = None
        if not (row.view or row.writes):
            owner = made if made.base is None else made.base
        self.put(
            self.number((row, params, self.scope, self.phase, kind, mask)), u, v,
            0 if node is None else self.kept(node), self.specs[made.shape, kind], t0, t1, owner,
        )  # fmt: skip
        out._rid = rid = base + i
        if node is not None:
            node.rid = rid
        if self.extra:
            if self.values:
                self._value(i, "v", made)
            elif t2:
                self.event_ns += clock() - t2

    @fenced
    def grad(
        self, node: Any, slot: int, g: Any, t0: int, t1: int, alias: bool = False, dtype: Any = None
    ) -> None:
        """The gradient of one input of ``node`` was computed."""
        if get_ident() != self.thread:
            self.foreign += 1
            return
        t2 = clock() if self.extra else 0
        twin = node.rid - self.base
        if twin >> SPAN:
            twin = -1
        i = self.i
        kind = dtype or g.dtype
        if self.told is not None:
            if (
                i < self.known
                and self.predicted.track.keys[i] == (node.row, twin, slot, kind)
                and self.told.of_nodes[i] == g.shape
            ):
                self.begin[i] = t0
                self.end[i] = t1
                self.i = i + 1
                return
            self._leave_track()
        owner = None
        if not (alias or type(g) is np.float32 or type(g) is np.float64):
            owner = g.base
            if owner is None:
                owner = g
            elif owner.nbytes < g.nbytes or node.row.view:
                owner = None  # a broadcast or transposed view of memory counted elsewhere
        head = self.number((node.row, slot, kind))
        self.put(head, twin, None, 0, self.specs[g.shape, kind], t0, t1, owner, False)
        if t2 and not self.values:
            self.event_ns += clock() - t2

    @fenced
    def adjoint(self, node: Any, g: Any) -> None:
        """The whole gradient of a node's output, before its inputs' gradients (value steps only)."""
        i = node.rid - self.base
        if not i >> SPAN and not isinstance(g, list):
            self._value(i, "g", g._a if hasattr(g, "_a") else g)

    def leaf(self, tensor: Any, g: Any) -> None:
        """A leaf's gradient was accumulated: its ``.grad`` is what the last gradient node made."""
        try:  # as ``fenced`` does; here and below it would take as long as the method
            if get_ident() != self.thread:
                return
            i = self.i - 1
            tensor._grad._rid = self.base + i
            if self.values:
                k = tensor._rid - self.base
                if not k >> SPAN and k >= PORT:
                    self._value(PORT - 1 - k, "g", g)
        except Exception as error:
            broken(self, error)

    def backward_begin(self, roots: Any = ()) -> None:
        """A backward pass starts; the first root is the step's loss."""
        try:
            if get_ident() != self.thread:
                return
            if self.timed:
                self.facts.backward(self.base, self.is_op, self.port_items, self.names)
            self.after = False
            self.phase = BACKWARD
            self.where = self.scope << 2 | BACKWARD
            if roots and self.loss is None:
                root = roots[0]
                a = root._a
                if type(a) is np.ndarray and a.size == 1:
                    self.loss = loss = float(a)
                    finite = loss - loss == 0
                    if not finite:
                        self.nonfinite = 1
                        self.value_last = 0.0
                    if self.trap is not None:
                        self.trap.loss(self, root, finite)
        except NonFiniteError:  # asked for
            raise
        except Exception as error:
            broken(self, error)

    def seen(self, x: Any) -> None:
        """Python reads the numbers of ``x``, which is on the host."""
        if self.timed:
            i = x._rid - self.base
            if not i >> SPAN and i not in self.facts.reads:
                self._read(i)

    @fenced
    def _read(self, i: int) -> None:
        if get_ident() == self.thread:
            self.facts.read(i)

    def backward_end(self) -> None:
        """It ended: what follows updates, or opens the next step."""
        try:
            if get_ident() == self.thread:
                self.phase = UPDATE
                self.where = self.scope << 2 | UPDATE
                self.after = self.unsettled = True
                if self.trap is not None:
                    self.trap.gradients(self)
        except NonFiniteError:  # asked for
            raise
        except Exception as error:
            broken(self, error)

    @fenced
    def data(self, t0: int, t1: int) -> None:
        """The program waited for a batch: that is the beginning of a step."""
        if get_ident() != self.thread:
            return
        if self.i and (self.i > 1 or self.kind is not None):
            self.close(at=t0)  # the wait belongs to the step that it feeds
        i = self.i
        if self.told is not None:
            if i < self.known and len(self.predicted.track.keys[i]) == 1:
                self.begin[i] = t0
                self.end[i] = t1
                self.i = i + 1
                return
            self._leave_track()
        nothing = self.specs[(), None]
        self.put(self.number(("data",)), NONE, None, 0, nothing, t0, t1, None)

    @fenced
    def failed(self, row: Any, inputs: Any, error: BaseException) -> None:
        """An op raised; the step is kept as failed, and its graph has the op with what it was given."""
        if get_ident() != self.thread:
            return
        shapes = ", ".join(str(tuple(x._a.shape)) for x in inputs)
        self.status, self.note = "failed", f"{row.name}({shapes}): {error}"
        now = clock()
        if self.unsettled:
            self._settle(row, None, now)
        if self.told is not None:
            self._leave_track()
        base = self.base
        wires = [self._port(x) if (x._rid - base) >> SPAN else x._rid - base for x in inputs]
        if not wires:
            return  # it makes a tensor out of nothing: there is nothing to draw it behind
        others: Any = None if len(wires) == 1 else wires[1] if len(wires) == 2 else tuple(wires[1:])
        head = (row, (0,) if row.multi else (), self.scope, self.phase, None, 0)
        nothing = self.specs[(), None]
        self.put(self.number(head), wires[0], others, 0, nothing, now, now, None)

    @fenced
    def gradient_failed(self, node: Any, error: BaseException) -> None:
        """A gradient of ``node`` could not be computed; the step is kept as failed, and its graph ends with it."""
        if get_ident() != self.thread:
            return
        self.status, self.note = "failed", f"the gradient of {node.row.name}: {error}"
        now = clock()
        if self.told is not None:
            self._leave_track()
        twin = node.rid - self.base
        if twin >> SPAN:
            twin = -1
        done = set()  # of the same node, just before
        for i in range(self.i - 1, -1, -1):
            key = self.key(i)
            if len(key) != 4 or key[1] != twin:
                break
            done.add(key[2])
        slots = (
            range(len(node.edges)) if node.row.inputs == ("*",) else [w.slot for w in node.wants]
        )
        slot = next((k for k in slots if k not in done), -1)
        self.put(
            self.number((node.row, slot, None)),
            twin,
            None,
            0,
            self.specs[(), None],
            now,
            now,
            None,
            False,
        )

    @fenced
    def state_made(self, x: Any) -> None:
        """An optimizer made a tensor of its state, by no op."""
        if self.after and get_ident() == self.thread:
            self.births.made(x)

    @fenced
    def rates_changed(self, optimizer: Any, were: Any = (), quiet: bool = False) -> None:
        """Learning rates of an optimizer's groups were set (``record.rates``)."""
        if get_ident() == self.thread:
            self.facts.rates.changed(self, optimizer, were, quiet)

    def enter(self, module: Any) -> None:
        """A module's forward starts."""
        try:
            if get_ident() != self.thread:
                return
            if not self.inside:
                # the next training step, an evaluation after training, or the next batch of one
                if self.after or (self.kind == "eval" and self.root is module):
                    self._close_here()
                if self.root is None:
                    self.root = module
            stack = self.stack
            stack.append(self.scope)
            self.inside += 1
            known = module.__dict__.get("_gs_scope")
            if known is not None and known[0] is self.names.token:
                self.scope = scope = known[1]
            else:
                self.scope = scope = self.names.scope(module, self.scope, len(stack) > 1)
            self.where = scope << 2 | self.phase
        except Exception as error:
            broken(self, error)

    @fenced
    def enter_name(self, name: str) -> None:
        """A scope that the user names starts."""
        if get_ident() == self.thread:
            self.stack.append(self.scope)
            above = self.names.texts[self.scope]
            self.scope = self.names.string(f"{above}.{name}" if above else name)
            self.where = self.scope << 2 | self.phase

    def leave(self, named: bool = False) -> None:
        """A module's forward, or a scope that the user named, ended."""
        try:
            if get_ident() == self.thread and self.stack:
                self.scope = scope = self.stack.pop()
                if not named and self.inside:
                    self.inside -= 1
                self.where = scope << 2 | self.phase
        except Exception as error:
            broken(self, error)

    # ---------------------------------------------------------------- rare work

    @fenced
    def device_here(self) -> None:
        """A device was started: from here on this is a ``DeviceRecorder``, which asks more of every op."""
        from graphscope.record.on_device import DeviceRecorder

        self.armed = None
        self.direct = False
        self.__class__ = DeviceRecorder
        self.begin_here()  # type: ignore[attr-defined]

    def stopped(self, error: Exception) -> None:
        """Something in here failed: say so once. The program runs on, and what was written can be opened."""
        if self.broken is not None:
            return  # somebody still held the recorder
        self.broken = f"{type(error).__name__}: {error}"
        text = (
            f"GraphScope stopped recording into {self.pump.path}: an error in the recorder itself "
            f"({self.broken}). The program runs on; what was written so far can be opened."
        )
        # Said at the user's line: at a line of the engine's it would be taken for one of numpy's
        # warnings about infinities, which are switched off there.
        frame = user_frame(2)
        where = ("graphscope", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)
        warnings.warn_explicit(text, RuntimeWarning, *where)

    def const_text(self, seq: int, k: int) -> str | None:
        """The number that port ``k`` of step ``seq`` (the first of its graph) held, as text."""
        held = self.consts.get(seq)
        if held is None or held[k] is None or type(held[k]) is not np.ndarray:
            return None
        return f"{held[k].item():.7g}"

    def line_of(self, node: Any) -> tuple[str, int] | None:
        """File and line of the op that made ``node`` in this step, for an error that wants to say so."""
        i = node.rid - self.base
        if i >> SPAN or i >= self.i:
            return None
        at = self.line(i)
        return None if at < 0 else self.sites.lines[at][:2]

    def _several(
        self, row: Any, params: Any, u: int, v: Any, outs: Any, t0: int, t1: int, node: Any, dtypes: Any = None
    ) -> None:  # fmt: skip
        """An op with several outputs: the first is the node, the others are extra nodes beside it."""
        main = self.i
        mask = 0 if node is None else node.plan.mask
        kept = 0 if node is None else self.kept(node)
        for k, out in enumerate(outs):
            a = out._a
            dtype = a.dtype if dtypes is None else dtypes[k]
            head = self.number((row, (*params, k), self.scope, self.phase, dtype, mask))
            owner = None if row.view else a if a.base is None else a.base
            spec = self.specs[a.shape, dtype]
            out._rid = self.base + self.i
            if k:
                self.put(head, main, None, 0, spec, t1, t1, owner)
            else:
                self.put(head, u, v, kept, spec, t0, t1, owner)
        if node is not None:
            node.rid = self.base + main

    def _port(self, x: Any) -> int:
        """Something from before the step is used: it enters as the next port."""
        n = len(self.ports)
        k = PORT + n
        x._rid = self.base + k
        # Parameters and an optimizer's state are the tensors of the step before: then so is the port.
        old = self.old_ports
        if n < len(old) and old[n][0]() is x and old[n][1] is x._rg and old[n][2][3] is x._a.dtype:
            item = old[n]
        else:
            item = self._item(x)
        self.port_items.append(item)
        self.ports.append(item[2])
        self.port_shapes.append(x._a.shape)
        if self.births.fresh:
            self.births.enters(x, n, self.i)
        if self.values and x._a.ndim:
            self._value(PORT - 1 - k, "v", x._a)
        return k

    def _item(self, x: Any) -> tuple[Any, Any, Any]:
        """What is kept of a tensor that enters the step: itself, as long as it lives, and what it is."""
        return ref(x), x._rg, port_of(x, self.phase, self.names)

    # ---------------------------------------------------------------- on track

    def _follows(
        self, row: Any, params: Any, a: Any, b: Any, rest: Any, out: Any, t0: int, t1: int, node: Any, dtype: Any
    ) -> bool:  # fmt: skip
        """Whether an op is the one that the track has next; then it is noted. ``op`` without a description."""
        i = self.i
        call = self.predicted.track.calls[i]
        if call is None or call[0] is not row or call[2] != self.where:
            return False
        _, _, _, kind, plan, u, v, more = call
        if (None if node is None else node.plan) is not plan:
            return False
        if a._rid != self.number_at(u) and not self._comes_in(a, u):
            return False
        if b is None:
            if v >= 0:
                return False
        elif v < 0 or (b._rid != self.number_at(v) and not self._comes_in(b, v)):
            return False
        elif rest or more:
            if len(rest) != len(more):
                return False
            for x, w in zip(rest, more, strict=True):
                if x._rid != self.number_at(w) and not self._comes_in(x, w):
                    return False
        shapes = self.told.of_nodes
        if type(out) is tuple:
            many = len(out)
            dtypes = dtype or [x._a.dtype for x in out]
            for k, x in enumerate(out):
                next_one = self.predicted.track.calls[i + k] if i + k < self.known else None
                if (
                    next_one is None
                    or next_one[0] is not row
                    or next_one[1] != (*params, k)
                    or next_one[3] != dtypes[k]
                    or shapes[i + k] != x._a.shape
                ):
                    return False
            for k, x in enumerate(out):
                self.begin[i + k] = t0 if k == 0 else t1
                self.end[i + k] = t1
                x._rid = self.base + i + k
            if node is not None:
                node.rid = self.base + i
            self.i = i + many
            return True
        made = out._a
        if call[1] != params or shapes[i] != made.shape or (dtype or made.dtype) is not kind:
            return False
        self.begin[i] = t0
        self.end[i] = t1
        out._rid = rid = self.base + i
        if node is not None:
            node.rid = rid
        self.i = i + 1
        return True

    def _comes_in(self, x: Any, place: int) -> bool:
        """Whether ``x`` is what enters a step on track at this place: a batch of data, say, is another tensor every time."""
        n = self.known
        k = place - n
        if k < 0 or not (x._rid - self.base) >> SPAN:
            return False
        graph = self.predicted
        items = self.port_items
        if graph.track.first[k] != self.i or self.port_shapes[k] != x._a.shape:
            return False
        item = items[k]
        before = item[0]()
        if before is not x or item[1] is not x._rg or item[2][3] is not x._a.dtype:
            item = self._item(x)
            if item[2] != graph.ports[k]:
                return False
            if before is not None and before._rid == self.base + PORT + k:
                before._rid = 0
            items[k] = item
            graph.track.there[k] = item[0]
        x._rid = self.base + PORT + k
        return True

    def _value(self, v: int, kind: str, a: Any) -> None:
        t = clock()
        whole = v in self.watched and a.size <= WATCHED
        entry = describe(to_host(a), self.samples or whole, whole)
        if entry.thumb is not None:
            self.sampled += entry.thumb.values.size
        self.entries.append((v, kind, entry))
        self.value_cost += clock() - t
