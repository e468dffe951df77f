"""An op's formulas with the names of this graph put in: what it computes, and what flows through it."""

from __future__ import annotations

import re

from graphscope.view.styles.scene import Scene
from graphscope.view.typeset import name_tex

_TOKEN = re.compile(
    r"\\bar\{(\w+)\}|\\(?:mathrm|operatorname|text|mathit)\{[^{}]*\}|\\[A-Za-z]+|\\.|[A-Za-z_]\w*"
)
_SIMPLE = re.compile(r"([A-Za-z]|\\[A-Za-z]+(?:\{\})?)(_\{[^{}]*\})?")
LONGEST = 260  # of TeX; a formula beyond it is no help to anybody


def decorated(tex: str, sign: str) -> str:
    r"""A name under a ``bar`` (adjoint) or ``dot`` (tangent): \bar{v}_{1}."""
    simple = _SIMPLE.fullmatch(tex)
    if simple:
        return rf"\{sign}{{{simple[1]}}}{simple[2] or ''}"
    return rf"\overline{{{tex}}}" if sign == "bar" else rf"\dot{{{tex}}}"


def _bracketed(tex: str) -> str:
    return rf"\left({tex}\right)" if tex.startswith("-") else tex


class _Names:
    """The TeX of an op's inputs by the names that the op gives them."""

    def __init__(self, scene: Scene, op: int) -> None:
        self.scene, self.op = scene, op
        self.info = scene.graph.op_info(op)
        self.values = scene.inputs[op]
        self.named = {
            name: _bracketed(scene.tex(value))
            for name, value in zip(self.info.inputs, self.values, strict=False)
        }
        # In a gradient formula y is the output, unless an input is called so.
        self.inner = {"y": scene.tex(op), **self.named}
        everything = [op, *(v for v in self.values if not scene.is_number(v))]
        self.scalar = all(scene.scalar(v) for v in everything)

    def fill(self, tex: str, incoming: str) -> str:
        """The names in a gradient formula replaced; ``incoming`` stands for the gradient that comes."""

        def put(found: re.Match[str]) -> str:
            if found[1] is not None:
                return incoming if found[1] == "y" else found[0]
            return self.inner.get(found[0], found[0])

        return self.tidy(_TOKEN.sub(put, tex))

    def tidy(self, tex: str) -> str:
        return tex.replace(r"\odot", r"\cdot") if self.scalar else tex


def forward(scene: Scene, op: int) -> str:
    """The right side of what an op computes, ``w_{0} \\cdot x_{0}``."""
    names = _Names(scene, op)
    info = names.info
    if info.tex and len(names.values) <= len(info.inputs) and "*" not in info.inputs:
        left_out = dict.fromkeys(info.inputs, "")
        try:
            made = names.tidy(info.tex.format(**{**left_out, **names.named}))
            made = re.sub(r"\s*\+\s*$", "", made)  # a bias that is not there
            if len(made) <= LONGEST:
                return made
        except (KeyError, IndexError, ValueError):
            pass
    shown = ", ".join(scene.tex(v) for v in names.values[:4])
    more = ", \\ldots" if len(names.values) > 4 else ""
    return rf"{name_tex(info.name)}({shown}{more})"


def contribution(scene: Scene, op: int, slot: int, incoming: str) -> str:
    """What an op hands to one input when ``incoming`` arrives, ``\\bar{v}_{1} \\cdot x_{0}``; "" if it is not known."""
    names = _Names(scene, op)
    if slot >= len(names.info.inputs):
        return ""
    found = names.info.vjp_tex.get(names.info.inputs[slot], "")
    if names.info.name == "pow" and slot == 0 and len(names.values) == 2:
        return names.tidy(_power(scene, names, incoming))
    _, equals, right = found.partition("=")
    if not equals or len(right) > LONGEST:
        return ""
    filled = names.fill(right.strip(), incoming)
    return filled if len(filled) <= LONGEST else ""


def _power(scene: Scene, names: _Names, incoming: str) -> str:
    """The gradient of a power, without the care for 0 that the program takes; 3 - 1 is written 2."""
    base, exponent = names.named[names.info.inputs[0]], names.named[names.info.inputs[1]]
    try:
        less = float(scene.constant(names.values[1]).replace("\u2212", "-")) - 1
    except ValueError:
        return rf"{incoming} \odot {exponent}\,{base}^{{{exponent} - 1}}"
    power = base if less == 1 else f"{base}^{{{less:g}}}"
    return rf"{incoming} \odot {exponent}\,{power}"


def transposed(scene: Scene, op: int, value: int) -> str:
    """What an op hands back where no closed form is known: its Jacobian, transposed, times what comes."""
    part = rf"\frac{{\partial {scene.tex(op)}}}{{\partial {scene.tex(value)}}}"
    return rf"\left({part}\right)^{{T}} {decorated(scene.tex(op), 'bar')}"


def gradients(scene: Scene, op: int) -> list[str]:
    """One formula for each input that a gradient goes to."""
    out = []
    for slot, value in enumerate(scene.inputs[op]):
        if scene.is_number(value) or not scene.wants(value):
            continue
        left = decorated(scene.tex(value), "bar")
        come = decorated(scene.tex(op), "bar")
        right = contribution(scene, op, slot, come)
        right = right or transposed(scene, op, value)
        sign = r"\mathrel{+=}" if len(scene.users.get(value, ())) > 1 else "="
        out.append(f"{left} {sign} {right}")
    return out


def adjoint(scene: Scene, value: int) -> str:
    """The right side of a value's adjoint: the sum of what its users hand back."""
    if value not in scene.users:
        return ""
    terms = []
    for op in dict.fromkeys(scene.users[value]):
        for slot, source in enumerate(scene.inputs[op]):
            if source == value:
                come = decorated(scene.tex(op), "bar")
                terms.append(contribution(scene, op, slot, come) or transposed(scene, op, source))
    return _sum(terms)


def tangent(scene: Scene, op: int) -> str:
    """The right side of a value's tangent: every input's tangent by its local derivative."""
    terms = []
    for slot, value in enumerate(scene.inputs[op]):
        if scene.is_number(value) or value not in scene.tangents:
            continue
        come = decorated(scene.tex(value), "dot")
        # An elementwise op multiplies by the same number whichever way: what holds for gradients holds here.
        if (op, slot) in scene.local:
            terms.append(contribution(scene, op, slot, come) or come)
        else:
            left = rf"\frac{{\partial {scene.tex(op)}}}{{\partial {scene.tex(value)}}}"
            terms.append(rf"{left}\,{come}")
    return _sum(terms) if terms else "0"


def _sum(terms: list[str]) -> str:
    shown = terms[:4]
    out = shown[0]
    for term in shown[1:]:
        out += f" - {term[1:]}" if term.startswith("-") else f" + {term}"
    return out + (r" + \ldots" if len(terms) > 4 else "")
