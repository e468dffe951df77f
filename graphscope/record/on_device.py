"""The recorder of a program that uses a device: it also sets marks there, and sees what is copied.

A ``Recorder`` becomes one when the first device is used (``Recorder.device_here``), so that a program of numpy
arrays pays nothing for it. Ops on a device never take the straight path, and gradients are told by calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import get_ident
from typing import Any
from weakref import ref

import numpy as np

from graphscope.engine.dispatch import NEVER
from graphscope.engine.op import Op
from graphscope.engine.tensor import Tensor
from graphscope.record.clocks import StepMarks, clocks_of_devices
from graphscope.record.names import port_of
from graphscope.record.recorder import Recorder, fenced
from graphscope.record.tables import PORT, Placed

ndarray = np.ndarray


def _as_it_is(xp: Any, x: Any) -> Any:
    return x


to_host = Op(
    "to_host", _as_it_is, tex=r"{x}", family="other", flops=lambda *a, **k: 0,
    doc="A copy to the host that the program reads: item(), tolist(), numpy(), print.",
)  # fmt: skip


class DeviceRecorder(Recorder):
    """Listens to ops on devices too."""

    __slots__ = ()
    ends_in_c = False  # there are marks to be set

    def begin_here(self) -> None:
        """From now on there are devices."""
        self.clocks = clocks_of_devices(self.clocks, self.memory)
        self.marks = StepMarks(self.clocks)
        self._tell_sizes(self.clocks)

    def _tell_sizes(self, kinds: Any) -> None:
        """How much memory there is on devices: the doctor says when it is nearly full."""
        for kind in kinds:
            clock = self.clocks[kind]
            total = clock.backend.memory_info()[1]
            self.pump.notes.append(("meta", f"memory_total:{clock.name}", total))

    @fenced
    def device_here(self) -> None:
        """Another device was started."""
        before = set(self.clocks)
        clocks_of_devices(self.clocks, self.memory)
        for kind in self.clocks.keys() - before:
            self.marks.join(self.clocks[kind])
        self._tell_sizes(self.clocks.keys() - before)

    @fenced
    def resume(self) -> None:
        """Recording goes on: what the device did meanwhile belongs to no op."""
        self.device_here()
        self.marks.set_apart()

    def _begin(self, t0: int) -> None:
        self.marks = StepMarks(self.clocks)
        self.asked = -1
        super()._begin(t0)

    def _follow(self, graph: Any) -> None:
        super()._follow(graph)
        if self.told is not None and graph.on_device:
            self.plan = NEVER  # every op and gradient has to say when it was issued

    def _placed(self, a: Any) -> Placed | None:
        """The dtype of a device's array, with the device; None on the host."""
        device = self.clocks.get(type(a))
        return None if device is None else device.placed(a.dtype)

    # ---------------------------------------------------------------- events

    def op(
        self, row: Any, params: Any, a: Any, b: Any, rest: Any, out: Any, t0: int, t1: int, node: Any,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        """A forward or update op ran, perhaps on a device."""
        many = type(out) is tuple
        made = (out[0] if many else out)._a
        device = self.clocks.get(type(made)) or self.clocks.get(type(a._a))
        if device is None:
            Recorder.op(self, row, params, a, b, rest, out, t0, t1, node)
            return
        if get_ident() != self.thread:
            self.foreign += 1
            return
        mark = None
        if not row.view and self.device_time != "off":
            mark = device.mark(t0)
            if self.device_time == "isolated":
                device.backend.await_mark(mark[0])
        if many:
            kinds: Any = [self._placed(x._a) or x._a.dtype for x in out]
        else:
            kinds = self._placed(made)
        open_question = self.unsettled
        if self.after and type(made) is ndarray and node is None:
            self.unsettled = False  # a copy to the host behind a backward belongs to that step
        Recorder.op(self, row, params, a, b, rest, out, t0, t1, node, kinds)
        if open_question:
            self.unsettled = self.after or self.unsettled
        marks = self.marks
        marks.on_device = True
        if mark is not None:
            marks.told.append((self.i - (len(out) if many else 1), device, *mark, t1))
            if self.values:  # what statistics gave the device to do
                marks.set_apart()

    def grad(
        self, node: Any, slot: int, g: Any, t0: int, t1: int, alias: bool = False, dtype: Any = None
    ) -> None:
        """The gradient of one input was computed, perhaps on a device."""
        device = self.clocks.get(type(g)) or self._from(node)
        if device is None:
            Recorder.grad(self, node, slot, g, t0, t1, alias)
            return
        if get_ident() != self.thread:
            self.foreign += 1
            return
        mark = None
        if not alias and not node.row.view and self.device_time != "off":
            mark = device.mark(t0)
            if self.device_time == "isolated":
                device.backend.await_mark(mark[0])
        Recorder.grad(self, node, slot, g, t0, t1, alias, self._placed(g))
        marks = self.marks
        marks.on_device = True
        if mark is not None:
            marks.told.append((self.i - 1, device, *mark, t1))
            if self.values:
                marks.set_apart()

    def _from(self, node: Any) -> Any:
        """The device that a gradient on the host was copied from."""
        if node.row.name != "to_device":
            return None
        name = node.params["device"]
        return next((d for d in self.clocks.values() if d.name.startswith(name)), None)

    @fenced
    def read(self, x: Any, host: Any, t0: int, t1: int) -> None:
        """The program reads values of ``x`` on the host, which waited for them."""
        device = self.clocks.get(type(x._a))
        if device is None or self.kind is None:
            return  # between steps it is Python's time
        if get_ident() != self.thread:
            self.foreign += 1
            return
        if x._rid == self.asked and self.loss is None and host.size == 1:
            self.loss = float(host)
        open_question, self.unsettled = self.unsettled, False  # reading begins no step
        self.op(to_host, (), x, None, (), Tensor(host), t0, t1, None)
        self.unsettled = open_question

    @fenced
    def adjoint(self, node: Any, g: Any) -> None:
        """Statistics of a gradient are no part of the gradient that is computed next."""
        super().adjoint(node, g)
        self._apart()

    @fenced
    def leaf(self, tensor: Any, g: Any) -> None:
        """Nor are those of a leaf's gradient."""
        super().leaf(tensor, g)
        if self.values:
            self._apart()

    def _apart(self) -> None:
        if self.marks.on_device and self.device_time != "off" and get_ident() == self.thread:
            self.marks.set_apart()

    @fenced
    def backward_begin(self, roots: Any = ()) -> None:
        """A backward pass starts; a loss on a device is known when the program reads it."""
        super().backward_begin(roots)
        if roots and self.asked < 0:
            self.asked = roots[0]._rid

    # ---------------------------------------------------------------- rare work

    def _several(
        self, row: Any, params: Any, u: int, v: Any, outs: Any, t0: int, t1: int, node: Any,
        dtypes: Sequence[Any] | None = None,
    ) -> None:  # fmt: skip
        if dtypes is None:
            dtypes = [self._placed(x._a) or x._a.dtype for x in outs]
        super()._several(row, params, u, v, outs, t0, t1, node, dtypes)

    def _item(self, x: Any) -> tuple[Any, Any, Any]:
        placed = self._placed(x._a)
        if placed is None:
            return super()._item(x)
        return ref(x), x._rg, (*port_of(x, self.phase, self.names)[:3], placed)

    def _port(self, x: Any) -> int:
        a = x._a
        placed = self._placed(a)
        if placed is None:
            return super()._port(x)
        n = len(self.ports)
        k = PORT + n
        x._rid = self.base + k
        old = self.old_ports
        if n < len(old) and old[n][0]() is x and old[n][1] is x._rg and old[n][2][3] is placed:
            item = old[n]
        else:
            item = self._item(x)
        self.port_items.append(item)
        self.ports.append(item[2])
        self.port_shapes.append(a.shape)
        if self.values and a.ndim:
            self._value(PORT - 1 - k, "v", a)
        return k
