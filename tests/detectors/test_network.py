"""The network of a detector: forward, backward, ONNX."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from nas.detectors.network import Network, fuse
from nas.detectors.templates import TEMPLATES
from nas.operators.modules.detect import Predictions
from nas.spaces.space import load_space


@pytest.mark.parametrize("name", ["yolov5n", "yolov8n", "yolo11n"])
@pytest.mark.parametrize("seed", range(2))
def test_forward_and_backward_of_members(name: str, seed: int) -> None:
    detector = load_space(name).random(np.random.default_rng(seed)).detector(3)
    network = Network(detector).train()
    out = network(torch.rand(2, 3, 64, 96))
    assert isinstance(out, Predictions)
    points = 8 * 12 + 4 * 6 + 2 * 3
    assert out.boxes.shape == (2, 64, points)
    assert out.scores.shape == (2, 3, points)
    (out.boxes.square().mean() + out.scores.square().mean()).backward()
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad)


def test_decoding() -> None:
    """Boxes of a head whose distributions are uniform lie (R - 1) / 2 = 7.5 cells to each side of their point."""
    network = Network(TEMPLATES["yolov8n"].stock(2)).eval()
    head = network.model[-1]
    for branch in head.cv2:
        branch[-1].weight.data.zero_()
        branch[-1].bias.data.fill_(2.0)
    with torch.no_grad():
        y = network(torch.rand(1, 3, 64, 64))
    assert y.shape == (1, 6, 64 + 16 + 4)
    assert y[0, :4, 0].tolist() == pytest.approx([4, 4, 120, 120])  # first cell of stride 8
    assert y[0, :4, 9].tolist() == pytest.approx([12, 12, 120, 120])  # second row, second column
    assert y[0, :4, 64].tolist() == pytest.approx([8, 8, 240, 240])  # first cell of stride 16
    assert y[0, :4, 83].tolist() == pytest.approx([48, 48, 480, 480])  # last cell of stride 32


@pytest.mark.parametrize("member", ["stock", "random"])
@pytest.mark.parametrize("fused", [False, True])
def test_onnx_equals_torch(member: str, fused: bool, tmp_path: Path) -> None:
    space = load_space("yolov8n")
    architecture = space.stock() if member == "stock" else space.random(np.random.default_rng(5))
    network = Network(architecture.detector(3))
    network.train()(torch.rand(4, 3, 64, 64))
    network.eval()
    if fused:
        fuse(network)
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        expected = network(x).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (x,), tmp_path / "m.onnx", dynamo=False, opset_version=17)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    np.testing.assert_allclose(found, expected, atol=1e-3, rtol=1e-4)  # boxes are in pixels
