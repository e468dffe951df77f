"""The debugger, end to end: a training is paused, stepped through, changed and resumed in a browser."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from graphscope.webapp.serve import serve

ROOT = Path(__file__).parents[2]
# Trains until the file "enough" is there, and at least 60 steps; then 40 more, and saves the weights by step.
PROGRAM = """
import sys, time, os
import numpy as np
import graphscope as gs
from graphscope import nn, optim
folder, name, control = sys.argv[1], sys.argv[2], sys.argv[3] == "True"
gs.manual_seed(0)
net = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))
optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
x, y = gs.randn(16, 8), gs.randint(0, 3, (16,))
kept = []
with gs.profile(os.path.join(folder, name), control=control) as p:
    p.watch(net, "net")
    while len(kept) < 4000:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        kept.append([optimizer.param_groups[0]["lr"], *(v.detach().numpy().copy() for v in net.parameters())])
        if not control:
            if len(kept) == 1500:
                break
            continue
        time.sleep(0.01)
        if os.path.exists(os.path.join(folder, "enough")):
            break
np.savez(os.path.join(folder, name + ".npz"), lr=[k[0] for k in kept],
         **{f"w{i}": np.stack([k[i + 1] for k in kept]) for i in range(4)})
"""


def start(folder: Path, name: str, control: bool) -> subprocess.Popen[bytes]:
    path = folder / f"{name}.py"  # a file: the Source tab shows its lines
    path.write_text(PROGRAM)
    return subprocess.Popen(
        [sys.executable, str(path), str(folder), name, str(control)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def training(tmp_path: Path) -> Iterator[tuple[str, Path, subprocess.Popen[bytes]]]:
    """A program that trains with control, and the address of its dashboard."""
    program = start(tmp_path, "watched", True)
    server = serve(tmp_path, port=0, block=False)
    yield server.url.rstrip("/"), tmp_path, program
    program.kill()
    program.communicate()
    server.stop()


def control(page: Page) -> Locator:
    return page.locator(".gs-ctl")


def place(page: Page) -> tuple[int, int, bool]:
    """Step, op and whether it is a gradient, of the place where the program waits."""
    at = page.evaluate("() => { const a = gs.card.control.at; return [a.step, a.i, a.grad]; }")
    return tuple(at)


def test_a_training_is_debugged(
    training: tuple[str, Path, subprocess.Popen[bytes]], visit: Callable[..., Page]
) -> None:
    address, folder, program = training
    page = visit("/graph?run=watched", at=address)
    bar = control(page)
    words = bar.locator(".gs-ctl-words")
    expect(page.locator("#state")).to_have_text("Live")

    # Pause, by the key: it stands at the end of a step, and says so
    page.locator("body").press("Space")
    expect(page.locator("#state")).to_have_text("Paused")
    expect(words).to_have_text(re.compile(r"^training is waiting at op 15 of 15 · \w+$"))
    stood = place(page)[0]
    page.wait_for_timeout(300)
    assert place(page)[0] == stood
    assert page.evaluate(
        "() => gs.state.node === `n${gs.card.control.at.node}`"
    )  # and is looked at

    # Op by op through a forward and a backward
    grads = []
    for i in range(11):
        if i == 10:  # wherever the reader looks
            page.evaluate("() => { gs.graphPage.board.view.x += 5000; }")
        page.locator("body").press(".")
        expect(words).to_contain_text(f"training is waiting at op {i + 1} of 15 · ")
        assert place(page)[:2] == (stood + 1, i)
        grads.append(place(page)[2])
    assert grads == [False] * 4 + [True] * 7
    box = page.locator("[data-gs=inspector]")
    expect(box).to_contain_text("linear")  # what ran last is chosen

    # The strip has a place for the step that is not over, the card is in view, and its line is marked
    slider = page.get_by_role("slider", name="Step")
    expect(slider).to_have_attribute("aria-valuenow", str(stood + 1))
    expect(slider).to_have_attribute("aria-valuetext", re.compile("waiting at op 11 of 15"))
    page.wait_for_function(
        """() => { const { selected: box, board } = gs.graphPage, [x0, y0, x1, y1] = board.window();
        return box.x >= x0 && box.x + box.w <= x1 && box.y >= y0 && box.y + box.h <= y1; }"""
    )
    page.evaluate("() => gs.set({page: 'ops', tab: 'source'})")
    expect(page.locator(".gs-src-waits")).to_be_visible()
    page.evaluate("() => gs.set({page: 'graph', tab: null})")

    # Values so far are there to read, by the pages that always read them
    page.evaluate("() => gs.set({node: 'n0'})")
    expect(box.get_by_test_id("value")).to_have_text(re.compile(r"\d ± \d"))
    expect(box.get_by_test_id("gradient")).to_have_text(re.compile(r"\d"))

    # A tensor is opened whole
    box.get_by_role("button", name="Open value").click()
    viewer = page.get_by_role("dialog", name="Tensor")
    expect(viewer.locator(".gs-tv-table tbody tr")).to_have_count(16)
    expect(viewer.locator(".gs-tv-table tbody tr").first.locator("td")).to_have_count(6)
    expect(viewer).to_contain_text("16×6 float32")
    with page.expect_download() as file:
        viewer.get_by_role("link", name="Download .npy").click()
    opened = np.load(file.value.path())
    assert opened.shape == (16, 6)
    _odd_tensors(page, viewer)
    viewer.get_by_role("button", name="Close").click()

    # A condition that cannot be read says where; one that can stops the program
    bar.get_by_role("button", name="Breakpoints and changes").click()
    panel = page.get_by_role("dialog", name="Breakpoints and changes")
    panel.get_by_label("condition").fill("norm(grad >")
    panel.get_by_role("button", name="Add").click()
    expect(panel.locator(".gs-ctl-wrong")).to_contain_text("^")
    panel.get_by_label("condition").fill("norm(grad) > 0 and not any nan in grad")
    panel.get_by_label("op", exact=True).fill("relu")
    panel.get_by_role("button", name="Add").click()
    expect(panel.locator(".gs-ctl-breaks li")).to_have_count(1)
    panel.press("Escape")
    bar.get_by_role("button", name="Resume").click()
    page.wait_for_function(
        "() => gs.card.control.state === 'paused' && gs.card.control.at.why.startsWith('breakpoint')"
    )
    step, i, grad = place(page)
    assert step == stood + 2 and grad and page.evaluate("() => gs.card.control.at.op") == "relu"
    bar.get_by_role("button", name="Breakpoints and changes").click()
    expect(panel.locator(".gs-ctl-breaks li")).to_contain_text("1 hit")
    panel.get_by_role("button", name=re.compile("^delete")).click()
    expect(panel.locator(".gs-ctl-breaks li")).to_have_count(0)

    # The learning rate is changed, and the training goes on
    rate = panel.get_by_label(re.compile("group 0"))
    expect(rate).to_have_value("0.1")
    rate.fill("0.05")
    panel.get_by_role("button", name="Set").click()
    page.wait_for_function("() => gs.card.control.groups[0].lr === 0.05")
    panel.press("Escape")
    bar.get_by_role("button", name="Resume").click()
    expect(page.locator("#state")).to_have_text("Live")
    page.wait_for_function(f"() => gs.card.last_step > {step} + 5")
    (folder / "enough").touch()
    expect(page.locator("#state")).to_have_text("Finished")
    expect(bar).to_be_hidden()
    _, said = program.communicate(timeout=20)
    assert b"paused in step" in said and b"Traceback" not in said

    # Up to the change, the result is that of the undisturbed training, bit for bit
    other = start(folder, "alone", False)
    assert other.wait(60) == 0
    other.communicate()
    with np.load(folder / "watched.npz") as mine, np.load(folder / "alone.npz") as alone:
        same = int((mine["lr"] == 0.1).sum())
        assert same >= stood + 2 and mine["lr"][-1] == 0.05
        for k in range(4):
            n = min(same, 1500)
            np.testing.assert_array_equal(mine[f"w{k}"][:n], alone[f"w{k}"][:n])


def _odd_tensors(page, viewer):
    """What is not finite stands out in the table, the picture's words and the numbers below it; one number is one."""
    show = """([values, stats]) => gs.tensorViewer.got({
        shape: [values.length, values[0].length], dtype: "float32", bytes: "8 B", step: 1, slice: [null, null], row: 0, col: 0,
        rows: values.length, cols: 14 * values[0].length - 13, values, stats, hist: null,
        picture: { rows: 1, cols: 1, by: [1, 1], top_text: "1.00", cells: ["n"] } })"""
    page.evaluate(show, [[["1.000", "NaN"]], [["mean", "1.00"], ["NaN", "1"]]])
    assert viewer.locator("td.gs-wild").all_inner_texts() == ["NaN"]
    expect(viewer).to_contain_text("hatched where not finite")
    expect(viewer).to_contain_text("All finite numbers are equal")
    expect(viewer.get_by_role("button", name="Columns before")).to_be_disabled()
    expect(viewer.get_by_role("button", name="Columns after")).to_be_enabled()
    page.evaluate(show, [[["1.670"]], [["mean", "1.67"]]])
    expect(viewer.locator(".gs-tv-one")).to_have_text("1.670")
    expect(viewer.locator(".gs-tv-table")).to_be_hidden()
