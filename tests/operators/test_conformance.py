"""Conformance suite of all registered operators."""

from __future__ import annotations

import copy
import io
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import nn

from nas.detectors.costs import row_cost
from nas.detectors.network import build_row, fuse
from nas.detectors.rows import Detector, ResolvedRow, Row
from nas.errors import ModelError
from nas.operators.base import KeepingOperator
from nas.operators.modules.dsconv import DSConv
from nas.operators.modules.het import HetConv
from nas.operators.registry import FAMILIES, OPERATORS
from nas.operators.user_operators import load_own
from tests.operators.helpers import counted, numbers, row

load_own()  # those that PARETO_YOLO_OPERATORS names have to keep to it, too

SIZE = 64
STEM = Row((-1,), 1, "Conv", (16, 3, 2))
KEEPING = [name for name, operator in OPERATORS.items() if isinstance(operator, KeepingOperator)]
LEVELS = (
    Row((-1,), 1, "Conv", (16, 3, 8)),
    Row((-1,), 1, "Conv", (16, 3, 2)),
    Row((-1,), 1, "Conv", (16, 3, 2)),
)
HEADS: dict[str, tuple[object, ...]] = {
    "Detect": (3,),
    "SlimDetect": (3, 24, 8, 1, True),
    "DDetect": (3,),
    "v10Detect": (3, 1),
    "AnchorDetect": (3, ((10, 13, 16, 30), (30, 61, 62, 45), (116, 90, 156, 198))),
}
"""Row arguments of the kinds that read the maps of `LEVELS`; they give boxes in pixels."""
ROWS = {
    "Concat": (STEM, Row((-1,), 1, "Conv", (8, 1, 1)), Row((-1, 0), 1, "Concat", (1,))),
    **{name: (*LEVELS, Row((0, 1, 2), 1, name, args)) for name, args in HEADS.items()},
    "CBFuse": (STEM, Row((-1,), 1, "CBLinear", ((8, 16),)), Row((1, 0), 1, "CBFuse", ((1,), ((8, 16),)))),
    **{
        name: (STEM, Row((-1,), 1, name, operator.example)) for name, operator in OPERATORS.items() if not operator.many
    },
}


def resolve(name: str) -> ResolvedRow:
    return list(Detector(ROWS[name], 3, 1).resolve(SIZE))[-1]


def inputs(
    resolved: ResolvedRow, batch: int = 2, dtype: torch.dtype = torch.float32
) -> torch.Tensor | list[torch.Tensor]:
    torch.manual_seed(0)
    maps = [torch.randn(batch, *shape, dtype=dtype) for shape in resolved.inputs]
    return maps[0] if len(maps) == 1 else maps


def tensors(y: object) -> list[torch.Tensor]:
    """Outputs of a module as a list; a head in training gives tuples and lists."""
    return [y] if isinstance(y, torch.Tensor) else [t for part in cast(Iterable[object], y) for t in tensors(part)]


def test_every_operator_is_here() -> None:
    assert set(ROWS) == set(OPERATORS)


@pytest.mark.parametrize("name", ROWS)
def test_output_shape_is_as_declared(name: str) -> None:
    resolved = resolve(name)
    y = build_row(resolved).eval()(inputs(resolved))
    channels, height, width = resolved.call.output
    assert tuple(y.shape) == ((2, channels, height) if name in HEADS else (2, channels, height, width))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ROWS)
def test_gradient_reaches_every_parameter(name: str, dtype: torch.dtype) -> None:
    resolved = resolve(name)
    module = build_row(resolved).to(dtype).train()
    y = module(inputs(resolved, dtype=dtype))
    parts = [part.float() for part in tensors(y)]
    trained = [p for p in module.parameters() if p.requires_grad]
    if trained:
        sum((p * torch.randn_like(p)).sum() for p in parts).backward()
    for parameter_name, parameter in module.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.abs().sum() > 0, parameter_name


@pytest.mark.parametrize("module", [name for name, operator in OPERATORS.items() if not operator.many])
def test_cost_equals_fvcore(module: str) -> None:
    resolved = row(module, OPERATORS[module].example, 16)
    network = build_row(resolved)
    expected = row_cost(resolved)
    assert numbers(network) == expected.params
    # In training mode: fvcore then sees the convolutions as they are written. Of what it counts, batch norms and
    # activations are left out of a count of MACs.
    macs = counted(network.train(), torch.zeros(1, *resolved.inputs[0]))
    # fvcore counts the zeros of the masked 1x1 kernel: c1 c2 / P multiply-adds a position and HetConv more.
    zeros = sum(
        part.conv.weight.shape[1] * part.conv.weight.shape[0] for part in network.modules() if isinstance(part, HetConv)
    )
    assert macs - zeros * resolved.call.output[1] * resolved.call.output[2] == expected.macs


