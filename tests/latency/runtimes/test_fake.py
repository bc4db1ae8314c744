"""The fake's costs, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nas.detectors.network import Network, build_row, fuse
from nas.detectors.templates import TEMPLATES
from nas.latency.runtimes.registry import choose


def test_costs_are_exact() -> None:
    """A convolution 2 -> 4, 3x3 on 8x8: 4 * 64 * 18 multiply-adds and 4 * 64 elements, over 20 us a call."""
    prepared = choose("fake").prepare(nn.Conv2d(2, 4, 3, 1, 1).eval(), [torch.randn(1, 2, 8, 8)])
    assert prepared.seconds() == pytest.approx(20e-6 + 4 * 64 * 18e-10 + 4 * 64e-9, rel=1e-12)


def test_a_detector_is_the_sum_of_its_rows() -> None:
    runtime, detector = choose("fake"), TEMPLATES["yolov8n"].stock(3)
    whole = runtime.prepare(fuse(Network(detector).eval()), [torch.rand(1, 3, 64, 64)]).seconds()
    alone = [
        runtime.prepare(fuse(build_row(r).eval()), [torch.randn(1, *s) for s in r.inputs]).seconds()
        for r in detector.resolve(64)
    ]
    assert whole == pytest.approx(sum(alone) - (len(alone) - 1) * 20e-6, rel=1e-9)
