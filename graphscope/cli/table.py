"""``graphscope table``: where the time of a run went, in the terminal."""

from __future__ import annotations

import argparse
import json
import shutil
import sys

from graphscope.cli.runs import RUN_HELP, open_run

HELP = "print where the time of a run went"
DESCRIPTION = """\
Sums the time of a run by op, module, source line, phase or shape.

  total     over all steps, with everything inside a module
  self      the same without the modules inside
  mean, p50, p95   of one call: of an op, or of one step's time in a module, line or phase
  share     of the steps' wall time; what is missing to 100 % is Python between the ops
  device    time on the device, where it was measured
  FLOP      operations of all calls; a multiply-add counts 2
  FLOP/s, B/s   achieved rates of arithmetic, and of bytes read and written
  bytes     what the outputs of one step take

A narrow terminal shows fewer columns; --csv and --json have all of them."""
EPILOG = """\
example:
  graphscope table runs/                           the newest run, by op
  graphscope table runs/digits.gscope --by line --top 5
  graphscope table runs/ --by scope --sort self
  graphscope table runs/ --by shape --sort flops_s
  graphscope table runs/ --csv > table.csv         all columns, times in nanoseconds
  graphscope table runs/ --json > table.json"""
GROUPS = ("op", "scope", "line", "phase", "shape")
SORTS = (
    "total", "self", "mean", "p50", "p95", "calls", "share", "forward", "backward", "device", "flops", "traffic",
    "flops_s", "bytes_s", "bytes", "key",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("run_path", metavar="RUN", help=RUN_HELP)
    add("--by", choices=GROUPS, default="op", help="what to sum by (default: op)")
    add(
        "--sort",
        choices=SORTS,
        default="total",
        metavar="COLUMN",
        help=f"{', '.join(SORTS)} (default: total)",
    )
    add("--top", type=_rows, default=20, metavar="N", help="rows to print (default: 20; 0: all)")
    add("--kind", choices=("train", "eval"), default="train", help="steps (default: train)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print all rows as JSON, times in ns")
    form.add_argument("--csv", action="store_true", help="print all rows as CSV, times in ns")


def _rows(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text} is no number of rows; try 20, or 0 for all")
    return int(text)


def run(args: argparse.Namespace) -> int:
    from graphscope.analysis.aggregate import key_averages

    with open_run(args.run_path) as reader:
        table = key_averages(reader, args.by, args.kind)
        damage, missing = reader.damage, reader.missing()
        run_name = reader.header().get("run", reader.path.stem)
    if args.json:
        print(json.dumps({"run": run_name, "kind": args.kind} | table.to_dict(), indent=1))
    elif args.csv:
        print(_for_terminal(table.to_csv()), end="")
    elif not table.rows:
        print(f"{run_name!r} has no {args.kind} step with timings yet.")
    else:
        width = shutil.get_terminal_size((120, 24)).columns
        text = table.table(args.sort, args.top or -1, max(width, 60))
        print(_for_terminal(text))
    if damage:
        print(f"graphscope table: {damage} What is intact is shown.", file=sys.stderr)
    for what in missing:
        print(_for_terminal(f"graphscope table: {what}"), file=sys.stderr)
    return 0


def _for_terminal(text: str) -> str:
    """The text in what this terminal can show: an ASCII-only one gets question marks, no error."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)
