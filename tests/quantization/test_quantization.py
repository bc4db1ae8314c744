"""The choice of a conversion, nodes of a file, accuracy, sensitivity and the runtimes that measure in int8."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from nas.data.shapes import draw_shapes
from nas.errors import ConfigError, DataError, TableError
from nas.installation import install_command
from nas.latency.modules import end_to_end
from nas.latency.opening import open_builder
from nas.latency.runtimes.registry import END_TO_END, choose
from nas.proxies.detections import detect
from nas.proxies.recipe import Recipe
from nas.quantization import processor
from nas.quantization.accuracy import detections_of, evaluate, loss_spread
from nas.quantization.base import Deployed
from nas.quantization.calibration import CalibrationImages
from nas.quantization.registry import choose_conversion
from nas.quantization.sensitivity import output_error, row_sensitivity
from nas.runs.onnx_file import onnx_file
from tests.quantization.tiny import DETECTOR, NC, SIZE, images, network, onnx_bytes

onnx = pytest.importorskip("onnx", reason="the onnx extra is not installed")
pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")


def test_the_decoding_is_what_follows_the_last_convolutions() -> None:
    from nas.quantization.onnx_graph import read_graph

    graph = read_graph(onnx.load_from_string(onnx_bytes()))
    assert list(graph.rows) == [0, 1, 2, 3, 6]
    branches = [f"/model.6/cv{kind}.{level}/cv{kind}.{level}.2/Conv" for kind in (2, 3) for level in (0, 1)]
    assert sorted(graph.last_layers) == branches
    decoding = [node for node in onnx.load_from_string(onnx_bytes()).graph.node if node.name in graph.decoding]
    kinds = [node.op_type for node in decoding]
    assert (kinds.count("Softmax"), kinds.count("Sigmoid")) == (1, 1) and "Reshape" in kinds
    assert kinds.count("Conv") == 1  # the mean of the distribution of a side
    assert graph.float_nodes(["6"]) > graph.float_nodes(["head"]) > graph.float_nodes()


@pytest.mark.parametrize(
    ("cpuinfo", "arm", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512_vnni\n", False, True),
        ("flags\t\t: fpu avx2\n", False, False),
        ("Features\t: fp asimd asimddp\n", True, True),
        ("Features\t: fp asimd\n", True, False),
        ("nothing\n", False, None),
    ],
)
def test_instructions_for_int8(
    cpuinfo: str,
    arm: bool,
    expected: bool | None,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path_factory.mktemp("proc") / "cpuinfo"
    file.write_text(cpuinfo)
    monkeypatch.setattr(processor, "CPUINFO", file)
    processor.has_int8.cache_clear()
    try:
        assert processor.has_int8() is expected
        assert bool(processor.int8_note()) is (expected is False)
    finally:
        processor.has_int8.cache_clear()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "nas.quantization.registry.importlib.util.find_spec", lambda name: None if name == "nncf" else 1
    )
    with pytest.raises(ConfigError) as refused:
        choose_conversion("openvino", "int8")
    assert refused.value.problem.startswith("nncf is not installed")
    assert refused.value.hint == f"run {install_command('int8')}"


@pytest.mark.parametrize(
    ("runtime", "precision", "field"), [("torch", "int8", "runtime"), ("onnxruntime", "float16", "precision")]
)
def test_an_unknown_conversion_is_refused(runtime: str, precision: str, field: str) -> None:
    with pytest.raises(ConfigError) as refused:
        choose_conversion(runtime, precision)
    assert refused.value.field == field and refused.value.hint.startswith("give ")


def test_calibration_images_are_evenly_spaced() -> None:
    split = draw_shapes(SIZE, n_train=8, n_val=1).train
    found = CalibrationImages(split, 4)
    assert len(found) == 4 and len(CalibrationImages(split, 100)) == 8
    np.testing.assert_array_equal(found[1][0] * 255, split.images[2].numpy())
    assert [image.shape for image in found[1:3]] == [(1, 3, SIZE, SIZE)] * 2


def test_accuracy_is_that_of_the_network() -> None:
    """The float32 file scores what the network scores in torch."""
    split = draw_shapes(SIZE, n_train=1, n_val=6).val
    built = network(1.6)  # with a larger gain, many scores round to 1
    with torch.no_grad():  # the truth is what the network finds, so that AP is far from 0
        found = detect(built, split, Recipe(val_images=6)).boxes
    truth = replace(split, boxes=tuple(torch.cat((rows[:3, 5:], rows[:3, :4]), 1) for rows in found))
    expected = detect(built, truth, Recipe(val_images=6)).score(NC)
    assert 0.05 < expected < 1
    plain = Deployed("onnxruntime", "float32", {".onnx": onnx_file(DETECTOR, network(1.6), SIZE)})
    shares: list[float] = []
    assert evaluate(plain, truth, NC, threads=1, progress=shares.append) == pytest.approx(expected, abs=0.01)
    assert shares == [(number + 1) / 6 for number in range(6)]
    found = detections_of(plain, truth)
    assert loss_spread(found, found, NC) == 0
    worse = replace(found, boxes=[found.boxes[0][:0], *found.boxes[1:]])  # an image without detections
    assert 0 < loss_spread(found, worse, NC) < 1
    with pytest.raises(DataError):
        evaluate(plain, replace(truth, boxes=(torch.zeros(0, 5),) * 6), NC)


def test_output_error_is_0_to_1() -> None:
    output = np.zeros((1, 6, 30), np.float32)
    output[0, :4] = np.array([50, 50, 20, 20])[:, None]
    output[0, 4] = np.linspace(0, 1, 30)
    assert output_error([output], [output]) == 0
    unconfident = output.copy()
    unconfident[0, :, :10] = 7  # the ten worst anchor points do not count
    assert output_error([output], [unconfident]) == 0
    shifted = output.copy()
    shifted[0, 0] += 10  # a third of the union
    assert output_error([output], [shifted]) == pytest.approx((1 - 1 / 3) / 2, abs=1e-5)
    shifted[0, 0] += 100
    assert output_error([output], [shifted]) == pytest.approx(0.5)


def test_the_most_sensitive_row_comes_first() -> None:
    """Its weights for a map that is always 0 are so large that the others round to 0."""
    built = network()
    with torch.no_grad():
        built.model[0].conv.weight[0] = 0  # type: ignore[union-attr, index]
        built.model[1].conv.weight[:, 0] = 100  # type: ignore[union-attr, index]
    conversion = choose_conversion("onnxruntime", "int8")
    found = row_sensitivity(conversion, onnx_file(DETECTOR, built, SIZE), images(), [0, 1, 3])
    assert found[0].row == 1
    assert found[0].gain > 0 and found == sorted(found, key=lambda sensitivity: -sensitivity.gain)


@pytest.mark.parametrize("name", [name for name, _ in END_TO_END])
def test_complete_detectors_run_in_int8(name: str) -> None:
    try:
        runtime = choose(name, precision="int8", end_to_end=True)
    except TableError as refused:
        pytest.skip(refused.problem)
    prepared = runtime.prepare(*end_to_end(DETECTOR, SIZE))
    assert prepared.seconds() > 0
    assert prepared.outputs()[0].shape == (1, 4 + NC, (SIZE // 4) ** 2 + (SIZE // 8) ** 2)
    fingerprint = runtime.fingerprint()
    assert (fingerprint["runtime"], fingerprint["precision"]) == (name, "int8") and fingerprint["quantization"]
    assert runtime.prepare_reference().seconds() > 0
    with pytest.raises(TableError) as no_rows:
        runtime.prepare_row(torch.nn.Identity(), [torch.rand(1, 3, SIZE, SIZE)], (True, False))
    assert no_rows.value.field == "precision"


def test_openvino_quantizes_no_half_of_an_activation() -> None:
    """Each SiLU stays one operation, which its convolution computes."""
    openvino = pytest.importorskip("openvino")
    pytest.importorskip("nncf")
    files = choose_conversion("openvino", "int8").convert(onnx_bytes(), images()).files
    kinds = [op.get_type_name() for op in openvino.Core().read_model(*files.values()).get_ordered_ops()]
    silus = sum(
        node.op_type == "Mul" and "/act/" in node.name for node in onnx.load_from_string(onnx_bytes()).graph.node
    )
    assert kinds.count("Swish") == silus > 10


def test_there_is_no_table_in_int8() -> None:
    with pytest.raises(TableError) as refused:
        open_builder("cpu", "onnxruntime", precision="int8")
    assert refused.value.field == "precision" and refused.value.hint == "give float32"
