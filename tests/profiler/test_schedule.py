"""Which steps are recorded: the schedule's actions, the windows, and that the recorder is off in between."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import graphscope as gs
from graphscope.analysis.aggregate import key_averages
from graphscope.analysis.part import Part
from graphscope.engine import dispatch
from graphscope.errors import UsageError
from graphscope.profiler import ProfilerAction, schedule
from graphscope.trace import schema
from graphscope.trace.reader import TraceReader

SCHEDULES = [
    dict(wait=1, warmup=1, active=1),
    dict(wait=0, warmup=0, active=2),
    dict(wait=2, warmup=1, active=3, repeat=2),
    dict(wait=1, warmup=2, active=1, repeat=1, skip_first=3),
    dict(wait=0, warmup=1, active=4, repeat=0, skip_first=5),
    dict(wait=5, warmup=1, active=2, repeat=2, skip_first=1, skip_first_wait=1),
    dict(wait=3, warmup=0, active=1, repeat=3),
]


def torch_schedule(**given: int) -> Any:
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of a schedule without warm-up
        return torch.profiler.schedule(**given)


@pytest.mark.parametrize("given", SCHEDULES, ids=str)
def test_the_actions_of_40_steps_are_torchs(given: dict[str, int]) -> None:
    ours, theirs = schedule(**given), torch_schedule(**given)
    assert [ours(k).name for k in range(40)] == [theirs(k).name for k in range(40)]
    assert [ours(k).value for k in range(40)] == [theirs(k).value for k in range(40)]


@pytest.mark.parametrize(
    "wrong",
    [dict(wait=-1), dict(warmup=-1), dict(active=0), dict(repeat=-1), dict(skip_first=-2)],
    ids=str,
)
def test_a_schedule_that_makes_no_sense(wrong: dict[str, int]) -> None:
    given = dict(wait=1, warmup=1, active=1) | wrong
    (name,) = wrong
    with pytest.raises(UsageError, match=f"{name}=") as ours:
        schedule(**given)
    with pytest.raises(AssertionError):
        torch_schedule(**given)
    assert isinstance(ours.value, AssertionError)  # what torch raises
    with pytest.raises(AssertionError, match="no step -1"):
        schedule(wait=1, warmup=0, active=1)(-1)


def program(p: Any, steps: int, seen: list[Any] | None = None) -> None:
    w = gs.ones(3, requires_grad=True)
    for k in range(steps):
        (w * 2).sum().backward()
        w.grad = None
        if seen is not None:
            seen.append(dispatch.recorder() is not None)
        p.step()


@pytest.mark.parametrize("given", SCHEDULES, ids=str)
def test_handlers_are_called_where_torch_calls_them(tmp_path: Path, given: dict[str, int]) -> None:
    torch = pytest.importorskip("torch")
    theirs: list[Any] = []

    class Dry(torch.profiler.profile):
        """Torch's order of events without its measuring, which can crash where nothing runs."""

        prepare_trace = start_trace = stop_trace = lambda self: None

    with Dry(
        activities=[torch.profiler.ProfilerActivity.CPU],
        schedule=torch_schedule(**given),
        on_trace_ready=lambda p: theirs.append((p.step_num, p.current_action.name)),
    ) as p:
        for _ in range(13):
            p.step()
    ours: list[Any] = []
    with gs.profile(
        tmp_path / "a",
        schedule=schedule(**given),
        on_trace_ready=lambda p: ours.append((p.step_num, p.path)),
    ) as q:
        program(q, 13)
    assert [step for step, _ in ours] == [step for step, _ in theirs]
    assert {path for _, path in ours} == ({q.path} if ours else set())


def test_only_active_steps_are_recorded(tmp_path: Path) -> None:
    when = schedule(wait=2, warmup=1, active=3, repeat=2, skip_first=1)
    on: list[bool] = []
    with gs.profile(tmp_path / "a", schedule=when) as p:
        program(p, 20, on)
    active = [when(k).name.startswith("RECORD") for k in range(20)]
    assert on == active  # in between, the engine has no recorder at all
    reader = TraceReader(p.path)
    assert reader.steps().num.tolist() == list(range(6))
    assert len(reader.graphs()) == 1
    header = reader.header()
    assert json.loads(header["windows"]) == [
        {"program_steps": [4, 6], "train": [0, 2]},
        {"program_steps": [10, 12], "train": [3, 5]},
    ]
    assert json.loads(header["unrecorded_steps"]) == {"wait": 12, "warmup": 2}
    assert json.loads(header["schedule"])["skip_first"] == 1
    assert [w.program for w in p.windows] == [range(4, 7), range(10, 13)]


