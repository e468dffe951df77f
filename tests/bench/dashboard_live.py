"""What a page costs and shows while a program trains: latency of a step, start of a script, slowdown."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from graphscope.trace.reader import TraceReader
from graphscope.webapp.__main__ import LOADING
from graphscope.webapp.launch import Dashboard, dashboard
from tests.bench.browser import Bench, seen_after

HOME = "[data-card=parts] table"
# Digits, as most people would write it; argv: trace, seconds of sleep after a step, "board" to open a dashboard.
TRAINING = """
import sys, time
import graphscope as gs
from graphscope import nn, optim
from graphscope.datasets import digits
path, pause, board = sys.argv[1], float(sys.argv[2]), sys.argv[3:] == ["board"]
x, y, _, _ = digits()
net = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
loss_of, optimizer = nn.CrossEntropyLoss(), optim.SGD(net.parameters(), lr=0.01)
with gs.profile(path) as p:
    p.watch(net, "net")
    if board:
        print(gs.dashboard(p.path.parent).url, flush=True)
    for k in range(1_000_000):
        optimizer.zero_grad()
        loss = loss_of(net(x[:64]), y[:64])
        loss.backward()
        optimizer.step()
        if pause:
            time.sleep(pause)
"""


# How a BLAS is told to work in one thread: it else takes all processors, and its threads wait for each other.
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "BLIS")}


@contextmanager
def training(
    bench: Bench, pause: float = 0.0, board: bool = False, one_thread: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """A program that records ``training``; killed and forgotten at the end."""
    file = bench.runs / "train.py"
    file.write_text(TRAINING)
    command = [sys.executable, str(file), str(bench.runs / "training"), str(pause)]
    program = subprocess.Popen(
        command + ["board"] * board,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | (ONE_THREAD if one_thread else {}),
    )
    try:
        yield program
    finally:
        program.kill()
        program.communicate()
        bench.forget("training")


def wait_for(file: Path) -> None:
    until = time.monotonic() + 30
    while not file.exists():
        if time.monotonic() > until:
            raise RuntimeError("the program wrote no trace")
        time.sleep(0.02)


STEPS_BACK = LOADING + 1  # seconds until a dashboard beside a training lets others go first
WATCH = """() => {
  const seen = (window.gsSeen = new Map());
  const look = () => {
    const text = document.querySelector("#step b"), step = text ? Number(text.textContent) : -1;
    if (step >= 0 && !seen.has(step)) seen.set(step, Date.now());
    requestAnimationFrame(look);
  };
  look();
}"""


def live_step(bench: Bench) -> float:
    """From the end of a step in the program to the frame with its number, ten steps a second: the 95th percentile.

    A step that was never shown by its own number counts from its end to the frame with a later one.
    """
    with training(bench, 0.1), bench.context() as context:
        wait_for(bench.runs / "training.gscope")
        page = context.new_page()
        page.goto(bench.url + "/home?run=training")
        page.locator(HOME).wait_for(timeout=30_000)
        page.evaluate(WATCH)
        page.wait_for_timeout(5000)
        seen = page.evaluate("() => [...window.gsSeen]")
        with TraceReader(bench.runs / "training.gscope") as reader:
            begin, table = int(reader.header()["t0_unix_ns"]) / 1e6, reader.steps("train")
            ended = dict(
                zip(
                    table.num.tolist(),
                    (begin + (table.t0_ns + table.wall_ns) / 1e6).tolist(),
                    strict=True,
                )
            )
    shown = sorted(seen)[1:]  # the first was there when we began to look
    late, before = [], sorted(seen)[0][0]
    for step, at in shown:
        late += [at - ended[k] for k in range(before + 1, step + 1) if k in ended]
        before = step
    if len(late) < 20:
        raise RuntimeError(f"only {len(late)} steps were seen")
    return float(np.percentile(late, 95))


def first_picture(bench: Bench) -> float:
    """From ``python train.py`` to its live graph and numbers; the script opens the dashboard itself.

    The browser runs already, the page is new: nothing is in its cache.
    """
    with bench.context() as context:
        page = context.new_page()
        begin = time.perf_counter()
        with training(bench, 0.02, board=True) as program:
            assert program.stdout is not None
            url = program.stdout.readline().strip()
            page.goto(f"{url}home?run=training", wait_until="commit")
            page.wait_for_function(
                "() => window.gs && gs.card && gs.card.last_step >= 0"
                " && document.querySelector('[data-card=parts] table')"
            )
            return 1e3 * (time.perf_counter() - begin)


def address_known(bench: Bench) -> float:
    """Part of ``first``: from ``python train.py`` to the dashboard's address; a browser may ask from then on."""
    begin = time.perf_counter()
    with training(bench, 0.02, board=True) as program:
        assert program.stdout is not None
        program.stdout.readline()
        return 1e3 * (time.perf_counter() - begin)


