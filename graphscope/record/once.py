"""One forward of a model, recorded by itself: what ``SummaryWriter.add_graph`` shows."""

from __future__ import annotations

from typing import Any

from graphscope.engine import dispatch
from graphscope.engine.modes import no_grad
from graphscope.engine.tensor import Tensor
from graphscope.record.recorder import Recorder


def record_once(target: Any, model: Any, inputs: Any) -> None:
    """Run ``model`` on ``inputs`` (one, or a tuple or list of them) as an evaluation step of a run.

    target: a ``graphscope.profile``, or a run that has a pump and no recorder. The model is in evaluation
    mode meanwhile, so that its running statistics and random numbers stay as they were.
    """
    recorder = getattr(target, "_recorder", None)
    if recorder is None:
        recorder = getattr(target, "graph_recorder", None)
        if recorder is None:
            recorder = Recorder(target.pump, values="off", budget=0.05, memory=True, stacks=True)
            target.pump.recorder = target.graph_recorder = recorder
    if recorder.broken is not None:
        return
    recorder.names.name_tree(model, type(model).__name__.lower())
    modes = [(part, part.training) for part in model.modules()]
    arguments = (
        (inputs,) if isinstance(inputs, Tensor) or not isinstance(inputs, (list, tuple)) else inputs
    )
    recorder.close()  # what ran before is another step
    before = dispatch.set_recorder(recorder)
    try:
        model.eval()
        with no_grad():
            model(*arguments)
    finally:
        dispatch.set_recorder(before)
        recorder.close()
        for part, mode in modes:
            part.training = mode
