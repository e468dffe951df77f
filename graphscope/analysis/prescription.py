"""What a user sets for the doctor: thresholds, patience, severities, and what is to be quiet.

    [tool.graphscope.rules]              # pyproject.toml; in a graphscope.toml: [rules]
    mute = ["two-linears", "dead-relu:net.3*"]

    [tool.graphscope.rules.vanishing]
    patience = 5
    severity = "info"                    # or "off"

The first ``graphscope.toml`` or ``pyproject.toml`` with such a table counts, from the run's folder upwards.
One line of a program is muted in place: ``# graphscope: mute two-linears`` (without a name: every rule).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from graphscope.analysis.rules.rule import SEVERITIES, Rule
from graphscope.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OWN, SHARED = "graphscope.toml", "pyproject.toml"
_REMARK = re.compile(r"#\s*graphscope:\s*mute\b([^#]*)")


@dataclass
class Prescription:
    """Settings by rule, patterns of muted findings, and what of it makes no sense (``problems``)."""

    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    mute: tuple[str, ...] = ()
    problems: list[str] = field(default_factory=list)

    def settings(self, rule: Rule) -> dict[str, float]:
        """The rule's thresholds, with what the user changed."""
        own = self.rules.get(rule.id, {})
        return {name: float(own.get(name, value)) for name, value in rule.settings.items()}

    def patience(self, rule: Rule) -> int:
        return max(1, int(self.rules.get(rule.id, {}).get("patience", rule.patience)))

    def severity(self, rule: Rule, own: str = "") -> str:
        """How much a hit weighs: what the user says, else the hit, else the rule."""
        return str(self.rules.get(rule.id, {}).get("severity", own or rule.severity))

    def is_off(self, rule: Rule) -> bool:
        return rule.id in self.mute or self.severity(rule) == "off"

    def is_mute(self, rule: str, key: str, line: str = "") -> bool:
        """Whether a finding is to be quiet, by its rule, its key, or a remark on its line."""
        for pattern in self.mute:
            name, _, of = pattern.partition(":")
            if fnmatchcase(rule, name) and (not of or fnmatchcase(key, of)):
                return True
        remark = _REMARK.search(line)
        if remark is None:
            return False
        named = remark[1].replace(",", " ").split()
        return not named or rule in named


def prescription(
    rules: Sequence[Rule], settings: Mapping[str, Any] | None = None, mute: Sequence[str] = ()
) -> Prescription:
    """A checked prescription from a table as it stands in the file."""
    made = Prescription()
    known = {rule.id: rule for rule in rules}
    for name, value in dict(settings or {}).items():
        if name == "mute":
            if isinstance(value, list) and all(isinstance(text, str) for text in value):
                mute = [*value, *mute]
            else:
                made.problems.append("mute must be a list of texts, each a rule's id or id:pattern")
        elif name not in known:
            made.problems.append(f"there is no rule {name!r}{_close(name, known)}")
        elif not isinstance(value, Mapping):
            made.problems.append(f"{name} must be a table of settings")
        else:
            made.rules[name] = _checked(known[name], value, made.problems)
    made.mute = tuple(mute)
    for pattern in made.mute:
        head = pattern.partition(":")[0]
        if not any(fnmatchcase(id, head) for id in (*known, "rule-failed", "settings")):
            made.problems.append(f"mute: there is no rule {head!r}{_close(head, known)}")
    return made


def _checked(rule: Rule, given: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    good: dict[str, Any] = {}
    for key, value in given.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if key == "severity":
            right = value in (*SEVERITIES, "off")
            must = f"must be one of {', '.join((*SEVERITIES, 'off'))}"
        elif key == "patience":
            right, must = number and value >= 1, "must be a number of checks, 1 or more"
        elif key in rule.settings:
            right, must = number, "must be a number"
        else:
            names = [*rule.settings, "patience", "severity"]
            right, must = False, f"is no setting of it; there are {', '.join(names)}"
        if right:
            good[key] = value
        else:
            problems.append(f"{rule.id}: {key} = {value!r} {must}")
    return good


def _close(name: str, known: Mapping[str, Any]) -> str:
    from difflib import get_close_matches

    found = get_close_matches(name, known, 1)
    return f"; did you mean {found[0]!r}?" if found else ""


def settings_for(run: Path) -> tuple[dict[str, Any], Path | None]:
    """The table of rules that counts for a run, and the file that it is from; empty where there is none.

    Raises: UsageError for a file that is not TOML, or whose table is none.
    """
    folder = Path(run).resolve().parent
    for where in (folder, *folder.parents):
        for name, path in ((OWN, ("rules",)), (SHARED, ("tool", "graphscope", "rules"))):
            file = where / name
            if not file.is_file():
                continue
            table = _read(file)
            for key in path:
                table = table.get(key, {}) if isinstance(table, dict) else {}
            if not isinstance(table, dict):
                raise UsageError(f"{file}: {'.'.join(path)} must be a table")
            if table or name == OWN:
                return table, file
    return {}, None


def _read(file: Path) -> Any:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise UsageError(f"{file} cannot be read: {problem}") from None
