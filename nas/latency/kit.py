"""Measuring kit: everything that a device without this package needs to measure.

The kit is a folder of four files: ``models.zip`` with ONNX models, ``manifest.json`` that describes them,
``measure.py``, a copy of `nas.latency.runtimes.measure`, which needs only numpy and the runtime, and ``README.txt``. On
the device it writes ``results.json``, which `nas.latency.kit_results` reads.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas.detectors.rows import Detector, ResolvedRow
from nas.detectors.yaml_files import to_yaml
from nas.errors import TableError
from nas.files import replacing, write
from nas.latency.entries import Key, Part
from nas.latency.errors import NothingToMeasureError
from nas.latency.fingerprint import Identity, identity
from nas.latency.kit_models import KitModels
from nas.latency.listing import list_tables
from nas.latency.models import Model
from nas.latency.reference import SHAPES, reference_file
from nas.latency.runtimes import measure
from nas.latency.runtimes.base import Runtime
from nas.latency.runtimes.measure import MANIFEST, MODELS, RESULTS
from nas.latency.runtimes.registry import choose
from nas.progress import Progress, silent

SCRIPT, README = "measure.py", "README.txt"

TEXT = """Measures {what} with {runtime} on the device "{device}".

Copy this folder to the device. There, with Python 3.10 or newer and nothing else running:

    pip install numpy {runtime}
    python measure.py

It may be stopped and started again; it continues where it was. Then copy the folder back and run:

    python -m nas.latency import FOLDER
"""


@dataclass(frozen=True)
class KitSpec:
    """Contents of a measuring kit.

    Attributes:
        device: Name of the device.
        runtime: Name of a runtime that reads ONNX files, or ``auto``.
        threads: Threads of the runtime.
        imgsz: The image size in pixels.
        rows: Rows for the device's table.
        calibration: Detectors to calibrate the table with.
        models: Detectors to measure end-to-end.
        turns: Number of times that the models are measured.
        note: Plain values; `nas.latency.kit_results.import_kit` returns them.
        rebuild: Measures also what the device's table contains. The results replace its contents.
    """

    device: str
    runtime: str
    threads: int
    imgsz: int
    rows: Sequence[ResolvedRow] = ()
    calibration: Sequence[Detector] = ()
    models: Sequence[Model] = ()
    turns: int = 2
    note: Mapping[str, Any] = field(default_factory=dict)
    rebuild: bool = False


def write_kit(folder: Path, spec: KitSpec, progress: Progress = silent) -> None:
    """Write a measuring kit. Rows and calibrations that the device's table contains are left out.

    Args:
        folder: A new or empty folder.
        spec: Contents of the kit.
        progress: Receives the share done.

    Raises:
        TableError: The folder contains other files, or the runtime reads no ONNX files.
        NothingToMeasureError: The device's table contains everything.
    """
    runtime = choose(spec.runtime, "cpu", spec.threads)
    if runtime.name not in measure.SESSIONS:
        hint = f"give {' or '.join(measure.SESSIONS)}"
        raise TableError("a kit takes ONNX models", field="runtime", value=runtime.name, hint=hint)
    _check_folder(folder)
    rows, models = _to_measure(spec, runtime)
    if not rows and not models:
        problem, hint = "its table contains all of this already", "measure it again with `rebuild`"
        raise NothingToMeasureError(problem, field="device", value=spec.device, hint=hint)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    with replacing(folder / MODELS) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        added = KitModels(archive, len(rows) + len(models) + len(SHAPES), progress)
        content = _content(spec, runtime, rows, models, added)
    counts = ((len(rows), "rows"), (len(models), "complete models"))
    what = " and ".join(f"{n} {name}" for n, name in counts if n)
    write(folder / README, TEXT.format(what=what, runtime=runtime.name, device=spec.device))
    with replacing(folder / SCRIPT) as temporary:
        shutil.copyfile(measure.__file__, temporary)
    # The manifest comes last: a folder without it is not a kit.
    measure.write_sealed(folder / MANIFEST, {**content, "models": measure.file_hash(folder / MODELS)})


@dataclass(frozen=True)
class _Measured:
    """A model of the kit, the number of times that it is measured, and True if it calibrates the table."""

    model: Model
    turns: int
    calibrates: bool


def _to_measure(spec: KitSpec, runtime: Runtime) -> tuple[dict[Key, ResolvedRow], list[_Measured]]:
    """Rows and models that the device's table lacks."""
    known = _portable(runtime) | {"device": spec.device, "runtime": runtime.name, "threads": spec.threads}
    calibrated, entries = ((), ()) if spec.rebuild else _held(known)
    needed = [(key, part) for part in map(Part.of, spec.rows) for key in part.needs()]
    rows = {key: part.at(key.depth) for key, part in needed if key not in entries}
    fitted = () if str(spec.imgsz) in calibrated else spec.calibration
    models = [_Measured(Model(f"calibration {n}", "other", detector), 1, True) for n, detector in enumerate(fitted, 1)]
    return rows, [*models, *(_Measured(model, spec.turns, False) for model in spec.models)]


