"""The run directory: created once, locked, resumed only with the same options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nas.errors import ConfigError
from nas.runs.directory import open_run, resumed_workers
from nas.runs.record import RunRecord, RunStatus
from tests.runs.records import record


def refused(folder: Path, now: RunRecord, resume: bool) -> ConfigError:
    with pytest.raises(ConfigError) as error, open_run(folder, now, resume=resume):
        pass
    return error.value


def test_a_run_is_readable_json_and_counts_seconds(tmp_path: Path) -> None:
    now = record()
    with open_run(tmp_path / "run", now, resume=False) as run:
        with run.phase("table"):
            pass
        run.save(status=RunStatus.FINISHED)
    written = json.loads((tmp_path / "run" / "run.json").read_text())
    assert written["status"] == "finished"
    assert written["config"] == now.config.model_dump(mode="json")
    assert written["seconds"]["table"] >= 0
    assert {"torch", "optuna", "python"} <= set(written["versions"])


def test_another_run_is_not_overwritten(tmp_path: Path) -> None:
    with open_run(tmp_path, record(), resume=False):
        pass
    before = (tmp_path / "run.json").read_bytes()
    error = refused(tmp_path, record(), resume=False)
    assert (error.field, error.value, error.problem) == ("out", tmp_path, "holds another run")
    assert "`resume`" in error.hint
    assert (tmp_path / "run.json").read_bytes() == before


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    error = refused(tmp_path, record(), resume=False)
    assert (error.field, error.value, error.problem) == ("out", tmp_path, "is not an empty directory")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_run_that_was_killed_at_its_start_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leaves only its lock. A clone on a machine without git has no commit to record."""
    (tmp_path / ".lock").touch()
    monkeypatch.setenv("PATH", "/nowhere")
    with open_run(tmp_path, record(), resume=False) as run:
        assert run.record.git is None


def test_a_run_that_is_refused_before_its_first_trial_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "mine"

    def refuse(resume: bool, *files: str) -> None:
        with open_run(folder, record(), resume=resume) as run:
            (run.folder / "artifacts").mkdir(exist_ok=True)
            for file in files:
                (run.folder / file).touch()
            raise ConfigError("no model meets it", field="max_latency")

    for resume, files, left in ((False, ["study.db"], False), (False, ["trials.csv"], True), (True, [], True)):
        with pytest.raises(ConfigError):
            refuse(resume, *files)
        assert (folder / "run.json").exists() == bool(list(tmp_path.iterdir())) == left


def test_nothing_to_resume(tmp_path: Path) -> None:
    error = refused(tmp_path / "none", record(), resume=True)
    assert error.field == "resume" and "holds no run" in error.problem and "`out`" in error.hint
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        ({"data": "b"}, ["the content of data was 'a' and is 'b'"]),
        ({"seed": 2, "sampler": "random"}, ["sampler was 'guided' and is 'random'", "seed was 1 and is 2"]),
        ({"imgsz": (320, 64)}, ["imgsz was 320 and is 320,64"]),
        ({"workers": 3}, ["workers was 1 and is 3"]),
        ({"max_latency": 4.0}, ["max_latency was None and is 4.0"]),
        ({"fingerprint": {"device": "x", "version": "2"}}, ["version was None and is '2'"]),
    ],
)
def test_a_changed_run_is_refused_with_every_change(tmp_path: Path, changes: dict[str, Any], texts: list[str]) -> None:
    with open_run(tmp_path, record(), resume=False):
        pass
    error = refused(tmp_path, record(**changes), resume=True)
    assert error.problem == f"the run has other options: {'; '.join(texts)}"
    assert (error.field, error.value, error.hint) == ("resume", tmp_path, "start a new run")


def test_options_that_may_change_do(tmp_path: Path) -> None:
    """The same data set may have moved: its content counts, not its path."""
    with open_run(tmp_path, record(data="a"), resume=False) as run:
        run.save(forced="another processor", seconds={"table": 2.0})
    changed = record(**{"budget": 9, "candidate_limit": 5, "workers": "1@tcp://host:8786"})
    changed = changed.model_copy(update={"config": changed.config.updated({"data": "/moved/data.yaml"})})
    with open_run(tmp_path, changed, resume=True) as run:
        config = run.record.config
        assert (config.budget, config.candidate_limit, config.data) == (9, 5, "/moved/data.yaml")
        assert (run.record.forced, run.record.seconds) == ("another processor", {"table": 2.0})
    assert RunRecord.load(tmp_path).config == config


def test_a_resumed_run_has_the_workers_of_before(tmp_path: Path) -> None:
    assert resumed_workers(tmp_path) == 0
    with open_run(tmp_path, record(workers=3), resume=False):
        pass
    assert resumed_workers(tmp_path) == 3


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with open_run(tmp_path, record(), resume=False):
        error = refused(tmp_path, record(), resume=True)
    assert (error.field, error.problem) == ("out", "another process is working on this run")


def test_damaged_run_json(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"options": ')
    error = refused(tmp_path, record(), resume=True)
    assert error.file == tmp_path / "run.json" and error.problem.startswith("damaged: ")