def test_a_window_can_be_read_while_the_program_runs(tmp_path: Path) -> None:
    found = []

    def ready(p: Any) -> None:
        with TraceReader(p.path) as reader:
            found.append((reader.state(), reader.steps().num.tolist(), p.windows[-1].train))
        gs.ones(3).exp()  # what a handler computes is no part of the program

    when = schedule(wait=1, warmup=0, active=2)
    with gs.profile(tmp_path / "a", schedule=when, on_trace_ready=ready) as p:
        program(p, 5)
    assert found == [("live", [0, 1], range(2)), ("finished", [0, 1, 2], range(2, 3))]
    assert {TraceReader(p.path).graph(0).op_name(i) for i in range(2)} == {"mul", "sum"}


def test_without_a_schedule_the_handler_is_called_at_the_end(tmp_path: Path) -> None:
    called = []
    with gs.profile(tmp_path / "a", on_trace_ready=lambda p: called.append(p.path)) as p:
        program(p, 2)
        assert called == []
    assert called == [p.path]
    assert "schedule" not in TraceReader(p.path).header()


def test_a_handler_that_fails_leaves_the_profiler_in_order(tmp_path: Path) -> None:
    def ready(p: Any) -> None:
        raise KeyError("mine")

    p = gs.profile(
        tmp_path / "a", schedule=schedule(wait=0, warmup=0, active=1), on_trace_ready=ready
    )
    p.start()
    for _ in range(2):
        gs.ones(2, requires_grad=True).sum().backward()
        with pytest.raises(KeyError, match="mine"):
            p.step()
        assert dispatch.recorder() is not None  # the next window is open all the same
    with pytest.raises(KeyError):
        p.stop()
    assert dispatch.recorder() is None
    assert TraceReader(p.path).state() == "finished" and len(TraceReader(p.path).steps()) == 2


def test_an_incorrect_schedule_is_said_as_torch_says_it(tmp_path: Path) -> None:
    actions = [
        ProfilerAction.RECORD,
        ProfilerAction.NONE,
        ProfilerAction.WARMUP,
        ProfilerAction.NONE,
    ]
    with gs.profile(tmp_path / "a", schedule=lambda k: actions[k]) as p:
        with pytest.warns(UserWarning, match="Incorrect schedule: RECORD followed by NONE") as said:
            p.step()
        assert said[0].filename == __file__
        p.step()
        with pytest.warns(UserWarning, match="Incorrect schedule: WARMUP followed by NONE"):
            p.step()
    with pytest.raises(UsageError, match="gave 'sometimes' for step 0"):
        gs.profile(tmp_path / "b", schedule=lambda k: "sometimes").start()


def test_torchs_own_schedule_drives_us_too(tmp_path: Path) -> None:
    with gs.profile(tmp_path / "a", schedule=torch_schedule(wait=1, warmup=1, active=1)) as p:
        program(p, 6)
    assert len(TraceReader(p.path).steps()) == 2
    assert TraceReader(p.path).header()["schedule"] == "the program's own function"


def test_options_are_checked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="device_time='never'"):
        gs.profile(tmp_path / "a", device_time="never")
    with pytest.raises(UsageError, match="schedule=3 cannot be called"):
        gs.profile(tmp_path / "a", schedule=3)  # type: ignore[arg-type]
    with gs.profile(tmp_path / "a", device_time="isolated") as p:
        recorder = dispatch.recorder()
        assert recorder is not None and recorder.device_time == "isolated"
    assert TraceReader(p.path).header()["device_time"] == "isolated"


def test_a_scope_around_the_loop_goes_through_step(tmp_path: Path) -> None:
    with gs.profile(tmp_path / "a") as p, gs.scope("epoch"):
        program(p, 3)
    reader = TraceReader(p.path)
    for k in range(3):
        assert reader.graph(reader.step(k).graph).scope_path(0) == "epoch"


