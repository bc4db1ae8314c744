"""ONNX files of detectors, compared with torch before they are handed over."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nas.detectors.outputs import difference
from nas.detectors.rows import Detector, row_field
from nas.errors import ConfigError, ModelError
from nas.installation import install_command

if TYPE_CHECKING:
    from nas.detectors.network import Network

Array = NDArray[np.floating[Any]]


def onnx_file(detector: Detector, network: Network, imgsz: int) -> bytes:
    """The ONNX file of a detector in its deployed form, checked: onnxruntime gives what torch gives.

    Args:
        detector: The rows.
        network: Their network; it is put into its deployed form.
        imgsz: The side of the images in pixels.

    Returns:
        The file. Its input is ``images`` (1, 3, imgsz, imgsz), its output ``output0``.

    Raises:
        ConfigError: If onnx or onnxruntime is not installed.
        ModelError: With the row of the head, if the file gives other boxes or scores for a random image.
    """
    check_onnx()
    import torch

    from nas.detectors.network import fuse
    from nas.latency.runtimes.onnx_runtimes import export

    image = torch.rand(1, 3, imgsz, imgsz, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = network.eval()(image)
    assert isinstance(expected, torch.Tensor)
    content = export(fuse(network), [image], ("images",), ("output0",))
    if problem := difference(detector, expected.numpy(), _run(content, image.numpy())):
        field = row_field(len(detector.rows) - 1, detector.rows[-1].module)
        hint = "no file is written; please report the model as a bug"
        raise ModelError(f"the exported file gives other outputs than torch: {problem}", field=field, hint=hint)
    return content


def check_onnx() -> None:
    """Raise ConfigError if onnx, or onnxruntime, which checks the file, is not installed."""
    for package in ("onnx", "onnxruntime"):
        if find_spec(package) is None:
            raise ConfigError(f"{package} is not installed", field="onnx", hint=f"run {install_command('onnx')}")


def _run(content: bytes, image: Array) -> Array:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    output: Array = session.run(None, {"images": image})[0]
    return output