@pytest.mark.parametrize("module", [name for name, operator in OPERATORS.items() if not operator.many])
def test_bytes_are_those_of_the_deployed_numbers(module: str) -> None:
    """Four each; the packed form of DSConv has its own tests."""
    resolved = row(module, OPERATORS[module].example, 16)
    deployed = fuse(build_row(resolved).eval())
    if not any(isinstance(part, DSConv) for part in deployed.modules()):
        assert 4 * numbers(deployed) == row_cost(resolved).weight_bytes


@pytest.mark.parametrize("name", ROWS)
def test_fuse_and_deepcopy_keep_outputs(name: str) -> None:
    resolved = resolve(name)
    module = build_row(resolved)
    module.train()
    module(inputs(resolved))  # batch norms that have seen data
    module.eval()
    x = inputs(resolved)
    with torch.no_grad():
        expected = module(x)
        fused = fuse(copy.deepcopy(module))
        torch.testing.assert_close(fused(x), expected, atol=1e-3 if name in HEADS else 1e-4, rtol=1e-4)
        torch.testing.assert_close(module(x), expected)
        assert not any(isinstance(part, nn.BatchNorm2d) for part in fused.modules())


@pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])
@pytest.mark.parametrize("name", ROWS)
@pytest.mark.filterwarnings("ignore")
def test_onnx_of_both_exporters_equals_torch(name: str, dynamo: bool) -> None:
    """Exported as it is in eval mode: a module takes its deployed form by itself, whoever exports it."""
    onnxruntime = pytest.importorskip("onnxruntime")
    resolved = resolve(name)
    module = build_row(resolved)
    module.train()
    module(inputs(resolved))  # batch norms that have seen data
    module.eval()
    x, buffer = inputs(resolved, batch=1), io.BytesIO()
    with torch.no_grad():
        expected = module(x)
        torch.onnx.export(module, (x,), buffer, dynamo=dynamo, verbose=False, external_data=False)  # type: ignore[arg-type]
    session = onnxruntime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])
    maps = x if isinstance(x, list) else [x]
    feed = {i.name: m.numpy() for i, m in zip(session.get_inputs(), maps, strict=True)}
    (got,) = session.run(None, feed)
    torch.testing.assert_close(torch.from_numpy(got), expected, atol=1e-3 if name in HEADS else 1e-4, rtol=1e-4)


def test_checkpoints_load_in_a_fresh_process(tmp_path: Path) -> None:
    modules = {name: build_row(resolve(name)).eval() for name in ROWS}
    expected = {name: modules[name](inputs(resolve(name))) for name in ROWS}
    torch.save(
        {"modules": modules, "expected": expected, "inputs": {n: inputs(resolve(n)) for n in ROWS}}, tmp_path / "x.pt"
    )
    program = (
        "import sys, torch\n"
        "content = torch.load(sys.argv[1], weights_only=False)\n"
        "for name, module in content['modules'].items():\n"
        "    torch.testing.assert_close(module(content['inputs'][name]), content['expected'][name], "
        "atol=1e-4, rtol=1e-4)\n"  # it may sum in another order, of another number of threads
        "print(len(content['modules']))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "x.pt")], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == str(len(ROWS))


@pytest.mark.parametrize("name", KEEPING)
def test_wrong_channels_are_refused(name: str) -> None:
    module = build_row(resolve(name)).eval()
    with pytest.raises((ValueError, RuntimeError), match="channels"):
        module(torch.randn(1, 24, 8, 8))
    wrong = Row((-1,), 1, name, (24, *ROWS[name][-1].args[1:]))
    with pytest.raises(ModelError, match="first argument must be 16"):
        list(Detector((STEM, wrong), 3, 1).resolve(SIZE))


@pytest.mark.parametrize("name", ROWS)
def test_state_dict_round_trip(name: str) -> None:
    resolved = resolve(name)
    first, second = build_row(resolved).eval(), build_row(resolved).eval()
    buffer = io.BytesIO()
    torch.save(first.state_dict(), buffer)
    buffer.seek(0)
    second.load_state_dict(torch.load(buffer, weights_only=True), strict=True)
    torch.testing.assert_close(first(inputs(resolved)), second(inputs(resolved)))


@pytest.mark.parametrize("key", FAMILIES)
def test_families_write_rows_that_build(key: str) -> None:
    family = FAMILIES[key]
    for shell in family.shells:
        for channels in (16, 24, 40, 128):
            wanted = {n: 8 if p.divisor else 0.5 if p.accepts(0.5) else p.low for n, p in family.parameters.items()}
            parameters = family.canonical(shell, channels, wanted)
            assert family.canonical(shell, channels, parameters) == parameters
            repeats, module, args = family.row(shell, channels, 2, parameters)
            entry = family.entry(channels, parameters)
            assert entry % 8 == 0
            stem = Row((-1,), 1, "Conv", (entry, 3, 2))
            resolved = list(Detector((stem, Row((-1,), repeats, module, args)), 3, 1).resolve(SIZE))[1]
            assert resolved.call.output[0] == channels
            assert build_row(resolved)(torch.randn(2, *resolved.inputs[0])).shape[1] == channels
