"""What recording costs: ``python -m tests.bench.first_light`` (or ``make bench``).

Two-layer step, 51 tiny ops, convolutional nets, LSTM and attention: by hand in numpy where that exists, in
GraphScope with recording off and with everything recorded, and in torch where it is installed. One thread.
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
from tests.bench import memory, programs  # noqa: E402
from tests.bench.paired import Result, Row, compare, ratio, table  # noqa: E402

# Ratios; from the issues, where they name one.
AIMS = {
    "chain, off / numpy": 2.3,
    "chain, recorded / numpy": 3.5,
    "chain, recorded / torch": 1.0,
    "two-layer, off / numpy": 1.05,
    "two-layer, recorded / numpy": 1.10,
    "two-layer, recorded / torch": 1.0,
    "lenet, recorded / torch": 1.0,
    "digits, recorded / torch": 1.0,
    "lenet, peak memory / torch": 1.3,
    "vgg, peak memory / torch": 1.3,
    "bytes per recorded op": 16.0,
}
NUMPY, OFF, ON, TORCH = (
    "numpy by hand", "graphscope, recording off", "graphscope, everything recorded",
    "torch eager, nothing recorded",
)  # fmt: skip
# name -> title, by hand in numpy, in torch's API
PROGRAMS: dict[str, tuple[str, Any, Any]] = {
    "two-layer": (
        "Two-layer step 64-1000-100-10", programs.two_layer_numpy, programs.two_layer,
    ),
    "chain": (
        "51 ops on 4 numbers, forward and backward", programs.chain_numpy, programs.chain,
    ),
    "digits": ("Digits network, batch 32, Adam", None, programs.digits_step),
    "lenet": ("LeNet, 64 images of 28x28, SGD", None, programs.lenet_step),
    "vgg": ("Small VGG, 16 images of 3x32x32, SGD", None, programs.vgg_step),
    "lstm": ("LSTM of 64 units, 20 steps of 16 sequences", None, programs.lstm_step),
    "attention": ("Self-attention, 4 heads, 8 x 32 x 64", None, programs.attention_step),
}  # fmt: skip


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


def measure(name: str, path: Path, args: argparse.Namespace) -> tuple[list[Result], Recording]:
    """Run one comparison and print it."""
    title, floor, program = PROGRAMS[name]
    recording = Recording(path)
    rows = [] if floor is None else [Row(NUMPY, floor())]
    rows += [Row(OFF, program(gs)), Row(ON, program(gs), recording.on, recording.off)]
    torch = torch_or_none()
    if torch is not None:
        rows.append(Row(TORCH, program(torch)))
    results = compare(rows, args.blocks, args.seconds)
    print(table(f"{title}, ratio to {rows[0].name}", results), end="\n\n", flush=True)
    return results, recording


def ratios(name: str, results: list[Result]) -> dict[str, tuple[float, float]]:
    """The ratios that a program is judged by: of wall time, of processor time."""
    have = {r.name for r in results}
    wanted = {
        "off / numpy": (OFF, NUMPY), "recorded / numpy": (ON, NUMPY), "on / off": (ON, OFF),
        "off / torch": (OFF, TORCH), "recorded / torch": (ON, TORCH),
    }  # fmt: skip
    return {
        f"{name}, {what}": ratio(results, *pair)
        for what, pair in wanted.items()
        if have.issuperset(pair)
    }


def summary_table(found: dict[str, tuple[float, float]]) -> str:
    """All ratios in one table, with the aims."""
    lines = [f"{'':32}{'wall':>8}{'cpu':>8}{'aim':>9}"]
    for name, (wall, cpu) in found.items():
        aim = AIMS.get(name)
        mark = "" if aim is None else f"   {'ok' if wall <= aim else 'above'}"
        shown = "" if aim is None else f"<= {aim:g}"
        lines.append(f"{name:32}{wall:8.3f}{'' if cpu != cpu else f'{cpu:.3f}':>8}{shown:>9}{mark}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> dict[str, tuple[float, float]]:
    """Print the tables and the summary; returns the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=13, help="alternating rounds (default: 13)")
    parser.add_argument("--seconds", type=float, default=0.3, help="per block (default: 0.3)")
    parser.add_argument("--json", metavar="FILE", help="write the summary there as well")
    parser.add_argument("--only", choices=[*PROGRAMS, "memory"], help="one program alone")
    args = parser.parse_args(argv)
    nan = float("nan")
    found: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in PROGRAMS:
            if args.only not in (None, name):
                continue
            results, recording = measure(name, Path(folder) / name, args)
            found |= ratios(name, results)
            size, ops = recording.bytes_per_op()
            if name == "two-layer":
                found["bytes per recorded op"] = size, nan
                print(f"  trace: {size:.1f} bytes per recorded op ({ops:,} ops)\n")
    if args.only in (None, "memory") and torch_or_none() is not None:
        for name in ("lenet", "vgg"):
            program = PROGRAMS[name][2].__name__
            ours, theirs = (memory.of_process(program, lib) for lib in ("graphscope", "torch"))
            print(f"  {name}: peak memory {ours / 1e6:.1f} MB, torch {theirs / 1e6:.1f} MB")
            found[f"{name}, peak memory / torch"] = ours / max(theirs, 1), nan
    print(summary_table(found))
    if args.json:
        Path(args.json).write_text(json.dumps({name: wall for name, (wall, _) in found.items()}))
    return found


if __name__ == "__main__":
    main()
