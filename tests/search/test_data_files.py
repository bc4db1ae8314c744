"""A run directory names its images, and those that are left out."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from PIL import Image

from nas.config import SearchConfig
from nas.data.loading import load
from nas.data.resolved import training_file
from nas.errors import DataError
from nas.runs.next_commands import training_data
from nas.search.data_files import write_data_files
from nas.search.plan import plan_search
from nas.search.reporter import TerminalSearchReporter


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set whose paths depend on the working directory, with one broken image."""
    for split in ("train", "val"):
        for name in ("a", "b"):
            for kind in ("images", "labels"):
                (tmp_path / "set" / kind / split).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 30)).save(tmp_path / f"set/images/{split}/{name}.png")
            (tmp_path / f"set/labels/{split}/{name}.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (tmp_path / "set/images/val/b.png").write_bytes(b"")
    (tmp_path / "list.txt").write_text("set/images/train/a.png\nset/images/train/b.png\n")
    (tmp_path / "my.yaml").write_text("path: set\ntrain: ../list.txt\nval: images/val\nnames: [null]\ndownload: x\n")
    monkeypatch.chdir(tmp_path)
    return Path("my.yaml")


def test_the_run_has_a_data_yaml_for_any_working_directory(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, said = load(data, 32), []
    assert found.source is not None
    write_data_files(tmp_path / "run", found.source, found.skipped, said.append)
    assert training_data(tmp_path / "run", "my.yaml") == f"{tmp_path}/run/data.yaml"
    content = yaml.safe_load((tmp_path / "run/data.yaml").read_text())
    assert content == {
        "path": f"{tmp_path}/set",
        "train": f"{tmp_path}/run/data-train-list.txt",
        "val": f"{tmp_path}/set/images/val",
        "names": {0: "None"},
    }
    monkeypatch.chdir("/")
    again = load(tmp_path / "run/data.yaml", 32)
    assert (again.fingerprint, again.classes) == (found.fingerprint, found.classes)
    assert load(found.origin, 32).fingerprint == found.fingerprint  # and so do workers, from the object
    assert said[0].startswith(f"1 image is left out, as in Ultralytics; all reasons are in {tmp_path}/run/skipped-")
    assert f"{tmp_path}/set/images/val/b.png: image cannot be read (it is empty)" in said[0]
    assert "b.png" in (tmp_path / "run/skipped-images.csv").read_text()


def test_a_training_is_given_the_images_by_absolute_paths(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = training_file("my.yaml")
    assert load(file, 32).fingerprint == load(data, 32).fingerprint
    (tmp_path / "other").mkdir()
    (tmp_path / "other/data.yaml").write_text(f"train: {tmp_path}/list.txt\nval: ../set/images/val\nnames: [a]\n")
    other = training_file("other/data.yaml")
    assert load(other, 32).classes == ("a",)
    monkeypatch.chdir(tmp_path / "other")
    assert training_file("../my.yaml") == "../my.yaml"  # not there, and Ultralytics would download it
    assert training_file("data.yaml") != other  # the list has other images here
    (tmp_path / "list.txt").write_text("./set/images/train/a.png\n")
    here = training_file("data.yaml")
    monkeypatch.chdir("/")
    assert training_file(f"{tmp_path}/other/data.yaml") == here


def test_the_built_in_set_has_neither(tmp_path: Path) -> None:
    write_data_files(tmp_path, None, (), pytest.fail)
    assert not list(tmp_path.iterdir())
    assert training_data(tmp_path, "shapes") == "shapes"


def test_strict_refuses_the_first_unusable_image(data: Path) -> None:
    config = SearchConfig(data=str(data), space="tiny", imgsz=64, strict=True)
    with pytest.raises(DataError, match="it is empty") as refused:
        plan_search(config, TerminalSearchReporter())
    assert str(refused.value.file).endswith("set/images/val/b.png")
