"""A small server around Graphviz: DOT text in, ``plain`` text out, one process for many graphs.

Graphviz holds the interpreter lock while it works and is C code that may run away on a hard graph;
in a process of its own it can be killed. A frame is four bytes of length and UTF-8 text; an empty
answer means that this graph could not be laid out. Started by ``view.dot`` by its path, not with
``-m``, so that importing it does not import the rest of the package.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import IO


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next frame, or None when the other side is gone."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    size = struct.unpack(">I", head)[0]
    body = stream.read(size)
    return body if len(body) == size else None


def write_frame(stream: IO[bytes], body: bytes) -> None:
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def serve(source: IO[bytes], sink: IO[bytes]) -> None:
    """Answer frames until the source ends; says ``ready`` first."""
    # ``sys.path[0]`` is this folder when we are run by path: our modules must not hide others.
    if sys.path and os.path.abspath(sys.path[0]) == os.path.dirname(os.path.abspath(__file__)):
        del sys.path[0]
    import pygraphviz

    write_frame(sink, b"ready")
    while (request := read_frame(source)) is not None:
        try:
            graph = pygraphviz.AGraph(request.decode("utf-8"))
            answer = bytes(graph.draw(format="plain", prog="dot"))
            graph.close()
        except Exception:  # a graph that Graphviz refuses must not end the server
            answer = b""
        write_frame(sink, answer)


if __name__ == "__main__":
    # Graphviz may print to file descriptor 1: answers go out through a private copy of it.
    private = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, private)
