"""Hand-made traces of known content, for every test that reads one.

``build("tiny", folder)`` writes ``folder/tiny.gscope`` and returns its path. No engine takes part:
the writer is called directly, so a trace holds exactly what is said here.

    tiny         two-layer regression, real numbers, 3 steps: small enough to check by hand
    digits_like  conv net with scopes, 60 train steps + 3 eval steps, curves, values, two shape sets
    hostile      markup, quotes and a 10,000-character name wherever a user may put text
    empty        a program that has started and not made a step       one_step    exactly one step
    failed       NaN from step 5, then an exception in the middle of step 7
    many         a graph of 10,000 forward ops in 100 nested scopes (give n_ops for another size)
    live         like tiny, but the program is still running (heartbeat: now)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from graphscope.trace.records import Entry
from graphscope.trace.writer import TraceWriter
from tests.golden_sketch import Dictionary, Sketch, entry

TINY_SOURCE = """\
import graphscope as torch

x, y = torch.randn(4, 3), torch.randn(4, 2)
w1 = torch.randn(3, 5, requires_grad=True)
w2 = torch.randn(5, 2, requires_grad=True)

for step in range(3):
    h = (x @ w1).relu()
    out = h @ w2
    loss = ((out - y) ** 2).sum()
    loss.backward()
    with torch.no_grad():
        w1 -= 0.01 * w1.grad
        w2 -= 0.01 * w2.grad
"""
META = {
    "engine": "golden",
    "version": "0",
    "python": "3.11.0",
    "numpy": "2.0.0",
    "backend": "numpy",
    "pid": "1",
    "argv": '["train.py"]',
}
HOSTILE = "<script>alert(1)</script>"
DOT_HOSTILE = '"];evil["'
LONG = "n" * 10_000


def build(name: str, folder: Path, **options: Any) -> Path:
    """Write the golden trace of this name into ``folder`` and return its path."""
    path = Path(folder) / f"{name}.gscope"
    BUILDERS[name](path, **options)
    return path


def tiny_sketch(d: Dictionary, names: dict[str, str] | None = None) -> tuple[Sketch, int]:
    """The graph of tiny: ports x=-1, w1=-2, w2=-3, y=-4, 2=-5; nodes 0..5 forward."""
    say = (names or {}).get
    s = Sketch(d)
    x = s.port(say("x", "x"), "input", (4, 3))
    w1 = s.port(say("w1", "w1"), "parameter", (3, 5))
    w2 = s.port(say("w2", "w2"), "parameter", (5, 2))
    y = s.port(say("y", "y"), "input", (4, 2))
    two = s.port(None, "constant", (), const="2")
    scope = say("scope", "")
    a = s.node("matmul", [x, w1], (4, 5), line=8, scope=scope)
    h = s.node("relu", [a], (4, 5), line=8, name=say("h", "h"), scope=scope)
    out = s.node("matmul", [h, w2], (4, 2), line=9, name=say("out", "out"), scope=scope)
    diff = s.node("sub", [out, y], (4, 2), line=10)
    square = s.node("pow", [diff, two], (4, 2), line=10)
    loss = s.node("sum", [square], (), line=10, name=say("loss", "loss"))
    s.backward(loss)
    s.update(13)
    return s, loss


def tiny_numbers(w1: np.ndarray, w2: np.ndarray) -> dict[tuple[int, str], np.ndarray]:
    """All values and gradients of one step of tiny, computed with numpy alone."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    a = x @ w1
    h = np.maximum(a, 0)
    out = h @ w2
    diff = out - y
    square, loss = diff**2, np.array((diff**2).sum())
    g_diff = 2 * diff
    g_w2, g_h = h.T @ g_diff, g_diff @ w2.T
    g_a = np.where(h > 0, g_h, 0)
    values = {-1: x, -2: w1, -3: w2, -4: y, 0: a, 1: h, 2: out, 3: diff, 4: square, 5: loss}
    grads = {5: np.array(1.0), 4: np.ones((4, 2)), 3: g_diff, 2: g_diff, 1: g_h, 0: g_a}
    grads |= {-3: g_w2, -2: x.T @ g_a}
    table = {(v, "v"): array for v, array in values.items()}
    return table | {(v, "g"): array for v, array in grads.items()}


def entries(table: dict[tuple[int, str], np.ndarray]) -> list[tuple[int, str, Entry]]:
    return [(v, kind, entry(array)) for (v, kind), array in table.items()]


