"""``with graphscope.profile("runs/digits") as p:`` - record everything that runs inside."""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from graphscope.engine import dispatch
from graphscope.engine.tensor import Tensor
from graphscope.errors import TraceError, UsageError
from graphscope.record.pump import Pump
from graphscope.record.recorder import Recorder
from graphscope.trace.format import new_run_path

VALUES = ("auto", "off", "stats", "full")


class profile:  # noqa: N801 - reads as a verb at the place of use
    """Record every op, forward and backward, that runs inside the ``with`` block.

    path: the run; ``runs/digits`` writes ``runs/digits.gscope`` (or ``digits-2`` if that exists).
    values: "auto" takes statistics of values and gradients as often as ``budget`` allows, "stats" is
    the same without samples of the tensors, "full" takes them in every step, "off" never.
    memory: birth and death of every tensor. stacks: the source line of every op.
    budget: share of wall time that statistics may cost.

    Steps end by themselves (the first forward op after a backward opens the next); ``step()`` ends one
    by hand. Raises: UsageError for options that make no sense. A folder that cannot be written gives
    one warning, and the program runs unrecorded.
    """

    def __init__(
        self,
        path: Any = "runs/run",
        *,
        values: str = "auto",
        memory: bool = True,
        stacks: bool = True,
        budget: float = 0.05,
        name: str | None = None,
    ) -> None:
        if values not in VALUES:
            raise UsageError(
                f"profile: values={values!r} is unknown; there are: {', '.join(VALUES)}"
            )
        if not 0 < budget < 1:
            raise UsageError(
                f"profile: budget={budget} must be a share of wall time between 0 and 1"
            )
        self._wanted = Path(path)
        self._name = name
        self._options = dict(values=values, budget=budget, memory=memory, stacks=stacks)
        self._pump: Pump | None = None
        self._recorder: Recorder | None = None
        self._models: list[tuple[Any, str]] = []
        self._before: Any = None
        self.path: Path | None = None

    # ---------------------------------------------------------------- begin and end

    def start(self) -> profile:
        """Begin to record (what ``with`` does)."""
        folder, name = self._wanted.parent, self._wanted.name.removesuffix(".gscope")
        meta = {
            "run": self._name or name, "engine": "graphscope", "python": sys.version.split()[0],
            "numpy": np.__version__, "backend": "numpy", "argv": " ".join(sys.argv),
        }  # fmt: skip
        try:
            self.path = new_run_path(folder, name)
            self._pump = Pump(self.path, meta)
        except (OSError, TraceError) as problem:
            warnings.warn(
                f"GraphScope cannot record into {self._wanted}: {problem} The program runs on unrecorded.",
                RuntimeWarning,
                stacklevel=3,
            )
            return self
        self._recorder = Recorder(self._pump, **self._options)  # type: ignore[arg-type]
        for model, root in self._models:
            self._recorder.names.name_tree(model, root)
        self._pump.start(self._recorder)
        self._before = dispatch.set_recorder(self._recorder)
        return self

    def stop(self, error: BaseException | None = None) -> None:
        """End the recording and the trace."""
        if self._recorder is None or self._pump is None:
            return
        dispatch.set_recorder(self._before)
        text = None
        if error is not None and not isinstance(error, (KeyboardInterrupt, SystemExit)):
            text = f"{type(error).__name__}: {error}"
        partial = (
            "failed"
            if text
            else ("partial" if self._recorder.phase != 3 and not self._recorder.after else None)
        )
        recorder, pump = self._recorder, self._pump
        if recorder.broken is None:
            try:
                recorder.close(status=partial, note=text)
            except Exception as problem:
                dispatch.broken(recorder, problem)
        if recorder.broken is not None:
            pump.writer.set_meta("recording_stopped", recorder.broken)
        if self._recorder.foreign:
            self._pump.writer.set_meta("foreign_ops", self._recorder.foreign)
        self._pump.close("failed" if text else "finished", text)
        self._stopped = self._recorder
        self._recorder = None

    def __enter__(self) -> profile:
        return self.start()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.stop(error)

    # ---------------------------------------------------------------- in between

    def step(self) -> None:
        """End the running step here."""
        if self._recorder is not None and self._recorder.broken is None:
            try:
                self._recorder.close()
            except Exception as problem:  # a bug of ours, not of the program's
                dispatch.broken(self._recorder, problem)

    def scalar(self, tag: str, value: Any, step: int | None = None) -> None:
        """Record a number under a tag, at the running step unless ``step`` says otherwise."""
        if self._recorder is None or self._pump is None:
            return
        number = float(value.item() if isinstance(value, Tensor) else value)
        at = max(self._recorder.num["train"] - (self._recorder.i == 0), 0) if step is None else step
        self._pump.notes.append(("scalar", str(tag), at, number, self._now()))

    def text(self, tag: str, text: str, step: int | None = None) -> None:
        """Record a text under a tag."""
        if self._recorder is None or self._pump is None:
            return
        at = self._recorder.num["train"] if step is None else step
        self._pump.notes.append(("text", str(tag), at, str(text), self._now()))

    def watch(self, model: Any, name: str | None = None) -> Any:
        """Name a module's scopes and parameters before its first call; returns the module."""
        from graphscope.record.names import _variable_of

        root = name or _variable_of(model) or type(model).__name__.lower()
        self._models.append((model, root))
        if self._recorder is not None:
            self._recorder.names.name_tree(model, root)
        return model

    def _now(self) -> int:
        assert self._recorder is not None
        return time.perf_counter_ns() - self._recorder.t_start

    @property
    def overhead(self) -> float:
        """What recording has cost so far, as a share of wall time (events, statistics, writer)."""
        recorder = self._recorder or getattr(self, "_stopped", None)
        if recorder is None or self._pump is None or not recorder.wall_ns:
            return 0.0
        return float((recorder.rec_ns + self._pump.cpu_ns) / recorder.wall_ns)

    def flush(self) -> None:
        """Return when everything recorded so far is in the file."""
        if self._pump is not None and self._recorder is not None:
            self._pump.flush()

    # ---------------------------------------------------------------- results

    def key_averages(self, group_by: str = "op", **options: Any) -> Any:
        """Time, calls and memory per op, scope or source line; print it or take ``.to_dict()``."""
        from graphscope.analysis.aggregate import key_averages
        from graphscope.trace.reader import TraceReader

        self.flush()
        if self.path is None:
            raise TraceError(
                "there is no trace: the folder could not be written when recording began"
            )
        return key_averages(TraceReader(self.path), group_by=group_by, **options)
