"""Results of a measuring kit, imported into the table of its device."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nas.detectors.yaml_files import from_yaml
from nas.errors import TableError
from nas.files import tables_home
from nas.latency.entries import Key
from nas.latency.fingerprint import Identity, file_name, method
from nas.latency.header import Header
from nas.latency.hints import differences, kit_hint
from nas.latency.models import Model
from nas.latency.opening import read_table
from nas.latency.runtimes import measure
from nas.latency.runtimes.measure import MANIFEST, RESULTS, KitError, Measurement, Noise
from nas.latency.table import LatencyTable
from nas.latency.table_file import TableFile, scaled
from nas.plurals import counted


class MeasuredModel(NamedTuple):
    """A detector and its end-to-end measurements, one for each time that it was measured."""

    model: Model
    measured: list[Measurement]


class KitResults(NamedTuple):
    """Results of a measuring kit.

    Attributes:
        table: The device's table, extended.
        imgsz: The image size in pixels.
        models: Detectors measured end-to-end, in units of the table's reference kernel.
        lacking: Description of what was not measured; empty if everything was.
        noise: Noise of the device while it measured.
        note: The note of the kit's `nas.latency.kit.KitSpec`.
    """

    table: LatencyTable
    imgsz: int
    models: list[MeasuredModel]
    lacking: str
    noise: Noise
    note: dict[str, Any]


def import_kit(folder: Path) -> KitResults:
    """Import the results of a kit into its device's table in the user's folder, and calibrate the table.

    A kit may be imported again after the device has measured more; nothing is counted twice.

    Args:
        folder: The kit's folder, copied back from the device.

    Raises:
        TableError: Files are missing or damaged, or belong to another kit or another release.
    """
    manifest, results = _read(folder)
    measured = {file: [Measurement(*turn) for turn in turns] for file, turns in results["measured"].items()}
    rows = [row for row in manifest["rows"] if row["file"] in measured]
    entries = [(_key(row), measured[row["file"]][0]) for row in rows]
    file = _merged(results, entries, manifest.get("rebuild", False))
    scale = file.table.header.reference_ms / results["reference_ms"] if len(file.table) else 1.0
    fitted, models = list[MeasuredModel](), list[MeasuredModel]()
    for entry in manifest["wholes"]:
        turns = [scaled(turn, scale) for turn in measured.get(entry["file"], [])]
        (fitted if entry["calibrates"] else models).append(MeasuredModel(_model(entry), turns))
    _calibrate(file, fitted, manifest["imgsz"])
    lacking = _lacking(manifest, measured)
    noise = Noise(results["quiet"], results["steal"])
    return KitResults(file.table, manifest["imgsz"], models, lacking, noise, manifest["note"])


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The manifest and the results of a kit."""
    again = "run python measure.py there on the device, and copy the folder back"
    try:
        manifest = measure.read_sealed(folder / MANIFEST, "give the folder of a measuring kit, copied completely")
        results = measure.read_sealed(folder / RESULTS, again)
    except KitError as error:
        raise TableError(error.problem, file=error.file, hint=error.hint) from None
    if results["kit"] != manifest["seal"]:
        raise TableError("the results of another kit", file=folder / RESULTS, hint=again)
    fingerprint: Identity = results["identity"]
    if other := differences({name: fingerprint.get(name) for name in method()}, method()):
        hint = f"make the kit anew: {kit_hint(fingerprint)}"
        raise TableError(f"made by another release, {other}", file=folder, hint=hint)
    return manifest, results


def _lacking(manifest: Mapping[str, Any], measured: Mapping[str, Sequence[Measurement]]) -> str:
    """Description of the rows and models that were not measured."""
    rows, models = manifest["rows"], manifest["wholes"]
    counts = {
        counted(len(rows), "row"): sum(row["file"] not in measured for row in rows),
        f"{len(models)} complete models": sum(len(measured.get(m["file"], [])) < m["turns"] for m in models),
    }
    return " and ".join(f"{count} of {text}" for text, count in counts.items() if count)


def _key(row: Mapping[str, Any]) -> Key:
    return Key(*(row[name] for name in Key._fields))


def _model(entry: Mapping[str, Any]) -> Model:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.yaml"
        file.write_text(entry["yaml"], encoding="utf-8")
        return Model(entry["name"], entry["kind"], from_yaml(file))


def _merged(results: Mapping[str, Any], entries: Sequence[tuple[Key, Measurement]], rebuild: bool) -> TableFile:
    """The device's table with these entries, which come in the order in which they were measured."""
    fingerprint: Identity = results["identity"]
    path = tables_home() / file_name(fingerprint)
    file = TableFile(read_table(path) if path.exists() else LatencyTable(path, fingerprint, local=False))
    # The results of one kit that was begun once. Merging averages what was measured twice, so entries that were
    # imported before must not be merged again.
    session = f"{results['kit'][:16]}-{results['reference_ms']:.9g}"
    taken = file.table.header.kits.get(session, 0) if len(file.table) else 0
    if new := entries[taken:]:
        header = Header(
            identity=fingerprint,
            date=results["date"],
            reference_ms=results["reference_ms"],
            overhead_ms=results["overhead_ms"],
            quiet=results["quiet"],
            steal=results["steal"],
            kits={session: len(entries)},
        )
        merged = {key: m._replace(ms=max(0.0, m.ms - header.overhead_ms)) for key, m in new}
        file.merge(header, merged, rebuild and not taken)
    return file


def _calibrate(file: TableFile, fitted: Sequence[MeasuredModel], imgsz: int) -> None:
    """Fit the factor, unless the table has one or a measurement that it needs is missing."""
    detectors = [measured.model.detector for measured in fitted]
    complete = fitted and all(measured.measured for measured in fitted)
    if not complete or file.table.missing(row for detector in detectors for row in detector.resolve(imgsz)):
        return
    if not file.table.calibrated(imgsz):
        file.fit(detectors, [measured.measured[0] for measured in fitted], imgsz)
