"""Runtimes that measure complete detectors in int8, beside the float runtimes of `nas.latency.runtimes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from nas.errors import TableError
from nas.installation import install_command
from nas.latency.runtimes.base import Prepared
from nas.latency.runtimes.measure import Ends
from nas.latency.runtimes.onnx_runtimes import OnnxFileRuntime, OnnxRuntime, OpenVINORuntime, export
from nas.quantization.calibration import random_images
from nas.quantization.registry import choose_conversion

if TYPE_CHECKING:
    import torch
    from torch import nn


class _Int8Runtime(OnnxFileRuntime):
    """Quantizes a detector with images of noise and times the file. The reference kernel stays in float32, so times are
    comparable with those of the float runtime."""

    supported: ClassVar[Mapping[str, tuple[str, ...]]] = {"cpu": ("int8",)}
    install = install_command("int8")

    def prepare(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> Prepared:
        (image,) = (x.numpy() for x in inputs)
        conversion = choose_conversion(self.name, self.precision)
        return conversion.convert(export(module, inputs), random_images(image.shape[-1])).session(image, self.threads)

    def prepare_row(self, module: nn.Module, inputs: Sequence[torch.Tensor], ends: Ends) -> Prepared:
        problem = f"{self.name} measures complete detectors in {self.precision}, not rows"
        raise TableError(problem, field="precision", value=self.precision, hint="give float32")

    def fingerprint(self) -> dict[str, str | int]:
        return {**super().fingerprint(), "quantization": choose_conversion(self.name, self.precision).recipe()}


class Int8OnnxRuntime(_Int8Runtime, OnnxRuntime):
    """onnxruntime on the CPU, int8."""


class Int8OpenVINORuntime(_Int8Runtime, OpenVINORuntime):
    """OpenVINO on the CPU, int8."""

    packages = ("openvino", "onnx", "nncf")
