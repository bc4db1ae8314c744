"""A search killed in every phase, and taken up again each time, ends as one that nothing happened to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

POINTS = [
    ("nas.latency.builder.TableBuilder.calibrate", 1),  # before anything is asked
    ("nas.search.driver.begin_trial", 1),  # asking: of the stock model
    ("nas.search.driver.begin_trial:after", 2),
    ("optuna.Study.ask:after", 1),  # asking Optuna
    ("nas.objectives.target.Target.costs", 8),  # gating
    ("nas.execution.local_workers.LocalWorkers.score:after", 2),  # training
    ("nas.reports.study_writer.StudyWriter.asked", 3),  # showing
    ("nas.reports.study_writer.StudyWriter.asked:after", 1),
    ("nas.reports.study_writer.StudyWriter.trained:after", 2),
    ("optuna.Study.tell", 2),  # telling
    ("optuna.Study.tell:after", 2),
    ("nas.search.phases.write", 2),  # trials.csv
    ("nas.search.phases.write:full", 1),
    ("nas.search.phases.measure_score_noise", 1),
    ("nas.search.halving.keep_result", 3),  # finalists on the second rung
    ("nas.search.halving.keep_result:after", 6),  # and on the third
    ("nas.search.phases.measure_finalists", 1),
    ("nas.search.phases.write_front", 1),  # writing results
    ("nas.runs.finalists.write", 2),
    ("nas.search.phases.write_report", 1),
    ("nas.search.phases.write_study", 2),
    ("nas.reports.study_attributes.upload_artifact", 3),
    ("nas.runs.directory.RunDirectory.save", 9),
]
OPTIONS = (
    "--space",
    "tiny",
    "--runtime",
    "fake",
    "--imgsz",
    "64",
    "--proxy",
    "stub",
    "--no-cache",
    "--workers",
    "2",
    "--rungs",
    "3",
)
BUDGET = ("--budget", "14", "--seed", "5", "--max-latency", "4", "--rungs", "3", "--out", "run")


def search(folder: Path, point: str = "-", count: int = 0, *more: str) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).with_name("killed_run.py")
    command = [sys.executable, str(script), point, str(count), *OPTIONS, *BUDGET, *more]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def outcome(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Every trial but those that were cut off, the front, and the models with their cards but for the run's path."""
    trials = pd.read_csv(folder / "run" / "trials.csv")
    trials = trials[trials.state != "interrupted"].drop(columns=["number", "seconds", "reason"]).reset_index(drop=True)
    front = pd.read_csv(folder / "run" / "pareto.csv")
    texts = (path.read_text() for path in (folder / "run" / "pareto").iterdir())
    models = ["".join(line for line in text.splitlines(True) if str(folder) not in line) for text in texts]
    return trials, front, sorted(models)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARETO_YOLO_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.slow
def test_killed_at_every_phase(home: Path) -> None:
    whole, broken = home / "whole", home / "broken"
    whole.mkdir()
    broken.mkdir()
    result = search(whole)
    assert result.returncode == 0, result.stderr
    resume: tuple[str, ...] = ()
    died = []
    for point, count in POINTS:
        result = search(broken, point, count, *resume)
        full = point.endswith(":full")
        assert result.returncode in {1 if full else -9, 0}, result.stderr
        died.append(result.returncode != 0)
        if full:
            assert result.stderr.count("\n") == 1
            assert result.stderr.startswith("error: run/trials.csv: no space left on the disk; free some and continue")
        if (broken / "run" / "run.json").exists():
            resume = ("--resume",)
    assert all(died), [point for point, dead in zip(POINTS, died, strict=True) if not dead]
    result = search(broken, "-", 0, *resume)
    assert result.returncode == 0, result.stderr
    (trials, front, models), (same_trials, same_front, same_models) = outcome(whole), outcome(broken)
    # A trial that was cut off has no rung, which makes the column one of floats.
    pd.testing.assert_frame_equal(trials, same_trials, check_dtype=False)
    pd.testing.assert_frame_equal(front, same_front)
    assert models == same_models
    assert (trials.state == "trained").sum() == 14
    assert (trials.rung == 3).any() and trials.score_rung_3.notna().any()
