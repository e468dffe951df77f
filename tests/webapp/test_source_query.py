"""The user's code with its costs: text, colours, blocks, and what each line took."""

import json
import sys
from types import SimpleNamespace

import pytest

from graphscope.errors import TraceError
from graphscope.trace.reader import TraceReader
from graphscope.trace.records import Site
from graphscope.webapp.queries.code import LONGEST, blocks_of, lines_of, marks_of
from graphscope.webapp.queries.source import code_json, editor_link, lines_json
from tests import golden


@pytest.fixture(scope="module")
def tiny(runs):
    return TraceReader(runs / "tiny.gscope")


def coloured(text):
    lines = text.split("\n")
    return [
        [(lines[k][a : a + n], kind) for a, n, kind in row] for k, row in enumerate(marks_of(text))
    ]


def test_tokens_are_coloured():
    text = 'def f(x):\n    return x @ w + len("a")  # why'
    assert coloured(text) == [
        [("def", "k"), ("f", "d")],
        [("return", "k"), ("len", "b"), ('"a"', "s"), ("# why", "c")],
    ]
    assert coloured("@cached\ndef g(): pass")[0] == [("cached", "d")]


def test_a_string_over_lines_is_coloured_on_each():
    assert coloured('x = """a\nb\n"""') == [[('"""a', "s")], [("b", "s")], [('"""', "s")]]


@pytest.mark.parametrize(
    "text", ["def f(:\n  '", "\x00", "x = (", "\u202e#", "if x:\n\tpass\n  y", ""]
)
def test_text_that_is_no_python_still_shows(text):
    assert len(marks_of(text)) == len(lines_of(text)) == len(text.split("\n"))
    blocks_of(text)


def test_signs_that_turn_text_around_are_made_visible():
    shown = lines_of("a = '\u202e \u2066// admin'\n" + "x" * 10_000 + "\nb\x1b[31m")
    assert "\u202e" not in shown[0] and "\u2066" not in shown[0] and len(shown[1]) == LONGEST
    assert shown[2] == "b\ufffd[31m"


def test_tabs_and_tokens_agree_about_columns():
    text = "\tx = 1"
    (first, length, kind) = marks_of(text)[0][0]
    assert lines_of(text)[0][first : first + length] == "1" and kind == "n"


def test_the_file_with_its_blocks(tiny):
    code = code_json(tiny, None)
    assert code["file"] == "train.py" and code["lines"][7].startswith("    h = (x @ w1)")
    assert code["blocks"] == [(7, 14), (12, 14)]
    assert code["editor"] is None and code["line"] is None and not code["missing"]
    assert code["files"][0]["share"] == pytest.approx(
        tiny.step().dur_ns.sum() / tiny.step().wall_ns, rel=1e-6
    )


def test_a_node_opens_its_file_at_its_line(tiny):
    assert code_json(tiny, None, node="n2")["line"] == 9
    assert code_json(tiny, None, node="p0")["line"] is None
    assert code_json(tiny, None, node="s:net")["line"] is None
    with pytest.raises(TraceError, match="no file"):
        code_json(tiny, None, file="/etc/passwd")


def test_what_a_line_costs_is_the_sum_of_its_ops(tiny):
    answer = json.loads(json.dumps(lines_json(tiny, 1, "train.py", "step"), allow_nan=False))
    graph, step = tiny.graph(0), tiny.step(1)
    for number in ("8", "9", "10", "13"):
        mine = [i for i in range(graph.n) if graph.site_of(i).line == int(number)]
        row = answer["lines"][number]
        forward = sum(int(step.dur_ns[i]) for i in mine if graph.phase[i] != 2)
        backward = sum(int(step.dur_ns[i]) for i in mine if graph.phase[i] == 2)
        assert row["forward"] == pytest.approx(forward) and row["backward"] == pytest.approx(
            backward
        )
        assert row["share"] == pytest.approx((forward + backward) / step.wall_ns)
        assert row["calls"] == len(mine)
    # h = (x @ w1).relu(): two outputs of 4x5 float32, and their gradients: of w1 (3x5) and of a (4x5).
    assert answer["lines"]["8"]["bytes"] == 4 * (20 + 20 + 15 + 20)
    (op,) = answer["lines"]["9"]["ops"]
    assert (op["id"], op["label"], op["shape"]) == ("n2", "out", "4\u00d72") and op["g"]


def test_all_steps_give_the_mean_of_a_step(tiny):
    every = lines_json(tiny, None, "train.py")["lines"][9]
    steps = [lines_json(tiny, k, "train.py", "step")["lines"][9] for k in range(3)]
    assert every["forward"] == pytest.approx(sum(s["forward"] for s in steps) / 3, rel=1e-6)
    assert every["calls"] == steps[0]["calls"]


def test_findings_stand_on_their_lines(tiny):
    found = [
        finding(title="Dead units", site=Site("train.py", 8, "f"), nodes=(2,), graph=0),
        finding(id="old", active=False, site=Site("train.py", 9, "f")),
        finding(id="far", site=Site("other.py", 8, "f")),
        finding(id="odd", severity="<b>", site=Site("train.py", 13, "f")),
    ]
    rows = lines_json(tiny, None, "train.py", found=found)["findings"]
    assert [row[:2] for row in rows] == [[8, "warning"], [9, "warning"], [13, "info"]]
    assert rows[0][2] == "Dead units: why"


def finding(**given):
    plain = {"id": "x", "title": "t", "severity": "warning", "detail": "why", "active": True}
    return SimpleNamespace(**(plain | {"site": None, "nodes": (), "graph": -1} | given))


def test_an_editor_link_only_for_a_file_that_is_there(tmp_path):
    file = tmp_path / "a b%.py"
    file.write_text("x")
    assert editor_link(str(file)) == f"vscode://file{tmp_path.as_posix()}/a%20b%25.py"
    for path in ("train.py", "javascript:alert(1)", str(tmp_path), "/no/such.py", "/a\x00b"):
        assert editor_link(path) is None


def test_colouring_grows_with_the_number_of_lines_and_no_faster():
    block = "def f(x):\n    return x + 1  # one more\n"

    def calls(count):
        """How many calls it takes, of Python's functions and of built-in ones."""
        made = 0

        def count_one(frame, event, what):
            nonlocal made
            made += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(count_one)
        try:
            marks, blocks = marks_of(block * count), blocks_of(block * count)
        finally:
            sys.setprofile(before)
        assert (len(marks), len(blocks)) == (2 * count + 1, count)
        return made

    calls(250)  # imports
    assert calls(2500) < 12 * calls(250)


def test_hostile_and_failed_runs_are_plain_json(runs):
    for run in ("hostile", "failed", "one_step", "digits_like"):
        reader = TraceReader(runs / f"{run}.gscope")
        code = code_json(reader, None, local=True)
        answer = lines_json(reader, None, code["file"])
        json.dumps([code, answer], allow_nan=False)
        assert code["editor"] is None
    assert golden.HOSTILE in code_json(TraceReader(runs / "hostile.gscope"), None)["file"]


def test_routes(client):
    code = client.get("/api/code?run=tiny").json
    assert client.get(f"/api/code_lines?run=tiny&file={code['file']}&step=1").json["step"] == 1
    for path in ("code?run=tiny&file=/etc/passwd", "code_lines?run=tiny&span=x", "code?run=empty"):
        assert client.get(f"/api/{path}").status_code == 404
