"""Offline finalists: they leave in a measuring kit for a device that is not this machine, and return measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nas.detectors.head_width import with_class_width
from nas.detectors.rows import Detector
from nas.errors import ConfigError
from nas.latency.devices import is_local
from nas.latency.hints import differences
from nas.latency.kit import KitSpec, write_kit
from nas.latency.kit_results import KitResults
from nas.latency.models import Model
from nas.latency.runtimes.measure import Measurement
from nas.progress import Progress, silent
from nas.runs.directory import RunDirectory
from nas.runs.finalists import Finalist, front_of, write_front
from nas.runs.record import RunResult
from nas.runs.run import load_run
from nas.runs.size_curve import SizePoint, write_curve
from nas.spaces.architecture import decode


def bundle_finalists(folder: Path, kit: Path, progress: Progress = silent) -> None:
    """Write a kit that measures the finalists of a run end-to-end on the run's device, and its teacher at each size.

    Args:
        folder: The run directory.
        kit: The kit's folder.
        progress: Receives the share done.

    Raises:
        ConfigError: The run is not finished, or its device is this machine.
        TableError: As for `nas.latency.kit.write_kit`.
    """
    run = load_run(folder)
    fingerprint, result = run.record.fingerprint, run.result
    device, runtime, threads = str(fingerprint["device"]), str(fingerprint["runtime"]), int(fingerprint["threads"])
    if is_local(device):
        problem = f"its device {device} is this machine, so its search has measured the finalists"
        raise ConfigError(problem, field="run", value=folder)
    models = [Model(f.arch, "other", decode(f.arch).detector(result.nc), f.imgsz) for f in result.finalists]
    models += [Model(_name(point), "other", _teacher(result), point.imgsz) for point in result.curve]
    note = {"run": str(folder.resolve())}
    imgsz = run.config.imgsz[0]
    write_kit(kit, KitSpec(device, runtime, threads, imgsz, models=models, turns=1, note=note), progress)


def import_finalists(results: KitResults, folder: Path | None = None) -> Path:
    """Write what the device measured into the run: front, limits, stock model and size curve by measured latency.

    Args:
        results: The kit's results.
        folder: The run directory, where it moved since the kit was made.

    Returns:
        The run directory.

    Raises:
        ConfigError: A finalist is not measured, or the kit belongs to another run, device or runtime. The run is
            unchanged.
    """
    folder = folder or Path(results.note["run"])
    run = load_run(folder)
    result = run.result
    if other := differences(run.record.fingerprint, results.table.fingerprint):
        raise ConfigError(f"its latencies are {other}; nothing was changed", file=folder)
    measured = {entry.model.name: entry.measured for entry in results.models}
    curve = {_name(point) for point in result.curve}
    if measured.keys() != {finalist.arch for finalist in result.finalists} | curve:
        hint = f"make a new kit with python -m nas.latency bundle DIR --run {folder}"
        raise ConfigError("its finalists are not those of the kit", file=folder, hint=hint)
    if not all(measured.values()):
        problem, hint = f"{results.lacking} were not measured", "run measure.py there again until it is done"
        raise ConfigError(problem, file=folder, hint=hint)
    finalists = [_measured(finalist, measured[finalist.arch][0]) for finalist in result.finalists]
    front = front_of(finalists, run.config.limits, run.config.minimize)
    write_front(folder, front.models, result.nc, result.unit, data=run.config.data)
    points = tuple(_measured_point(point, measured[_name(point)][0]) for point in result.curve)
    write_curve(folder, points)
    changes = {"finalists": (*front.models, *front.others), "stock": front.stock, "curve": points}
    RunDirectory(folder, run.record).save(result=result.model_copy(update=changes))
    return folder


def _measured(finalist: Finalist, end_to_end: Measurement) -> Finalist:
    return replace(finalist, latency_ms=end_to_end.ms, latency_spread_ms=end_to_end.spread_ms)


def _measured_point(point: SizePoint, end_to_end: Measurement) -> SizePoint:
    return replace(point, latency_ms=end_to_end.ms, latency_spread_ms=end_to_end.spread_ms, measured=True)


def _name(point: SizePoint) -> str:
    """Name of the teacher at an image size, in a kit."""
    return f"teacher@{point.imgsz}"


def _teacher(result: RunResult) -> Detector:
    """The rows of the teacher: those of the stock model, with a head as wide as the teacher's."""
    width = 0 if result.teacher is None else result.teacher.class_width
    return with_class_width(decode(result.stock.arch).detector(result.nc), width)
