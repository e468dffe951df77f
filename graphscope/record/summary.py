"""``SummaryWriter``: torch's class for TensorBoard, writing into a trace.

Existing logging code feeds the dashboard as it is. While a ``graphscope.profile`` or ``graphscope run`` is
on, everything goes into that run; else the writer makes a run of its own.
"""

from __future__ import annotations

import json
import socket
import sys
import warnings
import weakref
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from graphscope.engine.tensor import Tensor
from graphscope.errors import TraceError, UsageError, UsageTypeError
from graphscope.record import images, session
from graphscope.record.logged import NotKept, OwnRun, array_of, domains_of
from graphscope.record.once import record_once
from graphscope.record.statistics import describe, from_buckets
from graphscope.trace import values
from graphscope.trace.records import Entry


class SummaryWriter(NotKept):
    """Log scalars, histograms, images, texts, a model's graph and hyperparameters.

    log_dir: where the run goes: ``runs/exp1`` writes ``runs/exp1.gscope`` (or ``exp1-2`` if that exists);
    without it ``runs/<date>_<host><comment>``. The file is made with the first thing that is logged, and
    not at all while a profile is running, which then takes everything.
    purge_step, max_queue, flush_secs and filename_suffix are kept as attributes; a trace is on disk within
    a fifth of a second, and a resumed program writes a new run.

    Without ``global_step`` the step is 0, and in a running profile its present step.

    Example:
        >>> import tempfile, graphscope as gs
        >>> from graphscope.utils.tensorboard import SummaryWriter
        >>> with SummaryWriter(tempfile.mkdtemp() + "/exp1") as writer:
        ...     for step in range(3):
        ...         writer.add_scalar("train/loss", 1 / (step + 1), step)
    """

    def __init__(
        self,
        log_dir: Any = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        if not log_dir:
            now = datetime.now().strftime("%b%d_%H-%M-%S")
            log_dir = str(Path("runs") / f"{now}_{socket.gethostname()}{comment}")
        self.log_dir = str(log_dir)
        self.purge_step = purge_step
        self.max_queue = max_queue
        self.flush_secs = flush_secs
        self.filename_suffix = filename_suffix
        self._own: OwnRun | None = None
        self._ending: Callable[..., Any] | None = None
        self._failed = False

    # ---------------------------------------------------------------- where it goes

    def _target(self) -> Any:
        """The running profile, or the run of this writer; None when no file can be made."""
        if self._own is not None:
            return self._own
        around = session.running()
        if around is not None:
            return around
        if not self._failed:
            try:
                self._own = OwnRun(self.log_dir)
                self._ending = weakref.finalize(self, self._own.pump.close, "finished", None)
            except (OSError, TraceError) as problem:
                self._failed = True
                warnings.warn(
                    f"GraphScope cannot log into {self.log_dir}: {problem} The program runs on without.",
                    RuntimeWarning,
                    stacklevel=4,
                )
        return self._own

    def _note(self, kind: str, tag: str, data: Any, step: Any, walltime: float | None) -> None:
        target = self._target()
        if target is not None:
            at = None if step is None else int(step.item() if isinstance(step, Tensor) else step)
            target.note(kind, tag, data, at, walltime)

    @property
    def path(self) -> Path | None:
        """The trace that is written, once something was logged."""
        return None if self._own is None and session.running() is None else self._target().path

    def get_logdir(self) -> str:
        """What the writer was made for."""
        return self.log_dir

    def flush(self) -> None:
        """Return when everything logged so far is in the file."""
        target = self._own or session.running()
        if target is not None:
            target.flush()

    def close(self) -> None:
        """Flush, and end the run if it is the writer's own. Logging more begins another run."""
        self.flush()
        if self._ending is not None:
            self._ending()
        self._own = self._ending = None

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # ---------------------------------------------------------------- numbers and texts

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """A point of a curve. Always in double precision."""
        number = array_of(scalar_value, "add_scalar")
        if number.size != 1:
            raise UsageError(
                f"add_scalar({tag!r}): a scalar has one element, this has shape {tuple(number.shape)}; "
                "take its mean() or item()"
            )
        self._note("scalar", tag, float(number.reshape(())), global_step, walltime)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Several curves under ``main_tag``: ``main_tag/name`` each."""
        for name, value in tag_scalar_dict.items():
            self.add_scalar(f"{main_tag}/{name}", value, global_step, walltime)

    def add_text(
        self,
        tag: str,
        text_string: str,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """A text."""
        self._note("text", tag, str(text_string), global_step, walltime)

    def add_hparams(
        self,
        hparam_dict: dict[str, Any],
        metric_dict: dict[str, Any],
        hparam_domain_discrete: dict[str, list[Any]] | None = None,
        run_name: str | None = None,
        global_step: int | None = None,
    ) -> None:
        """Hyperparameters and what they led to; the metrics become points of curves too.

        Raises: TypeError when they are no dictionaries, ValueError for a value that is no number, text or bool.
        """
        if type(hparam_dict) is not dict or type(metric_dict) is not dict:
            raise UsageTypeError("add_hparams: hparam_dict and metric_dict must be dictionaries")
        told = {}
        for key, value in hparam_dict.items():
            if isinstance(value, (Tensor, np.generic, np.ndarray)):
                value = array_of(value, "add_hparams").reshape(()).item()
            if value is not None and not isinstance(value, (int, float, str, bool)):
                raise UsageError(
                    f"add_hparams: {key} is a {type(value).__name__}; it must be int, float, str, bool or a "
                    "tensor of one element"
                )
            told[str(key)] = value
        metrics = {}
        for key, value in metric_dict.items():
            metrics[str(key)] = float(array_of(value, "add_hparams").reshape(()))
        domains = domains_of(hparam_domain_discrete, hparam_dict)
        data = {"hparams": told, "metrics": metrics, "domains": domains}
        blob = json.dumps(data, default=str).encode()
        self._note("hparams", run_name or "hparams", blob, global_step, None)
        for key, number in metrics.items():
            self._note("scalar", key, number, global_step, None)

    # ---------------------------------------------------------------- tensors

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: int | None = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """The distribution of a tensor. ``bins`` is torch's; a trace keeps 24 equal ones over its range.

        Raises: ValueError for a tensor without elements.
        """
        array = array_of(values, "add_histogram")
        if array.size == 0:
            raise UsageError(f"add_histogram({tag!r}): the input has no element")
        if array.dtype.kind not in "fiub":
            raise UsageTypeError(
                f"add_histogram({tag!r}): numbers are needed, and this is {array.dtype}"
            )
        self._histogram(tag, describe(array, thumb=False), global_step, walltime)

    def _histogram(self, tag: str, entry: Entry, step: Any, walltime: float | None) -> None:
        self._note("histogram", tag, values.encode([(0, "v", entry)]), step, walltime)

    def add_histogram_raw(
        self,
        tag: str,
        min: float,
        max: float,
        num: float,
        sum: float,
        sum_squares: float,
        bucket_limits: Any,
        bucket_counts: Any,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """A distribution that was counted elsewhere: ``bucket_counts[k]`` lie below ``bucket_limits[k]``."""
        limits, counts = np.asarray(bucket_limits, float), np.asarray(bucket_counts, float)
        if limits.shape != counts.shape or limits.ndim != 1:
            raise UsageError(
                f"add_histogram_raw({tag!r}): {counts.size} counts need as many limits, not {limits.size}"
            )
        entry = from_buckets(float(min), float(max), num, sum, sum_squares, limits, counts)
        self._histogram(tag, entry, global_step, walltime)

    def add_tensor(
        self, tag: str, tensor: Any, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """A tensor as its distribution; up to 64 elements are kept themselves."""
        self.add_histogram(tag, tensor, global_step, walltime=walltime)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """A picture: uint8, or numbers from 0 to 1."""
        pixels = images.to_pixels(array_of(img_tensor, "add_image"), dataformats)
        self._note("image", tag, images.png(pixels), global_step, walltime)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Pictures of one size as one, eight in a row."""
        self.add_image(tag, img_tensor, global_step, walltime, dataformats)

    def add_image_with_boxes(
        self,
        tag: str,
        img_tensor: Any,
        box_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        rescale: float = 1,
        dataformats: str = "CHW",
        labels: Any = None,
    ) -> None:
        """A picture with boxes ``[xmin, ymin, xmax, ymax]`` drawn on it; their labels become a text."""
        pixels = images.to_pixels(array_of(img_tensor, "add_image_with_boxes"), dataformats)
        pixels = images.boxed(pixels, array_of(box_tensor, "add_image_with_boxes"))
        self._note("image", tag, images.png(pixels), global_step, walltime)
        if labels is not None:
            words = [labels] if isinstance(labels, str) else labels
            self.add_text(f"{tag}/labels", ", ".join(map(str, words)), global_step, walltime)

    def add_figure(
        self,
        tag: str,
        figure: Any,
        global_step: int | None = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """A matplotlib figure as a picture; of a list of figures each (``tag/0``, ``tag/1``, ...)."""
        several = isinstance(figure, (list, tuple))
        for k, one in enumerate(figure if several else [figure]):
            name = f"{tag}/{k}" if several else tag
            self._note("image", name, images.of_figure(one), global_step, walltime)
            if close and "matplotlib.pyplot" in sys.modules:
                sys.modules["matplotlib.pyplot"].close(one)

    def add_graph(
        self,
        model: Any,
        input_to_model: Any = None,
        verbose: bool = False,
        use_strict_trace: bool = True,
    ) -> None:
        """The graph of a model: one forward, in evaluation mode and without gradients, is recorded."""
        if input_to_model is None:
            raise UsageError(
                "add_graph needs input_to_model: the graph is that of a forward which really ran"
            )
        target = self._target()
        if target is not None:
            record_once(target, model, input_to_model)
