"""Make the README's pictures anew: ``.venv/bin/python tools/pictures.py`` (needs Chromium)."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

import graphscope as gs
from graphscope.cli.demo import train
from graphscope.webapp.serve import serve

IMAGES = Path(__file__).parents[1] / "docs" / "img"


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


def screenshots() -> None:
    """The dashboard on the demo's run: a convolution's weights selected, light and dark."""
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder) / "digits", epochs=15)
        server = serve(folder, port=0, block=False)
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=shutil.which("chromium"))
            for scheme in ("light", "dark"):
                page = browser.new_page(
                    viewport={"width": 1440, "height": 900}, color_scheme=scheme
                )
                page.goto(f"{server.url}graph?run=digits&step=200&node=p1")
                page.locator(".gs-board[data-ready]").wait_for()
                page.wait_for_timeout(1500)
                page.screenshot(path=IMAGES / f"graph_{scheme}.png")
            browser.close()
        server.stop()


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    figure()
    screenshots()
