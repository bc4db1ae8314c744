"""The study of a search, read by functions of optuna-dashboard and Optuna."""

from __future__ import annotations

import json
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch
from optuna.artifacts import FileSystemArtifactStore, download_artifact, get_all_artifact_meta
from optuna.trial import FrozenTrial, TrialState
from PIL import Image

from nas.data.dataset import Split
from nas.detectors.costs import cost
from nas.detectors.rows import Detector
from nas.detectors.yaml_files import from_yaml
from nas.objectives.limits import Limits
from nas.proxies.outcome import Outcome
from nas.proxies.recipe import Recipe
from nas.reports.network_drawing import draw_network
from nas.reports.progress_figures import volumes
from nas.reports.study_attributes import (
    artifact_ids,
    read_attributes,
    read_note,
    remove_artifact,
    uploads,
    write_figure,
    write_note,
)
from nas.reports.study_writer import StudyWriter
from nas.reports.trial_notes import trial_note
from nas.runs.observer import TrialObserver
from nas.runs.study import open_study
from nas.runs.trials import TrialRecord, read_trials
from nas.runs.trials import TrialState as RecordState
from nas.search.driver import Driver
from nas.search.halving import Halving
from nas.search.samplers import SAMPLERS
from nas.spaces.head_choice import HeadChoice
from nas.spaces.space import load_space
from tests.search.made_up import TARGET

optuna_dashboard = pytest.importorskip("optuna_dashboard", reason="the dashboard extra is not installed")

CURVE = ({"step": 6.0, "loss": 9.123456789}, {"step": 12.0, "loss": 8.5})
SEEN = ({"image": 1, "x1": 8.0, "y1": 8.0, "x2": 24.0, "y2": 24.0, "score": 0.9, "class": 0.0},)
PROXY = SimpleNamespace(
    recipe=Recipe(),
    dataset=SimpleNamespace(
        classes=("disc",), val=Split(torch.zeros(2, 3, 32, 32, dtype=torch.uint8), (torch.zeros(0, 5),) * 2)
    ),
)
LIMIT = 2_500_000


def score(detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
    done: Future[Outcome] = Future()
    done.set_result(Outcome(cost(detector).params / 1e7 + rung / 100, 0.5, CURVE, detections=SEEN))
    return done


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, optuna.Study, list[TrialRecord]]:
    folder, space = tmp_path_factory.mktemp("run"), load_space("tiny")
    study = open_study(f"sqlite:///{folder / 'study.db'}", "study", "AP50-95 (proxy)")
    writer = StudyWriter(study, folder, space.stock(), TARGET, lambda scale: PROXY, 2, 3)  # type: ignore[arg-type, return-value]
    limits = Limits(params=LIMIT)
    Driver(study, space, TARGET, score, SAMPLERS["random"](), 3, 6, limits, observer=writer).run(lambda record: None)
    rows = read_trials(study)
    trained = [row for row in rows if row.trained]
    Halving(study, score, TARGET, 3, 2, writer).run(trained, lambda share: None)
    return folder, study, rows


def files(folder: Path, study: optuna.Study, of: FrozenTrial | optuna.Study, into: Path) -> dict[str, Path]:
    """The artifacts, downloaded by Optuna."""
    found, store = {}, FileSystemArtifactStore(folder / "artifacts")
    for meta in get_all_artifact_meta(of, storage=study._storage):
        found[meta.filename] = into / meta.filename
        download_artifact(artifact_store=store, file_path=str(found[meta.filename]), artifact_id=meta.artifact_id)
    return found


