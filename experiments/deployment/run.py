"""Does the exported file take as long as the table predicted? See README.md.

    python experiments/deployment/run.py [--runtime onnxruntime|openvino]

It measures, so nothing else may run meanwhile. It extends the user's own table by the missing entries.
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import torch

from nas.integrations.torchvision import patch_torchvision
from nas.integrations.ultralytics import register
from nas.latency.opening import builder_for
from nas.latency.reference import bench
from nas.latency.runtimes.measure import WHOLE_SAMPLES
from nas.latency.runtimes.onnx_runtimes import OnnxFileRuntime
from nas.latency.runtimes.registry import choose
from nas.spaces.architecture import Architecture
from nas.spaces.space import load_space

SIZE, CLASSES, SEED = 320, 80, 23
RANDOM, BY_HAND = 5, 3


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("--runtime", default="onnxruntime")
    runtime = choose(parser.parse_args().runtime)
    assert isinstance(runtime, OnnxFileRuntime)
    space, rng = load_space("yolov8n"), np.random.default_rng(SEED)
    by_hand = space.uniform_replacements()
    members = [
        space.stock(),
        *by_hand[:: len(by_hand) // BY_HAND][:BY_HAND],
        *(space.random(rng) for _ in range(RANDOM)),
    ]

    builder = builder_for(runtime)
    builder.ensure(row for member in members for row in member.detector(CLASSES).resolve(SIZE))
    calibration = space.calibration(CLASSES)
    builder.ensure(row for detector in calibration for row in detector.resolve(SIZE))
    builder.calibrate(calibration, SIZE)
    table = builder.table
    predicted = [table.predict(member.detector(CLASSES), SIZE).total_ms for member in members]

    with tempfile.TemporaryDirectory() as folder:
        files = [exported(member, Path(folder) / str(number)) for number, member in enumerate(members)]
        image = torch.rand(1, 3, SIZE, SIZE).numpy()
        loaded = [runtime.load(file.read_bytes(), [image], (True, True)) for pair in files for file in pair]
        timer = bench(runtime, table.header.reference_ms / 1e3)
        measured = timer.measure(loaded, WHOLE_SAMPLES)

    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    with (results / f"{runtime.name}.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["arch", "predicted_ms", "ours_ms", "ours_spread_ms", "yolo_ms", "yolo_spread_ms"])
        for member, ms, ours, theirs in zip(members, predicted, measured[::2], measured[1::2], strict=True):
            figures = (ms, *ours[:2], *theirs[:2])
            writer.writerow([member, *(f"{value:.4f}" for value in figures)])
            print(f"{ms:6.2f} ms  nas.export {ours.ms / ms - 1:+.1%}  yolo export {theirs.ms / ms - 1:+.1%}  {member}")
    print(f"{table.fingerprint['cpu']}, {runtime.name} {table.fingerprint['version']}; noise: {timer.noise}")


def exported(member: Architecture, folder: Path) -> tuple[Path, Path]:
    """ONNX files of a checkpoint of Ultralytics' trainer: one by `nas.export`, one by `yolo export`."""
    from ultralytics import YOLO

    folder.mkdir()
    (folder / "model.yaml").write_text(member.detector(CLASSES).to_yaml(str(member)))
    model = YOLO(str(folder / "model.yaml"))
    torch.manual_seed(0)
    with torch.no_grad():  # after training they are not 0 and 1
        for name, value in model.model.state_dict().items():
            if name.endswith(("running_mean", "running_var")):
                value.uniform_(0.5, 1.5)
    torch.save({"model": model.model}, folder / "best.pt")
    words = [sys.executable, "-m", "nas.export", folder / "best.pt", "--onnx", "--imgsz", SIZE, "--out", folder]
    if status := os.spawnv(os.P_WAIT, sys.executable, [str(word) for word in words]):
        raise SystemExit(status)
    (folder / "best.onnx").rename(folder / "ours.onnx")
    theirs = YOLO(str(folder / "best.pt")).export(format="onnx", imgsz=SIZE, simplify=False)
    return folder / "ours.onnx", Path(theirs)


if __name__ == "__main__":
    os.environ["YOLO_AUTOINSTALL"] = "false"  # no downloads while this measures
    patch_torchvision()
    register()
    main()
