"""The teacher at smaller images: its AP and latency, which its user has without a search."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import NamedTuple, cast

import torch

from nas.data.loading import load_validation
from nas.data.spacing import evenly_spaced
from nas.detectors.head_width import with_class_width
from nas.detectors.network import Network, fuse
from nas.detectors.wide_head import hidden_channels
from nas.interrupts import stop_if_asked
from nas.latency.errors import MissingEntryError
from nas.latency.runtimes.base import Prepared, Runtime
from nas.latency.runtimes.measure import Measurement
from nas.objectives.target import Target
from nas.progress import Progress, part, silent
from nas.proxies.base import Proxy
from nas.proxies.detections import detect
from nas.proxies.teacher import Teacher
from nas.runs.size_curve import SizePoint
from nas.search.plan import SearchPlan

STEP = 32
"""Distance of two image sizes in pixels."""
SMALLEST = 0.4
"""The smallest image size, as a share of the deployment's. It has a sixth of the pixels."""
LEAST = 64
"""The smallest image size in pixels."""
MOST_SIZES = 8
MOST_IMAGES = 4096
"""Largest number of validation images of a final figure."""
EVALUATION = 0.7
"""Share of the progress that the evaluation takes; the measurement takes the rest."""


class _Evaluated(NamedTuple):
    """AP50-95, and that without one group of images each."""

    ap: float
    jackknife: tuple[float, ...]


def curve_sizes(sizes: Sequence[int], multiple: int = STEP) -> tuple[int, ...]:
    """The image sizes of a size curve: the deployment size, then smaller ones, evenly spaced.

    Args:
        sizes: Image sizes of the search; the first is the deployment size. Larger ones than that are taken too.
        multiple: The number of pixels that divides every image size of the teacher.

    Example:
        >>> curve_sizes([320])
        (320, 288, 256, 224, 192, 160, 128)
    """
    step = max(STEP, multiple)
    deployed, largest = sizes[0], max(sizes)
    least = max(LEAST, SMALLEST * deployed)
    others = [size for size in range(largest, 0, -step) if size >= least and size != deployed]
    last_first = others[::-1]  # an even selection takes the first item: the smallest size
    chosen = [last_first[index] for index in evenly_spaced(len(last_first), MOST_SIZES - 1)]
    return (deployed, *chosen[::-1])


def measure_size_curve(
    plan: SearchPlan, target: Target, teacher: Teacher, sizes: Sequence[int], progress: Progress = silent
) -> tuple[SizePoint, ...]:
    """Evaluate the teacher at several image sizes, and measure it there end-to-end, interleaved in one session.

    All validation images are used, up to `MOST_IMAGES`. Where the device cannot be measured, the table predicts the
    latency; it is None at image sizes that the table does not know.

    Args:
        plan: The plan of the search.
        target: The deployment target.
        teacher: The trained detector.
        sizes: Image sizes in pixels, such as `curve_sizes`; the deployment size comes first.
        progress: Receives the share done.

    Raises:
        ProxyError: The teacher's output is not finite, or no validation image has a box.
    """
    if plan.builder is None and (plan.remote is None or plan.table.forced):
        found = _evaluated(plan.proxy, teacher, sizes, progress)
        known = [_predicted(target, teacher, size) for size in sizes]
        rows = zip(sizes, found, known, strict=True)
        return tuple(SizePoint(size, ap, ms, None, False, parts) for size, (ap, parts), ms in rows)
    found = _evaluated(plan.proxy, teacher, sizes, part(progress, 0, EVALUATION))
    measured = _measured(plan, teacher, sizes, part(progress, EVALUATION, 1 - EVALUATION))
    timed = zip(sizes, found, measured, strict=True)
    return tuple(SizePoint(size, ap, time.ms, time.spread_ms, True, parts) for size, (ap, parts), time in timed)


def _predicted(target: Target, teacher: Teacher, imgsz: int) -> float | None:
    """Predicted latency in ms; None if the table has no entries for this image size."""
    with suppress(MissingEntryError):
        return float(target.table.predict(teacher.detector, imgsz).total_ms)
    return None


def _evaluated(proxy: Proxy, teacher: Teacher, sizes: Sequence[int], progress: Progress) -> list[_Evaluated]:
    """The teacher at each image size, on all validation images up to `MOST_IMAGES`."""
    dataset, found = proxy.dataset, list[_Evaluated]()
    recipe = replace(proxy.recipe, val_images=MOST_IMAGES)
    before = next(teacher.network.parameters()).device
    network = teacher.network.to(proxy.device)
    for count, size in enumerate(sizes, 1):
        stop_if_asked()
        split = load_validation(dataset.origin, size, most=MOST_IMAGES)
        detected = detect(network, split, recipe, device=proxy.device)
        found.append(_Evaluated(detected.score(dataset.nc), detected.jackknife(dataset.nc)))
        progress(count / len(sizes))
    teacher.network.to(before)
    return found


def _measured(plan: SearchPlan, teacher: Teacher, sizes: Sequence[int], progress: Progress) -> Sequence[Measurement]:
    """Latency of the teacher at each image size, on this machine or on a worker of a cluster."""
    if plan.builder is None:
        assert plan.remote is not None  # the caller has looked
        rows = with_class_width(teacher.detector, hidden_channels(teacher.network.state_dict()))
        return plan.remote.measure_end_to_end([rows] * len(sizes), sizes)
    network = cast(Network, fuse(copy.deepcopy(teacher.network).cpu()))
    return plan.builder.measure_prepared([partial(_prepared, network, size) for size in sizes], progress)


def _prepared(network: Network, imgsz: int, runtime: Runtime) -> Prepared:
    generator = torch.Generator().manual_seed(0)
    return runtime.prepare(network, [torch.rand(1, 3, imgsz, imgsz, generator=generator)])
