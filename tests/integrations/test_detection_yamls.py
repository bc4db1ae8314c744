"""Detection YAMLs here and in Ultralytics: every one that it ships, and rows with generated arguments.

Both build the same model, weights included, or we refuse it with the row and the reason.
"""

from __future__ import annotations

import copy
import importlib.util
import random
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from nas.detectors.costs import cost
from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.detectors.yaml_files import from_content, from_yaml
from nas.errors import ModelError
from nas.latency.entries import Part
from nas.latency.modules import build
from nas.latency.runtimes.fake import FakeRuntime
from nas.runs.onnx_file import onnx_file
from tests.integrations.detection_yamls import shipped
from tests.integrations.test_stock_models import randomise

# Not imported here: Ultralytics patches Pillow and torch in its process, which the tests before these must not meet.
missing = importlib.util.find_spec("ultralytics") is None
pytestmark = pytest.mark.skipif(missing, reason="the ultralytics extra is not installed")

LARGE = 12_000_000
"""Parameters above which a model is tested among the slow tests."""


def theirs(given: str | Mapping[str, Any]) -> nn.Module:
    """Ultralytics' model of a YAML's name or content."""
    from ultralytics.nn.modules import Conv
    from ultralytics.nn.tasks import DetectionModel

    Conv.default_act = nn.SiLU()  # a build that fails leaves the activation of its YAML
    model: nn.Module = DetectionModel(given if isinstance(given, str) else copy.deepcopy(dict(given)), verbose=False)
    return model


def same(detector: Detector, other: nn.Module) -> None:
    """Equal strides, parameters, keys and outputs."""
    assert detector.strides == tuple(int(stride) for stride in other.stride)  # type: ignore[union-attr]
    size = detector.multiple
    network = Network(detector)
    assert cost(detector, size).params == sum(p.numel() for p in other.parameters())
    randomise(network, torch.rand(4, 3, size, size))
    other.load_state_dict(network.state_dict(), strict=True)
    image = torch.rand(1, 3, size, size)
    with torch.no_grad():
        expected, found = other.eval()(image)[0], network(image)
    scale = float(expected.abs().max())
    torch.testing.assert_close(found, expected, atol=1e-4 + 1e-6 * scale, rtol=1e-4)


def cases(*fast: str) -> list[Any]:
    """All shipped YAMLs; those that are large, or if any are named the others, are slow tests."""
    return [
        pytest.param(
            path, id=path.stem, marks=[pytest.mark.slow] if size > LARGE or (fast and path.stem not in fast) else []
        )
        for path, size in shipped()
    ]


@pytest.mark.parametrize("path", cases())
def test_a_shipped_yaml_is_theirs(path: Path) -> None:
    same(from_yaml(path, notify=lambda text: None), theirs(path.name))


@pytest.mark.parametrize("path", cases("yolov3-tiny", "yolov6n", "yolov8n-p6"))
def test_a_shipped_yaml_is_measured_and_exported(path: Path, tmp_path: Path) -> None:
    detector = from_yaml(path, notify=lambda text: None)
    for row in detector.resolve(detector.multiple):
        part = Part.of(row)
        for key in part.needs():
            module, inputs = build(part.at(key.depth))
            assert FakeRuntime().prepare_row(module, inputs, (False, False)).seconds() > 0
    assert onnx_file(detector, detector.network(seed=0), detector.multiple)
    (tmp_path / "again.yaml").write_text(detector.to_yaml())
    assert from_yaml(tmp_path / "again.yaml") == detector


@pytest.mark.parametrize("name", ["rt-detr/rtdetr-l", "v8/yolov8-rtdetr", "v8/yolov8-seg", "11/yoloe-11"])
def test_another_head_is_refused_by_row_and_reason(name: str) -> None:
    import ultralytics

    path = Path(ultralytics.__file__).parent / "cfg" / "models" / f"{name}.yaml"
    row = len(yaml.safe_load(path.read_text())["backbone"] + yaml.safe_load(path.read_text())["head"]) - 1
    with pytest.raises(ModelError) as caught:
        from_yaml(path, notify=lambda text: None)
    assert caught.value.field.startswith(f"row {row} (")


