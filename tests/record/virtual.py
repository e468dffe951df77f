"""A program whose host runs on the pretend GPU's virtual clock too, so that every time in the trace is exact."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from graphscope.engine import backend as backends
from graphscope.engine import backward, bridges, dispatch
from graphscope.engine.backend_sim import SimBackend
from graphscope.engine.numbered import compiled
from graphscope.engine.sim_array import SimArray
from graphscope.engine.sim_device import Costs
from graphscope.engine.tensor import Tensor
from graphscope.ops import conversion
from graphscope.record import control_wait, controlled, recorder, step
from graphscope.utils.data import dataloader

# launch 10, a view 1, a kernel 100 + bytes/4 + flops/2, a copy 1000 + bytes/2
COSTS = Costs(
    launch=10, view=1, latency=100, bandwidth=4, rate=2, copy_latency=1000, copy_bandwidth=2
)


@contextmanager
def virtual(monkeypatch: pytest.MonkeyPatch, costs: Costs = COSTS) -> Iterator[SimBackend]:
    """The device ``sim`` with these costs; all clocks of the engine and the recorder are its host's."""
    # A kind of arrays of its own, since kernels are bound to a kind's first backend.
    kind = type("VirtualArray", (SimArray,), {"__slots__": ()})
    sim = SimBackend(costs, array_type=kind)
    before = {k: b for k, b in backends.BACKENDS.items() if b.name != "cpu"}
    for k in before:
        del backends.BACKENDS[k]
    backends.BACKENDS[kind] = sim
    with monkeypatch.context() as patch:
        for module in (
            dispatch,
            backward,
            bridges,
            conversion,
            recorder,
            controlled,
            control_wait,
            step,
            dataloader,
        ):
            if hasattr(module, "clock"):
                patch.setattr(module, "clock", sim.host_ns)
        if compiled is not None:
            compiled.set_clock(sim.host_ns)
        try:
            yield sim
        finally:
            if compiled is not None:
                compiled.set_clock(time.perf_counter_ns)
            del backends.BACKENDS[kind]
            backends.BACKENDS.update(before)


def on(sim: SimBackend, array: Any, grad: bool = False) -> Tensor:
    """A float32 tensor on the device."""
    return Tensor(sim.asarray(np.asarray(array, np.float32)), grad)
