"""Sensitivity of rows: the error of a quantized detector that each of its rows causes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from nas.progress import Progress, silent
from nas.quantization.base import Array, Conversion, Deployed

BEST = 20
"""Number of anchor points of an image that are compared: those with the highest scores in float."""
IMAGES = 8
"""Number of images that calibrate each file and are compared."""


class RowSensitivity(NamedTuple):
    """Sensitivity of a row.

    Attributes:
        row: Its number.
        gain: Error of the quantized detector minus its error with this row in float, see `output_error`.
    """

    row: int
    gain: float


def row_sensitivity(
    conversion: Conversion,
    model: bytes,
    images: Sequence[Array],
    rows: Collection[int],
    *,
    progress: Progress = silent,
) -> list[RowSensitivity]:
    """Rows by what their float form brings, the most sensitive one first.

    Each row in turn is left in float while all others are quantized: that is the file that a user would deploy. The
    error of outputs is compared rather than AP, whose noise on some hundred images exceeds the share of a row.

    Args:
        conversion: A conversion that quantizes.
        model: The float32 ONNX file.
        images: Images (1, 3, S, S) in 0..1, `IMAGES` or more.
        rows: Numbers of the rows to try.
        progress: Receives the share of the rows.
    """
    chosen = images[:IMAGES]
    expected = _outputs(Deployed("onnxruntime", "float32", {".onnx": model}), chosen)

    def error(keep_float: Collection[str]) -> float:
        return output_error(expected, _outputs(conversion.convert(model, chosen, keep_float), chosen))

    base = error(())
    found = []
    for number, row in enumerate(rows):
        found.append(RowSensitivity(row, base - error([str(row)])))
        progress((number + 1) / len(rows))
    return sorted(found, key=lambda sensitivity: -sensitivity.gain)


def output_error(expected: Sequence[Array], found: Sequence[Array]) -> float:
    """Error of outputs: the mean of score differences and of 1 - IoU of boxes, from 0 to 1.

    It looks at the `BEST` anchor points of each image, because the others yield no detection.

    Args:
        expected: By image, the outputs (1, 4 + nc, A) in float: cx, cy, w, h in pixels, then class probabilities.
        found: The same, of the quantized detector.
    """
    errors = []
    for wanted, got in zip(expected, found, strict=True):
        best = np.argsort(-wanted[0, 4:].max(axis=0), kind="stable")[:BEST]
        scores = np.abs(wanted[0, 4:, best] - got[0, 4:, best]).max(axis=1).mean()
        overlap = _iou(wanted[0, :4, best], got[0, :4, best]).mean()
        errors.append((float(scores) + 1 - float(overlap)) / 2)
    return float(np.mean(errors))


def _outputs(deployed: Deployed, images: Sequence[Array]) -> list[Array]:
    session = deployed.session(images[0])
    return [session.run([image])[0] for image in images]


def _iou(a: Array, b: Array) -> Array:
    """IoU of boxes (N, 4) of cx, cy, w, h with those of the same position."""
    low = np.maximum(a[:, :2] - a[:, 2:] / 2, b[:, :2] - b[:, 2:] / 2)
    high = np.minimum(a[:, :2] + a[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2)
    shared = np.clip(high - low, 0, None).prod(axis=1)
    union = a[:, 2:].prod(axis=1) + b[:, 2:].prod(axis=1) - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float32)
