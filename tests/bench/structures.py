"""Structures that never repeat, and very large ones: ``python -m tests.bench.structures``.

A step that repeats is only compared; one that does not is described. What that costs per op, over recording
off and over a step of as many ops that repeats; whether it grows with the number of graphs or with the size of a
step; what the file takes; and what a reader that looks on costs the program.
"""

from __future__ import annotations

import os

for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse  # noqa: E402
import random  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from time import perf_counter, process_time  # noqa: E402
from typing import Any  # noqa: E402

import graphscope as gs  # noqa: E402

Step = Callable[[int], Any]


def _leaf(*shape: int) -> Any:
    return gs.ones(*shape).mul(0.1).requires_grad_()


def random_depth() -> Step:
    """A net of which each step takes other layers, 20 to 40 of them.

    They are drawn by one call a step: what a program does beside its ops is in the time of each of them.
    """
    draw = random.Random(0)
    w = [_leaf(8, 8) for _ in range(8)]
    x = gs.ones(4, 8)
    ways: list[Any] = [lambda h: h.tanh(), lambda h: h.relu(), lambda h: h * 0.5, lambda h: h + 1]

    def step(k: int) -> Any:
        h = x
        for way in draw.randbytes(draw.randint(20, 40)):
            h = ways[way & 3](h.mm(w[way >> 5]))
        h.sum().backward()
        for p in w:
            p.grad = None

    return step


def unrolled() -> Step:
    """A recurrent net over sequences of 5 to 500 steps, no two lengths alike before all came up."""
    draw = random.Random(0)
    w, u = _leaf(8, 8), _leaf(8, 8)
    x = gs.ones(4, 8)
    lengths: list[int] = []

    def step(k: int) -> Any:
        if not lengths:
            lengths.extend(range(5, 100))
            draw.shuffle(lengths)
        h = x
        for _ in range(lengths.pop()):
            h = (h.mm(w) + x.mm(u)).tanh()
        h.sum().backward()
        w.grad = u.grad = None

    return step


def tree() -> Step:
    """A net over random binary trees of 30 leaves."""
    draw = random.Random(0)
    w = _leaf(8, 8)
    x = gs.ones(1, 8)

    def node(leaves: int) -> Any:
        if leaves == 1:
            return x
        left = draw.randint(1, leaves - 1)
        return (node(left).mm(w) + node(leaves - left).mm(w)).tanh()

    def step(k: int) -> Any:
        node(30).sum().backward()
        w.grad = None

    return step


def repeating() -> Step:
    """As many ops, the same in every step."""
    w = [_leaf(8, 8) for _ in range(10)]
    x = gs.ones(4, 8)

    def step(k: int) -> Any:
        h = x
        for i in range(30):
            h = h.mm(w[i % 10]).tanh()
        h.sum().backward()
        for p in w:
            p.grad = None

    return step


