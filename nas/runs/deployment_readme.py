"""README of a deployment: its figures, the Python that runs it, and the method that made it."""

from __future__ import annotations

from nas.latency.runtimes.measure import OPENVINO_FLOATS
from nas.plurals import counted
from nas.quantization.base import HEAD
from nas.runs.deployment_record import DeployedFigures, DeploymentRecord
from nas.runs.model_card import MISSING, TRAINED_LICENSE

PACKAGES = {"onnxruntime": "onnxruntime numpy pillow", "openvino": "openvino numpy pillow"}
"""Packages of the example by runtime, for pip."""


def deployment_readme(record: DeploymentRecord) -> str:
    """The text of README.md beside a deployed file."""
    precision, size = record.deployed.precision, record.imgsz
    parts = [
        f"# {record.name}: {record.runtime}, {precision}",
        f"A YOLO detector for images of {size} px and {counted(record.nc, 'class', 'classes')}. "
        f"{record.runtime} runs `{record.file}` in {precision}.",
        "## How do I run it?",
        f"```sh\npip install {PACKAGES[record.runtime]}\n```",
        f"```python\n{example(record)}```",
        "A row of `found` has the center, width and height of a box in pixels of the padded image, then a probability "
        f"for each class{_classes(record)}. Objects have several rows each: keep the best one of those that overlap "
        "(non-maximum suppression).",
        "## How accurate and fast is it?",
        _table(figure_rows(record)),
        *_notes(record),
        "## How was it made?",
        _method(record),
        "## License",
        TRAINED_LICENSE,
    ]
    return "\n\n".join(parts) + "\n"


def example(record: DeploymentRecord) -> str:
    """Python code that detects objects in image.jpg; it needs the runtime, numpy and Pillow."""
    size, threads = record.imgsz, record.threads
    if record.runtime == "openvino":
        hint = OPENVINO_FLOATS.get(record.deployed.precision, "f32")
        config = f'{{"INFERENCE_NUM_THREADS": {threads}, "INFERENCE_PRECISION_HINT": "{hint}"}}'
        imports = "import numpy as np, openvino"
        lines = (f'model = openvino.compile_model("{record.file}", "CPU", {config})', "model(image)[0]")
    else:
        imports = "import numpy as np, onnxruntime"
        lines = (f'model = onnxruntime.InferenceSession("{record.file}")', 'model.run(None, {"images": image})[0]')
    load, call = lines
    return (
        f"{imports}\nfrom PIL import Image, ImageOps\n\n{load}\n"
        f'picture = ImageOps.pad(Image.open("image.jpg").convert("RGB"), ({size}, {size}), color=(114, 114, 114))\n'
        "image = np.asarray(picture, np.float32).transpose(2, 0, 1)[None] / 255\n"
        f"found = [row for row in {call}[0].T if row[4:].max() > 0.25]\n"
    )


def _classes(record: DeploymentRecord) -> str:
    few = record.classes[:10]
    more = f", and {len(record.classes) - len(few)} more" if len(record.classes) > len(few) else ""
    return f": {', '.join(few)}{more}" if few else ""


def figure_rows(record: DeploymentRecord) -> list[tuple[str, ...]]:
    """Figures of the files side by side; the first row has the headings."""
    columns = [("float32", record.float32)]
    if record.deployed.precision != "float32":
        columns.append((_title(record.deployed), record.deployed))
    if record.other is not None:
        columns.append((f"{_title(record.other)}; not written", record.other))
    return [
        ("figure", *(title for title, _ in columns)),
        ("AP50-95", *(MISSING if figures.ap is None else f"{figures.ap:.3f}" for _, figures in columns)),
        ("latency, ms", *(f"{figures.ms:.2f} ± {figures.spread_ms:.2f}" for _, figures in columns)),
        ("size, bytes", *(f"{figures.size:,}" for _, figures in columns)),
    ]


def _table(rows: list[tuple[str, ...]]) -> str:
    heading, *others = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (heading, ("---",) * len(heading), *others))


def _title(figures: DeployedFigures) -> str:
    if not figures.keep_float:
        return figures.precision
    return f"{figures.precision}, {_parts(figures.keep_float)} in float"


def _parts(keep_float: tuple[str, ...]) -> str:
    rows = [part for part in keep_float if part != HEAD]
    found = ["last layers of the head"] if HEAD in keep_float else []
    found += [f"row{'s' * (len(rows) > 1)} {', '.join(rows)}"] if rows else []
    return " and ".join(found)


def _notes(record: DeploymentRecord) -> list[str]:
    where = f"{record.runtime} {record.version}, {counted(record.threads, 'thread')}, {record.cpu}, {record.date}"
    found = [
        f"Latency: one image, {where}; all files in one session, interleaved; ±: half the interquartile range.",
    ]
    if record.deployed.noisy:
        found.append(
            "The machine was busy while it was measured: compare the columns, do not trust their milliseconds."
        )
    if record.val_images:
        images = counted(record.val_images, "validation image")
        found.append(f"AP: {record.runtime} computed the outputs of each file for {images}.")
        found += [line] if (line := loss_line(record)) else []
    else:
        found.append("AP is missing because no data was given: add `--data data.yaml`.")
    if record.note:
        found.append(f"Note: {record.note}.")
    return found


def loss_line(record: DeploymentRecord) -> str:
    """The AP that the file loses, beside the noise of the validation images; empty without both."""
    loss, spread = record.loss, record.deployed.loss_sd
    if loss is None or spread is None:
        return ""
    chance = ", which is within the noise" if abs(loss) < 2 * spread else ""
    verb = "loses" if loss >= 0 else "gains"
    return (
        f"{record.deployed.precision} {verb} {abs(loss):.3f} ± {spread:.3f} AP{chance} "
        f"(±: standard deviation over choices of {record.val_images} images)."
    )


def _method(record: DeploymentRecord) -> str:
    lines = [f"{record.recipe}."]
    if record.calibration_images:
        lines.append(f"Calibrated with {counted(record.calibration_images, 'image')} of the training split.")
        kept = ["the decoding of the head"]
        kept += ["the " * (HEAD in record.deployed.keep_float) + _parts(record.deployed.keep_float)] * bool(
            record.deployed.keep_float
        )
        lines.append(f"In float: {' and '.join(kept)}.")
    lines.append("The float32 file was compared with torch.")
    return " ".join(lines)
