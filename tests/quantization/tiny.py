"""A tiny detector whose outputs depend on the image, its ONNX file and images."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import nn

from nas.detectors.network import Network
from nas.detectors.rows import Detector, Row
from nas.quantization.base import Array
from nas.runs.onnx_file import onnx_file

SIZE, NC = 64, 2
ROWS = (
    Row((-1,), 1, "Conv", (8, 3, 2)),
    Row((-1,), 1, "Conv", (16, 3, 2)),
    Row((-1,), 1, "C2f", (16, True)),
    Row((-1,), 1, "Conv", (16, 3, 2)),
    Row((-1,), 1, "nn.Upsample", (None, 2, "nearest")),
    Row((-1, 2), 1, "Concat", (1,)),
    Row((5, 3), 1, "Detect", (NC,)),
)
DETECTOR = Detector(ROWS, NC, 4)


def network(gain: float = 2.4) -> Network:
    """Weights by which activations keep their size: from fresh ones the output hardly depends on the image."""
    built = DETECTOR.network(seed=0).eval()
    torch.manual_seed(0)
    for part in built.modules():
        if isinstance(part, nn.Conv2d) and part.weight.requires_grad:
            nn.init.normal_(part.weight, std=gain / part.weight[0].numel() ** 0.5)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    return built


@cache
def onnx_bytes() -> bytes:
    return onnx_file(DETECTOR, network(), SIZE)


@cache
def images() -> list[Array]:
    """Images of large squares, each of a random color."""
    random = np.random.default_rng(0)
    return [np.kron(random.random((1, 3, 8, 8), np.float32), np.ones((8, 8), np.float32)) for _ in range(8)]
