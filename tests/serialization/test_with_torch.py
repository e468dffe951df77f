"""Files that torch wrote load here, files that we wrote load in torch, and training goes on equally."""

from __future__ import annotations

import io
from collections import Counter, OrderedDict, defaultdict

import numpy as np
import pytest

import graphscope as gs

torch = pytest.importorskip("torch")

DTYPES = ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]


def values(library):
    """One of everything that a checkpoint may hold."""
    a = np.arange(24).reshape(2, 3, 4)
    base = library.tensor(a.astype(np.float32))
    tensors = {
        name: library.tensor(a % 2 if name == "bool" else a, dtype=getattr(library, name))
        for name in DTYPES
    }
    return {
        **tensors,
        "empty": library.zeros(0, 3),
        "scalar": library.tensor(2.5),
        "base": base,
        "view": base[1, :, 1:3],
        "transposed": base.permute(2, 0, 1),
        "expanded": library.tensor([1.0, 2.0]).reshape(2, 1).expand(2, 5),
        "wants": library.tensor([1.0], requires_grad=True),
        "parameter": library.nn.Parameter(library.ones(2, 2)),
        "numbers": [1, -1, 255, 65536, 1 << 40, -(1 << 70), 2.5, float("inf"), True, None, 1 + 2j],
        "texts": ["", "naïve", "x" * 300, b"bytes\xff"],
        "sets": [{1, 2}],
        "tuples": ((), (1,), (1, 2), (1, 2, 3, 4)),
        "dicts": [OrderedDict(b=1, a=2), Counter("aab")],
        "facts": [library.Size([2, 3]), library.float32, library.int8, library.device("cpu"), library.device("cuda", 1)],
        "same": [base, base],
    }  # fmt: skip


def same(ours, theirs):
    """Whether a value of ours is what torch has."""
    if isinstance(theirs, torch.Tensor):
        assert str(ours.dtype) == str(theirs.dtype)
        assert tuple(ours.shape) == tuple(theirs.shape)
        assert tuple(ours.stride()) == tuple(theirs.stride())
        assert ours.requires_grad == theirs.requires_grad
        assert type(ours).__name__ == type(theirs).__name__
        np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())
    elif isinstance(theirs, dict):
        assert type(ours).__name__ == type(theirs).__name__
        assert list(ours) == list(theirs)
        for key in theirs:
            same(ours[key], theirs[key])
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            same(a, b)
    elif isinstance(theirs, (torch.dtype, torch.device)):
        assert repr(ours) == repr(theirs)
    else:
        assert ours == theirs and type(ours) is type(theirs)


@pytest.mark.parametrize("legacy", [False, True])
def test_torchs_file_loads_here(tmp_path, legacy):
    theirs = values(torch)
    torch.save(theirs, tmp_path / "x.pt", _use_new_zipfile_serialization=not legacy)
    ours = gs.load(tmp_path / "x.pt")
    same(ours, theirs)
    ours["base"][1, 0, 1] = -7
    assert ours["view"][0, 0].item() == -7 and ours["transposed"][1, 1, 0].item() == -7
    assert ours["same"][0] is ours["same"][1]


@pytest.mark.parametrize("mmap", [None, True])
def test_our_file_loads_in_torch_and_here(tmp_path, mmap):
    mine = values(gs)
    gs.save(mine, tmp_path / "x.pt")
    theirs = torch.load(tmp_path / "x.pt", mmap=mmap)
    same(mine, theirs)
    theirs["base"][1, 0, 1] = -7
    assert theirs["view"][0, 0].item() == -7 and theirs["transposed"][1, 1, 0].item() == -7
    again = gs.load(tmp_path / "x.pt", mmap=mmap)
    same(again, values(torch))
    again["base"][1, 0, 1] = -7
    assert again["view"][0, 0].item() == -7
    assert gs.load(tmp_path / "x.pt")["base"][1, 0, 1].item() == 13


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol_of_torch(protocol):
    file = io.BytesIO()
    torch.save(
        {
            "w": torch.ones(2),
            "l": [1, "a", (2,)],
            "b": b"x",
            "s": {1},
            "e": b"",
            "f": frozenset("ab"),
        },
        file,
        pickle_protocol=protocol,
    )
    file.seek(0)
    got = gs.load(file)
    assert (
        got["w"].tolist() == [1, 1]
        and got["l"] == [1, "a", (2,)]
        and got["s"] == {1}
        and got["e"] == b""
        and got["f"] == {"a", "b"}
    )


@pytest.mark.parametrize("protocol", [2, 5])
def test_numpy_arrays_in_every_protocol(protocol):
    file = io.BytesIO()
    torch.save([np.arange(6.0).reshape(2, 3).T], file, pickle_protocol=protocol)
    file.seek(0)
    np.testing.assert_array_equal(gs.load(file)[0], np.arange(6.0).reshape(2, 3).T)


