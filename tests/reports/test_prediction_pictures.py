"""Pictures of detections in the report, taken from the study."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import optuna
import pytest
from optuna.trial import create_trial
from PIL import Image

from nas.reports import prediction_pictures
from nas.reports.prediction_pictures import SIDE, pictures_of
from nas.reports.run_data import RunData
from nas.reports.study_attributes import uploads
from nas.reports.study_writer import longest_training_picture
from tests.reports.made import make


def painted(path: Path, color: str) -> None:
    Image.new("RGB", (486, 486), color).save(path)


def with_study(data: RunData) -> optuna.Study:
    """A study of the run's trials; each has a red picture."""
    study = optuna.create_study(directions=["maximize", "minimize"])
    for arch in data.trained.arch:
        trial = study.ask()
        trial.set_user_attr("arch", arch)
        with uploads(data.folder, trial) as files:
            painted(files / "detections.jpg", "red")
        study.tell(trial, [0.1, 1.0])
    return study


def color(uri: str) -> tuple[int, int, int]:
    kind, _, content = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    red, green, blue = Image.open(io.BytesIO(base64.b64decode(content))).getpixel((9, 9))  # type: ignore[misc]
    return int(red > 128), int(green > 128), int(blue > 128)


def test_every_finalist_has_one_and_the_stock_model_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make(tmp_path, count=8)
    study = with_study(data)
    second = data.result.front[0]
    number = data.trained.arch.tolist().index(second.arch)
    with uploads(data.folder, study) as files:
        painted(files / longest_training_picture(number), "blue")
    found = pictures_of(data, study)
    assert found.missing == 0
    assert len(found.shown) == len(data.result.finalists)
    assert [picture.stock for picture in found.shown] == [True] + [False] * (len(found.shown) - 1)
    by_title = {picture.title: picture for picture in found.shown}
    assert max(found.shown[0].size) == SIDE
    assert color(found.shown[0].uri) == (1, 0, 0) and "short training" in found.shown[0].note
    assert color(by_title[second.name].uri) == (0, 0, 1) and "longest training" in by_title[second.name].note
    monkeypatch.setattr(prediction_pictures, "MAX_BYTES", 2.5 * len(found.shown[0].uri))
    less = pictures_of(data, study)
    assert len(less.shown) == 2 and less.missing == len(data.result.finalists) - 2


def test_a_run_without_a_study_has_none(tmp_path: Path) -> None:
    data = make(tmp_path, count=4)
    assert pictures_of(data) == ([], len(data.result.finalists))
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.add_trial(create_trial(values=[0.1, 1.0], user_attrs={"arch": data.stock.arch}))
    assert pictures_of(data, study) == ([], len(data.result.finalists))
