"""``graphscope memory``: what holds the memory of a step at its peak, and why."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict

from graphscope import units
from graphscope.analysis.growth import growth
from graphscope.analysis.holders import GROUPS, step_memory
from graphscope.analysis.memory_text import text
from graphscope.cli.runs import RUN_HELP, open_run, step_number
from graphscope.cli.table import _for_terminal, _rows

HELP = "print what holds the memory of a step, and why"
DESCRIPTION = """\
Shows the moment of most memory in one step: how much is alive, what it is, which line made it, and which
gradient keeps it alive."""
EPILOG = """\
example:
  graphscope memory runs/digits.gscope               the last step
  graphscope memory runs/ --step 10 --by module
  graphscope memory runs/ --json > memory.json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("run_path", metavar="RUN", help=RUN_HELP)
    add("--step", type=step_number, default=-1, metavar="N", help="which step (default: the last)")
    add("--by", choices=GROUPS, default="category", help="how to sum (default: category)")
    add("--kind", choices=("train", "eval"), default="train", help="steps (default: train)")
    add("--top", type=_rows, default=12, metavar="N", help="buffers to list (default: 12; 0: all)")
    add("--json", action="store_true", help="print everything as JSON, sizes in bytes")


def run(args: argparse.Namespace) -> int:
    with open_run(args.run_path) as reader:
        memory = step_memory(reader, args.step, args.kind)
        trend = growth(reader, args.kind)
        damage, missing = reader.damage, reader.missing()
    if args.json:
        data = asdict(memory) | {"curve": memory.curve.tolist(), "by": dict(memory.by(args.by))}
        data["growth"] = asdict(trend) if trend else None
        print(json.dumps(data, indent=1))
    else:
        width = max(shutil.get_terminal_size((120, 24)).columns, 60)
        print(_for_terminal(text(memory, args.by, args.top or len(memory.holders), width)))
        if trend is not None and trend.grows:
            print(
                f"Memory grows: {units.bytes_(trend.per_step)} a step, from {units.bytes_(trend.first)} at step "
                f"{trend.first_step} to {units.bytes_(trend.last)} at step {trend.last_step}. Something keeps "
                "tensors across steps; a loss that is summed without .item() does."
            )
            for leak in trend.leaks[:3]:
                where = f"{leak.op} ({leak.line})" if leak.line else leak.op
                print(
                    _for_terminal(
                        f"  {units.bytes_(leak.per_step)} a step is made by {where} and stays."
                    )
                )
    if damage:
        print(f"graphscope memory: {damage} What is intact is shown.", file=sys.stderr)
    for what in missing:
        print(_for_terminal(f"graphscope memory: {what}"), file=sys.stderr)
    return 0
