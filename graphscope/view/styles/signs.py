"""What an op is called on a gate, and what it does to a gradient, in one sentence."""

from __future__ import annotations

from graphscope.view.styles.scene import Scene
from graphscope.view.typeset import name_tex

_SIGNS = {
    "add": "+", "sub": "-", "mul": r"\times", "div": r"\div", "neg": r"\times ({-1})", "exp": r"\exp", "log": r"\ln",
    "reciprocal": "1/x", "sigmoid": r"\sigma", "tanh": r"\tanh", "relu": r"\mathrm{ReLU}", "max": r"\max",
    "maximum": r"\max", "amax": r"\max", "min": r"\min", "minimum": r"\min", "amin": r"\min", "sin": r"\sin",
    "cos": r"\cos", "tan": r"\tan", "sqrt": r"\sqrt{x}", "square": "x^{2}", "abs": "|x|", "sum": r"\Sigma",
    "mm": r"\cdot", "matmul": r"\cdot", "pow": "x^{y}",
}  # fmt: skip
WORDS = frozenset(
    (r"\exp", r"\tanh", r"\max", r"\min", r"\sin", r"\cos", r"\tan", r"\mathrm{ReLU}")
)
"""Signs that say no more than the name of the op."""
COMMUTE = frozenset(("add", "mul", "maximum", "minimum"))
"""Ops whose inputs may be drawn in any order."""
_SENTENCES = {
    "add": "adds, so it distributes: every input gets the gradient as it is.",
    "sub": "distributes too: the second input gets the gradient with its sign turned.",
    "mul": "swaps: each input gets the gradient times the other input's value.",
    "div": "divides: the gradient is scaled by 1/y above, by \u2212x/y\u00b2 below.",
    "neg": "turns the sign of the gradient.",
    "exp": "is its own derivative: the gradient is scaled by the gate's output.",
    "log": "scales the gradient by 1/x: small inputs get large gradients.",
    "reciprocal": "scales the gradient by \u22121/x\u00b2.",
    "max": "routes: the larger input gets the whole gradient, the others nothing.",
    "min": "routes: the smaller input gets the whole gradient, the others nothing.",
    "relu": "is a switch: the gradient passes where the input is positive, else it stops.",
    "sigmoid": "scales the gradient by \u03c3(1 \u2212 \u03c3), at most 1/4.",
    "tanh": "scales the gradient by 1 \u2212 tanh\u00b2, at most 1.",
    "pow": "scales the gradient by n times the power below, n\u00b7x^(n \u2212 1).",
    "square": "scales the gradient by 2x.",
    "sqrt": "scales the gradient by 1/(2\u221ax).",
    "sin": "scales the gradient by cos x.",
    "cos": "scales the gradient by \u2212sin x.",
    "abs": "passes the gradient with the sign of its input.",
    "sum": "distributes: every element gets the same gradient.",
    "mean": "distributes: each of n elements gets 1/n of the gradient.",
    "mm": "swaps like mul: each matrix gets the gradient times the other, transposed.",
}
_SAME = {
    "maximum": "max", "amax": "max", "minimum": "min", "amin": "min", "matmul": "mm", "bmm": "mm", "clamp_min": "relu",
}  # fmt: skip


def sign(scene: Scene, op: int) -> str:
    """The sign on an op's gate as TeX; a number of the program goes with it (``+ 1``, ``x^3``)."""
    name = scene.graph.op_name(op)
    inputs = scene.inputs[op]
    numbers = [scene.is_number(v) for v in inputs]
    if len(inputs) == 2 and any(numbers) and not all(numbers):
        at = numbers.index(True)
        c = scene.tex(inputs[at])
        wrapped = f"({{{c}}})" if c.startswith("-") else c
        mixed = {
            "add": f"+\\,{wrapped}", "mul": rf"\times {wrapped}",
            "sub": f"-\\,{wrapped}" if at else f"{c} - x", "div": f"x/{c}" if at else f"{c}/x",
            "pow": f"x^{{{c}}}" if at else f"{c}^{{x}}",
        }  # fmt: skip
        if name in mixed:
            return mixed[name]
    found = _SIGNS.get(name)
    if found:
        return found
    return rf"\mathrm{{{name_tex(name)}}}" if len(name) > 1 else name_tex(name)


def sentence(scene: Scene, op: int) -> str:
    """What the gate does to a gradient that comes by."""
    name = scene.graph.op_name(op)
    numbers = [scene.is_number(v) for v in scene.inputs[op]]
    if len(numbers) == 2 and any(numbers):
        if name == "add":
            return "passes the gradient on as it is: adding a number shifts, no more."
        if name == "mul":
            return "scales the gradient by its number."
        if name == "div" and numbers[0]:
            return f"scales the gradient by \u2212{scene.constant(scene.inputs[op][0])}/x\u00b2."
        if name == "div":
            return "divides the gradient by its number."
    return _SENTENCES.get(
        _SAME.get(name, name), "multiplies the gradient by its local derivative, shown on the wire."
    )


def kind(scene: Scene, op: int) -> str:
    """Ops of one kind are explained once."""
    return sentence(scene, op)
