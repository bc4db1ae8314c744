"""Accuracy of a deployed file in its runtime."""

from __future__ import annotations

import os

import numpy as np
import torch

from nas.data.dataset import Split
from nas.errors import DataError, ModelError
from nas.progress import Progress, silent
from nas.proxies.ap import average_precision
from nas.proxies.detections import Detections
from nas.proxies.nms import nms
from nas.quantization.base import Deployed
from nas.quantization.calibration import image_array

RESAMPLES, LARGEST = 24, 256
"""Number of draws of the bootstrap, and largest number of images in a draw."""


def evaluate(
    deployed: Deployed, split: Split, nc: int, *, threads: int | None = None, progress: Progress = silent
) -> float:
    """AP50-95 of a deployed file, from 0 to 1; arguments and errors are those of `detections_of`."""
    return detections_of(deployed, split, threads=threads, progress=progress).score(nc)


def detections_of(
    deployed: Deployed, split: Split, *, threads: int | None = None, progress: Progress = silent
) -> Detections:
    """Detections of a deployed file: its runtime computes the outputs for every image of a split.

    Args:
        deployed: The files.
        split: The validation split, at the size of the file's images.
        threads: Threads of the runtime; default: one for each core.
        progress: Receives the share of the images.

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
    return Detections(split, list(range(len(split))), boxes)


def loss_spread(before: Detections, after: Detections, nc: int) -> float:
    """Standard deviation of the difference of two APs on the same images, over other choices of images.

    It is the paired bootstrap; of many images, `LARGEST` are drawn at a time (m out of n bootstrap; Politis, Romano and
    Wolf, "Subsampling", 1999), and the result is scaled to all.

    Args:
        before: Detections of one file.
        after: Detections of another file in the same images.
        nc: Number of classes.
    """
    random = np.random.default_rng(0)
    count = len(before.images)
    drawn = min(count, LARGEST)
    losses = []
    for _ in range(RESAMPLES):
        chosen = random.integers(count, size=drawn).tolist()
        truths = [before.split.boxes[before.images[index]] for index in chosen]
        if any(map(len, truths)):
            one, other = (
                average_precision([of.boxes[index] for index in chosen], truths, nc) for of in (before, after)
            )
            losses.append(one - other)
    return float(np.std(losses, ddof=1) * np.sqrt(drawn / count))
