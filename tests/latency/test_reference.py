"""The reference kernel that ships as ONNX files is the one that torch exports, and predicting imports no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nas.latency.reference import SHAPES, reference_file, reference_input
from nas.latency.reference_modules import nothing, reference
from nas.latency.runtimes.onnx_runtimes import export

MAKERS = {"reference": reference, "nothing": nothing}


@pytest.mark.parametrize("name", SHAPES)
def test_shipped_models_have_the_graph_that_torch_exports(name: str) -> None:
    onnx = pytest.importorskip("onnx")
    module, inputs = MAKERS[name]()
    shipped, exported = (onnx.load_from_string(model) for model in (reference_file(name), export(module, inputs)))
    assert list(shipped.graph.node) == list(exported.graph.node)
    assert list(shipped.graph.input) == list(exported.graph.input)
    assert list(shipped.graph.output) == list(exported.graph.output)
    assert shipped.opset_import == exported.opset_import
    for one, other in zip(shipped.graph.initializer, exported.graph.initializer, strict=True):
        assert (one.name, one.dims, one.data_type) == (other.name, other.dims, other.data_type)
    assert reference_input(name).shape == tuple(inputs[0].shape) == SHAPES[name]
    assert reference_input(name).dtype == "float32"


def test_predicting_imports_no_torch() -> None:
    modules = "opening, listing, completion, kit, kit_results, checking, card_file, model_profile"
    code = f"""
import sys
from nas.latency import {modules}
from nas.latency.runtimes import choose
from nas.latency.reference import bench
bench(choose("onnxruntime"), 1.0).watch(0.01)
print([name for name in ("torch", "pandas", "scipy", "optuna", "matplotlib", "onnx") if name in sys.modules])
"""
    pytest.importorskip("onnxruntime")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
