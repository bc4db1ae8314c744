"""Share of a detector's time by kind of node, in float32 and int8; writes results/nodes.csv."""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from pathlib import Path

from rows import profile

from nas.integrations.checkpoint import training_imgsz
from nas.quantization.calibration import random_images
from nas.quantization.registry import choose_conversion
from nas.runs.export import models_to_export
from nas.runs.onnx_file import onnx_file

RESULTS = Path(__file__).with_name("results")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", help="checkpoint (.pt) of a training")
    options = parser.parse_args()
    (model,) = models_to_export(options.checkpoint, imgsz=training_imgsz(Path(options.checkpoint)), notify=print)
    assert model.trained is not None
    content, images = onnx_file(model.detector, model.trained, model.imgsz), random_images(model.imgsz)
    with (RESULTS / "nodes.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("runtime", "precision", "kind", "nodes", "share", "over_float32"))
        for runtime in ("onnxruntime", "openvino"):
            float_total = 0.0
            for precision in ("float32", "int8"):
                files = tuple(choose_conversion(runtime, precision).convert(content, images).files.values())
                nodes = profile(files if len(files) > 1 else files[0], images[:1], runtime)
                total, times = sum(us for *_, us in nodes), Counter[str]()
                float_total = float_total or total
                for _, kind, us in nodes:
                    times[kind] += us
                for kind, us in times.most_common():
                    if us / total >= 0.005:
                        count = sum(kind == other for _, other, _ in nodes)
                        writer.writerow(
                            (runtime, precision, kind, count, f"{us / total:.3f}", f"{us / float_total:.3f}")
                        )
    print((RESULTS / "nodes.csv").read_text())


if __name__ == "__main__":
    main()
