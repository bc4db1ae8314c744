"""Files are written whole or not at all, and nothing stays behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from nas.files import STALE, replacing, similar_paths, write


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a [1].txt"
    write(path, "old")

    def full(self: Path, *_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write(path, "new")
    assert path.read_text() == "old"


def test_what_was_half_written_when_the_disk_was_full_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"

    def fill() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fill()
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a [1].txt"
    names = (".a [1].txt.1.tmp", ".a [1].txt.2.tmp", ".b.txt.1.tmp")
    old, young, other = (tmp_path / name for name in names)
    for file in (old, young, other):
        file.write_text("half")
    for file in (old, other):
        os.utime(file, (time.time() - STALE - 10, time.time() - STALE - 10))
    write(path, "new")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([path.name, young.name, other.name])


def test_a_path_that_is_not_there_has_similar_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("runs/first", "runs/.hidden", "home"):
        Path(folder).mkdir(parents=True)
    Path("runs/first/01-ca8a16.yaml").touch()
    Path("runs/first/01-ca8a16.md").touch()
    assert similar_paths(Path("frist")) == similar_paths(Path("runs/frist")) == ["runs/first"]
    assert similar_paths(Path("runs/first/01-ca8a61.yaml")) == ["runs/first/01-ca8a16.yaml"]
    assert similar_paths(Path("nope")) == similar_paths(Path("none/at/all")) == []
