"""Conformance suite of all runtimes.

``NAS_RUNTIME=my_ncnn:NcnnRuntime pytest tests/latency/runtimes/test_conformance.py`` puts a runtime of one's own to it.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from nas.detectors.network import Network, build_row, fuse
from nas.detectors.rows import ResolvedRow, Row
from nas.detectors.templates import TEMPLATES
from nas.latency.runtimes.base import Runtime
from nas.latency.runtimes.measure import SESSIONS
from nas.latency.runtimes.registry import RUNTIMES, choose, find
from nas.operators.registry import FAMILIES, OPERATORS

STOCK = TEMPLATES["yolov8n"].stock(3)
OWN = os.environ.get("NAS_RUNTIME")
NAMES = [OWN] if OWN else list(RUNTIMES)
CASES = [
    (name, device, precision)
    for name in NAMES
    for device, precisions in find(name).supported.items()
    for precision in precisions
]
KEYS = {"runtime", "version", "options", "precision", "threads"}


@pytest.fixture(params=CASES, ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """Name, device and precision of a runtime that can be run here."""
    name, device, precision = request.param
    for package in find(name).packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    if problem := find(name)(1, device, precision).refusal():
        pytest.skip(problem)
    return name, device, precision


@pytest.fixture
def runtime(case: tuple[str, str, str]) -> Runtime:
    name, device, precision = case
    return choose(name, device, 1, precision)


def check(runtime: Runtime, module: nn.Module, one: list[torch.Tensor], other: list[torch.Tensor]) -> None:
    """The runtime's numbers for ``one`` are torch's, to a small part of what ``other`` changes in each channel."""
    expected, change = run(module, one), (run(module, other) - run(module, one)).abs()
    across = [axis for axis in range(change.dim()) if axis != 1]
    assert change.amax(across).min() > 0.005  # Else whatever is computed would pass.
    prepared = runtime.prepare(module, one)
    with runtime.measuring():
        assert prepared.seconds() > 0
    (got,) = prepared.outputs()
    assert got.dtype == np.float32 and got.shape == tuple(expected.shape)
    error = (torch.from_numpy(got) - expected).abs()
    assert (error.amax(across) <= tolerance(runtime) * change.amax(across)).all()


def tolerance(runtime: Runtime) -> float:
    """Tolerance for the device's arithmetic; TF32 on a GPU has the mantissa of float16, bfloat16 three bits less."""
    if runtime.precision == "bfloat16":
        return 0.3
    exact = runtime.precision == "float32" and runtime.device()["device"] == "cpu"
    return 2e-4 if exact else 0.1


def lively(module: nn.Module) -> nn.Module:
    """Deployed, with weights by which activations keep their size: from a fresh YOLO's, a detector's output hardly
    depends on the image, and any runtime would pass."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.Conv2d) and part.weight.requires_grad:
            fan_in = part.weight[0].numel()
            nn.init.normal_(part.weight, std=1.6 / fan_in**0.5)  # A SiLU keeps 0.36 of its input's variance.
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    return fuse(module.eval())


def maps(row: ResolvedRow, seed: int = 0) -> list[torch.Tensor]:
    torch.manual_seed(seed)
    return [torch.randn(1, *shape) for shape in row.inputs]


def run(module: nn.Module, inputs: list[torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        result: torch.Tensor = module(inputs[0] if len(inputs) == 1 else inputs)
    return result


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


def stock() -> list[ResolvedRow]:
    """One row of every module of the stock model."""
    return list({row.row.module: row for row in STOCK.resolve(64)}.values())


ROWS = [
    *(pytest.param(row, id=f"stock-{row.row.module}") for row in stock()),
    *(pytest.param(row, id=f"searched-{row.row.module}") for row in searched()),
]


@pytest.mark.parametrize("row", ROWS)
def test_runs_what_torch_runs(runtime: Runtime, row: ResolvedRow) -> None:
    check(runtime, lively(build_row(row)), maps(row), maps(row, 1))


def test_runs_whole_detectors(runtime: Runtime) -> None:
    network = lively(Network(STOCK))
    check(runtime, network, [torch.rand(1, 3, 64, 64)], [torch.rand(1, 3, 64, 64)])


def test_leaves_module_and_inputs_alone(runtime: Runtime) -> None:
    row = next(row for row in stock() if row.row.module == "Detect")
    module, inputs = lively(build_row(row)), maps(row)
    before = copy.deepcopy((module.state_dict(), inputs))
    runtime.prepare(module, inputs).outputs()
    torch.testing.assert_close((module.state_dict(), inputs), before, atol=0, rtol=0, check_stride=True)
    assert next(module.parameters()).device.type == "cpu"


def test_runs_a_module_that_does_nothing(runtime: Runtime) -> None:
    """From which a table takes the cost of a call."""
    prepared = runtime.prepare(nn.Identity(), [torch.full((1, 1, 1, 1), 2.5)])
    with runtime.measuring():
        assert prepared.seconds() > 0
    np.testing.assert_array_equal(prepared.outputs()[0].ravel(), [2.5])


def test_many_live_at_once(runtime: Runtime) -> None:
    """Each keeps its own weights, inputs and results, in whatever order they are run."""
    rows = [row for row in stock() if row.row.module in {"Conv", "Concat", "SPPF"}]
    modules = [(lively(build_row(row)), maps(row, seed)) for row in rows for seed in (0, 1)]
    prepared = [runtime.prepare(*pair) for pair in modules]
    got = [each.outputs()[0] for each in prepared]
    with runtime.measuring():
        for each in reversed(prepared):
            each.seconds()
    for pair, each, first in zip(modules, prepared, got, strict=True):
        expected = run(*pair)
        error = (torch.from_numpy(first) - expected).abs().max()
        assert error <= tolerance(runtime) * expected.abs().max()
        np.testing.assert_array_equal(each.outputs()[0], first)


def test_preparing_warns_of_nothing(runtime: Runtime) -> None:
    head = list(STOCK.resolve(64))[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runtime.prepare(lively(build_row(head)), maps(head))


def test_process_settings_are_put_back(runtime: Runtime) -> None:
    def settings() -> tuple[object, ...]:
        cudnn = torch.backends.cudnn
        return torch.get_num_threads(), torch.is_inference_mode_enabled(), cudnn.benchmark, cudnn.allow_tf32

    before = settings()
    with pytest.raises(ZeroDivisionError), runtime.measuring():
        raise ZeroDivisionError
    assert settings() == before


def test_fingerprint_tells_what_moves_a_number(case: tuple[str, str, str], runtime: Runtime) -> None:
    name, device, precision = case
    fingerprint = runtime.fingerprint()
    assert set(fingerprint) >= KEYS
    assert fingerprint["runtime"] == runtime.name == name
    assert (fingerprint["precision"], fingerprint["threads"]) == (precision, 1)
    assert json.loads(json.dumps(fingerprint)) == fingerprint
    assert fingerprint == choose(name, device, 1, precision).fingerprint()
    assert fingerprint | {"threads": 2} == choose(name, device, 2, precision).fingerprint()


def test_device_is_told(case: tuple[str, str, str], runtime: Runtime) -> None:
    device = runtime.device()
    assert device["device"] == case[1]
    assert device["cpu"] and device["system"]
    assert not set(device) & set(runtime.fingerprint())
    assert all(isinstance(value, str) for value in device.values())


@pytest.mark.skipif(OWN is not None, reason="of the runtimes that come with this package")
def test_every_session_has_a_runtime() -> None:
    assert set(SESSIONS) <= set(RUNTIMES)
