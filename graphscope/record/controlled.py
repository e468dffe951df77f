"""The recorder while somebody watches: it is called for every op, looks at it, and asks whether to stop.

An ordinary recorder becomes one by ``take`` (from the writer's thread), and becomes ordinary again where a step
ends and nothing is wanted any more. Its methods call those of the class it was by name, not by ``super``, since
the class may change in the middle of a call.
"""

from __future__ import annotations

from threading import get_ident
from time import perf_counter_ns as clock
from typing import Any

from graphscope.engine.dispatch import NEVER
from graphscope.record.on_device import DeviceRecorder
from graphscope.record.recorder import Recorder, fenced
from graphscope.record.step import SPAN
from graphscope.record.stops import Stops
from graphscope.record.tables import PORT


def take(recorder: Any) -> None:
    """Make a recorder a controlled one. May be called from any thread, at any moment."""
    kind = type(recorder)
    if kind is Recorder:
        recorder.__class__ = ControlledRecorder
    elif kind is DeviceRecorder:
        recorder.__class__ = ControlledDeviceRecorder
    # A straight path that finds no prediction calls. Where the recorder is just about to begin a step it may
    # put the prediction back, and is controlled from the step after that.
    recorder.plan = NEVER
    recorder.direct = False


class _Controlled:
    """What both have."""

    __slots__ = ()
    plain: Any = Recorder
    ends_in_c = False

    def op(
        self: Any, row: Any, params: Any, a: Any, b: Any, rest: Any, out: Any, t0: int, t1: int, node: Any,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        """A forward or update op ran."""
        plain = self.plain
        given = () if dtype is None else (dtype,)
        if get_ident() != self.thread:
            plain.op(self, row, params, a, b, rest, out, t0, t1, node, *given)
            return
        stops: Stops = self.control.stops
        stops.before(self)
        plain.op(self, row, params, a, b, rest, out, t0, t1, node, *given)
        stops.op(self, row, a, out, node)

    @fenced
    def grad(
        self: Any, node: Any, slot: int, g: Any, t0: int, t1: int, alias: bool = False, dtype: Any = None
    ) -> None:  # fmt: skip
        """The gradient of one input of ``node`` was computed."""
        plain = self.plain
        given = () if dtype is None else (dtype,)
        if get_ident() != self.thread:
            plain.grad(self, node, slot, g, t0, t1, alias, *given)
            return
        stops: Stops = self.control.stops
        stops.before(self)
        plain.grad(self, node, slot, g, t0, t1, alias, *given)
        stops.grad(self, node, g)

    @fenced
    def adjoint(self: Any, node: Any, g: Any) -> None:
        """The whole gradient of a node's output."""
        self.plain.adjoint(self, node, g)
        i = node.rid - self.base
        if get_ident() == self.thread and not i >> SPAN and not isinstance(g, list):
            self.control.stops.keep(i, "g", g._a if hasattr(g, "_a") else g)

    @fenced
    def leaf(self: Any, tensor: Any, g: Any) -> None:
        """A leaf's gradient was accumulated."""
        self.plain.leaf(self, tensor, g)
        if get_ident() == self.thread:
            k = tensor._rid - self.base
            self.control.stops.leaf(
                self, PORT - 1 - k if not k >> SPAN and k >= PORT else None, tensor, g
            )

    @fenced
    def backward_begin(self: Any, roots: Any = ()) -> None:
        """A backward pass starts."""
        if get_ident() == self.thread:
            self.control.stops.phase_ends(self, "forward")
        self.plain.backward_begin(self, roots)
        if get_ident() == self.thread:
            self.control.stops.loss(self)

    @fenced
    def backward_end(self: Any) -> None:
        """It ended."""
        self.plain.backward_end(self)
        if get_ident() == self.thread:
            self.control.stops.phase_ends(self, "backward")

    @fenced
    def data(self: Any, t0: int, t1: int) -> None:
        """The program waited for a batch."""
        self.plain.data(self, t0, t1)
        if get_ident() == self.thread:
            self.control.stops.settle_times(self)

    def close(self: Any, status: Any = None, note: Any = None, at: int = 0) -> None:
        """The step ends: stop here where that is asked, and be ordinary again where nothing is."""
        control = self.control
        began = clock()
        waited = 0
        if self.i and status is None and get_ident() == self.thread:
            control.stops.step_ends(self)
            waited = clock() - began
            if waited < 1_000_000:
                waited = 0
        control.stops.forget()
        plain = self.plain
        on_device = self.marks is not None and self.marks.on_device
        if not control.wanted:
            self.__class__ = plain
        # The program waited behind the end of this step: that time is in no step.
        plain.close(self, status, note, at or (began if waited else 0))
        if waited and status is None:
            self.t0 += waited
            self.waited += waited
            control.stops.owed = waited if at else 0
            if on_device:
                self.marks.set_apart()
        if status is None:
            control.stops.stop_for_good(self)

    def _follow(self: Any, graph: Any) -> None:
        if self.control.stops.sees_values:
            self.values = True
        self.plain._follow(self, graph)
        if self.values and self.control.stops.sees_values:
            self.timed = self.look = False  # what is held to be looked at dies later than it would
        if self.told is not None:
            self.plan = NEVER


class ControlledRecorder(_Controlled, Recorder):
    """A ``Recorder`` that is watched."""

    __slots__ = ()
    plain = Recorder

    @fenced
    def device_here(self) -> None:
        """A device was started."""
        Recorder.device_here(self)
        self.__class__ = ControlledDeviceRecorder  # type: ignore[assignment]


class ControlledDeviceRecorder(_Controlled, DeviceRecorder):
    """A ``DeviceRecorder`` that is watched."""

    __slots__ = ()
    plain = DeviceRecorder

    def device_here(self) -> None:
        """Another device was started."""
        DeviceRecorder.device_here(self)
