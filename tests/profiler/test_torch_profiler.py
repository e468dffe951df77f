"""torch.profiler's surface: signatures, what scripts do with a profile, and a profile inside a recording."""

from __future__ import annotations

import doctest
import gzip
import inspect
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import graphscope as gs
from graphscope import nn, optim
from graphscope.autograd import profiler as old
from graphscope.engine import dispatch
from graphscope.errors import UsageError
from graphscope.profiler import (
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    supported_activities,
    tensorboard_trace_handler,
)
from graphscope.profiler import profiler as torch_profiler
from graphscope.record import schedule as record_schedule
from graphscope.record import summary
from graphscope.trace.reader import TraceReader


def training(steps: int, after: Any = None) -> None:
    gs.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    sgd = optim.SGD(net.parameters(), lr=0.1)
    x = gs.randn(5, 4)
    for _ in range(steps):
        with record_function("forward"):
            loss = net(x).square().mean()
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        if after is not None:
            after()


# ---------------------------------------------------------------- signatures


def parameters(function: Any) -> dict[str, Any]:
    return {
        name: (p.kind, p.default)
        for name, p in inspect.signature(function).parameters.items()
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }


def test_signatures_are_torchs() -> None:
    torch = pytest.importorskip("torch")
    from torch.autograd import profiler as their_old

    theirs = torch.profiler
    pairs = [
        (profile.__init__, theirs.profile.__init__),
        (schedule, theirs.schedule),
        (tensorboard_trace_handler, theirs.tensorboard_trace_handler),
        (record_function.__init__, theirs.record_function.__init__),
        (old.profile.__init__, their_old.profile.__init__),
        (old.emit_nvtx.__init__, their_old.emit_nvtx.__init__),
    ]
    methods = (
        "start", "stop", "step", "key_averages", "events", "export_chrome_trace", "export_stacks",
        "export_memory_timeline", "add_metadata", "add_metadata_json", "preset_metadata_json",
    )  # fmt: skip
    pairs += [(getattr(profile, name), getattr(theirs.profile, name)) for name in methods]
    for ours, their in pairs:
        assert parameters(ours) == parameters(their), their
    table = inspect.signature(theirs.profiler.prof.EventList.table)
    from graphscope.profiler.results import Averages

    assert parameters(Averages.table) == {
        name: (p.kind, p.default) for name, p in table.parameters.items()
    }
    names = {a.name for a in theirs.ProfilerActivity.__members__.values()}
    assert names <= set(ProfilerActivity.__members__)


def test_record_function_is_scope() -> None:
    assert record_function is gs.scope is old.record_function
    assert supported_activities() == {ProfilerActivity.CPU} | (
        {ProfilerActivity.CUDA} if gs.cuda.is_available() else set()
    )


@pytest.mark.parametrize(
    "module", [record_schedule, torch_profiler, summary], ids=lambda m: m.__name__
)
def test_examples_in_docstrings(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


# ---------------------------------------------------------------- results


def test_key_averages_as_scripts_use_them() -> None:
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True, with_stack=True) as prof:
        training(4, prof.step)
    rows = {row.key: row for row in prof.key_averages()}
    # forward 2 and backward 3 + 2 for weight, bias and (of the second) input, in each of 4 steps
    assert rows["linear"].count == 4 * 7 and rows["relu"].count == 4 * 2
    assert rows["linear"].cpu_time_total == pytest.approx(rows["linear"].total / 1e3)
    text = prof.key_averages().table(
        sort_by="self_cuda_memory_usage", row_limit=2, max_name_column_width=20, header="mine"
    )
    assert text.startswith("mine\n") and "more rows not shown" in text
    by_shape = prof.key_averages(group_by_input_shape=True)
    assert any("5\u00d74" in row.key for row in by_shape)
    by_line = prof.key_averages(group_by_stack_n=5)
    assert any(row.key.startswith("test_torch_profiler.py:") for row in by_line)
    assert prof.self_cpu_time_total == pytest.approx(prof.profiler.total_average().self / 1e3)
    with pytest.raises(UsageError, match="no column 'nonsense'"):
        prof.key_averages().table(sort_by="nonsense")


