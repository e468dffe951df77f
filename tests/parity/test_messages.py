"""What optimizers, loaders and derivatives of functions say of mistakes; see ``mistakes``."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import graphscope as gs
from tests.parity.beside import torch
from tests.parity.mistakes import Bare, check, leaf, ones


def sgd(m, *shapes, **options):
    groups = [{"params": [leaf(m, *s)]} for s in shapes or [(2,)]]
    return m.optim.SGD(groups, **{"lr": 0.1, **options})


def chained(m, *names):
    """Schedules of two optimizers, joined."""
    opts = [sgd(m) for _ in names]
    s = m.optim.lr_scheduler
    return s.ChainedScheduler([getattr(s, n)(o, 1) for n, o in zip(names, opts, strict=True)])


def resized(m):
    s = m.optim.lr_scheduler.ReduceLROnPlateau(o := sgd(m), patience=0, min_lr=[0.1])
    o.add_param_group({"params": [leaf(m, 1)]})
    s.step(1.0)
    s.step(2.0)


def other_stepped(m):
    o = sgd(m)
    o.register_step_pre_hook(lambda *a: 3)
    o.step()


def named(m, *names):
    return m.optim.SGD([(n, leaf(m, 1)) if n else leaf(m, 1) for n in names], lr=0.1)


def twice(m):
    p = leaf(m, 3)
    return m.optim.SGD([{"params": [p]}, {"params": [p]}], lr=0.1)


def ema(m, decay):
    return m.optim.swa_utils.get_ema_avg_fn(decay)


def searched(m):
    p = leaf(m, 1)

    def closure():
        p.grad = None
        loss = (p * p).sum()
        loss.backward()
        return loss

    m.optim.LBFGS([p], line_search_fn="exact").step(closure)


def over(m):
    o = sgd(m, momentum=0.9)
    s = m.optim.lr_scheduler.OneCycleLR(o, 1.0, 2)
    for _ in range(5):
        o.step()
        s.step()


OPTIMIZERS = {
    "one tensor": (lambda m, o: o.SGD(leaf(m, 3), lr=0.1), "(3,)", "[tensor]"),
    "no parameters": (lambda m, o: o.SGD([], lr=0.1), "SGD"),
    "no group": (lambda m, o: sgd(m).add_param_group([1]), "list"),
    "a set": (lambda m, o: o.SGD([{"params": {leaf(m, 1)}}], lr=0.1), "set", "list"),
    "names": (lambda m, o: named(m, "a", None), "parameter 1"),
    "group names": (lambda m, o: named(m, "a").add_param_group({"params": [leaf(m, 1)]}), "group 1"),
    "no tensor": (lambda m, o: o.SGD([3], lr=0.1), "parameter 0", "int"),
    "no leaf": (lambda m, o: o.SGD([leaf(m, 3) * 2], lr=0.1), "(3,)", "detach()"),
    "twice": (lambda m, o: twice(m), "parameter 0", "(3,)"),
    "rate": (lambda m, o: o.SGD([leaf(m, 1)], lr=-1), "lr=-1"),
    "nesterov": (lambda m, o: o.SGD([leaf(m, 1)], nesterov=True), "momentum", "0"),
    "betas": (lambda m, o: o.Adam([leaf(m, 1)], betas=(0.5, 2.0)), "betas[1]=2.0"),
    "decay": (lambda m, o: o.AdamW([leaf(m, 1)], weight_decay=-1), "weight_decay=-1"),
    "rho": (lambda m, o: o.Adadelta([leaf(m, 1)], rho=2), "rho=2"),
    "etas": (lambda m, o: o.Rprop([leaf(m, 1)], etas=(1, 2)), "(1, 2)"),
    "hook": (lambda m, o: other_stepped(m), "3", "SGD"),
    "groups": (lambda m, o: o.LBFGS([{"params": [leaf(m, 1)]}, {"params": [leaf(m, 1)]}]), "2 groups"),
    "search": (lambda m, o: searched(m), "'exact'", "'strong_wolfe'"),
    "group count": (lambda m, o: sgd(m).load_state_dict(sgd(m, (1,), (2,)).state_dict()), "2 groups", "has 1"),
    "group sizes": (lambda m, o: sgd(m).load_state_dict({"state": {}, "param_groups": [{"params": [0, 1]}]}), "[2]", "[1]"),
    "ema": (lambda m, o: ema(m, 2.0), "decay=2.0"),
    "averages": (lambda m, o: o.swa_utils.AveragedModel(m.nn.Tanh(), avg_fn=max, multi_avg_fn=max), "avg_fn"),
    "anneal": (lambda m, o: o.swa_utils.SWALR(sgd(m), 0.1, anneal_strategy="x"), "'x'", "'cos'"),
    "anneal epochs": (lambda m, o: o.swa_utils.SWALR(sgd(m), 0.1, anneal_epochs=-1), "anneal_epochs=-1"),
    "no optimizer": (lambda m, o: o.lr_scheduler.StepLR(1, 2), "int"),
    "resumed": (lambda m, o: o.lr_scheduler.StepLR(sgd(m), 1, last_epoch=2), "last_epoch=2", "group 0", "initial_lr"),
    "rates": (lambda m, o: o.lr_scheduler.CyclicLR(sgd(m), [0.1, 0.2], 1.0), "base_lr", "2 values", "1 groups"),
    "no momentum": (lambda m, o: o.lr_scheduler.CyclicLR(o.Adagrad([leaf(m, 1)]), 0.1, 1.0), "Adagrad", "cycle_momentum=False"),
    "T_0": (lambda m, o: o.lr_scheduler.CosineAnnealingWarmRestarts(sgd(m), -1), "T_0=-1"),
    "T_mult": (lambda m, o: o.lr_scheduler.CosineAnnealingWarmRestarts(sgd(m), 1, 0), "T_mult=0"),
    "eta_min": (lambda m, o: o.lr_scheduler.CosineAnnealingWarmRestarts(sgd(m), 1, eta_min="x"), "'x'", "str"),
    "epoch": (lambda m, o: o.lr_scheduler.CosineAnnealingWarmRestarts(sgd(m), 2).step(-1), "epoch=-1"),
    "no total": (lambda m, o: o.lr_scheduler.OneCycleLR(sgd(m), 1.0, epochs=3), "total_steps", "3", "None"),
    "total": (lambda m, o: o.lr_scheduler.OneCycleLR(sgd(m), 1.0, -10), "total_steps=-10"),
    "pct": (lambda m, o: o.lr_scheduler.OneCycleLR(sgd(m), 1.0, 10, pct_start=-1), "pct_start=-1"),
    "cycle anneal": (lambda m, o: o.lr_scheduler.OneCycleLR(sgd(m), 1.0, 10, anneal_strategy="x"), "'x'"),
    "too long": (lambda m, o: over(m), "total_steps=2"),
    "mode": (lambda m, o: o.lr_scheduler.CyclicLR(sgd(m), 0.1, 1.0, mode="x"), "'x'", "triangular"),
    "factor": (lambda m, o: o.lr_scheduler.ConstantLR(sgd(m), factor=2.0), "factor=2.0"),
    "start": (lambda m, o: o.lr_scheduler.LinearLR(sgd(m), start_factor=0), "start_factor=0"),
    "end": (lambda m, o: o.lr_scheduler.LinearLR(sgd(m), end_factor=3), "end_factor=3"),
    "lambdas": (lambda m, o: o.lr_scheduler.LambdaLR(sgd(m), [abs, abs]), "2 functions", "1 groups"),
    "no function": (lambda m, o: o.lr_scheduler.MultiplicativeLR(sgd(m), 3), "int"),
    "no schedule": (lambda m, o: o.lr_scheduler.SequentialLR(sgd(m), [3, 4], [1]), "part 0", "int"),
    "two optimizers": (lambda m, o: chained(m, "StepLR", "StepLR"), "StepLR", "part 1"),
    "none": (lambda m, o: o.lr_scheduler.SequentialLR(sgd(m), [], []), "SequentialLR"),
    "no chain": (lambda m, o: o.lr_scheduler.ChainedScheduler([]), "ChainedScheduler"),
    "milestones": (lambda m, o: o.lr_scheduler.SequentialLR(
        p := sgd(m), [o.lr_scheduler.StepLR(p, 1)], [1]), "1 schedulers", "[1]"),
    "plateau factor": (lambda m, o: o.lr_scheduler.ReduceLROnPlateau(sgd(m), factor=1.0), "factor=1.0"),
    "plateau rates": (lambda m, o: o.lr_scheduler.ReduceLROnPlateau(sgd(m), min_lr=[1, 2]), "2 rates", "1 groups"),
    "plateau mode": (lambda m, o: o.lr_scheduler.ReduceLROnPlateau(sgd(m), mode="z"), "'z'", "'min'"),
    "plateau kind": (lambda m, o: o.lr_scheduler.ReduceLROnPlateau(sgd(m), threshold_mode="z"), "'z'", "'rel'"),
    "plateau groups": (lambda m, o: resized(m), "2 groups", "1"),
}  # fmt: skip

DATA = {
    "context": (lambda m, d: d.DataLoader([1], multiprocessing_context="fork"), "'fork'", "num_workers=0"),
    "fixed": (lambda m, d: setattr(d.DataLoader([1]), "batch_size", 3), "batch_size"),
    "workers": (lambda m, d: d.DataLoader([1], num_workers=-1), "num_workers=-1"),
    "timeout": (lambda m, d: d.DataLoader([1], timeout=-2), "timeout=-2"),
    "prefetch": (lambda m, d: d.DataLoader([1], prefetch_factor=2), "prefetch_factor=2"),
    "persistent": (lambda m, d: d.DataLoader([1], persistent_workers=True), "persistent_workers=True"),
    "iterable": (lambda m, d: d.DataLoader(d.ChainDataset([]), shuffle=True), "shuffle=True"),
    "sampler": (lambda m, d: d.DataLoader([1], shuffle=True, sampler=[0]), "shuffle=True"),
    "batch sampler": (lambda m, d: d.DataLoader([1], batch_sampler=[[0]], drop_last=True), "drop_last"),
    "no batches": (lambda m, d: d.DataLoader([1], batch_size=None, drop_last=True), "batch_size=None"),
    "lengths": (lambda m, d: list(d.DataLoader([[1], [1, 2]], batch_size=2)), "[1, 2]"),
    "kinds": (lambda m, d: list(d.DataLoader([Bare()])), "Bare", "collate_fn"),
    "tensors": (lambda m, d: d.TensorDataset(ones(m, 2), ones(m, 3)), "(2,)", "(3,)"),
    "stack": (lambda m, d: d.StackDataset([1], [1, 2]), "[1, 2]"),
    "nothing": (lambda m, d: d.ConcatDataset([]), "ConcatDataset"),
    "concat": (lambda m, d: d.ConcatDataset([d.ChainDataset([])]), "ChainDataset"),
    "before": (lambda m, d: d.ConcatDataset([[1, 2]])[-3], "-3", "2"),
    "chain": (lambda m, d: list(d.ChainDataset([[1]])), "list"),
    "share": (lambda m, d: d.random_split([1, 2], [1.5, -0.5]), "1.5"),
    "split": (lambda m, d: d.random_split([1, 2], [3, 3]), "[3, 3]", "2 samples"),
    "replacement": (lambda m, d: d.RandomSampler([1], replacement=3), "replacement", "3"),
    "samples": (lambda m, d: d.RandomSampler([1], num_samples=-1), "num_samples=-1"),
    "no samples": (lambda m, d: d.RandomSampler([]), "RandomSampler"),
    "drawn": (lambda m, d: d.WeightedRandomSampler([1.0], 0), "num_samples=0"),
    "drawn how": (lambda m, d: d.WeightedRandomSampler([1.0], 1, 3), "replacement", "3"),
    "weights": (lambda m, d: d.WeightedRandomSampler([[1.0, 2.0]], 1), "(1, 2)"),
    "batch": (lambda m, d: d.BatchSampler([1], 0, False), "batch_size=0"),
    "drop": (lambda m, d: d.BatchSampler([1], 1, 3), "drop_last", "3"),
}  # fmt: skip


def square(x):
    return (x * x).sum()


def nested(m):
    ad = m.autograd.forward_ad
    with ad.dual_level():
        ad.enter_dual_level()


def other_level(m):
    ad = m.autograd.forward_ad
    with ad.dual_level():
        ad.exit_dual_level(level=3)


def derivative(m, name):
    return getattr(m.autograd.functional, name)


DERIVATIVES = {
    "two levels": (lambda m, a: nested(m), "level 0"),
    "other level": (lambda m, a: other_level(m), "level=3"),
    "no level": (lambda m, a: a.forward_ad.make_dual(ones(m, 3), ones(m, 3)), "(3,)", "dual_level"),
    "kind": (lambda m, a: a.functional.vjp(square, [3]), "int", "index 0"),
    "direction": (lambda m, a: a.functional.jvp(square, ones(m, 2)), "(2,)", "jvp"),
    "directions": (lambda m, a: a.functional.jvp(square, ones(m, 2), (ones(m, 2), ones(m, 2))), "2 tensors", "1 input"),
    "direction size": (lambda m, a: a.functional.jvp(square, ones(m, 2), ones(m, 3)), "(3,)", "(2,)"),
    "independent": (lambda m, a: a.functional.jacobian(lambda x, y: x * 2, (ones(m, 2), ones(m, 3)), strict=True), "input 1", "(3,)"),
    "one number": (lambda m, a: a.functional.hvp(lambda x: x * x, ones(m, 2), ones(m, 2)), "(2,)"),
    "no gradient": (lambda m, a: a.gradcheck(square, [ones(m, 2)]), "1 inputs", "requires_grad"),
    "expanded": (lambda m, a: a.gradcheck(square, [m.ones(1, dtype=m.float64).expand(3).requires_grad_()]), "input 0", "(3,)"),
}  # fmt: skip


PARTS = {"optim": OPTIMIZERS, "utils.data": DATA, "autograd": DERIVATIVES}

CASES = [(part, name) for part, table in PARTS.items() for name in table]


@pytest.mark.parametrize("part, name", CASES, ids=lambda x: x.replace(" ", "_"))
def test_a_mistake_has_torchs_type_and_our_words(part, name):
    check(PARTS[part][name], part, __file__)


# Programs read these: layouts of texts, reprs, and names.
KEPT = {
    "<All keys matched successfully>",
    "<unfinished torch.autograd.profile>",
    "from checkpoint, the shape in current model is",
}


def texts(path):
    """The longer string literals of a file, with single blanks; names (without a blank) left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = " ".join(node.value.split())
            if len(text) >= 30 and " " in text:
                yield text


@pytest.mark.slow
def test_no_text_of_ours_is_one_of_torchs():
    root = Path(torch.__file__).parent
    theirs = {
        text
        for part in ("nn", "optim", "utils/data", "autograd")
        for path in (root / part).rglob("*.py")
        for text in texts(path)
    }
    own = Path(gs.__file__).parent
    shared = {
        text: path.relative_to(own) for path in own.rglob("*.py") for text in texts(path)
        if text in theirs and text not in KEPT
    }  # fmt: skip
    assert not shared
