"""``graphscope export --chart`` and ``--beside``: charts of a run, and two of its steps side by side."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from graphscope.errors import UsageError
from graphscope.trace.reader import TraceReader

CHARTS = ("loss", "timeline", "memory", "ops")
PICTURES = (".svg", ".pdf", ".png", ".tikz", ".tex", ".pgfplots")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("charts (.svg, .pdf, .png, .tikz, .tex, .pgfplots)")
    group.add_argument(
        "--chart",
        choices=CHARTS,
        help="a chart instead of the graph; timeline and memory are of one step",
    )
    group.add_argument(
        "--beside",
        type=int,
        metavar="N",
        help="the graph of step N beside the other, differences marked",
    )


def saved(reader: TraceReader, args: argparse.Namespace, target: Path) -> bool:
    """Save the chart or the pair that was asked for; False when neither was.

    Raises: UsageError for options that do not go together.
    """
    if args.chart is None and args.beside is None:
        return False
    what = "--chart" if args.chart is not None else "--beside"
    if args.chart is not None and args.beside is not None:
        raise UsageError("give --chart or --beside, not both")
    if target.suffix.lower() not in PICTURES:
        raise UsageError(
            f"{what} makes a picture: {', '.join(PICTURES)}. Try --to {target.stem}.svg"
        )
    if args.steps is not None:
        raise UsageError(f"{what} does not take --steps; give --step N")
    step = -1 if args.step is None else args.step
    options: dict[str, Any] = {"theme": args.theme, "font": args.font}
    options |= {
        name: getattr(args, name) for name in ("title", "width") if getattr(args, name) is not None
    }
    if args.beside is not None:
        from graphscope.export.pair import pair_of_runs

        if args.show is not None:
            options["show"] = [part for part in args.show.split(",") if part]
        if args.collapse is not None and args.collapse.isdigit():
            options["collapse"] = int(args.collapse)
        pair_of_runs(reader, step, reader, args.beside, **options).save(target)
        return True
    from graphscope.export import charts

    if args.chart == "loss":
        charts.loss([reader], **options).save(target)
    elif args.chart == "ops":
        charts.ops(reader, **options).save(target)
    else:
        charts.CHARTS[args.chart](reader, step, **options).save(target)
    return True