def _content(
    spec: KitSpec,
    runtime: Runtime,
    rows: Mapping[Key, ResolvedRow],
    models: Sequence[_Measured],
    added: KitModels,
) -> dict[str, Any]:
    """The manifest, without the hash of the archive."""
    reference, nothing = (added.add(name, reference_file(name), [SHAPES[name]]) for name in ("reference", "nothing"))
    return {
        "format": measure.KIT_FORMAT,
        "runtime": runtime.name,
        "threads": spec.threads,
        "imgsz": spec.imgsz,
        "identity": _portable(runtime) | {"device": spec.device},
        "note": dict(spec.note),
        "rebuild": spec.rebuild,
        "reference": reference,
        "nothing": nothing,
        "rows": list(added.add_rows(rows)),
        "wholes": [_model_entry(n, measured, spec.imgsz, added) for n, measured in enumerate(models, 1)],
    }


def _model_entry(number: int, measured: _Measured, imgsz: int, added: KitModels) -> dict[str, Any]:
    """Add a model and return its part of the manifest."""
    from nas.latency.modules import end_to_end  # imports torch
    from nas.latency.runtimes.onnx_runtimes import export

    model = measured.model
    size = model.imgsz or imgsz
    return {
        **added.add(f"wholes/{number:03}", export(*end_to_end(model.detector, size)), [(1, 3, size, size)]),
        "name": model.name,
        "kind": model.kind,
        "yaml": to_yaml(model.detector),
        "calibrates": measured.calibrates,
        "turns": measured.turns,
    }


def _check_folder(folder: Path) -> None:
    """Refuse a folder that contains anything but a kit without results, or the beginning of one."""
    if not folder.exists():
        return
    if (folder / RESULTS).exists():
        hint = f"import them with python -m nas.latency import {folder}, and give another folder"
        raise TableError("holds the results of a kit", file=folder, hint=hint)
    own = {MANIFEST, MODELS, SCRIPT, README}
    if not folder.is_dir() or any(path.name not in own and path.suffix != ".tmp" for path in folder.iterdir()):
        raise TableError("is not an empty folder", file=folder, hint="give another one")


def _held(known: Identity) -> tuple[Collection[str], Collection[Key]]:
    """Calibrated image sizes and entries of a device's table.

    Both are empty if several tables fit: the runtime's version on the device decides which one is extended.
    """
    contents = [table.contents for table in list_tables() if table.contents is not None]
    fits = [held for held in contents if known.items() <= held[0].identity.items()]
    return (fits[0][0].calibrations, fits[0][1]) if len(fits) == 1 else ((), ())


def _portable(runtime: Runtime) -> Identity:
    """The part of a fingerprint that is known before the kit is on the device."""
    found = {*measure.machine(), *measure.SESSIONS[runtime.name].fingerprint(), "threads"}
    return {name: value for name, value in identity(runtime).items() if name not in found}
