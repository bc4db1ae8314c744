"""Stock rows of ours and Ultralytics' own models of the same name: state dicts load, outputs agree."""

from __future__ import annotations

import importlib.util

import pytest
import torch
from torch import nn

from nas.detectors.network import Network
from nas.integrations.ultralytics import register
from tests.operators.stock_models import STOCK

# Not imported here: Ultralytics patches Pillow and torch in its process, which the tests before these must not meet.
missing = importlib.util.find_spec("ultralytics") is None
pytestmark = pytest.mark.skipif(missing, reason="the ultralytics extra is not installed")

NAMES = {
    "yolov5n": "yolov5n, Ultralytics",
    "yolov8n": "yolov8n",
    "yolov8s": "yolov8s",
    "yolov9t": "yolov9t, Ultralytics",
    "yolov10n": "yolov10n",
    "yolo11n": "yolo11n",
    "yolo12n": "yolo12n",
    "yolo26n": "yolo26n",
}


def randomise(network: nn.Module, images: torch.Tensor) -> None:
    """Shifts and scales of all layers, and statistics of what reaches them, so that signals keep their size."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.7, 1.3)
            module.bias.data.uniform_(-0.3, 0.3)
            module.momentum = 1
        elif isinstance(module, nn.Conv2d) and module.bias is not None:
            module.bias.data.uniform_(-1, 1)
    network.train()(images)
    network.eval()


def both(name: str, images: torch.Tensor) -> tuple[nn.Module, Network]:
    """Ultralytics' model of this name, built from its own YAML, and ours with equal weights."""
    register()
    from ultralytics.nn.tasks import DetectionModel

    theirs, ours = DetectionModel(f"{name}.yaml", verbose=False), Network(STOCK[NAMES[name]])
    randomise(ours, images)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    return theirs.eval(), ours


@pytest.mark.parametrize("name", NAMES)
def test_same_outputs(name: str) -> None:
    x = torch.rand(2, 3, 128, 96, generator=torch.Generator().manual_seed(0))
    theirs, ours = both(name, x)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x)[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["yolov10n", "yolo26n"])
def test_same_selection_end_to_end(name: str) -> None:
    # 420 points: more than may be found.
    x = torch.rand(2, 3, 128, 160, generator=torch.Generator().manual_seed(0))
    theirs, ours = both(name, x)
    theirs.model[-1].end2end = ours.model[-1].end2end = True
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x)[0], atol=1e-4, rtol=1e-4)
