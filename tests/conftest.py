"""What all tests share: one thread for linear algebra, a fixed seed, no recorder left on."""

from __future__ import annotations

import os
import sys

# Before numpy is imported: two cores shared by many processes run slower on two threads than on one.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import pytest  # noqa: E402


@pytest.fixture(autouse=True, scope="session")
def _no_trace_in_the_home(tmp_path_factory):
    """What the package caches per machine goes into a folder of this run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        # Playwright keeps its browsers there; it must still find them.
        home = os.path.expanduser("~/.cache/ms-playwright")
        if "PLAYWRIGHT_BROWSERS_PATH" not in os.environ and os.path.isdir(home):
            patch.setenv("PLAYWRIGHT_BROWSERS_PATH", home)
        yield


@pytest.fixture(autouse=True)
def _clean_slate():
    """Each test starts from the same random numbers and must switch off what it switched on."""
    random = sys.modules.get("graphscope.ops.random")
    if random is not None:
        random.manual_seed(0)
    yield
    dispatch = sys.modules.get("graphscope.engine.dispatch")
    if dispatch is not None and dispatch.set_recorder(None) is not None:
        pytest.fail("the test left a recorder on")
