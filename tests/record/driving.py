"""A training in this thread, and in another one somebody who commands it through the file."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import graphscope as gs
from graphscope import nn, optim
from graphscope.errors import TraceError
from graphscope.trace import commands
from graphscope.trace.reader import TraceReader

PATIENCE = 20.0


class Driver:
    """Sends commands, waits for what becomes of them, and reads what the program says of itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reader = TraceReader(path)

    def send(self, kind: str, **data: Any) -> str:
        """The command's status, when it has one."""
        return self.answer(commands.send(self.path, kind, data))

    def answer(self, id: int) -> str:
        end = time.monotonic() + PATIENCE
        while (status := commands.status(self.path, id)) == "new":
            assert time.monotonic() < end, f"command {id} was not answered"
            time.sleep(0.005)
        return status

    @property
    def control(self) -> dict[str, Any]:
        return json.loads(self.reader.header()["control"])

    def until(self, test: Callable[[dict[str, Any]], bool], what: str = "") -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while not test(now := self.control):
            assert time.monotonic() < end, f"{what or 'it'} did not come about: {now}"
            time.sleep(0.005)
        return now

    def paused(self) -> dict[str, Any]:
        """Where it stands, once it does."""
        return self.until(lambda c: c["state"] == "paused", "a pause")["at"]

    def go(self, kind: str, **data: Any) -> dict[str, Any]:
        """Send a command after which the program stands again somewhere, and say where."""
        before = self.control["rev"]
        status = self.send(kind, **data)
        assert status.startswith("done"), status
        return self.until(lambda c: c["state"] == "paused" and c["rev"] > before and c["at"])["at"]


def network() -> Any:
    gs.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))


class Training:
    """What a run gave: the weights of every step, the driver's result, the path."""

    def __init__(self) -> None:
        self.weights: list[list[Any]] = []
        self.path: Path | None = None
        self.result: Any = None
        self.profile: Any = None
        self.after_block = False


def train(
    folder: Path,
    drive: Callable[[Driver], Any] | None = None,
    steps: int = 400,
    name: str = "run",
    body: Callable[..., Any] | None = None,
    pace: float = 0.002,
    net: Any = None,
    **options: Any,
) -> Training:
    """Train until the driver is through, however many steps that takes; without one, ``steps``."""
    net = net or network()
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    x, y = gs.randn(16, 8), gs.randint(0, 3, (16,))
    out, problems, through = Training(), [], threading.Event()
    options.setdefault(
        "resume_after", 60 if options.get("control", drive is not None) is True else None
    )
    options.setdefault("control", drive is not None)
    if not options["control"]:
        options.pop("resume_after")

    def run(path: Path) -> None:
        try:
            assert drive is not None
            out.result = drive(Driver(path))
        except BaseException as problem:
            problems.append(problem)
        finally:
            through.set()
            with contextlib.suppress(TraceError):  # it may stand: nobody else would let it go
                commands.send(path, "resume")

    with gs.profile(folder / name, **options) as p:
        p.watch(net, "net")
        out.path, out.profile = p.path, p
        thread = threading.Thread(target=run, args=(p.path,), daemon=True)
        if drive is not None:
            thread.start()
        for k in range(steps) if drive is None else itertools.count():
            if drive is not None and through.is_set():
                break
            optimizer.zero_grad()
            if body is None:
                loss = nn.functional.cross_entropy(net(x), y)
            else:
                loss = body(net, x, y, k)
            loss.backward()
            optimizer.step()
            out.weights.append([v.detach().numpy().copy() for v in net.parameters()])
            if pace:
                time.sleep(pace)
    out.after_block = True
    if drive is not None:
        thread.join(PATIENCE)
    if problems:
        raise problems[0]
    return out
