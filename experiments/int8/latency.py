"""Latency of one detector by runtime, precision and calibration, over its float32 file; writes results/latency.csv."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

from nas.data.loading import load
from nas.errors import ConfigError
from nas.integrations.checkpoint import training_imgsz
from nas.quantization.calibration import CalibrationImages, random_images
from nas.quantization.registry import CONVERSIONS, choose_conversion
from nas.runs.export import models_to_export
from nas.runs.onnx_file import onnx_file

RESULTS = Path(__file__).with_name("results")
REPEATS, ROUNDS = 3, 40
"""Number of files of each kind of calibration, and of interleaved rounds over all files."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", help="checkpoint (.pt) of a training")
    parser.add_argument("data", help="its data.yaml")
    options = parser.parse_args()
    (model,) = models_to_export(options.checkpoint, imgsz=training_imgsz(Path(options.checkpoint)), notify=print)
    assert model.trained is not None
    train = load(options.data, model.imgsz, max_train=64, max_val=1).train
    content = onnx_file(model.detector, model.trained, model.imgsz)
    image = CalibrationImages(train)[0]
    names, sessions = [], []
    for runtime, precision in CONVERSIONS:
        try:
            conversion = choose_conversion(runtime, precision)
        except ConfigError as refused:
            print(refused)
            continue
        kinds = [("", (), ())]
        if conversion.calibrated:
            kinds = [("images", CalibrationImages(train, 8 * n), ()) for n in range(1, REPEATS + 1)]
            kinds += [("noise", random_images(model.imgsz, 3 + n), ()) for n in range(1, REPEATS + 1)]
            kinds.append(("images", CalibrationImages(train, 8), ("head",)))
        for calibration, images, keep in kinds:
            names.append((runtime, precision, calibration, " ".join(keep)))
            sessions.append(conversion.convert(content, images, keep).session(image))
    times: list[list[float]] = [[] for _ in sessions]
    for number in range(ROUNDS):
        for index in range(len(sessions)) if number % 2 else reversed(range(len(sessions))):
            times[index].append(min(sessions[index].seconds() for _ in range(3)))
    quartiles = [float(np.quantile(found, 0.25)) for found in times]
    base = {name[0]: time for name, time in zip(names, quartiles, strict=True) if name[1] == "float32"}
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "latency.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("runtime", "precision", "calibration", "keep_float", "over_float32"))
        for name, time in zip(names, quartiles, strict=True):
            writer.writerow((*name, f"{time / base[name[0]]:.3f}"))
    print((RESULTS / "latency.csv").read_text())


if __name__ == "__main__":
    main()
