"""What ``SummaryWriter`` stands on: a run of its own, numbers out of anything, and what it does not keep."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphscope.engine.tensor import Tensor
from graphscope.errors import UsageTypeError
from graphscope.record.pump import Pump
from graphscope.record.statistics import to_host
from graphscope.trace.format import SUFFIX, new_run_path

_told: set[str] = set()


class OwnRun:
    """A run that holds what one writer logs."""

    def __init__(self, log_dir: str) -> None:
        self.t0_unix = time.time_ns()
        target = Path(log_dir)
        name = target.name.removesuffix(SUFFIX)
        meta = {
            "run": name, "engine": "graphscope", "python": sys.version.split()[0], "numpy": np.__version__,
            "argv": " ".join(sys.argv), "t0_unix_ns": self.t0_unix, "written_by": "SummaryWriter",
        }  # fmt: skip
        self.path = new_run_path(target.parent, name)
        self.pump = Pump(self.path, meta)
        self.pump.start(None)

    def note(
        self, kind: str, tag: str, data: Any, step: int | None = None, walltime: float | None = None
    ) -> None:
        """As ``profile.note``; without a step it is step 0, as in torch."""
        at = 0 if step is None else int(step)
        wall = (time.time_ns() if walltime is None else int(walltime * 1e9)) - self.t0_unix
        row = (kind, str(tag), at, data, wall)
        if kind not in ("scalar", "text"):
            row = ("media", str(tag), at, kind, data, wall)  # type: ignore[assignment]
        if self.pump.failed is None:  # else nobody takes them out again
            self.pump.notes.append(row)

    def flush(self) -> None:
        """Return when everything is in the file."""
        self.pump.flush()


class NotKept:
    """Methods of torch's writer for things that a trace has no place for: they say so once."""

    def _not_kept(self, name: str, instead: str) -> None:
        if name not in _told:
            _told.add(name)
            warnings.warn(
                f"SummaryWriter.{name}: GraphScope keeps none of this, and the program runs on. {instead}",
                UserWarning,
                stacklevel=3,
            )

    def add_audio(self, *args: Any, **options: Any) -> None:
        """Not kept; a note says so once."""
        self._not_kept("add_audio", "add_histogram keeps the distribution of the samples.")

    def add_video(self, *args: Any, **options: Any) -> None:
        """Not kept; a note says so once."""
        self._not_kept("add_video", "add_images keeps frames.")

    def add_embedding(self, *args: Any, **options: Any) -> None:
        """Not kept; a note says so once."""
        self._not_kept("add_embedding", "add_histogram keeps the distribution of the vectors.")

    def add_mesh(self, *args: Any, **options: Any) -> None:
        """Not kept; a note says so once."""
        self._not_kept("add_mesh", "add_figure keeps a picture of it.")

    def add_pr_curve(self, *args: Any, **options: Any) -> None:
        """Not kept; a note says so once."""
        self._not_kept("add_pr_curve", "add_figure keeps a picture of it.")

    def add_pr_curve_raw(self, *args: Any, **options: Any) -> None:
        """Not kept; a note says so once."""
        self._not_kept("add_pr_curve_raw", "add_figure keeps a picture of it.")

    def add_onnx_graph(self, *args: Any, **options: Any) -> None:
        """Not kept; a note says so once."""
        self._not_kept("add_onnx_graph", "add_graph records a model's own graph.")

    def add_custom_scalars(self, *args: Any, **options: Any) -> None:
        """Not kept; a note says so once."""
        self._not_kept(
            "add_custom_scalars", "The dashboard groups curves by the parts of their tags."
        )

    def add_custom_scalars_multilinechart(self, *args: Any, **options: Any) -> None:
        """Not kept; a note says so once."""
        self.add_custom_scalars()

    def add_custom_scalars_marginchart(self, *args: Any, **options: Any) -> None:
        """Not kept; a note says so once."""
        self.add_custom_scalars()


def array_of(value: Any, what: str) -> NDArray[Any]:
    """The numbers of a tensor, array, list or number, on the host.

    Raises: TypeError for anything else.
    """
    if isinstance(value, Tensor):
        array = np.asarray(to_host(value._a))
        # bfloat16 and the like have no kind that numpy computes with
        return array if array.dtype.kind in "fiubc" else array.astype(np.float32)
    if isinstance(value, str) or value is None:
        raise UsageTypeError(f"{what}: numbers are needed, not {value!r}")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise UsageTypeError(f"{what}: {error}") from None
    if array.dtype.kind not in "fiub":
        raise UsageTypeError(f"{what}: numbers are needed, not {type(value).__name__}")
    return array


def domains_of(given: Any, hparams: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The values that each hyperparameter can have, checked."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise UsageTypeError("add_hparams: hparam_domain_discrete must be a dictionary")
    for key, domain in given.items():
        fits = (
            key in hparams
            and isinstance(domain, list)
            and all(isinstance(x, type(hparams[key])) for x in domain)
        )
        if not fits:
            raise UsageTypeError(
                f"add_hparams: hparam_domain_discrete[{key!r}] must be a list of values like hparam_dict[{key!r}]"
            )
    return {str(k): list(v) for k, v in given.items()}
