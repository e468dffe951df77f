"""``graphscope demo``: train a small network on real handwritten digits and watch it in the browser."""

from __future__ import annotations

import argparse
import os
import sys
import time
import webbrowser
from pathlib import Path
from typing import Any

from graphscope.cli.view import port
from graphscope.errors import UsageError

HELP = "train a small network on handwritten digits and open the dashboard"
DESCRIPTION = (
    "Trains a small convolutional network on 1,437 handwritten digits that come with the package, records "
    "every operation into RUNS/digits.gscope, and serves the dashboard, which follows live. After the "
    "training it serves on until Ctrl-C."
)
BATCH = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``graphscope demo``."""
    add = parser.add_argument
    add(
        "--epochs",
        type=_positive,
        default=120,
        metavar="N",
        help="passes over the data (default: 120)",
    )
    add("--seed", type=int, default=0, metavar="N", help="seed of weights and batches (default: 0)")
    add("--runs", default="runs", metavar="DIR", help="folder for the traces (default: runs)")
    add(
        "--port",
        type=port,
        default=8050,
        metavar="N",
        help="where to serve; 0 takes any free port (default: 8050)",
    )
    add("--no-serve", action="store_true", help="train without a dashboard and return")
    add("--no-train", action="store_true", help="train nothing, open the newest run")
    add("--no-browser", action="store_true", help="print the address, open no browser window")


def _positive(text: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    from rich.console import Console

    console = Console(soft_wrap=True)
    folder = Path(args.runs)
    if args.no_serve and args.no_train:
        raise UsageError("--no-serve and --no-train together leave nothing to do; drop one of them")
    if folder.exists() and not folder.is_dir():
        raise UsageError(
            f"{folder} is a file; --runs wants a folder for traces, such as --runs runs"
        )
    newest = _newest(folder)
    if args.no_train and newest is None:
        raise UsageError(f"there is no run in {folder} yet; call it once without --no-train")
    folder.mkdir(parents=True, exist_ok=True)

    board = None
    if not args.no_serve:
        from graphscope.webapp.launch import dashboard

        board = dashboard(folder, port=args.port)
    try:
        if not args.no_train:
            name = "digits"
            if board is not None:
                _announce(console, board.url, not args.no_browser)
            train(folder / name, args.epochs, args.seed, console)
        elif board is not None and newest is not None:
            _announce(console, f"{board.url}graph?run={newest.stem}", not args.no_browser)
        if board is not None:
            console.print("Serving the dashboard. Stop it with [bold]Ctrl-C[/].")
            board.wait()
    except KeyboardInterrupt:
        console.print("\nStopped.")
    finally:
        if board is not None:
            board.close()
    return 0


def _newest(folder: Path) -> Path | None:
    found = (
        sorted(folder.glob("*.gscope"), key=lambda p: p.stat().st_mtime) if folder.is_dir() else []
    )
    return found[-1] if found else None


# ---------------------------------------------------------------- the dashboard


def _announce(console: Any, url: str, window: bool) -> None:
    console.print(f"Dashboard: [bold cyan]{url}[/]", highlight=False)
    # Without a screen webbrowser would start a text browser in this very terminal.
    screen = (
        sys.platform in ("darwin", "win32")
        or os.environ.get("DISPLAY")
        or os.environ.get("WAYLAND_DISPLAY")
    )
    if window and screen and not os.environ.get("CI"):
        webbrowser.open(url)


# ---------------------------------------------------------------- the training


def network() -> Any:
    """Two convolutions and a linear layer: 1x8x8 pixels to 10 classes, about 6,000 weights."""
    from graphscope import nn

    class DigitsNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
            self.relu1 = nn.ReLU()
            self.pool1 = nn.MaxPool2d(2)
            self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
            self.relu2 = nn.ReLU()
            self.pool2 = nn.MaxPool2d(2)
            self.flatten = nn.Flatten()
            self.head = nn.Linear(32 * 2 * 2, 10)

        def forward(self, x: Any) -> Any:
            x = self.pool1(self.relu1(self.conv1(x)))
            x = self.pool2(self.relu2(self.conv2(x)))
            return self.head(self.flatten(x))

    return DigitsNet()


def accuracy(net: Any, x: Any, y: Any) -> float:
    """Share of images whose largest logit is the right class."""
    import graphscope as gs

    with gs.no_grad():
        return float((net(x).argmax(1) == y).float().mean().item())


def train(path: Path, epochs: int = 120, seed: int = 0, console: Any = None) -> float:
    """Train on the digits, record into ``path``, show a progress bar; returns the test accuracy."""
    from rich.console import Console
    from threadpoolctl import threadpool_limits

    import graphscope as gs
    from graphscope import nn, optim
    from graphscope.datasets import digits
    from graphscope.utils.data import DataLoader, TensorDataset

    console = console or Console(soft_wrap=True)
    gs.manual_seed(seed)
    x_train, y_train, x_test, y_test = digits()
    batches = DataLoader(TensorDataset(x_train, y_train), batch_size=BATCH, shuffle=True)
    begin = time.perf_counter()
    right = 0.0
    steps = 0
    # Products this small gain nothing from threads, and threads that wait take the dashboard's core.
    with threadpool_limits(1, "blas"), gs.profile(path) as p, _bar(console) as bar:
        net = p.watch(network(), "net")
        loss_of = nn.CrossEntropyLoss()
        optimizer = optim.Adam(net.parameters(), lr=3e-3)
        task = bar.add_task(
            "train", total=epochs * len(batches), epoch=f"1/{epochs}", loss="-", right="-", cost="-"
        )
        for epoch in range(1, epochs + 1):
            for images, labels in batches:
                optimizer.zero_grad()
                loss = loss_of(net(images), labels)
                loss.backward()
                optimizer.step()
                steps += 1
                value = loss.item()
                p.scalar("loss/train", value)
                bar.update(
                    task,
                    advance=1,
                    loss=f"{value:.4f}",
                    cost=f"{p.overhead:.1%}",
                    epoch=f"{epoch}/{epochs}",
                )
            right = accuracy(net, x_test, y_test)
            p.scalar("accuracy/test", right)
            bar.update(task, right=f"{right:.2%}")
    seconds = time.perf_counter() - begin
    console.print(
        f"Test accuracy [bold]{right:.2%}[/] on {len(y_test)} images that it never saw, after {steps} steps in "
        f"{seconds:.1f} s; recording cost {p.overhead:.1%} of it.",
        highlight=False,
    )
    if p.path is not None:
        console.print(f"Recorded in {p.path}", highlight=False)
    return right


def _bar(console: Any) -> Any:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(bar_width=None),
        TextColumn(
            "loss {task.fields[loss]}  accuracy {task.fields[right]}  recorder {task.fields[cost]}"
        ),
        TimeElapsedColumn(),
        console=console,
    )


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the options of this command alone (tests and ``python -m graphscope.cli.demo``)."""
    parser = argparse.ArgumentParser("graphscope demo", description=DESCRIPTION)
    add_arguments(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(arguments()))
