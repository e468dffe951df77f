"""The doctor's rules, in the order in which their findings are listed."""

from __future__ import annotations

from graphscope.analysis.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
