"""The figures of the Curves page as plain dicts."""

import json
import types

import pytest

from graphscope.trace.writer import TraceWriter
from graphscope.view.figures.curves import Curve, Event, figure
from graphscope.view.palette import theme
from graphscope.webapp.api_curves import MOST_RUNS, Wish, answer, wish_of_request
from graphscope.webapp.runs import RunDirectory
from graphscope.webapp.theme import chart_layout
from tests import golden

LIGHT = theme("light")


def draw(*curves, **options):
    made = figure(curves, LIGHT, chart_layout("light"), **options)
    json.dumps(made, allow_nan=False)
    return made


def plain(run="a", y=(1.0, 2.0, 3.0), place=0, **more):
    return Curve(
        run=run, place=place, x=list(range(len(y))), y=list(y), steps=list(range(len(y))), **more
    )


def test_a_figure_is_plain_data_and_knows_its_steps():
    made = draw(plain())
    (line,) = made["data"]
    assert line["customdata"] == [0, 1, 2] and line["y"] == [1.0, 2.0, 3.0]
    assert line["connectgaps"] is False


def test_a_run_of_one_step_has_a_point_and_no_step_before_it():
    made = draw(plain(y=(2.0,)))
    assert made["layout"]["xaxis"]["range"] == [-0.5, 0.5]
    assert made["data"][0]["marker"]["size"] > draw(plain())["data"][0]["marker"]["size"]
    assert draw(plain(), axis="wall")["layout"]["xaxis"]["tickangle"] == 0


def test_a_number_that_never_changed_is_drawn_where_it_is():
    """A learning rate of 0.003 lay on the 0 of an axis from -1 to 1."""
    low, high = draw(plain(y=(0.003,) * 3))["layout"]["yaxis"]["range"]
    assert low < 0.003 < high and high - low < 0.003
    assert "range" not in draw(plain())["layout"]["yaxis"]
    assert "range" not in draw(plain(y=(0.003,) * 3), log=True)["layout"]["yaxis"]


def test_raw_stays_at_full_strength_under_a_thin_average():
    raw, average = draw(plain(smooth=[1.0, 1.5, 2.0]))["data"]
    assert average["line"]["width"] < raw["line"]["width"] and "opacity" not in raw
    assert average["hoverinfo"] == "skip"


def test_what_is_not_finite_is_a_gap_under_a_band():
    made = draw(plain(y=(1.0, None, 2.0), wild=[(0.5, 1.5, 1)]))
    band, (label,) = made["data"][-1], made["layout"]["annotations"]
    assert band["x"] == [1] and band["marker"]["pattern"]["shape"] and "step 1" in label["text"]
    assert made["layout"]["yaxis"]["overlaying"] == band["yaxis"] != "y"


def test_a_cut_peak_is_a_triangle_with_its_value():
    made = draw(plain(y=(1.0, 2.0, 900.0), peaks=[(2, 900.0, 2, True)]), view=(1.0, 2.0))
    mark = made["data"][-1]
    assert mark["text"] == ["900"] and mark["marker"]["symbol"] == ["triangle-up"]
    assert mark["y"] == [made["layout"]["yaxis"]["range"][1]] == [pytest.approx(2.08)]


def test_an_event_is_a_line_through_the_height():
    (line,) = draw(plain(), events=[Event(1.0, 1, "lr", "<b>")])["layout"]["shapes"]
    assert (line["x0"], line["y0"], line["y1"], line["yref"]) == (1.0, 0, 1, "paper")


def test_log_axis_leaves_out_what_has_no_logarithm():
    made = draw(plain(y=(0.0, -1.0, 10.0)), log=True)
    assert made["data"][0]["y"] == [None, None, 10.0] and made["layout"]["yaxis"]["type"] == "log"


def test_names_of_runs_are_escaped_for_plotly():
    (line,) = draw(plain(run="<b>x</b>&"))["data"]
    assert "<b>" not in line["meta"][0]


def test_runs_have_colours_of_their_own_and_dashes_from_the_eighth_on():
    made = draw(*(plain(run=str(i), place=i) for i in range(8)))
    lines = [line["line"] for line in made["data"]]
    assert len({line["color"] for line in lines[:7]}) == 7 and lines[7]["dash"] != "solid"


