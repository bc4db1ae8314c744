"""The light blocks: ShuffleNetV2, depthwise-separable, UIB, Ghost, GSConv, StarNet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nas.detectors.costs import row_cost
from nas.detectors.network import build_row, fuse
from nas.operators.base import conv_cost, total
from nas.operators.modules.conv import Conv
from nas.operators.modules.dwsep import DWBlock
from nas.operators.modules.ghost import GhostBlock, GhostConv
from nas.operators.modules.gsconv import GSBlock, GSConv
from nas.operators.modules.shuffle import channel_shuffle
from nas.operators.modules.shufflev2 import ShuffleV2Block, ShuffleV2Down
from nas.operators.modules.star import StarBlock
from nas.operators.modules.uib import UIBBlock
from nas.operators.registry import FAMILIES, OPERATORS
from nas.operators.star import StarBlockOperator
from nas.spaces.architecture import Architecture, choose, decode
from tests.operators.helpers import counted, numbers, randomise, row
from tests.operators.networks import shufflenet, shufflenet_cost

LIGHT = ("shufflev2", "dwsep", "uib", "ghost", "gsconv", "star")


# --- Blocks: parameters, parameters with norms folded, weights. All their convolutions run on the output map.


@pytest.mark.parametrize(
    ("module", "args", "channels", "params", "fused", "weights"),
    [
        # 2,528 parameters of which 192 are the norms', 934,400 MACs; v2* adds 9 * 32 weights
        ("ShuffleV2Block", (64,), 64, 2528, 2432, 2336),
        ("ShuffleV2Block", (64, 4), 64, 2528, 2432, 2336),
        ("ShuffleV2Block", (64, 2, 1), 64, 2880, 2752, 2624),
        # parameters, fused parameters and weights of the stock modules; a GSConv has the same convolutions
        ("GhostConv", (32, 3, 2), 16, 2768, 2736, 2704),
        ("GhostConv", (128, 3, 2), 64, 38720, 38592, 38464),
        ("GSConv", (32, 3, 2), 16, 2768, 2736, 2704),
        # 3x3 on an eighth of 128 and 1x1 on the others, twice; deployed, the 1x1 kernel has all entries
        ("HetBlock", (128, 8), 128, 2 * (18432 + 14336 + 256), 2 * (18432 + 16384 + 128), 2 * (18432 + 14336)),
        ("DualBlock", (128, 8), 128, 2 * (18432 + 16384 + 256), 2 * (18432 + 16384 + 128), 2 * (18432 + 16384)),
        ("GhostBlock", (32,), 32, 1208, 1160, 1112),
        ("GhostBlock", (64,), 64, 3440, 3344, 3248),
        ("C3Ghost", (32,), 32, 2652, 2564, 2476),
        ("C3Ghost", (128, False), 384, 69488, 69136, 68784),
        # 1x1 64->16, 5x5 of 16; 3x3 32->32, 5x5 of 32
        ("GSBlock", (64,), 64, 11632, 11536, 1024 + 400 + 9216 + 800),
        # k x k of 64, 1x1 64->64
        ("DWBlock", (64,), 64, 4928, 4800, 576 + 4096),
        ("DWBlock", (64, 5), 64, 5952, 5824, 1600 + 4096),
        # 1x1 64->128->64, and 3x3 of 64 before or of 128 in the middle: FFN, IB, ConvNext-like, ExtraDW
        ("UIBBlock", (64, 0, 0), 64, 16768, 16576, 16384),
        ("UIBBlock", (64,), 64, 18176, 17856, 16384 + 1152),
        ("UIBBlock", (64, 3, 0), 64, 17472, 17216, 16384 + 576),
        ("UIBBlock", (64, 3, 3), 64, 18880, 18496, 16384 + 1152 + 576),
        ("UIBBlock", (64, 3, 5, 4), 64, 33408 + 704 + 6912, 33088 + 640 + 6656, 32768 + 576 + 6400),
        # 7x7 of 64 with norm, twice 1x1 64->192 with bias, 1x1 192->64 with norm, 7x7 of 64 with bias
        ("StarBlock", (64,), 64, 3264 + 24960 + 12416 + 3200, 3200 + 24960 + 12352 + 3200, 3136 + 24576 + 12288 + 3136),
    ],
)
def test_counts(module: str, args: tuple[object, ...], channels: int, params: int, fused: int, weights: int) -> None:
    resolved = row(module, args, channels)
    cost, (_, height, width) = row_cost(resolved), resolved.call.output
    assert (cost.params, cost.macs) == (params, weights * height * width)
    assert cost.weight_bytes == 4 * fused
    built = build_row(resolved)
    assert numbers(built) == params
    assert numbers(fuse(built)) == fused


def test_costs_of_the_stride_1_unit() -> None:
    cost = row_cost(row("ShuffleV2Block", (64,), 64))
    assert (cost.params, cost.macs) == (2_528, 934_400)
    # memory access: two 1x1 and a depthwise 3x3, each with 32 channels in and out, and their kernels
    assert cost.memory_access == 3 * 400 * 64 + 2336


def test_counts_of_the_stride_2_unit() -> None:
    # 24 -> 116: project 3x3 of 24, 1x1 24->58; branch 1x1 24->58 on the whole map, 3x3 of 58, 1x1 58->58
    resolved = row("ShuffleV2Down", (116,), 24)
    assert resolved.call.output == (116, 10, 10)
    assert row_cost(resolved).params == 216 + 48 + 1392 + 116 + 1392 + 116 + 522 + 116 + 3364 + 116
    assert row_cost(resolved).macs == 1392 * 400 + (216 + 1392 + 522 + 3364) * 100
    starred = row("ShuffleV2Down", (116, 1), 24)
    assert row_cost(starred).params == row_cost(resolved).params + 216 + 48
    for each in (resolved, starred):
        assert numbers(build_row(each)) == row_cost(each).params
        assert counted(build_row(each), torch.zeros(1, 24, 20, 20)) == row_cost(each).macs


def test_the_stride_2_unit_rounds_up_and_is_not_repeated() -> None:
    operator = OPERATORS["ShuffleV2Down"]
    assert operator.resolve([(8, 7, 5)], 1, (16,)).output == (16, 4, 3)
    assert ShuffleV2Down(8, 16).eval()(torch.zeros(1, 8, 7, 5)).shape == (1, 16, 4, 3)
    with pytest.raises(ValueError, match="repeats need an output"):
        operator.resolve([(16, 8, 8)], 2, (16,))


# --- The shuffle


def test_shuffle_of_8_channels_in_2_groups() -> None:
    x = torch.arange(8.0).view(1, 8, 1, 1)
    assert channel_shuffle(x, 2).flatten().tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
    assert channel_shuffle(x, 4).flatten().tolist() == [0, 2, 4, 6, 1, 3, 5, 7]


@pytest.mark.parametrize(("channels", "order"), [(4, 2), (8, 3), (16, 4), (116, 44)])
def test_order_of_the_shuffle_in_2_groups(channels: int, order: int) -> None:
    # It is its own inverse for 4 channels only. Channel i goes to 2 i modulo C - 1, so the order is that of 2 there.
    assert pow(2, order, channels - 1) == 1
    start = torch.arange(float(channels)).view(1, channels, 1, 1)
    x, steps = channel_shuffle(start, 2), 1
    while not torch.equal(x, start):
        x, steps = channel_shuffle(x, 2), steps + 1
    assert steps == order


@given(st.integers(1, 12), st.integers(1, 12))
def test_shuffle_back(groups: int, size: int) -> None:
    x = torch.randn(2, groups * size, 2, 3)
    assert torch.equal(channel_shuffle(channel_shuffle(x, groups), size), x)


# --- What the units compute


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_stride_1_unit_passes_half_of_its_channels(groups: int) -> None:
    unit = randomise(ShuffleV2Block(16, groups))
    x = torch.randn(2, 16, 6, 6)
    first, second = channel_shuffle(unit(x), 16 // groups).chunk(2, 1)
    assert torch.equal(first, x[:, :8])
    torch.testing.assert_close(second, unit.branch(x[:, 8:]))


@pytest.mark.parametrize(("groups", "convolved"), [(1, 8), (2, 15), (16, 8)])
def test_shuffled_units_convolve_every_channel_but_the_first(groups: int, convolved: int) -> None:
    """S5: with one group, or one channel a group, half of the channels pass through the whole network untouched. A
    shuffle leaves the first channel where it is."""
    network = randomise(nn.Sequential(*(ShuffleV2Block(16, groups) for _ in range(4))))
    x = torch.randn(1, 16, 5, 5, requires_grad=True)
    network(x).sum().backward()
    assert x.grad is not None
    assert int((x.grad != 1).flatten(2).any(2).sum()) == convolved


@given(st.sampled_from(["plain", "csp"]), st.integers(1, 64), st.sampled_from([2, 4, 8, 16, 32, 64]))
def test_the_searched_shuffle_is_not_the_identity(shell: str, eighths: int, groups: int) -> None:
    # S5: neither one group nor one channel a group remains after the repair
    chosen = FAMILIES["shufflev2"].canonical(shell, 8 * eighths, {"groups": groups, "star": 0})
    width = 8 * eighths // (2 if shell == "csp" else 1)
    x = torch.arange(float(width)).view(1, width, 1, 1)
    assert not torch.equal(channel_shuffle(x, int(chosen["groups"])), x)
    ShuffleV2Block(width, **chosen)


def test_depthwise_is_depthwise() -> None:
    # S5: one filter a channel, whatever the groups of the shuffle; and no activation after it
    for unit, half in ((ShuffleV2Block(16, 4), 8), (ShuffleV2Block(16, 2, 1), 8), (ShuffleV2Down(12, 20), 10)):
        for conv in unit.modules():
            if isinstance(conv, Conv) and conv.conv.kernel_size == (3, 3):
                assert conv.conv.weight.shape[1] == 1
                assert isinstance(conv.act, nn.Identity)
        assert [conv.conv.out_channels for conv in list(unit.branch)[-3:]] == [half] * 3
    for block in (DWBlock(16), UIBBlock(16, 3, 3), StarBlock(16), GhostBlock(16), GSBlock(16)):
        spatial = [m for m in block.modules() if isinstance(m, nn.Conv2d) and m.kernel_size != (1, 1)]
        # GSBlock has one dense 3x3 on purpose.
        assert [m for m in spatial if m.weight.shape[1] > 1] == (
            [block.cv2.cv1.conv] if isinstance(block, GSBlock) else []
        )


@pytest.mark.parametrize("star", [0, 1])
def test_stride_2_branches_give_half_each(star: int) -> None:
    # S7: the main branch narrows or widens to c2 / 2 in its first 1x1 already
    unit = ShuffleV2Down(24, 116, star)
    first = unit.branch[star]
    assert isinstance(first, Conv)
    assert first.conv.kernel_size == (1, 1)
    assert (first.conv.in_channels, first.conv.out_channels) == (24, 58)
    randomise(unit)
    x = torch.randn(2, 24, 8, 8)
    torch.testing.assert_close(unit(x)[:, 0::2], unit.project(x))
    torch.testing.assert_close(unit(x)[:, 1::2], unit.branch(x))


def test_forms_of_the_inverted_bottleneck() -> None:
    """FFN, inverted bottleneck, ConvNext-like, ExtraDW: four functions, told apart by how far and where they look."""
    seen = {}
    for form, args in {"ffn": (0, 0), "ib": (0, 5), "convnext": (3, 0), "extradw": (3, 5)}.items():
        block = randomise(UIBBlock(8, *args))
        x = torch.randn(1, 8, 11, 11, requires_grad=True)
        block(x)[0, 0, 5, 5].backward()
        assert x.grad is not None
        convs = [m for m in block.modules() if isinstance(m, Conv)]
        kernels, acts = [m.conv.kernel_size[0] for m in convs], [isinstance(m.act, nn.SiLU) for m in convs]
        seen[form] = (int((x.grad[0].abs().sum(0)[5] > 0).sum()), kernels, acts)
    assert seen == {
        "ffn": (1, [1, 1], [True, False]),
        "ib": (5, [1, 5, 1], [True, True, False]),
        "convnext": (3, [3, 1, 1], [False, True, False]),
        "extradw": (7, [3, 1, 5, 1], [False, True, True, False]),
    }


def test_ghost_and_gs_convolutions_differ_by_the_shuffle() -> None:
    ghost, gs = randomise(GhostConv(6, 8, 3)), GSConv(6, 8, 3).eval()
    gs.load_state_dict(ghost.state_dict())
    x = torch.randn(2, 6, 5, 5)
    primary = ghost.cv1(x)
    torch.testing.assert_close(ghost(x), torch.cat((primary, ghost.cv2(primary)), 1))
    torch.testing.assert_close(gs(x), channel_shuffle(ghost(x), 2))
    torch.testing.assert_close(gs(x)[:, 0::2], primary)


def test_ghost_keys_are_the_stock_ones() -> None:
    # conv.1 and the shortcut are identities at stride 1 and have no keys
    keys = {key.rsplit(".", 2)[0] for key in GhostBlock(16).state_dict()}
    assert keys == {"conv.0.cv1", "conv.0.cv2", "conv.2.cv1", "conv.2.cv2"}
    keys = {key.rsplit(".", 2)[0] for key in build_row(row("C3Ghost", (24,), 16)).state_dict()}
    assert {"cv1", "cv2", "cv3", "m.0.conv.0.cv1"} <= keys


def test_star_is_a_product_of_affine_maps() -> None:
    block = randomise(StarBlock(8))
    x = torch.randn(2, 8, 9, 9)
    y = block.dw1(x)
    product = block.f1(y).clamp(0, 6) * block.f2(y)
    torch.testing.assert_close(block(x) - x, block.dw2(block.g(product)))
    assert block.f1.bias is not None and block.f2.bias is not None and block.dw2.bias is not None


@pytest.mark.parametrize(
    ("module", "args", "message"),
    [
        (ShuffleV2Block, (7,), "2 and the 2 groups must divide the 7"),
        (ShuffleV2Block, (8, 3), "the 3 groups must divide the 8"),
        (ShuffleV2Block, (8, 0), "0 groups"),
        (ShuffleV2Down, (8, 15), "must be even, not 15"),
        (GhostConv, (8, 15), "GhostConv: the output channels must be even, not 15"),
        (GSConv, (8, 15), "GSConv: the output channels must be even, not 15"),
        (GhostBlock, (6,), "4 must divide the channels, not 6"),
        (GSBlock, (6,), "4 must divide the channels, not 6"),
        (DWBlock, (8, 4), "must be odd, not 4"),
        (DWBlock, (8, 0), "must be odd, not 0"),
        (UIBBlock, (8, 2, 3), "must be odd, not 2"),
        (UIBBlock, (8, 3, 4), "must be odd, not 4"),
    ],
)
def test_refused(module: type[nn.Module], args: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        module(*args)


@pytest.mark.parametrize("key", LIGHT)
def test_architecture_strings_name_the_blocks(key: str) -> None:
    parameters = {name: min(p.high, 3) for name, p in FAMILIES[key].parameters.items() if not p.divisor}
    for shell in ("plain", "csp"):
        widths_and_depths = ((32, 1), (64, 2), (128, 2), (256, 1))
        stages = tuple(choose(key, shell, c, n, parameters | {"groups": 2}) for c, n in widths_and_depths)
        architecture = Architecture("yolov8n", stages)
        assert decode(str(architecture)) == architecture
        rows = list(architecture.detector(3).resolve())
        assert [rows[i].call.output[0] for i in (2, 4, 6, 8)] == [32, 64, 128, 256]


# --- Published networks


def test_units_per_stage() -> None:
    # S6: two units a stage are another network
    kinds = [type(m) for m in shufflenet((48, 96, 192), 1024) if isinstance(m, ShuffleV2Down | ShuffleV2Block)]
    starts = [i for i, kind in enumerate(kinds) if kind is ShuffleV2Down]
    assert starts == [0, 4, 12]
    assert len(kinds) == 16
    for widths, last in (((48, 96, 192), 1024), ((244, 488, 976), 2048)):
        assert shufflenet_cost(widths, last, (2, 2, 2)).params < shufflenet_cost(widths, last).params


TORCHVISION = """
import sys, torch
from nas.integrations.torchvision import patch_torchvision
patch_torchvision()
from torchvision.models import shufflenet_v2_x1_0
torch.manual_seed(0)
model = shufflenet_v2_x1_0(weights=None).eval()
for name, value in model.state_dict().items():
    if name.endswith("running_mean"):
        value.uniform_(-0.2, 0.2)
    elif name.endswith("running_var"):
        value.uniform_(0.5, 1.5)