def test_where_nothing_can_be_written_the_program_runs_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    called: list[Any] = []
    p = gs.profile(
        tmp_path / "file" / "a",
        schedule=schedule(wait=0, warmup=0, active=1),
        on_trace_ready=called.append,
    )
    with pytest.warns(RuntimeWarning, match="cannot record"):
        p.start()
    program(p, 3)
    p.stop()
    assert called == [] and p.path is None


def test_a_program_step_may_hold_several_recorded_ones(tmp_path: Path) -> None:
    w, net = gs.ones(3, requires_grad=True), gs.nn.Linear(3, 1)
    with gs.profile(tmp_path / "a", schedule=schedule(wait=1, warmup=0, active=2, repeat=1)) as p:
        for _ in range(4):
            for _ in range(2):  # two losses, as where a generator and a discriminator take turns
                (w * 2).sum().backward()
            with gs.no_grad():
                net(gs.ones(2, 3))  # an evaluation
            p.step()
    (window,) = p.windows
    assert window.program == range(1, 3) and window.train == range(4)
    assert window.eval == range(2) and len(TraceReader(p.path).steps("eval")) == 2


def test_a_part_of_a_run_answers_like_a_reader(tmp_path: Path) -> None:
    w = gs.ones(3, requires_grad=True)
    with gs.profile(tmp_path / "a") as p:
        for k in range(10):
            (w * 2).sum().backward()
            w.grad = None
            p.step()
            if k % 2:
                with gs.no_grad():
                    (w + 1).exp()
                p.step()
    with TraceReader(p.path) as reader:
        whole = {row.key: row for row in key_averages(reader)}
        same = {row.key: row for row in key_averages(Part(reader))}  # type: ignore[arg-type]
        assert whole == same
        few = Part(reader, {"train": range(2, 5)})
        assert few.steps().num.tolist() == [2, 3, 4] and len(few.steps("eval")) == 0
        rows = {row.key: row for row in key_averages(few)}  # type: ignore[arg-type]
        assert rows["mul"].calls == 6 and rows["mul"].total == pytest.approx(
            reader.columns("dur_ns", [2, 3, 4])[:, [0, 3]].sum(), rel=1e-6
        )
        merged = Part(reader, None, merged=True)
        assert len(merged.steps()) == 10 + len(reader.steps("eval"))
        assert merged.steps().id.tolist() == sorted(merged.steps().id.tolist())
        rows = {row.key: row for row in key_averages(merged)}  # type: ignore[arg-type]
        assert rows["exp"].calls == 5 and rows["mul"].calls == 20


def test_the_command_takes_a_schedule(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import graphscope as gs\n"
        "from graphscope import nn, optim\n"
        "net = nn.Linear(3, 1)\n"
        "sgd = optim.SGD(net.parameters(), lr=0.1)\n"
        "for k in range(10):\n"
        "    sgd.zero_grad()\n"
        "    net(gs.ones(2, 3)).sum().backward()\n"
        "    sgd.step()\n"
    )
    command = [sys.executable, "-m", "graphscope.cli", "run", "--schedule"]
    done = subprocess.run(
        [*command, "2:1:2:1", "train.py"], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 0 and "recorded 2 training steps" in done.stderr, done.stderr
    with TraceReader(tmp_path / "runs" / "train.gscope") as reader:
        (window,) = json.loads(reader.header()["windows"])
        assert window == {"program_steps": [3, 4], "train": [0, 1]}
        phases = {schema.PHASES[phase] for phase in reader.graph(0).phase.tolist()}
        assert phases == {"forward", "backward", "update"}
    for wrong, says in (("1:2", "is no schedule"), ("1:1:0", "active must be above 0")):
        done = subprocess.run(
            [*command, wrong, "train.py"], capture_output=True, text=True, timeout=60, cwd=tmp_path
        )
        assert done.returncode == 2 and says in done.stderr


def test_a_profile_can_record_again_and_not_twice_at_once(tmp_path: Path) -> None:
    p = gs.profile(tmp_path / "a", schedule=schedule(wait=1, warmup=0, active=1)).start()
    with pytest.raises(UsageError, match="already; call stop"):
        p.start()
    program(p, 4)
    p.stop()
    first = p.path
    with p:
        program(p, 2)
    assert p.path != first and [w.program for w in p.windows] == [range(1, 2)]
    assert len(TraceReader(first).steps()) == 2 and len(TraceReader(p.path).steps()) == 1
