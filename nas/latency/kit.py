"""A measuring kit: what has to be measured on a device that is not here, and the table that its results become.

The kit is a folder of four files: ``models.zip`` with the ONNX models, ``manifest.json`` that says what they are,
``measure.py``, a copy of `nas.latency.runtimes.measure`, which needs numpy and the runtime alone, and ``README.txt``. On the
device it writes ``results.json``.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from nas.detectors.rows import Detector, ResolvedRow
from nas.detectors.yaml_files import from_yaml, to_yaml
from nas.errors import InputError
from nas.files import replacing, tables_home, write
from nas.latency.accuracy import Model
from nas.latency.entries import Key, Part, ends, inputs, whole
from nas.latency.fingerprint import Identity, file_name, identity, method
from nas.latency.hints import differences, kit_command
from nas.latency.listing import list_tables
from nas.latency.prepare import exporter
from nas.latency.reference import nothing, reference
from nas.latency.runtimes import measure
from nas.latency.runtimes.base import Runtime
from nas.latency.runtimes.measure import MANIFEST, MODELS, RESULTS, KitError, Measurement, Noise
from nas.latency.runtimes.onnx_runtimes import export
from nas.latency.runtimes.registry import choose
from nas.latency.store import Header
from nas.latency.table import LatencyTable
from nas.progress import Progress

SCRIPT, README = "measure.py", "README.txt"
PERIOD = 251
"""A kit's convolutions repeat their first so many weights: a time does not hang on them, and random ones do not
compress. The number is prime, so that no two filters of a row are equal."""

EXPORTED = 128
"""Rows that are exported at a time."""

TEXT = """Measures {what} with {runtime} on the device "{device}".

Copy this folder to the device. There, with Python 3.10 or newer and nothing else running:

    pip install numpy {runtime}
    python measure.py

It may be stopped and started again; it goes on where it was. Then copy the folder back and run:

    python -m nas.latency import FOLDER
