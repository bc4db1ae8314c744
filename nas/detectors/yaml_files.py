"""Rows to and from the YAML of the trainers."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml

from nas.detectors.dialects import Scale, Tell, letter_of, read, scale_of, without_letter
from nas.detectors.network import build_row
from nas.detectors.rows import Detector, Row
from nas.errors import InputError
from nas.files import read_yaml
from nas.operators.base import KeepingOperator
from nas.operators.detect import BINS

UNSCALED = ("depth_multiple: 1.0", "width_multiple: 1.0")
"""Keys that YOLOv5 and YOLOv9 insist on."""

IMPORTED = "__import__('{0}', fromlist=['{1}']).{1}"
"""How a module of ours stands in their YAMLs: they evaluate the name, so that nothing need be registered with them."""


def to_yaml(detector: Detector, title: str = "") -> str:
    """The model YAML: explicit channels, depth and width resolved, no scales. ``title`` lines become comments.

    Raises ValueError where no YAML says it: a trainer would build something else of these rows.
    """
    lines = [f"# {line}" for line in title.splitlines()]
    lines += [f"nc: {detector.nc}", *_keys(detector), "", "# [from, repeats, module, args]", "backbone:"]
    by_path = detector.rows[-1].module in {"AnchorDetect", "DDetect"}
    for index, row in enumerate(detector.rows):
        if index == detector.backbone:
            lines += ["", "head:"]
        source = row.source[0] if len(row.source) == 1 else list(row.source)
        module, args = _written(row, by_path)
        lines.append(f"  - {_flow([source, row.repeats, module, args])}  # {index}")
    text = "\n".join(lines) + "\n"
    _check(detector, text)
    return text


def from_yaml(path: str | Path, nc: int | None = None, tell: Tell = warnings.warn) -> Detector:
    """The detector of a model YAML of Ultralytics, YOLOv5 or YOLOv9, scaled as they scale it.

    The scale is the letter in the file's name; for a missing yolov8s.yaml, yolov8.yaml is read. ``nc`` replaces the
    file's, ``tell`` takes what had to be assumed. Raises InputError naming file, row or field, and the mend.
    """
    path = Path(path)
    family = path.with_name(without_letter(path.stem) + path.suffix)
    file = family if not path.exists() and family.exists() else path
    content = read_yaml(file, "model YAML", "nc, backbone and head")
    try:
        return from_content(content, nc, letter_of(path.stem), lambda text: tell(f"{file}: {text}"))
    except ValueError as error:
        raise InputError(f"{file}: {error}") from None


def from_content(content: Mapping[str, Any], nc: int | None, letter: str, tell: Tell) -> Detector:
    """The detector of a YAML's content, as `from_yaml`; ``letter`` is the scale's. Raises ValueError naming row or
    field."""
    nc = content.get("nc") if nc is None else nc
    if not isinstance(nc, int) or isinstance(nc, bool) or nc < 1:
        raise ValueError(f"nc: must be the number of classes, not {nc!r}")
    detector = read(content, nc, scale_of(content, nc, letter, tell))
    _build(detector)
    return detector


def _build(detector: Detector) -> None:
    """Raise ValueError naming the first row that cannot be built."""
    resolved = detector.resolve()
    with torch.random.fork_rng(devices=[]):
        for index, row in enumerate(detector.rows):
            try:
                build_row(next(resolved))
            except Exception as error:  # whatever a constructor makes of a person's arguments
                where, text = f"row {index} ({row.module}): ", " ".join(str(error).split())
                raise ValueError(where + text.removeprefix(where)) from error


def _keys(detector: Detector) -> list[str]:
    """What a head wants at the top of the YAML, in the trainer that has it."""
    for row in detector.rows:
        match row.module, row.args:
            case "AnchorDetect", (_, anchors):
                return [f"anchors: {_flow(_listed(anchors))}", *UNSCALED]
            case "DDetect", _:
                return ["anchors: 3", *UNSCALED]
            case "Detect", (_, _, bins):
                return [f"reg_max: {bins}"]
            case "v10Detect", (_, bins) if bins != BINS:
                return ["end2end: true", f"reg_max: {bins}"]
    return []


def _written(row: Row, by_path: bool) -> tuple[str, list[Any]]:
    """Module and arguments as the trainers write them."""
    if by_path and isinstance(row.operator, KeepingOperator):
        return IMPORTED.format(row.operator.module.__module__, row.operator.module.__name__), _listed(row.args)
    match row.module, row.args:
        case "AnchorDetect", _:
            return "Detect", ["nc", "anchors"]
        case "v10Detect", (_, bins) if bins != BINS:
            return "Detect", ["nc"]
        case (("Detect" | "DDetect" | "v10Detect"), _):
            return row.module, ["nc"]
    return row.module, _listed(row.args)


def _check(detector: Detector, text: str) -> None:
    """Raise ValueError unless a trainer builds of this text what the rows say."""
    found = read(yaml.safe_load(text), detector.nc, Scale("", 1.0, 1.0, float("inf"), 8, None))
    for wanted, got in zip(detector.resolve(), found.resolve(), strict=True):
        fill = wanted.row.operator.filled
        if wanted.row.module != got.row.module or fill(wanted.call.arguments) != fill(got.call.arguments):
            raise ValueError(
                f"row {wanted.index} ({wanted.row.module}): {list(wanted.row.args)} cannot be written; "
                f"of these rows a trainer builds {got.row.module} {list(got.row.args)}"
            )


def _flow(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1000).strip()


def _listed(value: Any) -> Any:
    """Tuples as lists, all the way down."""
    return [_listed(v) for v in value] if isinstance(value, list | tuple) else value
