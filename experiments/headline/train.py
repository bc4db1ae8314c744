"""`python -m nas.train`, with pasted stages that Ultralytics knows as if its parser had been edited.

    python experiments/headline/train.py model=... data=... epochs=...
    python experiments/headline/train.py test best.pt data.yaml IMGSZ DEVICE      # prints its figures on the test split

Ultralytics inserts input channels and repeats into the rows of modules that it knows by name. The pasted modules borrow
names of Ultralytics' own modules that none of our YAMLs uses.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch

from nas import cli
from nas.integrations.torchvision import patch_torchvision
from nas.integrations.ultralytics import import_ultralytics, register
from nas.operators.registry import OPERATORS
from nas.train import main

REPEATED = {"C1": "CSPHet", "C2": "CSPPC", "C3TR": "C2f_Faster", "C3x": "C3k2_PC"}
ONCE = {"Focus": "ShuffleV2Down"}


def paste() -> None:
    """Make the pasted modules known."""
    tasks = import_ultralytics("ultralytics.nn.tasks")
    for lent, name in (REPEATED | ONCE).items():
        if not hasattr(tasks, lent):
            raise SystemExit(f"this Ultralytics has no module {lent}; lend the name of another in {__file__}")
        module = OPERATORS[name].module
        setattr(tasks, lent, module)
        setattr(tasks, name, module)


def quicken() -> None:
    """Train twice as fast on a CPU: convolutions with channels last, as oneDNN prefers, and bfloat16 where Ultralytics
    trains in half precision on a GPU. Losses, weights and validation stay float32."""
    trainer = import_ultralytics("ultralytics.engine.trainer").BaseTrainer
    model = import_ultralytics("ultralytics.nn.tasks").BaseModel
    make, predict = trainer.__init__, model._predict_once

    def made(self: Any, *given: Any, **named: Any) -> None:
        make(self, *given, **named)
        self.add_callback("on_train_start", lambda trainer: trainer.model.to(memory_format=torch.channels_last))

    def predicted(self: Any, x: Any, *given: Any, **named: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training and x.device.type == "cpu"):
            return _floats(predict(self, x, *given, **named))

    trainer.__init__, model._predict_once = made, predicted


def _floats(output: Any) -> Any:
    """All tensors in a head's output in float32."""
    if isinstance(output, dict):
        return {name: _floats(part) for name, part in output.items()}
    if isinstance(output, (list, tuple)):
        return type(output)(map(_floats, output))
    return output.float() if isinstance(output, torch.Tensor) else output


def test(checkpoint: str, data: str, imgsz: str, device: str) -> None:
    """Print the metrics of a checkpoint on the test split as JSON."""
    model = import_ultralytics().YOLO(checkpoint)
    found = model.val(data=data, split="test", imgsz=int(imgsz), device=device, plots=False, verbose=False, workers=0)
    print(json.dumps({name: float(value) for name, value in found.results_dict.items()}))


if __name__ == "__main__":
    patch_torchvision()
    register()
    paste()
    quicken()
    cli.run(lambda: test(*sys.argv[2:]) if sys.argv[1] == "test" else main(sys.argv[1:]))
