"""``graphscope export``: save the graph of a run as a figure."""

from __future__ import annotations

import argparse
from pathlib import Path

from graphscope.cli.runs import RUN_HELP, open_run
from graphscope.errors import UsageError

HELP = "save the graph of a run as a figure"
DESCRIPTION = """\
Draws the graph of one step, with its values and gradients, and saves it. The suffix of
the file says the format: .svg and .pdf are vector figures, .png is an image."""
EPILOG = """\
example:
  graphscope export runs/digits.gscope --to graph.svg
  graphscope export runs/ --to slide.png --step 250 --theme dark"""
SUFFIXES = (".svg", ".pdf", ".png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("run_path", metavar="RUN", help=RUN_HELP)
    add("--to", required=True, metavar="FILE", help="where to save: .svg, .pdf or .png")
    add("--step", type=int, default=-1, metavar="N", help="which step (default: the last)")
    add("--theme", choices=("light", "dark"), default="light", help="default: light")


def run(args: argparse.Namespace) -> int:
    target = Path(args.to)
    if target.suffix.lower() not in SUFFIXES:
        suffix = f"the suffix {target.suffix}" if target.suffix else "no suffix"
        raise UsageError(
            f"{target} has {suffix}; a figure is saved as {', '.join(SUFFIXES)}, "
            f"for example --to {target.stem or 'graph'}.svg"
        )
    if not target.parent.is_dir():
        raise UsageError(f"The folder {target.parent} does not exist; make it first.")
    with open_run(args.run_path) as reader:
        from graphscope.export.figure import figure_of_run

        reader.step(args.step)  # a wrong step is told here, in one sentence
        figure = figure_of_run(reader, args.step, theme=args.theme)
        figure.save(target)
    print(target)
    return 0
