"""How layers follow each other, and in which mode they run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphscope.analysis.rules.case import Case
from graphscope.analysis.rules.losses import PASSES, through
from graphscope.analysis.rules.reach import moves, several
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.analysis.rules.wires import Wires

DROPS = frozenset({"dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"})
_CONVS = frozenset({"conv1d", "conv2d"})
_PRODUCTS = frozenset({"matmul", "mm"})
_MOVES = PASSES - {"select", "getitem", "narrow"}
_BETWEEN = _MOVES | DROPS | {"avg_pool2d", "avg_pool1d"}


def _data_of(wires: Wires, i: int, weights: set[int]) -> int | None:
    """The input of a linear layer that is data: None for what is no layer."""
    op, given = wires.ops[i], wires.inputs(i)
    if op == "linear" or op in _CONVS:
        return given[0] if wires.origin(through(wires, given[1], _MOVES)) in weights else None
    if op in _PRODUCTS and len(given) == 2:
        right = wires.origin(through(wires, given[1], _MOVES)) in weights
        left = wires.origin(through(wires, given[0], _MOVES)) in weights
        return None if right == left else given[0] if right else given[1]
    if op == "addmm" and len(given) == 3:
        return given[1] if wires.origin(through(wires, given[2], _MOVES)) in weights else None
    return None


def two_linears(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """A layer whose only input is another layer's output, with nothing that bends it in between."""
    for id in case.graphs():
        wires = case.wires(id)
        weights = {p.value for p in wires.parameters}
        for i in sorted(wires.differentiated):
            v = _data_of(wires, i, weights)
            if v is None:
                continue
            first = _linear_before(wires, v, weights)
            if first is None or (wires.ops[i] in _CONVS and not _dense(wires, i, first)):
                continue
            sizes = (
                _width(wires, _data_of(wires, first, weights)),
                _width(wires, first),
                _width(wires, i),
            )
            narrow = None not in sizes and sizes[1] < min(sizes[0] or 0, sizes[2] or 0)  # type: ignore[operator]
            yield Hit(
                -1,
                f"{_name(wires, first)} goes into {_name(wires, i)} with nothing between them"
                + (f" (through a bottleneck of {sizes[1]})." if narrow else ": together they are one linear layer."),
                {"first": _name(wires, first), "second": _name(wires, i), "widths": list(sizes)}, id, (i, first),
                wires.site(i), key=wires.graph.key(i), severity="info" if narrow else "",
            )  # fmt: skip


def _linear_before(wires: Wires, v: int, weights: set[int]) -> int | None:
    """The layer that made ``v``, if there is only moving, dropout and a bias between, and no other reader."""
    while v >= 0 and len([u for u in wires.users(v) if wires.is_forward(u)]) == 1:
        op, given = wires.ops[v], wires.inputs(v)
        if _data_of(wires, v, weights) is not None:
            return v
        if op in _BETWEEN:
            v = given[0]
        elif op in ("add", "add_") and len(given) == 2:  # a bias
            plain = [x for x in given if wires.origin(x) not in weights]
            if len(plain) != 1:
                return None
            v = plain[0]
        else:
            return None
    return None


def _dense(wires: Wires, i: int, first: int) -> bool:
    """Whether two convolutions in a row are no known design (depthwise, 1 x 1)."""
    for node in (i, first):
        if wires.ops[node] not in _CONVS:
            continue
        kernel = wires.shape(wires.inputs(node)[1]) or ()
        if int(wires.params(node).get("groups", 1)) > 1 or all(k == 1 for k in kernel[2:]):
            return False
    return True


def _width(wires: Wires, v: int | None) -> int | None:
    shape = None if v is None else wires.shape(v)
    if not shape:
        return None
    return shape[1] if v is not None and v >= 0 and wires.ops[v] in _CONVS else shape[-1]