def test_inference_without_gradients_is_counted_too() -> None:
    net = nn.Linear(3, 2)
    with profile() as prof:
        (net(gs.randn(4, 3)).sum()).backward()
        with gs.no_grad():
            net(gs.randn(4, 3))
    rows = {row.key: row.count for row in prof.key_averages()}
    assert rows["linear"] == 1 + 2 + 1 and rows["sum"] == 2
    steps = [event.name for event in prof.events() if event.kind == "step"]
    assert len(steps) == 2


def test_events_are_nested_intervals() -> None:
    with profile() as prof:
        training(2)
    events = prof.events()
    ops = [e for e in events if e.kind == "op"]
    assert len(ops) == sum(row.count for row in prof.key_averages())
    for event in events:
        parent = event.cpu_parent
        if parent is not None:
            assert event in parent.cpu_children
            assert parent.time_range.start <= event.time_range.start
            assert event.time_range.end <= parent.time_range.end
    first = next(e for e in ops if e.name == "linear")
    assert first.input_shapes == [[5, 4], [8, 4], [8]]
    assert first.stack[0].startswith(__file__) and first.module == "forward.sequential.0"
    assert {"forward", "forward.sequential"} <= {e.name for e in events if e.kind == "module"}
    assert "linear" in events.table(sort_by="count")


def test_the_last_window_is_what_results_are_of() -> None:
    counted = []

    def ready(prof: Any) -> None:
        counted.append((prof.step_num, {r.key: r.count for r in prof.key_averages()}["relu"]))

    when = schedule(wait=1, warmup=1, active=2, repeat=2)
    with profile(schedule=when, on_trace_ready=ready) as prof:
        training(10, prof.step)
    assert counted == [(4, 4), (8, 4)]  # forward and backward in two steps
    assert {r.key: r.count for r in prof.key_averages()}["relu"] == 4
    # the program's numbers, as in torch
    assert [e.name for e in prof.events() if e.kind == "step"] == [
        "ProfilerStep#6",
        "ProfilerStep#7",
    ]
    with profile(schedule=when, acc_events=True) as both:
        training(10, both.step)
    assert {r.key: r.count for r in both.key_averages()}["relu"] == 8
    assert len([e for e in both.events() if e.kind == "step"]) == 4


def test_results_can_be_asked_for_inside_the_block() -> None:
    with profile() as prof:
        training(1)
        prof.step()
        assert {r.key: r.count for r in prof.key_averages()}["relu"] == 2
        training(1)
    assert {r.key: r.count for r in prof.key_averages()}["relu"] == 4


def test_exports(tmp_path: Path) -> None:
    with profile(schedule=schedule(wait=2, warmup=0, active=2)) as prof:
        prof.add_metadata_json("config", '{"lr": 0.1}')
        prof.add_metadata("who", "me")
        with pytest.raises(UsageError, match="config is no JSON"):
            prof.add_metadata_json("config", "{")
        training(4, prof.step)
    prof.export_chrome_trace(str(tmp_path / "a.json"))
    prof.export_chrome_trace(str(tmp_path / "a.json.gz"))
    plain = json.loads((tmp_path / "a.json").read_text())
    assert json.loads(gzip.decompress((tmp_path / "a.json.gz").read_bytes())) == plain
    steps = [e["name"] for e in plain["traceEvents"] if e.get("cat") == "step"]
    assert steps == ["train step 0", "train step 1"]
    prof.export_stacks(str(tmp_path / "stacks"))
    lines = (tmp_path / "stacks").read_text().splitlines()
    assert all(line.rsplit(" ", 1)[1].isdigit() and line.count(" ") == 1 for line in lines)
    assert any(";forward;forward.sequential;forward.sequential.0;linear " in x for x in lines)
    with pytest.raises(UsageError, match="metric='wall'"):
        prof.export_stacks(str(tmp_path / "stacks"), "wall")
    prof.export_memory_timeline(str(tmp_path / "m.json"))
    times, sizes, names = json.loads((tmp_path / "m.json").read_text())
    assert len(times) == len(sizes) > 10 and "parameter" in names
    assert times == sorted(times) and all(len(row) == len(names) for row in sizes)
    with pytest.raises(UsageError, match="not m.html"):
        prof.export_memory_timeline(str(tmp_path / "m.html"))
    with TraceReader(prof.path) as reader:
        assert reader.header()["metadata.config"] == '{"lr": 0.1}'
        assert reader.header()["metadata.who"] == "me"


