"""``graphscope compare``: two runs side by side, in time and in numbers."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

from graphscope.analysis.compare import GROUPS
from graphscope.cli.runs import RUN_HELP, open_run, step_number
from graphscope.cli.table import _for_terminal, _rows
from graphscope.errors import UsageError

HELP = "compare two runs: time per op, structure, numbers"
DESCRIPTION = """\
Says whether two runs ran the same ops, what each op costs in both, and where their numbers part.

  B / A     time of one step in B over A: 2 is twice as long
  verdict   faster or slower only where the middle halves of both samples do not overlap
  FLOP, moved   operations of one step, and bytes read and written (a wide terminal shows them)
  (whole step)  without what recording cost

The exit code is 0; with --tolerance it is 1 when B is worse: other ops, calls, bytes or operations, or
more time than allowed. With --steps the two are steps of one run.

--numbers adds a table of the values and gradients that differ most, at the first step in which any does:
the largest absolute difference, the same over the largest element, and in float32 steps (ULP)."""
EPILOG = """\
example:
  graphscope compare runs/cpu.gscope runs/gpu.gscope
  graphscope compare runs/old.gscope runs/new.gscope --by line
  graphscope compare runs/float32.gscope runs/float64.gscope --numbers
  graphscope compare runs/digits.gscope --steps 10 200 --by scope
  graphscope compare runs/base.gscope runs/ --tolerance 0.2      in a test: B may be a fifth slower"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("run_a", metavar="A", help=RUN_HELP)
    add("run_b", metavar="B", nargs="?", help="the same; none with --steps")
    add(
        "--steps",
        nargs=2,
        type=step_number,
        metavar=("M", "N"),
        help="compare step N with step M of A",
    )
    add("--by", choices=GROUPS, default="op", help="what a row is (default: op)")
    add("--kind", choices=("train", "eval"), default="train", help="steps (default: train)")
    add("--top", type=_rows, default=20, metavar="N", help="rows to print (default: 20; 0: all)")
    add("--numbers", action="store_true", help="list the values and gradients that differ most")
    add("--rtol", type=_share, default=1e-4, help="numbers agree within this share (default: 1e-4)")
    add("--tolerance", type=_allowed, metavar="SHARE", help="fail when B takes this much more time")
    add("--json", action="store_true", help="print everything as JSON, times in nanoseconds")


def _allowed(text: str) -> float:
    return _number(text, "is no tolerance; 0.2 allows a fifth more time")


def _share(text: str) -> float:
    return _number(text, "is no share; 1e-4 is a ten-thousandth")


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} {what}")
    return value


def run(args: argparse.Namespace) -> int:
    from graphscope.analysis import numeric
    from graphscope.analysis.compare import compare, regressions

    if args.steps is not None:
        return _steps(args)
    if args.run_b is None:
        raise UsageError("give two runs, or one and --steps M N (see graphscope compare --help)")
    with open_run(args.run_a) as a, open_run(args.run_b) as b:
        if a.path.resolve() == b.path.resolve():
            raise UsageError(f"A and B are the same run, {a.path}.")
        found = compare(a, b, args.by, args.kind)
        steps = numeric.common_steps(a, b, args.kind)
        apart = numeric.first_divergent(a, b, args.rtol, kind=args.kind)
        at = apart.step if apart else steps[-1] if steps else None
        nodes = [] if at is None else numeric.differences(a, b, at, kind=args.kind)
        worse = [] if args.tolerance is None else regressions(found, args.tolerance)
    if args.json:
        numbers = {
            "steps": len(steps), "first_divergent": asdict(apart) if apart else None,
            "nodes": [asdict(node) for node in nodes],
        }  # fmt: skip
        print(
            json.dumps(
                _jsonable(found.to_dict() | {"numbers": numbers, "regressions": worse}), indent=1
            )
        )
    else:
        width = max(shutil.get_terminal_size((120, 24)).columns, 60)
        print(_for_terminal(found.table(args.top or -1, width)))
        print(_for_terminal(_numbers(len(steps), apart)))
        if args.numbers and nodes:
            print(_for_terminal(_nodes(nodes, args.top, width)))
    for sentence in worse:
        print(f"graphscope compare: {sentence}", file=sys.stderr)
    return 1 if worse else 0


def _steps(args: argparse.Namespace) -> int:
    """Two steps of one run."""
    from graphscope.analysis import numeric
    from graphscope.analysis.compare import compare_steps

    if args.run_b is not None or args.tolerance is not None:
        raise UsageError("--steps compares steps of one run; it takes no B and no --tolerance")
    with open_run(args.run_a) as a:
        before, after = args.steps
        found = compare_steps(a, before, after, args.by, args.kind)
        sampled = a.value_steps(args.kind)
        nums = [a.step(num, args.kind).num for num in (before, after)]
        nodes = []
        if set(nums) <= {*sampled}:
            nodes = numeric.differences(a, a, nums[0], nums[1], args.kind)
    if args.json:
        told = found.to_dict() | {"numbers": {"nodes": [asdict(node) for node in nodes]}}
        print(json.dumps(_jsonable(told), indent=1))
        return 0
    width = max(shutil.get_terminal_size((120, 24)).columns, 60)
    print(_for_terminal(found.table(args.top or -1, width)))
    if args.numbers:
        missing = "Statistics were not taken in both steps, so their numbers are not compared."
        text = _nodes(nodes, args.top, width) if nodes else missing
        print(_for_terminal(f"\n{text.lstrip()}"))
    return 0


def _nodes(nodes: list[Any], top: int, width: int) -> str:
    """The largest differences as a table."""
    from graphscope.analysis.numeric import table

    return "\n" + "\n".join(table(nodes, top or len(nodes), width))


def _numbers(steps: int, apart: Any) -> str:
    from graphscope import units

    if not steps:
        return "\nNo step has statistics in both runs, so their numbers are not compared."
    if apart is None:
        which = "the one step" if steps == 1 else f"all {units.count(steps)} steps"
        return f"\nTheir numbers agree in {which} that both sampled."
    where = f" ({PurePath(apart.line).name})" if apart.line else ""
    return (
        f"\nTheir numbers part at step {apart.step}, first in {apart.name}{where}: largest difference "
        f"{units.number(apart.max_abs)}, {units.number(apart.max_rel)} of the largest value, "
        f"{units.number(apart.ulp)} float32 steps."
    )


def _jsonable(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    if isinstance(value, float) and value - value != 0:
        return None
    if isinstance(value, dict):
        return {k: _jsonable(v) for k, v in value.items()}
    return [_jsonable(v) for v in value] if isinstance(value, list) else value
