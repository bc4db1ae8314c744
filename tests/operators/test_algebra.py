"""Outputs of the operators against dense references written from the definitions."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.operators.modules.dual import DualConv
from nas.operators.modules.faster import PConv
from nas.operators.modules.het import HetConv
from nas.operators.modules.tconv import TConv
from tests.operators.helpers import randomise


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([1, 2, 4, 8]), st.integers(1, 3), st.integers(1, 3), st.integers(0, 1000))
def test_hetconv_is_a_masked_dense_convolution(p: int, m: int, n: int, seed: int) -> None:
    torch.manual_seed(seed)
    c1, c2 = p * m, p * n
    het = HetConv(c1, c2, p).eval()
    randomise(het)
    kernel = torch.zeros(c2, c1, 3, 3)
    for i in range(c2):
        taken = 0
        for j in range(c1):
            if j // m == i // n:  # the filter's own block of inputs has 3x3 kernels
                kernel[i, j] = het.conv.weight[i, j - m * (i // n)]
            else:
                kernel[i, j, 1, 1] = het.point[i, taken, 0, 0]
                taken += 1
    assert (kernel != 0).sum() == c1 * c2 * (9 / p + 1 - 1 / p)
    x = torch.randn(2, c1, 7, 5)
    expected = het.act(het.bn(F.conv2d(x, kernel, padding=1)))
    torch.testing.assert_close(het(x), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(het.dense(), kernel)
    het.fuse()
    torch.testing.assert_close(het(x), expected, atol=1e-5, rtol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([2, 4, 8]), st.integers(1, 3), st.integers(1, 3), st.integers(0, 1000))
def test_shifted_hetconv_has_the_papers_pattern(p: int, m: int, n: int, seed: int) -> None:
    """Filter i has its 3x3 kernels on the inputs j = i (mod P): seen from where each output's gradient lands."""
    torch.manual_seed(seed)
    het = HetConv(p * m, p * n, p, shifted=True, bare=True).eval()
    for i in range(p * n):
        x = torch.zeros(1, p * m, 3, 3, requires_grad=True)
        het(x)[0, i, 1, 1].backward()
        assert x.grad is not None
        corners = x.grad[0, :, 0, 0] != 0
        assert corners.tolist() == [j % p == i % p for j in range(p * m)]
        assert (x.grad[0, :, 1, 1] != 0).all()


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([1, 2, 4, 8]), st.integers(1, 3), st.integers(1, 3), st.booleans(), st.integers(0, 1000))
def test_dualconv_folds_into_hetconv_and_dense(g: int, m: int, n: int, bare: bool, seed: int) -> None:
    torch.manual_seed(seed)
    dual = DualConv(g * m, g * n, g, bare=bare).eval()
    randomise(dual)
    x = torch.randn(2, g * m, 5, 6)
    grouped = F.conv2d(x, dual.conv.weight, padding=1, groups=g) + dual.point(x)
    expected = dual.act(dual.bn(grouped))
    torch.testing.assert_close(dual(x), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(F.conv2d(x, dual.dense(), padding=1), grouped, atol=1e-5, rtol=1e-5)
    het = dual.to_het()
    torch.testing.assert_close(het(x), expected, atol=1e-5, rtol=1e-5)
    saved = dual.conv.weight.numel() + dual.point.weight.numel() - het.conv.weight.numel() - het.point.numel()
    assert saved == g * m * n  # the taps that both kernels have: N M / P
    dual.fuse()
    torch.testing.assert_close(dual(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("module", [HetConv, DualConv])
@pytest.mark.parametrize("dense", [False, True])
def test_deployed_forms_are_equal(module: type, dense: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two kernels or one dense one: a matter of speed alone, in `forward` out of training as after `fuse`."""
    layer = module(16, 8, 4).eval()
    randomise(layer)
    x = torch.randn(2, 16, 6, 6)
    expected = layer.act(layer.bn(F.conv2d(x, layer.dense(), padding=1)))
    monkeypatch.setattr("nas.operators.modules.two_kernels.folds_dense", lambda *_: dense)
    torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-5)
    layer.fuse()
    assert len(layer.folded) == (1 if dense else 2)
    torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-5)


def test_hetconv_trains_and_evaluates_the_same_function() -> None:
    het = HetConv(8, 8, 4)
    randomise(het)
    x = torch.randn(2, 8, 6, 6)
    evaluated = het.eval()(x)
    het.train()
    het.bn.eval()  # training path, running statistics
    torch.testing.assert_close(het(x), evaluated, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("c1", "c2", "p"), [(8, 8, 3), (6, 8, 4), (8, 6, 4), (8, 8, 0)])
def test_hetconv_refuses_p_that_does_not_divide(c1: int, c2: int, p: int) -> None:
    with pytest.raises(ValueError, match=f"P = {p} must divide"):
        HetConv(c1, c2, p)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 24), st.integers(1, 8), st.integers(0, 1000))
def test_pconv_is_a_dense_convolution(channels: int, n_div: int, seed: int) -> None:
    n_div = min(n_div, channels)
    torch.manual_seed(seed)
    pconv = PConv(channels, n_div)
    kernel = torch.zeros(channels, channels, 3, 3)
    kernel[: pconv.partial, : pconv.partial] = pconv.conv.weight
    for i in range(pconv.partial, channels):
        kernel[i, i, 1, 1] = 1
    x = torch.randn(2, channels, 5, 6)
    before = x.clone()
    torch.testing.assert_close(pconv(x), F.conv2d(x, kernel, padding=1), atol=1e-5, rtol=1e-5)
    with torch.no_grad():
        for form in (pconv.split, pconv.slice, pconv):
            torch.testing.assert_close(form(x), F.conv2d(x, kernel, padding=1), atol=1e-5, rtol=1e-5)
            assert torch.equal(x, before)


def test_pconv_that_trains_is_differentiable() -> None:
    pconv, x = PConv(8, 4), torch.randn(1, 8, 4, 4, requires_grad=True)
    pconv(x).square().sum().backward()
    assert pconv.conv.weight.grad is not None and x.grad is not None
    assert (x.grad != 0).all()


@pytest.mark.parametrize(("eager", "exported"), [("split", "slice"), ("slice", "split")])
@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_pconv_takes_the_form_that_was_measured(eager: str, exported: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.operators.modules.faster.EAGER", eager)
    monkeypatch.setattr("nas.operators.modules.faster.EXPORTED", exported)
    pconv, taken = PConv(8, 4), []
    for form in ("split", "slice"):
        whole = getattr(PConv, form)
        monkeypatch.setattr(PConv, form, lambda s, x, form=form, whole=whole: (taken.append(form), whole(s, x))[1])
    pconv(torch.randn(1, 8, 4, 4))
    with torch.no_grad():
        pconv(torch.randn(1, 8, 4, 4))
        torch.jit.trace(pconv, torch.randn(1, 8, 4, 4), check_trace=False)  # type: ignore[no-untyped-call]
    assert taken == ["split", eager, exported]


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 24), st.integers(1, 12), st.integers(2, 8), st.integers(0, 1000))
def test_pconv_then_pointwise_is_one_dense_kernel(c1: int, c2: int, n_div: int, seed: int) -> None:
    # Q[:, :cp] . K on the first cp inputs, Q[:, cp:] on the center tap of the rest
    torch.manual_seed(seed)
    pconv, point = PConv(c1, min(n_div, c1)), torch.nn.Conv2d(c1, c2, 1, bias=False)
    q, cp = point.weight[:, :, 0, 0], pconv.partial
    kernel = torch.zeros(c2, c1, 3, 3)
    kernel[:, :cp] = torch.einsum("om,mikl->oikl", q[:, :cp], pconv.conv.weight)
    kernel[:, cp:, 1, 1] = q[:, cp:]
    x = torch.randn(2, c1, 5, 6)
    torch.testing.assert_close(point(pconv(x)), F.conv2d(x, kernel, padding=1), atol=1e-4, rtol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 24), st.integers(1, 12), st.integers(1, 8), st.integers(0, 1000))
def test_tconv_is_a_t_shaped_dense_kernel(c1: int, c2: int, n_div: int, seed: int) -> None:
    torch.manual_seed(seed)
    tconv = TConv(c1, c2, min(n_div, c1)).eval()
    randomise(tconv)
    kernel = torch.zeros(c2, c1, 3, 3)
    kernel[:, : tconv.partial] = tconv.conv.weight
    if tconv.point is not None:
        kernel[:, tconv.partial :, 1, 1] = tconv.point.weight[:, :, 0, 0]
    x = torch.randn(2, c1, 5, 6)
    expected = tconv.act(tconv.bn(F.conv2d(x, kernel, padding=1)))
    torch.testing.assert_close(tconv(x), expected, atol=1e-5, rtol=1e-5)
    tconv.fuse()
    torch.testing.assert_close(tconv(x), expected, atol=1e-5, rtol=1e-5)


def test_tconv_has_the_parameters_of_hetconv() -> None:
    # At n_div = P = 4 and k = 3 both have 3 c^2
    weights = sum(p.numel() for p in TConv(64, 64, 4).parameters()) - 128
    assert weights == sum(p.numel() for p in HetConv(64, 64, 4, bare=True).parameters()) == 12_288


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize(
    ("make", "convolutions"),
    [
        (lambda: HetConv(64, 64, 4), 2),
        (lambda: HetConv(16, 8, 4), 1),
        (lambda: DualConv(64, 64, 4), 2),
        (lambda: DualConv(16, 8, 4), 1),
        (lambda: TConv(16, 8, 4), 2),
    ],
)
def test_an_exporter_finds_the_deployed_graph(
    make: Callable[[], torch.nn.Module], convolutions: int, fused: bool
) -> None:
    """Convolutions of constants, whether or not `fuse` was called: what the table measures is what deploys."""
    onnx = pytest.importorskip("onnx")
    module, buffer = make().eval(), io.BytesIO()
    if fused:
        module.fuse()  # type: ignore[operator]
    torch.onnx.export(module, (torch.randn(1, module.c1, 8, 8),), buffer, dynamo=False)
    graph = onnx.load_from_string(buffer.getvalue()).graph
    kinds = Counter(node.op_type for node in graph.node if node.op_type not in {"Identity", "Constant"})
    kinds.pop("Split", None)  # T-conv reads the channels in two parts
    assert kinds == Counter(Conv=convolutions, Add=convolutions - 1, Sigmoid=1, Mul=1)
