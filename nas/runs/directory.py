"""A run is a directory, readable without us."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

import optuna
from filelock import FileLock, Timeout

import nas
from nas.errors import InputError
from nas.files import write
from nas.runs.storage import ServerStorage, StorageLostError

# What decides a run's numbers: a run that is taken up again must find them as they were.
IDENTITY = ("options", "hashes", "latency")
FREE = ("budget", "storage")
"""Options that may change."""
LOCK = ".lock"
KEPT = "run"
"""The study's attribute that holds a copy of run.json."""


@dataclass
class Run:
    """The directory of one run. ``facts`` is run.json: options, seed, versions, fingerprints, seconds per phase."""

    folder: Path
    facts: dict[str, Any]
    study: optuna.Study | None = None
    """One on a server, which keeps a copy of ``facts``."""

    @property
    def storage(self) -> str:
        """The Optuna storage's URL, without a password."""
        return str(self.facts["options"].get("storage") or f"sqlite:///{self.folder / 'study.db'}")

    def save(self, **facts: Any) -> None:
        """Add to run.json."""
        self.facts.update(facts)
        write(self.folder / "run.json", json.dumps(self.facts, indent=2) + "\n")
        if self.study is not None:
            with suppress(StorageLostError):  # whoever needs the study is told so
                self.study.set_user_attr(KEPT, self.facts)

    def keep_in(self, study: optuna.Study) -> None:
        """From now on keep what run.json holds in a study too, for `open_server`."""
        self.study = study
        self.save()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the seconds of a phase, over interruptions too."""
        start = perf_counter()
        try:
            yield
        finally:
            seconds = self.facts.setdefault("seconds", {})
            seconds[name] = round(seconds.get(name, 0.0) + perf_counter() - start, 2)
            self.save()


def open_server(folder: Path, url: str | None, resume: bool) -> ServerStorage | None:
    """The server that the study of the run in ``folder`` lies on, this process's alone, called as the directory; None
    where it lies in the directory. Without ``url`` a run is taken up where it was; with it, from any machine: run.json
    is brought back from the study where the directory holds none.

    Raises InputError for a server that cannot be reached, a study that is there already, or is not there, or is
    somebody else's, and as `open_run`.
    """
    held = _read(folder / "run.json") if resume and (folder / "run.json").exists() else None
    before = held and held["options"].get("storage")
    if held is not None and url and not before:
        raise InputError(f"--storage: the study of {folder} lies in that directory; drop --storage")
    if not url and not before:
        return None
    storage = ServerStorage(str(url or before))
    storage.own(folder.name)
    try:
        _take_up(folder, storage, held, resume)
    except InputError:
        storage.close()
        raise
    return storage


def _take_up(folder: Path, storage: ServerStorage, held: dict[str, Any] | None, resume: bool) -> None:
    """Refuse a study that is not what was asked for, and write the run.json that it keeps where there is none."""
    studies = {study.study_name: study for study in storage.get_all_studies()}
    found = studies.get(folder.name)
    if found is not None and not resume:
        raise InputError(f"--out {folder}: --storage holds a run {folder.name}; give another name, or add --resume")
    known = ", ".join(name for name, study in studies.items() if KEPT in study.user_attrs) or "none"
    # A run that was killed before it had a study has no seconds.
    if resume and found is None and (held is None or held.get("seconds")):
        raise InputError(f"--resume: there is no run {folder.name} in --storage; it holds {known}; give one with --out")
    if found is not None and held is None:
        if _holds_something(folder):
            raise InputError(f"--out {folder}: holds no run and is not an empty directory; give another one")
        if KEPT not in found.user_attrs:
            raise InputError(f"--resume: the study {folder.name} in --storage is not a run of ours; it holds {known}")
        write(folder / "run.json", json.dumps(found.user_attrs[KEPT], indent=2) + "\n")


def held_workers(folder: Path) -> int:
    """How many candidates the run in a directory trains at once; 0 where there is no run."""
    file = folder / "run.json"
    return int(_read(file)["options"].get("workers", 0)) if file.exists() else 0


@contextmanager
def open_run(folder: Path, facts: dict[str, Any], resume: bool) -> Iterator[Run]:
    """Make the directory, or with ``resume`` take up the run that it holds; one driver at a time.

    Raises InputError for a directory that holds another run, or nothing to resume, or a run that was made with other
    options, space, data, proxy or device.
    """
    file = folder / "run.json"
    held = _read(file) if file.exists() else None
    if held is None and resume:
        raise InputError(f"--resume: {folder} holds no run; give the run's directory with --out, or drop --resume")
    if held is None and _holds_something(folder):
        raise InputError(f"--out {folder}: is not an empty directory; give another one")
    if held is not None and not resume:
        raise InputError(f"--out {folder}: holds another run; give another directory, or add --resume to continue it")
    if held is not None:
        _compare(folder, held, facts)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"--out {folder}: another process is working on this run; wait for it to end") from None
    try:
        run = Run(folder, held or facts)
        run.save(status="running", versions=versions(), git=_commit())
        yield run
    finally:
        lock.release()


def _holds_something(folder: Path) -> bool:
    """Whether no run can be made there; a lock is left where one was killed at its very start."""
    return folder.exists() and (not folder.is_dir() or any(path.name != LOCK for path in folder.iterdir()))


def _read(file: Path) -> dict[str, Any]:
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: not readable: {error}; restore it, or give another --out") from None
    if not isinstance(facts, dict) or not all(isinstance(facts.get(key), dict) for key in IDENTITY):
        raise InputError(f"{file}: not the record of a run; give another --out")
    return facts


def _compare(folder: Path, held: dict[str, Any], facts: dict[str, Any]) -> None:
    changed = []
    for group in IDENTITY:
        for key in sorted({*held[group], *facts[group]} - set(FREE)):
            before, now = held[group].get(key), facts[group].get(key)
            if before != now:
                changed.append(f"{key} was {before!r} and is {now!r}")
    if changed:
        raise InputError(f"--resume {folder}: the run was made otherwise: {'; '.join(changed)}; start a new run")
    for key in FREE:
        if key in facts["options"]:
            held["options"][key] = facts["options"][key]


def versions() -> dict[str, str]:
    """Versions of what moves the numbers."""
    found = {"nas": nas.__version__, "python": sys.version.split()[0], "system": platform.platform()}
    for package in ("torch", "optuna", "numpy", "pandas", "faster-coco-eval", "onnx", "onnxruntime", "openvino"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    """The commit of our own clone; None where we are installed from a wheel."""
    root = Path(nas.__file__).parent.parent
    if not (root / ".git").exists() or shutil.which("git") is None:
        return None
    result = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return result.stdout.strip() or None
