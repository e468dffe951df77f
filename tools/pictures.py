"""Make the README's pictures anew: ``.venv/bin/python tools/pictures.py`` (needs Chromium)."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

import graphscope as gs
from graphscope.cli.demo import train
from graphscope.trace.reader import TraceReader
from graphscope.webapp.serve import serve

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "img"
LARGEST = 250 << 10  # bytes of a picture: who reads the README waits for all of them
TRIES = 5
STOPS = 8  # ops that the debugged program goes on before its picture is taken

PAUSED = '''"""Trains a small residual network on digits."""
import graphscope as gs
from graphscope import nn, optim
from graphscope.datasets import digits


class Block(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.up = nn.Linear(size, 2 * size)
        self.down = nn.Linear(2 * size, size)

    def forward(self, x):
        h = gs.relu(self.up(x))
        return x + self.down(h)


x, y, _, _ = digits()
net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), Block(32), Block(32), nn.Linear(32, 10))
optimizer = optim.SGD(net.parameters(), lr=0.05)
with gs.profile("runs/digits", control=True) as p:
    p.watch(net, "net")
    while True:
        rows = gs.randint(0, len(x), (64,))
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
'''


def figure() -> None:
    """The two-layer network of the course notes, after its backward pass."""
    gs.manual_seed(0)
    x, y = gs.randn(64, 1000), gs.randn(64, 10)
    w1 = gs.randn(1000, 100, requires_grad=True)
    w2 = gs.randn(100, 10, requires_grad=True)
    h = x.mm(w1)
    h_relu = h.clamp(min=0)
    y_pred = h_relu.mm(w2)
    loss = (y_pred - y).pow(2).sum()
    loss.backward()
    gs.draw(loss).save(IMAGES / "two_layer.svg")


def graph(browser: Browser, folder: Path) -> None:
    """The demo's run: a convolution's weights selected, at a step whose values were taken."""
    for k in range(TRIES):  # a busy machine leaves less of the budget for values
        run = folder / f"try{k}" / "digits"
        train(run, epochs=15)
        with TraceReader(run.with_suffix(".gscope")) as reader:
            step = reader.value_steps()[-1]
        if step > 40:
            break
    with served(run.parent) as address:
        for page, look in looks(browser, 1440, 900):
            page.goto(f"{address}graph?run=digits&step={step}&node=p1")
            page.locator(".gs-board[data-ready]").wait_for()
            page.locator("[data-gs=inspector] canvas").first.wait_for()
            save(page, f"graph_{look}")


def nan(browser: Browser, folder: Path) -> None:
    """A loss that became NaN, followed to the op, the line and the reason."""
    program = ROOT / "examples" / "broken" / "log_of_zero.py"
    subprocess.run([sys.executable, str(program)], cwd=folder, env=path(), check=True)
    with served(folder / "runs") as address:
        for page, look in looks(browser, 960, 640):
            page.goto(f"{address}health?run=broken-log_of_zero")
            page.get_by_role("button", name="Show it in the graph").wait_for()
            save(page, f"nan_{look}")


def paused(browser: Browser, folder: Path) -> None:
    """A training that waits at an op of its forward pass."""
    (folder / "train.py").write_text(PAUSED)
    program = subprocess.Popen([sys.executable, "train.py"], cwd=folder, env=path())
    try:
        while not (folder / "runs" / "digits.gscope").exists() and program.poll() is None:
            pass
        with served(folder / "runs") as address:
            for page, look in looks(browser, 1200, 800):
                page.goto(f"{address}graph?run=digits")
                page.locator(".gs-board[data-ready]").wait_for()
                words = page.locator(".gs-ctl-words")
                if look == "light":
                    page.locator(".gs-ctl").wait_for()
                    page.keyboard.press("Space")
                    for i in range(STOPS):
                        expect(words).to_contain_text("waiting at op")
                        page.keyboard.press(".")
                        expect(words).to_contain_text(f"at op {i + 1} of")
                else:  # the page that opens while it waits goes on by one
                    page.keyboard.press(".")
                    expect(words).to_contain_text(f"at op {STOPS + 1} of")
                save(page, f"paused_{look}")
    finally:
        program.kill()
        program.wait()


def path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = serve(folder, port=0, block=False)
    try:
        yield server.url
    finally:
        server.stop()


def looks(browser: Browser, width: int, height: int) -> Iterator[tuple[Page, str]]:
    """A page of this size in light, then in dark."""
    for look in ("light", "dark"):
        page = browser.new_page(viewport={"width": width, "height": height})
        page.emulate_media(color_scheme=look, reduced_motion="reduce")
        yield page, look
        page.close()


def save(page: Page, name: str) -> None:
    """The window as it is, packed tightly. A palette of 256 would be half of it, with other colours."""
    page.wait_for_timeout(1500)  # answers that are under way, tooltips that go
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    file = IMAGES / f"{name}.png"
    picture.save(file, optimize=True)
    size = file.stat().st_size
    print(f"{file.relative_to(ROOT)}: {size >> 10} KiB")
    if size > LARGEST:
        raise SystemExit(f"{file} is larger than {LARGEST >> 10} KiB.")


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    figure()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"))
        for make in (graph, nan, paused):
            with tempfile.TemporaryDirectory() as folder:
                make(browser, Path(folder))
        browser.close()
