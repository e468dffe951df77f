"""Objects through a socket: arrays travel beside the pickle, so they are not copied into it."""

from __future__ import annotations

import pickle
import socket
import struct
from typing import Any

import numpy as np

_HEAD = struct.Struct("=QI")


def pack(value: Any) -> list[Any]:
    """A message as the pieces to send, one after the other."""
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    raw = [b.raw() for b in buffers]
    sizes = struct.pack(f"={len(raw)}Q", *[r.nbytes for r in raw])
    return [_HEAD.pack(len(body), len(raw)) + sizes + body, *raw]


def send(sock: socket.socket, value: Any) -> None:
    """Send a message; waits until it is gone."""
    for piece in pack(value):
        sock.sendall(piece)


def receive(sock: socket.socket) -> Any:
    """The next message. Raises: EOFError if the other side is gone."""
    length, count = _HEAD.unpack(_exactly(sock, _HEAD.size))
    sizes = struct.unpack(f"={count}Q", _exactly(sock, 8 * count)) if count else ()
    body = _exactly(sock, length)
    return pickle.loads(body, buffers=[_exactly(sock, n) for n in sizes])


def _exactly(sock: socket.socket, n: int) -> Any:
    """n bytes, in memory that becomes the array's own."""
    buffer = np.empty(n, np.uint8)
    view, got = buffer.data, 0
    while got < n:
        k = sock.recv_into(view[got:])
        if not k:
            raise EOFError
        got += k
    return buffer
