"""The stock blocks, heads and detectors against the numbers of the trainers' own, and against plain loops."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from nas.detectors.costs import cost, row_cost
from nas.detectors.network import Network, build_row, fuse
from nas.detectors.rows import Detector, ResolvedRow, Row
from nas.errors import ModelError
from nas.operators.base import Cost
from nas.operators.modules.a2c2f import A2C2f, AAttn
from nas.operators.modules.anchor_detect import AnchorDetect
from nas.operators.modules.bottleneck import Bottleneck
from nas.operators.modules.c2fcib import RepVGGDW
from nas.operators.modules.c3k2 import C3k
from nas.operators.modules.end2end import EndToEndDetect
from nas.operators.modules.psa import Attention, PSABlock
from nas.operators.modules.rep import RepConvN, RepNBottleneck, RepNCSP
from nas.operators.modules.sppf import SPPF
from nas.operators.registry import OPERATORS
from tests.operators import helpers
from tests.operators.helpers import numbers, row
from tests.operators.stock_models import ANCHORS, STOCK, gelan, yolo11, yolo12, yolov5, yolov8

CELLS = 400
"""Positions of the maps of 20 x 20 that blocks are counted on."""


def conv_macs(module: nn.Module, *inputs: torch.Tensor | list[torch.Tensor]) -> int:
    """Multiply-adds of the convolutions that run, the DFL's left out; inputs and module may be on the meta device."""
    macs = 0

    def count(conv: nn.Conv2d, _: object, y: torch.Tensor) -> None:
        nonlocal macs
        macs += conv.weight.numel() * y.shape[2] * y.shape[3]

    convs = [m for n, m in module.named_modules() if isinstance(m, nn.Conv2d) and "dfl" not in n]
    handles = [conv.register_forward_hook(count) for conv in convs]
    module(*inputs)
    for handle in handles:
        handle.remove()
    return macs


def randomise(module: nn.Module) -> nn.Module:
    """The same numbers every time."""
    torch.manual_seed(0)
    return helpers.randomise(module)


