"""What every runtime has to keep, whichever it is."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from nas.detectors import TEMPLATES, Detector, Network, ResolvedRow, Row, build_row, fuse
from nas.operators import FAMILIES, OPERATORS
from nas.runtimes import RUNTIMES, Runtime, choose

STOCK = TEMPLATES["yolov8n"].stock(3)


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    if request.param in {"onnxruntime", "openvino"}:
        pytest.importorskip(request.param)
    return choose(request.param)


def searched() -> list[ResolvedRow]:
    """One row of every family and shell, at depth 2."""
    rows = []
    for family in FAMILIES.values():
        for shell in family.shells:
            parameters = {n: max(p.low, min(p.high, 3 if p.odd else 2)) for n, p in family.parameters.items()}
            repeats, module, args = family.row(shell, 16, 2, family.canonical(shell, 16, parameters))
            operator = OPERATORS[module]
            call = operator.resolve([(16, 8, 8)], repeats, args)
            rows.append(ResolvedRow(0, Row((-1,), repeats, module, args), ((16, 8, 8),), call))
    return rows


def rows() -> list[ResolvedRow]:
    distinct = {row.row.module: row for row in STOCK.resolve(64)}
    return [*distinct.values(), *searched()]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.row.module)
def test_runs_what_torch_runs(runtime: Runtime, row: ResolvedRow) -> None:
    torch.manual_seed(0)
    module = fuse(build_row(row).eval())
    inputs = [torch.randn(1, *shape) for shape in row.inputs]
    with torch.no_grad():
        expected = module(inputs[0] if len(inputs) == 1 else inputs)
    prepared = runtime.prepare(module, inputs)
    with runtime.measuring():
        assert prepared.seconds() > 0
    (got,) = prepared.outputs()
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)
    assert not any(parameter.is_meta for parameter in module.parameters())


def test_runs_whole_detectors(runtime: Runtime) -> None:
    network, image = fuse(Network(STOCK).eval()), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        expected = network(image)
    (got,) = runtime.prepare(network, [image]).outputs()
    # Boxes are in pixels of the image, so this is 1e-3 pixels.
    torch.testing.assert_close(got, expected, atol=1e-3, rtol=1e-4)


def test_preparing_warns_of_nothing(runtime: Runtime) -> None:
    head = list(STOCK.resolve(64))[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runtime.prepare(fuse(build_row(head).eval()), [torch.randn(1, *shape) for shape in head.inputs])


def test_process_settings_are_put_back(runtime: Runtime) -> None:
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), runtime.measuring():
        raise ZeroDivisionError
    assert torch.get_num_threads() == before
    assert not torch.is_inference_mode_enabled()


def test_fingerprint_tells_threads_apart(runtime: Runtime) -> None:
    one, two = runtime.fingerprint(), RUNTIMES[runtime.name](2).fingerprint()
    assert {"runtime", "version", "options", "precision", "threads"} <= set(one)
    assert one["runtime"] == runtime.name
    assert one != two
    assert one == choose(runtime.name).fingerprint()


def test_torch_threads_hold_while_measuring() -> None:
    with choose("torch", threads=1).measuring():
        assert torch.get_num_threads() == 1


def test_fake_costs_are_exact() -> None:
    """A convolution 2 -> 4, 3x3 on 8x8: 4 * 64 * 18 multiply-adds and 4 * 64 elements, over 20 us a call."""
    prepared = choose("fake").prepare(nn.Conv2d(2, 4, 3, 1, 1).eval(), [torch.randn(1, 2, 8, 8)])
    assert prepared.seconds() == pytest.approx(20e-6 + 4 * 64 * 18e-10 + 4 * 64e-9, rel=1e-12)


def test_fake_detector_is_the_sum_of_its_rows() -> None:
    runtime, detector = choose("fake"), Detector(STOCK.rows, STOCK.nc, STOCK.backbone)
    whole = runtime.prepare(fuse(Network(detector).eval()), [torch.rand(1, 3, 64, 64)]).seconds()
    alone = [
        runtime.prepare(fuse(build_row(r).eval()), [torch.randn(1, *s) for s in r.inputs]).seconds()
        for r in detector.resolve(64)
    ]
    assert whole == pytest.approx(sum(alone) - (len(alone) - 1) * 20e-6, rel=1e-9)
