"""The training process's side of the workers: hands out tasks, brings the batches back in order."""

from __future__ import annotations

import multiprocessing
import os
import selectors
import signal
import socket
import sys
import time
import warnings
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Any

from graphscope.errors import GraphScopeError
from graphscope.utils.data import wire, worker

GRACE = 2.0  # seconds that a worker gets to finish the sample it is at, when it is told to stop
_ours: weakref.WeakSet[socket.socket] = weakref.WeakSet()  # what a forked worker must not keep open


class WorkerError(GraphScopeError, RuntimeError):
    """A worker process died or did not answer in time."""


def context(given: Any) -> Any:
    """How processes are started: as told, else by fork on Linux (programs need no main guard), else spawn."""
    if given is not None and not isinstance(given, str):
        return given
    return multiprocessing.get_context(given or ("fork" if sys.platform == "linux" else "spawn"))


class _Worker:
    def __init__(self, loader: Any, number: int, seed: int) -> None:
        method = context(loader.multiprocessing_context)
        self.sock, other = socket.socketpair()
        self.out: deque[memoryview] = deque()  # what still has to be written to it
        self.ended = False
        forks = method.get_start_method() == "fork"
        self.process = method.Process(
            target=worker.run,
            args=(
                other, number, loader.num_workers, seed, loader.dataset, loader._batched, loader.collate_fn,
                loader.drop_last, loader.worker_init_fn, [*_ours, self.sock] if forks else [], os.getpid(),
            ),
            daemon=True,
        )  # fmt: skip
        with warnings.catch_warnings():
            # Python warns of forking beside threads: the recorder's writer is one, and a worker never uses it.
            warnings.filterwarnings(
                "ignore", "This process .* is multi-threaded", DeprecationWarning
            )
            self.process.start()
        other.close()
        _ours.add(self.sock)

    def died(self) -> str:
        """How the process ended, in words."""
        self.process.join(1.0)
        code = self.process.exitcode
        pid = self.process.pid
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            hint = "; the system ends processes so when memory runs out" if -code == 9 else ""
            return f"DataLoader: {name} ended a worker process (pid {pid}){hint}"
        return f"DataLoader: a worker process (pid {pid}) left with exit code {code} in the middle of its work"


class Pool:
    """One pass over a loader by its workers (several, if they persist)."""

    def __init__(self, loader: Any, numbers: Iterator[Any], seed: int) -> None:
        # Not the loader itself: it may keep this pool for its next pass, and a cycle would outlive both.
        self._ahead = loader.prefetch_factor * loader.num_workers
        self._timeout = loader.timeout or None
        self._in_order = loader.in_order
        self.passes = 0
        self._pid = os.getpid()
        self._selector = selectors.DefaultSelector()
        self._workers: list[_Worker] = []
        try:
            for i in range(loader.num_workers):
                w = _Worker(loader, i, seed + i)
                self._workers.append(w)
                self._selector.register(w.sock, selectors.EVENT_READ, w)
        except BaseException:
            self.close()
            raise
        self._begin(numbers)

    def _begin(self, numbers: Iterator[Any]) -> None:
        self._numbers = numbers
        self.passes += 1
        self._sent = self._taken = 0
        self._pending: dict[int, _Worker] = {}
        self._ready: dict[int, Any] = {}
        self._turn = 0
        for w in self._workers:
            w.ended = False
        for _ in range(self._ahead):
            self._hand_out()

    @property
    def alive(self) -> bool:
        """Whether the workers are there."""
        return bool(self._workers)

    def again(self, numbers: Iterator[Any]) -> None:
        """Begin the next pass with the same workers."""
        while self._pending:
            self._move(None)  # batches of a pass that was left early
        for w in self._workers:
            self._post(w, (worker.AGAIN, None))
        self._begin(numbers)

    # ---------------------------------------------------------------- tasks

    def _hand_out(self) -> None:
        for _ in self._workers:
            w = self._workers[self._turn]
            self._turn = (self._turn + 1) % len(self._workers)
            if not w.ended:
                break
        else:
            return
        try:
            numbers = next(self._numbers)
        except StopIteration:
            return
        self._pending[self._sent] = w
        self._post(w, (self._sent, numbers))
        self._sent += 1

    def _post(self, w: _Worker, message: Any) -> None:
        w.out.extend(memoryview(piece).cast("B") for piece in wire.pack(message))
        self._flush(w)

    def _flush(self, w: _Worker) -> None:
        """Write what fits: never wait here, the worker may be waiting for us to read."""
        w.sock.setblocking(False)
        try:
            while w.out:
                n = w.sock.send(w.out[0])
                if n == len(w.out[0]):
                    w.out.popleft()
                else:
                    w.out[0] = w.out[0][n:]
        except BlockingIOError:
            pass  # full: the selector says when there is room
        except (BrokenPipeError, ConnectionResetError):
            w.out.clear()  # it died; reading finds out how
        finally:
            w.sock.setblocking(True)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if w.out else 0)
        self._selector.modify(w.sock, events, w)

    # ---------------------------------------------------------------- batches

    def next(self) -> Any:
        """The next batch in order. Raises: what a worker raised, WorkerError for a dead or late one."""
        while True:
            k = self._taken if self._in_order else next(iter(self._ready), -1)
            if k in self._ready:
                answer = self._ready.pop(k)
                self._taken += 1
                self._hand_out()
                if isinstance(answer, worker.Failure):
                    raise answer.error()
                if isinstance(answer, str) and answer == worker.END:
                    continue
                return answer
            if not self._pending:
                raise StopIteration
            self._move(self._timeout)

    def _move(self, timeout: float | None) -> None:
        """Wait for news from the workers and take it in."""
        news = self._selector.select(timeout)
        if not news:
            raise WorkerError(
                f"DataLoader: no worker delivered a batch within timeout={timeout} seconds. Give a longer "
                "timeout, or look at what the dataset does"
            )
        for key, events in news:
            w = key.data
            if events & selectors.EVENT_WRITE:
                self._flush(w)
            if events & selectors.EVENT_READ:
                try:
                    k, answer = wire.receive(w.sock)
                except (EOFError, ConnectionResetError) as gone:
                    words = w.died()
                    self.close()
                    raise WorkerError(f"{words}.") from gone
                del self._pending[k]
                self._ready[k] = answer
                if isinstance(answer, str) and answer == worker.END:
                    w.ended = True

    # ---------------------------------------------------------------- the end

    def close(self) -> None:
        """Stop the workers; one that does not listen is ended."""
        if os.getpid() != self._pid:
            return  # a forked copy of this object: the workers are the parent's
        workers, self._workers = self._workers, []
        for w in workers:
            w.sock.close()  # a worker that waits, or writes, finds that we are gone
        self._selector.close()
        until = time.monotonic() + GRACE
        for w in workers:
            w.process.join(max(0.0, until - time.monotonic()))
            if w.process.is_alive():
                w.process.terminate()
                w.process.join(1.0)
            if w.process.is_alive():
                w.process.kill()
                w.process.join()
        self._pending, self._ready = {}, {}

    def __del__(self) -> None:
        if self.__dict__.get("_workers"):
            self.close()
