"""Numbers from elsewhere: papers, stock models as their trainers build them, fvcore."""

from __future__ import annotations

import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn

from nas.detectors.costs import cost, row_cost
from nas.detectors.network import Network, build_row
from nas.detectors.rows import Detector
from nas.detectors.templates import TEMPLATES
from nas.operators.base import conv_cost, total
from nas.operators.dual import dual_cost
from nas.operators.het import het_cost
from nas.operators.modules.dsconv import dequantize, quantize
from nas.operators.modules.dual import DualConv
from nas.operators.modules.het import HetConv
from nas.operators.tconv import t_cost
from tests.operators import stock_models
from tests.operators.helpers import counted, numbers, row
from tests.operators.networks import fasternet, fasternet_cost, replaced, shufflenet, shufflenet_cost, vgg16


@pytest.mark.parametrize(
    ("module", "args", "channels", "repeats", "params"),
    [
        # parameters of the stock modules
        ("Conv", (32, 3), 16, 1, 4672),
        ("C2f", (32, True), 32, 1, 7360),
        ("C2f", (128,), 384, 1, 148224),
        ("C2f", (64, True), 64, 2, 49664),
        ("SPPF", (256, 5), 256, 1, 164608),
        ("SPPF", (512, 5), 512, 1, 656896),
        # FasterNet block, c = 64, n_div = 4, r = 2: 18,944 with its batch norm
        ("FasterBlock", (64, 4, 2), 64, 1, 18944),
        ("FasterBlock", (64, 4, 2), 64, 3, 3 * 18944),
        # HetConv P = 4, c = 64 has 12,288; two of them and two batch norms
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
    # parameters without norms, MACs, memory access
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
    # convolutions and the DFL
    assert cost(TEMPLATES["yolov8n"].stock(80), 640).macs == 4_371_456_000 + 537_600


def test_yolov8n_rows() -> None:
    # params of rows 0..22
    golden = [464, 4672, 7360, 18560, 49664, 73984, 197632, 295424, 460288, 164608, 0, 0, 148224, 0, 0, 37248]
    golden += [36992, 0, 123648, 147712, 0, 493056, 897664]
    assert [row_cost(r).params for r in TEMPLATES["yolov8n"].stock(80).resolve()] == golden


def test_yolov8n_fused_and_state_dict() -> None:
    # 3,151,904 parameters fused; 355 entries unfused
    from nas.detectors.network import fuse

    network = Network(TEMPLATES["yolov8n"].stock(80))
    assert len(network.state_dict()) == 355
    assert sum(p.numel() for p in fuse(network).parameters()) == 3_151_904


@pytest.mark.parametrize(("p", "ratio"), [(1, 1.0), (2, 0.5556), (4, 0.3333), (8, 0.2222), (16, 0.1667), (32, 0.1389)])
def test_hetconv_ratio(p: int, ratio: float) -> None:
    # HetConv, section 3.2: R = 1/P + (1 - 1/P)/9
    het = HetConv(64, 64, p)
    weights = het.conv.weight.numel() + het.point.numel()
    assert weights / (9 * 64 * 64) == pytest.approx(ratio, abs=5e-5)


def test_whole_model_equals_fvcore() -> None:
    detector = TEMPLATES["yolov8n"].stock(80)
    assert counted(Network(detector).eval(), torch.zeros(1, 3, 320, 320)) == cost(detector, 320).macs


def test_batch_norms_are_the_trainers() -> None:
    # Neither value is in a state dict, and both are wrong by default.
    norms = [m for m in Network(TEMPLATES["yolov8n"].stock(80)).modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 57
    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.03)}


# --- published networks

FASTERNET = {
    "T0": (40, (1, 2, 8, 2), 3_905_500, 335_422_720),
    "T1": (64, (1, 2, 8, 2), 7_595_368, 850_511_872),
    "T2": (96, (1, 2, 8, 2), 14_982_888, 1_904_334_848),
    "S": (128, (1, 2, 13, 2), 31_181_032, 4_549_740_544),
    "M": (144, (3, 4, 18, 3), 53_521_464, 8_721_938_432),
    "L": (192, (3, 4, 18, 3), 93_465_192, 15_494_383_616),
}


@pytest.mark.parametrize("name", FASTERNET)
def test_fasternet(name: str) -> None:
    width, depths, params, macs = FASTERNET[name]
    cost = fasternet_cost(width, depths)
    assert (cost.params, cost.macs) == (params, macs)
    with torch.device("meta"):
        assert sum(p.numel() for p in fasternet(width, depths).parameters()) == params


@pytest.mark.filterwarnings("ignore")
def test_fasternet_built_has_the_macs() -> None:
    width, depths, _, macs = FASTERNET["T0"]
    count = FlopCountAnalysis(fasternet(width, depths).eval(), torch.zeros(1, 3, 224, 224))
    operators = count.unsupported_ops_warnings(False).uncalled_modules_warnings(False).by_operator()
    assert operators["conv"] + operators["linear"] == macs


# Published columns of VGG-16 on CIFAR-10 with parts P = 1 ... 64.
PARTS = (1, 2, 4, 8, 16, 32, 64)
HET_MFLOPS = (313.74, 175.23, 105.98, 71.35, 54.04, 45.38, 41.05)  # of the HetConv authors' README
HET_PARAMS = (14_710_464, 8_173_248, 4_904_640, 3_270_336, 2_453_184, 2_044_608, 1_840_320)
DUAL_MFLOPS = (None, 192.36, 114.50, 75.57, 56.11, 46.38, 41.51)  # of the Approximate-HetConv README
DUAL_PARAMS = (None, 8_990_400, 5_313_216, 3_474_624, 2_555_328, 2_095_680, 1_865_856)


CLASSIFIER = 512 * 512 + 512 * 10


@pytest.mark.parametrize(("p", "mflops", "params"), list(zip(PARTS, HET_MFLOPS, HET_PARAMS, strict=True)))
def test_vgg16_with_hetconv(p: int, mflops: float, params: int) -> None:
    (first, *rest) = vgg16()
    costs = [conv_cost(3, first[0], first[1], (32, 32), after="nothing")]
    costs += [het_cost(m, n, p, (side, side), bare=True) for m, n, side in rest]
    assert total(costs).params == params
    # The published figures are (9 M + 1) N h w a convolution, the bias counted in, times the ratio R but for the first
    # one, and are cut after the second digit.
    ratio = 1 / p + (1 - 1 / p) / 9
    biases = first[1] * 32 * 32 + ratio * sum(n * side * side for _, n, side in rest)
    assert (total(costs).macs + biases + CLASSIFIER) / 1e6 == pytest.approx(mflops, abs=0.011)
    exact = (313.464, 175.052, 105.846, 71.243, 53.941, 45.290, 40.965)[PARTS.index(p)]  # no bias, computed by others
    assert (total(costs).macs + CLASSIFIER) / 1e6 == pytest.approx(exact, abs=6e-4)
    with torch.device("meta"):
        built = [nn.Conv2d(*first[:2], 3, bias=False), *(HetConv(m, n, p, bare=True) for m, n, _ in rest)]
        assert sum(w.numel() for layer in built for w in layer.parameters()) == params


@pytest.mark.parametrize(("p", "mflops", "params"), list(zip(PARTS, DUAL_MFLOPS, DUAL_PARAMS, strict=True))[1:])
def test_vgg16_with_dualconv(p: int, mflops: float, params: int) -> None:
    (first, *rest) = vgg16()
    costs = [conv_cost(3, first[0], first[1], (32, 32), after="nothing")]
    costs += [dual_cost(m, n, p, (side, side), bare=True) for m, n, side in rest]
    assert total(costs).params == params
    assert (total(costs).macs + CLASSIFIER) / 1e6 == pytest.approx(mflops, abs=0.011)
    with torch.device("meta"):
        built = [nn.Conv2d(*first[:2], 3, bias=False), *(DualConv(m, n, p, bare=True) for m, n, _ in rest)]
        assert sum(w.numel() for layer in built for w in layer.parameters()) == params


# Same-nc differences that others measured, not the posts' figures, which mix numbers of classes.
@pytest.mark.parametrize(("module", "delta"), [("CSPHet", -632_256), ("CSPPC", -888_096), ("C2f_Dual", -303_008)])
@pytest.mark.parametrize("nc", [80, 1])
def test_what_is_pasted_into_yolov8n(module: str, delta: int, nc: int) -> None:
    stock = TEMPLATES["yolov8n"].stock(nc)
    found = replaced(stock, module)
    assert cost(found).params - cost(stock).params == delta
    with torch.device("meta"):
        assert sum(p.numel() for p in Network(found).parameters()) == cost(found).params


@pytest.mark.parametrize(
    ("module", "backbone", "neck"),
    [("CSPHet", -323_904, -308_352), ("CSPPC", -454_944, -433_152), ("C2f_Dual", -155_232, -147_776)],
)
def test_where_the_difference_comes_from(module: str, backbone: int, neck: int) -> None:
    stock = TEMPLATES["yolov8n"].stock(80)
    pairs = zip(stock.resolve(), replaced(stock, module).resolve(), strict=True)
    deltas = [row_cost(after).params - row_cost(before).params for before, after in pairs]
    assert (sum(deltas[: stock.backbone]), sum(deltas[stock.backbone :])) == (backbone, neck)


@pytest.mark.parametrize(("module", "delta"), [("CSPHet", -115_904), ("CSPPC", -391_712), ("C3_Dual", -326_688)])
def test_what_is_pasted_into_yolov5n(module: str, delta: int) -> None:
    stock = stock_models.yolov5("n")
    assert cost(replaced(stock, module)).params - cost(stock).params == delta


# Widths of the three stages and of conv5, parameters and MACs at 224 x 224 of torchvision's variant.
SHUFFLENETS = {
    "0.5x": ((48, 96, 192), 1024, 1_366_792, 40_476_448),
    "1.0x": ((116, 232, 464), 1024, 2_278_604, 144_907_992),
    "1.5x": ((176, 352, 704), 1024, 3_503_624, 295_759_392),
    "2.0x": ((244, 488, 976), 2048, 7_393_996, 583_253_464),
}


@pytest.mark.parametrize("name", SHUFFLENETS)
def test_shufflenet(name: str) -> None:
    widths, last, params, macs = SHUFFLENETS[name]
    cost = shufflenet_cost(widths, last)
    assert (cost.params, cost.macs) == (params, macs)
    network = shufflenet(widths, last)
    assert numbers(network) == params
    assert counted(network, torch.zeros(1, 3, 224, 224)) == macs


@pytest.mark.parametrize(
    ("detector", "params"),
    [
        (stock_models.yolov8("n"), 3_157_200),
        (stock_models.yolo11("n"), 2_624_080),
        (stock_models.yolov5("n"), 1_872_157),
    ],
)
def test_stock_detectors(detector: Detector, params: int) -> None:
    # The other stock models are in test_stock.py.
    assert cost(detector).params == params == sum(p.numel() for p in Network(detector).parameters())


# --- DSConv

# w, bits, s, q, alpha, alpha q.
GOLDEN = [
    ([0.9, -0.3, 0.45, 0], 3, -4.444444, [-4, 1, -2, 0], -0.2285714, [0.9142857, -0.2285714, 0.4571429, 0]),
    ([0.9, -0.3, 0.45, 0], 4, -8.888889, [-8, 3, -4, 0], -0.1112360, [0.8898876, -0.3337079, 0.4449438, 0]),
    ([-0.8, 0.1, 0.2, 0.4], 2, 2.5, [-2, 0, 0, 1], 0.4, [-0.8, 0, 0, 0.4]),
    ([1, -0.95, 0.1, 0.2], 3, -4, [-4, 4, 0, -1], -0.2424242, [0.9696970, -0.9696970, 0, 0.2424242]),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("w", "bits", "s", "q", "alpha", "approximation"), GOLDEN)
def test_golden_vectors(
    w: list[float], bits: int, s: float, q: list[int], alpha: float, approximation: list[float], dtype: torch.dtype
) -> None:
    weight = torch.tensor(w, dtype=dtype).view(1, 4, 1, 1)
    found = quantize(weight, bits, 4, clamp=False)
    assert found.s.item() == pytest.approx(s, abs=1e-6)
    assert found.q.flatten().tolist() == q
    assert found.alpha.item() == pytest.approx(alpha, abs=5e-8)
    assert dequantize(found.q, found.alpha, 4).flatten().tolist() == pytest.approx(approximation, abs=1e-7)
    clamped = quantize(weight, bits, 4)
    if max(q) < 2 ** (bits - 1):
        assert all(torch.equal(a, b) for a, b in zip(clamped, found, strict=True))
