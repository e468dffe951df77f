"""What keeps the pages alike in every browser, where the text of the scripts shows it (the browser tests run Chromium)."""

import re

from graphscope.webapp.assets_path import assets_path


def test_no_opacity_is_divided_back():
    """Firefox keeps it in four bytes: 0.55 / 0.55 is more than 1 there, which a canvas ignores, and all stays pale."""
    scripts = sorted(assets_path().rglob("*.js"))
    assert len(scripts) > 50
    assert not [s.name for s in scripts if re.search(r"globalAlpha\s*/=", s.read_text("utf-8"))]
