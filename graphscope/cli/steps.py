"""``graphscope steps``: where the time of each step went, its loss and its memory."""

from __future__ import annotations

import argparse
import json
import shutil
import sys

from graphscope.cli.runs import RUN_HELP, open_run
from graphscope.cli.table import _for_terminal, _rows

HELP = "print where the time of each step went"
DESCRIPTION = """\
One line a step; its parts sum to its wall time.

  data      waiting for the batch
  copies    between host and device
  forward, backward, update   inside the ops of each phase
  python    between the ops, in the interpreter
  recorder  what recording the step cost
  peak      most bytes alive at once

Shown are the last steps, or with --sort the largest."""
EPILOG = """\
example:
  graphscope steps runs/                             the last 20 steps of the newest run
  graphscope steps runs/digits.gscope --sort wall    the slowest steps
  graphscope steps runs/ --csv > steps.csv           all steps, times in nanoseconds"""
SORTS = (
    "step", "wall", "data", "copies", "forward", "backward", "update", "python", "recorder", "loss", "peak", "flops", "status",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("run_path", metavar="RUN", help=RUN_HELP)
    add("--sort", choices=SORTS, default="step", metavar="COLUMN",
        help=f"{', '.join(SORTS)} (default: step)")  # fmt: skip
    add("--top", type=_rows, default=20, metavar="N", help="steps to print (default: 20; 0: all)")
    add("--kind", choices=("train", "eval"), default="train", help="steps (default: train)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print all steps as JSON, times in ns")
    form.add_argument("--csv", action="store_true", help="print all steps as CSV, times in ns")


def run(args: argparse.Namespace) -> int:
    from graphscope.analysis.steps import steps

    with open_run(args.run_path) as reader:
        table = steps(reader, args.kind)
        damage, missing = reader.damage, reader.missing()
        run_name = reader.header().get("run", reader.path.stem)
    if args.json:
        print(json.dumps({"run": run_name} | table.to_dict(), indent=1))
    elif args.csv:
        print(_for_terminal(table.to_csv()), end="")
    elif not len(table):
        print(_for_terminal(f"{run_name!r} has no {args.kind} step yet."))
    else:
        width = shutil.get_terminal_size((120, 24)).columns
        print(_for_terminal(table.table(args.sort, args.top or -1, max(width, 60))))
    if damage:
        print(f"graphscope steps: {damage} What is intact is shown.", file=sys.stderr)
    for what in missing:
        print(_for_terminal(f"graphscope steps: {what}"), file=sys.stderr)
    return 0
