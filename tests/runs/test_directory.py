"""The run directory: made once, locked, taken up only as it was."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from nas.errors import InputError
from nas.runs.directory import open_run

FACTS: dict[str, Any] = {"options": {"seed": 1, "budget": 5}, "hashes": {"data": "a"}, "latency": {"device": "x"}}


def facts(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(FACTS | changes)


def test_a_run_is_readable_json_and_counts_seconds(tmp_path: Path) -> None:
    with open_run(tmp_path / "run", facts(), resume=False) as run:
        with run.phase("table"):
            pass
        run.save(status="finished")
    written = json.loads((tmp_path / "run" / "run.json").read_text())
    assert written["status"] == "finished"
    assert written["options"] == FACTS["options"]
    assert written["seconds"]["table"] >= 0
    assert {"torch", "optuna", "python"} <= set(written["versions"])


def test_another_run_is_not_overwritten(tmp_path: Path) -> None:
    with open_run(tmp_path, facts(), resume=False):
        pass
    with pytest.raises(InputError, match=r"holds another run; give another directory, or add --resume"):
        with open_run(tmp_path, facts(), resume=False):
            pass


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="is not an empty directory"), open_run(tmp_path, facts(), resume=False):
        pass


def test_a_run_that_was_killed_at_its_very_start_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its lock is left. And a clone on a machine without git has no commit to tell."""
    (tmp_path / ".lock").touch()
    monkeypatch.setenv("PATH", "/nowhere")
    with open_run(tmp_path, facts(), resume=False) as run:
        assert run.facts["git"] is None


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no run"), open_run(tmp_path / "none", facts(), resume=True):
        pass


def test_a_changed_run_is_refused_with_what_changed(tmp_path: Path) -> None:
    with open_run(tmp_path, facts(), resume=False):
        pass
    with pytest.raises(InputError, match=r"data was 'a' and is 'b'; start a new run"):
        with open_run(tmp_path, facts(hashes={"data": "b"}), resume=True):
            pass
    with open_run(tmp_path, facts(options={"seed": 1, "budget": 9}), resume=True) as run:
        assert run.facts["options"]["budget"] == 9


def test_one_driver_at_a_time(tmp_path: Path) -> None:
    with open_run(tmp_path, facts(), resume=False):
        with pytest.raises(InputError, match="another process is working on this run"):
            with open_run(tmp_path, facts(), resume=True):
                pass


def test_damaged_run_json(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"options": ')
    with pytest.raises(InputError, match=r"run.json: not readable"), open_run(tmp_path, facts(), resume=True):
        pass
