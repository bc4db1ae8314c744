"""DSConv against its definition (ICCV 2019, section 3): codes, scales, packing, folding, training, export."""

from __future__ import annotations

import collections
import copy
import math
import warnings
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nas.detectors.costs import row_cost
from nas.detectors.network import build_row, fuse
from nas.detectors.rows import Detector, Row
from nas.operators.base import conv_cost
from nas.operators.dsconv import ds_cost, packed_size
from nas.operators.modules.conv import Conv
from nas.operators.modules.dsconv import DSBlock, DSConv, dequantize, packed, quantize, unpacked
from nas.operators.registry import FAMILIES

WEIGHTS = st.builds(
    lambda shape, seed: torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64),
    st.tuples(st.integers(1, 4), st.integers(1, 20), st.sampled_from([1, 3]), st.sampled_from([1, 3])),
    st.integers(0, 10_000),
)
BITS, BLOCKS = st.integers(2, 8), st.integers(1, 24)


def blocks(x: torch.Tensor, block: int) -> tuple[torch.Tensor, ...]:
    """Split along input channels, the last one as short as it is."""
    return x.split(block, 1)


def used(module: DSConv | DSBlock) -> Any:
    """In evaluation, with batch norms that are not the identity: scales of both signs, and one zero."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.weight.data.uniform_(-1.5, 1.5)
            norm.weight.data[1] = 0
            norm.bias.data.uniform_(-0.5, 0.5)
            norm.running_mean.uniform_(-0.5, 0.5)  # type: ignore[union-attr]
            norm.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    return module.eval()


def test_clamp_keeps_the_code_in_its_bits_and_refits_the_scale() -> None:
    # The last golden vector: 4 is no 3-bit code. By hand: q = -4, 3, 0, -1; sum w q = -7.05, sum q^2 = 26.
    _, q, alpha = quantize(torch.tensor([1, -0.95, 0.1, 0.2]).view(1, 4, 1, 1), 3, 4)
    assert q.flatten().tolist() == [-4, 3, 0, -1]
    assert alpha.item() == pytest.approx(-7.05 / 26)


@settings(max_examples=60, deadline=None)
@given(WEIGHTS, BITS, BLOCKS, st.booleans())
def test_alpha_is_least_squares(weight: torch.Tensor, bits: int, block: int, clamp: bool) -> None:
    s, q, alpha = quantize(weight, bits, block, clamp)
    assert s.shape == alpha.shape == (weight.shape[0], math.ceil(weight.shape[1] / block), *weight.shape[2:])
    assert torch.equal(q, q.round())
    assert q.min() >= -(2 ** (bits - 1))
    assert q.max() <= 2 ** (bits - 1) - (1 if clamp else 0)
    residual = weight - dequantize(q, alpha, block)
    for r, codes in zip(blocks(residual, block), blocks(q, block), strict=True):
        assert (r * codes).sum(1).abs().max() < 1e-12 * 4**bits


@settings(max_examples=60, deadline=None)
@given(WEIGHTS, BITS, BLOCKS)
def test_rounding_error(weight: torch.Tensor, bits: int, block: int) -> None:
    s, q, alpha = quantize(weight, bits, block, clamp=False)
    _, clamped, refitted = quantize(weight, bits, block)
    for index, (w, codes, short) in enumerate(
        zip(blocks(weight, block), blocks(q, block), blocks(clamped, block), strict=True)
    ):
        bound = w.abs().amax(1, keepdim=True) / 2**bits  # half a step
        step = s[:, index : index + 1]
        assert ((w - codes / step).abs() <= bound * (1 + 1e-9)).all()
        assert ((w - short / step).abs() <= 2 * bound * (1 + 1e-9)).all()  # where the clamp took the last half
        # Least squares is at least as near as the rounding that it starts from.
        for chosen, scale in ((codes, alpha), (short, refitted)):
            fitted = (w - scale[:, index : index + 1] * chosen).square().sum(1)
            assert (fitted <= (w - chosen / step).square().sum(1) + 1e-12).all()


@settings(max_examples=40, deadline=None)
@given(WEIGHTS, BITS, BLOCKS)
def test_quantizing_again_changes_nothing(weight: torch.Tensor, bits: int, block: int) -> None:
    _, q, alpha = quantize(weight, bits, block)
    again = quantize(dequantize(q, alpha, block), bits, block)
    assert torch.equal(again.q, q)
    torch.testing.assert_close(again.alpha, alpha)


def test_blocks_are_of_input_channels_at_one_tap_of_one_filter() -> None:
    # Ten channels in blocks of four: 4, 4, 2. Every block has its own magnitude and is quantized on its own.
    weight = (
        torch.randn(3, 10, 3, 3, dtype=torch.float64) * torch.logspace(-6, 6, 10, dtype=torch.float64)[:, None, None]
    )
    s, q, alpha = quantize(weight, 4, 4)
    assert s.shape == alpha.shape == (3, 3, 3, 3)
    for start, stop, index in ((0, 4, 0), (4, 8, 1), (8, 10, 2)):
        alone = quantize(weight[1:2, start:stop, 2:3, 0:1], 4, stop - start)
        assert torch.equal(q[1:2, start:stop, 2:3, 0:1], alone.q)
        torch.testing.assert_close(alpha[1, index, 2, 0], alone.alpha[0, 0, 0, 0])


@pytest.mark.parametrize("value", [0.0, 1e-45, 1e-38, -1e-38])
def test_zero_blocks(value: float) -> None:
    weight = torch.randn(2, 8, 3, 3)
    weight[0, 4:] = value  # 8 / 1e-38 is beyond float32
    s, q, alpha = quantize(weight, 4, 4)
    assert all(t.isfinite().all() for t in (s, q, alpha))
    assert not s[0, 1].any() and not q[0, 4:].any() and not alpha[0, 1].any()
    assert q[0, :4].any() and q[1].any()


def test_ties_go_to_the_first_weight() -> None:
    _, q, alpha = quantize(torch.tensor([0.0, 1, -1, 1]).view(1, 4, 1, 1), 3, 4)
    assert (q.flatten().tolist(), alpha.item() < 0) == ([0, -4, 3, -4], True)
    _, q, alpha = quantize(torch.tensor([0.0, -1, 1, -1]).view(1, 4, 1, 1), 3, 4)
    assert (q.flatten().tolist(), alpha.item() > 0) == ([0, -4, 3, -4], True)


@pytest.mark.parametrize(("bits", "block"), [(1, 32), (9, 32), (4, 0)])
def test_settings_that_cannot_be(bits: int, block: int) -> None:
    for make in (lambda: DSConv(8, 8, bits=bits, block=block), lambda: quantize(torch.zeros(1, 8, 1, 1), bits, block)):
        with pytest.raises(ValueError, match=r"bits must lie in 2..8 and block be at least 1"):
            make()


# Bits, block, channels, ratio to float32.
@pytest.mark.parametrize(
    ("bits", "block", "channels", "ratio"),
    [
        (4, 128, 128, 0.1328),
        (4, 64, 128, 0.1406),
        (3, 64, 128, 0.1094),
        (2, 64, 64, 0.0781),
        (2, 32, 64, 0.0938),
        (8, 256, 256, 0.2539),
    ],
)
def test_storage_ratios(bits: int, block: int, channels: int, ratio: float) -> None:
    weight = torch.randn(4, channels, 3, 3)
    assert len(packed(weight, bits, block)) / (4 * weight.numel()) == pytest.approx(ratio, abs=5.1e-5)


@settings(max_examples=60, deadline=None)
@given(WEIGHTS, BITS, BLOCKS)
def test_packed_round_trip(weight: torch.Tensor, bits: int, block: int) -> None:
    weight = weight.float()
    content = packed(weight, bits, block)
    co, ci, kh, kw = weight.shape
    assert len(content) == math.ceil(weight.numel() * bits / 8) + 4 * co * math.ceil(ci / block) * kh * kw
    assert len(content) == packed_size(weight.shape, bits, block)
    _, q, alpha = quantize(weight, bits, block)
    assert torch.equal(unpacked(content, weight.shape, bits, block), dequantize(q, alpha, block))


def test_packed_bytes_are_as_documented() -> None:
    # Codes -4, 1, -2, 0 in 3 bits, two's complement, lowest bit first: 001 100 011 000, then zeros.
    content = packed(torch.tensor([0.9, -0.3, 0.45, 0]).view(1, 4, 1, 1), 3, 4)
    assert content[:2] == bytes([0b10001100, 0b00000001])
    assert torch.frombuffer(bytearray(content[2:]), dtype=torch.float32).tolist() == pytest.approx([-0.2285714])
    with pytest.raises(ValueError, match="takes 6 bytes, not 5"):
        unpacked(content[:5], (1, 4, 1, 1), 3, 4)


def test_it_is_quantized_in_forward_and_only_there() -> None:
    # S2: the posts' layer is a plain convolution, and its scales are neither parameters nor buffers.
    torch.manual_seed(0)
    module = DSConv(16, 8, bits=2, block=4)
    plain = Conv(16, 8, 3)
    assert list(module.state_dict()) == list(plain.state_dict())
    assert [p.shape for p in module.parameters()] == [p.shape for p in plain.parameters()]
    x = torch.randn(2, 16, 6, 6)
    for training in (True, False):
        plain.load_state_dict(module.state_dict())
        y = module.train(training)(x)
        assert (y - copy.deepcopy(plain).train(training)(x)).abs().max() > 1e-3
        _, q, alpha = quantize(plain.conv.weight, 2, 4)
        plain.conv.weight.data.copy_(dequantize(q, alpha, 4))
        torch.testing.assert_close(y, plain.train(training)(x), atol=1e-5, rtol=1e-5)


def test_it_is_a_dense_convolution() -> None:
    # S4: not depthwise separable: every output reads every input. S1: MACs, params and traffic are the plain ones.
    module = DSConv(8, 6, bits=4, block=8)
    assert module.conv.weight.shape == (6, 8, 3, 3)
    x = torch.randn(1, 8, 3, 3, requires_grad=True)
    module.conv(x)[0, 0, 1, 1].backward()
    assert (x.grad.abs().sum((0, 2, 3)) > 0).all()  # type: ignore[union-attr]
    ours, plain = ds_cost(3, 8, 6, 4, 8, (20, 20)), conv_cost(3, 8, 6, (20, 20))
    assert ours[:3] == plain[:3]
    # 432 codes of 4 bits, 54 scales, 6 biases.
    assert ours.weight_bytes == 216 + 4 * 54 + 4 * 6


def test_profilers_that_look_at_modules_see_it() -> None:
    # S1: the missing 4.2 GFLOPs were two convolutions of a class that the profiler did not know.
    block, seen = DSBlock(8), []
    for part in block.modules():
        if isinstance(part, nn.Conv2d):
            part.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    for training in (True, False):
        block.train(training)(torch.randn(2, 8, 5, 5))
    fuse(block)(torch.randn(2, 8, 5, 5))
    assert seen == [(2, 8, 5, 5)] * 4  # fused, the convolutions are others


@pytest.mark.parametrize("training", [True, False])
def test_gradient_goes_straight_through(training: bool) -> None:
    torch.manual_seed(0)
    conv = DSConv(6, 5, bits=3, block=4).train(training).conv
    x, direction = torch.randn(2, 6, 5, 5), torch.randn(2, 5, 5, 5)
    (conv(x) * direction).sum().backward()
    # The gradient of the convolution at the quantized kernel, handed to the float weight as it is.
    _, q, alpha = quantize(conv.weight.detach(), 3, 4)
    kernel = dequantize(q, alpha, 4).requires_grad_()
    (F.conv2d(x, kernel, padding=1) * direction).sum().backward()
    torch.testing.assert_close(conv.weight.grad, kernel.grad)


def test_training_moves_the_latent_weight_under_the_codes() -> None:
    torch.manual_seed(0)
    teacher, student = Conv(8, 8, 3), DSConv(8, 8, bits=4, block=8)
    optimizer = torch.optim.AdamW(student.parameters(), lr=1e-2)
    x = torch.randn(8, 8, 8, 8)
    losses = []
    for _ in range(60):
        loss = F.mse_loss(student(x), teacher(x).detach())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


@settings(max_examples=40, deadline=None)
@given(WEIGHTS, BITS, BLOCKS, st.integers(0, 1000))
def test_scaling_a_filter_scales_alpha_and_leaves_the_codes(
    weight: torch.Tensor, bits: int, block: int, seed: int
) -> None:
    """Why the batch norm may be folded: before or after quantizing is the same."""
    generator = torch.Generator().manual_seed(seed)
    scale = torch.randn(weight.shape[0], 1, 1, 1, generator=generator, dtype=torch.float64) * 10
    _, q, alpha = quantize(weight, bits, block)
    _, folded_q, folded_alpha = quantize(weight * scale, bits, block)
    assert torch.equal(folded_q, q)
    torch.testing.assert_close(folded_alpha, alpha * scale)
    # A filter scaled by zero has no codes, and is zero either way.
    _, nothing, none = quantize(weight * 0, bits, block)
    assert not nothing.any() and not none.any()


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_fuse_is_exact_and_quantized(bits: int) -> None:
    torch.manual_seed(bits)
    module = used(DSConv(20, 12, 3, 2, bits, 8))
    x = torch.randn(2, 20, 9, 7)
    latent, norm = module.conv.weight.detach().clone(), module.bn
    with torch.no_grad():
        # Unfolded: norm after the quantized convolution.
        _, q, alpha = quantize(latent, bits, 8)
        expected = module.act(norm(F.conv2d(x, dequantize(q, alpha, 8), stride=2, padding=1)))
        torch.testing.assert_close(module(x), expected, atol=1e-5, rtol=1e-5)
        fused = fuse(copy.deepcopy(module))
        assert type(fused.conv) is nn.Conv2d and not any(isinstance(p, nn.BatchNorm2d) for p in fused.modules())
        torch.testing.assert_close(fused(x), expected, atol=1e-5, rtol=1e-5)
    # What is kept is the quantization of the folded latent weight, and its own.
    scale = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
    _, again, rescaled = quantize(latent * scale[:, None, None, None], bits, 8)
    kept = fused.conv.weight.detach()
    torch.testing.assert_close(kept, dequantize(again, rescaled, 8), atol=1e-6, rtol=1e-5)
    _, own, scales = quantize(kept, bits, 8)
    assert torch.equal(own[scale != 0], q[scale != 0])
    torch.testing.assert_close(dequantize(own, scales, 8), kept, atol=1e-6, rtol=1e-5)
    assert not kept[1].any()
    # Naive fusion, of the float weight, is another function.
    naive = fused.act(F.conv2d(x, latent * scale[:, None, None, None], fused.conv.bias, 2, 1))
    assert (naive - expected).abs().max() > 1e-3
    # So a file of the fused weights takes what the closed form says, but for the biases.
    assert len(packed(kept, bits, 8)) + 4 * 12 == ds_cost(3, 20, 12, bits, 8, (1, 1)).weight_bytes


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_codes_of_half_precision_weights_are_found_in_float32(dtype: torch.dtype) -> None:
    weight = torch.randn(4, 16, 3, 3).to(dtype)
    for half, full in zip(quantize(weight, 8, 16), quantize(weight.float(), 8, 16), strict=True):
        assert torch.equal(half, full)
    assert DSConv(16, 4).to(dtype).conv.kernel().dtype == dtype


@pytest.mark.parametrize("dynamo", [False, True])
def test_exported_weights_are_constants(dynamo: bool, tmp_path: Any) -> None:
    torch.manual_seed(0)
    module = used(DSBlock(16, 4, 12, 0.5))
    x, file = torch.randn(1, 16, 8, 8), tmp_path / "block.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (x,), file, dynamo=dynamo, input_names=["x"], verbose=False)
    assert {node.op_type for node in onnx.load(file).graph.node} <= {"Conv", "Sigmoid", "Mul", "Add", "Constant"}
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": x.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), module(x).detach(), atol=1e-4, rtol=1e-4)


def test_what_the_dynamo_exporter_leaves_in_the_graph_is_folded_on_loading(tmp_path: Any) -> None:
    # It folds small weights only.
    module, x, file = used(DSConv(200, 200, 3)), torch.randn(1, 200, 8, 8), tmp_path / "large.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (x,), file, dynamo=True, input_names=["x"], verbose=False, external_data=False)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "folded.onnx")
    session = onnxruntime.InferenceSession(file, options, ["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": x.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), module(x).detach(), atol=1e-4, rtol=1e-4)
    operators = collections.Counter(node.op_type for node in onnx.load(tmp_path / "folded.onnx").graph.node)
    assert operators == {"Conv": 1, "Sigmoid": 1, "Mul": 1}


@pytest.mark.parametrize("shell", ["plain", "csp"])
def test_family(shell: str) -> None:
    family = FAMILIES["ds"]
    assert family.only_size and [f.key for f in FAMILIES.values() if f.only_size] == ["ds"]
    wanted = {"bits": 3, "block": 128, "expansion": 0.5}
    parameters = family.canonical(shell, 64, wanted)
    # A block wider than every convolution inside changes nothing: equal models have equal strings.
    assert parameters == wanted | {"block": 64 if shell == "plain" else 32}
    repeats, module, args = family.row(shell, 64, 2, parameters)
    rows = (Row((-1,), 1, "Conv", (64, 3, 2)), Row((-1,), repeats, module, args))
    resolved = list(Detector(rows, 1, 1).resolve(64))[1]
    built = build_row(resolved)
    assert row_cost(resolved).params == sum(p.numel() for p in built.parameters())
    # Weight bytes, from the fused module: packed where it is quantized, float32 where it is not.
    quantized = {id(part.conv) for part in fuse(built).modules() if isinstance(part, DSConv)}
    size = 0
    for part in built.modules():
        if isinstance(part, nn.Conv2d):
            assert part.bias is not None
            size += 4 * part.bias.numel()
            width = parameters["block"]
            size += len(packed(part.weight, 3, int(width))) if id(part) in quantized else 4 * part.weight.numel()
    assert row_cost(resolved).weight_bytes == size