ROWS = [
    # module, row arguments, input channels, repeats, P, F, W, MACs of attention; P and W unfused
    ("Conv", (32, 3), 16, 1, 4672, 4640, 4608, 0),
    ("DWConv", (64, 3), 64, 1, 704, 640, 576, 0),
    ("DWConv", (96, 3), 64, 1, 1920, 1824, 1728, 0),
    ("C3", (64,), 64, 2, 29184, 28928, 28672, 0),
    ("C3", (128,), 256, 1, 90880, 90496, 90112, 0),
    ("C2f", (32,), 32, 1, 7360, 7264, 7168, 0),
    ("C2f", (128,), 384, 1, 148224, 147840, 147456, 0),
    ("C3k2", (64, False, 0.25), 32, 1, 6640, 6520, 6400, 0),
    ("C3k2", (128,), 384, 1, 111296, 110944, 110592, 0),
    ("C3k2", (128, True), 128, 1, 87040, 86528, 86016, 0),
    ("C3k2", (256, True), 256, 1, 346112, 345088, 344064, 0),
    ("C3k2", (256, True, 0.5, True), 384, 1, 463104, 461504, 459904, 3 * 128 * CELLS**2 // 2),
    ("C3k2", (512, True, 0.5, True), 768, 1, 1843712, 1840512, 1837312, 3 * 256 * CELLS**2 // 2),
    ("SPPF", (256, 5), 256, 1, 164608, 164224, 163840, 0),
    ("SPPF", (512, 5), 512, 1, 656896, 656128, 655360, 0),
    ("SPPF", (256, 5, 3, True), 256, 1, 164608, 164224, 163840, 0),
    ("C2PSA", (256,), 256, 1, 249728, 248320, 246912, 3 * 128 * CELLS**2 // 2),
    ("C2PSA", (512,), 512, 1, 990976, 988160, 985344, 3 * 256 * CELLS**2 // 2),
    ("PSA", (256,), 256, 1, 249728, 248320, 246912, 3 * 128 * CELLS**2 // 2),
    ("C2fCIB", (256, True, True), 384, 1, 282624, 278400, 279296, 0),
    ("C2fCIB", (256, True), 256, 1, 236800, 235392, 233984, 0),
    ("A2C2f", (128, True, 4), 128, 2, 180864, 178624, 176384, 4 * 2 * 64 * CELLS**2 // 4),
    ("A2C2f", (128, False, -1), 384, 1, 86912, 86464, 86016, 0),
    ("SPPELAN", (128, 64), 128, 1, 41344, 41152, 40960, 0),
    ("SPPELAN", (256, 128), 256, 1, 164608, 164224, 163840, 0),
    ("RepNCSPELAN4", (64, 64, 32, 3), 64, 1, 65216, 62976, 64000, 0),
    ("RepNCSPELAN4", (128, 128, 64, 3), 128, 1, 258432, 250880, 256000, 0),
    ("ELAN1", (32, 32, 16), 32, 1, 7872, 7776, 7680, 0),
    ("ELAN1", (64, 64, 32), 64, 1, 31104, 30912, 30720, 0),
    ("AConv", (64,), 32, 1, 18560, 18496, 18432, 0),
    ("AConv", (128,), 96, 1, 110848, 110720, 110592, 0),
    ("ADown", (64,), 64, 1, 10368, 10304, 10240, 0),
    ("ADown", (256,), 128, 1, 82432, 82176, 81920, 0),
]


@pytest.mark.parametrize(("module", "args", "channels", "repeats", "p", "f", "w", "attention"), ROWS)
def test_rows(
    module: str, args: tuple[object, ...], channels: int, repeats: int, p: int, f: int, w: int, attention: int
) -> None:
    """P, F and W of section 2, closed and counted on the built module; F also by the bytes of weights."""
    resolved = row(module, args, channels, repeats)
    cells = resolved.call.output[1] * resolved.call.output[2]
    expected = row_cost(resolved)
    assert (expected.params, expected.weight_bytes, expected.macs) == (p, 4 * f, w * cells + attention)
    built = build_row(resolved)
    assert numbers(built) == p
    assert conv_macs(built, torch.zeros(1, channels, 20, 20)) == w * cells
    assert numbers(fuse(built)) == f


@pytest.mark.parametrize(
    ("module", "w", "attention"),
    [("C2PSA", 246912, 3 * 128 * CELLS**2 // 2), ("A2C2f", 176384, 2 * 64 * CELLS**2)],
)
def test_attention_products_count_reads_and_writes(module: str, w: int, attention: int) -> None:
    """Of each product the elements of both factors and of the result; heads of 64 and 32 values, keys of 32."""
    args, channels, repeats = {"C2PSA": ((256,), 256, 1), "A2C2f": ((128, True, 4), 128, 2)}[module]
    resolved = row(module, args, channels, repeats)
    products = [c for c in OPERATORS[module].row_costs(resolved.inputs, *resolved.call.arguments) if not c.params]
    if module == "C2PSA":
        n = CELLS
        scores, seen = n * 32 + 32 * n + n * n, 64 * n + n * n + 64 * n
        assert products == [Cost(0, attention, 2 * (scores + seen), 0)]
    else:
        n = CELLS // 4
        one = n * 32 + 32 * n + n * n
        assert products == [Cost(0, attention // 4, 4 * 2 * 2 * one, 0)] * 4


def test_a2c2f_with_gamma() -> None:
    resolved = row("A2C2f", (512, True, 4, True, 1.2), 512, 4)
    assert row_cost(resolved).params == numbers(build_row(resolved)) == 4272944
    assert tuple(build_row(resolved).gamma.shape) == (512,)


@pytest.mark.parametrize(("c1", "c2", "p", "f"), [(64, 128, 9856, 9600), (128, 256, 36096, 35584)])
def test_scdown(c1: int, c2: int, p: int, f: int) -> None:
    resolved = row("SCDown", (c2, 3, 2), c1)
    expected = row_cost(resolved)
    assert (expected.params, expected.weight_bytes) == (p, 4 * f)
    assert expected.macs == c1 * c2 * 400 + 9 * c2 * 100
    built = build_row(resolved)
    assert numbers(built) == p
    assert conv_macs(built, torch.zeros(1, c1, 20, 20)) == expected.macs
    assert numbers(fuse(built)) == f


def test_stem_of_yolov5() -> None:
    (resolved,) = Detector((Row((-1,), 1, "Conv", (16, 6, 2, 2)),), 80, 1).resolve(640)
    assert row_cost(resolved) == Cost(1760, 1728 * 320**2, 320**2 * (4 * 3 + 16) + 1728, 4 * 1744)
    assert resolved.call.output == (16, 320, 320)
    assert build_row(resolved)(torch.zeros(1, 3, 64, 64)).shape == (1, 16, 32, 32)


@pytest.mark.parametrize("module", ["Conv", "DWConv"])
@pytest.mark.parametrize("args", [(2, 2), (3, 2), (4, 1), (6, 2), (1, 2), (5, 1)])
def test_maps_of_every_kernel_are_as_declared(module: str, args: tuple[int, int]) -> None:
    """An even kernel that is padded by half of it gives a larger map than the stride says."""
    resolved = row(module, (16, *args), 16)
    built = build_row(resolved)
    _, height, width = resolved.call.output
    assert built(torch.zeros(1, *resolved.inputs[0])).shape == (1, 16, height, width)
    assert row_cost(resolved).macs == built.conv.weight.numel() * height * width  # type: ignore[union-attr,operator]


def test_padding_and_dilation() -> None:
    assert row("Conv", (16, 3, 2, 0), 16).call.output == (16, 9, 9)
    assert row("DWConv", (16, 3, 1, 2), 16).call.output == (16, 20, 20)
    # The sixth argument is the dilation, the seventh the activation
    linear = build_row(row("Conv", (16, 3, 1, None, 1, 1, False), 16))
    assert isinstance(linear.act, nn.Identity)


@pytest.mark.parametrize(
    ("module", "channels", "p", "f", "w", "fused_w"),
    [
        (Bottleneck(64, 64), 64, 37056, 36960, 36864, 36864),
        (Bottleneck(32, 32, k=(1, 3), e=1), 32, 10368, 10304, 10240, 10240),
        (C3k(64, 64, 2), 64, 45568, 45312, 45056, 45056),
        (C3k(128, 128, 2), 128, 181248, 180736, 180224, 180224),
        (Attention(128, 2), 128, 51328, 50816, 50304, 50304),
        (Attention(64, 1), 64, 13376, 13120, 12864, 12864),
        (PSABlock(128, heads=2), 128, 117632, 116736, 115840, 115840),
        (PSABlock(256, heads=4), 256, 464640, 462848, 461056, 461056),
        (RepConvN(16, 16), 16, 2624, 2320, 2560, 2304),
        (RepConvN(32, 32), 32, 10368, 9248, 10240, 9216),
        (RepNBottleneck(16), 16, 4960, 4640, None, None),
        (RepNBottleneck(32), 32, 19648, 18496, None, None),
        (RepNCSP(32, 32, 3), 32, 17056, 16032, None, None),
        (RepNCSP(64, 64, 3), 64, 67392, 63808, None, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_parts(module: nn.Module, channels: int, p: int, f: int, w: int | None, fused_w: int | None) -> None:
    """P, F and W of section 2, of what is not a row kind."""
    module, x = randomise(copy.deepcopy(module)), torch.randn(1, channels, 20, 20)
    assert numbers(module) == p
    assert w is None or conv_macs(module, x) == w * CELLS
    with torch.no_grad():
        before = module(x)
        assert numbers(fuse(module)) == f
        torch.testing.assert_close(module(x), before, atol=1e-4, rtol=1e-4)
    assert fused_w is None or conv_macs(module, x) == fused_w * CELLS


def test_c2fcib_deploys_one_large_kernel() -> None:
    built = fuse(randomise(build_row(row("C2fCIB", (256, True, True), 384))))
    assert conv_macs(built, torch.zeros(1, 384, 20, 20)) == 276992 * CELLS


@pytest.mark.parametrize("module", [RepConvN(8, 12, g=4), RepVGGDW(8)], ids=["RepConvN", "RepVGGDW"])
def test_reparameterised_become_one_convolution(module: nn.Module) -> None:
    module, x = randomise(copy.deepcopy(module)), torch.randn(2, 8, 9, 7)
    with torch.no_grad():
        expected = nn.functional.silu(sum(part.bn(part.conv(x)) for part in module.children() if hasattr(part, "bn")))
        torch.testing.assert_close(module(x), expected)
        fused = fuse(fuse(module))  # a second time changes nothing
        torch.testing.assert_close(fused(x), expected, atol=1e-5, rtol=1e-5)
    assert set(fused.state_dict()) == {"conv.weight", "conv.bias"}


HEADS = [
    # kind, arguments after nc, channels, {nc: params}; section 3
    ("Detect", (), (64, 128, 256), {80: 897664, 3: 751897, 1: 751507}),
    ("Detect", (), (128, 256, 512), {80: 2147008, 3: 2117209, 1: 2116435}),
    ("Detect", (False,), (64, 128, 256), {80: 464912, 3: 431257, 1: 430867}),
    ("Detect", (False,), (128, 256, 512), {80: 850368, 3: 820569, 1: 819795}),
    ("SlimDetect", (64, 64, 2, False), (64, 128, 256), {3: 751897}),
    ("SlimDetect", (64, 64, 2, True), (64, 128, 256), {3: 431257}),
    # Two 3x3 of 32 channels a level, and their 1x1 with 64 and 3 outputs: 448 channels are read in all.
    ("SlimDetect", (32, 32, 1, False), (64, 128, 256), {3: 2 * 9 * 448 * 32 + 3 * (2 * 64 + 64 * 33 + 3 * 33) + 16}),
    ("v10Detect", (1,), (64, 128, 256), {80: 309656, 3: 242346}),
    ("v10Detect", (1,), (128, 256, 512), {80: 993784, 3: 934186}),
    ("v10Detect", (), (64, 128, 256), {80: 929808}),
    ("DDetect", (), (64, 96, 128), {80: 1004224}),
    ("DDetect", (), (128, 192, 256), {80: 1501888}),
    ("Detect", (), (64, 96, 128), {80: 690304}),
    ("Detect", (), (128, 192, 256), {80: 1594048}),
    ("AnchorDetect", (ANCHORS,), (64, 128, 256), {80: 115005}),
    ("AnchorDetect", (ANCHORS,), (128, 256, 512), {80: 229245}),
]


def head(kind: str, args: tuple[object, ...], channels: tuple[int, ...], nc: int) -> ResolvedRow:
    rows = [Row((-1,), 1, "Conv", (c, 3, s)) for c, s in zip(channels, (8, 2, 2), strict=True)]
    return list(Detector((*rows, Row((0, 1, 2), 1, kind, (nc, *args))), nc, 3).resolve(640))[-1]


@pytest.mark.parametrize(("kind", "args", "channels", "params"), HEADS)
def test_head_params(kind: str, args: tuple[object, ...], channels: tuple[int, ...], params: dict[int, int]) -> None:
    for nc, expected in params.items():
        resolved = head(kind, args, channels, nc)
        assert row_cost(resolved).params == expected
        assert numbers(build_row(resolved)) == expected


BIASES = [
    ("Detect", (), 2.0),
    ("SlimDetect", (32, 40, 1, True), 2.0),
    ("v10Detect", (1,), 2.0),
    ("DDetect", (), 1.0),
]


@pytest.mark.parametrize(("kind", "args", "box"), BIASES)
def test_head_biases(kind: str, args: tuple[object, ...], box: float) -> None:
    # Section 3.1, "Bias init", nc 80
    built = build_row(head(kind, args, (64, 128, 256), 80))
    for level, expected in enumerate((-11.5366, -10.1503, -8.7641)):
        for name in ("cv2", "one2one_cv2"):
            if hasattr(built, name):
                assert getattr(built, name)[level][-1].bias.unique().tolist() == [box]
                classes = getattr(built, name.replace("cv2", "cv3"))[level][-1].bias
                assert classes.unique().tolist() == pytest.approx([expected], abs=1e-4)


def test_anchor_head_biases_and_anchors() -> None:
    # Section 3.3: what is added to the random start
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built = AnchorDetect(80, ANCHORS, (64, 128, 256), strides=(8, 16, 32))
        torch.manual_seed(0)
        plain = [nn.Conv2d(c, 255, 1) for c in (64, 128, 256)]
    for branch, conv, objects in zip(built.m, plain, (-6.6846, -5.2983, -3.9120), strict=True):
        added = (branch.bias - conv.bias).detach().view(3, 85)
        expected = torch.tensor([0.0] * 4 + [objects] + [-4.8803] * 80).expand(3, 85)
        torch.testing.assert_close(added, expected, atol=1e-4, rtol=0)
    assert built.state_dict()["anchors"][1].tolist() == [[30 / 16, 61 / 16], [62 / 16, 45 / 16], [59 / 16, 119 / 16]]


def test_anchor_head_decodes() -> None:
    """Section 3.3, one box at a time: level, anchor, row, column."""
    torch.manual_seed(0)
    nc, sizes = 2, ((4, 6), (2, 3), (1, 2))
    built = AnchorDetect(nc, ANCHORS, (3, 4, 5), strides=(8, 16, 32))
    maps = [torch.randn(1, c, *size) for c, size in zip((3, 4, 5), sizes, strict=True)]
    raw = built.train()(maps)
    assert [tuple(r.shape) for r in raw] == [(1, 3, h, w, nc + 5) for h, w in sizes]
    expected = []
    for values, (height, width), anchors, stride in zip(raw, sizes, ANCHORS, (8, 16, 32), strict=True):
        for a in range(3):
            for i in range(height):
                for j in range(width):
                    tx, ty, tw, th, *rest = torch.sigmoid(values[0, a, i, j]).tolist()
                    x, y = (2 * tx - 0.5 + j) * stride, (2 * ty - 0.5 + i) * stride
                    w, h = (2 * tw) ** 2 * anchors[2 * a], (2 * th) ** 2 * anchors[2 * a + 1]
                    expected.append([x, y, w, h, *rest])
    torch.testing.assert_close(built.eval()(maps)[0], torch.tensor(expected), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("bins", [1, 16])
def test_end_to_end_selection(bins: int) -> None:
    """Section 3.1: the best k points by their best class, then the best k (point, class) pairs, as corners."""
    torch.manual_seed(0)
    nc, sizes = 3, ((20, 16), (10, 8), (5, 4))  # 420 points: more than may be found
    built = EndToEndDetect(nc, (8, 8, 8), bins, strides=(8, 16, 32))
    for level in range(3):  # scores that differ from point to point, and from those of the other branches
        built.one2one_cv3[level][-1].weight.data.normal_(0, 3)
    built.eval()
    maps = [torch.randn(2, 8, *size) for size in sizes]
    many = built(maps)
    assert tuple(many.shape) == (2, 4 + nc, 420)
    built.end2end = True
    found = built(maps)
    assert tuple(found.shape) == (2, 300, 6)
    alone = copy.deepcopy(built)
    alone.cv2, alone.cv3, alone.end2end = built.one2one_cv2, built.one2one_cv3, False
    for image, decoded in zip(found, alone(maps), strict=True):
        points = sorted(decoded.T.tolist(), key=lambda point: -max(point[4:]))[:300]
        pairs = [
            (score, [x - w / 2, y - h / 2, x + w / 2, y + h / 2], c)
            for x, y, w, h, *scores in points
            for c, score in enumerate(scores)
        ]
        pairs.sort(key=lambda pair: -pair[0])
        expected = torch.tensor([[*corners, score, c] for score, corners, c in pairs[:300]])
        torch.testing.assert_close(image[:, 4], expected[:, 4])
        torch.testing.assert_close(image, expected, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize(("end2end", "kept"), [(False, "cv"), (True, "one2one_cv")])
def test_fusing_keeps_the_branches_asked_for(end2end: bool, kept: str) -> None:
    built = randomise(EndToEndDetect(3, (8, 8, 8), 1, strides=(8, 16, 32)))
    built.end2end = end2end
    maps = [torch.randn(2, 8, size, size) for size in (8, 4, 2)]
    with torch.no_grad():
        expected = built(maps)
        fuse(built)
        torch.testing.assert_close(built(maps), expected, atol=1e-3, rtol=1e-4)
    assert {name.split(".")[0] for name in built.state_dict()} == {f"{kept}2", f"{kept}3"}


def test_one_to_one_sends_no_gradient_into_the_maps() -> None:
    built = EndToEndDetect(3, (8, 8, 8), 1, strides=(8, 16, 32)).train()
    maps = [torch.randn(2, 8, size, size, requires_grad=True) for size in (8, 4, 2)]
    many, one = built(maps)
    assert not torch.autograd.grad(one.scores.sum(), maps, allow_unused=True, retain_graph=True)[0]
    assert torch.autograd.grad(many.scores.sum(), maps)[0].abs().sum() > 0


def test_sppf_generations_differ_in_activation_and_shortcut_alone() -> None:
    older, newer = randomise(SPPF(8, 8, 5)), randomise(SPPF(8, 8, 5, 3, True))
    newer.load_state_dict(older.state_dict(), strict=True)
    x = torch.randn(1, 8, 12, 12)

    def chain(y: torch.Tensor, conv: nn.Module) -> torch.Tensor:
        maps = [y, *(nn.functional.max_pool2d(y, k, 1, k // 2) for k in (5, 9, 13))]  # pools of 5 in a chain
        return conv(torch.cat(maps, 1))

    linear = older.cv1.bn(older.cv1.conv(x))
    torch.testing.assert_close(older(x), chain(nn.functional.silu(linear), older.cv2))
    torch.testing.assert_close(newer(x), x + chain(linear, newer.cv2))
    assert len(SPPF(8, 8, 5, 2).eval()(x)) == 1 and SPPF(8, 8, 5, 2).cv2.conv.in_channels == 12


def attend(values: torch.Tensor, heads: int, key: int, value: int, tokens: list[range]) -> torch.Tensor:
    """Section 2's formula, channel by channel and run by run: qkv (C, N) -> (heads * value, N)."""
    out = torch.zeros(heads * value, values.shape[1])
    for head_index in range(heads):
        start = head_index * (2 * key + value)
        q, k, v = values[start : start + 2 * key + value].split((key, key, value))
        for run in tokens:
            for i in run:
                weights = torch.stack([q[:, i] @ k[:, j] / math.sqrt(key) for j in run]).softmax(0)
                out[head_index * value : (head_index + 1) * value, i] = v[:, run.start : run.stop] @ weights
    return out


@pytest.mark.parametrize(
    ("module", "heads", "key", "value", "areas"),
    [(Attention(12, 3), 3, 2, 4, 1), (Attention(8, 2, 0.25), 2, 1, 4, 1), (AAttn(12, 3, 2), 3, 4, 4, 2)],
)
def test_attention(module: nn.Module, heads: int, key: int, value: int, areas: int) -> None:
    module = randomise(copy.deepcopy(module))
    x = torch.randn(1, heads * value, 4, 3)
    with torch.no_grad():
        qkv = 3 * module.qkv(x)[0].flatten(1)  # far from uniform weights
        module.qkv.bn.weight *= 3
        module.qkv.bn.bias *= 3
        run = 12 // areas
        seen = attend(qkv, heads, key, value, [range(i, i + run) for i in range(0, 12, run)]).view(x.shape)
        # the values lie behind queries and keys of each head
        parts = qkv.view(heads, 2 * key + value, 12)[:, 2 * key :].reshape(x.shape)
        torch.testing.assert_close(module(x), module.proj(seen + module.pe(parts)), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("module", "args", "message"),
    [
        ("Conv", (32, 3, 1, None, 3), "3 groups must divide the channels 16 and 32"),
        ("Conv", (32, 3, 1, None, 1, 0), "kernel, stride and dilation must be 1 or more"),
        ("Conv", (32, 99, 1, 0), "a kernel of 99 is larger than the map of 8 x 8"),
        ("C2PSA", (24,), "keeps its channels: 16 in, 24 out"),
        ("PSA", (16, 12.5), "3 heads, one for every 64 channels, must divide 200"),
        ("A2C2f", (48, True, 4), "24, must be a multiple of 32"),
        ("A2C2f", (64, True, 3), "3 areas must divide the"),
        ("A2C2f", (64, True, 4, True), "keeps its channels: 16 in, 64 out"),
        ("RepNCSPELAN4", (32, 15, 8, 1), "must be even, not 15"),
        ("ADown", (15,), "16 and 15 must be even"),
    ],
)
def test_what_cannot_be_is_refused(module: str, args: tuple[object, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        row_cost(row(module, args, 16))


def test_halving_rows_are_not_repeated() -> None:
    with pytest.raises(ModelError, match="repeats need an output of the input's shape"):
        row("AConv", (16,), 16, 2)


def test_heads_take_equal_numbers_of_anchors() -> None:
    with pytest.raises(ModelError, match="of as many for each of 3 levels"):
        head("AnchorDetect", ((ANCHORS[0], ANCHORS[1], ANCHORS[2][:4]),), (8, 8, 8), 3)


def test_attention_refuses_heads_that_do_not_divide() -> None:
    with pytest.raises(ValueError, match="5 heads must divide the channels 64"):
        Attention(64, 5)
    with pytest.raises(ValueError, match="5 heads must divide the channels 64"):
        AAttn(64, 5)
    with pytest.raises(ValueError, match="4 areas must divide the 3 x 3 positions"):
        A2C2f(16, 64, area=4).eval()(torch.zeros(1, 16, 3, 3))


# Section 5.1: params, fused params, conv MACs, fused conv MACs, attention, DFL, state-dict entries, fused
TOTALS = {
    "yolov5n": (1872157, 1867405, 2234060800, 2234060800, 0, 0, 349, 121),
    "yolov5s": (7235389, 7225885, 8216780800, 8216780800, 0, 0, 349, 121),
    "yolov8n": (3157200, 3151904, 4371456000, 4371456000, 0, 537600, 355, 127),
    "yolov8s": (11166560, 11156544, 14300774400, 14300774400, 0, 537600, 355, 127),
    "yolo11n": (2624080, 2616248, 3239993600, 3239993600, 30720000, 537600, 499, 175),
    "yolo11s": (9458752, 9443760, 10732902400, 10732902400, 61440000, 537600, 499, 175),
    "yolo12n": (2602288, 2590824, 3243424000, 3243424000, 491520000, 537600, 691, 239),
    "yolo26n": (2572280, 2408932, 2979187200, 2678713600, 61440000, 0, 708, 204),
    "gelan-t": (2442640, 2407632, 4949401600, 4908236800, 0, 537600, 1339, 371),
    "gelan-s": (7226208, 7105888, 13353779200, 13189120000, 0, 537600, 1339, 371),
    "yolov5n, Ultralytics": (2654816, 2649200, 3861913600, 3861913600, 0, 537600, 427, 151),
    "yolov9t, Ultralytics": (2128720, 2094000, 4154982400, 4113817600, 0, 537600, 1339, 371),
    "yolov9s, Ultralytics": (7318368, 7198048, 13611827200, 13447168000, 0, 537600, 1339, 371),
}
# "More unfused golds"
PARAMS = {"yolo12s": 9284096, "yolo26s": 10009784, "yolov10n": 2775520, "yolov5s, Ultralytics": 9153152}


@pytest.mark.parametrize("name", TOTALS)
def test_whole_detectors(name: str) -> None:
    params, fused_params, macs, fused_macs, attention, dfl, entries, fused_entries = TOTALS[name]
    closed = cost(STOCK[name], 640)
    assert (closed.params, closed.weight_bytes, closed.macs) == (params, 4 * fused_params, macs + attention + dfl)
    network = Network(STOCK[name])
    assert numbers(network) == params
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == params - (16 if dfl else 0)
    assert len(network.state_dict()) == entries
    images = torch.zeros(1, 3, 640, 640, device="meta")
    # In training both branches of yolo26n's head run.
    assert conv_macs(copy.deepcopy(network).train().to("meta"), images) == macs
    fused = fuse(network)
    assert numbers(fused) == fused_params
    assert len(fused.state_dict()) == fused_entries
    assert conv_macs(fused.to("meta"), images) == fused_macs


@pytest.mark.parametrize("name", PARAMS)
def test_params_of_more_detectors(name: str) -> None:
    assert cost(STOCK[name]).params == PARAMS[name] == numbers(Network(STOCK[name]))


@pytest.mark.parametrize(
    ("detector", "params"),
    [
        (yolov8("n", 1), 3011043),
        (yolov8("n", 3), 3011433),
        (yolov8("n", 20), 3014748),
        (yolo11("n", 1), 2590035),
        (yolo11("n", 3), 2590425),
        (yolo11("n", 20), 2593740),
        (yolo12("n", 1), 2568243),
        (yolo12("n", 3), 2568633),
        (yolo12("n", 20), 2571948),
        (yolo11("n", 1, newer=True), 2504190),
        (yolo11("n", 3, newer=True), 2504970),
        (yolo11("n", 20, newer=True), 2511600),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_other_classes(detector: Detector, params: int) -> None:
    assert cost(detector).params == params


# Sections 5.2 to 5.7: params, fused params, conv MMAC and params of scale s, of the rows that have any
TABLES: dict[str, list[tuple[int, int, float, int]]] = {
    "yolov8": [
        (464, 448, 44.2368, 928),
        (4672, 4640, 117.9648, 18560),
        (7360, 7264, 183.5008, 29056),
        (18560, 18496, 117.9648, 73984),
        (49664, 49408, 314.5728, 197632),
        (73984, 73856, 117.9648, 295424),
        (197632, 197120, 314.5728, 788480),
        (295424, 295168, 117.9648, 1180672),
        (460288, 459520, 183.5008, 1838080),
        (164608, 164224, 65.536, 656896),
        (148224, 147840, 235.9296, 591360),
        (37248, 37056, 235.9296, 148224),
        (36992, 36928, 58.9824, 147712),
        (123648, 123264, 196.608, 493056),
        (147712, 147584, 58.9824, 590336),
        (493056, 492288, 196.608, 1969152),
        (897664, 896800, 1810.6368, 2147008),
    ],
    "yolo11": [
        (464, 448, 44.2368, 928),
        (4672, 4640, 117.9648, 18560),
        (6640, 6520, 163.84, 26080),
        (36992, 36928, 235.9296, 147712),
        (26080, 25840, 163.84, 103360),
        (147712, 147584, 235.9296, 590336),
        (87040, 86528, 137.6256, 346112),
        (295424, 295168, 117.9648, 1180672),
        (346112, 345088, 137.6256, 1380352),
        (164608, 164224, 65.536, 656896),
        (249728, 248320, 98.7648, 990976),
        (111296, 110944, 176.9472, 443776),
        (32096, 31920, 203.1616, 127680),
        (36992, 36928, 58.9824, 147712),
        (86720, 86368, 137.6256, 345472),
        (147712, 147584, 58.9824, 590336),
        (378880, 377856, 150.7328, 1511424),
        (464912, 463360, 934.304, 850368),
    ],
    "yolo12": [
        (464, 448, 44.2368, 0),
        (4672, 4640, 117.9648, 0),
        (6640, 6520, 163.84, 0),
        (36992, 36928, 235.9296, 0),
        (26080, 25840, 163.84, 0),
        (147712, 147584, 235.9296, 0),
        (180864, 178624, 282.2144, 0),
        (295424, 295168, 117.9648, 0),
        (689408, 684928, 272.1792, 0),
        (86912, 86464, 137.6256, 0),
        (24000, 23776, 150.7328, 0),
        (36992, 36928, 58.9824, 0),
        (74624, 74176, 117.9648, 0),
        (147712, 147584, 58.9824, 0),
        (378880, 377856, 150.7328, 0),
        (464912, 463360, 934.304, 0),
    ],
    "yolov5": [
        (1760, 1744, 176.9472, 3520),
        (4672, 4640, 117.9648, 18560),
        (4800, 4704, 117.9648, 18816),
        (18560, 18496, 117.9648, 73984),
        (29184, 28928, 183.5008, 115712),
        (73984, 73856, 117.9648, 295424),
        (156928, 156288, 249.0368, 625152),
        (295424, 295168, 117.9648, 1180672),
        (296448, 295680, 117.9648, 1182720),
        (164608, 164224, 65.536, 656896),
        (33024, 32896, 13.1072, 131584),
        (90880, 90496, 144.1792, 361984),
        (8320, 8256, 13.1072, 33024),
        (22912, 22720, 144.1792, 90880),
        (36992, 36928, 58.9824, 147712),
        (74496, 74112, 117.9648, 296448),
        (147712, 147584, 58.9824, 590336),
        (296448, 295680, 117.9648, 1182720),
        (115005, 115005, 182.784, 229245),
    ],
    "gelan": [
        (464, 448, 44.2368, 928),
        (4672, 4640, 117.9648, 18560),
        (7872, 7776, 196.608, 31104),
        (18560, 18496, 117.9648, 73984),
        (65216, 62976, 409.6, 258432),
        (55488, 55392, 88.4736, 221568),
        (145824, 141312, 230.4, 579648),
        (110848, 110720, 44.2368, 442880),
        (258432, 250880, 102.4, 1028864),
        (41344, 41152, 16.384, 164608),
        (158112, 153600, 250.0608, 628800),
        (71360, 69120, 448.9216, 283008),
        (27744, 27696, 44.2368, 110784),
        (150432, 145920, 237.7728, 598080),
        (55424, 55360, 22.1184, 221440),
        (266624, 259072, 105.6768, 1061632),
        (1004224, 1003072, 2472.3456, 1501888),
    ],
}
PRODUCTS = {"yolo11": {10: 30.72}, "yolo12": {6: 327.68, 8: 163.84}}
"""MMAC of attention by row."""


@pytest.mark.parametrize("name", TABLES)
def test_rows_of_whole_detectors(name: str) -> None:
    smallest = "t" if name == "gelan" else "n"
    build = {"yolov8": yolov8, "yolo11": yolo11, "yolo12": yolo12, "yolov5": yolov5, "gelan": gelan}[name]
    found = []
    for resolved in build(smallest).resolve(640):
        closed = row_cost(resolved)
        if closed.params:
            products = PRODUCTS.get(name, {}).get(resolved.index, 0)
            dfl = 0.5376 if resolved.row.module in {"Detect", "DDetect"} else 0
            found.append((closed.params, closed.weight_bytes / 4, pytest.approx(closed.macs / 1e6 - products - dfl)))
            assert numbers(build_row(resolved)) == closed.params
    assert [row[:3] for row in TABLES[name]] == found
    small = [row_cost(resolved).params for resolved in build("s").resolve(640)]
    if name != "yolo12":
        assert [row[3] for row in TABLES[name]] == [params for params in small if params]


def test_rows_of_yolo26n() -> None:
    # Section 5.5
    rows = list(STOCK["yolo26n"].resolve(640))
    found = {r.index: (row_cost(r).params, row_cost(r).weight_bytes // 4, row_cost(r).macs) for r in rows}
    assert found[9] == (164608, 164224, 65_536_000)
    assert found[13] == (119808, 119296, 190_054_400)
    assert found[16] == (34304, 34048, 216_268_800)
    assert found[19] == (95232, 94720, 150_732_800)
    assert found[22] == (463104, 461504, 183_961_600 + 30_720_000)
    assert found[23] == (309656, 153564, 600_947_200)


def test_state_dict_keys() -> None:
    """Section 6.9, and the names that section 2 gives to the parts."""
    keys = {name: set(Network(STOCK[name]).state_dict()) for name in ("yolov8n", "yolo26n", "yolo12n", "gelan-t")}
    assert {"model.2.m.0.cv1.conv.weight", "model.22.cv3.1.2.bias", "model.22.dfl.conv.weight"} <= keys["yolov8n"]
    assert {
        "model.22.m.0.0.cv1.conv.weight",
        "model.22.m.0.1.attn.qkv.conv.weight",
        "model.22.m.0.1.ffn.1.bn.bias",
        "model.10.m.0.attn.pe.conv.weight",
        "model.23.cv3.0.1.1.bn.weight",
        "model.23.one2one_cv3.2.0.0.conv.weight",
    } <= keys["yolo26n"]
    assert {"model.6.m.1.0.attn.proj.bn.bias", "model.6.m.0.1.mlp.1.conv.weight"} <= keys["yolo12n"]
    assert "model.4.cv2.0.m.2.cv1.conv2.bn.running_mean" in keys["gelan-t"]
    assert not any("gamma" in key for key in keys["yolo12n"])
