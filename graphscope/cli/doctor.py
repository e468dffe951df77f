"""``graphscope doctor``: what is wrong with a run, where, and how to fix it."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from graphscope.analysis.doctor import Doctor, Finding, stands
from graphscope.cli.runs import RUN_HELP, open_run

HELP = "say what is wrong with a run, and how to fix it"
DESCRIPTION = """\
Looks at a recorded run with all rules of the doctor, and prints what they find, worst first: the numbers, the
line, what it means and what to change. The exit code is 1 when an error-level finding stands, so that a test
can ask.

Thresholds and what is to be quiet are read from [tool.graphscope.rules] in a pyproject.toml, or from [rules] in
a graphscope.toml, in the run's folder or above it. "# graphscope: mute RULE" on a line mutes it there."""
EPILOG = """\
example:
  graphscope doctor runs/                              the newest run
  graphscope doctor runs/digits.gscope --json > findings.json
  graphscope doctor runs/ --mute summed-loss --mute "dead-relu:net.3*"
  graphscope doctor --rules                            every rule, with its settings"""
CODE_AROUND = 2
_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("run_path", metavar="RUN", nargs="?", help=RUN_HELP)
    add("--json", action="store_true", help="print the findings as JSON")
    add(
        "--mute",
        action="append",
        default=[],
        metavar="ID",
        help="leave a rule out, or ID:PATTERN: its findings whose key fits (may be given again)",
    )
    add("--all", action="store_true", help="also what is muted, and what has cleared since")
    add("--rules", action="store_true", help="list the rules and stop")


def run(args: argparse.Namespace) -> int:
    if args.rules:
        _list_rules()
        return 0
    if args.run_path is None:
        from graphscope.errors import UsageError

        raise UsageError("which run? give a trace file or a folder of them (or --rules)")
    with_problem = ""
    with open_run(args.run_path) as reader:
        doctor = Doctor(reader, mute=args.mute, all=args.all)
        found = doctor.update()
        shown = found if args.all else [f for f in found if f.active]
        if args.json:
            print(json.dumps(_as_json(doctor, found), indent=1, ensure_ascii=False))
        else:
            _print(doctor, shown, len(found) - len(shown))
        with_problem = reader.damage or ""
    if with_problem:
        print(f"graphscope doctor: {with_problem} What is intact was looked at.", file=sys.stderr)
    return 1 if stands(found) else 0


def _as_json(doctor: Doctor, found: list[Finding]) -> dict[str, Any]:
    return {
        "run": doctor.case.header.get("run", ""),
        "path": str(doctor.reader.path),
        "state": doctor.reader.state(doctor.case.header),
        "rules": len(doctor.rules),
        "unjudged": dict(doctor.unjudged),
        "settings": None if doctor.settings_file is None else str(doctor.settings_file),
        "findings": [f.to_dict() | {"code": doctor.line(f.site).strip()} for f in found],
    }


# ---------------------------------------------------------------- the terminal


def _print(doctor: Doctor, found: list[Finding], cleared: int) -> None:
    from rich.console import Console

    width = min(max(shutil.get_terminal_size((120, 24)).columns, 60), 140)
    console = Console(highlight=False, width=width)
    for finding in found:
        _one(console, doctor, finding)
    counts = {s: sum(f.severity == s and f.active for f in found) for s in _COLOURS}
    said = ", ".join(
        f"{n} {s}{'' if n == 1 or s == 'info' else 's'}" for s, n in counts.items() if n
    )
    looked = f"{len(doctor.rules)} rules looked"
    if doctor.unjudged:
        looked += f", {len(doctor.unjudged)} had nothing to judge by"
    console.print(_text(f"{said or 'Nothing found'}. {looked}.", "bold" if found else "green"))
    if cleared:
        console.print(_text(f"{cleared} more had cleared by the end; --all shows them.", "dim"))


def _one(console: Any, doctor: Doctor, f: Finding) -> None:
    from rich.padding import Padding
    from rich.text import Text

    colour = _COLOURS.get(f.severity, "white")
    head = Text()
    head.append(_clean(f.severity.upper()), style=f"bold {colour}")
    head.append(f"  {_clean(f.title)}", style="bold")
    head.append(f"  {f.id}" + ("" if f.active else "  (cleared)"), style="dim")
    console.print(head)
    for line, style in (
        (f.detail, ""), (_when(f), "dim"), (f.means, "dim"),
    ):  # fmt: skip
        if line:
            console.print(Padding(_text(line, style), (0, 0, 0, 2), expand=False))
    for text, style in _code(doctor, f):
        console.print(
            Padding(_text(text, style), (0, 0, 0, 2), expand=False),
            no_wrap=True,
            overflow="ellipsis",
            crop=True,
        )
    if f.fix:
        fix = Text("fix: ", style="bold green")
        fix.append(_clean(f.fix))
        console.print(Padding(fix, (0, 0, 0, 2), expand=False))
    if f.link:
        console.print(Padding(_text(f.link, "dim"), (0, 0, 0, 2), expand=False), soft_wrap=True)
    console.print()


def _when(f: Finding) -> str:
    if f.first_step < 0:
        return ""
    kind = "" if f.kind == "train" else f"{f.kind} "
    if f.first_step == f.last_step:
        return f"{kind}step {f.first_step}"
    return f"{kind}steps {f.first_step} to {f.last_step}"


def _code(doctor: Doctor, f: Finding) -> list[tuple[str, str]]:
    """The line and a few around it, as they were when the program ran."""
    if f.site is None:
        return []
    rows = [
        (
            f"{_short(f.site.file)}:{f.site.line}" + (f" in {f.site.func}" if f.site.func else ""),
            "dim",
        )
    ]
    first = max(1, f.site.line - CODE_AROUND)
    for number in range(first, f.site.line + CODE_AROUND + 1):
        line = doctor.line(f.site._replace(line=number)).rstrip()
        if not line and number != f.site.line:
            continue
        here = number == f.site.line
        rows.append((f"{'>' if here else ' '} {number:>5} | {line}", "bold" if here else "dim"))
    return rows if len(rows) > 2 or rows[-1][0].split("|")[-1].strip() else rows[:1]


def _short(file: str) -> str:
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except ValueError:
        return file


def _text(text: str, style: str) -> Any:
    from rich.text import Text

    return Text(_clean(text), style=style)


def _clean(text: str) -> str:
    """Without control characters: what a program named its variables must not steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text.replace("\t", "    "))


def _list_rules() -> None:
    from rich.console import Console
    from rich.table import Table

    from graphscope.analysis.rules import RULES

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("rule", "severity", "topic", "says", "settings"):
        table.add_column(name, overflow="fold")
    for rule in RULES:
        settings = ", ".join(f"{k} = {v:g}" for k, v in rule.settings.items())
        table.add_row(
            rule.id, _text(rule.severity, _COLOURS[rule.severity]), rule.topic, rule.title, settings
        )
    Console(highlight=False).print(table)
