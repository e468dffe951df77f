"""Our own layered layout: what must hold for every level, however odd."""

from __future__ import annotations

import random

import numpy as np
import pytest

from graphscope.view import layering
from graphscope.view.level import IN, INNER, OUT, Box, Level, Placed, Wire, ranks
from tests.view.test_graphview import samples

CARD = Box(184, 72)


def chain(n: int, skip: int = 0) -> Level:
    wires = [Wire(k, k + 1, weight=6) for k in range(n - 1)]
    if skip:
        wires += [Wire(k, k + skip) for k in range(0, n - skip, skip)]
    return Level((CARD,) * n, tuple(wires))


def tangle(seed: int, n: int = 40, ports: int = 6) -> Level:
    """Boxes of any size and wires of any kind: with anchors, parallel, upwards, to itself, parts apart."""
    draw = random.Random(seed)
    boxes = [Box(12, 0.5, IN) for _ in range(draw.randrange(ports))]
    first = len(boxes)
    for _ in range(n):
        w, h = draw.choice([(184, 72), (0.3, 0.1), (draw.uniform(1, 900), draw.uniform(1, 400))])
        anchors = tuple(draw.uniform(0, w) for _ in range(draw.randrange(4)))
        boxes.append(Box(w, h, INNER, anchors, anchors[:2]))
    last = len(boxes)
    boxes += [Box(12, 0.5, OUT) for _ in range(draw.randrange(ports))]
    wires = []
    for _ in range(draw.randrange(2 * n)):
        a, b = draw.randrange(last), draw.randrange(first, len(boxes))
        if draw.random() < 0.9 and a > b:
            a, b = b, a
        if boxes[a].role == OUT or boxes[b].role == IN:
            continue
        i = draw.randrange(-1, len(boxes[a].bottoms))
        j = draw.randrange(-1, len(boxes[b].tops))
        wires.append(Wire(a, b, i, j, draw.choice([1, 6])))
        if draw.random() < 0.1:
            wires.append(wires[-1])
    return Level(tuple(boxes), tuple(wires))


LEVELS = {
    "one": Level((CARD,), ()),
    "apart": Level((CARD,) * 30, ()),
    "chain": chain(300),
    "skips": chain(120, 7),
    "far": chain(150, 90),
    "lanes": Level((CARD,) * 200, tuple(Wire(k, k + d) for d in (1, 60) for k in range(200 - d))),
    "hub": Level((CARD,) * 700, tuple(Wire(k, k + 1, weight=6) for k in range(699)) + tuple(Wire(0, k) for k in range(14, 700, 14))),
    "thread": chain(900, 9),
    "long": Level((Box(12, 0.5, IN), *(CARD,) * 500, Box(12, 0.5, OUT)), tuple(Wire(k, k + 1) for k in range(501))),
    "star": Level((CARD,) * 200, tuple(Wire(0, k) for k in range(1, 200))),
    "fan_in": Level((CARD,) * 200, tuple(Wire(k, 199) for k in range(199))),
    "circle": Level((CARD,) * 5, tuple(Wire(k, (k + 1) % 5) for k in range(5))),
    "loop": Level((CARD,) * 2, (Wire(0, 0), Wire(0, 1), Wire(0, 1), Wire(1, 0))),
    "hostile": Level((Box(1e6, 1e5), Box(0.01, 0.01), Box(3, 1e6)), (Wire(0, 1), Wire(1, 2), Wire(0, 2))),
} | {f"tangle{seed}": tangle(seed) for seed in range(12)}  # fmt: skip


WRAPPED = ("thread", "long", "hub")


@pytest.fixture(scope="module")
def placed() -> dict[str, Placed]:
    """All of them laid out together, as a page does."""
    return dict(zip(LEVELS, layering.arrange_all([*LEVELS.values()]), strict=True))


@pytest.mark.parametrize("name", LEVELS)
def test_nothing_overlaps_and_all_is_inside(name: str, placed: dict[str, Placed]) -> None:
    level, found = LEVELS[name], placed[name]
    size = np.array([(box.w, box.h) for box in level.boxes])
    low, high = found.corners, found.corners + size
    assert np.isfinite(found.corners).all() and np.isfinite(found.points).all()
    apart = (high[:, None] <= low[None] + 1e-6).any(axis=2)
    apart |= apart.T | np.eye(len(size), dtype=bool)
    assert apart.all(), np.argwhere(~apart)[:3]
    assert low.min() >= -1e-6
    assert high[:, 0].max() <= found.width + 1e-6 and high[:, 1].max() <= found.height + 1e-6
    if len(found.points):
        assert found.points[:, 0].max() <= found.width + 1e-6