def first_on_open_page(bench: Bench) -> float:
    """From ``python train.py`` to a step on a page that was open before."""
    with bench.page("/home?run=digits_like", HOME) as page:
        begin = time.perf_counter()
        with training(bench, 0.02):
            seen_after(
                page,
                "() => gs.set({ run: 'training' })",
                "() => gs.card && gs.card.run === 'training' && gs.card.last_step >= 0"
                " && document.querySelector('[data-card=parts] table')",
            )
            return 1e3 * (time.perf_counter() - begin)


BLOCK = 3.0  # seconds with the page, then as long without
SETTLE = 1.0  # seconds before each: a tab that is shown asks for everything once
PAIRS = 6


@contextmanager
def beside(bench: Bench) -> Iterator[Dashboard]:
    """The dashboard as a script opens it, in a process of its own that lets others go first."""
    board = dashboard(bench.runs)
    try:
        yield board
    finally:
        board.stop()


def slowdown(bench: Bench, processor: bool = False, one_thread: bool = False) -> float:
    """How much longer a step takes with Home open, in percent: the median over neighbouring blocks.

    The page is there all the time; in every other block it is hidden as a tab in the background is, and asks
    nothing. So both kinds of block have the same browser and server, and a busy machine slows neighbours alike.
    ``processor``: of the program's processor time a step, which neighbours who want the same core do not change.
    ``one_thread``: its BLAS works in one thread, so that of two processors one is left for the page. Else its
    threads fill all of them, and each millisecond that browser and server take is one that the others wait.
    """
    with (
        training(bench, one_thread=one_thread) as program,
        beside(bench) as board,
        bench.context() as context,
    ):
        wait_for(bench.runs / "training.gscope")
        page = context.new_page()
        page.goto(board.url + "home?run=training")
        page.locator(HOME).wait_for(timeout=30_000)
        page.wait_for_timeout(1000 * STEPS_BACK)
        blocks: list[tuple[float, float, float]] = []
        for k in range(2 * PAIRS):
            _show(page, k % 2 == 0)
            page.wait_for_timeout(1000 * SETTLE)
            begin, used = time.time_ns(), _used(program.pid)
            page.wait_for_timeout(1000 * BLOCK)
            blocks.append((begin, time.time_ns(), _used(program.pid) - used))
        with TraceReader(bench.runs / "training.gscope") as reader:
            zero, table = int(reader.header()["t0_unix_ns"]), reader.steps("train")
    began = table.t0_ns + zero
    periods = []
    for first, last, used in blocks:
        inside = began[(began >= first) & (began < last)]
        periods.append(used / len(inside) if processor else float(np.diff(inside).mean()))
    ratios = [a / b for a, b in zip(periods[::2], periods[1::2], strict=True)]
    return 100 * (statistics.median(ratios) - 1)


WATCHED = 10.0  # seconds


def watching(bench: Bench, page_name: str, ready: str) -> float:
    """Processor time that browser and server spend a second on a page that watches fifty steps a second, in ms.

    It is what an open page takes from a training where processors are short. On a machine with neighbours it is
    steadier than the slowdown itself. What drives the browser (playwright's own process, and this one) is left out.
    """
    with training(bench, 0.02) as program, beside(bench) as board, bench.context() as context:
        wait_for(bench.runs / "training.gscope")
        page = context.new_page()
        page.goto(f"{board.url}{page_name}?run=training")
        page.locator(ready).first.wait_for(timeout=60_000)
        page.wait_for_timeout(1000 * STEPS_BACK)
        begin, used = time.perf_counter(), _family(os.getpid(), program.pid)
        page.wait_for_timeout(1000 * WATCHED)
        spent = _family(os.getpid(), program.pid) - used
        return 1e3 * spent / (time.perf_counter() - begin)


def _family(pid: int, without: int) -> float:
    """Seconds of processor time of all that a process has started, but for one and for what drives the browser."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            parents[int(entry.name)] = int(
                (entry / "stat").read_text().rpartition(")")[2].split()[1]
            )
    mine, known = {pid}, 0
    while len(mine) > known:
        known = len(mine)
        mine |= {child for child, parent in parents.items() if parent in mine and child != without}
    total = 0.0
    for one in mine - {pid}:
        with suppress(OSError):
            name = (Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0")[0]).rpartition(b"/")[2]
            total += 0.0 if name == b"node" else _used(one)
    return total


def _used(pid: int) -> float:
    """Seconds of processor time of a process so far. Source: proc_pid_stat(5), fields 14 and 15."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _show(page: Page, shown: bool) -> None:
    page.evaluate(
        "shown => { Object.defineProperty(document, 'hidden', { configurable: true, get: () => !shown });"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        shown,
    )
