"""A worker process: makes batches for the training process and knows who it is."""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphscope.engine import dispatch
from graphscope.ops.random import manual_seed
from graphscope.utils.data import wire
from graphscope.utils.data.fetch import Exhausted, Fetcher

ALIVE_EVERY = 5.0  # seconds between looks whether the training process still lives
AGAIN = -1  # the number of a task that is no batch: begin the next pass
END = "end"  # a worker's answer when its part of an iterable dataset is used up


@dataclass
class WorkerInfo:
    """Which worker this is: its number, how many there are, its seed, its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker process: which one it is. In the training process: None."""
    return _info


class Failure:
    """An exception of a worker, as it travels: its type if that can travel, and its traceback as text."""

    def __init__(self, error: BaseException, where: str) -> None:
        kind = type(error)
        # A class that was made inside a function cannot be found again on the other side.
        self.kind = kind if getattr(sys.modules.get(kind.__module__), kind.__qualname__, 0) is kind else None  # fmt: skip
        text = "".join(traceback.format_exception(kind, error, error.__traceback__))
        self.message = f"{kind.__name__} {where}. There:\n{text}"

    def error(self) -> Exception:
        """The exception to raise in the training process."""
        if self.kind is KeyError:
            return _KeyErrorOfWorker(self.message)
        if self.kind is not None and issubclass(self.kind, Exception):
            try:
                made: Exception = self.kind(self.message)
                return made
            except Exception as failed:  # a class that wants other arguments than a text
                return RuntimeError(f"{self.message}\n(It cannot be made again here: {failed})")
        return RuntimeError(self.message)


class _KeyErrorOfWorker(KeyError):
    """A KeyError whose text keeps its line breaks."""

    __str__ = Exception.__str__


def run(
    sock: socket.socket, number: int, workers: int, seed: int, dataset: Any, batched: bool,
    collate_fn: Any, drop_last: bool, init: Callable[[int], Any] | None, inherited: list[Any], parent: int,
) -> None:  # fmt: skip
    """The life of a worker: answer tasks until the training process closes the socket or dies."""
    global _info
    dispatch.set_recorder(None)  # a fork inherits the recorder, and its file belongs to the parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the training process's to handle
    for other in inherited:
        other.close()  # else a sibling would keep a dead parent's socket open
    where = f"in worker {number} of a DataLoader"
    broken: Failure | None = None
    fetcher: Fetcher | None = None
    try:
        random.seed(seed)
        manual_seed(seed)
        np.random.seed([seed & 0xFFFFFFFF, number])
        _info = WorkerInfo(number, workers, seed, dataset)
        if init is not None:
            init(number)
        fetcher = Fetcher(dataset, batched, collate_fn, drop_last)
    except Exception as error:
        broken = Failure(error, where)
    try:
        while _wait(sock, parent):
            task = wire.receive(sock)
            if task is None:
                return
            k, numbers = task
            if k == AGAIN:
                try:
                    fetcher = Fetcher(dataset, batched, collate_fn, drop_last)
                    broken = None
                except Exception as error:
                    broken = Failure(error, where)
                continue
            answer(sock, k, fetcher, numbers, broken, where)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the training process is gone, or does not want more


def answer(
    sock: socket.socket, k: int, fetcher: Fetcher | None, numbers: Any, broken: Failure | None, where: str
) -> None:  # fmt: skip
    """Make a batch and send it, or what went wrong."""
    batch: Any = broken
    if fetcher is not None and broken is None:
        try:
            batch = fetcher.fetch(numbers)
        except Exhausted:
            batch = END
        except Exception as error:
            batch = Failure(error, where)
    try:
        pieces = wire.pack((k, batch))
    except Exception as error:
        pieces = wire.pack((k, Failure(error, f"{where}, sending the batch")))
    for piece in pieces:
        sock.sendall(piece)


def _wait(sock: socket.socket, parent: int) -> bool:
    """Wait for a task; False if the training process died without a word."""
    while not select.select([sock], [], [], ALIVE_EVERY)[0]:
        if os.getppid() != parent:
            return False
    return True
