"""Partial report of a run that was interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.errors import ConfigError
from nas.reports.partial_report import front_so_far, write_partial_report
from nas.runs.record import RunStatus
from nas.runs.run import load_run
from tests.reports.made import make


def interrupted(folder: Path, **options: object) -> Path:
    make(folder, **options)  # type: ignore[arg-type]
    record = load_run(folder).record
    record.model_copy(update={"status": RunStatus.INTERRUPTED, "result": None}).save(folder)
    return folder


def test_it_has_the_front_so_far_and_the_next_command(tmp_path: Path) -> None:
    run = load_run(interrupted(tmp_path / "run"))
    page = write_partial_report(run)
    assert page == tmp_path / "run" / "partial-report.html"
    html = page.read_text(encoding="utf-8")
    assert "Partial report: this run is interrupted, with 20 of " in html
    assert f"python -m nas.search --config {run.folder / 'run.json'} --out {run.folder} --resume" in html
    with pytest.raises(ConfigError, match=r"not a finished run; finish it with python -m nas\.search"):
        run.result  # noqa: B018
    (run.folder / "trials.csv").unlink()
    with pytest.raises(ConfigError, match="no trial has ended yet"):
        write_partial_report(run)


def test_models_over_a_limit_are_not_on_it(tmp_path: Path) -> None:
    run = load_run(interrupted(tmp_path / "run"))
    trials = run.table("trials")
    trained = trials[trials.state == "trained"]
    free = front_so_far(run, trained)
    assert list(free.score) == sorted(free.score) and list(free.latency_ms) == sorted(free.latency_ms)
    limit = float(free.latency_ms.iloc[0])
    run.record.config = run.config.updated({"max_latency": limit})
    assert list(front_so_far(run, trained).number) == list(free.number[:1])