def test_layout_that_is_shared_is_not_changed():
    shared = chart_layout("dark")
    before = json.dumps(shared)
    figure([plain()], theme("dark"), shared, "wall", True)
    assert json.dumps(shared) == before


@pytest.fixture
def source(tmp_path):
    for name in ("digits_like", "failed", "hostile"):
        golden.build(name, tmp_path)
    source = RunDirectory(tmp_path)
    yield source
    for run in source.files():
        source.reader(run).close()


def wish(runs=("digits_like",), **more):
    given = {"find": "", "smooth": 0.0, "log": False, "axis": "step", "look": LIGHT}
    return Wish(runs=tuple(runs), **given | more)


def test_the_loss_is_pinned_first(source):
    told = answer(source, wish())
    assert [card["tag"] for card in told["cards"]] == ["loss", "accuracy/val", "lr"]
    assert told["groups"] == ["Pinned", "Other"] and told["cards"][0]["loss"]


def test_a_pinned_card_comes_up_to_the_loss(source):
    key = answer(source, wish())["cards"][2]["key"]
    told = answer(source, wish(pins=(key,)))
    assert [card["tag"] for card in told["cards"]] == ["loss", "lr", "accuracy/val"]


def test_only_cards_on_screen_have_figures(source):
    first = answer(source, wish())
    again = answer(source, wish(want=frozenset([first["cards"][1]["key"]])))
    assert ["figure" in card for card in first["cards"]] == [True] * 3
    assert ["figure" in card for card in again["cards"]] == [False, True, False]


def test_a_window_has_every_point_and_the_whole_its_extremes(tmp_path):
    w = TraceWriter(tmp_path / "long.gscope", golden.META)
    for k in range(30_000):
        w.add_scalar("loss", k, 50.0 if k == 12_345 else 1.0, k)
    w.close()
    source = RunDirectory(tmp_path)
    (card,) = answer(source, wish(("long",)))["cards"]
    line = card["figure"]["data"][0]
    assert len(line["x"]) < 2500 and max(line["y"]) == 50.0
    window = {card["key"]: (12_300.0, 12_400.0)}
    (card,) = answer(source, wish(("long",), windows=window))["cards"]
    assert set(range(12_300, 12_401)) <= set(card["figure"]["data"][0]["customdata"])
    source.reader("long").close()


def test_a_run_that_is_not_drawn_leaves_its_colour(source):
    both = wish(("digits_like", "failed"), drawn=frozenset(["failed"]))
    told = answer(source, both)
    (line,) = [t for t in told["cards"][0]["figure"]["data"] if t["type"] == "scatter"]
    assert line["meta"] == ["failed"] and line["line"]["color"] == dict(told["runs"])["failed"]


def test_events_are_lines_and_can_be_left_out(source):
    told = answer(source, wish())
    assert [e[:2] for e in told["events"]] == [[40, "finding"]]
    assert told["cards"][0]["figure"]["layout"]["shapes"][0]["x0"] == 40
    assert "shapes" not in answer(source, wish(events=False))["cards"][0]["figure"]["layout"]


def test_runs_in_groups_have_a_mean_in_a_band(source):
    told = answer(source, wish(("digits_like", "failed"), by="run"))
    low, high, mean = told["cards"][0]["figure"]["data"]
    assert high["fill"] == "tonexty" and "2 runs" in mean["meta"][0]
    assert all(a <= m <= b for a, m, b in zip(low["y"], mean["y"], high["y"], strict=True))


def test_the_band_names_the_op_once_the_doctor_knows(source):
    reader = source.reader("failed")
    source.shared.doctors.found(reader, "now")
    source.shared.doctors.wait(reader)
    layout = answer(source, wish(("failed",)))["cards"][0]["figure"]["layout"]
    assert layout["annotations"][0]["text"] == "NaN from step 5 \u00b7 sub"


def test_a_restarted_run_has_two_lines_the_older_one_faded(tmp_path):
    w = TraceWriter(tmp_path / "again.gscope", golden.META)
    for k in (0, 1, 2, 1, 2, 3):
        w.add_scalar("loss", k, 1.0, k)
    w.close()
    source = RunDirectory(tmp_path)
    old, new = answer(source, wish(("again",)))["cards"][0]["figure"]["data"]
    assert (old["customdata"], new["customdata"]) == ([0, 1, 2], [1, 2, 3])
    assert old["line"]["color"] != new["line"]["color"] == LIGHT.value
    source.reader("again").close()


