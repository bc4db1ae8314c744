"""The command that installs an extra works where it is printed."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from nas import installation
from nas.installation import install_command

ROOT = Path(__file__).parent.parent


class _Installed:
    """A distribution with the note of pip about its origin."""

    def __init__(self, origin: str):
        self.origin = origin

    def read_text(self, name: str) -> str:
        assert name == "direct_url.json"
        return self.origin


def test_the_clone_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    assert shlex.split(install_command("onnx"))[-3:] == ["install", "-e", ".[onnx]"]
    monkeypatch.chdir(tmp_path)
    assert shlex.split(install_command("onnx"))[-3:] == ["install", "-e", f"{ROOT}[onnx]"]


def test_a_copy_knows_its_clone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`pip install .` copies the package; pip notes the clone."""
    clone = tmp_path / "my clone"
    clone.mkdir()
    (clone / "pyproject.toml").touch()
    monkeypatch.setattr("nas.__file__", str(tmp_path / "site-packages" / "nas" / "__init__.py"))
    monkeypatch.setattr(installation, "distribution", lambda name: _Installed(f'{{"url": "{clone.as_uri()}"}}'))
    assert shlex.split(install_command("dask"))[-2:] == ["install", f"{clone}[dask]"]
    monkeypatch.setattr(installation, "distribution", lambda name: _Installed(""))
    assert install_command("dask").endswith("install '.[dask]'")


def test_pip_is_that_of_this_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation.shutil, "which", lambda name: str(Path(sys.executable).with_name("pip")))
    assert install_command("onnx").startswith("pip install ")
    for other in (None, "/usr/bin/pip"):
        monkeypatch.setattr(installation.shutil, "which", lambda name, other=other: other)
        assert install_command("onnx").startswith(f"{sys.executable} -m pip install ")