def test_the_tensorboard_handler_takes_both_profiles(tmp_path: Path) -> None:
    when = schedule(wait=0, warmup=0, active=2, repeat=2)
    with profile(
        schedule=when, on_trace_ready=tensorboard_trace_handler(str(tmp_path / "a"), "me")
    ) as p:
        training(5, p.step)
    traces = sorted((tmp_path / "a").glob("me.*.pt.trace.json"))
    assert len(traces) == 2 and len(list((tmp_path / "a").glob("events.out.*"))) == 1
    last = json.loads(traces[1].read_text())["traceEvents"]
    assert [e["name"] for e in last if e.get("cat") == "step"] == ["train step 2", "train step 3"]
    handler = tensorboard_trace_handler(str(tmp_path / "b"), use_gzip=True)
    with gs.profile(tmp_path / "run", schedule=when, on_trace_ready=handler) as q:
        training(5, q.step)
    assert len(list((tmp_path / "b").glob("*.pt.trace.json.gz"))) == 2


# ---------------------------------------------------------------- where it writes


def test_the_trace_is_temporary(tmp_path: Path) -> None:
    code = (
        "import graphscope as gs\n"
        "with gs.profiler.profile() as prof:\n"
        "    gs.ones(3, requires_grad=True).sum().backward()\n"
        "print(prof.path, prof.path.exists())\n"
        "print(prof.key_averages().table())\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    path, exists = done.stdout.splitlines()[0].rsplit(" ", 1)
    assert exists == "True" and not Path(path).parent.exists()
    assert list(tmp_path.iterdir()) == [] and "sum" in done.stdout


def test_inside_a_recording_it_marks_its_part_and_takes_nothing_away(tmp_path: Path) -> None:
    ready = []
    with gs.profile(tmp_path / "a") as around:
        training(3)
        when = schedule(wait=1, warmup=0, active=2)
        with profile(schedule=when, on_trace_ready=lambda p: ready.append(p.step_num)) as prof:
            training(3, prof.step)
            assert prof.path == around.path
        inside = {r.key: r.count for r in prof.key_averages()}
        training(2)
        assert dispatch.recorder() is not None
    assert ready == [3] and inside["relu"] == 4
    with TraceReader(around.path) as reader:
        assert len(reader.steps()) == 8
    assert {r.key: r.count for r in prof.key_averages()}["relu"] == 4


def test_it_can_run_again_and_not_twice_at_once() -> None:
    prof = profile()
    with pytest.raises(UsageError, match="has not run"):
        prof.key_averages()
    with pytest.raises(UsageError, match="has not begun"):
        prof.add_metadata("a", "b")
    prof.start()
    with pytest.raises(UsageError, match="running already"):
        prof.start()
    training(1)
    prof.stop()
    prof.stop()
    with prof:
        training(2)
    assert {r.key: r.count for r in prof.key_averages()}["relu"] == 4
    with pytest.raises(UsageError, match="activities is empty"):
        profile(activities=[])


SCRIPT = """
import torch
from torch import nn
from torch.profiler import profile, record_function, ProfilerActivity

net = nn.Linear(4, 2)
sgd = torch.optim.SGD(net.parameters(), lr=0.1)

def train():
    with record_function("forward"):
        loss = net(torch.ones(3, 4)).pow(2).mean()
    sgd.zero_grad()
    loss.backward()
    sgd.step()

with profile(
    activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA],
    schedule=torch.profiler.schedule(wait=1, warmup=1, active=2),
    on_trace_ready=torch.profiler.tensorboard_trace_handler("log"),
    record_shapes=True, profile_memory=True, with_stack=True,
) as prof:
    for _ in range(5):
        train()
        prof.step()
print(prof.key_averages(group_by_stack_n=5).table(sort_by="self_cuda_time_total", row_limit=2))
with torch.autograd.profiler.profile(use_cuda=True) as prof:
    train()
print(prof.key_averages().table(sort_by="self_cpu_time_total"))
print(sum(event.self_cuda_time_total for event in prof.key_averages()))
"""


def test_a_torch_script_profiles_itself_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "graphscope.cli", "run", "--as-torch", "train.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0 and "recorded 6 training steps" in done.stderr, done.stderr
    assert "train.py:11" in done.stdout and "linear" in done.stdout
    assert done.stdout.splitlines()[-1] == "0.0"  # no device, no NaN
    assert len(list((tmp_path / "log").glob("*.pt.trace.json"))) == 1
    # one file, closed: nobody kept it open
    assert [f.name for f in (tmp_path / "runs").iterdir()] == ["train.gscope"]


# ---------------------------------------------------------------- the older one


def test_old_course_code_runs() -> None:
    with gs.autograd.profiler.profile(use_cuda=True, record_shapes=True) as prof:
        assert str(prof) == "<unfinished torch.autograd.profile>"
        training(2)
    assert "linear" in str(prof) and repr(prof) == str(prof)
    table = prof.key_averages().table(sort_by="self_cpu_time_total")
    assert "relu" in table and prof.table(sort_by="cpu_time_total", row_limit=1)
    assert prof.self_cpu_time_total > 0 and prof.total_average().count == sum(
        row.count for row in prof.key_averages()
    )
    assert len(prof.function_events) > 20
    with pytest.raises(RuntimeError, match="entered before"):
        prof.__enter__()


def test_an_old_profile_can_be_off() -> None:
    with old.profile(enabled=False) as prof:
        assert dispatch.recorder() is None
        training(1)
    with pytest.raises(UsageError, match="not enabled"):
        prof.key_averages()
    assert "unfinished" in str(prof)


def test_ranges_for_other_tools_say_that_there_are_none(monkeypatch: Any) -> None:
    for kind in (old.emit_nvtx, old.emit_itt):
        monkeypatch.setattr(kind, "_said", False)
        with pytest.warns(UserWarning, match=f"{kind.__name__} does nothing here"), kind():
            pass
        with kind(record_shapes=True):  # once is enough
            pass


# ---------------------------------------------------------------- scopes


def test_a_scope_is_a_decorator_and_takes_torchs_second_argument(tmp_path: Path) -> None:
    @record_function("double", "an argument")
    def double(x: Any) -> Any:
        """Twice."""
        return x * 2

    assert double.__doc__ == "Twice." and double.__name__ == "double"
    with gs.profile(tmp_path / "a") as p:
        double(double(gs.ones(2, requires_grad=True))).sum().backward()
    graph = TraceReader(p.path).graph(0)
    assert [graph.scope_path(i) for i in range(3)] == ["double", "double", ""]


def test_one_scope_object_in_several_threads(tmp_path: Path) -> None:
    shared = gs.scope("shared")
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with shared:
            inside.set()
            leave.wait(10)

    with gs.profile(tmp_path / "a") as p:
        with shared:
            thread = threading.Thread(target=other)
            thread.start()
            assert inside.wait(10)
            y = gs.ones(2, requires_grad=True) * 2
        z = y + 1
        leave.set()
        thread.join()
        with shared:
            z = z * 3
        z.sum().backward()
    graph = TraceReader(p.path).graph(0)
    assert [graph.scope_path(i) for i in range(4)] == ["shared", "", "shared", ""]
    assert shared._entered == {}


def test_a_scope_entered_before_recording_leaves_nothing_behind(tmp_path: Path) -> None:
    with gs.scope("before"):
        p = gs.profile(tmp_path / "a").start()
    with gs.scope("in"):
        (gs.ones(2, requires_grad=True) * 2).sum().backward()
        p.stop()
    assert TraceReader(p.path).graph(0).scope_path(0) == "in"