def test_a_trained_trial(searched: tuple[Path, optuna.Study, list[TrialRecord]], tmp_path: Path) -> None:
    folder, study, rows = searched
    row = [row for row in rows if row.trained][-1]
    held = files(folder, study, study.trials[row.number], tmp_path)
    assert set(held) == {"architecture.yaml", "network.svg", "training.csv", "detections.jpg"}
    assert from_yaml(held["architecture.yaml"]) == row.architecture.detector(3)
    assert pd.read_csv(held["training.csv"]).to_dict("list") == {"step": [6, 12], "loss": [9.12346, 8.5]}
    with Image.open(held["detections.jpg"]) as picture:
        assert picture.size == (486, 240)
    assert held["network.svg"].read_text().startswith("<svg")
    note = read_note(read_attributes(study), study.trials[row.number]._trial_id)
    params, macs, *_ = cost(row.architecture.detector(3), 160)
    assert f"{params:,} | &emsp;{macs / 1e6:,.1f}&nbsp;M | &emsp;{macs / 1e7:.2f}" in note
    stock = cost(load_space("tiny").stock().detector(3), 160)
    assert f"params {params / stock.params - 1:+.1%}, MACs {macs / stock.macs - 1:+.1%}" in note


def test_the_stages_of_a_note_add_up(searched: tuple[Path, optuna.Study, list[TrialRecord]]) -> None:
    _, study, rows = searched
    for row in rows:
        note = read_note(read_attributes(study), study.trials[row.number]._trial_id)
        if row.state is RecordState.DUPLICATE:
            assert note == ""
            continue
        cells = [[cell.strip().removeprefix("&emsp;") for cell in line.split("|")[1:-1]] for line in note.splitlines()]
        params = [int(line[4].replace(",", "")) for line in cells if len(line) == 8 and line[4][-1:].isdigit()]
        assert len(params) == 6
        assert sum(params[:-1]) == params[-1] == row.params
        assert f"Limits: params {abs((row.params or 0) / LIMIT - 1):.1%}" in note


def test_a_note_names_a_head_that_was_chosen() -> None:
    stock = load_space("tiny").stock()
    member = replace(stock, head=HeadChoice(0.5, 1, 1, True))
    lines = [line.split("|") for line in trial_note(member, stock, TARGET, {}).splitlines() if line.startswith("|")]
    cells = {line[1].strip(): [cell.strip().removeprefix("&emsp;") for cell in line[2:-1]] for line in lines}
    assert cells["head"][:3] == ["depthwise b0.5 c1", "1", ""] and cells["head"][-1] == "dense b1 c1 n2"
    assert cells["rest"][0] == "stem, neck"
    params = {name: int(line[3].replace(",", "")) for name, line in cells.items() if line[3][-1:].isdigit()}
    assert sum(params.values()) == 2 * params["**all**"] == 2 * cost(member.detector(3), 160).params
    drawn = draw_network(member.detector(3), 160)
    assert "3 classes  (32, 64, 1, True)" in drawn


def test_a_gated_trial_has_no_training(searched: tuple[Path, optuna.Study, list[TrialRecord]], tmp_path: Path) -> None:
    folder, study, rows = searched
    row = next(row for row in rows if row.state is RecordState.GATED)
    assert set(files(folder, study, study.trials[row.number], tmp_path)) == {"architecture.yaml", "network.svg"}
    assert "% over." in read_note(read_attributes(study), study.trials[row.number]._trial_id)


def test_longer_trainings_leave_a_picture_of_the_first_seed(
    searched: tuple[Path, optuna.Study, list[TrialRecord]], tmp_path: Path
) -> None:
    folder, study, _ = searched
    promoted = {int(key.split()[4].rstrip(",")) for key in study.user_attrs if key.startswith("rung 2")}
    assert set(files(folder, study, study, tmp_path)) == {f"trial-{n}-longest-training.jpg" for n in promoted}


def api(storage: Any, store: FileSystemArtifactStore | None = None) -> dict[str, Any]:
    """The first study, read by optuna-dashboard."""
    app, answered = optuna_dashboard.wsgi(storage, store), []
    environment = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/studies/1", "QUERY_STRING": ""}
    body = b"".join(app(environment, lambda status, headers, error=None: answered.append(status)))
    assert answered == ["200 OK"]
    found: dict[str, Any] = json.loads(body)
    return found


