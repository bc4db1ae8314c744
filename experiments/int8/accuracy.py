"""AP of one trained detector in int8 by runtime, calibration images and parts in float; writes results/accuracy.csv."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from nas.data.loading import load
from nas.errors import ConfigError
from nas.integrations.checkpoint import training_imgsz
from nas.quantization.accuracy import evaluate
from nas.quantization.base import Array
from nas.quantization.calibration import image_array
from nas.quantization.registry import CONVERSIONS, choose_conversion
from nas.runs.export import models_to_export
from nas.runs.onnx_file import onnx_file

RESULTS = Path(__file__).with_name("results")
PARTS = 3
"""Number of disjoint parts of the training images that calibrate a file each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", help="checkpoint (.pt) of a training")
    parser.add_argument("data", help="its data.yaml")
    options = parser.parse_args()
    (model,) = models_to_export(options.checkpoint, imgsz=training_imgsz(Path(options.checkpoint)), notify=print)
    assert model.trained is not None
    data = load(options.data, model.imgsz)
    content = onnx_file(model.detector, model.trained, model.imgsz)
    images = [image_array(data.train, index) for index in range(len(data.train))]
    rows = []
    for runtime, precision in CONVERSIONS:
        try:
            conversion = choose_conversion(runtime, precision)
        except ConfigError as refused:
            print(refused)
            continue
        sets: dict[str, list[Array]] = {"": []}
        if conversion.calibrated:
            sets = {f"part {part + 1} of {PARTS}": images[part::PARTS] for part in range(PARTS)}
            sets["8 images"] = images[:: len(images) // 8][:8]
        for name, chosen in sets.items():
            for keep in ((), ("head",)) if conversion.calibrated else ((),):
                deployed = conversion.convert(content, chosen, keep)
                ap = evaluate(deployed, data.val, data.nc)
                rows.append(
                    {
                        "runtime": runtime,
                        "precision": precision,
                        "calibration": name,
                        "images": len(chosen),
                        "keep_float": " ".join(keep),
                        "ap": f"{ap:.4f}",
                        "bytes": deployed.size,
                        "val_images": len(data.val),
                    }
                )
                print(rows[-1], flush=True)
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "accuracy.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
