"""The figures of the Curves page as plain dicts."""

import json
import types

import pytest

from graphscope.view.figures.curves import Curve, figure
from graphscope.view.palette import theme
from graphscope.webapp.pages.scalars import MOST_RUNS, Wish, answer
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


def test_raw_stays_at_full_strength_under_a_thin_average():
    raw, average = draw(plain(smooth=[1.0, 1.5, 2.0]))["data"]
    assert average["line"]["width"] < raw["line"]["width"] and "opacity" not in raw
    assert average["hoverinfo"] == "skip"


def test_what_is_not_finite_is_a_gap_under_a_band():
    made = draw(plain(y=(1.0, None, 2.0), wild=[(0.5, 1.5, 1)]))
    band, (label,) = made["data"][-1], made["layout"]["annotations"]
    assert band["x"] == [1] and band["marker"]["pattern"]["shape"] and "step 1" in label["text"]
    assert made["layout"]["yaxis"]["overlaying"] == band["yaxis"] != "y"


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
    given = {"find": "", "smooth": 0.0, "log": False, "axis": "step", "look": LIGHT, "have": ""}
    return Wish(runs=tuple(runs), **given | more)


def test_the_loss_is_pinned_first(source):
    told = answer(source, wish())
    titles = [
        box["props"]["children"][0]["props"]["children"][0]["props"]["children"]
        for box in told["children"]
    ]
    assert titles == ["loss", "accuracy/val", "lr"]


def test_cards_are_sent_once_figures_always(source):
    first = answer(source, wish())
    again = answer(source, wish(have=first["have"]))
    assert "children" in first and "children" not in again and len(again["cards"]) == 3


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


def test_a_run_keeps_its_colour_where_others_are_missing(source):
    told = answer(source, wish(("failed", "digits_like")))
    colours = dict(told["runs"])
    for card in told["cards"]:
        if len(card["figure"]["data"]) == 1:
            assert card["figure"]["data"][0]["line"]["color"] == colours["digits_like"]


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
    ],
)
def test_nonsense_in_the_address_is_the_default(given):
    request = types.SimpleNamespace(
        args=types.SimpleNamespace(
            get=lambda k, d=None: given.get(k, d), getlist=lambda k: ["x"] * 50
        )
    )
    import graphscope.webapp.pages.scalars as page

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "request", request)
        made = Wish.from_request()
    assert 0 <= made.smooth < 1 and made.axis == "step" and not made.log
    assert made.look is LIGHT and len(made.runs) <= MOST_RUNS


def test_hostile_names_are_text(source):
    told = answer(source, wish(("hostile",)))
    assert "<script>" not in json.dumps([card["figure"] for card in told["cards"]])
