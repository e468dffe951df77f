"""The dashboard as a Flask test client over the golden runs: no socket, no browser."""

import pytest

from graphscope.webapp import create_app
from tests import golden

RUNS = ("tiny", "digits_like", "hostile", "empty", "one_step", "failed")


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name in RUNS:
        golden.build(name, folder)
    (folder / "broken.gscope").write_bytes(b"nonsense" * 100)
    return folder


@pytest.fixture(scope="session")
def app(runs):
    return create_app(runs, token="secret", hosts={"lab.example"})


@pytest.fixture
def client(app):
    return app.server.test_client()
