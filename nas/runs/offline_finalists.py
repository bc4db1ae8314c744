"""Finalists of a run whose device is not here: they go out as a measuring kit and come back measured."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from nas.errors import InputError
from nas.latency.accuracy import Model
from nas.latency.hints import differences
from nas.latency.kit import Unpacked, bundle
from nas.latency.opening import is_here
from nas.objectives.limits import Limits
from nas.progress import Progress
from nas.runs.directory import Run
from nas.runs.finalists import Finalist, front_of, write_front
from nas.spaces.architecture import decode


def bundle_finalists(run: Path, folder: Path, progress: Progress | None = None) -> None:
    """Write a kit that measures the finalists of a run and the stock model whole, on the run's device.

    Raises InputError for a run that is not finished or whose device is here, and as `nas.latency.kit.bundle` does.
    """
    held = _open(run)
    of = held.facts["latency"]
    if is_here(of["device"]):
        raise InputError(f"--run {run}: its device {of['device']} is here, so its search has measured the finalists")
    nc, imgsz = held.facts["nc"], held.facts["options"]["imgsz"][0]
    finalists = _finalists(held).values()
    models = [Model(f.arch, "other", decode(f.arch).detector(nc), f.imgsz) for f in finalists]
    note = {"run": str(run.resolve())}
    bundle(folder, of["device"], of["runtime"], of["threads"], (), (), models, imgsz, progress, turns=1, note=note)


def take_home(unpacked: Unpacked, run: Path | None = None) -> Path:
    """Write what the device measured into the run that the kit was made of, or that lies at ``run`` now: the front by
    measured latency, which of it keeps the limits, and the stock model. Returns the run.

    Raises InputError, and changes nothing, while a finalist is not measured, for another run, and for a device or
    runtime other than the run's.
    """
    folder = run or Path(unpacked.note["run"])
    held = _open(folder)
    if other := differences(held.facts["latency"], unpacked.table.fingerprint):
        raise InputError(f"{folder}: its latencies are {other}; nothing was changed")
    measured, finalists = {m.model.name: m.measured for m in unpacked.models}, _finalists(held)
    if measured.keys() != finalists.keys():
        mend = f"make a kit anew with python -m nas.latency bundle DIR --run {folder}"
        raise InputError(f"{folder}: its finalists are not those of the kit; {mend}")
    if not all(measured.values()):
        raise InputError(f"{folder}: {unpacked.lacking} were not measured; run measure.py there again until it is done")
    for arch, (whole, *_) in measured.items():
        finalists[arch] = replace(finalists[arch], latency_ms=whole.ms, latency_spread_ms=whole.spread_ms)
    names = Limits.__dataclass_fields__
    limits = Limits(**{name: held.facts["options"][f"max_{name}"] for name in names})
    front, stock, others = front_of(list(finalists.values()), limits, held.facts["options"]["minimise"])
    write_front(folder, front, held.facts["nc"], held.facts["unit"])
    held.save(finalists=[asdict(finalist) for finalist in (*front, *others)], stock=asdict(stock))
    return folder


def _open(folder: Path) -> Run:
    try:
        facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: not the directory of a run: {error}; give one with --run") from None
    if not isinstance(facts, dict) or facts.get("status") != "finished" or "finalists" not in facts:
        raise InputError(f"{folder}: not a finished run of this release; finish the search with --resume")
    return Run(folder, facts)


def _finalists(run: Run) -> dict[str, Finalist]:
    """By architecture."""
    return {facts["arch"]: Finalist(**facts) for facts in run.facts["finalists"]}
