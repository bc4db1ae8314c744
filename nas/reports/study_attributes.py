"""Notes, figures and artifacts of a study, as optuna-dashboard reads them.

optuna-dashboard stores notes and figures in attributes of the study. This module writes the same attributes. The calls
of optuna-dashboard read all notes of the study for each new one, which is slow for a thousand trials. And a search must
write the same study whether or not that package is installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import optuna
from optuna.artifacts import FileSystemArtifactStore, upload_artifact

if TYPE_CHECKING:
    import plotly.graph_objects as go

ARTIFACTS = "artifacts"
"""Folder of the artifacts in a run directory. Their names are ids of the study."""
_CHUNK = 2045
"""Maximum length of an attribute in characters; longer texts take several attributes."""
_MEDIA_TYPES = {".yaml": "text/plain", ".csv": "text/csv", ".svg": "image/svg+xml", ".html": "text/html"}
"""Media types that a browser shows in place; others are guessed."""

Attributes = Mapping[str, Any]


def read_attributes(study: optuna.Study) -> Attributes:
    """All attributes of a study that hold notes, figures and artifacts."""
    return study._storage.get_study_system_attrs(study._study_id)


def write_note(study: optuna.Study, text: str, trial: int | None = None, earlier: Attributes | None = None) -> None:
    """Write the note of a study, or of one of its trials.

    Args:
        study: The study.
        text: The note in Markdown.
        trial: Id of the trial in the storage, which is not its number.
        earlier: The study's attributes, if there may be an earlier note.
    """
    earlier, prefix = earlier or {}, _prefix(trial)
    _write(study, f"{prefix}note_str:", text, earlier)
    _set(study, f"{prefix}note_ver", earlier.get(f"{prefix}note_ver", 0) + 1)


def read_note(attributes: Attributes, trial: int | None = None) -> str:
    """A note, empty if there is none.

    Args:
        attributes: The study's attributes.
        trial: As for `write_note`.
    """
    parts = (attributes.get(f"{_prefix(trial)}note_str:{index}") for index in count())
    return "".join(iter(lambda: next(parts) or "", ""))


def write_figure(study: optuna.Study, name: str, figure: go.Figure, earlier: Attributes) -> None:
    """Write a figure of the study's page.

    Args:
        study: The study.
        name: Name of the figure.
        figure: The figure.
        earlier: The study's attributes.
    """
    _write(study, f"dashboard:plot_data:{name}:", str(figure.to_json()), earlier)


@contextmanager
def uploads(folder: Path, owner: optuna.Trial | optuna.Study) -> Iterator[Path]:
    """Yield an empty folder. At the end of the block, its files become artifacts.

    Args:
        folder: The run directory.
        owner: An open trial, or a study. Artifacts of a study replace those with the same name.
    """
    earlier = artifact_ids(owner) if isinstance(owner, optuna.Study) else {}
    artifacts = folder / ARTIFACTS
    artifacts.mkdir(exist_ok=True)
    store = FileSystemArtifactStore(artifacts)
    with TemporaryDirectory() as temporary:
        yield Path(temporary)
        for file in sorted(Path(temporary).iterdir()):
            if file.name in earlier:
                with file.open("rb") as content:
                    store.write(earlier[file.name], content)
            else:
                kind = _MEDIA_TYPES.get(file.suffix)
                upload_artifact(artifact_store=store, file_path=str(file), study_or_trial=owner, mimetype=kind)


def artifact_ids(study: optuna.Study) -> dict[str, str]:
    """Ids of a study's artifacts by file name, without those of its trials."""
    values = (value for key, value in read_attributes(study).items() if key.startswith("artifacts:"))
    found = (json.loads(value) for value in values)
    return {meta["filename"]: meta["artifact_id"] for meta in found if meta is not None}


def remove_artifact(study: optuna.Study, folder: Path, artifact: str) -> None:
    """Remove an artifact of a study in the way that optuna-dashboard does.

    Args:
        study: The study.
        folder: The run directory.
        artifact: Id of the artifact.
    """
    _set(study, f"artifacts:{artifact}", json.dumps(None))
    (folder / ARTIFACTS / artifact).unlink(missing_ok=True)


def _prefix(trial: int | None) -> str:
    return "dashboard:" if trial is None else f"dashboard:{trial}:"


def _write(study: optuna.Study, prefix: str, text: str, earlier: Attributes) -> None:
    pieces = [text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK)]
    for index, piece in enumerate(pieces):
        _set(study, f"{prefix}{index}", piece)
    for index in count(len(pieces)):  # clear the end of a longer earlier text
        if not earlier.get(f"{prefix}{index}"):
            break
        _set(study, f"{prefix}{index}", "")


def _set(study: optuna.Study, key: str, value: Any) -> None:
    study._storage.set_study_system_attr(study._study_id, key, value)
