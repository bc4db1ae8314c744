"""Deployment: a trained detector as the file of a runtime and precision, compared with float32, measured, explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nas.data.loading import load
from nas.detectors.outputs import difference
from nas.errors import ConfigError, ModelError
from nas.files import write
from nas.latency.runtimes.measure import SESSIONS, WHOLE_SAMPLES, Bench, machine
from nas.progress import Reporter
from nas.quantization.accuracy import detections_of, loss_spread
from nas.quantization.base import HEAD, Conversion, Deployed
from nas.quantization.calibration import COUNT, CalibrationImages, image_array, random_images
from nas.quantization.processor import int8_note
from nas.quantization.registry import choose_conversion
from nas.quantization.sensitivity import IMAGES, row_sensitivity
from nas.runs.deployment_options import NOTHING, WORST, DeployOptions, check_options, worst_count
from nas.runs.deployment_record import DeployedFigures, DeploymentRecord
from nas.runs.export import ExportedModel
from nas.runs.onnx_file import onnx_file

if TYPE_CHECKING:
    from nas.data.dataset import Dataset
    from nas.proxies.detections import Detections

LOSS = 0.01
"""Loss of AP from which the last layers of the head are tried in float."""
BETTER = 0.005
"""Gain of AP from which they stay in float."""
VAL_IMAGES = 1024
"""Largest number of validation images."""


@dataclass(frozen=True)
class _Work:
    """Content that the steps share."""

    options: DeployOptions
    conversion: Conversion
    content: bytes
    data: Dataset | None
    imgsz: int
    reporter: Reporter


def deploy(model: ExportedModel, options: DeployOptions, folder: Path, reporter: Reporter) -> DeploymentRecord:
    """Write a trained detector as a runtime deploys it, with deployment.json and README.md beside it.

    Args:
        model: The detector with trained weights.
        options: The options.
        folder: The folder of the files.
        reporter: Shows messages and progress.

    Returns:
        The content of deployment.json.

    Raises:
        ConfigError: An option cannot be used.
        DataError: The data cannot be used.
        ModelError: The file gives other outputs than torch.
    """
    from nas.runs.deployment_readme import deployment_readme

    conversion = check_options(options)
    if model.trained is None:
        problem, hint = "has no trained weights to deploy", "give a checkpoint (.pt) of nas.train"
        raise ConfigError(problem, file=model.name, hint=hint)
    data = _data(options, model)
    with reporter.bar("export to ONNX, compared with torch"):
        content = onnx_file(model.detector, model.trained, model.imgsz)
    work = _Work(options, conversion, content, data, model.imgsz, reporter)
    plain = choose_conversion(options.runtime, "float32").convert(content)
    _compare(work, model, plain)
    candidates = _candidates(work, plain)
    measured = _measure(work, candidates)
    chosen = _choice(measured)
    file = candidates[chosen].deployed.write(folder, model.name)
    record = _record(work, model, measured, chosen, file)
    record.save(folder)
    write(folder / "README.md", deployment_readme(record))
    return record


def _data(options: DeployOptions, model: ExportedModel) -> Dataset | None:
    if options.data is None:
        return None
    data = load(options.data, model.imgsz, max_train=COUNT, max_val=VAL_IMAGES)
    if data.nc != model.detector.nc:
        problem = f"has {data.nc} classes, and the model was trained for {model.detector.nc}"
        raise ConfigError(problem, field="data", value=options.data, hint="give the data.yaml of its training")
    return data


def _compare(work: _Work, model: ExportedModel, plain: Deployed) -> None:
    """Refuse a float32 file that gives other outputs than the ONNX file, which was compared with torch."""
    image = random_images(work.imgsz, 1)[0]
    expected = Deployed("onnxruntime", "float32", {".onnx": work.content}).session(image).outputs()[0]
    if problem := difference(model.detector, expected, plain.session(image).outputs()[0]):
        reason = f"its file for {plain.runtime} gives other outputs than torch: {problem}"
        raise ModelError(reason, file=model.name, hint="please report the model as a bug")


class _Candidate(NamedTuple):
    """A file, and its detections in the validation images; None without data."""

    deployed: Deployed
    found: Detections | None
    ap: float | None
    loss_sd: float | None = None


def _candidates(work: _Work, plain: Deployed) -> list[_Candidate]:
    """The float32 file; the file of another precision; the one with the head in float if that lost much AP."""
    base = _scored(work, plain)
    if work.options.precision == "float32":
        return [base]
    found = [base, _scored(work, _converted(work, _parts(work)), base)]
    lost = (base.ap or 0.0) - (found[1].ap or 0.0)
    if work.conversion.calibrated and not work.options.keep_float and lost > LOSS:
        work.reporter.say(
            f"{work.options.precision} loses {lost:.3f} AP; now with the last layers of the head in float"
        )
        found.append(_scored(work, _converted(work, (HEAD,)), base))
    return found


def _scored(work: _Work, deployed: Deployed, base: _Candidate | None = None) -> _Candidate:
    """A file with its AP, and the spread of its difference to the AP of ``base``."""
    if work.data is None:
        return _Candidate(deployed, None, None)
    with work.reporter.bar(f"AP of the {deployed.precision} file in {deployed.runtime}") as progress:
        found = detections_of(deployed, work.data.val, progress=progress)
    spread = None if base is None or base.found is None else loss_spread(base.found, found, work.data.nc)
    return _Candidate(deployed, found, found.score(work.data.nc), spread)


def _parts(work: _Work) -> tuple[str, ...]:
    """Parts to leave in float, with ``worst:K`` resolved to numbers of rows."""
    found: list[str] = []
    for given in work.options.keep_float:
        if given.startswith(WORST):
            found += _worst(work, given)
        elif given != NOTHING:
            found.append(given)
    return tuple(dict.fromkeys(found))


def _worst(work: _Work, given: str) -> list[str]:
    import onnx

    from nas.quantization.onnx_graph import read_graph

    rows = list(read_graph(onnx.load_from_string(work.content)).rows)
    assert work.data is not None
    with work.reporter.bar(f"sensitivity of {len(rows)} rows") as progress:
        images = CalibrationImages(work.data.train, IMAGES)
        found = row_sensitivity(work.conversion, work.content, images, rows, progress=progress)
    return [str(sensitivity.row) for sensitivity in found[: worst_count(given)]]


def _converted(work: _Work, keep_float: tuple[str, ...]) -> Deployed:
    images = () if work.data is None else CalibrationImages(work.data.train)
    with work.reporter.bar(f"conversion to {work.options.precision} for {work.options.runtime}"):
        return work.conversion.convert(work.content, images, keep_float)


def _measure(work: _Work, candidates: Sequence[_Candidate]) -> list[DeployedFigures]:
    """Measure the files in one interleaved session."""
    threads = work.options.threads
    image = random_images(work.imgsz, 1)[0] if work.data is None else image_array(work.data.val, 0)
    with work.reporter.bar("latency of the files, interleaved") as progress:
        sessions = [candidate.deployed.session(image, threads) for candidate in candidates]
        # The float32 file is the reference kernel as well: its own drift is what the others are corrected by.
        bench = Bench(candidates[0].deployed.session(image, threads))
        times = bench.measure(sessions, WHOLE_SAMPLES, progress)
    noisy = bench.noise.too_much
    return [
        DeployedFigures(
            precision=candidate.deployed.precision,
            keep_float=candidate.deployed.keep_float,
            ap=candidate.ap,
            loss_sd=candidate.loss_sd,
            ms=time.ms,
            spread_ms=time.spread_ms,
            samples=time.n,
            noisy=noisy,
            size=candidate.deployed.size,
        )
        for candidate, time in zip(candidates, times, strict=True)
    ]


def _choice(measured: Sequence[DeployedFigures]) -> int:
    """The number of the file to write: the last one, unless the head in float brings back too little AP."""
    if len(measured) < 3:
        return len(measured) - 1
    _, wanted, repaired = (figures.ap or 0.0 for figures in measured)
    return 2 if repaired - wanted >= BETTER else 1


def _record(
    work: _Work, model: ExportedModel, measured: Sequence[DeployedFigures], chosen: int, file: Path
) -> DeploymentRecord:
    others = [figures for number, figures in enumerate(measured) if number not in {0, chosen}]
    calibration = len(CalibrationImages(work.data.train)) if work.data and work.conversion.calibrated else 0
    fingerprint = SESSIONS[work.options.runtime].fingerprint()
    return DeploymentRecord(
        name=model.name,
        file=file.name,
        runtime=work.options.runtime,
        version=fingerprint["version"],
        imgsz=model.imgsz,
        nc=model.detector.nc,
        classes=() if work.data is None else work.data.classes,
        data="" if work.options.data is None else work.options.data,
        val_images=0 if work.data is None else len(work.data.val),
        calibration_images=calibration,
        recipe=work.conversion.recipe(),
        threads=work.options.threads,
        cpu=machine()["cpu"],
        date=date.today().isoformat(),
        note=int8_note() if work.options.precision == "int8" else "",
        float32=measured[0],
        deployed=measured[chosen],
        other=others[0] if others else None,
    )
