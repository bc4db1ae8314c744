"""Model YAMLs of the trainers: rows to text and back."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from nas.detectors.costs import cost
from nas.detectors.dialects import YOLOV5_KERNELS, read
from nas.detectors.rows import PROBE, Detector, Notify, Row
from nas.detectors.scales import Scale, letter_of, scale_of, without_letter
from nas.errors import ModelError
from nas.files import read_yaml
from nas.operators.base import KeepingOperator
from nas.operators.detect import BINS

UNSCALED = ("depth_multiple: 1.0", "width_multiple: 1.0")
"""Keys that YOLOv5 and YOLOv9 require."""

IMPORTED = "__import__('{0}', fromlist=['{1}']).{1}"
"""One of our modules in their YAMLs. They evaluate the name, so nothing has to be registered with them."""


def to_yaml(detector: Detector, comment: str = "") -> str:
    """The text of a model YAML, as `Detector.to_yaml`."""
    lines = [f"# {line}" for line in comment.splitlines()]
    lines += [
        f"nc: {detector.nc}",
        *_head_keys(detector),
        *_activation_key(detector),
        "",
        "# [from, repeats, module, args]",
        "backbone:",
    ]
    by_path = detector.rows[-1].module in {"AnchorDetect", "DDetect"}
    for index, row in enumerate(detector.rows):
        if index == detector.backbone:
            lines += ["", "head:"]
        source = list(row.source) if row.operator.many else row.source[0]
        module, args = _written(row, by_path)
        lines.append(f"  - {_flow([source, row.repeats, module, args])}  # {index}")
    text = "\n".join(lines) + "\n"
    _check(detector, text)
    return text


def from_yaml(path: str | Path, nc: int | None = None, notify: Notify = warnings.warn) -> Detector:
    """The detector of a model YAML, as `Detector.from_yaml`."""
    path = Path(path)
    family = path.with_name(without_letter(path.stem) + path.suffix)
    file = family if not path.exists() and family.exists() else path
    content = read_yaml(file, "model YAML", "nc, backbone and head", ModelError, errors="ignore")
    try:
        return from_content(content, nc, letter_of(path.stem), lambda text: notify(f"{file}: {text}"))
    except ModelError as error:
        error.file = file
        raise


def from_content(content: Mapping[str, Any], nc: int | None, letter: str, notify: Notify) -> Detector:
    """The detector of a YAML's content.

    Args:
        content: The content of the YAML.
        nc: The number of classes, in place of the content's.
        letter: The scale's letter, empty if there is none.
        notify: Receives a line for each assumption.

    Raises:
        ModelError: With the row or key that is wrong.
    """
    nc = content.get("nc") if nc is None else nc
    if not isinstance(nc, int) or isinstance(nc, bool) or nc < 1:
        raise ModelError(f"must be the number of classes, not {nc!r}", field="nc")
    detector = read(content, nc, scale_of(content, nc, letter, notify))
    cost(detector, PROBE)  # refuses rows that cannot be built
    return detector


def _activation_key(detector: Detector) -> list[str]:
    return [f"activation: {detector.activation}"] if detector.activation else []


def _head_keys(detector: Detector) -> list[str]:
    """The keys that a head needs at the top of its trainer's YAML."""
    for row in detector.rows:
        match row.module, row.args:
            case "AnchorDetect", (_, anchors):
                return [f"anchors: {_flow(_listed(anchors))}", *UNSCALED]
            case "DDetect", _:
                return ["anchors: 3", *UNSCALED]
            case "Detect", (_, _, bins):
                return [f"reg_max: {bins}"]
            case "v10Detect", (_, bins, *_) if len(row.args) == 3 or bins != BINS:
                return ["end2end: true", f"reg_max: {bins}"]
    return []


def _written(row: Row, by_path: bool) -> tuple[str, list[Any]]:
    """Module and arguments as the trainers write them."""
    if by_path and isinstance(row.operator, KeepingOperator):
        return IMPORTED.format(row.operator.declared_in, row.operator.class_name), _listed(row.args)
    match row.module, row.args:
        case "AnchorDetect", _:
            return "Detect", ["nc", "anchors"]
        case "v10Detect", (_, bins, *_) if len(row.args) == 3 or bins != BINS:
            return "Detect", ["nc"]
        case (("Detect" | "DDetect" | "v10Detect"), _):
            return row.module, ["nc"]
        case "SlimDetect", (_, *widths):
            return row.module, ["nc", *widths]
        case "CBFuse", (idx, _):
            return row.module, [list(idx)]
        case "Bottleneck", (*before, kernels, e) if by_path and kernels == YOLOV5_KERNELS:
            return row.module, [*before, e]
        case "Bottleneck", (*before, kernels) if by_path and kernels == YOLOV5_KERNELS:
            return row.module, before
    return row.module, _listed(row.args)


def _check(detector: Detector, text: str) -> None:
    """Raise ModelError unless a trainer builds these rows from this text."""
    found = read(yaml.safe_load(text), detector.nc, Scale("", 1.0, 1.0, float("inf"), 8, None))
    if found.activation != detector.activation:
        raise ModelError(f"{detector.activation} cannot be written", field="activation")
    for wanted, got in zip(detector.resolve(PROBE), found.resolve(PROBE), strict=True):
        fill = wanted.row.operator.filled
        if wanted.row.module != got.row.module or fill(wanted.call.arguments) != fill(got.call.arguments):
            built = f"from these rows a trainer builds {got.row.module} {list(got.row.args)}"
            raise ModelError(f"{list(wanted.row.args)} cannot be written; {built}", field=wanted.field)


def _flow(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).strip()


def _listed(value: Any) -> Any:
    """Tuples as lists, at every depth."""
    return [_listed(v) for v in value] if isinstance(value, list | tuple) else value
