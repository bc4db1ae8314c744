"""Steps that run.py takes inside a trainer's checkout, in the Python of the trainer.

    python inside.py build FOLDER     # FOLDER/*.yaml: build, one training step, save a checkpoint
    python inside.py load FOLDER      # FOLDER/*.pt, in a process of its own: load, fuse, export, compare
    python inside.py train ARGUMENTS  # the checkout's train.py

The working directory is the checkout. The first two print one line of JSON for each model.
"""

from __future__ import annotations

import io
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import torch

from nas.integrations.torchvision import patch_torchvision

IMAGE = 160


def build(file: Path) -> dict[str, Any]:
    """Build a model by the trainer's parser, and make one step of SGD on the mean square of its outputs."""
    from models.yolo import Model

    model = Model(str(file), ch=3)
    params = sum(parameter.numel() for parameter in model.parameters())
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    outputs = model(torch.rand(2, 3, IMAGE, IMAGE))
    loss = sum(output.square().mean() for output in outputs)
    loss.backward()
    moved = all(parameter.grad is not None for parameter in model.parameters() if parameter.requires_grad)
    optimizer.step()
    torch.save({"model": model}, file.with_suffix(".pt"))
    return {"name": file.stem, "params": params, "trains": moved and bool(torch.isfinite(loss))}


def load(file: Path) -> dict[str, Any]:
    """Relative errors of the fused model and of the ONNX file."""
    import onnxruntime

    model = torch.load(file, weights_only=False)["model"].float().eval()
    image = torch.rand(1, 3, IMAGE, IMAGE)
    with torch.no_grad():
        expected = model(image)[0]
        fused = model.fuse()(image)[0]
    buffer = io.BytesIO()
    model.model[-1].export = True
    torch.onnx.export(model, (image,), buffer, opset_version=17, dynamo=False)
    session = onnxruntime.InferenceSession(buffer.getvalue())
    found = torch.from_numpy(session.run(None, {session.get_inputs()[0].name: image.numpy()})[0])
    most = float(expected.abs().max())
    return {
        "name": file.stem,
        "fused": float((fused - expected).abs().max()) / most,
        "onnx": float((found - expected).abs().max()) / most,
    }


def main() -> None:
    patch_torchvision()
    sys.path.insert(0, ".")
    mode, *rest = sys.argv[1:]
    if mode == "train":
        sys.argv = ["train.py", *rest]
        runpy.run_path("train.py", run_name="__main__")
        return
    one, suffix = (build, ".yaml") if mode == "build" else (load, ".pt")
    for file in sorted(Path(rest[0]).glob(f"*{suffix}")):
        torch.manual_seed(0)
        try:
            found = one(file)
        except Exception as error:
            found = {"name": file.stem, "error": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
        print("\n" + json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
