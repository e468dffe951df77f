"""What recording costs: ``python -m tests.bench.first_light`` (or ``make bench``).

The 64-1000-100-10 two-layer step, 51 tiny ops, and the digits network: by hand in numpy, in GraphScope
with recording off and with everything recorded, and in torch where it is installed. One thread.
"""

from __future__ import annotations

import os

for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[_name] = "1"  # before numpy is imported: the threads are made then

import argparse  # noqa: E402
import json  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402
from time import perf_counter_ns  # noqa: E402
from typing import Any  # noqa: E402

import graphscope as gs  # noqa: E402
from graphscope.engine import dispatch  # noqa: E402
from tests.bench import programs  # noqa: E402
from tests.bench.paired import Result, Row, compare, ratio, table  # noqa: E402

GOALS = {
    "two-layer, recorded / numpy": 1.15,
    "two-layer, on / off": 1.08,
    "bytes per recorded op": 24.0,
}


def torch_or_none() -> Any:
    """Torch on one thread, if it is installed."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    return torch


class Recording:
    """One run that is switched on for the blocks of one row and off in between."""

    def __init__(self, path: Path) -> None:
        self.profile = gs.profile(path)
        self.profile.start()
        self._recorder = dispatch.set_recorder(None)
        self._left = perf_counter_ns()

    def on(self) -> None:
        """Record from here. The time since ``off`` is taken out of the run.

        Statistics may cost a share of the run's time, so time in which other rows ran must not count.
        """
        away = perf_counter_ns() - self._left
        self._recorder.t_start += away
        self._recorder.t0 += away
        dispatch.set_recorder(self._recorder)

    def off(self) -> None:
        """Stop, and wait until the writer is done, so that no other row pays for it."""
        self.profile.step()
        dispatch.set_recorder(None)
        self._left = perf_counter_ns()
        self.profile.flush()

    def bytes_per_op(self) -> tuple[float, int]:
        """Size of the finished trace over the ops in it, and how many those were."""
        from graphscope.trace.reader import TraceReader

        self.profile.stop()
        path = self.profile.path
        assert path is not None
        reader = TraceReader(path)
        steps = reader.steps("train")
        ops = sum(reader.graph(int(g)).n for g in steps.graph)
        return path.stat().st_size / max(ops, 1), ops


def measure(
    title: str, floor: Any, ours: Any, theirs: Any, path: Path, args: argparse.Namespace
) -> tuple[list[Result], Recording]:
    """Run one comparison and print it."""
    recording = Recording(path)
    rows = [] if floor is None else [Row("numpy by hand", floor())]
    rows += [
        Row("graphscope, recording off", ours(gs)),
        Row("graphscope, everything recorded", ours(gs), recording.on, recording.off),
    ]
    torch = torch_or_none()
    if torch is not None:
        rows.append(Row("torch eager, nothing recorded", theirs(torch)))
    results = compare(rows, args.blocks, args.seconds)
    print(table(title, results), end="\n\n", flush=True)
    return results, recording


def main(argv: list[str] | None = None) -> dict[str, float]:
    """Print the tables and the summary; returns the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=21, help="alternating rounds (default: 21)")
    parser.add_argument("--seconds", type=float, default=0.5, help="per block (default: 0.5)")
    parser.add_argument("--json", metavar="FILE", help="write the summary there as well")
    parser.add_argument(
        "--only", choices=["two-layer", "chain", "digits"], help="one program alone"
    )
    args = parser.parse_args(argv)
    on, off = "graphscope, everything recorded", "graphscope, recording off"
    summary: dict[str, float] = {}

    def note(name: str, results: list[Result], over: str, under: str) -> None:
        summary[name], summary[f"{name} (cpu)"] = ratio(results, over, under)

    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        if args.only in (None, "two-layer"):
            two = programs.two_layer
            results, recording = measure(
                "Two-layer step 64-1000-100-10, ratio to numpy by hand",
                programs.two_layer_numpy, two, two, runs / "two", args,
            )  # fmt: skip
            note("two-layer, off / numpy", results, off, "numpy by hand")
            note("two-layer, recorded / numpy", results, on, "numpy by hand")
            note("two-layer, on / off", results, on, off)
            size, ops = recording.bytes_per_op()
            summary["bytes per recorded op"] = size
            print(f"  trace: {size:.1f} bytes per recorded op ({ops:,} ops)\n")
        if args.only in (None, "chain"):
            results, recording = measure(
                "51 ops on 4 numbers, forward and backward, ratio to numpy by hand",
                programs.chain_numpy, programs.chain, programs.chain, runs / "chain", args,
            )  # fmt: skip
            recording.profile.stop()
            note("chain, off / numpy", results, off, "numpy by hand")
            note("chain, recorded / numpy", results, on, "numpy by hand")
        if args.only in (None, "digits"):
            step = programs.digits_step
            results, recording = measure(
                "Digits network, batch 32, Adam, ratio to recording off",
                None, step, step, runs / "digits", args,
            )  # fmt: skip
            recording.profile.stop()
            note("digits, on / off", results, on, off)
            if torch_or_none() is not None:
                note("digits, recorded / torch", results, on, "torch eager, nothing recorded")
    for name, value in summary.items():
        goal = GOALS.get(name.removesuffix(" (cpu)"))
        print(f"{name:36}{value:8.3f}" + (f"   (goal: at most {goal:g})" if goal else ""))
    if args.json:
        Path(args.json).write_text(json.dumps(summary, indent=2))
    return summary


if __name__ == "__main__":
    main()
