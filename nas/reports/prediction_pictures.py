"""Pictures of the finalists' detections: the study holds one for each candidate, drawn after its training."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from nas.reports.run_data import RunData
from nas.reports.study_attributes import ARTIFACTS, artifact_ids
from nas.reports.study_writer import PICTURE, longest_training_picture
from nas.runs.finalists import Finalist

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

SIDE, QUALITY = 400, 72
"""Side of a picture in pixels, and its JPEG quality."""
MAX_BYTES = 1_500_000
"""All pictures of a report take no more."""


class Picture(NamedTuple):
    """A picture of the detections of one finalist.

    Attributes:
        title: The finalist's name, or its rank among those that are not on the front.
        note: Its score, and the training that the weights come from.
        uri: The JPEG as a data URI.
        size: Width and height in pixels.
        stock: True for the stock model.
    """

    title: str
    note: str
    uri: str
    size: tuple[int, int]
    stock: bool


class Pictures(NamedTuple):
    """Pictures of a report, the stock model first, and the number of finalists without one."""

    shown: list[Picture]
    missing: int


def pictures_of(data: RunData, study: optuna.Study | None = None) -> Pictures:
    """The pictures of a run's finalists, as far as its study has them and `MAX_BYTES` allows.

    Args:
        data: A finished run.
        study: Its open study; None to open it, where it exists.
    """
    finalists = [data.stock, *(model for model in data.result.finalists if model.arch != data.stock.arch)]
    if study is None and not data.run.has_study:
        return Pictures([], len(finalists))
    found = list[Picture]()
    total = 0
    for picture in _drawn(data, study or data.run.study(), finalists):
        total += len(picture.uri)
        if total > MAX_BYTES:
            break
        found.append(picture)
    return Pictures(found, len(finalists) - len(found))


def _drawn(data: RunData, study: optuna.Study, finalists: list[Finalist]) -> Iterator[Picture]:
    trials: dict[str, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False):
        if trial.values and "arch" in trial.user_attrs:
            trials.setdefault(trial.user_attrs["arch"], trial)
    longest = artifact_ids(study)
    for model in finalists:
        if model.arch not in trials:
            continue
        trial = trials[model.arch]
        artifact = longest.get(longest_training_picture(trial.number))
        training = "longest" if artifact else "short"
        artifact = artifact or _of_trial(study, trial)
        path = data.folder / ARTIFACTS / (artifact or "none")
        if path.is_file():
            title = model.label or f"off the front: trial {trial.number}"
            uri, size = _thumbnail(path.read_bytes())
            # The picture comes from the training that gave the score, and not from trained weights of a finalist.
            yield Picture(title, f"score {model.score:.4f}, {training} training", uri, size, model.stock)


def _of_trial(study: optuna.Study, trial: FrozenTrial) -> str:
    from optuna.artifacts import get_all_artifact_meta

    metas = get_all_artifact_meta(trial, storage=study._storage)
    return next((meta.artifact_id for meta in metas if meta.filename == PICTURE), "")


def _thumbnail(content: bytes) -> tuple[str, tuple[int, int]]:
    """A JPEG as a data URI, no larger than `SIDE`, and its size."""
    from PIL import Image

    with Image.open(io.BytesIO(content)) as picture:
        picture.thumbnail((SIDE, SIDE))
        out = io.BytesIO()
        picture.convert("RGB").save(out, "JPEG", quality=QUALITY, optimize=True)
        return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}", picture.size