@pytest.mark.parametrize("name", LEVELS)
def test_lines_join_their_boxes_and_run_down(name: str, placed: dict[str, Placed]) -> None:
    level, found = LEVELS[name], placed[name]
    rank = ranks(level)
    for wire, route in zip(level.wires, found.routes, strict=True):
        assert len(route) >= 4 and len(route) % 3 == 1
        for end, box, y in (
            (route[0], wire.src, level.boxes[wire.src].h),
            (route[-1], wire.dst, 0.0),
        ):
            x0, y0 = found.corners[box]
            assert x0 - 1e-6 <= end[0] <= x0 + level.boxes[box].w + 1e-6
            assert end[1] == pytest.approx(y0 + y, abs=1e-6)
        for anchor, end, box, ends in (
            (wire.src_anchor, route[0], wire.src, level.boxes[wire.src].bottoms),
            (wire.dst_anchor, route[-1], wire.dst, level.boxes[wire.dst].tops),
        ):
            if anchor >= 0:
                assert end[0] == pytest.approx(found.corners[box][0] + ends[anchor], abs=1e-6)
        if rank[wire.dst] > rank[wire.src] and name not in WRAPPED:
            down = np.diff([y for _, y in samples(route)])
            assert (down >= -1e-6).all(), "a line that goes down never turns up again"


@pytest.mark.parametrize("name", [n for n in LEVELS if n not in ("lanes", "circle", "loop")])
def test_lines_run_through_no_box(name: str, placed: dict[str, Placed]) -> None:
    level, found = LEVELS[name], placed[name]
    rank = ranks(level)
    size = np.array([(box.w, box.h) for box in level.boxes])
    low, high = found.corners + 0.5, found.corners + size - 0.5
    for wire, route in zip(level.wires, found.routes, strict=True):
        if rank[wire.dst] <= rank[wire.src]:
            continue  # these go round the outside
        at = np.array([*samples(route)])
        hit = ((at[:, None] > low[None]) & (at[:, None] < high[None])).all(axis=2).any(axis=0)
        hit[[wire.src, wire.dst]] = False
        assert not hit.any(), (wire, np.flatnonzero(hit))


def test_a_level_is_the_same_alone_and_among_others(placed: dict[str, Placed]) -> None:
    for name, level in LEVELS.items():
        alone = layering.arrange(level)
        np.testing.assert_allclose(alone.corners, placed[name].corners, atol=1e-6)
        np.testing.assert_allclose(alone.points, placed[name].points, atol=1e-6)


def test_long_lines_are_straight() -> None:
    """A skip connection beside a row of ops bends only where it leaves and where it arrives."""
    found = layering.arrange(chain(12, 10))
    route = found.routes[-1]
    assert len({round(x, 3) for x, _ in route}) <= 3
    middles = found.corners[:, 0]
    assert np.ptp(middles[1:10]) < 1e-6, "and the ops stand right below each other"


@pytest.mark.parametrize("name", WRAPPED)
def test_a_thread_is_wrapped_into_columns(name: str, placed: dict[str, Placed]) -> None:
    """A screen can show it as a whole; from column to column it still runs down and to the right."""
    level, found = LEVELS[name], placed[name]
    assert 0.5 < found.width / found.height < 3
    assert (
        found.corners[-1, 1] == pytest.approx(found.height - level.boxes[-1].h, abs=1e-6)
        or name != "long"
    )
    assert found.corners[0, 1] == 0
    cards = found.corners[[box.w == 184 for box in level.boxes]]
    columns = np.unique(np.round(cards[:, 0] / 300))
    assert len(columns) > 2
    step = np.diff(cards, axis=0)
    assert ((step[:, 1] > 0) | (step[:, 0] > 184)).all()


def crossings(level: Level, found: Placed) -> int:
    """Pairs of wires between the same two rows that change sides."""
    rank, x = ranks(level), found.corners[:, 0]
    many = 0
    for k, one in enumerate(level.wires):
        for other in level.wires[:k]:
            if rank[one.src] == rank[other.src] and rank[one.dst] == rank[other.dst]:
                many += (x[one.src] - x[other.src]) * (x[one.dst] - x[other.dst]) < 0
    return many


def test_a_tree_and_a_shuffled_ladder_have_no_crossings() -> None:
    tree = Level((CARD,) * 31, tuple(Wire((k - 1) // 2, k) for k in range(1, 31)))
    assert crossings(tree, layering.arrange(tree)) == 0
    order = [*range(8)]
    random.Random(1).shuffle(order)
    ladder = Level((CARD,) * 16, tuple(Wire(k, 8 + order[k]) for k in range(8)))
    assert crossings(ladder, layering.arrange(ladder)) == 0


def test_a_parent_stands_above_the_middle_of_its_children() -> None:
    level = Level((CARD,) * 4, (Wire(0, 1), Wire(0, 2), Wire(0, 3)))
    corners = layering.arrange(level).corners
    assert corners[0, 0] == pytest.approx(corners[1:, 0].mean(), abs=1.0)
