"""A million recorded ops: ``python -m tests.bench.million [--steps 10000] [--values auto]``.

Steps of about a hundred ops, forward and backward, recorded by a process of its own; then another one opens the trace.
What it says: the file's size, what the recorder's memory grew by, how long the first table takes and a step's graph.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

STEPS = 10_000
AIMS = {"file_mb": 16, "grew_mb": 64, "table_s": 0.2, "graph_ms": 50}


def resident() -> float:
    """Megabytes that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def record(path: str, steps: int, values: str) -> dict[str, float]:
    """Record the chain of ``tests.bench.programs``; memory is looked at early in the run, and on the way."""
    import graphscope as gs
    from tests.bench import programs

    step = programs.chain(gs)
    for _ in range(10):
        step()
    gc.collect()
    before, most = resident(), 0.0
    with gs.profile(path, values=values) as p:
        for k in range(steps):
            step()
            if k % max(steps // 50, 1) == 0:
                most = max(most, resident())
        p.flush()
        most = max(most, resident())
    return {"grew_mb": most - before, "overhead": p.overhead}


def read(path: str) -> dict[str, Any]:
    """Open the trace as a command does: the first table, then the graphs of steps anywhere."""
    from graphscope.analysis.aggregate import key_averages
    from graphscope.trace.reader import TraceReader

    began = perf_counter()
    with TraceReader(path) as reader:
        key_averages(reader).table()
        table = perf_counter() - began
        steps = reader.steps()
    graphs = []
    for num in Random(0).sample(steps.num.tolist(), min(20, len(steps))):
        began = perf_counter()
        with TraceReader(path) as reader:
            one = reader.step(num)
            ops = reader.graph(one.graph).n
        graphs.append(perf_counter() - began)
    return {
        "steps": len(steps),
        "ops": ops * len(steps),
        "table_s": table,
        "graph_ms": 1e3 * max(graphs),
    }


def measure(folder: Path, steps: int, values: str) -> dict[str, Any]:
    """Both, each in a process of its own."""
    path = folder / "million.gscope"
    found: dict[str, Any] = {}
    for words in (["record", str(path), str(steps), values], ["read", str(path)]):
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.million", *words],
            capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        found |= json.loads(done.stdout)
    return found | {"file_mb": path.stat().st_size / 1e6}


def main(argv: list[str]) -> dict[str, Any]:
    """Print what was found beside what is aimed at."""
    if argv[:1] == ["record"]:
        print(json.dumps(record(argv[1], int(argv[2]), argv[3])))
        return {}
    if argv[:1] == ["read"]:
        print(json.dumps(read(argv[1])))
        return {}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS, help=f"how many (default: {STEPS})")
    parser.add_argument("--values", default="auto", help="as of graphscope.profile (default: auto)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), args.steps, args.values)
    print(f"{found['ops']:,} ops in {found['steps']:,} steps, values={args.values!r}; the program said that recording "
          f"took {found['overhead']:.1%} of its time")  # fmt: skip
    for name, aim in AIMS.items():
        print(f"  {name:10}{found[name]:10.3f}   (aim: at most {aim})")
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
