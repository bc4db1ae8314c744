"""Parameters and MACs against numbers that are not ours: facts/blocks.md, facts/operators.md, fvcore."""

from __future__ import annotations

import warnings

import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn

from nas.detectors import TEMPLATES, Detector, Network, Row, build_row, cost, row_cost
from nas.operators import OPERATORS
from nas.operators.het import HetConv


def row(module: str, args: tuple[object, ...], channels: int, repeats: int = 1, imgsz: int = 640):  # type: ignore[no-untyped-def]
    """The row resolved on a map of 20 x 20."""
    rows = (Row((-1,), 1, "Conv", (channels, 3, 32)), Row((-1,), repeats, module, args))
    return list(Detector(rows, 80, 1).resolve(imgsz))[1]


@pytest.mark.parametrize(
    ("module", "args", "channels", "repeats", "params"),
    [
        # blocks.md section 2, "gold P"
        ("Conv", (32, 3), 16, 1, 4672),
        ("C2f", (32, True), 32, 1, 7360),
        ("C2f", (128,), 384, 1, 148224),
        ("C2f", (64, True), 64, 2, 49664),
        ("SPPF", (256, 5), 256, 1, 164608),
        ("SPPF", (512, 5), 512, 1, 656896),
        # operators.md 1.3: FasterNet block, c = 64, n_div = 4, r = 2: 18,944 with its batch norm
        ("FasterBlock", (64, 4, 2), 64, 1, 18944),
        ("FasterBlock", (64, 4, 2), 64, 3, 3 * 18944),
        # operators.md 2.4: HetConv P = 4, c = 64 has 12,288; two of them and two batch norms
        ("HetBlock", (64, 4, 1), 64, 1, 2 * 12288 + 2 * 128),
        # by hand: 1x1 64->64, 3x3 64->64 in 4 groups, two batch norms
        ("GroupedBlock", (64, 4, 1), 64, 1, 4096 + 9216 + 256),
    ],
)
def test_params_of_rows(module: str, args: tuple[object, ...], channels: int, repeats: int, params: int) -> None:
    resolved = row(module, args, channels, repeats)
    assert row_cost(resolved).params == params
    assert sum(p.numel() for p in build_row(resolved).parameters()) == params


def test_macs_of_blocks_at_64_channels_20_px() -> None:
    # operators.md 1.3 and 2.4
    assert row_cost(row("FasterBlock", (64, 4, 2), 64)).macs == 7_475_200
    assert row_cost(row("HetBlock", (64, 4, 1), 64)).macs == 2 * 4_915_200


@pytest.mark.parametrize(("nc", "params"), [(80, 3_157_200), (1, 3_011_043), (3, 3_011_433), (20, 3_014_748)])
def test_yolov8n_params(nc: int, params: int) -> None:
    detector = TEMPLATES["yolov8n"].stock(nc)
    assert cost(detector).params == params
    assert sum(p.numel() for p in Network(detector).parameters()) == params


def test_yolov8n_macs() -> None:
    # blocks.md 5.1: convolutions and the DFL
    assert cost(TEMPLATES["yolov8n"].stock(80), 640).macs == 4_371_456_000 + 537_600


def test_yolov8n_rows() -> None:
    # blocks.md 5.2, params of rows 0..22
    golden = [464, 4672, 7360, 18560, 49664, 73984, 197632, 295424, 460288, 164608, 0, 0, 148224, 0, 0, 37248]
    golden += [36992, 0, 123648, 147712, 0, 493056, 897664]
    assert [row_cost(r).params for r in TEMPLATES["yolov8n"].stock(80).resolve()] == golden


def test_yolov8n_fused_and_state_dict() -> None:
    # blocks.md 5.1: 3,151,904 parameters fused; 355 entries unfused
    from nas.detectors import fuse

    network = Network(TEMPLATES["yolov8n"].stock(80))
    assert len(network.state_dict()) == 355
    assert sum(p.numel() for p in fuse(network).parameters()) == 3_151_904


@pytest.mark.parametrize(("p", "ratio"), [(1, 1.0), (2, 0.5556), (4, 0.3333), (8, 0.2222), (16, 0.1667), (32, 0.1389)])
def test_hetconv_ratio(p: int, ratio: float) -> None:
    # operators.md 2.1: R = 1/P + (1 - 1/P)/9
    het = HetConv(64, 64, p)
    weights = het.conv.weight.numel() + het.point.numel()
    assert weights / (9 * 64 * 64) == pytest.approx(ratio, abs=5e-5)


CASES = {
    "Conv": ((64, 3, 1), 64),
    "C2f": ((64, True, 1, 0.25), 64),
    "SPPF": ((64, 5), 64),
    "FasterBlock": ((48, 8, 1), 48),
    "CSPFaster": ((48, 2, 4, 2), 48),
    "HetBlock": ((64, 2, 0.5), 64),
    "CSPHet": ((64, 3, 4, 0.5), 64),
    "GroupedBlock": ((64, 8, 0.5), 64),
    "CSPGrouped": ((64, 2, 2, 1), 64),
}


def test_every_operator_of_one_map_has_a_case() -> None:
    assert set(CASES) == set(OPERATORS) - {"nn.Upsample", "Concat", "Detect"}


@pytest.mark.parametrize("module", CASES)
def test_cost_equals_fvcore(module: str) -> None:
    args, channels = CASES[module]
    resolved = row(module, args, channels, repeats=2)
    network = build_row(resolved)
    expected = row_cost(resolved)
    assert sum(p.numel() for p in network.parameters()) == expected.params
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fvcore uses the tracer's deprecated parts
        # In training mode: fvcore then sees the convolutions as they are written. It counts batch norm and activation
        # too, which a count of MACs leaves out.
        count = FlopCountAnalysis(network.train(), torch.zeros(1, *resolved.inputs[0]))
        count.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        macs = count.by_operator()["conv"]
    if "Het" in module:
        # fvcore counts the zeros of the masked 1x1 kernel: c1 c2 / P multiply-adds a position and convolution more.
        zeros = sum(
            part.conv.weight.shape[1] * part.conv.weight.shape[0]
            for part in network.modules()
            if isinstance(part, HetConv)
        )
        macs -= zeros * resolved.call.output[1] * resolved.call.output[2]
    assert macs == expected.macs


def test_whole_model_equals_fvcore() -> None:
    detector = TEMPLATES["yolov8n"].stock(80)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        count = FlopCountAnalysis(Network(detector).eval(), torch.zeros(1, 3, 320, 320))
        count.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        assert count.by_operator()["conv"] == cost(detector, 320).macs


def test_batch_norms_are_the_trainers() -> None:
    # Neither value is in a state dict, and both are wrong by default (blocks.md, section 1).
    norms = [m for m in Network(TEMPLATES["yolov8n"].stock(80)).modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 57
    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.03)}
