"""What the loss is given: activations in the wrong place, shapes that spread, sums instead of means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphscope.analysis.rules.case import Case
from graphscope.analysis.rules.rule import Hit, Rule
from graphscope.analysis.rules.wires import Wires

# Ops that only move or rename numbers: what is in front of them is what the loss sees.
PASSES = frozenset(
    {
        "reshape", "view", "flatten", "unflatten", "squeeze", "unsqueeze", "transpose", "permute", "cast", "clone",
        "select", "getitem", "narrow", "to_device", "expand", "copied",
    }
)  # fmt: skip
# Where each loss takes scores that no activation has been applied to, and what it applies itself.
LOGITS = {
    "cross_entropy": "log_softmax", "cross_entropy_soft": "log_softmax",
    "binary_cross_entropy_with_logits": "sigmoid",
}  # fmt: skip
_HARD = frozenset(
    {"relu", "sigmoid", "softmax", "hardsigmoid", "clamp_min"}
)  # no or few scores are left
_SOFT = frozenset(
    {
        "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "mish", "softplus", "prelu", "hardswish", "softsign", "tanh",
        "hardtanh", "rrelu", "log_softmax", "logsigmoid",
    }
)  # fmt: skip
_NAMES = {
    "cross_entropy": "cross_entropy", "cross_entropy_soft": "cross_entropy",
    "binary_cross_entropy_with_logits": "binary_cross_entropy_with_logits",
}  # fmt: skip
_NO_LOGS = frozenset(
    {
        "linear",
        "addmm",
        "matmul",
        "mm",
        "softmax",
        "sigmoid",
        "relu",
        "tanh",
        "conv2d",
        "conv1d",
        "dropout",
    }
)
_PAIRS = frozenset(
    {"sub", "mse_loss", "l1_loss", "smooth_l1_loss", "sub_scaled", "binary_cross_entropy"}
)
_SUMS = frozenset(
    {
        "cross_entropy", "nll_loss", "cross_entropy_soft", "binary_cross_entropy", "mse_loss", "l1_loss",
        "binary_cross_entropy_with_logits", "smooth_l1_loss", "kl_div", "poisson_nll_loss", "gaussian_nll_loss",
    }
)  # fmt: skip


def through(wires: Wires, v: int, ops: frozenset[str] = PASSES) -> int:
    """The value that ``v`` is, but for its shape: back through ops that only move numbers."""
    while v >= 0 and wires.ops[v] in ops and wires.inputs(v):
        v = wires.inputs(v)[0]
    return v


def _into(case: Case, losses: Mapping[str, str]) -> Iterator[tuple[int, Wires, int, int]]:
    """(graph, wires, loss node, the node whose result it is given) of every such loss that trains."""
    for id in case.graphs():
        wires = case.wires(id)
        for i in sorted(wires.differentiated):
            if wires.ops[i] in losses and wires.inputs(i):
                source = through(wires, wires.inputs(i)[0])
                if source >= 0:
                    yield id, wires, i, source


def softmax_twice(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """softmax or log_softmax in front of cross_entropy, which applies it itself."""
    for id, wires, i, source in _into(case, {"cross_entropy": "", "cross_entropy_soft": ""}):
        op = wires.ops[source]
        if op not in ("softmax", "log_softmax"):
            continue
        log = op == "log_softmax"
        text = (
            "cross_entropy applies log_softmax to what is log_softmax already: the result is the same, the time is "
            "lost, and the model's output is no longer what its name says."
            if log
            else "cross_entropy applies softmax to probabilities: with K classes its loss can never fall below "
            "ln(1 + (K - 1)/e), and the gradients are squashed twice."
        )
        yield Hit(
            -1, f"{_at(wires, source)} feeds {_at(wires, i)}. {text}",
            {"activation": op, "loss": wires.ops[i]}, id, (source, i), wires.site(source),
            f"Leave {op} out of the model and give cross_entropy the scores; apply softmax only where probabilities "
            "are needed." if not log else "Use nll_loss on log-probabilities, or leave log_softmax out.",
            wires.graph.key(source), severity="warning" if log else "",
        )  # fmt: skip


def sigmoid_twice(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """sigmoid in front of binary_cross_entropy_with_logits."""
    for id, wires, i, source in _into(case, {"binary_cross_entropy_with_logits": ""}):
        if wires.ops[source] == "sigmoid":
            yield Hit(
                -1,
                f"{_at(wires, source)} feeds {_at(wires, i)}, which applies sigmoid itself: a score is between 0 and 1, "
                "so that no prediction can fall below 0.5.",
                {"activation": "sigmoid", "loss": wires.ops[i]}, id, (source, i), wires.site(source),
                key=wires.graph.key(source),
            )  # fmt: skip


def activation_on_logits(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """An activation after the last layer, in front of a loss that wants scores of any sign and size."""
    for id, wires, i, source in _into(case, LOGITS):
        op, loss = wires.ops[source], wires.ops[i]
        if op not in _HARD | _SOFT:
            continue
        if loss.startswith("cross_entropy") and op in ("softmax", "log_softmax"):
            continue  # a rule of its own says it
        if loss.endswith("with_logits") and op == "sigmoid":
            continue
        lost = {
            "relu": "every score below 0 becomes 0, and its gradient with it: those classes can only be unlearnt",
            "sigmoid": "scores end between 0 and 1, so that no class can become much likelier than another",
            "softmax": "scores end between 0 and 1, and always add up to 1",
        }.get(op, f"{op} limits what scores the model can give")
        yield Hit(
            -1, f"{_at(wires, source)} is the last op before {_at(wires, i)}, which wants plain scores: {lost}.",
            {"activation": op, "loss": loss}, id, (source, i), wires.site(source),
            f"Leave the {op} behind the last layer out.", wires.graph.key(source),
            severity="" if op in _HARD else "warning",
        )  # fmt: skip


def nll_without_log(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """nll_loss on something that is no log-probability."""
    for id, wires, i, source in _into(case, {"nll_loss": ""}):
        op = wires.ops[source]
        if op in _NO_LOGS:
            yield Hit(
                -1,
                f"{_at(wires, i)} is given the result of {_at(wires, source)}, and takes it for log-probabilities: the "
                "loss has no lower bound, and falls without anything being learnt.",
                {"source": op, "loss": "nll_loss"}, id, (source, i), wires.site(i, source),
                "Use cross_entropy on the scores, or log_softmax before nll_loss.", wires.graph.key(source),
            )  # fmt: skip


def broadcast(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """(N,) against (N, 1): what was meant as N differences becomes N times N."""
    for id in case.graphs():
        wires = case.wires(id)
        learnt = wires.after(*(v for p in wires.parameters for v in wires.versions(p.value)))
        for i in range(len(wires)):
            if wires.ops[i] not in _PAIRS and wires.ops[i] != "eq":
                continue
            if not wires.is_forward(i) or len(wires.inputs(i)) < 2:
                continue
            a, b = (_unspread(wires, v) for v in wires.inputs(i)[:2])
            sa, sb = wires.shape(a), wires.shape(b)
            if not sa or not sb or not _spreads(sa, sb):
                continue
            if (a in learnt) == (b in learnt):
                continue  # differences of all pairs may be meant
            in_loss = i in wires.to_loss and i in wires.differentiated
            if not in_loss and wires.ops[i] != "eq":
                continue
            n, wide, flat = sa[0], a if len(sa) > len(sb) else b, b if len(sa) > len(sb) else a
            shapes = f"{_shape(sa)} and {_shape(sb)}"
            name = wires.what(wide)
            yield Hit(
                -1,
                f"{wires.ops[i]} of shapes {shapes} gives {n} x {n} numbers instead of {n}: every prediction is "
                "compared with every target.",
                {"shapes": [list(sa), list(sb)], "n": n}, id, (i, a, b), wires.site(i),
                f"Make the shapes equal: {name if name.isidentifier() else 'prediction'}.squeeze(-1) has the shape of "
                f"{wires.what(flat)}, {_shape(wires.shape(flat) or ())}.",
                wires.graph.key(i), severity="" if in_loss else "warning",
            )  # fmt: skip


def _unspread(wires: Wires, v: int) -> int:
    """What a value was before it was made as large as its partner."""
    while v >= 0 and wires.ops[v] in ("broadcast_to", "expand"):
        v = wires.inputs(v)[0]
    return v


def _spreads(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    low, high = sorted((a, b), key=len)
    return len(high) == len(low) + 1 and high[-1] == 1 and high[:-1] == low and low[-1] > 1


def summed(case: Case, settings: Mapping[str, float]) -> Iterator[Hit]:
    """A loss that grows with the batch."""
    for id in case.graphs():
        wires = case.wires(id)
        learnt = {int(wires.graph.twin[g]) for p in wires.parameters for g in p.grads}
        for i in wires.roots:
            given = wires.inputs(i)
            if not learnt & wires.before(i):
                continue  # the gradient of something else was asked for
            n = _count(wires.shape(given[0]) if given else None)
            by_option = wires.ops[i] in _SUMS and wires.params(i).get("reduction") == "sum"
            whole = wires.ops[i] == "sum" and wires.params(i).get("axis") is None
            if n < 2 or not (by_option or whole):
                continue
            batch = (wires.shape(given[0]) or (n,))[0]
            how = "reduction='sum'" if by_option else "sum()"
            yield Hit(
                -1,
                f"The loss is a sum over {n} numbers of shape {_shape(wires.shape(given[0]) or ())} and not their mean: twice the "
                "batch doubles the gradient, and the learning rate must follow.",
                {"elements": n, "batch": batch}, id, (i,), wires.site(i),
                f"Replace {how} by {'reduction=' + repr('mean') if by_option else 'mean()'}, and multiply the learning "
                f"rate by {n if whole else batch}.",
                wires.graph.key(i),
            )  # fmt: skip


def _count(shape: tuple[int, ...] | None) -> int:
    n = 1
    for size in shape or ():
        n *= size
    return n


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _at(wires: Wires, i: int) -> str:
    path = wires.graph.scope_path(i)
    return f"{wires.ops[i]}{f' ({path})' if path else ''}"


_CE = "https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html"
_BCE = "https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html"
_UM = "UMLAUT and NeuraLint (WrongLossInputs, DoubleActivation), on the recorded graph"

RULES = (
    Rule(
        "broadcast-in-loss", "The loss compares everything with everything", "error", "structure",
        "Shapes that differ by a dimension of 1 are spread against each other. The loss still falls, towards a model "
        "that predicts the mean of all targets for every input.",
        "Give both sides one shape: prediction.squeeze(-1), or target.unsqueeze(-1).",
        broadcast, source="the recorded shapes", link="https://docs.pytorch.org/docs/stable/notes/broadcasting.html",
    ),
    Rule(
        "softmax-twice", "softmax before cross_entropy", "error", "structure",
        "The loss takes scores of any size and applies log_softmax itself. On probabilities it is nearly flat: "
        "training is slow and stops far from zero.",
        "Leave the softmax out of the model.", softmax_twice, source=_UM, link=_CE,
    ),
    Rule(
        "sigmoid-twice", "sigmoid before binary_cross_entropy_with_logits", "error", "structure",
        "The loss applies sigmoid itself; of a number between 0 and 1 it is never below 0.5, so that negatives "
        "cannot be predicted.",
        "Leave the sigmoid out of the model, or use binary_cross_entropy.", sigmoid_twice, source=_UM, link=_BCE,
    ),
    Rule(
        "activation-on-logits", "An activation behind the last layer", "error", "structure",
        "The loss wants scores of any sign and size. An activation in front of it takes away most of what the last "
        "layer could say, and stops the gradient where it is flat.",
        "Leave the activation behind the last layer out.", activation_on_logits, source=_UM, link=_CE,
    ),
    Rule(
        "nll-without-log", "nll_loss without log_softmax", "error", "structure",
        "nll_loss only picks out and negates what it is given. Without log_softmax in front of it the loss goes to "
        "minus infinity.",
        "Use cross_entropy on scores, or put log_softmax in front of nll_loss.", nll_without_log, source=_UM,
        link="https://docs.pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html",
    ),
    Rule(
        "summed-loss", "The loss is summed, not averaged", "info", "structure",
        "The gradient grows with the size of the batch, and with a smaller last batch it shrinks: one learning rate "
        "does not fit all batches.",
        "Use mean() or reduction='mean'.", summed, source="TheDeepChecker (loss doubles with the batch)", link=_CE,
    ),
)  # fmt: skip
