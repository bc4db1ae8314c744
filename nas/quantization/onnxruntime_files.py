"""Files for onnxruntime: the ONNX file itself, and static quantization to int8."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nas.quantization.base import Array, Conversion, Deployed
from nas.quantization.onnx_graph import read_graph
from nas.quantization.processor import has_int8, is_arm

ONNX = ".onnx"


class OnnxFile(Conversion):
    """The ONNX file as it is: float32."""

    runtime = "onnxruntime"
    packages = ("onnx", "onnxruntime")

    def convert(self, model: bytes, images: Sequence[Array] = (), keep_float: Collection[str] = ()) -> Deployed:
        return Deployed(self.runtime, self.precision, {ONNX: model})

    def recipe(self) -> str:
        return "ONNX"


class OnnxInt8(Conversion):
    """Static quantization of onnxruntime: QDQ nodes, one weight scale for each output channel, MinMax calibration.

    The types follow the guidance of ``quantize_static``. x86 multiplies unsigned activations by signed weights; without
    VNNI that product saturates, so weights get 7 bits. Arm takes signed activations.
    """

    runtime = "onnxruntime"
    packages = ("onnx", "onnxruntime")
    calibrated = True

    def convert(self, model: bytes, images: Sequence[Array] = (), keep_float: Collection[str] = ()) -> Deployed:
        import onnx
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process

        content = onnx.load_from_string(model)
        name = content.graph.input[0].name
        with tempfile.TemporaryDirectory() as folder, _quiet():
            prepared, quantized = Path(folder) / "prepared.onnx", Path(folder) / "quantized.onnx"
            # Shapes are fixed, so the symbolic inference has nothing to add. The optimization folds constants.
            quant_pre_process(content, prepared, skip_symbolic_shape=True)
            floats = read_graph(onnx.load(prepared)).float_nodes(keep_float)
            quantize_static(
                prepared,
                quantized,
                _Reader(name, images),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=self._reduced(),
                activation_type=QuantType.QInt8 if is_arm() else QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=sorted(floats),
            )
            return Deployed(self.runtime, self.precision, {ONNX: quantized.read_bytes()}, tuple(keep_float))

    def recipe(self) -> str:
        import onnxruntime

        activations = "int8" if is_arm() else "uint8"
        weights = "7-bit" if self._reduced() else "int8"
        types = f"{activations} activations, {weights} weights per channel"
        return f"quantize_static of onnxruntime {onnxruntime.__version__}: QDQ, {types}, MinMax"

    @staticmethod
    def _reduced() -> bool:
        return has_int8() is False and not is_arm()


class _Reader:
    """A ``CalibrationDataReader``: images one by one, then None."""

    def __init__(self, name: str, images: Sequence[Array]):
        self._name, self._images = name, iter(images)

    def get_next(self) -> dict[str, Array] | None:
        image = next(self._images, None)
        return None if image is None else {self._name: image}


@contextmanager
def _quiet() -> Iterator[None]:
    """onnxruntime logs advice to the root logger that is followed already."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
