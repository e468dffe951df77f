"""What is said of a mistake: torch's type of exception, our own words, the values, and the user's line.

A case makes one mistake with both libraries. Our text must name the values, must say the line of the case,
and must not repeat torch's sentence.
"""

from __future__ import annotations

import re
from operator import attrgetter
from pathlib import Path

import pytest

import graphscope as gs
from tests.parity.beside import quiet, torch


class Bare:
    """Nothing that a library knows."""


def ones(m, *shape):
    return m.ones(*shape)


def leaf(m, *shape):
    return m.ones(*shape, requires_grad=True)


def runs(text, n=5):
    """All runs of n words of a text, numbers and signs left out."""
    words = re.findall(r"[a-z_']+", text.lower())
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def check(case, part, file):
    """Make a mistake with both libraries; ``part`` is the module of theirs that it is made with."""
    make, *shown = case
    with quiet(), pytest.raises(Exception) as theirs:
        make(torch, attrgetter(part)(torch))
    with quiet(), pytest.raises(type(theirs.value)) as ours:
        make(gs, attrgetter(part)(gs))
    text = str(ours.value)
    for value in shown:
        assert value in text
    assert f"{Path(file).name}:" in text
    assert not runs(text) & runs(str(theirs.value)), text
