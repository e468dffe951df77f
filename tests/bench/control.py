"""What live control costs while nobody asks anything: ``python -m tests.bench.control``.

The same training, recorded with ``control=True`` and without, in alternating blocks of one process.
"""

from __future__ import annotations

import os

for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[_name] = "1"  # before numpy is imported: the threads are made then

import argparse  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402
from time import perf_counter_ns  # noqa: E402
from typing import Any  # noqa: E402

import graphscope as gs  # noqa: E402
from graphscope.engine import dispatch  # noqa: E402
from tests.bench import programs  # noqa: E402
from tests.bench.paired import Row, compare, table  # noqa: E402

AIM = 1.01
WITHOUT, WITH = "recorded", "recorded, control=True, idle"


class Recording:
    """One run that is switched on for the blocks of one row."""

    def __init__(self, path: Path, control: bool) -> None:
        self.profile = gs.profile(path, control=control, values="off")
        self.profile.start()
        self._recorder: Any = dispatch.set_recorder(None)
        self._left = perf_counter_ns()

    def on(self) -> None:
        """Record from here; the time since ``off`` is taken out of the run."""
        away = perf_counter_ns() - self._left
        self._recorder.t_start += away
        self._recorder.t0 += away
        dispatch.set_recorder(self._recorder)

    def off(self) -> None:
        """Stop, and wait until the writer is done."""
        self.profile.step()
        dispatch.set_recorder(None)
        self.profile.flush()
        self._left = perf_counter_ns()


def main(words: list[str] | None = None) -> float:
    """Measure; returns the ratio of processor time with and without."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument(
        "--program", default="two_layer", choices=("two_layer", "chain", "digits_step")
    )
    args = parser.parse_args(words)
    step = getattr(programs, args.program)(gs)
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            Recording(Path(folder) / name, control) for name, control in (("a", False), ("b", True))
        ]
        rows = [
            Row(name, step, run.on, run.off)
            for name, run in zip((WITHOUT, WITH), runs, strict=True)
        ]
        found = compare(rows, args.blocks, args.seconds)
        for run in runs:
            dispatch.set_recorder(run._recorder)
            run.profile.stop()
        dispatch.set_recorder(None)
    print(table(f"Live control, idle ({args.program})", found))
    print(f"  aim: <= {AIM}; cpu ratio {found[1].cpu:.4f}, wall ratio {found[1].ratio:.4f}")
    return found[1].cpu


if __name__ == "__main__":
    main()
