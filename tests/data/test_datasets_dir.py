"""The folder of data sets of Ultralytics, with and without its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.data import datasets_dir as module
from nas.data.datasets_dir import datasets_dir


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the settings; they are not there yet."""
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setattr(module, "ultralytics_package", lambda: tmp_path / "repo/.venv/lib/ultralytics")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config/Ultralytics").mkdir(parents=True)
    return tmp_path / "config/Ultralytics/settings.json"


def test_the_setting(settings: Path) -> None:
    settings.write_text('{"datasets_dir": "/my/sets", "sync": true}')
    assert datasets_dir() == Path("/my/sets")


@pytest.mark.parametrize("text", [None, "", "junk", "[]", "{}", '{"datasets_dir": 3}'])
def test_without_it_the_working_directory_counts(settings: Path, tmp_path: Path, text: str | None) -> None:
    if text is not None:
        settings.write_text(text)
    assert datasets_dir() == tmp_path / "datasets"


def test_or_the_repository_that_ultralytics_is_installed_in(settings: Path, tmp_path: Path) -> None:
    (tmp_path / "repo/.git").mkdir(parents=True)
    assert datasets_dir() == tmp_path / "datasets"
    (tmp_path / "elsewhere").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "elsewhere")
        assert datasets_dir() == tmp_path / "datasets"


def test_without_ultralytics(settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ultralytics_package", lambda: None)
    assert datasets_dir() == tmp_path / "datasets"
