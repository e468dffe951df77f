"""Charts: round ticks, nothing cut, nothing on top of another, and what the marks say is the table."""

from __future__ import annotations

import math

import pytest

from graphscope.errors import UsageError
from graphscope.view.charts import axes, bars, loss, memory, timeline
from graphscope.view.drawing import Drawing, Path, Rect, Text
from graphscope.view.palette import THEMES, luminance
from tests.view.geometry import check

LONG = "a module with a name of rather more than eighty characters, as generated code may well have one"
HOSTILE = ["<script>alert(1)</script>", "\\evil{}", "w_1", "x<y", "\u03b1", "", LONG]
FONTS = ("normal", "large")


def texts(drawing: Drawing) -> list[str]:
    return [mark.text for mark in drawing.marks() if isinstance(mark, Text)]


def wave(n: int) -> loss.Curve:
    return loss.Curve("run", range(n), [2.0 + math.sin(k) + 100.0 / (k + 1) for k in range(n)])


LOSSES = {
    "none": [],
    "empty": [loss.Curve("run", [], [])],
    "one": [loss.Curve("run", [7], [2.5])],
    "two equal": [loss.Curve("run", [0, 1], [2.5, 2.5])],
    "many": [wave(10_000)],
    "wild": [loss.Curve("run", range(6), [3.0, 2.0, math.nan, math.inf, 1.0, math.nan])],
    "all wild": [loss.Curve("run", range(3), [math.nan] * 3)],
    "negative": [loss.Curve("run", range(3), [-1e6, 0.0, 3e7])],
    "tiny": [loss.Curve("run", range(3), [1e-9, 3e-9, 2e-9])],
    "decades": [loss.Curve("run", range(9), [10.0**-k for k in range(9)])],
    "runs": [
        loss.Curve(name, range(5), [k + 1.0, 2, 3, 1, 0.5]) for k, name in enumerate(HOSTILE * 2)
    ],
}


@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize("name", LOSSES)
def test_loss(name: str, font: str) -> None:
    for theme in THEMES:
        check(loss.chart(LOSSES[name], theme, title="Loss " + LONG, subtitle=LONG, font=font))


def test_a_peak_between_many_points_is_not_lost() -> None:
    values = [1.0] * 50_000
    values[31_234] = 9.0
    points = loss.thin(list(enumerate(values)), 1000)
    assert len(points) <= 1000 and (31_234, 9.0) in points
    lines = [
        m
        for m in loss.chart([loss.Curve("run", range(50_000), values)]).marks()
        if isinstance(m, Path)
    ]
    assert max(len(line.points) for line in lines) < 3 * 3000


def test_the_line_stands_where_the_axis_says() -> None:
    drawing = loss.chart([loss.Curve("run", [0, 10], [0.0, 4.0])], log=False)
    line = max((m for m in drawing.marks() if isinstance(m, Path)), key=lambda m: m.width)
    ticks = [m for m in drawing.marks() if isinstance(m, Text)]
    steps = {m.text: m.x for m in ticks if m.anchor == "middle"}
    values = {m.text: m.y for m in ticks if m.anchor == "end"}
    (x0, y0), (x1, y1) = line.points[0], line.points[-1]
    assert (x0, x1) == pytest.approx((steps["0"], steps["10"]))
    assert y0 - y1 == pytest.approx(values["0"] - values["4"])


def test_runs_are_told_apart_without_colour() -> None:
    drawing = loss.chart(LOSSES["runs"][:4])
    lines = [m for m in drawing.marks() if isinstance(m, Path) and m.width == 1.75]
    assert len({line.dash for line in lines}) == 4


def test_not_finite_is_said_once_with_its_step() -> None:
    said = [t for t in texts(loss.chart(LOSSES["wild"])) if "finite" in t]
    assert said == ["not finite from step 2"]


BARS = [timeline.Bar(name, 1e3 * k, 1e3 * k + 900) for k, name in enumerate(HOSTILE * 3)]
LANES = {
    "none": [],
    "one": [timeline.Lane("forward", [], BARS[:1])],
    "all": [timeline.Lane(p, BARS if p != "data" else [], BARS) for p in timeline.LANES],
    "crowded": [timeline.Lane("forward", [], [timeline.Bar("op", k, k + 1) for k in range(3000)])],
}


@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize("name", LANES)
def test_timeline(name: str, font: str) -> None:
    for theme in THEMES:
        check(timeline.chart(LANES[name], 25e3, theme, title="Step", subtitle=LONG, font=font))


def test_lanes_carry_their_sums() -> None:
    found = texts(timeline.chart([timeline.Lane("forward", [], BARS[:2])], 25e3))
    assert "forward" in found and "1.80 \u00b5s" in found
    assert any("time since the step began (\u00b5s)" in t for t in found)


