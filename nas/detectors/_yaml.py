"""Rows to and from the YAML dialect of Ultralytics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from nas.detectors._rows import Detector, Row
from nas.errors import InputError
from nas.files import read_yaml


def to_yaml(detector: Detector, title: str = "") -> str:
    """The model YAML: explicit channels, depth and width resolved, no scales. ``title`` lines become comments."""
    lines = [f"# {line}" for line in title.splitlines()]
    lines += [f"nc: {detector.nc}", "", "# [from, repeats, module, args]", "backbone:"]
    for index, row in enumerate(detector.rows):
        if index == detector.backbone:
            lines += ["", "head:"]
        source = row.source[0] if len(row.source) == 1 else list(row.source)
        args = ["nc"] if row.module == "Detect" else list(row.args)
        text = yaml.safe_dump([source, row.repeats, row.module, args], default_flow_style=True, width=1000).strip()
        lines.append(f"  - {text}  # {index}")
    return "\n".join(lines) + "\n"


def from_yaml(path: str | Path) -> Detector:
    """The detector of a model YAML with explicit channels; raises InputError naming file, field and mend."""
    path = Path(path)
    content = read_yaml(path, "model YAML", "nc, backbone and head")
    for key in ("scales", "depth_multiple", "width_multiple"):
        if key in content:
            raise InputError(f"{path}: {key}: scaled YAMLs are not read; write depth and channels out and drop the key")
    nc, backbone, head = (content.get(key) for key in ("nc", "backbone", "head"))
    if not isinstance(nc, int) or nc < 1:
        raise InputError(f"{path}: nc: must be the number of classes, not {nc!r}")
    if not isinstance(backbone, list) or not isinstance(head, list):
        raise InputError(f"{path}: backbone, head: each must be a list of rows [from, repeats, module, args]")
    rows = tuple(_row(path, index, row, nc) for index, row in enumerate([*backbone, *head]))
    detector = Detector(rows, nc, len(backbone))
    try:
        list(detector.resolve())
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    return detector


def _row(path: Path, index: int, row: Any, nc: int) -> Row:
    match row:
        case [int() | list() as source, int() as repeats, str() as module, list() as args]:
            resolved = (nc if a == "nc" else None if a == "None" else a for a in args)
            return Row(tuple(source) if isinstance(source, list) else (source,), repeats, module, tuple(resolved))
        case _:
            raise InputError(f"{path}: row {index}: expected [from, repeats, module, args], got {row!r}")
