"""The command line: right answers, and one clear line for each mistake."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from graphscope import cli
from graphscope.trace.reader import TraceReader
from tests.golden import build

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name in ("tiny", "empty", "digits_like"):
        build(name, folder)
    os.utime(folder / "digits_like.gscope", (2e9, 2e9))
    return folder


def _run(capsys, *words):
    code = cli.main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def test_table(capsys, runs):
    code, out, err = _run(capsys, "table", runs / "tiny.gscope", "--by", "line", "--top", "2")
    assert code == 0 and err == "" and "train.py:9" in out and "more rows not shown" in out
    code, out, _ = _run(capsys, "table", runs)  # the newest of the folder
    assert code == 0 and "conv2d" in out and "60 steps" in out
    code, out, _ = _run(capsys, "table", runs / "tiny", "--json", "--by", "scope")
    table = json.loads(out)
    assert code == 0 and table["run"] == "tiny" and table["rows"][0]["key"] == "(top)"
    code, out, _ = _run(capsys, "table", runs / "empty.gscope")
    assert code == 0 and "no train step" in out


def test_table_of_a_damaged_run_says_so(capsys, runs, tmp_path):
    path = tmp_path / "half.gscope"
    raw = (runs / "digits_like.gscope").read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    code, out, err = _run(capsys, "table", path)
    assert (code == 0 and "is damaged" in err) or (code == 2 and "is damaged" in err)
    assert err.count("\n") == 1


def test_export(capsys, runs, tmp_path):
    target = tmp_path / "graph.svg"
    code, out, err = _run(capsys, "export", runs / "tiny.gscope", "--to", target, "--step", "1")
    assert (code, err) == (0, "") and out.strip() == str(target)
    assert target.read_text(encoding="utf-8").lstrip().startswith(("<svg", "<?xml"))


def test_info(capsys):
    code, out, _ = _run(capsys, "info")
    assert code == 0 and "numpy" in out and "cpu" in out
    code, out, _ = _run(capsys, "info", "--json")
    told = json.loads(out)
    assert told["python"].startswith("3.") and told["recorder"].split()[0] in ("compiled", "in")
    assert str(Path.home()) not in out


def test_the_module_is_the_command_too():
    done = subprocess.run(
        [sys.executable, "-m", "graphscope", "table", "/no/such/run"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "does not exist" in done.stderr and not done.stdout


MISTAKES = [
    (["table", "/no/such/run"], "does not exist"),
    (["table", __file__], "another kind of file"),
    (["table", "RUNS/tiny.gscope", "--by", "layer"], "invalid choice: 'layer'"),
    (["table", "RUNS/tiny.gscope", "--top", "many"], "no number of rows"),
    (["table", "RUNS/tiny.gscope", "--nonsense"], "--nonsense"),
    (["table"], "RUN"),
    (["tabel"], "tabel"),
    (["export", "RUNS/tiny.gscope", "--to", "graph.bmp"], "there are .svg, .pdf, .png"),
    (["export", "RUNS/tiny.gscope", "--to", "graph"], "has no suffix"),
    (["export", "RUNS/tiny.gscope", "--to", "/no/such/folder/graph.svg"], "does not exist"),
    (["export", "RUNS/tiny.gscope", "--to", "graph.svg", "--step", "99"], "no train step 99"),
    (["export", "RUNS/empty.gscope", "--to", "graph.svg"], "no train step yet"),
    (["export", "RUNS/tiny.gscope"], "--to"),
    (["view", "/no/such/run"], "graphscope demo"),
    (["view", "RUNS", "--port", "99999"], "ports are 0 to 65535"),
    (["view", "RUNS", "--port", "x"], "is no port"),
    (["view", __file__], "another kind of file"),
]


@pytest.mark.parametrize("words, text", MISTAKES, ids=[" ".join(w)[-40:] for w, _ in MISTAKES])
def test_a_mistake_is_one_line_and_code_2(capsys, runs, words, text):
    code, out, err = _run(capsys, *(word.replace("RUNS", str(runs)) for word in words))
    assert code == 2 and out == ""
    assert text in err and err.count("\n") == 1 and "Traceback" not in err


@pytest.mark.parametrize("name", [name for name, _ in cli.COMMANDS])
def test_help_has_an_example(capsys, name):
    code, out, _ = _run(capsys, name, "--help")
    assert code == 0 and f"graphscope {name}" in out
    if name != "demo":
        assert "example:\n" in out


def test_top_level(capsys):
    code, out, _ = _run(capsys)
    assert code == 0 and all(name in out for name, _ in cli.COMMANDS)
    code, out, _ = _run(capsys, "--version")
    assert code == 0 and out.startswith("graphscope ")


def test_view_hands_over_to_the_server(monkeypatch, runs):
    called = {}
    webapp = type(sys)("graphscope.webapp")
    webapp.serve = lambda path, **options: called.update(path=path, **options)
    monkeypatch.setitem(sys.modules, "graphscope.webapp", webapp)
    assert cli.main(["view", str(runs), "--port", "0", "--no-browser"]) == 0
    assert called == {"path": runs, "port": 0, "open_browser": False}


@pytest.mark.skipif(shutil.which("head") is None, reason="needs a POSIX shell")
def test_pipe_closed_early_and_ascii_terminal(runs):
    env = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = f'"{sys.executable}" -m graphscope.cli table "{runs}" --by shape --top 0 | head -1'
    done = subprocess.run(command, shell=True, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "" and "shape" in done.stdout


def test_traces_stay_untouched(capsys, runs):
    before = (runs / "tiny.gscope").read_bytes()
    _run(capsys, "table", runs / "tiny.gscope")
    assert (runs / "tiny.gscope").read_bytes() == before
    with TraceReader(runs / "tiny.gscope") as reader:
        assert reader.state() == "finished"


@pytest.mark.parametrize(
    "words, said",
    [
        (["memory", "RUN", "--step", "-5"], "-5 is no step; steps are numbered from 0, -1 is the last"),
        (["memory", "RUN", "--step", "x"], "x is no step"),
        (["export", "RUN", "--to", "x.json", "--step", "-2"], "-2 is no step"),
        (["compare", "RUN", "--steps", "a", "b"], "a is no step"),
        (["compare", "RUN", "RUN", "--rtol", "nan"], "nan is no share"),
        (["compare", "RUN", "RUN", "--rtol", "-3"], "-3 is no share"),
        (["table", "RUN", "--bad"], "unrecognized arguments: --bad (see graphscope table --help)"),
        (["doctor", "RUN", "--top", "3"], "(see graphscope doctor --help)"),
        (["export", "RUN", "--to", "/proc/x.json"], "/proc/x.json cannot be written"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_told_by_the_command(capsys, runs, words, said):
    path = runs / "tiny.gscope"
    code, out, err = _run(capsys, *(path if word == "RUN" else word for word in words))
    assert code == 2 and not out and said in err and err.count("\n") == 1
