"""The detection YAMLs that the installed Ultralytics ships."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import yaml

from nas.detectors.yaml_files import from_yaml

HEADS = {"Detect", "v10Detect"}


def shipped() -> list[tuple[Path, int]]:
    """Paths that name the first scale of each YAML, where it has several, and the numbers of parameters."""
    spec = importlib.util.find_spec("ultralytics")
    if spec is None or spec.origin is None:
        return []
    found = []
    for path in sorted((Path(spec.origin).parent / "cfg" / "models").rglob("*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if content["head"][-1][2] in HEADS:
            named = path if path.stem[-1] in content.get("scales", "") else _scaled(path, content)
            found.append((named, from_yaml(named, notify=lambda text: None).cost(256).params))
    return found


def _scaled(path: Path, content: dict[str, dict[str, object]]) -> Path:
    """The path with the letter of the first scale: yolov8n-p2.yaml of yolov8-p2.yaml."""
    letter = next(iter(content.get("scales", "")), "")
    family, dash, rest = path.stem.partition("-")
    return path.with_name(f"{family}{letter}{dash}{rest}.yaml")
