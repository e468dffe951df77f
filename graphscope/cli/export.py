"""``graphscope export``: a run as a figure, or as a file of another tool."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from graphscope.cli import chart
from graphscope.cli.runs import RUN_HELP, open_run, step_number
from graphscope.errors import UsageError
from graphscope.trace.reader import TraceReader

HELP = "save a run as a figure, or for other tools"
DESCRIPTION = """\
The suffix of the file says what is saved.

  graph of one step     .svg .pdf (vector figures), .png, .tikz .tex (LaTeX), .dot, .mmd (Mermaid)
  charts of the run     the same with --chart loss, timeline, memory or ops (not .dot, .mmd)
  that graph, playing   .html (one offline page), .gif .apng .mp4; with --steps over the training
  timeline of the run   .json (Perfetto, chrome://tracing), .speedscope.json
  one row per op        .csv, .parquet
  memory of a step      .pickle (PyTorch's memory viewer)
  the whole run         report.html (one offline page: findings, curves, graph, time, memory)
  curves, histograms    a folder: logs/ or run.tb (TensorBoard)"""
EPILOG = """\
example:
  graphscope export runs/digits.gscope --to graph.svg
  graphscope export runs/ --to slide.png --step 250 --theme dark --style modules
  graphscope export runs/ --to slide.html --steps 0:50
  graphscope export runs/ --to loss.pdf --chart loss --theme print
  graphscope export runs/ --to two.svg --step 3 --beside 7
  graphscope export runs/ --to trace.json --steps 100:120
  graphscope export runs/ --to report.html
  graphscope export runs/ --to logs/"""
FIGURES = (".svg", ".pdf", ".png", ".tikz", ".tex", ".dot", ".gv", ".mmd", ".mermaid", ".pgfplots")
PLAYING = (".html", ".gif", ".apng", ".mp4")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("run_path", metavar="RUN", help=RUN_HELP)
    add("--to", required=True, metavar="FILE", help="where to save; its suffix is the format")
    add(
        "--step",
        type=step_number,
        default=None,
        metavar="N",
        help="one step (figures: default the last)",
    )
    add(
        "--steps",
        type=steps,
        metavar="A:B",
        help="from step A to before step B (not for still figures)",
    )
    figure = parser.add_argument_group("figures")
    more = figure.add_argument
    more("--style", default="graph", help="graph, circuit, modules, math, forward or reverse")
    more("--theme", default="light", help="light, dark (projector) or print")
    more(
        "--collapse",
        metavar="DEPTH",
        help="to which depth modules are open, or names of shut ones: a,b",
    )
    more("--show", metavar="PARTS", help="of name,op,shape,value,grad,time,memory,site")
    more("--direction", help="down, right or up")
    more("--highlight", metavar="NAMES", help="variables, ops or modules to be framed: w1,relu")
    more("--color", help="family, time, memory or grad")
    more("--title", help="default: the name of the run")
    more("--width", type=float, metavar="PX", help="how wide the figure is shown")
    more("--font", default="normal", help="normal or large")
    more("--explain", action="store_true", help="circuit: a sentence for each kind of gate")
    more("--path", metavar="A,B", help="math: the chain rule from A to B")
    chart.add_arguments(parser)


def steps(text: str) -> range:
    """``A:B`` as a range; either side may be missing."""
    first, colon, last = text.partition(":")
    if not colon or not all(
        part == "" or part.isascii() and part.isdigit() for part in (first, last)
    ):
        raise argparse.ArgumentTypeError(f"{text} is no range of steps; try 100:120")
    return range(int(first or 0), int(last) if last else 1 << 62)


def run(args: argparse.Namespace) -> int:
    from graphscope.export.runs import RUN_EXPORTERS, run_exporter_for

    target = Path(args.to)
    exporter = run_exporter_for(args.to)
    if target.suffix.lower() not in (*FIGURES, *PLAYING) and exporter is None:
        suffix = f"the suffix {target.suffix}" if target.suffix else "no suffix"
        known = ", ".join((*FIGURES, *PLAYING, *(e.suffix for e in RUN_EXPORTERS)))
        raise UsageError(
            f"{target} has {suffix}; there are {known}, and a folder for TensorBoard. "
            f"For example: --to {target.stem or 'graph'}.svg"
        )
    if args.step is not None and args.steps is not None:
        raise UsageError("give --step or --steps, not both")
    if not target.parent.is_dir():
        raise UsageError(f"The folder {target.parent} does not exist; make it first.")
    with open_run(args.run_path) as reader:
        if chart.saved(reader, args, target):
            print(target)
            return 0
        if exporter is None:
            _figure(reader, args, target)
            print(target)
            return 0
        chosen = _chosen(reader, args)
        written = exporter.write(reader, target, chosen)
    facts = ", ".join(
        f"{n} {what if n != 1 else what.removesuffix('s')}" for what, n in written.items()
    )
    print(f"{target}: {facts}; open it with {exporter.opened_by}")
    return 0


def _figure(reader: TraceReader, args: argparse.Namespace, target: Path) -> None:
    from graphscope.export.figure import figure_of_run

    if args.steps is not None:
        if target.suffix.lower() not in PLAYING:
            raise UsageError(
                f"a figure shows one step: give --step N; {', '.join(PLAYING)} take --steps"
            )
        from graphscope.export.over_steps import figure_over_steps

        figure_over_steps(reader, args.steps, **figure_options(args)).save(target)
        return
    step = -1 if args.step is None else args.step
    reader.step(step)  # a wrong step is told here, in one sentence
    figure_of_run(reader, step, **figure_options(args)).save(target)


def figure_options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of a figure out of the words of the command line."""
    found: dict[str, Any] = {"style": args.style, "theme": args.theme, "font": args.font}
    for name in ("direction", "color", "title", "width"):
        if getattr(args, name) is not None:
            found[name] = getattr(args, name)
    for name in ("show", "highlight", "path"):
        if getattr(args, name) is not None:
            found[name] = [part for part in getattr(args, name).split(",") if part]
    if args.collapse is not None:
        words = args.collapse
        found["collapse"] = int(words) if words.isdigit() else words.split(",")
    if args.explain:
        found["explain"] = True
    return found


def _chosen(reader: TraceReader, args: argparse.Namespace) -> list[int] | None:
    """The training steps asked for; None: the format's own choice."""
    if args.step is not None:
        return [reader.step(args.step).num]
    if args.steps is None:
        return None
    nums: list[int] = [n for n in reader.steps("train").num.tolist() if n in args.steps]
    if not nums:
        last = reader.step(-1).num
        raise UsageError(f"no training step lies in that range; the run has steps 0 to {last}")
    return nums