"""


class Measured(NamedTuple):
    """A whole detector and what it took, a `Measurement` for each time that it was measured; none where it was not."""

    model: Model
    measured: list[Measurement]


class Unpacked(NamedTuple):
    """What a kit brought home. ``table`` is the device's, extended; times of ``models`` are in units of its reference.
    ``lacking`` says what was not measured, empty when all was; ``noise`` is the device's while it measured; ``note`` is
    what `bundle` was given."""

    table: LatencyTable
    imgsz: int
    models: list[Measured]
    lacking: str
    noise: Noise
    note: dict[str, Any]


def bundle(
    folder: Path,
    device: str,
    runtime: str,
    threads: int,
    rows: Iterable[ResolvedRow],
    calibration: Sequence[Detector],
    models: Sequence[Model],
    imgsz: int,
    progress: Progress | None = None,
    turns: int = 2,
    note: Mapping[str, Any] | None = None,
    rebuild: bool = False,
) -> None:
    """Write a kit that measures these rows on ``device``, the detectors to calibrate by, and whole ``models``.

    What the one table of that device and runtime has already is left out, unless this is to ``rebuild`` it: what comes
    home then takes the place of all that it holds. The models are measured ``turns`` times. ``note``, plain values, is
    handed on to `unpack`. Raises InputError for a folder that holds anything else, a runtime that reads no ONNX files,
    and where nothing is left to measure.
    """
    here = choose(runtime, "cpu", threads)
    if here.name not in measure.SESSIONS:
        raise InputError(f"--runtime {here.name}: a kit takes ONNX models; give {' or '.join(measure.SESSIONS)}")
    _check(folder)
    of = _carried(here) | {"device": device, "runtime": here.name, "threads": threads}
    calibrated, entries = ((), ()) if rebuild else _held(of)
    needed = [(key, part) for part in map(Part.of, rows) for key in part.needs()]
    parts = {key: part.at(key.depth) for key, part in needed if key not in entries}
    if str(imgsz) in calibrated:
        calibration = []
    wholes = [(Model(f"calibration {n}", "other", detector), 1, True) for n, detector in enumerate(calibration, 1)]
    wholes += [(model, turns, False) for model in models]
    if not parts and not wholes:
        problem = f"--device {device}: its table holds all of this already; there is nothing to measure"
        raise InputError(f"{problem}; --rebuild measures it anew")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    with replacing(folder / MODELS) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file:
        add = _Adder(file, len(parts) + len(wholes) + 2, progress)
        content: dict[str, Any] = {
            "format": measure.KIT_FORMAT,
            "runtime": here.name,
            "threads": threads,
            "imgsz": imgsz,
            "identity": _carried(here) | {"device": device},
            "note": dict(note or {}),
            "rebuild": rebuild,
            "reference": add("reference", *reference()),
            "nothing": add("nothing", *nothing()),
            "rows": list(_rows(add, parts)),
            "wholes": [
                {
                    **add(f"wholes/{n:03}", *whole(model.detector, model.imgsz or imgsz)),
                    "name": model.name,
                    "kind": model.kind,
                    "yaml": to_yaml(model.detector),
                    "calibrates": calibrates,
                    "turns": times,
                }
                for n, (model, times, calibrates) in enumerate(wholes, 1)
            ],
        }
    what = " and ".join(f"{n} {name}" for n, name in ((len(parts), "rows"), (len(wholes), "whole models")) if n)
    write(folder / README, TEXT.format(what=what, runtime=here.name, device=device))
    with replacing(folder / SCRIPT) as temporary:
        shutil.copyfile(measure.__file__, temporary)
    # Last of all: without it, it is no kit.
    measure.write_sealed(folder / MANIFEST, {**content, "models": measure.file_hash(folder / MODELS)})


def unpack(folder: Path) -> Unpacked:
    """Take what was measured of a kit into the table of that device in the user's folder, and fit its calibration.

    What a stopped script has left out is told by `Unpacked.lacking`; unpacking again, when it has gone on, adds it and
    counts nothing twice. Raises InputError for files that are missing or not as they were written, results of another
    kit, and a kit of another release.
    """
    again = "run python measure.py there on the device, and copy the folder back"
    try:
        manifest = measure.read_sealed(folder / MANIFEST, "give the folder of a measuring kit, copied whole")
        results = measure.read_sealed(folder / RESULTS, again)
    except KitError as error:
        raise InputError(str(error)) from None
    if results["kit"] != manifest["seal"]:
        raise InputError(f"{folder / RESULTS}: the results of another kit; {again}")
    of: Identity = results["identity"]
    if other := differences({name: of.get(name) for name in method()}, method()):
        raise InputError(f"{folder}: made by another release, {other}; make the kit anew: {kit_command(of)}")
    measured = {file: [Measurement(*turn) for turn in turns] for file, turns in results["measured"].items()}
    rows = [row for row in manifest["rows"] if row["file"] in measured]
    entries = [(_key(row), measured[row["file"]][0]) for row in rows]
    table, scale = _merged(results, entries, manifest.get("rebuild", False))
    fitted, models = list[Measured](), list[Measured]()
    for entry in manifest["wholes"]:
        turns = [Measurement(ms * scale, spread_ms * scale, n) for ms, spread_ms, n in measured.get(entry["file"], [])]
        (fitted if entry["calibrates"] else models).append(Measured(_model(entry), turns))
    _calibrate(table, fitted, manifest["imgsz"])
    short = sum(len(measured.get(entry["file"], [])) < entry["turns"] for entry in manifest["wholes"])
    missing = {
        f"{len(manifest['rows']) - len(rows)} of {len(manifest['rows'])} rows": len(rows) < len(manifest["rows"]),
        f"{short} of {len(manifest['wholes'])} whole models": short > 0,
    }
    lacking = " and ".join(text for text, true in missing.items() if true)
    noise = Noise(results["quiet"], results["steal"])
    return Unpacked(table, manifest["imgsz"], models, lacking, noise, manifest["note"])


class _Adder:
    """Puts models into a kit's archive; gives each one's name there and its inputs' shapes."""

    def __init__(self, archive: zipfile.ZipFile, total: int, progress: Progress | None):
        self._archive, self._total, self._progress, self._done = archive, total, progress, 0

    def __call__(self, name: str, module: nn.Module, inputs: Sequence[torch.Tensor]) -> dict[str, Any]:
        return self.file(name, export(module, inputs), inputs)

    def file(self, name: str, model: bytes, inputs: Sequence[torch.Tensor]) -> dict[str, Any]:
        """The same with a model that is exported already."""
        self._archive.writestr(f"{name}.onnx", _light(model))
        self._done += 1
        if self._progress is not None:
            self._progress(self._done / self._total)
        return {"file": f"{name}.onnx", "shapes": [list(x.shape) for x in inputs]}


