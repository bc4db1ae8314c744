"""Outputs of a detector from two sources, compared."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.detectors.rows import Detector

BOX_ATOL, SCORE_ATOL = 0.05, 2e-3
"""Largest differences of a box in pixels and of a score. Runtimes sum in another order than torch."""
RTOL = 1e-4
"""Largest difference of a box over the largest number of the boxes, for boxes far larger than an image."""

Array = NDArray[np.floating[Any]]


def difference(detector: Detector, expected: Array, found: Array) -> str:
    """The difference of two outputs in words; empty if there is none but rounding.

    Args:
        detector: The rows.
        expected: (B, 4 + nc, A), or (B, A, 5 + nc) of an anchor head: boxes in pixels, then scores.
        found: The same, from elsewhere.
    """
    if expected.shape != found.shape:
        return f"{list(found.shape)} numbers, not {list(expected.shape)}"
    axis = 2 if detector.rows[-1].module == "AnchorDetect" else 1
    wanted, got = (np.split(values, [4], axis) for values in (expected, found))
    boxes, scores = (float(np.abs(a - b).max()) for a, b in zip(wanted, got, strict=True))
    if boxes <= BOX_ATOL + RTOL * float(np.abs(wanted[0]).max()) and scores <= SCORE_ATOL:
        return ""
    return f"boxes differ by up to {boxes:.3g} px, scores by up to {scores:.3g}"
