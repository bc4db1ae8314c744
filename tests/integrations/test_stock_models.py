"""Stock rows of ours and Ultralytics' own models of the same name: state dicts load, outputs agree."""

from __future__ import annotations

import importlib.util

import pytest
import torch
from torch import nn

from nas.detectors import Network
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


@pytest.mark.parametrize("name", NAMES)
def test_same_numbers_as_ultralytics(name: str) -> None:
    register()
    from ultralytics.nn.tasks import DetectionModel

    theirs, ours = DetectionModel(f"{name}.yaml", verbose=False), Network(STOCK[NAMES[name]])
    x = torch.rand(2, 3, 128, 96)
    randomise(ours, x)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    with torch.no_grad():
        expected, found = theirs.eval()(x)[0], ours(x)
    print(name, (found-expected).abs().max(), found[:, :4].std(2).mean(), found[:,4:].std(2).mean())
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