x = torch.randn(2, 3, 96, 96)
with torch.no_grad():
    torch.save({"state": model.state_dict(), "x": x, "y": model(x)}, sys.argv[1])
"""


def test_shufflenet_computes_what_torchvisions_does(tmp_path: Path) -> None:
    """Its weights in our network give its outputs. In a process of its own: torchvision may have to be mended."""
    result = subprocess.run(
        [sys.executable, "-c", TORCHVISION, str(tmp_path / "tv.pt")], capture_output=True, text=True, check=False
    )
    if result.returncode:
        pytest.skip(f"torchvision cannot be imported: {result.stderr.strip().splitlines()[-1]}")
    content = torch.load(tmp_path / "tv.pt", weights_only=True)
    network = shufflenet((116, 232, 464), 1024)
    for part in network.modules():
        if isinstance(part, Conv) and isinstance(part.act, nn.SiLU):
            part.act = nn.ReLU()  # the paper's activation
    # Both list the parts of a unit in the same order, so the names are all that differs.
    own, theirs = network.state_dict(), content["state"]
    network.load_state_dict(dict(zip(own, theirs.values(), strict=True)))
    network.eval()
    with torch.no_grad():
        torch.testing.assert_close(network(content["x"]), content["y"], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(fuse(network)(content["x"]), content["y"], atol=1e-4, rtol=1e-4)


# First width, blocks a stage; millions of parameters and MACs at 224 x 224 as published.
STARNETS = {"S1": (24, (2, 2, 8, 3), 2.9, 425), "S2": (32, (1, 2, 6, 2), 3.7, 547), "S3": (32, (2, 2, 8, 4), 5.8, 757)}


@pytest.mark.parametrize("name", STARNETS)
def test_starnet(name: str) -> None:
    """Rewrite the Stars, figure 3: stem of 32, a 3x3 of stride 2 before each stage, twice as wide; expansion 4.

    The published networks have biases before their norms too, and are counted by fvcore, a norm at two a cell.
    """
    width, depths, params, mmacs = STARNETS[name]
    costs, normed, biases, before = [conv_cost(3, 3, 32, (112, 112), stride=2)], 32 * 112**2, 32, 32
    for stage, depth in enumerate(depths):
        channels, side = width * 2**stage, 56 // 2**stage
        costs.append(conv_cost(3, before, channels, (side, side), stride=2))
        costs += StarBlockOperator.costs(channels, 4, grid=(side, side)) * depth
        normed += (1 + 2 * depth) * channels * side**2
        biases += (1 + 2 * depth) * channels
        before = channels
    # The last norm, and the classifier.
    cost = total([*costs, conv_cost(1, before, 1000, (1, 1), after="bias")])
    assert round((cost.params + biases + 2 * before) / 1e6, 1) == params
    assert round((cost.macs + 2 * normed) / 1e6) == mmacs
