"""The manual of the rules, ``docs/rules.md``: written from the rules themselves, so that it cannot be wrong.

python -m graphscope.analysis.rules.manual docs/rules.md
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from graphscope.analysis.rules import RULES
from graphscope.analysis.rules.rule import TOPICS, Rule

HEAD = """\
# The doctor's rules

This page is made from the rules (`python -m graphscope.analysis.rules.manual docs/rules.md`).

`graphscope doctor RUN` prints what the rules find in a recorded run, worst first, with the numbers, the line and
the change to make; its exit code is 1 when an error-level finding stands. `p.findings()` of a profile and
`graphscope.open_run(path).findings()` return the same as objects, `--json` prints them, and the Health page of the
dashboard shows them while the program runs. Rules read the trace in the process of the reader: the training pays
nothing for them.

A rule about values looks at each step whose values were taken. It shows after as many hits in a row as its
patience says, and is armed again by the first check without one. What happened once and cannot be undone (an
exception, a NaN) stands until the end of the run.

## Settings

The first `graphscope.toml` or `pyproject.toml` with such a table counts, from the run's folder upwards:

```toml
[tool.graphscope.rules]             # in a graphscope.toml: [rules]
mute = ["two-linears", "dead-relu:net.3*"]

[tool.graphscope.rules.vanishing-gradient]
rms = 1e-8
patience = 5
severity = "warning"                # error, warning, info or off
```

`mute` takes ids of rules, or `id:pattern` for findings whose key (a parameter, a node) fits the pattern. The
remark `# graphscope: mute two-linears` on a line mutes that rule there; without a name it mutes all of them.
"""
WHEN = {
    "graph": "when a graph is new", "run": "at the run so far", "steps": "at each step",
    "values": "at each step with values",
}  # fmt: skip


def manual(rules: Sequence[Rule] = RULES) -> str:
    """The page as Markdown."""
    parts = [HEAD, _contents(rules)]
    for topic in TOPICS:
        of = [rule for rule in rules if rule.topic == topic]
        if of:
            parts.append(f"## {topic.capitalize()}\n")
            parts += [_rule(rule) for rule in of]
    return "\n".join(parts)


def _contents(rules: Sequence[Rule]) -> str:
    rows = ["## All rules\n", "| rule | severity | says |", "|---|---|---|"]
    rows += [
        f"| [{rule.id}](#{rule.id}) | {rule.severity} | {_plain(rule.title)} |" for rule in rules
    ]
    return "\n".join(rows) + "\n"


def _rule(rule: Rule) -> str:
    lines = [
        f"### {rule.id}\n",
        f"**{_plain(rule.title)}** ({rule.severity}; looks {WHEN[rule.on]}"
        + (f"; patience {rule.patience}" if rule.patience > 1 else "") + ")\n",
        f"{_plain(rule.means)}\n",
        f"*What to do:* {_plain(rule.fix)}\n",
    ]  # fmt: skip
    if rule.settings:
        lines += ["| setting | default | meaning |", "|---|---|---|"]
        lines += [
            f"| {name} | {value:g} | {_plain(rule.about.get(name, ''))} |"
            for name, value in rule.settings.items()
        ]
        lines.append("")
    notes = [
        f"Source: {_plain(rule.source)}." if rule.source else "",
        f"See <{rule.link}>." if rule.link else "",
    ]
    lines.append(" ".join(note for note in notes if note) + "\n")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Without what Markdown would take for markup."""
    return re.sub(r"([|<>*_])", r"\\\1", text)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(manual(), encoding="utf-8")
