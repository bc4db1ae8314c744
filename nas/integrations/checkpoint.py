"""A checkpoint of Ultralytics' trainer as a detector of ours and its weights."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from nas.detectors import Detector, Network, from_content
from nas.errors import InputError
from nas.integrations.ultralytics import import_ultralytics, register


def read_checkpoint(path: Path) -> tuple[Detector, dict[str, Tensor]]:
    """The rows that a .pt of Ultralytics was trained from, and a state dict of `Network`, the averaged weights where it
    holds them, in float32.

    The file is unpickled, which runs what it says: open only what comes from people you trust. Raises InputError for a
    file that is no such checkpoint, or whose rows or weights are not ours to build.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a checkpoint of nas.train, such as runs/.../weights/best.pt")
    register()
    tasks = import_ultralytics("ultralytics.nn.tasks")
    try:
        held, _ = tasks.torch_safe_load(str(path))
        model = held.get("ema") or held["model"]
        content, weights = dict(model.yaml), model.float().state_dict()
    except Exception as error:  # whatever unpickling makes of another file
        problem = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not a checkpoint of Ultralytics' trainer: {problem}") from None
    try:
        detector = from_content(content, None, str(content.get("scale") or ""), lambda assumed: None)
        Network(detector).load_state_dict(weights)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{path}: cannot be built of rows of ours: {' '.join(str(error).split())[:300]}") from None
    return detector, weights
