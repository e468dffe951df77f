"""The roofline as a plain figure."""

import json
import math

from graphscope.view.figures.roofline import Point, Roof, drawable, figure
from graphscope.view.palette import DARK, LIGHT
from graphscope.webapp.theme import chart_layout

ROOF = Roof(copy=10e9, gemm32=40e9, gemm64=20e9)
POINTS = [
    Point("matmul", 8.0, 30e9, 4e6, "linalg", "compute"),
    Point("relu", 0.125, 1e9, 1e6, "pointwise", "memory"),
    Point("<b>view", 0.0, 0.0, 1e3),
]


def draw(points=POINTS, roof=ROOF, look=LIGHT, **options):
    made = figure(points, roof, look, chart_layout(look.name), **options)
    json.dumps(made, allow_nan=False)
    return made


def test_ceilings_meet_at_the_ridge():
    made = draw()
    solid = next(t for t in made["data"] if t.get("line", {}).get("dash") == "solid")
    # 40 GFLOP/s over 10 GB/s: left of 4 operations a byte memory limits, right of it arithmetic.
    assert solid["x"][1] == 4.0 and solid["y"][1:] == [40e9, 40e9]
    assert math.isclose(solid["y"][0], 10e9 * solid["x"][0])


def test_the_area_of_a_point_is_its_time_and_what_has_no_place_is_left_out():
    dots = draw()["data"][-1]
    assert dots["customdata"] == ["matmul", "relu"] and not drawable(POINTS[2])
    large, small = dots["marker"]["size"]
    assert large == 30 and small == 7 + 23 * math.sqrt(1 / 4)


def test_axes_are_logarithmic_and_hold_every_point():
    layout = draw()["layout"]
    for name, values in (("xaxis", (8.0, 0.125, 4.0)), ("yaxis", (30e9, 1e9, 40e9))):
        low, high = layout[name]["range"]
        assert layout[name]["type"] == "log"
        assert all(low < math.log10(v) < high for v in values)


def test_names_do_not_lie_on_each_other_and_are_escaped():
    crowd = [Point(f"<i>op{k}", 1.0, 1e9 * (1 + k / 100), 10.0 - k) for k in range(10)]
    dots = draw(crowd)["data"][-1]
    assert [text for text in dots["text"] if text] == ["&lt;i&gt;op0"]
    assert all("<i>" not in text for text in dots["hovertext"])


def test_names_stand_at_the_side_where_nothing_is():
    """Two points above each other: the name of the upper one may not lie on the lower one."""
    near = [
        Point("above", 1.0, 3e9, 2.0),
        Point("below", 1.0, 1e9, 2.0),
        Point("far", 64.0, 3e9, 1.0),
    ]
    dots = draw(near)["data"][-1]
    sides = dict(zip(dots["customdata"], dots["textposition"], strict=True))
    assert dots["text"] == ["above", "below", "far"]
    assert sides["above"] != "bottom center" and sides["below"] != "top center"


def test_a_name_is_not_crossed_by_the_ceiling():
    """Of what the caches made faster than the memory is: the line passes where the name would be."""
    points = [Point("cached", 0.3, 4.5e9, 1.0), POINTS[0]]
    assert draw(points)["data"][-1]["textposition"][0] == "middle left"


def test_without_ceilings_or_points_it_still_draws():
    assert len(draw(roof=None)["data"]) == 1
    assert draw([], None)["data"][-1]["x"] == []
    assert draw(look=DARK, chosen="relu")["data"][-1]["marker"]["line"]["width"] == [1, 3]
