"""What the operators compute, against dense references written from the definitions."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.operators.faster import PConv
from nas.operators.het import HetConv


def randomise(module: torch.nn.Module) -> None:
    """Batch norms with statistics and weights that are not the identity's."""
    for norm in module.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.weight.data.uniform_(0.5, 1.5)
            norm.bias.data.uniform_(-0.5, 0.5)
            norm.running_mean.uniform_(-0.5, 0.5)
            norm.running_var.uniform_(0.5, 1.5)


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
    het.fuse()
    torch.testing.assert_close(het(x), expected, atol=1e-5, rtol=1e-5)


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
    assert torch.equal(x, before)
