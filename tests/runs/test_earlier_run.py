"""A run directory written by version 0.1.0, before run.json had a version.

``earlier-run`` is the run of ``python -m nas.search --space tiny --runtime fake --budget 12``, without artifacts and
reports.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from nas.detectors.yaml_files import from_yaml
from nas.reports.run_data import load_run_data
from nas.reports.study_attributes import artifact_ids, read_attributes, read_note
from nas.reports.study_summary import write_study
from nas.reports.summary import summarize
from nas.reports.writing import write_report
from nas.runs.record import RunRecord
from nas.runs.run import load_run
from nas.runs.trials import TrialState, trials_frame
from nas.spaces.architecture import decode

EARLIER = Path(__file__).parent / "earlier-run"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy that may be written to: opening a study writes. Its name has what a URL gives a meaning."""
    return Path(shutil.copytree(EARLIER, tmp_path / "feature%2Fx #1? ü {a}"))


def test_record_opens() -> None:
    run = load_run(EARLIER)
    assert run.finished
    config = run.config
    assert (config.budget, config.runtime, config.imgsz, config.minimize) == (12, "fake", (320,), ("latency",))
    assert (config.limits.names, config.start, config.seed) == ([], (), 0)
    assert config.proxy_imgsz == 64  # as all trainings were, before it was an option
    assert run.record.hashes.proxy == "e994f5ac4b478e01"
    assert run.result.score_noise.tells_apart
    assert run.stock.rejected == "06-b30195 is no slower and scores 0.0602 more"
    assert set(run.record.seconds) == {"table", "proxy", "search", "score_noise", "halving", "finalists", "report"}


def test_front_equals_its_files() -> None:
    run = load_run(EARLIER)
    table = run.table("pareto")
    assert [model.name for model in run.front] == table.name.tolist()
    assert [model.score for model in run.front] == table.score.tolist()
    assert [model.latency_ms for model in run.front] == table.latency_ms.tolist()
    for model in run.front:
        assert from_yaml(Path(model.yaml)) == decode(model.arch).detector(run.result.nc)


def test_record_is_written_in_the_present_version(tmp_path: Path) -> None:
    record = RunRecord.load(EARLIER)
    record.save(tmp_path)
    assert RunRecord.load(tmp_path) == record
    assert RunRecord.load(tmp_path).version > 1


def test_study_opens(folder: Path) -> None:
    run = load_run(folder)
    assert [trial.state for trial in run.trials] == [TrialState.TRAINED] * 12
    trials_frame(run.trials).to_csv(folder / "again.csv", index=False)
    pd.testing.assert_frame_equal(pd.read_csv(folder / "again.csv"), pd.read_csv(folder / "trials.csv"))


def test_report_and_study_are_rebuilt(folder: Path) -> None:
    write_report(folder)
    write_study(folder)
    html = (folder / "report.html").read_text()
    assert summarize(load_run_data(folder))[0] == "6 detectors on the Pareto front, from 12 trained candidates."
    for model in load_run(folder).front:
        assert f'id="model-{model.name}"' in html
        assert (folder / "pareto" / f"{model.name}.md").is_file()
    study = load_run(folder).study()
    assert {"report.html", "pareto.png", "01-c22840.yaml"} <= set(artifact_ids(study))
    assert "## Results" in read_note(read_attributes(study))


def test_dashboard_opens(folder: Path) -> None:
    pytest.importorskip("optuna_dashboard", reason="the dashboard extra is not installed")
    from nas.reports.dashboard_server import dashboard

    statuses: list[str] = []
    environment = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/studies/1", "QUERY_STRING": ""}
    body = b"".join(dashboard(folder)(environment, lambda status, headers, error=None: statuses.append(status)))  # type: ignore[arg-type, func-returns-value, misc]
    assert statuses == ["200 OK"]
    assert load_run(EARLIER).record.study in body.decode()
