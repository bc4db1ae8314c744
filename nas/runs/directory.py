"""The directory of a run that a search works on: created, resumed, locked, and its record saved."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

import nas
from nas.config import SearchConfig
from nas.errors import ConfigError, InputError, NasError
from nas.runs.patient_storage import StorageLostError
from nas.runs.record import FILE, RunRecord, RunStatus
from nas.runs.run import Run
from nas.runs.storage import ServerStorage

if TYPE_CHECKING:
    import optuna

_LOCK = ".lock"
TRIALS = "trials.csv"
"""Table of the trials; it exists once a trial has ended."""
_STUDY_COPY = "run"
"""Attribute of a study on a server that holds a copy of run.json."""
_BY_HASH = ("space", "data")
"""Options that are compared by the fingerprint of their content."""
_PACKAGES = ("torch", "optuna", "numpy", "pandas", "faster-coco-eval", "onnx", "onnxruntime", "openvino")


class RunDirectory(Run):
    """A run that this process works on."""

    _server_study: optuna.Study | None = None

    def save(self, **changes: Any) -> None:
        """Change fields of the record and write run.json.

        Args:
            **changes: Fields of `RunRecord` by name.
        """
        self.record = self.record.model_copy(update=changes)
        self.record.save(self.folder)
        if self._server_study is not None:
            with suppress(StorageLostError):  # the next use of the study raises it
                self._server_study.set_user_attr(_STUDY_COPY, self.record.to_json())

    def copy_to(self, study: optuna.Study) -> None:
        """From now on keep a copy of run.json in a study on a server, for `open_server`."""
        self._server_study = study
        self.save()

    def remove(self, folders: Sequence[Path]) -> None:
        """Remove the files of the run, its study on a server, and folders that are empty then.

        Args:
            folders: The folders, the innermost first.
        """
        if self._server_study is not None:
            with suppress(StorageLostError):
                self._server_study._storage.delete_study(self._server_study._study_id)
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for folder in folders:
            with suppress(OSError):  # another process uses it by now
                folder.rmdir()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the duration of the block to the seconds of a phase."""
        start = perf_counter()
        try:
            yield
        finally:
            spent = self.record.seconds.get(name, 0.0) + perf_counter() - start
            self.save(seconds={**self.record.seconds, name: round(spent, 2)})


@contextmanager
def open_run(folder: Path, record: RunRecord, resume: bool) -> Iterator[RunDirectory]:
    """Create the directory of a run, or resume the run in it. One process at a time works on a run.

    A new run that is refused before its first trial has ended leaves nothing behind, so that a corrected command can
    have the directory.

    Args:
        folder: The directory.
        record: The record of a new run, or of this attempt to resume.
        resume: True to resume.

    Raises:
        ConfigError: The directory holds another run, or none to resume, or the run has other options, or another
            process works on it.
    """
    earlier = check_folder(folder, resume)
    if earlier is not None:
        _check_same(folder, earlier, record)
        record = earlier.model_copy(update={"config": _resumed(earlier.config, record.config)})
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        problem = "another process is working on this run"
        raise ConfigError(problem, field="out", value=folder, hint="wait for it to end") from None
    try:
        run = RunDirectory(folder, record)
        run.save(status=RunStatus.RUNNING, versions=versions(), git=_commit())
        yield run
    except InputError:
        if earlier is None and not (folder / TRIALS).exists():
            run.remove(made)
        raise
    finally:
        lock.release()


def resumed_workers(folder: Path) -> int:
    """Number of workers of the run in a directory; 0 if there is no run."""
    return RunRecord.load(folder).config.worker_count.number if (folder / FILE).exists() else 0


def open_server(folder: Path, url: str | None, resume: bool) -> ServerStorage | None:
    """Open the storage of a run whose study lies on a server. The study is named after the directory.

    A run can be resumed from another machine: run.json is restored from the study where the directory has none.

    Args:
        folder: The run directory.
        url: URL of the storage; None to use that of the run.
        resume: True to resume.

    Returns:
        The storage, owned by this process; None if the study lies in the directory.

    Raises:
        ConfigError: The server cannot be reached, or the study exists, is missing, or belongs to another process.
    """
    earlier = RunRecord.load(folder) if resume and (folder / FILE).exists() else None
    before = earlier.config.storage if earlier is not None else None
    if earlier is not None and url and not before:
        raise ConfigError(f"the study of {folder} lies in that directory", field="storage", hint="drop `storage`")
    if not url and not before:
        return None
    storage = ServerStorage(str(url or before))
    storage.own(folder.name)
    try:
        _check_study(folder, storage, earlier, resume)
    except NasError:
        storage.close()
        raise
    return storage