@pytest.mark.parametrize(
    "make", [lambda: torch.ones(2, dtype=torch.complex64), lambda: torch.eye(2).to_sparse()]
)
def test_tensors_of_other_kinds_are_named(tmp_path, make):
    torch.save(make(), tmp_path / "x.pt")
    with pytest.raises(RuntimeError, match="kind that GraphScope does not have"):
        gs.load(tmp_path / "x.pt")


def test_bfloat16_is_read_as_float32(tmp_path):
    w = torch.tensor([1.5, -2.0, 3e38], dtype=torch.bfloat16)
    torch.save(w, tmp_path / "x.pt")
    got = gs.load(tmp_path / "x.pt")
    assert got.dtype == gs.float32
    np.testing.assert_array_equal(got.numpy(), w.float().numpy())


def test_numpy_numbers_and_arrays_are_data(tmp_path):
    value = {
        "loss": [np.float64(0.5), np.int32(3)],
        "a": np.arange(6.0).reshape(2, 3),
        "d": defaultdict(list, k=[1]),
    }
    for library in (torch, gs):
        library.save(value, tmp_path / "x.pt")
        got = gs.load(tmp_path / "x.pt")
        assert got["loss"] == [0.5, 3] and isinstance(got["loss"][0], np.float64)
        np.testing.assert_array_equal(got["a"], value["a"])
        assert got["d"] == value["d"] and got["d"]["new"] == []


NET = {
    "sgd": lambda o, p: o.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adamw": lambda o, p: o.AdamW(p, lr=0.01, amsgrad=True),
    "rmsprop": lambda o, p: o.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "nadam": lambda o, p: o.NAdam(p, lr=0.01),
    "adagrad": lambda o, p: o.Adagrad(p, lr=0.1),
    "lbfgs": lambda o, p: o.LBFGS(p, lr=0.5, max_iter=4, line_search_fn="strong_wolfe"),
}


class Training:
    """The same small program in either library."""

    def __init__(self, library, name):
        self.library = library
        nn = library.nn
        self.model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)).double()
        r = np.random.default_rng(4)
        with library.no_grad():
            for p in self.model.parameters():
                p.copy_(library.tensor(r.normal(size=tuple(p.shape)) / 2))
        self.optimizer = NET[name](library.optim, self.model.parameters())
        schedules = library.optim.lr_scheduler
        self.schedule = schedules.SequentialLR(
            self.optimizer, [schedules.LinearLR(self.optimizer, 0.5), schedules.MultiStepLR(self.optimizer, [2, 4])], [3]
        )  # fmt: skip

    def run(self, steps):
        r = np.random.default_rng(0)
        x, y = (self.library.tensor(r.normal(size=s)) for s in ((8, 4), (8, 2)))

        def closure():
            self.optimizer.zero_grad()
            loss = ((self.model(x) - y) ** 2).mean()
            loss.backward()
            return loss

        out = []
        for _ in range(steps):
            out.append(self.optimizer.step(closure).item())
            self.schedule.step()
        return [
            *out,
            *self.schedule.get_last_lr(),
            *[p.sum().item() for p in self.model.parameters()],
        ]

    def checkpoint(self):
        parts = dict(model=self.model, optimizer=self.optimizer, schedule=self.schedule)
        return {name: part.state_dict() for name, part in parts.items()} | {"epoch": 3}

    def resume(self, saved):
        assert saved["epoch"] == 3
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.schedule.load_state_dict(saved["schedule"])


@pytest.mark.parametrize("name", NET)
@pytest.mark.parametrize("writer, reader", [(torch, gs), (gs, torch), (gs, gs)], ids=["from torch", "to torch", "ours"])  # fmt: skip
def test_training_goes_on_with_equal_numbers(tmp_path, name, writer, reader):
    first = Training(writer, name)
    first.run(3)
    writer.save(first.checkpoint(), tmp_path / "checkpoint.pth")
    second = Training(reader, name)
    second.resume(reader.load(tmp_path / "checkpoint.pth"))
    np.testing.assert_allclose(second.run(4), first.run(4), rtol=1e-8)


def test_safetensors_as_the_reference_writes_and_reads_them(tmp_path):
    reference = pytest.importorskip("safetensors.torch")
    path = str(tmp_path / "x.safetensors")
    state = {
        k: v for k, v in values(gs).items() if isinstance(v, gs.Tensor) and not v.requires_grad
    }
    gs.save(state, path)
    theirs = reference.load_file(path)
    assert set(theirs) == set(state)
    for key, value in theirs.items():
        np.testing.assert_array_equal(state[key].numpy(), value.numpy())
    contiguous = {k: v.clone().contiguous() for k, v in theirs.items()}
    contiguous["half"] = torch.tensor([1.5, 2.0], dtype=torch.bfloat16)
    reference.save_file(contiguous, path, metadata={"format": "pt"})
    ours = gs.load(path)
    for key, value in contiguous.items():
        np.testing.assert_array_equal(
            ours[key].numpy(), value.float().numpy() if key == "half" else value.numpy()
        )