SMALL = """
nc: 3
backbone:
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [32, 3, 2]]
  - ROW
  - [-1, 1, Conv, [32, 3, 2]]
  - [-1, 1, Conv, [32, 3, 2]]
head:
  - [[3, 4], 1, Detect, [nc]]
"""
FLAGS = [True, False, None, 0, 1]
SIZES = [1, 2, 3, 5, [3, 5], [1, 3]]
STAGE = [[32, 40], FLAGS, [1, 2, 4, 3], [0.5, 1.0, 0.25]]
ARGUMENTS: dict[str, list[list[Any]]] = {
    "Conv": [[32, 40], SIZES, [1, 2, [2, 2]], [None, 0, 1, [1, 1]], [1, 2, 4, 3], [1, 2], FLAGS],
    "DWConv": [[32, 48], SIZES, [1, 2], [1, 2], FLAGS],
    "GhostConv": [[32, 40], [1, 3, 5], [1, 2], [1, 2], FLAGS],
    "Focus": [[32, 40], [1, 3], [1], [None, 1], [1, 2], FLAGS],
    "Bottleneck": [[32, 40], FLAGS, [1, 2], [[3, 3], [1, 3], [[1, 3], [3, 1]]], [0.5, 1.0]],
    **dict.fromkeys(("C2", "C2f", "C3", "C3x", "BottleneckCSP", "C3Ghost", "C3TR"), STAGE),
    "C1": [[32, 40]],
    "C3k2": [[32, 64], FLAGS, [0.5, 1.0], [False, True], [1, 2], FLAGS],
    "A2C2f": [[64, 128], FLAGS, [1, 4], [False, True], [2.0, 1.2], [0.5, 1.0], [1], FLAGS],
    "C2fCIB": [[32, 40], FLAGS, FLAGS, [1, 2], [0.5, 1.0]],
    "C2PSA": [[32, 40], [0.5, 1.0]],
    "C2fPSA": [[32, 40], [0.5, 1.0]],
    "PSA": [[32, 40], [0.5, 1.0]],
    "RepC3": [[32, 40], [1.0, 0.5]],
    "SPP": [[32, 40], [[5, 9], [3, 5, 7]]],
    "SPPF": [[32, 40], [3, 5], [1, 3], FLAGS],
    "SPPELAN": [[32], [16, 24], [3, 5]],
    "ELAN1": [[32], [16, 24], [8, 16]],
    "RepNCSPELAN4": [[32], [16, 24], [8, 16], [1, 2]],
    "SCDown": [[32, 40], [3, 5], [1, 2]],
    "GhostBottleneck": [[32, 40], [3, 5], [1, 2]],
    "ConvTranspose": [[32, 40], [2, 4], [2], [0, 1], FLAGS, FLAGS],
    "DWConvTranspose2d": [[32, 48], [2, 4], [2], [0, 1], [0, 1]],
    "nn.ConvTranspose2d": [[32, 40], [2, 4], [2], [0, 1], [0, 1], [1, 2], [True, False]],
    "nn.Upsample": [[None], [2, 1.5, 3], ["nearest", "bilinear", "bicubic", "None"], [None, True, False]],
    "nn.MaxPool2d": [[2, 3, [2, 3]], [None, 1, 2], [0, 1], [1, 2]],
    "nn.AvgPool2d": [[2, 3], [None, 1, 2], [0, 1], [False], [True, False]],
    "nn.ZeroPad2d": [[1, [0, 1, 0, 1], [0, 2, 2, 0]]],
    "nn.LeakyReLU": [[0.1, 0.3], [True, False]],
    **{name: [[True, False]] for name in ("nn.ReLU", "nn.SiLU", "nn.Hardswish", "nn.Mish")},
    **{name: [[]] for name in ("nn.Identity", "nn.Sigmoid", "nn.GELU")},
}
"""Values of each argument of a row."""
ACTIVATIONS = [None, None, "nn.ReLU()", "torch.nn.LeakyReLU(0.2)", "nn.Hardswish()", "nn.GELU()", "nn.Identity()"]
STRICTER = ("a cell must be so many whole pixels", "repeats need an output of the input's shape", "is not repeated")
"""Refused here, built by Ultralytics: strides that are no whole numbers, and copies of a row that halves its map."""


def variants(count: int) -> list[tuple[str, list[Any], int, str | None]]:
    """Rows with drawn arguments: module, arguments, repeats and the key ``activation``."""
    rng, found = random.Random(26), []
    for module, values in ARGUMENTS.items():
        for number in range(count):
            chosen = [rng.choice(options) for options in values if options]
            least = {"SPPELAN": 2, "ELAN1": 3, "RepNCSPELAN4": 3, "SCDown": 3, "nn.Upsample": 2}.get(module, 1)
            length = len(chosen) if not number else rng.randint(min(least, len(chosen)), len(chosen))
            found.append((module, chosen[:length], rng.choice([1, 1, 2]), rng.choice(ACTIVATIONS)))
    return found


def content(row: list[Any], activation: str | None) -> dict[str, Any]:
    made = yaml.safe_load(SMALL)
    made["backbone"][2] = row
    return made | ({"activation": activation} if activation else {})


@pytest.mark.parametrize(("module", "args", "repeats", "activation"), variants(4))
def test_a_row_with_any_arguments_is_theirs_or_refused(
    module: str, args: list[Any], repeats: int, activation: str | None
) -> None:
    made = content([-1, repeats, module, args], activation)
    built: nn.Module | None = None
    with suppress(Exception):  # of whatever kind torch and Python raise
        built = theirs(made)
    detector, refusal = ours(made)
    if detector is None:
        assert refusal.startswith("row ")
        assert built is None or any(reason in refusal for reason in STRICTER)
    else:
        assert built is not None
        same(detector, built)


def ours(made: Mapping[str, Any]) -> tuple[Detector | None, str]:
    """Our detector, or the refusal."""
    try:
        return from_content(made, None, "", lambda text: None), ""
    except ModelError as error:
        return None, str(error)