def bias_before_norm(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """A bias that batch norm subtracts again."""
    for id in case.graphs():
        wires = case.wires(id)
        weights = {p.value for p in wires.parameters}
        for i in sorted(wires.differentiated):
            if wires.ops[i] != "batch_norm":
                continue
            v = through(wires, wires.inputs(i)[0], _MOVES)
            if v < 0 or wires.ops[v] not in _CONVS | {"linear"} or len(wires.inputs(v)) < 3:
                continue
            bias = wires.origin(wires.inputs(v)[2])
            if bias not in weights or len([u for u in wires.users(v) if wires.is_forward(u)]) > 1:
                continue
            yield Hit(
                -1,
                f"{_name(wires, v)} adds {wires.what(bias)}, and the batch norm behind it subtracts the mean, and the "
                "bias with it: its gradient is 0 but for rounding.",
                {"bias": wires.what(bias), "layer": _name(wires, v)}, id, (bias, v, i), wires.site(v),
                key=wires.what(bias),
            )  # fmt: skip


def dropout_at_evaluation(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """A dropout that drops although no gradient is wanted."""
    for id in case.graphs("eval"):
        wires = case.wires(id)
        found = [i for i in range(len(wires)) if wires.ops[i] in DROPS and wires.is_forward(i)]
        if found:
            p = wires.params(found[0]).get("p")
            yield Hit(
                -1,
                f"{len(found)} dropout{'s drop' if len(found) > 1 else ' drops'} a share of {p} in an evaluation: "
                "each call gives another answer, and a worse one.",
                {"dropouts": len(found), "p": p}, id, tuple(found), wires.site(found[0]), kind="eval",
            )  # fmt: skip


def left_in_train(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """Batch norm that takes the statistics of the batch, and changes its own, in an evaluation."""
    for id in case.graphs("eval"):
        wires = case.wires(id)
        training = {
            path
            for fact in case.facts(id, "program")
            for path, (_, on, past) in fact["layers"].items()
            if on and past
        }
        found = [
            i for i in range(len(wires))
            if wires.ops[i] == "batch_norm" and wires.graph.scope_path(i) in training
        ]  # fmt: skip
        if found:
            yield Hit(
                -1,
                f"{several([wires.graph.scope_path(i) for i in found])} normalise by the evaluation's own batch, and "
                "move their running statistics towards it: the result depends on what else is in the batch.",
                {"layers": len(found)}, id, tuple(found), wires.site(found[0]), kind="eval",
            )  # fmt: skip


def left_in_eval(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """A model that is trained while it is in evaluation mode as a whole."""
    for id in case.graphs():
        wires = case.wires(id)
        if not wires.roots or not any(moves(wires, p) for p in wires.parameters):
            continue
        for fact in case.facts(id, "program")[-1:]:
            for root, on in fact["roots"].items():
                idle = [
                    path for path, (_, trains, _) in fact["layers"].items()
                    if not trains and (path == root or path.startswith(f"{root}."))
                ]  # fmt: skip
                nodes = [i for i in range(len(wires)) if _inside(wires.graph.scope_path(i), root)]
                if on or not idle or not nodes:
                    continue
                yield Hit(
                    -1,
                    f"{root} is in evaluation mode in a step that trains it: {several(idle)} "
                    f"{'do' if len(idle) > 1 else 'does'} not do what training needs (dropout passes everything, batch "
                    "norm uses old statistics).",
                    {"root": root, "layers": idle}, id, (nodes[0],), wires.site(nodes[0]), f"Call {root}.train() before "
                    "training goes on, behind every evaluation.", root,
                )  # fmt: skip


def _inside(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}.")


def _name(wires: Wires, i: int) -> str:
    return wires.graph.scope_path(i) or wires.graph.name(i) or wires.ops[i]


_MODES = "https://docs.pytorch.org/docs/stable/notes/autograd.html#evaluation-mode-nn-module-eval"

RULES = (
    Rule(
        "two-linears", "Two linear layers with nothing between", "warning", "structure",
        "A product of two matrices is one matrix: the second layer costs time and memory and adds nothing that the "
        "first could not say.",
        "Put a non-linearity between them (ReLU, GELU), or make them one layer.",
        two_linears, source="UMLAUT; NeuraLint MissingRelus", link="https://cs231n.github.io/neural-networks-1/",
    ),
    Rule(
        "bias-before-norm", "A bias before batch norm", "info", "structure",
        "Batch norm subtracts the mean of each channel, and any bias with it. It is a parameter that cannot learn.",
        "Give the layer before a batch norm bias=False.",
        bias_before_norm, source="NeuraLint UselessBias",
        link="https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html",
    ),
    Rule(
        "dropout-at-evaluation", "Dropout is active in an evaluation", "warning", "structure",
        "Predictions are random, and accuracies too low.",
        "Call model.eval() before evaluating and model.train() before training again; give functional.dropout "
        "training=self.training.",
        dropout_at_evaluation, source="the recorded ops", link=_MODES,
    ),
    Rule(
        "left-in-train-mode", "Evaluated in training mode", "warning", "structure",
        "The result of one example depends on the others in its batch, and evaluating changes the model.",
        "Call model.eval() before evaluating and model.train() before training again.",
        left_in_train, source="the recorded ops, and the modes of the modules", link=_MODES,
    ),
    Rule(
        "left-in-eval-mode", "Trained in evaluation mode", "warning", "structure",
        "Dropout does nothing and batch norm learns no statistics: the training is another one than was written down.",
        "Call model.train() behind every evaluation.",
        left_in_eval, source="the modes of the modules", link=_MODES,
    ),
)  # fmt: skip
