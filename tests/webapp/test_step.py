"""The facts of one step, which the inspector shows while no card is chosen."""

import json

import pytest

from graphscope.trace.reader import TraceReader
from graphscope.webapp.queries.kept import Kept
from graphscope.webapp.queries.so_far import SoFar
from graphscope.webapp.queries.step import step_json


@pytest.fixture
def step(runs):
    def get(run, num=None):
        with TraceReader(runs / f"{run}.gscope") as reader:
            told = step_json(reader, SoFar(), Kept().series(reader), num)
        json.dumps(told, allow_nan=False)
        return told

    return get


def test_the_newest_step_is_told_and_its_parts_are_the_whole(step, runs):
    told = step("digits_like")
    with TraceReader(runs / "digits_like.gscope") as reader:
        table = reader.steps()
    assert (told["step"], told["kind"], told["status"]) == (int(table.num[-1]), "train", "ok")
    facts = dict(told["facts"])
    assert {"loss", "wall time", "ops", "memory at the peak"} <= set(facts)
    assert sum(part["fraction"] for part in told["parts"]["parts"]) == pytest.approx(1)
    assert told["parts"]["wall"] == facts["wall time"]


def test_a_scalar_is_the_last_one_up_to_the_step(step):
    tags = {tag: at for tag, _, at in step("digits_like", 7)["scalars"]}
    assert tags["lr"] == 7 and all(at <= 7 for at in tags.values())


def test_a_number_between_two_steps_means_the_one_before_and_no_step_is_said(step):
    assert step("tiny", 99)["step"] == 2
    assert step("empty") == {"step": None}
    assert step("failed")["status"] == "failed"


def test_the_route_answers_with_nonsense_too(client):
    assert client.get("/api/step?run=tiny&step=1").json["step"] == 1
    assert client.get("/api/step?run=tiny&step=-1").json["step"] == 2
    assert client.get("/api/step?run=nowhere").status_code == 404