def tiny(
    path: Path,
    steps: int = 3,
    names: dict[str, str] | None = None,
    run: str = "tiny",
    close: bool = True,
    tag: str = "loss",
) -> TraceWriter:
    w = TraceWriter(path, META | {"run": run})
    file = (names or {}).get("file", "train.py")
    d = Dictionary(w, file, TINY_SOURCE)
    s, loss = tiny_sketch(d, names)
    s.write(0)
    s.write_shapes(0, 0)
    rng = np.random.default_rng(1)
    w1, w2 = rng.normal(size=(3, 5)) / 2, rng.normal(size=(5, 2)) / 2
    t0 = 1_000_000
    for k in range(steps):
        table = tiny_numbers(w1, w2)
        number = float(table[loss, "v"])
        begin, dur, wall = s.times(rng, 2_000)
        timing = {"begin_ns": begin, "dur_ns": dur, "wall_ns": wall, "rec_ns": wall // 50}
        w.add_step(k, "train", k, 0, 0, t0_ns=t0, loss=number, live0=100, **timing)
        w.add_values(k, entries(table))
        w.add_scalar(tag, k, number, t0)
        w1, w2 = w1 - 0.01 * table[-2, "g"], w2 - 0.01 * table[-3, "g"]
        t0 += wall + 20_000
    w.commit()
    if close:
        w.close()
    return w


def live(path: Path) -> None:
    tiny(path, run="live", close=False).abandon()


def one_step(path: Path) -> None:
    tiny(path, steps=1, run="one_step")


def empty(path: Path) -> None:
    TraceWriter(path, META | {"run": "empty"}).abandon()


def hostile(path: Path) -> None:
    names = {
        "x": HOSTILE,
        "w1": DOT_HOSTILE,
        "w2": LONG,
        "y": "\u202egpj.exe\x00\n",
        "h": f"{HOSTILE}{DOT_HOSTILE}",
        "out": "</title></svg><!--",
        "loss": "${7*7}{{7*7}}",
        "scope": f'net.{HOSTILE}."onload=alert(1)',
        "file": f"/tmp/{HOSTILE}.py",
    }
    w = tiny(path, 3, names, HOSTILE, close=False, tag=HOSTILE)
    w.add_text(HOSTILE, 0, f"{HOSTILE} {LONG}")
    w.add_scalar(DOT_HOSTILE, 1, float("nan"))
    w.close("failed", f"ValueError: {HOSTILE} {DOT_HOSTILE}")


def failed(path: Path) -> None:
    w = TraceWriter(path, META | {"run": "failed"})
    d = Dictionary(w, "train.py", TINY_SOURCE.replace("** 2", ".log()"))
    s, loss = tiny_sketch(d)
    s.write(0)
    s.write_shapes(0, 0)
    part = Sketch(d)
    x = part.port("x", "input", (4, 3))
    w1 = part.port("w1", "parameter", (3, 5))
    w2 = part.port("w2", "parameter", (6, 2))
    a = part.node("matmul", [x, w1], (4, 5), line=8)
    h = part.node("relu", [a], (4, 5), line=8)
    part.node("matmul", [h, w2], (), line=9)
    part.write(1, parent=0, diverged_at=2)
    part.write_shapes(1, 1)
    rng = np.random.default_rng(2)
    w1_, w2_ = rng.normal(size=(3, 5)), rng.normal(size=(5, 2))
    t0 = 0
    for k in range(7):
        table = tiny_numbers(w1_, w2_)
        if k >= 5:
            for v in (3, 4, 5):
                table[v, "v"] = table[v, "v"] * np.nan
            for v in (-2, -3, 0, 1, 2, 3):
                table[v, "g"] = table[v, "g"] * np.nan
        begin, dur, wall = s.times(rng, 2_000)
        timing = {"begin_ns": begin, "dur_ns": dur, "wall_ns": wall, "t0_ns": t0}
        number = float(table[loss, "v"])
        w.add_step(k, "train", k, 0, 0, loss=number, nonfinite=k >= 5, live0=100, **timing)
        w.add_values(k, entries(table))
        w.add_scalar("loss", k, number, t0)
        t0 += wall + 20_000
    message = "ShapeError: matmul of 4×5 and 6×2: the inner sizes 5 and 6 differ (train.py:9)"
    begin, dur, wall = part.times(rng, 2_000)
    timing = {"begin_ns": begin, "dur_ns": dur, "wall_ns": wall, "t0_ns": t0}
    w.add_step(7, "train", 7, 1, 1, "failed", note=message, live0=100, **timing)
    w.add_finding(5, "nan", "error", 3, "NaN from step 5 in sub", {"value": 3})
    w.close("failed", message)


def digits_sketch(d: Dictionary, kind: str = "train") -> tuple[Sketch, int]:
    s = Sketch(d, kind)
    images = s.port("images", "buffer", (1797, 1, 8, 8))
    labels = s.port("labels", "buffer", (1797,), dtype="int64")
    index = s.port("index", "input", (48,), dtype="int64")
    sixteen = s.port(None, "constant", (), const="16.0")
    data = {"line": 31, "phase": 0}
    xb = s.node("take", [images, index], (48, 1, 8, 8), name="xb", **data)
    yb = s.node("take", [labels, index], (48,), name="yb", dtype="int64", **data)
    x = s.node("cast", [xb], (48, 1, 8, 8), line=32, phase=0, params={"dtype": "float32"})
    x = s.node("div", [x, sixteen], (48, 1, 8, 8), line=32, phase=0, name="x")
    channels, size = 1, 8
    for k, (out, line) in enumerate(((16, 12), (16, 13), (32, 14), (32, 15), (64, 16)), 1):
        scope = f"net.conv{k}"
        weight = s.port(f"{scope}.weight", "parameter", (out, channels, 3, 3), scope)
        bias = s.port(f"{scope}.bias", "parameter", (1, out, 1, 1), scope)
        gamma = s.port(f"net.bn{k}.weight", "parameter", (out,), f"net.bn{k}")
        beta = s.port(f"net.bn{k}.bias", "parameter", (out,), f"net.bn{k}")
        shape = (48, out, size, size)
        conv = {"params": {"stride": 1, "padding": 1}, "scope": scope, "line": line}
        x = s.node("conv2d", [x, weight], shape, **conv)
        x = s.node("add", [x, bias], shape, scope, line)
        x = s.node("batch_norm", [x, gamma, beta], shape, f"net.bn{k}", line)
        x = s.node("relu", [x], shape, f"net.act{k}", line)
        if k in (2, 4):
            size //= 2
            x = s.node("max_pool2d", [x], (48, out, size, size), f"net.pool{k // 2}", line)
        channels = out
    x = s.node("reshape", [x], (48, 256), "net", 18, "features")
    for k, (a, b) in enumerate(((256, 64), (64, 10)), 1):
        scope = f"net.fc{k}"
        weight = s.port(f"{scope}.weight", "parameter", (b, a), scope)
        bias = s.port(f"{scope}.bias", "parameter", (b,), scope)
        t = s.node("transpose", [weight], (a, b), scope, 18 + k)
        x = s.node("matmul", [x, t], (48, b), scope, 18 + k)
        x = s.node("add", [x, bias], (48, b), scope, 18 + k, "logits" if k == 2 else None)
        if k == 1:
            x = s.node("relu", [x], (48, b), "net", 20)
            x = s.node("dropout", [x], (48, b), "net.drop", 20, params={"p": 0.1})
    half = s.node("mul", [x, x], (48, 10), line=34)
    penalty = s.node("mean", [half], (), line=34, name="penalty")
    ce = s.node("cross_entropy", [x, yb], (), line=35, params={"reduction": "mean"})
    loss = s.node("add", [ce, penalty], (), line=36, name="loss")
    if kind == "train":
        s.backward(loss)
        s.update(38)
    return s, loss


DIGITS_SOURCE = "\n".join(f"# line {k} of a made-up training script" for k in range(1, 41)) + "\n"


def digits_like(path: Path, steps: int = 60) -> None:
    w = TraceWriter(path, META | {"run": "digits"})
    d = Dictionary(w, "train.py", DIGITS_SOURCE)
    s, loss = digits_sketch(d)
    s.write(0)
    s.write_shapes(0, 0)
    s.write_shapes(1, 0, {48: 5})
    e, _ = digits_sketch(d, "eval")
    e.write(1, parent=0, diverged_at=len(e.nodes))
    e.write_shapes(2, 1)
    rng = np.random.default_rng(3)
    t0, id, evals = 2_000_000, 0, 0
    for k in range(steps):
        number = 0.15 + 2.2 * np.exp(-k / 15) + 0.05 * rng.normal() + 1.5 * (k == 40)
        begin, dur, wall = s.times(rng)
        timing = {"begin_ns": begin, "dur_ns": dur, "wall_ns": wall, "rec_ns": wall // 60}
        shapes = 1 if k % 15 == 14 else 0
        w.add_step(id, "train", k, 0, shapes, t0_ns=t0, loss=number, live0=800_000, **timing)
        w.add_scalar("loss", k, number, t0)
        w.add_scalar("lr", k, 0.05 * 0.98**k, t0)
        if k < 10 or k % 5 == 0:
            w.add_values(id, _digits_values(s, rng, number, loss, k))
        id, t0 = id + 1, t0 + wall + 300_000
        if k % 5 == 4:
            w.commit()  # as a run does every 160 ms: within one, steps come before values
        if k % 20 == 19:
            begin, dur, wall = e.times(rng)
            timing = {"begin_ns": begin, "dur_ns": dur, "wall_ns": wall, "t0_ns": t0}
            w.add_step(id, "eval", evals, 1, 2, loss=number * 1.1, **timing)
            w.add_scalar("accuracy/val", k, 1 - number / 3, t0)
            id, t0, evals = id + 1, t0 + wall + 300_000, evals + 1
    w.add_text("note", 0, "A made-up run.")
    w.add_finding(40, "spike", "warning", loss, "The loss jumped by 1.5 at step 40", {"z": 9.0})
    w.close()


def _digits_values(
    s: Sketch, rng: np.random.Generator, loss_value: float, loss: int, k: int
) -> list[tuple[int, str, Entry]]:
    """Made-up values: gradients shrink with the distance from the loss and as training goes on."""
    rows = []
    forward = [i for i, row in enumerate(s.nodes) if row[1] <= 1]
    for v in (*forward, *(-1 - p for p in range(len(s.ports)))):
        shape = s.shapes[v] if int(np.prod(s.shapes[v])) <= 40_000 else (48, *s.shapes[v][1:])
        array = rng.normal(0, 1 if v >= 0 else 0.1, shape)
        if v >= 0 and s.op_names[v] == "relu":
            array = np.maximum(array, 0)
        if v == loss:
            array = np.array(loss_value)
        rows.append((v, "v", entry(array)))
        if v in s.grads or v == loss:
            depth = (loss - v) / loss if v >= 0 else 0.5
            scale = 10 ** (-1 - 4 * depth) * np.exp(-k / 40)
            rows.append((v, "g", entry(rng.normal(0, scale, s.shapes[v]) if v != loss else 1.0)))
    return rows


def many(path: Path, n_ops: int = 10_000) -> None:
    w = TraceWriter(path, META | {"run": "many"})
    d = Dictionary(w, "train.py", DIGITS_SOURCE)
    s = Sketch(d)
    x = s.port("x", "input", (32, 64))
    per_layer = 10
    for layer in range(n_ops // per_layer):
        scope = f"net.stage{layer // 100}.block{layer % 100 // 10}.layer{layer % 10}"
        weight = s.port(f"{scope}.weight", "parameter", (64, 64), scope)
        skip = x
        for k in range(per_layer):
            op = ("matmul", "add", "relu", "mul", "relu")[k % 5]
            other = {"matmul": [weight], "add": [skip], "mul": [x]}.get(op, [])
            x = s.node(op, [x, *other], (32, 64), scope, 1 + k)
    loss = s.node("sum", [x], (), line=36, name="loss")
    s.backward(loss)
    s.update(38)
    s.write(0)
    s.write_shapes(0, 0)
    rng = np.random.default_rng(4)
    t0 = 0
    for k in range(3):
        begin, dur, wall = s.times(rng)
        w.add_step(
            k,
            "train",
            k,
            0,
            0,
            t0_ns=t0,
            wall_ns=wall,
            loss=1.0 / (k + 1),
            begin_ns=begin,
            dur_ns=dur,
            live0=4_000_000,
        )
        t0 += wall
    w.close()


BUILDERS: dict[str, Callable[..., Any]] = {
    "tiny": tiny,
    "digits_like": digits_like,
    "hostile": hostile,
    "empty": empty,
    "one_step": one_step,
    "failed": failed,
    "many": many,
    "live": live,
}

if __name__ == "__main__":
    import sys

    for trace in sys.argv[2:] or BUILDERS:
        print(build(trace, Path(sys.argv[1])))
