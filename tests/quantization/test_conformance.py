"""Conformance suite of all conversions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nas.errors import ConfigError
from nas.quantization.base import HEAD, Conversion, Deployed
from nas.quantization.registry import CONVERSIONS, choose_conversion
from nas.quantization.sensitivity import output_error
from tests.quantization.tiny import DETECTOR, SIZE, images, onnx_bytes

pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")

TOLERANCE = {"float32": 1e-5, "float16": 0.02, "bfloat16": 0.05, "int8": 0.1}
"""Largest error of an output, as a share of the change from one image to another."""


@pytest.fixture(params=CONVERSIONS, ids="-".join, scope="module")
def conversion(request: pytest.FixtureRequest) -> Conversion:
    """A conversion that can be made here, for a processor that computes in its precision."""
    try:
        return choose_conversion(*request.param)
    except ConfigError as refused:
        pytest.skip(refused.problem)


@pytest.fixture(scope="module")
def deployed(conversion: Conversion) -> Deployed:
    return conversion.convert(onnx_bytes(), images())


def outputs(deployed: Deployed) -> list[np.ndarray]:
    session = deployed.session(images()[0])
    return [session.run([image])[0] for image in images()]


def error(deployed: Deployed) -> float:
    """Error of its outputs as a share of the change from one image to the next."""
    expected = outputs(Deployed("onnxruntime", "float32", {".onnx": onnx_bytes()}))
    change = output_error(expected, [*expected[1:], expected[0]])
    assert change > 0.1  # otherwise whatever is computed would pass
    return output_error(expected, outputs(deployed)) / change


def test_outputs_are_near_float(deployed: Deployed) -> None:
    assert error(deployed) <= TOLERANCE[deployed.precision]


def test_int8_is_quantized(conversion: Conversion, deployed: Deployed) -> None:
    if not conversion.calibrated:
        pytest.skip("computes in float")
    plain = choose_conversion(conversion.runtime, "float32").convert(onnx_bytes())
    weights = DETECTOR.cost(imgsz=SIZE).params
    assert plain.size - deployed.size > weights  # three bytes of four, less the new scales and nodes
    assert error(deployed) > 1e-4


def test_files_survive_the_disk(deployed: Deployed, tmp_path: Path) -> None:
    path = deployed.write(tmp_path, "model")
    read = Deployed.read(path, deployed.runtime, deployed.precision)
    assert read.files == deployed.files
    assert {file.name for file in tmp_path.iterdir()} == {f"model{suffix}" for suffix in deployed.files}
    np.testing.assert_array_equal(outputs(read)[0], outputs(deployed)[0])


def test_a_session_leaves_its_images_alone(deployed: Deployed) -> None:
    first, second = images()[0].copy(), images()[1].copy()
    session = deployed.session(first)
    before = session.outputs()[0]
    after = session.run([second])[0]
    np.testing.assert_array_equal(first, images()[0])
    assert np.abs(after - before).max() > 0.01
    np.testing.assert_array_equal(session.run([first])[0], before)
    assert session.seconds() > 0


def test_parts_stay_in_float(conversion: Conversion, deployed: Deployed) -> None:
    """With the head's last layers in float, the file is larger; with all rows in float, only copies are rounded."""
    if not conversion.calibrated:
        pytest.skip("computes in float")
    head = conversion.convert(onnx_bytes(), images(), [HEAD])
    assert head.keep_float == (HEAD,)
    assert head.size > deployed.size
    every = conversion.convert(onnx_bytes(), images(), ["0", "1", "2", "3", "6"])
    assert error(every) < error(deployed) / 2


def test_the_same_images_give_the_same_numbers(conversion: Conversion, deployed: Deployed) -> None:
    if (conversion.runtime, conversion.precision) == ("openvino", "int8"):
        pytest.skip("takes seconds; files of every other conversion are compared")
    again = conversion.convert(onnx_bytes(), images())
    np.testing.assert_array_equal(outputs(again)[0], outputs(deployed)[0])


def test_the_recipe_names_its_package(conversion: Conversion) -> None:
    assert conversion.recipe()


def test_what_has_no_weights_is_no_part(conversion: Conversion) -> None:
    if not conversion.calibrated:
        pytest.skip("computes in float")
    for part in ("4", "7", "neck"):  # row 4 upsamples
        with pytest.raises(ConfigError) as refused:
            conversion.convert(onnx_bytes(), images(), [part])
        assert (refused.value.field, refused.value.value) == ("keep_float", part)
        assert "from 0 to 6" in refused.value.hint
