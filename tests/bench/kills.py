"""kill -9 at random moments of a recorded training: ``python -m tests.bench.kills --times 200``.

Of each: does the trace open, is the database whole, and how long before its death did the program finish the
first step that the file does not have.
"""

from __future__ import annotations

import argparse
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from graphscope.errors import TraceError
from graphscope.trace.reader import TraceReader

PROGRAM = """
import sys, time
import graphscope as gs
w = gs.ones(20, 20, requires_grad=True)
x = gs.ones(4, 20)
options = {"max_size": sys.argv[2]} if len(sys.argv) > 2 else {}
with gs.profile(sys.argv[1], **options) as p:
    print("recording", flush=True)
    k = 0
    while True:
        loss = (x @ w).relu().sum()
        loss.backward()
        w.grad = None
        for i in range(300 if options else 0):  # so much that the limit is reached soon
            p.scalar("x", i)
        k += 1
        print(k, time.time(), flush=True)
        time.sleep(0.005)
"""


class Found(NamedTuple):
    """What one kill left."""

    seed: int
    done: int
    """Steps that the program finished."""
    lost_ms: float
    """Before the kill the first step was done that is not in the file; 0 where none is missing."""
    problem: str
    thinned: bool = False


def kill(
    folder: Path, seed: int, least: float = 0.0, most: float = 1.5, *options: str, after: int = 0
) -> Found:
    """Start the program, kill it at a moment drawn from the seed, look at what it left.

    The moment lies ``least`` to ``most`` seconds behind the end of step ``after``.
    """
    log, path = folder / f"log{seed}", folder / f"run{seed}"
    with log.open("w") as out:
        words = [sys.executable, "-c", PROGRAM, str(path), *options]
        program = subprocess.Popen(words, stdout=out, cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 60
    while len(log.read_text().splitlines()) <= after:
        if time.monotonic() > deadline or program.poll() is not None:
            program.kill()
            return Found(seed, 0, 0.0, "the program did not start")
        time.sleep(0.01)
    time.sleep(least + random.Random(seed).random() * (most - least))
    program.send_signal(signal.SIGKILL)
    killed = time.time()
    program.wait()
    lines = [line.split() for line in log.read_text().splitlines()[1:]]
    done = [(int(k), float(at)) for k, at in (d for d in lines[:-1] if len(d) == 2)]
    return look(Path(f"{path}.gscope"), seed, done, killed)


def look(path: Path, seed: int, done: list[tuple[int, float]], killed: float) -> Found:
    """Open what is left of a run of which ``done`` (number, from 1 on, and when) was finished."""
    thinned = False
    try:
        with TraceReader(path) as reader:
            thinned = reader.thinned() is not None
            num = reader.steps().num.tolist()
            problem = reader.damage or ""
            if num != list(range(len(num))) and not thinned:
                problem = "steps are missing in between"
            if reader.state() not in ("live", "stale"):
                problem = f"the run is {reader.state()}"
            if num and not reader.step(-1).dur_ns.sum() > 0:
                problem = "the last step has no times"
    except TraceError as error:
        return Found(seed, len(done), 0.0, str(error))
    with closing(sqlite3.connect(path)) as db, db:
        if (said := db.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            problem = said
    last = num[-1] + 1 if num else 0
    lost = [at for k, at in done if k > last]
    lost_ms = (killed - min(lost)) * 1e3 if lost else 0.0
    return Found(seed, len(done), lost_ms, problem, thinned)


def main(argv: list[str] | None = None) -> int:
    """Print what was found; the exit code says whether anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200, help="how often (default: 200)")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--max-size", help="of the trace: kills while it is thinned")
    args = parser.parse_args(argv)
    options = [args.max_size] if args.max_size else []
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for seed in range(args.first, args.first + args.times):
            found.append(kill(Path(folder), seed, 0.0, 1.5, *options))
            if found[-1].problem or found[-1].lost_ms > 250:
                print(found[-1], flush=True)
    lost = sorted(f.lost_ms for f in found)
    print(
        f"{len(found)} kills: {sum(not f.problem for f in found)} traces open and whole; steps lost at most "
        f"{lost[-1]:.0f} ms (median {lost[len(lost) // 2]:.0f}, {sum(x > 250 for x in lost)} above 250 ms); "
        f"{sum(f.done for f in found)} steps done; {sum(f.thinned for f in found)} traces were thinned"
    )
    return int(any(f.problem for f in found))


if __name__ == "__main__":
    sys.exit(main())
