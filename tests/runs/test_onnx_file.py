"""ONNX files of heads on any levels, and the refusal of a file that gives other boxes than torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from nas.detectors.network import Network
from nas.detectors.rows import Detector, Row
from nas.errors import ModelError
from nas.latency.runtimes import onnx_runtimes
from nas.runs.onnx_file import onnx_file

pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")

ANCHORS = (10, 13, 16, 30)


def detector(levels: Sequence[int], module: str = "Detect", *args: Any) -> Detector:
    """A head on some of the maps of strides 2, 4, 8, 16, 32 and 64, which are rows 0 to 5."""
    rows = [Row((-1,), 1, "Conv", (8, 3, 2)) for _ in range(6)]
    return Detector((*rows, Row(tuple(levels), 1, module, (2, *args))), 2, 6)


def network(found: Detector) -> Network:
    """Weights that tell the sides of a box apart."""
    torch.manual_seed(0)
    built = found.network(seed=0).eval()
    for parameter in built.model[-1].parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return built


@pytest.mark.parametrize(
    ("levels", "strides"),
    [
        ((4,), (32,)),
        ((3, 4), (16, 32)),
        ((1, 2, 3), (4, 8, 16)),
        ((4, 1, 3), (32, 4, 16)),
        ((1, 2, 3, 4, 5), (4, 8, 16, 32, 64)),
    ],
)
@pytest.mark.parametrize("module", ["Detect", "v10Detect", "AnchorDetect"])
def test_heads_on_any_levels(levels: tuple[int, ...], strides: tuple[int, ...], module: str) -> None:
    args = ((ANCHORS,) * len(levels),) if module == "AnchorDetect" else ()
    found = detector(levels, module, *args)
    assert found.strides == found.network().strides == strides
    assert onnx_file(found, network(found), 64)


def test_a_file_with_other_boxes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(module: torch.nn.Module, *arguments: Any) -> bytes:
        module.model[-1].strides, module.model[-1]._grid = (8, 16, 32), None  # type: ignore[index,union-attr]
        return export(module, *arguments)

    export = onnx_runtimes.export
    monkeypatch.setattr(onnx_runtimes, "export", wrong)
    found = detector((1, 2, 3))
    with pytest.raises(ModelError, match="boxes differ by up to") as caught:
        onnx_file(found, network(found), 64)
    assert caught.value.field == "row 6 (Detect)"