HELD = [
    memory.Held(name, 2 ** (20 - k), "parameter, 64\u00d764 float32")
    for k, name in enumerate(HOSTILE * 2)
]
MEMORIES = {
    "empty": ([], [], []),
    "one": ([0.0], [1024.0], HELD[:1]),
    "step": ([0.0, 10.0, 700.0], [1e6, 3e6, 2e6], HELD),
    "equal": ([float(k) for k in range(900)], [5e8] * 900, HELD[:8]),
    "many": (
        [float(k) for k in range(9000)],
        [1e9 + 1e7 * math.sin(k) for k in range(9000)],
        HELD * 40,
    ),
}


@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize("name", MEMORIES)
def test_memory(name: str, font: str) -> None:
    times, sizes, held = MEMORIES[name]
    phases = [
        memory.Stretch("forward", 0, 300),
        memory.Stretch("backward", 300, 990),
        memory.Stretch("update", 990, 991),
    ]
    for theme in THEMES:
        check(
            memory.chart(
                times,
                sizes,
                1000.0,
                phases,
                held,
                LONG,
                theme,
                title="Memory",
                subtitle=LONG,
                font=font,
            )
        )


def test_the_peak_and_its_holders_are_named() -> None:
    times, sizes, held = MEMORIES["step"]
    found = texts(memory.chart(times, sizes, 1000.0, [], held, "mm"))
    assert "peak 2.86 MiB, while mm runs" in found
    assert "1.00 MiB" in found and "7 others" in found


ROWS = [bars.Bar(name, 1e3 * k, 2e3, 10.0 * k, 5.0, 3) for k, name in enumerate(HOSTILE * 4)]
OPS = {
    "none": [],
    "one": [bars.Bar("mm", 1200.0)],
    "nothing": [bars.Bar("mm", 0.0)],
    "many": ROWS,
    "device": [
        bars.Bar(name, 1e3, 2e3, device=9e5 / (k + 1)) for k, name in enumerate(HOSTILE * 3)
    ],
}


@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize("name", OPS)
def test_bars(name: str, font: str) -> None:
    for theme in THEMES:
        check(bars.chart(OPS[name], theme, title="Time by op", subtitle=LONG, font=font))


def test_bars_are_as_long_as_their_times() -> None:
    drawing = bars.chart([bars.Bar("mm", 300.0, 700.0), bars.Bar("add", 500.0)])
    forward = THEMES["light"].phases["forward"]
    lengths = [
        m.w for m in drawing.marks() if isinstance(m, Rect) and m.fill == forward and m.h > 10
    ]
    assert lengths[1] / lengths[0] == pytest.approx(500 / 300, rel=1e-6)
    found = texts(drawing)
    assert (
        found.index("mm") < found.index("add")
        and "1.00 \u00b5s" in found
        and "0.500 \u00b5s" in found
    )


def test_beyond_the_most_rows_is_one_sum() -> None:
    rows = [bars.Bar(f"op{k}", 10.0) for k in range(20)]
    found = texts(bars.chart(rows, most=5))
    assert "16 more ops" in found and "160 ns" in found


@pytest.mark.parametrize("theme", list(THEMES))
def test_forward_and_backward_differ_in_grey_or_by_hatching(theme: str) -> None:
    look = THEMES[theme]
    marks = list(bars.chart([bars.Bar("mm", 500.0, 500.0)], theme).marks())
    hatches = [m for m in marks if isinstance(m, Path) and m.stroke == look.phases["backward"]]
    assert len(hatches) > 20
    assert abs(luminance(look.phases["forward"]) - luminance(look.phases["update"])) > 0.05


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-3, 17), (1e-7, 2e-7), (0, 9.99e12), (99.1, 99.4), (-5, -4)]
)
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    for most in range(2, 7):
        found = axes.ticks(low, high, most)
        assert 1 <= len(found) <= most
        slack = 1e-9 * (high - low)
        assert all(low - slack <= t <= high + slack for t in found)
        if len(found) > 1:
            step = found[1] - found[0]
            digit = step / 10 ** math.floor(math.log10(step) + 1e-9)
            assert min(abs(digit - d) for d in (1, 2, 5, 10)) < 1e-6
        shown, _ = axes.tick_texts(found)
        assert len(set(shown)) == len(found), "two ticks must not read the same"


def test_an_unknown_font_is_told() -> None:
    with pytest.raises(UsageError, match="font"):
        loss.chart([], font="huge")


def test_ten_thousand_ops_are_not_ten_thousand_marks() -> None:
    ops = [timeline.Bar("op", k, k + 0.9) for k in range(10_000)]
    drawing = timeline.chart(
        [timeline.Lane("forward", [], [*ops, timeline.Bar("mm", 11e3, 14e3)])], 15e3
    )
    bars = [m for m in drawing.marks() if isinstance(m, Rect)]
    assert len(bars) == 2 and "mm" in texts(drawing)
    assert bars[0].w == pytest.approx(bars[1].w * 10 / 3, rel=0.01)