def test_runs_lie_on_top_of_each_other(source):
    told = answer(source, wish(("digits_like", "failed")))
    (loss, *_), runs = told["cards"], told["runs"]
    assert [trace["type"] for trace in loss["figure"]["data"]].count("scatter") == 2 and [
        run for run, _ in runs
    ] == [
        "digits_like",
        "failed",
    ]
    assert runs[0][1] != runs[1][1]


def test_a_loss_of_another_name_is_drawn_with_the_loss(tmp_path):
    """Two losses side by side are asked for by name of the runs, whatever each run calls its own."""
    for run, tags in {"a": ("loss/train", "loss/val"), "b": ("loss",), "c": ("loss/val",)}.items():
        w = TraceWriter(tmp_path / f"{run}.gscope", golden.META)
        for k in range(3):
            for tag in tags:
                w.add_scalar(tag, k, float(k), k)
        w.close()
    source = RunDirectory(tmp_path)

    def drawn(*runs):
        return {
            card["tag"]: [trace["meta"][0] for trace in card["figure"]["data"]]
            for card in answer(source, wish(runs))["cards"]
        }

    # What both have keeps its name; and the watched run's names stand.
    assert drawn("a", "b", "c") == {"loss/train": ["a", "b"], "loss/val": ["a", "c"]}
    assert drawn("b", "a", "c") == {"loss": ["b", "a", "c"], "loss/val": ["a"]}
    assert drawn("b") == {"loss": ["b"]}
    words = answer(source, wish(("a", "b")))["problems"]
    assert words == ["The loss of b, which it calls loss, is drawn with loss/train."]
    for run in "abc":
        source.reader(run).close()


def test_a_run_keeps_its_colour_where_others_are_missing(source):
    told = answer(source, wish(("failed", "digits_like")))
    colours = dict(told["runs"])
    for card in told["cards"]:
        if len(card["figure"]["data"]) == 1:
            assert card["figure"]["data"][0]["line"]["color"] == colours["digits_like"]


def test_only_a_run_alone_has_the_colour_of_values(source):
    """Beside others that blue is not told from teal and violet by who lacks a kind of cones."""
    alone = answer(source, wish(("failed",)))
    assert dict(alone["runs"]) == {"failed": LIGHT.value}
    first = answer(source, wish(("failed", "digits_like")))
    assert dict(first["runs"]) == {"failed": LIGHT.runs[0], "digits_like": LIGHT.runs[1]}
    drawn = {
        line["line"]["color"] for line in first["cards"][0]["figure"]["data"] if "line" in line
    }
    assert drawn == set(LIGHT.runs[:2]) and first["cards"][0]["last"][0][0] == LIGHT.runs[0]


def test_another_run_that_is_gone_is_named_and_left_out(source):
    told = answer(source, wish(("digits_like", "nothing")))
    assert "nothing" in told["problems"][0] and len(told["runs"]) == 1


@pytest.mark.parametrize("axis", ["step", "relative", "wall"])
def test_axes(source, axis):
    told = answer(source, wish(axis=axis))
    x = told["cards"][0]["figure"]["data"][0]["x"]
    assert x == sorted(x) and len(x) == 60


def test_filter_by_name(source):
    told = answer(source, wish(find="acc"))
    assert len(told["cards"]) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"smooth": "nan"},
        {"smooth": "-1"},
        {"smooth": "1e9"},
        {"smooth": "<b>"},
        {"x": "evil"},
        {"log": "yes"},
        {"theme": "pink"},
        {"want": "<script>", "pins": "x,y", "group": "z" * 900},
    ],
)
def test_nonsense_in_the_address_is_the_default(given):
    request = types.SimpleNamespace(
        args=types.SimpleNamespace(
            get=lambda k, d=None: given.get(k, d), getlist=lambda k: ["x"] * 50
        )
    )
    import graphscope.webapp.api_curves as page

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "request", request)
        made = wish_of_request()
    assert 0 <= made.smooth < 1 and made.axis == "step" and not made.log
    assert made.look is LIGHT and len(made.runs) <= MOST_RUNS


def test_hostile_names_are_text(source):
    told = answer(source, wish(("hostile",)))
    assert "<script>" not in json.dumps([card["figure"] for card in told["cards"]])