def _check_study(folder: Path, storage: ServerStorage, earlier: RunRecord | None, resume: bool) -> None:
    """Refuse an unexpected study; restore run.json where the directory has none."""
    studies = {study.study_name: study for study in storage.get_all_studies()}
    found = studies.get(folder.name)
    if found is not None and not resume:
        problem = f"`storage` holds a run {folder.name}"
        raise ConfigError(problem, field="out", value=folder, hint="give another name, or add `resume`")
    known = ", ".join(name for name, study in studies.items() if _STUDY_COPY in study.user_attrs) or "none"
    # A run that was killed before it had a study has no seconds.
    if resume and found is None and (earlier is None or earlier.seconds):
        problem = f"there is no run {folder.name} in `storage`; it holds {known}"
        raise ConfigError(problem, field="resume", hint="give one with `out`")
    if found is not None and earlier is None:
        if _is_occupied(folder):
            raise ConfigError(
                "holds no run and is not an empty directory", field="out", value=folder, hint="give another one"
            )
        if _STUDY_COPY not in found.user_attrs:
            problem = f"the study {folder.name} in `storage` is no run of ParetoYOLO; it holds {known}"
            raise ConfigError(problem, field="resume", hint="give another `out`")
        RunRecord.from_json(found.user_attrs[_STUDY_COPY], folder / FILE).save(folder)


def check_folder(folder: Path, resume: bool) -> RunRecord | None:
    """Check that a run can be created or resumed in a directory.

    Args:
        folder: The directory.
        resume: True to resume.

    Returns:
        The record of the run in it, if there is one.

    Raises:
        ConfigError: The directory holds another run, or none to resume.
    """
    earlier = RunRecord.load(folder) if (folder / FILE).exists() else None
    if earlier is None and resume:
        problem, hint = f"{folder} holds no run", "give the run directory with `out`, or drop `resume`"
        raise ConfigError(problem, field="resume", hint=hint)
    if earlier is None and _is_occupied(folder):
        raise ConfigError("is not an empty directory", field="out", value=folder, hint="give another one")
    if earlier is not None and not resume:
        hint = "give another directory, or add `resume` to continue it"
        raise ConfigError("holds another run", field="out", value=folder, hint=hint)
    return earlier


def _is_occupied(folder: Path) -> bool:
    """Return True if no run can be created there. A run that was killed at its very start leaves a lock."""
    return folder.exists() and (not folder.is_dir() or any(path.name != _LOCK for path in folder.iterdir()))


def _check_same(folder: Path, earlier: RunRecord, now: RunRecord) -> None:
    """Raise ConfigError with every option and fingerprint that differs."""
    changed = [
        f"{name} was {_shown(before)} and is {_shown(after)}"
        for name, before, after in _differences(earlier, now)
        if before != after
    ]
    if changed:
        problem = f"the run has other options: {'; '.join(changed)}"
        raise ConfigError(problem, field="resume", value=folder, hint="start a new run")


def _differences(earlier: RunRecord, now: RunRecord) -> Iterator[tuple[str, object, object]]:
    old, new = earlier.config.identity(), now.config.identity()
    yield from ((name, old[name], new[name]) for name in old if name not in _BY_HASH)
    old_hashes, new_hashes = earlier.hashes.model_dump(), now.hashes.model_dump()
    yield from ((f"the content of {name}", old_hashes[name], new_hashes[name]) for name in old_hashes)
    names = sorted({*earlier.fingerprint, *now.fingerprint})
    yield from ((name, earlier.fingerprint.get(name), now.fingerprint.get(name)) for name in names)


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else repr(value)


def _resumed(earlier: SearchConfig, now: SearchConfig) -> SearchConfig:
    """The earlier options with those of now that may change."""
    fixed = {name: getattr(earlier, name) for name in earlier.identity() if name not in _BY_HASH}
    return now.updated({**fixed, "storage": now.storage or earlier.storage})


def versions() -> dict[str, str]:
    """Versions of the packages that influence numbers."""
    found = {"nas": nas.__version__, "python": sys.version.split()[0], "system": platform.platform()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _commit() -> str | None:
    """Commit of our own clone; None where the package was installed from a wheel."""
    root = Path(nas.__file__).parent.parent
    if not (root / ".git").exists() or shutil.which("git") is None:
        return None
    result = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return result.stdout.strip() or None