def large(ops: int) -> Step:
    """One step of so many ops."""
    w = _leaf(4)

    def step(k: int) -> Any:
        h = w
        for _ in range(ops // 2 - 1):
            h = h * 0.999
        h.sum().backward()
        w.grad = None

    return step


PROGRAMS: dict[str, Callable[[], Step]] = {
    "repeating": repeating, "random depth": random_depth, "unrolled": unrolled, "tree": tree,
}  # fmt: skip


def run(step: Step, n: int, path: Path | None, warm: int = 3) -> dict[str, float]:
    """Processor seconds (all threads) and wall seconds of ``n`` steps, and what became of them in the file."""
    profile = None if path is None else gs.profile(path, values="off")
    if profile is not None:
        profile.start()
    for k in range(warm):
        step(k)
    if profile is not None:
        profile.flush()
    cpu, wall = process_time(), perf_counter()
    for k in range(n):
        step(warm + k)
    looped = perf_counter() - wall
    if profile is None:
        return {"cpu": process_time() - cpu, "wall": looped, "ops": 0, "bytes": 0, "graphs": 0}
    profile.flush()
    cpu, wall = process_time() - cpu, perf_counter() - wall
    profile.stop()
    from graphscope.trace.reader import TraceReader

    assert profile.path is not None
    with TraceReader(profile.path) as reader:
        graphs = reader.steps("train").graph
        sizes = {int(g): reader.graph(int(g)).n for g in set(graphs.tolist())}
        ops = sum(sizes[int(g)] for g in graphs)
        steps = len(graphs)
    assert steps == n + warm, f"{steps} of {n + warm} steps are in the trace"
    size = profile.path.stat().st_size
    return {
        "cpu": cpu, "wall": looped, "flush": wall - looped, "ops": ops * n / (n + warm), "bytes": size,
        "graphs": len(sizes),
    }  # fmt: skip


def compare(folder: Path, n: int) -> None:
    """Cost per recorded op of each program, over recording off and over the one that repeats."""
    print(
        f"{'':16}{'ops':>9}{'graphs':>8}{'µs/op off':>11}{'on':>8}{'on/off':>8}{'/ repeating':>13}{'B/op':>8}"
    )
    least = 0.0
    for name, make in PROGRAMS.items():
        best: Any = None
        for turn in range(3):
            on = run(make(), n, folder / f"{name}{turn}")
            off = run(make(), n, None)
            each = on["cpu"] / on["ops"] * 1e6, off["cpu"] / on["ops"] * 1e6
            if best is None or each[0] < best[0][0]:
                best = each, on
        (with_it, without), on = best
        least = least or with_it
        print(
            f"{name:16}{on['ops']:9.0f}{on['graphs']:8.0f}{without:11.2f}{with_it:8.2f}{with_it / without:8.2f}"
            f"{with_it / least:13.2f}{on['bytes'] / on['ops']:8.1f}"
        )


def growth(folder: Path) -> None:
    """Whether an op costs more where there are more of them: in one step, or in more graphs."""
    print("\none step of many ops, processor µs per op (recorded twice: described, then compared)")
    for ops in (1_000, 10_000, 50_000):
        found = [
            run(large(ops), n, folder / f"large{ops}-{n}", warm=w) for n, w in ((1, 0), (4, 4))
        ]
        print(f"{ops:9}" + "".join(f"{f['cpu'] / f['ops'] * 1e6:9.2f}" for f in found))
    print(
        "\nmany graphs, all different: processor µs per op of each quarter of a run, MB of the process"
    )
    step = random_depth()
    with gs.profile(folder / "many", values="off") as profile:
        for quarter in range(4):
            before = profile._recorder.names.count  # type: ignore[union-attr]
            cpu = process_time()
            for k in range(GRAPHS // 4):
                step(k)
            profile.flush()
            cpu = process_time() - cpu
            graphs = profile._recorder.names.count - before  # type: ignore[union-attr]
            print(
                f"{quarter:9}{cpu / (graphs * 125) * 1e6:9.2f} (about), {graphs} graphs, {resident():.0f} MB"
            )
    assert profile.path is not None
    print(
        f"          file: {profile.path.stat().st_size / 1e6:.1f} MB, {profile._pump.dropped} steps dropped"
    )  # type: ignore[union-attr]


GRAPHS = 20_000  # different ones


def resident() -> float:
    """Megabytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


READER = """
import sys, time
from graphscope.trace.reader import TraceReader
reader = TraceReader(sys.argv[1])
seen = None
while True:
    now = reader.revision()
    if now != seen:
        seen = now
        reader.steps("train")
        reader.step(-1)
    time.sleep(0.25)
"""


def watched(folder: Path) -> None:
    """The chain of tiny ops and the two-layer step, alone and with a reader in another process."""
    from statistics import median

    from tests.bench import programs

    print(
        "\na reader looks on (revision, steps, the last step; four times a second): processor time, on / off"
    )
    for name in ("chain", "two_layer"):
        step = getattr(programs, name)(gs)
        profile = gs.profile(folder / f"watched-{name}", values="off")
        profile.start()
        from graphscope.engine import dispatch

        recorder = dispatch.set_recorder(None)
        ratios: dict[bool, list[float]] = {False: [], True: []}
        for turn in range(12):
            reads = turn % 2 == 1
            reader = None
            if reads:
                words = [sys.executable, "-c", READER, str(profile.path)]
                reader = subprocess.Popen(words)
            took = {}
            for on in (False, True):
                dispatch.set_recorder(recorder if on else None)
                step()
                began, n, end = process_time(), 0, perf_counter() + 0.6
                while perf_counter() < end:
                    step()
                    n += 1
                dispatch.set_recorder(None)
                profile.flush()
                took[on] = (process_time() - began) / n
            ratios[reads].append(took[True] / took[False])
            if reader is not None:
                assert reader.poll() is None, "the reader failed"
                reader.kill()
                reader.wait()
        profile.stop()
        print(f"  {name:12} alone {median(ratios[False]):.3f}, read {median(ratios[True]):.3f}")


def main(argv: list[str] | None = None) -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=400, help="of each program (default: 400)")
    parser.add_argument("--only", choices=["compare", "growth", "watched"])
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        if args.only in (None, "compare"):
            compare(Path(folder), args.steps)
        if args.only in (None, "growth"):
            growth(Path(folder))
        if args.only in (None, "watched"):
            watched(Path(folder))


if __name__ == "__main__":
    main()
