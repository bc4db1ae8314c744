"""Runs that reports refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.errors import ConfigError
from nas.reports.run_data import load_run_data
from nas.runs.record import RunStatus
from tests.reports.made import make


@pytest.mark.parametrize("name", ["run.json", "trials.csv", "pareto.csv", "rows.csv"])
def test_missing_file(tmp_path: Path, name: str) -> None:
    make(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ConfigError) as error:
        load_run_data(tmp_path)
    assert (error.value.file, error.value.problem) == (tmp_path, f"has no {name}")


@pytest.mark.parametrize("name", ["run.json", "trials.csv", "rows.csv"])
def test_damaged_file(tmp_path: Path, name: str) -> None:
    make(tmp_path)
    (tmp_path / name).write_text("{" if name == "run.json" else 'a\n"b')
    with pytest.raises(ConfigError) as error:
        load_run_data(tmp_path)
    assert error.value.file == tmp_path / name
    assert error.value.problem.startswith("damaged: ")


@pytest.mark.parametrize("content", ["{}", "[]"])
def test_not_a_record(tmp_path: Path, content: str) -> None:
    make(tmp_path)
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(ConfigError) as error:
        load_run_data(tmp_path)
    assert error.value.file == tmp_path / "run.json"


def test_running_search(tmp_path: Path) -> None:
    """The front of a resumed run belongs to fewer trials than the run has."""
    data = make(tmp_path)
    data.run.record.model_copy(update={"status": RunStatus.RUNNING}).save(tmp_path)
    with pytest.raises(ConfigError) as error:
        load_run_data(tmp_path)
    assert error.value.problem == "not a finished run"
