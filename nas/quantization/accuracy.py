"""Accuracy of a deployed file in its runtime."""

from __future__ import annotations

import os

import torch

from nas.data.dataset import Split
from nas.errors import DataError, ModelError
from nas.progress import Progress, silent
from nas.proxies.detections import Detections
from nas.proxies.nms import nms
from nas.quantization.base import Deployed
from nas.quantization.calibration import image_array


def evaluate(
    deployed: Deployed, split: Split, nc: int, *, threads: int | None = None, progress: Progress = silent
) -> float:
    """AP50-95 of a deployed file: its runtime computes the outputs for every image of a split.

    Args:
        deployed: The files.
        split: The validation split, at the size of the file's images.
        nc: Number of classes.
        threads: Threads of the runtime; default: one for each core.
        progress: Receives the share of the images.

    Returns:
        AP50-95, from 0 to 1.

    Raises:
        DataError: No image of the split has a box.
        ModelError: An output is not finite.
    """
    if not any(map(len, split.boxes)):
        raise DataError("there is no box in the validation images", field="val")
    session = deployed.session(image_array(split, 0), threads or len(os.sched_getaffinity(0)))
    boxes = []
    for index in range(len(split)):
        output = torch.from_numpy(session.run([image_array(split, index)])[0])
        if not torch.isfinite(output).all():
            problem = f"its {deployed.precision} file for {deployed.runtime} gives numbers that are not finite"
            raise ModelError(problem, hint="please report the model as a bug")
        boxes += nms(output)
        progress((index + 1) / len(split))
    return Detections(split, list(range(len(split))), boxes).score(nc)
