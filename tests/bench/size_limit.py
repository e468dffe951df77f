"""A trace at its stated size, whatever the run's length: ``python -m tests.bench.size_limit``.

Rows go to the writer as a recorder would hand them over, but without a program in between, so that the years of a
training that write several gigabytes take minutes: plain steps, statistics, scalars, texts, pictures, and now and then
a graph that never comes again. Told: how long commits took (a killed program loses as much), how large the file was
meanwhile, and what the file says of what went. ``--kills``: the same in a process that is killed at random moments.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from graphscope.trace import schema
from graphscope.trace.limit import size
from graphscope.trace.reader import TraceReader
from graphscope.trace.thinned import sentence
from graphscope.trace.values import encode
from graphscope.trace.writer import Facts, Plain, TraceWriter
from graphscope.units import bytes_
from tests.trace.test_limit import entry

NODES = 60
BATCH = 256  # steps packed at once
WAIT = 0.12  # seconds of a run that one commit stands for: 2,048 steps of 60 us


class Feed:
    """Writes what a run would, commit by commit."""

    def __init__(self, path: Path, limit: int | None, seed: int = 0) -> None:
        self.writer = TraceWriter(path, max_size=limit)
        self.draw = np.random.default_rng(seed)
        self.step = 0
        self.graph = 0
        # Statistics of a whole step of a larger net: some tens of kilobytes, as a training has them.
        entries = [(v, "v", entry(self.draw.normal(size=300))) for v in range(400)]
        self.values = encode(entries)
        self.picture = self.draw.bytes(100_000)
        self.writer.add_op(1, "mul")
        self.writer.add_spec(0, (3,), "float32", 12)
        self._new_graph()

    def _new_graph(self) -> None:
        nodes = np.zeros((NODES, schema.NODE_COLUMNS), np.int32)
        nodes[:, schema.OP], nodes[:, schema.PHASE] = 1, schema.FORWARD
        nodes[:, schema.PARAMS] = -1
        self.graph += 1
        self.writer.add_graph(self.graph, f"d{self.graph}", "train", -1, -1, nodes, [], [], [])
        self.writer.add_shape_set(self.graph, self.graph, [0] * NODES)
        self.writer.add_costs(self.graph, [3] * NODES, [24] * NODES)

    def add(self) -> None:
        """What a run has to say in ``WAIT`` seconds."""
        w, draw = self.writer, self.draw
        for _ in range(8):
            first = self.step
            ids = np.arange(first, first + BATCH)
            dur = draw.lognormal(7, 0.3, (BATCH, NODES)).astype(np.int64)
            begin = np.cumsum(dur + 300, 1) - dur
            wall = begin[:, -1] + dur[:, -1]
            steps = Plain(
                ids, ids, ids * 60_000, wall, np.full(BATCH, 2_000), 1 / (ids + 1.0), np.zeros(BATCH, np.int64),
                np.full(BATCH, 4_096),
            )  # fmt: skip
            w.add_plain("train", 1, 1, steps, begin, dur)
            self.step += BATCH
            w._put("INSERT OR REPLACE INTO tensors VALUES (?,?)", first + 1, self.values)
            for k in ids[::4].tolist():
                w.add_scalar("loss", k, 1 / (k + 1), k * 60_000)
        w.add_text("said", self.step, f"{self.step} steps so far", self.step * 60_000)
        w.add_media("picture", self.step, "image", self.picture, self.step * 60_000)
        # Evaluations on a graph that never comes again.
        self._new_graph()
        facts = Facts(
            self.step,
            self.step,
            self.graph,
            self.step * 60_000,
            10**6,
            10**4,
            0.5,
            0,
            None,
            0,
            None,
            True,
        )
        once = np.full((1, NODES), 2_000)
        w.add_steps("eval", self.graph, "ok", [facts], np.cumsum(once, 1), once)
        self.step += 1


def run(path: Path, limit: int, commits: int, pace: float) -> None:
    """Print how long commits took and how large the file was. pace: seconds from one to the next, once it is thinned."""
    feed = Feed(path, limit)
    took: list[tuple[float, float]] = []
    print(f"{'commits':>9}{'steps':>12}{'file':>12}{'worst commit':>14}{'its cpu':>9}{'median':>9}")
    largest, wall = 0, 0.0
    for k in range(1, commits + 1):
        feed.add()
        if feed.writer.limit._round is not None or feed.writer.limit.told.get("limit"):
            time.sleep(max(0.0, pace - (time.perf_counter() - wall)))
        wall, cpu = time.perf_counter(), time.process_time()
        feed.writer.commit()
        took.append((time.perf_counter() - wall, time.process_time() - cpu))
        largest = max(largest, path.stat().st_size)
        if k % max(1, commits // 20) == 0:
            part = took[-max(1, commits // 20) :]
            worst = max(part)
            middle = sorted(part)[len(part) // 2][0]
            now = bytes_(path.stat().st_size)
            print(
                f"{k:9,}{feed.step:12,}{now:>12}{worst[0] * 1e3:11.0f} ms{worst[1] * 1e3:6.0f} ms{middle * 1e3:6.0f} ms",
                flush=True,
            )
    wall = time.perf_counter()
    feed.writer.close()
    closed = time.perf_counter() - wall
    walls = sorted(wall for wall, _ in took)
    print(
        f"\nworst commit {walls[-1] * 1e3:.0f} ms, 99.9 %: {walls[int(len(walls) * 0.999)] * 1e3:.0f} ms, "
        f"99 %: {walls[int(len(walls) * 0.99)] * 1e3:.0f} ms, half: {walls[len(walls) // 2] * 1e3:.0f} ms; "
        f"closing {closed * 1e3:.0f} ms; load {os.getloadavg()[0]:.1f}"
    )
    print(
        f"file: at most {bytes_(largest)} of {bytes_(limit)}, {bytes_(path.stat().st_size)} at the end"
    )
    check(path)


def check(path: Path) -> None:
    """The file is whole; say what it says of itself."""
    with closing(sqlite3.connect(path)) as db, db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    began = time.perf_counter()
    with TraceReader(path) as reader:
        table = reader.steps("train")
        some = reader.step(int(table.num[len(table) // 2]))
        took = time.perf_counter() - began
        said = sentence(reader.header())
        print(
            f"opened in {took * 1e3:.0f} ms: {len(table):,} steps, the middle one has {len(some.dur_ns)} nodes"
        )
        print(said or "nothing was thinned")


def kills(folder: Path, limit: int, times: int) -> None:
    """Kill a writer at random moments, most of them while it thins; every file has to open."""
    draw = random.Random(0)
    thinned = 0
    for k in range(times):
        path = folder / f"killed-{k}.gscope"
        words = [sys.executable, "-m", __spec__.name, "--child", str(path), "--size", str(limit)]
        child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        child.stdout.readline()  # it has begun to thin
        time.sleep(draw.random() * 2)
        child.send_signal(signal.SIGKILL)
        child.wait()
        with closing(sqlite3.connect(path)) as db, db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], path
        with TraceReader(path) as reader:
            assert len(reader.steps("train")) and reader.damage is None, path
            thinned += sentence(reader.header()) is not None
        for left in folder.glob(f"{path.name}*"):
            left.unlink()
    print(f"{times} of {times} killed writers left a file that opens; {thinned} had been thinned")


def child(path: Path, limit: int) -> None:
    """Write for ever; say so when thinning begins."""
    feed, told = Feed(path, limit), False
    while True:
        feed.add()
        feed.writer.commit()
        if not told and feed.writer.limit._round is not None:
            told = True
            print("thinning", flush=True)


def main(argv: list[str] | None = None) -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="1 GiB", help="that the file may take (default: 1 GiB)")
    parser.add_argument(
        "--commits", type=int, default=4_000, help="(default: 4000, some gigabytes)"
    )
    parser.add_argument(
        "--pace",
        type=float,
        default=0.0,
        help=f"seconds between commits (a run's: {WAIT}; default: none)",
    )
    parser.add_argument("--kills", type=int, metavar="N", help="kill N writers instead")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="where to write (default: a temporary one)")
    args = parser.parse_args(argv)
    limit: Any = size(args.size)
    if args.child is not None:
        child(args.child, limit)
        return
    folder = Path(tempfile.mkdtemp(dir=args.folder))
    try:
        if args.kills:
            kills(folder, limit, args.kills)
        else:
            run(folder / "run.gscope", limit, args.commits, args.pace)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
