"""The rules as a list: what each must say, and the page that is made from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphscope.analysis.rules import RULES
from graphscope.analysis.rules.manual import manual
from graphscope.analysis.rules.rule import OCCASIONS, SEVERITIES, TOPICS, Rule

PAGE = Path(__file__).parents[3] / "docs" / "rules.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == manual(), (
        "python -m graphscope.analysis.rules.manual docs/rules.md"
    )


def test_ids_are_unique() -> None:
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_says_all_it_must(rule: Rule) -> None:
    assert rule.id == rule.id.lower() and " " not in rule.id
    assert rule.severity in SEVERITIES and rule.topic in TOPICS and rule.on in OCCASIONS
    assert rule.title and rule.means.endswith(".") and rule.fix.endswith((".", ")")), rule.id
    assert rule.source and rule.link.startswith("https://"), rule.id
    assert set(rule.about) <= set(rule.settings) | {"patience"}, rule.id
    assert set(rule.settings) <= set(rule.about), f"{rule.id}: settings without a meaning"
    assert "\u2014" not in rule.means + rule.fix + rule.title
    assert "patience" not in rule.settings and "severity" not in rule.settings


def test_the_page_escapes_markup() -> None:
    odd = Rule("odd", "<b> | *x*", "info", "training", "A_b.", "C.", lambda case, settings: ())
    text = manual([odd])
    assert "<b>" not in text and "\\<b\\> \\| \\*x\\*" in text
