"""A run as TensorBoard event files: curves, texts, images, and histograms of values and gradients.

Source of the format: TensorFlow's record files (length, masked CRC-32C, data, masked CRC-32C) of ``Event``
protocol buffers (tensorflow/core/util/event.proto, framework/summary.proto). Only the few fields needed are
encoded, so no protobuf library is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from graphscope.analysis.rates import with_rates
from graphscope.export.files import writing
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import HIST_BINS, Entry, Graph
from graphscope.trace.values import decode

_POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), reflected


def _table() -> list[int]:
    out = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
        out.append(crc)
    return out


_CRC = _table()


def masked_crc(data: bytes) -> int:
    """CRC-32C, rotated and shifted as record files want it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(data: bytes) -> bytes:
    """One record of an event file."""
    length = struct.pack("<Q", len(data))
    return (
        length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))
    )


# ---------------------------------------------------------------- protocol buffers, the little we need


def _varint(n: int) -> bytes:
    n &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode("utf-8", "replace"))


def _double(field: int, x: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", x)


def _float(field: int, x: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", x)


def _int(field: int, n: int) -> bytes:
    return _varint(field << 3) + _varint(n)


def event(wall: float, step: int, *values: bytes, version: str | None = None) -> bytes:
    """One Event: a file version, or the values of a step."""
    out = _double(1, wall) + _int(2, step)
    if version is not None:
        return out + _text(3, version)
    return out + _bytes(5, b"".join(_bytes(1, v) for v in values))


def scalar(tag: str, value: float) -> bytes:
    """A number under a tag."""
    return _text(1, tag) + _float(2, value)


def text(tag: str, value: str) -> bytes:
    """A text under a tag: a string tensor with the text plugin's name."""
    tensor = (
        _int(1, 7) + _bytes(2, _bytes(2, _int(1, 1))) + _bytes(8, value.encode("utf-8", "replace"))
    )
    plugin = _bytes(1, _text(1, "text"))
    return _text(1, tag) + _bytes(8, tensor) + _bytes(9, plugin)


def histogram(tag: str, limits: Any, counts: Any, low: float, high: float, moments: Any) -> bytes:
    """A histogram: ``counts[k]`` numbers lie below ``limits[k]``; moments = (n, sum, sum of squares)."""
    n, total, squares = moments
    body = (
        _double(1, low) + _double(2, high) + _double(3, n) + _double(4, total) + _double(5, squares)
    )
    body += _bytes(6, np.asarray(limits, "<f8").tobytes())
    body += _bytes(7, np.asarray(counts, "<f8").tobytes())
    return _text(1, tag) + _bytes(5, body)


def image(tag: str, png: bytes) -> bytes:
    """A picture under a tag; its size stands in the file's header."""
    width, height = struct.unpack(">II", png[16:24])
    colours = {0: 1, 2: 3, 4: 2, 6: 4}.get(png[25], 3)
    body = _int(1, height) + _int(2, width) + _int(3, colours) + _bytes(4, png)
    return _text(1, tag) + _bytes(4, body)


# ---------------------------------------------------------------- a run


def write(reader: TraceReader, folder: Path | str, steps: Any = None) -> dict[str, int]:
    """Write one event file into ``folder`` (made if missing); says what is in it.

    ``steps`` limits the histograms of recorded steps to these; what the program logged comes whole.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    start = _created(reader)
    counts = {"scalars": 0, "texts": 0, "histograms": 0, "images": 0}
    with writing(target / f"events.out.tfevents.{int(start)}.graphscope", binary=True) as out:
        out.write(record(event(start, 0, version="brain.Event:2")))
        for kind, data in _events(reader, start, steps):
            out.write(record(data))
            counts[kind] += 1
    return counts


def _created(reader: TraceReader) -> float:
    header = reader.header()
    try:
        return int(header["t0_unix_ns"]) / 1e9
    except (KeyError, ValueError):
        pass
    try:
        return datetime.fromisoformat(header["created"]).timestamp()
    except (KeyError, ValueError):
        return 0.0


def _events(reader: TraceReader, start: float, steps: Any) -> Iterator[tuple[str, bytes]]:
    curves = with_rates(reader)
    for tag, (at, values, wall) in curves.items():
        for k in range(len(at)):
            yield "scalars", event(start + wall[k] / 1e9, int(at[k]), scalar(tag, float(values[k])))
    table = reader.steps("train")
    when = dict(zip(table.num.tolist(), (start + table.t0_ns / 1e9).tolist(), strict=True))
    if "loss" not in curves:  # the recorder knows the loss without being told
        for num, loss in zip(table.num.tolist(), table.loss.tolist(), strict=True):
            if loss == loss:
                yield "scalars", event(when[num], num, scalar("loss", loss))
    for tag, at_step, content, wall_ns in reader.texts():
        yield "texts", event(start + wall_ns / 1e9, at_step, text(tag, content))
    for item in reader.media():
        moment = start + item.wall_ns / 1e9
        if item.kind == "image" and item.data[:8] == b"\x89PNG\r\n\x1a\n" and len(item.data) > 25:
            yield "images", event(moment, item.step, image(item.tag, item.data))
        elif item.kind == "histogram":
            entry = decode(item.data).get((0, "v"))
            if entry is not None and entry.count:
                yield "histograms", event(moment, item.step, _of_entry(item.tag, entry))
        elif item.kind == "hparams":
            content = item.data.decode("utf-8", "replace")
            yield "texts", event(moment, item.step, text(item.tag, content))
    wanted = None if steps is None else set(steps)
    for num in reader.value_steps("train"):
        if wanted is not None and num not in wanted:
            continue
        found = reader.values(num, "train")
        if found is None or found.num != num:
            continue
        graph = reader.graph(found.graph)
        for v, kind in found:
            tag = _tag(graph, v, kind)
            entry = found.get(v, kind)
            if tag and entry is not None and entry.count > 1:
                yield "histograms", event(when[num], num, _of_entry(tag, entry))


def _tag(graph: Graph, v: int, kind: str) -> str:
    """Parameters and named values; the rest would drown them."""
    if v < 0:
        k = -1 - v
        if graph.port_kind(k) not in ("parameter", "buffer"):
            return ""
        name, what = graph.port_path(k), "parameters"
    else:
        name = graph.name(v) or ""
        what = "values"
    return f"{'gradients' if kind == 'g' else what}/{name}" if name else ""


def _of_entry(tag: str, entry: Entry) -> bytes:
    n = float(entry.health[1:4].sum())  # the finite ones
    edges = np.linspace(entry.lo, entry.hi, HIST_BINS + 1)[1:]
    counts = entry.hist.astype(np.float64)
    if counts.sum():
        counts *= n / counts.sum()  # a large tensor's histogram is stored as shares
    if entry.hi <= entry.lo:  # all equal
        edges, counts = np.array([np.nextafter(entry.lo, np.inf)]), np.array([n])
    squares = (entry.std**2 + entry.mean**2) * n
    return histogram(tag, edges, counts, entry.min, entry.max, (n, entry.mean * n, squares))
