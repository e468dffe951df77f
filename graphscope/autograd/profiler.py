"""``torch.autograd.profiler``: the older profiler, as course code still uses it."""

from __future__ import annotations

import warnings
from typing import Any

from graphscope.errors import UsageError
from graphscope.profiler import profiler
from graphscope.profiler.events import EventList, FunctionEvent
from graphscope.profiler.results import Results
from graphscope.record.scope import scope as record_function

__all__ = ["EventList", "FunctionEvent", "emit_itt", "emit_nvtx", "profile", "record_function"]


class profile(Results):  # noqa: N801 - torch's name
    """Record what runs inside the ``with`` block; ``print`` it, or take ``key_averages()``.

    ``enabled=False`` records nothing. All other arguments are torch's: shapes, memory, source lines and
    flops are noted in any case, and devices whenever ops run there.

    Raises: UsageError when entered a second time.
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        use_kineto: bool = False,
        use_cpu: bool = True,
        experimental_config: Any = None,
        acc_events: bool = False,
        custom_trace_id_callback: Any = None,
        post_processing_timeout_s: float | None = None,
        activity_filters: Any = None,
    ) -> None:
        self.enabled = enabled
        self.record_shapes = record_shapes
        self.profile_memory = profile_memory
        self.with_stack = with_stack
        self.with_flops = with_flops
        self.with_modules = with_modules
        self.entered = False
        self._over = False
        self._inner = profiler.profile()

    def __enter__(self) -> profile:
        if not self.enabled:
            return self
        if self.entered:
            raise NotReentrant(
                "this profile was entered before and cannot be again; make another one"
            )
        self.entered = True
        self._inner.start()
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if self.enabled:
            self._inner._stop(error)
            self._over = True

    @property
    def function_events(self) -> EventList:
        """Every step, phase, module and op that was recorded."""
        return self.events()

    def _place(self) -> Any:
        if not self.enabled:
            raise UsageError("this profile is not enabled, so nothing was recorded")
        return self._inner._place()

    def __str__(self) -> str:
        return self.table() if self._over else "<unfinished torch.autograd.profile>"

    __repr__ = __str__


class NotReentrant(UsageError, RuntimeError):
    """Torch raises a RuntimeError here."""


class _Emitter:
    """Ranges for a vendor's own tool: there is nothing to emit, and that is said once."""

    tool = ""
    _said = False

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        self.enabled = enabled

    def __enter__(self) -> Any:
        kind = type(self)
        if self.enabled and not kind._said:
            kind._said = True
            warnings.warn(
                f"{kind.__name__} does nothing here: GraphScope emits no ranges for {self.tool}. "
                "graphscope.profile(run) records the ops themselves.",
                UserWarning,
                stacklevel=2,
            )
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing was begun."""


class emit_nvtx(_Emitter):  # noqa: N801 - torch's name
    """Accepted so that programs run; GraphScope emits no NVTX ranges."""

    tool = "Nsight"


class emit_itt(_Emitter):  # noqa: N801 - torch's name
    """Accepted so that programs run; GraphScope emits no ITT ranges."""

    tool = "VTune"
