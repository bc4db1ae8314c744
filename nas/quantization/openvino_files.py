"""Files for OpenVINO: its IR in float, and quantized to int8 by NNCF."""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from nas.latency.runtimes.onnx_runtimes import openvino_refusal
from nas.quantization.base import Array, Conversion, Deployed
from nas.quantization.onnx_graph import read_graph


class OpenVINOFile(Conversion):
    """IR of OpenVINO. The weights keep their 32 bits; the session's inference precision says how it computes."""

    runtime = "openvino"
    packages = ("openvino", "onnx")
    extra = "openvino"

    def convert(self, model: bytes, images: Sequence[Array] = (), keep_float: Collection[str] = ()) -> Deployed:
        import openvino

        return Deployed(self.runtime, self.precision, _serialized(openvino.Core().read_model(model)))

    def recipe(self) -> str:
        import openvino

        return f"IR of OpenVINO {openvino.__version__}, inference precision {self.precision}"

    def refusal(self) -> str:
        return openvino_refusal(self.precision)


class OpenVINOInt8(Conversion):
    """Post-training quantization of NNCF: int8 weights per channel, asymmetric activations, fast bias correction."""

    runtime = "openvino"
    packages = ("openvino", "onnx", "nncf")
    extra = "int8"
    calibrated = True

    def convert(self, model: bytes, images: Sequence[Array] = (), keep_float: Collection[str] = ()) -> Deployed:
        import onnx

        floats = read_graph(onnx.load_from_string(model)).float_nodes(keep_float)
        read = _fused(model)
        names = [op.get_friendly_name() for op in read.get_ordered_ops()]
        # OpenVINO splits a convolution into ``NAME/WithoutBiases`` and an addition ``NAME``.
        ignored = [name for name in names if name in floats or name.rpartition("/")[0] in floats]
        with _quiet():
            import nncf

            quantized = nncf.quantize(
                read,
                nncf.Dataset(images),
                preset=nncf.QuantizationPreset.MIXED,
                subset_size=len(images),
                ignored_scope=nncf.IgnoredScope(names=ignored, validate=False),
            )
        return Deployed(self.runtime, self.precision, _serialized(quantized), tuple(keep_float))

    def recipe(self) -> str:
        from importlib.metadata import version

        return f"nncf.quantize of NNCF {version('nncf')}, OpenVINO {version('openvino')}: preset mixed"


def _fused(model: bytes) -> Any:
    """The OpenVINO model of an ONNX file, with each Sigmoid and its Mul fused into a Swish.

    A model as it is read has both, and NNCF would quantize between them. That costs accuracy, and the runtime could not
    compute the activation within its convolution.
    """
    import openvino

    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "model.onnx"
        path.write_bytes(model)
        return openvino.convert_model(path)


def _serialized(model: Any) -> dict[str, bytes]:
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        openvino.save_model(model, path, compress_to_fp16=False)
        return {file.suffix: file.read_bytes() for file in (path, path.with_suffix(".bin"))}


@contextmanager
def _quiet() -> Iterator[None]:
    """NNCF logs warnings and draws a progress bar on standard output, where ``--json`` prints."""
    logger = logging.getLogger("nncf")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(before)