def _rows(add: _Adder, parts: Mapping[Key, ResolvedRow]) -> Iterator[dict[str, Any]]:
    keys = list(parts)
    with exporter(len(keys)) as make:
        for start in range(0, len(keys), EXPORTED):
            group = keys[start : start + EXPORTED]
            models = make([parts[key] for key in group])
            for n, (key, model) in enumerate(zip(group, models, strict=True), start + 1):
                row = add.file(f"rows/{n:04}-{key.operator}", model, inputs(parts[key]))
                yield {**row, **key._asdict(), "ends": ends(parts[key])}


def _check(folder: Path) -> None:
    """Refuse a folder that holds anything but a kit that nobody has measured, or the beginnings of one."""
    if not folder.exists():
        return
    if (folder / RESULTS).exists():
        mend = f"take them home with python -m nas.latency import {folder}, and give another folder"
        raise InputError(f"{folder}: holds what was measured of a kit; {mend}")
    own = {MANIFEST, MODELS, SCRIPT, README}
    if not folder.is_dir() or any(path.name not in own and path.suffix != ".tmp" for path in folder.iterdir()):
        raise InputError(f"{folder}: is not an empty folder; give another one")


def _held(of: Identity) -> tuple[Collection[str], Collection[Key]]:
    """The image sizes that a device's table is calibrated at, and its entries; none where several tables fit, since the
    runtime's version on the device decides which is extended."""
    fits = [t.held for t in list_tables() if t.held is not None and of.items() <= t.held[0].identity.items()]
    return (fits[0][0].calibrations, fits[0][1]) if len(fits) == 1 else ((), ())


def _carried(runtime: Runtime) -> Identity:
    """What of an identity is not found out on the device."""
    found = {*measure.machine(), *measure.SESSIONS[runtime.name].fingerprint(), "threads"}
    return {name: value for name, value in identity(runtime).items() if name not in found}


def _light(model: bytes) -> bytes:
    """The model with the first weights of each convolution over and over: they compress."""
    import onnx
    from onnx import numpy_helper

    loaded = onnx.load_from_string(model)
    weights = {node.input[1] for node in loaded.graph.node if node.op_type in {"Conv", "ConvTranspose"}}
    for tensor in loaded.graph.initializer:
        if tensor.name in weights:
            values = numpy_helper.to_array(tensor)
            if values.size > PERIOD:
                tensor.CopyFrom(numpy_helper.from_array(np.resize(values.flat[:PERIOD], values.shape), tensor.name))
    return bytes(loaded.SerializeToString())


def _key(row: Mapping[str, Any]) -> Key:
    return Key(*(row[name] for name in Key._fields))


def _model(entry: Mapping[str, Any]) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.yaml"
        file.write_text(entry["yaml"], encoding="utf-8")
        return Model(entry["name"], entry["kind"], from_yaml(file))


def _merged(
    results: Mapping[str, Any], entries: Sequence[tuple[Key, Measurement]], rebuild: bool
) -> tuple[LatencyTable, float]:
    """The table with these entries in it, in the order in which they were measured, and its reference in units of the
    results'."""
    of: Identity = results["identity"]
    header = Header(of, *(results[name] for name in ("date", "reference_ms", "overhead_ms")))
    header.quiet, header.steal = results["quiet"], results["steal"]
    path = tables_home() / file_name(of)
    if path.exists():
        table = LatencyTable.find(str(of["device"]), str(of["runtime"]), int(of["threads"]), path)
    else:
        table = LatencyTable(None, path, of)
    # The results of one kit, begun once. Merging makes the mean of what was measured twice, so what was taken of them
    # before must not come again.
    session = f"{results['kit'][:16]}-{results['reference_ms']:.9g}"
    taken = table.header.kits.get(session, 0) if len(table) else 0
    if new := entries[taken:]:
        header.kits = {session: len(entries)}
        alone = {key: Measurement(max(0.0, ms - header.overhead_ms), spread, n) for key, (ms, spread, n) in new}
        table.merge(header, alone, rebuild and not taken)
    return table, table.header.reference_ms / header.reference_ms if len(table) else 1.0


def _calibrate(table: LatencyTable, fitted: Sequence[Measured], imgsz: int) -> None:
    """Fit the factor, unless the table has one, or something of what it is fitted to is not measured yet."""
    detectors = [m.model.detector for m in fitted]
    whole = fitted and all(m.measured for m in fitted)
    if not whole or table.missing(row for detector in detectors for row in detector.resolve(imgsz)):
        return
    if str(imgsz) not in table.header.calibrations:
        table.fit(detectors, [m.measured[0] for m in fitted], imgsz)