def test_optuna_dashboard_reads_notes_and_figures(tmp_path: Path) -> None:
    study = open_study(f"sqlite:///{tmp_path / 'study.db'}", "study", "AP")
    trial = study.ask()
    long, short = "äb|" * 3000, "one line"
    figure = go.Figure(go.Scatter(x=list(range(2000)), y=[0.123456789] * 2000))
    for text in (long, short):
        held = read_attributes(study)
        write_note(study, text, earlier=held)
        write_note(study, f"trial {text}", trial._trial_id, held)
        write_figure(study, "hypervolume", figure if text == long else go.Figure(), held)
        assert optuna_dashboard.get_note(study) == text
        assert optuna_dashboard.get_note(trial) == f"trial {text}" == read_note(read_attributes(study), trial._trial_id)
        seen = api(study._storage)
        assert seen["note"]["body"] == text
        assert seen["trials"][0]["note"]["body"] == f"trial {text}"
        (shown,) = seen["plotly_graph_objects"]
        assert shown["id"] == "hypervolume"
        assert json.loads(shown["graph_object"]) == json.loads((figure if text == long else go.Figure()).to_json())
    assert seen["note"]["version"] == 2


def test_a_file_of_a_study_replaces_an_older_one(tmp_path: Path) -> None:
    study = open_study(f"sqlite:///{tmp_path / 'study.db'}", "study", "AP")
    for text in ("first", "second"):
        with uploads(tmp_path, study) as folder:
            (folder / "report.html").write_text(text)
            (folder / f"{text}.yaml").write_text(text)
    held = files(tmp_path, study, study, tmp_path)
    assert sorted(held) == ["first.yaml", "report.html", "second.yaml"]
    assert held["report.html"].read_text() == "second"
    remove_artifact(study, tmp_path, artifact_ids(study)["first.yaml"])
    assert sorted(artifact_ids(study)) == ["report.html", "second.yaml"]
    shown = api(study._storage, FileSystemArtifactStore(tmp_path / "artifacts"))["artifacts"]
    assert {(one["filename"], one["mimetype"]) for one in shown} == {
        ("report.html", "text/html"),
        ("second.yaml", "text/plain"),
    }
    assert len(list((tmp_path / "artifacts").iterdir())) == 2


def test_the_observer_is_called_while_a_trial_is_open(tmp_path: Path) -> None:
    """The observer is called before the study is told: a trial that was told is final."""
    calls: list[tuple[int, str, TrialState]] = []
    study = open_study(f"sqlite:///{tmp_path / 'study.db'}", "study", "AP")

    class Noting(TrialObserver):
        def asked(self, trial: optuna.Trial, architecture: Any) -> None:
            calls.append((trial.number, "asked", study.trials[trial.number].state))

        def trained(self, trial: optuna.Trial, architecture: Any, outcome: Outcome) -> None:
            assert outcome.curve == CURVE
            calls.append((trial.number, "trained", study.trials[trial.number].state))

    limits, space = Limits(params=LIMIT), load_space("tiny")
    search = Driver(study, space, TARGET, score, SAMPLERS["random"](), 3, 6, limits, observer=Noting())
    search.run(lambda record: None)
    rows = read_trials(study)
    assert {row.state for row in rows} >= {RecordState.TRAINED, RecordState.GATED}
    assert sorted(n for n, what, _ in calls if what == "asked") == [
        r.number for r in rows if r.state is not RecordState.DUPLICATE
    ]
    assert [n for n, what, _ in calls if what == "trained"] == [r.number for r in rows if r.trained]
    assert {state for *_, state in calls} == {TrialState.RUNNING}


def test_growth_of_the_front() -> None:
    rows = [
        TrialRecord(n, RecordState.TRAINED, "", s, ms)
        for n, (s, ms) in enumerate([(0.1, 4.0), (0.3, 2.0), (0.2, 2.0), (0.5, 1.0)])
    ]
    # The bounds are 0.1 and 4 ms: 0; 0.2 * ln 2; the same; 0.4 * ln 4, which is four times 0.2 * ln 2.
    assert volumes(rows, ["latency"]) == pytest.approx([0, 0.25, 0.25, 1])
