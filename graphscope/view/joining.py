"""The lines of a whole picture: pieces from many levels put together to one smooth spline each, all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from graphscope.view.level import Floats, Longs, Placed, Point

Piece = tuple[int, int]
"""A level and the number of a wire on it."""


@dataclass
class Lines(Sequence[tuple[Point, ...]]):
    """Splines (one point and then triples), as points of all and where those of each begin."""

    points: Floats
    starts: Longs

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, k: int) -> tuple[Point, ...]:  # type: ignore[override]
        return tuple(map(tuple, self.points[self.starts[k] : self.starts[k + 1]].tolist()))

    def __iter__(self) -> Iterator[tuple[Point, ...]]:
        points = list(map(tuple, self.points.tolist()))
        ends = self.starts.tolist()
        for a, b in zip(ends, ends[1:], strict=False):
            yield tuple(points[a:b])


def joined(
    placed: Sequence[tuple[Placed, Point]], pieces: Sequence[list[Piece]], ends: Floats
) -> Lines:
    """One line for each list of pieces.

    Shapes: ``ends`` [lines, 4], x and y of both ends. Where there are pieces only the heights are looked at: a line
    runs on straight to its card. Without pieces it is an S curve to the side.
    """
    offsets = np.array([shift for _, shift in placed])
    sizes = np.array([len(one.points) for one, _ in placed])
    points = np.concatenate([one.points for one, _ in placed]) + np.repeat(offsets, sizes, axis=0)
    # Where each wire's points begin and end among those of all levels.
    base = np.concatenate(([0], np.cumsum(sizes)))[:-1]
    wires = [len(one.starts) - 1 for one, _ in placed]
    wire_base = np.concatenate(([0], np.cumsum(wires)))
    begin = np.concatenate(
        [one.starts[:-1] + at for (one, _), at in zip(placed, base, strict=True)]
    )
    stop = np.concatenate([one.starts[1:] + at for (one, _), at in zip(placed, base, strict=True)])

    many = len(pieces)
    count = np.fromiter(map(len, pieces), np.int64, many)
    flat = np.array([p for own in pieces for p in own], np.int64).reshape(-1, 2)
    wire = wire_base[flat[:, 0]] + flat[:, 1]
    line = np.repeat(np.arange(many), count)
    follows = np.zeros(len(wire), np.bool_)
    follows[1:] = line[1:] == line[:-1]
    # Every piece but the first of its line without its first point, which is the last of the piece before.
    length = stop[wire] - begin[wire] - follows
    head = np.concatenate(([0], np.cumsum(length)))
    total = int(head[-1])
    which = np.repeat(np.arange(len(wire)), length)
    taken = begin[wire][which] + follows[which] + np.arange(total) - head[which]
    body = points[taken]
    # At a border both pieces mean the same place; Graphviz rounds table cells to whole points.
    at = np.flatnonzero(follows)
    x = (points[begin[wire[at]], 0] + points[stop[wire[at - 1]] - 1, 0]) / 2
    border = head[at] - 1
    body[border, 0] = x
    body[border - 1, 0] = x  # with a vertical tangent on both sides
    body[border + 1, 0] = x

    # Straight on to the cards, where a level's box is larger than its card.
    per_line = np.bincount(line, length, many).astype(np.int64)
    first = np.concatenate(([0], np.cumsum(per_line)))
    some = per_line > 0
    above, below = np.zeros(many, np.bool_), np.zeros(many, np.bool_)
    above[some] = np.abs(body[first[:-1][some], 1] - ends[some, 1]) > 1
    below[some] = np.abs(body[first[1:][some] - 1, 1] - ends[some, 3]) > 1
    counts = np.where(some, per_line + 3 * above + 3 * below, 4)
    starts = np.concatenate(([0], np.cumsum(counts)))
    out = np.empty((int(starts[-1]), 2))
    inner = np.repeat(np.where(some, starts[:-1] + 3 * above, 0) - first[:-1], per_line)
    out[inner + np.arange(total)] = body
    k = np.flatnonzero(above)
    tip = body[first[:-1][k]]
    for step in range(3):
        out[starts[k] + step, 0] = tip[:, 0]
        out[starts[k] + step, 1] = ends[k, 1] + (tip[:, 1] - ends[k, 1]) * step / 3
    k = np.flatnonzero(below)
    tip = body[first[1:][k] - 1]
    for step in range(3):
        out[starts[k + 1] - 3 + step, 0] = tip[:, 0]
        out[starts[k + 1] - 3 + step, 1] = tip[:, 1] + (ends[k, 3] - tip[:, 1]) * (step + 1) / 3
    k = np.flatnonzero(~some)
    middle = (ends[k, 0] + ends[k, 2]) / 2
    out[starts[k]], out[starts[k] + 3] = ends[k, :2], ends[k, 2:]
    out[starts[k] + 1] = np.column_stack((middle, ends[k, 1]))
    out[starts[k] + 2] = np.column_stack((middle, ends[k, 3]))
    return Lines(out, starts)
