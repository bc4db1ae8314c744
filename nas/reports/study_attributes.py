"""What optuna-dashboard reads of a study beside values and parameters: notes, figures and artifacts.

Notes and figures are attributes of the study. They are written here as optuna-dashboard's own calls write them: these
read all notes of the study for each new one, which a search of a thousand trials feels, and a search is to leave the
same whether the package is installed or not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import optuna
import plotly.graph_objects as go
from optuna.artifacts import FileSystemArtifactStore, upload_artifact

ARTIFACTS = "artifacts"
"""The folder of a run that holds artifacts, under names that the study knows."""
CHUNK = 2045
"""Characters that one attribute holds; what is longer takes several."""
KINDS = {".yaml": "text/plain", ".csv": "text/csv", ".svg": "image/svg+xml", ".html": "text/html"}
"""Media types that a browser shows in place; others are guessed."""

Attributes = Mapping[str, Any]


def attributes(study: optuna.Study) -> Attributes:
    """All that is kept so of a study."""
    return study._storage.get_study_system_attrs(study._study_id)


def write_note(study: optuna.Study, text: str, trial: int | None = None, held: Attributes | None = None) -> None:
    """The note of a study, or of its trial with this id (not its number), Markdown. ``held`` are the `attributes`
    where it has one already."""
    held, of = held or {}, _of(trial)
    _write(study, f"{of}note_str:", text, held)
    _set(study, f"{of}note_ver", held.get(f"{of}note_ver", 0) + 1)


def read_note(held: Attributes, trial: int | None = None) -> str:
    """A note of these `attributes`; empty where there is none."""
    parts = (held.get(f"{_of(trial)}note_str:{index}") for index in count())
    return "".join(iter(lambda: next(parts) or "", ""))


def write_figure(study: optuna.Study, name: str, figure: go.Figure, held: Attributes) -> None:
    """A figure on the study's page."""
    _write(study, f"dashboard:plot_data:{name}:", figure.to_json(), held)


@contextmanager
def uploads(folder: Path, to: optuna.Trial | optuna.Study) -> Iterator[Path]:
    """An empty folder; the files in it at the end become artifacts of a trial, which must be open, or of a study, in
    place of those of the same name. ``folder`` is the run's."""
    held = of_study(to) if isinstance(to, optuna.Study) else {}
    kept = folder / ARTIFACTS
    kept.mkdir(exist_ok=True)
    store = FileSystemArtifactStore(kept)
    with TemporaryDirectory() as temporary:
        yield Path(temporary)
        for file in sorted(Path(temporary).iterdir()):
            if file.name in held:
                with file.open("rb") as content:
                    store.write(held[file.name], content)
            else:
                kind = KINDS.get(file.suffix)
                upload_artifact(artifact_store=store, file_path=str(file), study_or_trial=to, mimetype=kind)


def of_study(study: optuna.Study) -> dict[str, str]:
    """The ids of its artifacts by file name."""
    found = (json.loads(value) for key, value in attributes(study).items() if key.startswith("artifacts:"))
    return {meta["filename"]: meta["artifact_id"] for meta in found if meta is not None}


def drop(study: optuna.Study, folder: Path, artifact: str) -> None:
    """Remove an artifact of a study, by its id; as optuna-dashboard does it."""
    _set(study, f"artifacts:{artifact}", json.dumps(None))
    (folder / ARTIFACTS / artifact).unlink(missing_ok=True)


def _of(trial: int | None) -> str:
    return "dashboard:" if trial is None else f"dashboard:{trial}:"


def _write(study: optuna.Study, prefix: str, text: str, held: Attributes) -> None:
    pieces = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)]
    for index, piece in enumerate(pieces):
        _set(study, f"{prefix}{index}", piece)
    for index in count(len(pieces)):  # what is left of a longer one
        if not held.get(f"{prefix}{index}"):
            break
        _set(study, f"{prefix}{index}", "")


def _set(study: optuna.Study, key: str, value: Any) -> None:
    study._storage.set_study_system_attr(study._study_id, key, value)
