"""Parameters and MACs against numbers that are not ours: facts/blocks.md, facts/operators.md, fvcore."""

from __future__ import annotations

import warnings

import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn

from nas.detectors import TEMPLATES, Detector, Network, Row, build_row, cost, row_cost
from nas.operators import OPERATORS
from nas.operators._base import conv_cost
from nas.operators.dual import dual_cost
from nas.operators.het import HetConv, het_cost
from nas.operators.tconv import t_cost


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


def test_costs_at_64_channels_20_px() -> None:
    # operators.md 1.3, 2.4: parameters without norms, MACs, memory access
    grid = (20, 20)
    assert conv_cost(3, 64, 64, grid, after="nothing")[:3] == (36_864, 14_745_600, 88_064)
    assert conv_cost(3, 64, 64, grid, 64, after="nothing")[:3] == (576, 230_400, 51_776)
    pconv = row_cost(row("PConv", (64, 4), 64))
    assert pconv[:3] == (2_304, 921_600, 15_104)
    point = conv_cost(1, 64, 64, grid, after="nothing")
    assert (pconv.params + point.params, pconv.macs + point.macs) == (6_400, 2_560_000)
    t = t_cost(64, 64, 4, grid)
    assert (t.params - 128, t.macs) == (12_288, 4_915_200)
    assert row_cost(row("FasterBlock", (64, 4, 2), 64)).macs == 7_475_200
    assert het_cost(64, 64, 4, grid, bare=True)[:2] == (12_288, 4_915_200)
    assert dual_cost(64, 64, 4, grid, bare=True)[:2] == (13_312, 5_324_800)
    assert row_cost(row("HetBlock", (64, 4, 1), 64)).macs == 2 * 4_915_200


def test_memory_access_rises_along_the_guidelines() -> None:
    # ShuffleNetV2, section 2: G1's rows have equal MACs and rising memory access, and so have G2's
    hw = (56, 56)
    g1 = [conv_cost(1, a, b, hw, after="nothing") for a, b in ((128, 128), (90, 180), (52, 312), (36, 432))]
    g2 = [conv_cost(1, c, c, hw, g, after="nothing") for g, c in ((1, 128), (2, 180), (4, 256), (8, 360))]
    for rows in (g1, g2):
        assert all(cost.macs == pytest.approx(rows[0].macs, rel=0.06) for cost in rows)
        accesses = [cost.memory_access for cost in rows]
        assert accesses == sorted(accesses)
    # Of all layers with these MACs the balanced one reaches the bound 2 sqrt(h w B) + B / (h w), the others exceed it.
    cells = 56 * 56
    bounds = [2 * (cells * cost.macs) ** 0.5 + cost.macs / cells for cost in g1]
    assert g1[0].memory_access == pytest.approx(bounds[0])
    assert all(cost.memory_access > bound for cost, bound in zip(g1[1:], bounds[1:], strict=True))


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


SINGLE = [name for name, operator in OPERATORS.items() if operator.example]


@pytest.mark.parametrize("module", SINGLE)
def test_cost_equals_fvcore(module: str) -> None:
    resolved = row(module, OPERATORS[module].example, 16)
    network = build_row(resolved)
    expected = row_cost(resolved)
    assert sum(p.numel() for p in network.parameters()) == expected.params
    # In training mode: fvcore then sees the convolutions as they are written. Of what it counts, batch norms and
    # activations are left out of a count of MACs.
    macs = counted(network.train(), torch.zeros(1, *resolved.inputs[0]))
    # fvcore counts the zeros of the masked 1x1 kernel: c1 c2 / P multiply-adds a position and HetConv more.
    zeros = sum(
        part.conv.weight.shape[1] * part.conv.weight.shape[0] for part in network.modules() if isinstance(part, HetConv)
    )
    assert macs - zeros * resolved.call.output[1] * resolved.call.output[2] == expected.macs


def counted(network: nn.Module, *inputs: torch.Tensor) -> int:
    """fvcore's count of multiply-adds of convolutions and matrix products."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fvcore uses the tracer's deprecated parts
        count = FlopCountAnalysis(network, inputs)
        count.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        operators = count.by_operator()
        return int(operators["conv"] + operators["matmul"] + operators["linear"])


def test_whole_model_equals_fvcore() -> None:
    detector = TEMPLATES["yolov8n"].stock(80)
    assert counted(Network(detector).eval(), torch.zeros(1, 3, 320, 320)) == cost(detector, 320).macs


def test_batch_norms_are_the_trainers() -> None:
    # Neither value is in a state dict, and both are wrong by default (blocks.md, section 1).
    norms = [m for m in Network(TEMPLATES["yolov8n"].stock(80)).modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 57
    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.03)}
